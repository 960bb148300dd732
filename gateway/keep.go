package gateway

import (
	"context"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// maxKept bounds the text that is kept of one side of an exchange, in bytes.
const maxKept = 256 << 10

// keeps reports whether policy wants content kept. What the red team says is kept by the red
// team.
func (x *exchange) keeps() bool {
	c := x.policy.Policy().Keep.Content
	return c != "" && c != "none" && !x.canary()
}

// keepInput returns what is kept of a request: texts as the provider got them,
// secrets and personal data masked whatever policy did about them.
func (x *exchange) keepInput() []keptPassage {
	if x.request == nil || x.policy == nil || !x.keeps() {
		return nil
	}
	changes := map[int][]keptChange{}
	for _, c := range x.judgement.Changes {
		changes[c.Passage] = append(changes[c.Passage], keptChange{llm.Change{Start: c.Start, End: c.End, New: c.New}, c.Hides})
	}
	for _, p := range again(x.request.Passages, x.hidden) {
		changes[p.Passage] = append(changes[p.Passage], keptChange{llm.Change{Start: p.Start, End: p.End, New: bracketed(p.Kind)}, p.Kind})
	}
	var out []keptPassage
	left, private := maxKept, byPassage(x.judgement.Private)
	for i := range x.request.Passages {
		p := &x.request.Passages[i]
		if p.Text == "" || p.Seam > 0 || p.Path == llm.Headers || len(p.Text) > left {
			continue
		}
		left -= len(p.Text)
		k := masked(p.Text, i, x.intent.Verdict.Findings, private[i], changes[i])
		k.Path, k.Origin, k.Kind = p.Path, p.Origin.String(), p.Channel.Kind.String()
		out = append(out, k)
	}
	return out
}

// keeper sees an answer beside the guard and keeps its text with the changes that
// the guard made.
type keeper struct {
	*guard.Scanner
	texts []*keptText
	size  int
}

// keptText is one channel of an answer.
type keptText struct {
	look    llm.Look
	text    strings.Builder
	changes []llm.Change
	left    int // offset up to which the text is known
}

// Scan implements [llm.Scanner].
func (k *keeper) Scan(ctx context.Context, l llm.Look) (llm.Ruling, error) {
	r, err := k.Scanner.Scan(ctx, l)
	t := k.find(l)
	if t == nil {
		return r, err
	}
	end := min(len(l.Text), k.Judged(l.Channel)-l.Base) // what nobody has judged may hold anything
	if err == nil {
		end = r.Safe
	}
	from := t.left - l.Base
	if from < 0 || from > end || k.size+end-from > maxKept {
		return r, err
	}
	t.text.WriteString(l.Text[from:end])
	k.size += end - from
	t.left = l.Base + end
	for _, c := range r.Changes {
		t.changes = append(t.changes, llm.Change{Start: c.Start + l.Base, End: c.End + l.Base, New: c.New})
	}
	return r, err
}

// find returns the text that a look belongs to. Texts that repeat another one, or
// stand aside, are not kept.
func (k *keeper) find(l llm.Look) *keptText {
	if l.Whole || l.Channel.Choice < 0 {
		return nil
	}
	for _, t := range k.texts {
		if t.look.Channel == l.Channel {
			return t
		}
	}
	t := &keptText{look: llm.Look{Channel: l.Channel, Origin: l.Origin, Path: l.Path}}
	k.texts = append(k.texts, t)
	return t
}

// keepOutput returns what is kept of the answer. What was recognised in the request is
// masked in it too.
func (x *exchange) keepOutput() []keptPassage {
	k := x.keeper
	if k == nil {
		return nil
	}
	channels, private := k.Channels(), byPassage(k.Private())
	passages, hidden := slices.Clone(x.request.Passages), slices.Clone(x.hidden)
	before := len(passages)
	for i, t := range k.texts {
		passages = append(passages, llm.Passage{Text: t.text.String()})
		at := slices.Index(channels, t.look.Channel)
		hidden = append(hidden, places(passages, before+i, nil, private[at])...)
	}
	more := again(passages, hidden)
	var out []keptPassage
	for i, t := range k.texts {
		var changes []keptChange
		for _, c := range t.changes {
			changes = append(changes, keptChange{Change: c})
		}
		for _, p := range more {
			if p.Passage == before+i {
				changes = append(changes, keptChange{llm.Change{Start: p.Start, End: p.End, New: bracketed(p.Kind)}, p.Kind})
			}
		}
		at := slices.Index(channels, t.look.Channel)
		one := masked(t.text.String(), at, x.outcome.Verdict.Findings, private[at], changes)
		one.Path, one.Origin, one.Kind, one.Output = t.look.Path, t.look.Origin.String(), t.look.Channel.Kind.String(), true
		out = append(out, one)
	}
	return out
}

// byPassage sorts findings by where they lie.
func byPassage(found []risk.Finding) map[int][]risk.Finding {
	out := map[int][]risk.Finding{}
	for _, f := range found {
		out[f.Passage] = append(out[f.Passage], f)
	}
	for _, of := range out {
		slices.SortStableFunc(of, func(a, b risk.Finding) int { return a.Start - b.Start })
	}
	return out
}

// kindOf says what a private finding found: the kind of personal data or of credential,
// or the name of the operator's rule.
func kindOf(f risk.Finding) string {
	if strings.HasPrefix(string(f.Category), "pii.") {
		return string(f.Category)
	}
	if name, ok := strings.CutPrefix(f.Detector, "rule/"); ok {
		return name
	}
	return string(f.Category)
}

// bracketed stands for a value of a kind.
func bracketed(kind string) string { return "[" + strings.ToUpper(kind) + "]" }

// beside adds changes for what is private and lies in none of the changes, which it sorts.
func beside(changes []keptChange, private []risk.Finding, end int) []keptChange {
	slices.SortStableFunc(changes, func(a, b keptChange) int { return a.Start - b.Start })
	reach := make([]int, len(changes)+1) // how far the changes before one go
	for i, c := range changes {
		reach[i+1] = max(reach[i], c.End)
	}
	last := -1 // what was added last
	out := slices.Clone(changes)
	for _, f := range private {
		next, _ := slices.BinarySearchFunc(changes, f.Start, func(c keptChange, at int) int { return c.Start - at })
		if f.End > end || reach[next] > f.Start || next < len(changes) && changes[next].Start < f.End {
			continue
		}
		if last >= 0 && f.Start < out[last].End {
			out[last].End = max(out[last].End, f.End) // two that overlap are one
			continue
		}
		last = len(out)
		out = append(out, keptChange{llm.Change{Start: f.Start, End: f.End, New: bracketed(kindOf(f))}, kindOf(f)})
	}
	slices.SortStableFunc(out, func(a, b keptChange) int { return a.Start - b.Start })
	return out
}

// masked applies changes to a text, masks what is private, which is in order, and says where
// the findings lie afterwards, and the values.
func masked(text string, passage int, findings, private []risk.Finding, changes []keptChange) keptPassage {
	changes = beside(changes, private, len(text))
	var out keptPassage
	var b strings.Builder
	at := 0
	var moved []llm.Change // as they came out
	for _, c := range changes {
		if c.Start < at || c.End > len(text) {
			continue
		}
		b.WriteString(text[at:c.Start])
		for len(private) > 0 && private[0].End <= c.Start {
			private = private[1:]
		}
		out.behind(text, private, c, b.Len())
		b.WriteString(c.New)
		moved = append(moved, c.Change)
		at = c.End
	}
	b.WriteString(text[at:])
	out.Text = b.String()
	for i, f := range findings {
		if f.Passage == passage && f.Start < f.End && f.End <= len(text) {
			out.Marks = append(out.Marks, record.Mark{Start: shift(f.Start, moved, false), End: shift(f.End, moved, true), Finding: i})
		}
	}
	return out
}

// shift moves an offset over the changes before it. One inside a change goes to
// the change's edge.
func shift(off int, changes []llm.Change, end bool) int {
	moved := off
	for _, c := range changes {
		switch {
		case c.End <= off:
			moved += len(c.New) - (c.End - c.Start)
		case c.Start < off:
			if end {
				return moved - (off - c.Start) + len(c.New)
			}
			return moved - (off - c.Start)
		}
	}
	return moved
}
