package guard

import (
	"context"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// removed stands where something was taken out. It names no attack: the model that reads on
// would take the name for one.
const removed = "[REMOVED]"

// excise takes what policy wants out of passages, and looks once at what is left, as it will
// be read. Where that still reaches a line, or where nothing can be taken out, the passage
// is blocked.
func (c *Compiled) excise(ctx context.Context, dir Direction, passages []llm.Passage, d *draft, heard heard) {
	var cuts []PassageChange
	stops := false
	for i := range d.findings {
		f := &d.findings[i]
		if f.Decision == risk.Mask && c.lined(*f) {
			if !editable(*f, passages) {
				f.Decision = risk.Block
			} else {
				cuts = append(cuts, cut(*f, passages))
			}
		}
		stops = stops || f.Decision >= risk.Hold
	}
	// Nothing passes of what is refused anyway.
	if len(cuts) == 0 || stops {
		return
	}
	spoilt := c.again(ctx, dir, passages, merge(cuts), d, heard)
	for i := range d.findings {
		f := &d.findings[i]
		if f.Decision == risk.Mask && c.lined(*f) && spoilt[f.Passage] {
			f.Decision = risk.Block
		}
	}
}

// cut takes out the sentences that a finding stands in: what is left of one would still be
// an order. After an injection what follows in its paragraph goes, too: behind "ignore your
// rules" comes what is wanted.
func cut(f risk.Finding, passages []llm.Passage) PassageChange {
	text := passages[f.Passage].Text
	start, end := sentences(text, f.Start, f.End)
	if strings.HasPrefix(f.Detector, injections) {
		end = paragraph(text, end)
	}
	return PassageChange{Passage: f.Passage, Start: start, End: end, New: removed, By: f.Detector}
}

// injections is how the detectors of orders to an assistant are named.
const injections = "injection/"

// paragraph returns where the paragraph that s[from:] stands in ends: at the end of its
// line, of its value or of its element.
func paragraph(s string, from int) int {
	// A sentence that ends with its line ends its paragraph, too.
	if from > 0 && s[from-1] == '\n' {
		return from
	}
	for i := from; i < len(s); i++ {
		switch s[i] {
		case '\n', '<', '|':
			return i
		case '"':
			if i+1 == len(s) || strings.IndexByte(",}]:", s[i+1]) >= 0 {
				return i
			}
		}
	}
	return len(s)
}

// editable reports whether what a finding points at can be taken out: not where a provider
// has signed it, where it is a name, or where the finding is about the whole.
func editable(f risk.Finding, passages []llm.Passage) bool {
	if f.Passage < 0 || f.Start >= f.End {
		return false
	}
	p := &passages[f.Passage]
	return !p.Sealed && p.Path != llm.Headers && p.Seam == 0 && p.Channel.Kind != llm.KindName
}

// again looks at what is left of passages after cuts, and returns those that are still not
// fit to pass.
func (c *Compiled) again(ctx context.Context, dir Direction, passages []llm.Passage, cuts []PassageChange, d *draft, heard heard) map[int]bool {
	var left []llm.Passage
	var index []int
	for from := 0; from < len(cuts); {
		to, n := from+1, cuts[from].Passage
		for to < len(cuts) && cuts[to].Passage == n {
			to++
		}
		p := passages[n]
		p.Text = apply(p.Text, cuts[from:to])
		left, index, from = append(left, p), append(index, n), to
	}
	s := c.engine.scratch.Get().(*scratch)
	defer c.engine.release(s)
	saw := c.look(ctx, dir, left, s)
	spoilt := map[int]bool{}
	for _, f := range c.decideAll(ctx, dir, left, saw.findings) {
		if !c.lined(f) || f.Decision < risk.Mask {
			continue
		}
		if f.Passage < 0 {
			for _, n := range index {
				spoilt[n] = true
			}
			continue
		}
		// What a second stage has called harmless is found again, and is still that.
		if n := index[f.Passage]; !heard[n] || !c.second.grey(c, f, left) {
			spoilt[n] = true
		}
	}
	for _, k := range saw.checks {
		if (k.State == risk.Failed || k.State == risk.Late) && !strings.HasPrefix(k.Detector, second) {
			d.checks = append(d.checks, k)
		}
	}
	return spoilt
}
