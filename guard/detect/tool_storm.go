package detect

import (
	"context"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// ToolStorm finds conversations in which a model calls tools and does not come to an end: each
// request brings the calls that were made so far.
//
// Catches: the same call, with the same arguments, many times in a row: from 20 on it is doubtful,
// from 60 on sure.
// Does not catch: calls that change a number each time, as pages are turned; a long session that
// runs the same command between other work. Budgets and limits of calls stop these.
// Example: sixty calls of {"page":1}, one behind the other.
type ToolStorm struct{}

// Rows of the same call.
const (
	rowDoubtful = 20
	rowSure     = 60
)

// ID implements [guard.Detector].
func (ToolStorm) ID() string { return "tool_storm@1" }

// Finds implements [guard.Finder].
func (ToolStorm) Finds() []risk.Category { return []risk.Category{risk.ResourceAbuse} }

// Literals implements [guard.Reader]: there are none, every view is looked at.
func (ToolStorm) Literals() []string { return nil }

// Look implements [guard.Detector].
func (t ToolStorm) Look(ctx context.Context, p []llm.Passage) ([]risk.Finding, error) {
	return guard.Read(ctx, t, p)
}

// Read implements [guard.Reader].
func (ToolStorm) Read(ctx context.Context, views []guard.View) ([]risk.Finding, error) {
	row, longest, last := 0, 0, ""
	for i := range views {
		v := &views[i]
		if v.Kind != llm.KindArgs || v.Origin != llm.OriginModel || v.Decoded() {
			continue
		}
		if row++; v.Raw != last {
			row, last = 1, v.Raw
		}
		longest = max(longest, row)
	}
	p := 0.
	switch {
	case longest >= rowSure:
		p = .95
	case longest >= rowDoubtful:
		p = .6
	default:
		return nil, ctx.Err()
	}
	// It is the conversation's, and not a text of the model's: the lines of the least trusted count.
	f := risk.Finding{Category: risk.ResourceAbuse, Passage: -1, Confidence: p}
	f.Severity, f.Impact, f.Refs = risk.Medium, risk.Availability, refs("LLM06:2026", "AML.T0034.002")
	return []risk.Finding{f}, ctx.Err()
}
