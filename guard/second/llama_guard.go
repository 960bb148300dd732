package second

import (
	"context"

	"github.com/bartizan-ai/bartizan/guard"
)

// llamaGuard asks Meta's Llama Guard 3 or 4 about harm. Servers put the message into the
// model's own template, with the MLCommons hazards as categories; it answers "safe", or
// "unsafe" and a line of categories. It judges harm and knows nothing of injections.
//
// https://github.com/meta-llama/PurpleLlama/blob/main/Llama-Guard3/8B/MODEL_CARD.md
// https://github.com/meta-llama/PurpleLlama/blob/main/Llama-Guard4/12B/MODEL_CARD.md
var llamaGuard = member{kind: "llama_guard", judges: []string{"harm"}, make: func(cfg Config, c *caller) asker { return &llama{chat{c, cfg.Model}} }}

type llama struct{ chat }

// Ask implements [guard.Stage].
func (l *llama) Ask(ctx context.Context, q guard.Question) (guard.Answer, error) {
	return each(ctx, q.Text, maxChat, func(ctx context.Context, text string) (guard.Answer, error) {
		return l.word(ctx, "unsafe", "safe", message{"user", tame(text)})
	})
}
