package second

import (
	"context"

	"github.com/bartizan-ai/bartizan/guard"
)

// contentSafety asks Azure AI Content Safety how severe a text is, 0 to 7, as hate, sexual
// content, violence and self-harm; at most 10,000 characters a call.
//
// POST {endpoint}/contentsafety/text:analyze?api-version=2024-09-01, key in
// Ocp-Apim-Subscription-Key:
// https://learn.microsoft.com/rest/api/contentsafety/text-operations/analyze-text
var contentSafety = member{kind: "azure_content_safety", judges: []string{"harm"}, make: func(cfg Config, c *caller) asker {
	return &severities{azure(cfg, c)}
}}

const (
	azureVersion = "?api-version=2024-09-01"
	azureChars   = 10_000
)

// azure lets a caller show its key the way Azure's services want it.
func azure(cfg Config, c *caller) *caller {
	c.header.Del("Authorization")
	c.header.Set("Ocp-Apim-Subscription-Key", cfg.Key)
	return c
}

type severities struct{ *caller }

// severe is what a severity is worth: 2 is what the service calls low, 4 medium, 6 high.
var severe = [8]float64{no, .05, .2, .5, .92, .95, .98, yes}

// Ask implements [guard.Stage].
func (s *severities) Ask(ctx context.Context, q guard.Question) (guard.Answer, error) {
	return each(ctx, q.Text, azureChars, func(ctx context.Context, text string) (guard.Answer, error) {
		in := map[string]any{"text": text, "categories": []string{"Hate", "Sexual", "Violence", "SelfHarm"}, "outputType": "EightSeverityLevels"}
		var out struct {
			Categories []struct {
				Category string `json:"category"`
				Severity *int   `json:"severity"`
			} `json:"categoriesAnalysis"`
		}
		if err := s.post(ctx, "/contentsafety/text:analyze"+azureVersion, in, &out); err != nil {
			return guard.Answer{}, err
		}
		if len(out.Categories) != 4 {
			return guard.Answer{}, guard.ErrStageAnswer
		}
		var a guard.Answer
		for _, c := range out.Categories {
			if c.Severity == nil || *c.Severity < 0 || *c.Severity >= len(severe) {
				return guard.Answer{}, guard.ErrStageAnswer
			}
			a.Probability = max(a.Probability, severe[*c.Severity])
		}
		return a, nil
	})
}
