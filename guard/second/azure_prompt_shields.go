package second

import (
	"context"

	"github.com/bartizan-ai/bartizan/guard"
)

// promptShields asks Azure's Prompt Shields whether a text attacks: as a user's prompt where
// a user wrote it, else as a document. A prompt may have 10,000 characters, and so may the
// documents of a call together, of which there may be five; one of that length is as good.
//
// POST {endpoint}/contentsafety/text:shieldPrompt?api-version=2024-09-01, key in
// Ocp-Apim-Subscription-Key:
// https://learn.microsoft.com/azure/ai-services/content-safety/quickstart-jailbreak
var promptShields = member{kind: "azure_prompt_shields", judges: []string{"attack"}, make: func(cfg Config, c *caller) asker {
	return &shields{azure(cfg, c)}
}}

type shields struct{ *caller }

type shieldRequest struct {
	UserPrompt string   `json:"userPrompt,omitempty"`
	Documents  []string `json:"documents,omitempty"`
}

type attacked struct {
	Detected *bool `json:"attackDetected"`
}

// Ask implements [guard.Stage].
func (s *shields) Ask(ctx context.Context, q guard.Question) (guard.Answer, error) {
	return each(ctx, q.Text, azureChars, func(ctx context.Context, text string) (guard.Answer, error) {
		in := shieldRequest{UserPrompt: text}
		if isData(q.Origin) {
			in = shieldRequest{Documents: []string{text}}
		}
		var out struct {
			Prompt    *attacked  `json:"userPromptAnalysis"`
			Documents []attacked `json:"documentsAnalysis"`
		}
		if err := s.post(ctx, "/contentsafety/text:shieldPrompt"+azureVersion, in, &out); err != nil {
			return guard.Answer{}, err
		}
		said := out.Prompt
		if isData(q.Origin) {
			if said = nil; len(out.Documents) == 1 {
				said = &out.Documents[0]
			}
		}
		// Silence about what was asked is no "false".
		if said == nil || said.Detected == nil {
			return guard.Answer{}, guard.ErrStageAnswer
		}
		if *said.Detected {
			return guard.Answer{Probability: yes}, nil
		}
		return guard.Answer{Probability: no}, nil
	})
}
