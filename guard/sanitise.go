package guard

import (
	"slices"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
	"github.com/bartizan-ai/bartizan/text"
)

// cleaning is what the cleaning of links must know about the text before: code is
// shown, not rendered, so it stays as it is; an image may name an address that was
// given before it, or will be.
type cleaning struct {
	from  int   // only from here on
	fence fence // the block of code that is open at from
	raw   bool  // the text is a document in markup or JSON, not prose

	given []string // labels with an address elsewhere
	asked []string // labels of what becomes an image as soon as they get one
}

// sanitise takes out what no reader can see and disarms what acts by itself.
// Each passage changed gets one finding per sort of cleaning.
func (c *Compiled) sanitise(d *draft, dir Direction, passages []llm.Passage, views []View, clean cleaning) {
	for i := range views {
		v := &views[i]
		if v.Decoded() || passages[v.Passage].Sealed {
			continue
		}
		var unseen []PassageChange
		if *c.policy.Sanitise.Hidden {
			hidden := hiddenChanges(v)
			unseen = append(unseen, hidden...)
			d.clean(v, risk.HiddenText, "sanitise/hidden", hidden)
		}
		if *c.policy.Sanitise.Escapes && controls(v.Raw) {
			escapes := escapeChanges(v.Raw)
			unseen = append(unseen, escapes...)
			d.clean(v, risk.HiddenText, "sanitise/escapes", escapes)
		}
		if dir == Output && *c.policy.Sanitise.Links && v.Kind == llm.KindText {
			d.clean(v, risk.UnsafeMarkup, "sanitise/links", d.links(v.Raw, unseen, clean))
		}
	}
}

// links disarms the links of a text as it will read without what is not seen: an
// element that was split by it is whole then.
func (d *draft) links(s string, unseen []PassageChange, clean cleaning) []PassageChange {
	rest := without(s, unseen)
	clean.from = rest.place(clean.from)
	changes, next := linkChanges(rest.text, clean)
	d.next = next
	for i, ch := range changes {
		changes[i].Start, changes[i].End = rest.original(ch.Start, ch.End)
	}
	return changes
}

// kept is a text without some of its stretches, and where the rest of it stood.
type kept struct {
	text string
	at   []int // of each byte; nil: where it stands
}

// without takes stretches out of a text.
func without(s string, gone []PassageChange) kept {
	if len(gone) == 0 {
		return kept{text: s}
	}
	gone = merge(slices.Clone(gone))
	k := kept{at: make([]int, 0, len(s)+1)}
	out := make([]byte, 0, len(s))
	i := 0
	for _, g := range append(gone, PassageChange{Start: len(s), End: len(s)}) {
		for ; i < g.Start; i++ {
			out, k.at = append(out, s[i]), append(k.at, i)
		}
		i = max(i, g.End)
	}
	k.text, k.at = string(out), append(k.at, len(s))
	return k
}

// place is where the byte at i of the whole text stands in the rest, or the first
// after it.
func (k *kept) place(i int) int {
	if k.at == nil {
		return i
	}
	n, _ := slices.BinarySearch(k.at, i)
	return min(n, len(k.text))
}

// original is where a stretch of the rest stood.
func (k *kept) original(start, end int) (int, int) {
	if k.at == nil {
		return start, end
	}
	if end <= start {
		return k.at[start], k.at[start]
	}
	return k.at[start], k.at[end-1] + 1
}

func (d *draft) clean(v *View, cat risk.Category, by string, changes []PassageChange) {
	if len(changes) == 0 {
		return
	}
	for i := range changes {
		changes[i].Passage, changes[i].By = v.Passage, by
	}
	d.changes = append(d.changes, changes...)
	d.findings = append(d.findings, risk.Finding{Category: cat, Detector: by, Severity: risk.Low, Confidence: 1, Passage: v.Passage,
		Start: changes[0].Start, End: changes[len(changes)-1].End, Impact: risk.Integrity, Decision: risk.Mask})
}

// hiddenChanges takes out invisible characters that do not belong to the
// writing around them. A single one, as comes with a paste, is left.
func hiddenChanges(v *View) []PassageChange {
	var out []PassageChange
	runes := 0
	for _, h := range v.Hidden {
		if !h.Usual && (h.Sort != text.ZeroWidth || h.InWord || h.Runes > 2) {
			out = append(out, PassageChange{Start: h.Start, End: h.End})
			if runes += h.Runes; h.Sort != text.ZeroWidth {
				runes++
			}
		}
	}
	if runes < 2 {
		return nil
	}
	return out
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}
