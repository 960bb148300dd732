package attack

import "github.com/bartizan-ai/bartizan/redteam"

// Strategies returns every strategy that needs no model, by where the words come in.
func Strategies() []redteam.Strategy {
	return []redteam.Strategy{
		// The user says it.
		Single{}, PayloadSplit{}, ManyShot{}, FewShot{}, BestOfN{}, SkeletonKey{}, RolePlay{}, ContextCompliance{},
		RefusalSuppression{}, PrefixInjection{}, LikertJudge{}, Crescendo{},
		// It stands in what the user, or a tool, brings.
		IndirectDocument{}, IndirectComment{}, IndirectAltText{}, IndirectFile{}, IndirectFileName{},
		IndirectToolResult{}, IndirectToolDescription{}, IndirectMemory{},
		// It costs.
		TokenFlood{}, Loop{}, ToolStorm{}, LongContext{},
	}
}
