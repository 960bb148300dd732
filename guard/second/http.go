package second

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
)

// classifier asks any server that takes {"text": "…", "role": "…"} and answers in JSON: with
// a probability, with a label, or with a label and its probability, as servers of text
// classifiers do. The configuration says where in the answer they stand.
var classifier = member{kind: "http", judges: []string{"attack"}, make: func(cfg Config, c *caller) asker {
	return &anyone{c, steps(cfg.Score), steps(cfg.Label), cfg.Bad}
}}

// maxClassified is how many characters a classifier is asked about at once.
const maxClassified = 8000

type anyone struct {
	*caller
	score, label []string
	bad          []string
}

// steps takes a path like "results.0.score" apart; "" leads nowhere.
func steps(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(strings.TrimPrefix(path, "$."), ".")
}

// Ask implements [guard.Stage].
func (h *anyone) Ask(ctx context.Context, q guard.Question) (guard.Answer, error) {
	return each(ctx, q.Text, maxClassified, func(ctx context.Context, text string) (guard.Answer, error) {
		var out any
		if err := h.post(ctx, "", map[string]string{"text": text, "role": role(q.Origin)}, &out); err != nil {
			return guard.Answer{}, err
		}
		return h.read(out)
	})
}

// read finds the opinion in an answer.
func (h *anyone) read(out any) (guard.Answer, error) {
	p, bad := yes, true
	if h.label != nil {
		label, ok := follow(out, h.label).(string)
		if !ok || label == "" {
			return guard.Answer{}, guard.ErrStageAnswer
		}
		bad = slices.ContainsFunc(h.bad, func(b string) bool { return strings.EqualFold(b, label) })
	}
	if h.score != nil {
		score, ok := follow(out, h.score).(float64)
		if !ok || score < 0 || score > 1 {
			return guard.Answer{}, guard.ErrStageAnswer
		}
		p = score
	}
	if !bad {
		p = 1 - p
	}
	return guard.Answer{Probability: p}, nil
}

// follow returns what stands at a path; nil where nothing does.
func follow(v any, path []string) any {
	for _, step := range path {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// role is an origin in the words of `inspect --jsonl`.
func role(o llm.Origin) string {
	switch o {
	case llm.OriginUser, llm.OriginModel, llm.OriginSystem, llm.OriginDeveloper, llm.OriginTool:
		return o.String()
	}
	return "document"
}
