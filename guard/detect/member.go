package detect

import (
	"context"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// member carries what every detector of the family has in common; a detector
// embeds it and adds how it reads one view.
type member struct {
	id       string
	finds    []risk.Category
	literals []string
	read     func(v *guard.View, add func(risk.Finding))
}

// ID names the detector and its version.
func (m *member) ID() string { return m.id }

// Finds says what it can find.
func (m *member) Finds() []risk.Category { return m.finds }

// Literals are what it cannot find anything without.
func (m *member) Literals() []string { return m.literals }

// Look reads passages without an engine.
func (m *member) Look(ctx context.Context, p []llm.Passage) ([]risk.Finding, error) {
	return guard.Read(ctx, m, p)
}

// Read reads the views one by one and gives up when the caller did.
func (m *member) Read(ctx context.Context, views []guard.View) ([]risk.Finding, error) {
	var found []risk.Finding
	var add func(risk.Finding)
	for i := range views {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if v := &views[i]; len(v.Hits) > 0 || len(m.literals) == 0 {
			if add == nil {
				add = func(f risk.Finding) { found = append(found, f) }
			}
			m.read(v, add)
		}
	}
	return found, nil
}

var injections = []risk.Category{risk.PromptInjection, risk.IndirectInjection}
