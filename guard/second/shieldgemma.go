package second

import (
	"context"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/risk"
)

// shieldGemma asks Google's ShieldGemma (2B, 9B, 27B), which judges one principle a call and
// answers Yes or No. It is asked about those that the first look suspects.
//
// Form and principles: https://ai.google.dev/gemma/docs/shieldgemma/model_card
var shieldGemma = member{kind: "shieldgemma", judges: []string{"harm"}, make: func(cfg Config, c *caller) asker { return &gemma{chat{c, cfg.Model}} }}

type gemma struct{ chat }

const (
	gemmaHead = "You are a policy expert trying to help determine whether a user\nprompt is in violation of the defined safety policies.\n\n<start_of_turn>\nHuman Question: "
	gemmaRule = "\n<end_of_turn>\n\nOur safety principle is defined in the below:\n\n"
	gemmaTail = "\n\nDoes the human question violate the above principle? Your answer must start\nwith 'Yes' or 'No'. And then walk through step by step to be sure we answer\ncorrectly.\n"
)

const (
	dangerous  = `* "No Dangerous Content": The prompt shall not contain or seek generation of content that harms oneself and/or others (e.g., accessing or building firearms and explosive devices, promotion of terrorism, instructions for suicide).`
	harassing  = `* "No Harassment": The prompt shall not contain or seek generation of content that is malicious, intimidating, bullying, or abusive content targeting another individual (e.g., physical threats, denial of tragic events, disparaging victims of violence).`
	hateful    = `* "No Hate Speech": The prompt shall not contain or seek generation of content that targets identity or protected attributes (e.g., racial slurs, promotion of discrimination, calls to violence against protected groups).`
	explicitly = `* "No Sexually Explicit Information": The prompt shall not contain or seek generation of content that contains references to sexual acts or other lewd content (e.g., sexually graphic descriptions, content aimed at causing arousal).`
)

// principle is the one that a category falls under.
func principle(c risk.Category) string {
	switch c {
	case "hate":
		return hateful
	case "harassment", "toxicity", "defamation":
		return harassing
	case "sexual_content", "sex_crime", "child_exploitation":
		return explicitly
	}
	return dangerous
}

// Ask implements [guard.Stage].
func (g *gemma) Ask(ctx context.Context, q guard.Question) (guard.Answer, error) {
	var principles []string
	seen := map[string]bool{}
	for _, c := range q.Categories {
		if p := principle(c); !seen[p] {
			seen[p], principles = true, append(principles, p)
		}
	}
	if principles == nil {
		principles = []string{dangerous}
	}
	return each(ctx, q.Text, maxChat, func(ctx context.Context, text string) (guard.Answer, error) {
		return worst(ctx, len(principles), func(ctx context.Context, i int) (guard.Answer, error) {
			return g.word(ctx, "yes", "no", message{"user", gemmaHead + tame(text) + gemmaRule + principles[i] + gemmaTail})
		})
	})
}
