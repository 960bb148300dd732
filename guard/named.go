package guard

import (
	"context"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Private reports whether what a finding points at must not be told to whoever may only know
// that something was found: what policy masks, personal data and credentials.
func Private(f risk.Finding) bool {
	return f.Decision == risk.Mask || strings.HasPrefix(string(f.Category), "secret.") || strings.HasPrefix(string(f.Category), personal)
}

// personal is how the kinds of personal data begin.
const personal = "pii."

// privates are all places of a draft that hold something private. A verdict names the first few
// alike, which is enough to say why, and not enough to hide them.
func privates(found []risk.Finding) (out []risk.Finding) {
	for _, f := range found {
		if Private(f) && f.Passage >= 0 && f.Start < f.End {
			out = append(out, f)
		}
	}
	return out
}

// Named finds the personal data in a request, all of it, whatever policy says of its kinds, for
// whoever must know whom a text is about before it may leave. It reports false when a detector
// did not do its work, so that there may be more.
func (c *Compiled) Named(ctx context.Context, passages []llm.Passage) (found []risk.Finding, complete bool) {
	open := *c // the policy in force is not touched
	open.wanted[Input] = make([]bool, len(c.engine.detectors))
	for i, d := range c.engine.detectors {
		open.wanted[Input][i] = slices.ContainsFunc(d.finds, func(cat risk.Category) bool { return strings.HasPrefix(string(cat), personal) })
	}
	s := c.engine.scratch.Get().(*scratch)
	defer c.engine.release(s)
	saw := open.look(ctx, Input, passages, s)
	d := draft{findings: saw.findings, checks: saw.checks}
	for i := range saw.views {
		c.rules.apply(Input, &saw.views[i], &d)
	}
	for _, f := range d.findings {
		// A guess is nobody's name.
		if strings.HasPrefix(string(f.Category), personal) && f.Passage >= 0 && f.Start < f.End && f.Confidence >= likely && !besideSeam(f, passages) {
			found = append(found, f)
		}
	}
	return found, !slices.ContainsFunc(d.checks, func(k risk.Check) bool { return k.State == risk.Failed || k.State == risk.Late })
}
