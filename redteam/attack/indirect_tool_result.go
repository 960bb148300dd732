package attack

import "github.com/bartizan-ai/bartizan/redteam"

// IndirectToolResult puts it into what a tool returns: the assistant looked something up for a
// harmless question, and this came back.
//
// Source: Debenedetti et al. 2024, "AgentDojo"; Zhan et al. 2024, "InjecAgent".
type IndirectToolResult struct{ once }

// ID implements [redteam.Strategy].
func (IndirectToolResult) ID() string { return "indirect_tool_result" }

// Plays implements [redteam.Strategy].
func (IndirectToolResult) Plays(s *redteam.Seed) bool { return carried(s) }

// Refs implements [redteam.Strategy].
func (IndirectToolResult) Refs() []string {
	return []string{"LLM01:2026", "ASI01:2026", "ASI02:2026", "AML.T0051.001", "AML.T0099"}
}

// Next implements [redteam.Strategy].
func (IndirectToolResult) Next(s *redteam.State) (redteam.Conversation, bool) {
	return only(s, func() redteam.Conversation {
		c := ask(opening(s), s.Scene.Ask)
		t := reader(&c)
		return returned(c, t.Name, arguments(t, s.Scene.Name), document(s, said(s.Text, s)))
	})
}
