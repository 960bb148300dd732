package detect

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/ngram"
	"github.com/bartizan-ai/bartizan/risk"
	"github.com/bartizan-ai/bartizan/text"
)

// The classes of rules whose words the models do not get.
var (
	orderNames = []string{"taking away", "goods", "a place", "using a tool", "a tool", "places of keys", "reading", "destroying", "a lot of it", "granting", "saying a given thing", "guessing a secret", "a game"}
	abuseNames = []string{"again", "without an end", "a count", "a length", "what is repeated"}
)

// glossary says what the literals of a rule mean, by the rule's name.
func glossary(id string) (words []word, names []string) {
	switch name, _, _ := strings.Cut(id, "@"); name {
	case "injection/override":
		return overrideLexicon, classNames[0]
	case "injection/prompt_leak":
		return leakLexicon, classNames[1]
	case "injection/addressed":
		return addressLexicon, classNames[2]
	case "injection/jailbreak":
		for _, s := range jailbreakSigns {
			words = append(words, word{text: s.text, class: class(s.group)})
		}
		return words, classNames[3]
	case "injection/tool_order":
		return orderLexicon, orderNames
	case "resource_abuse":
		return abuseLexicon, abuseNames
	}
	return nil, nil
}

// Explain names the classes of words that met, with the words, in the order of the text.
func (m *member) Explain(v *guard.View, f risk.Finding) []string {
	switch name, _, _ := strings.Cut(m.id, "@"); {
	case f.Detector != m.id:
		return nil
	case name == "secret":
		return []string{"the form of such a credential, and the words around it"}
	case name == "hidden_text":
		return unseenIn(v, f)
	case name == "encoded_payload":
		return []string{"what is inside reads like language: " + quote(v.Text)}
	}
	words, names := glossary(m.id)
	by := map[string][]string{}
	var order []string
	for n, h := range v.Hits {
		if from, to := v.Original(h.Start, h.End); from >= f.End || to <= f.Start {
			continue
		}
		name := "the words"
		if words != nil {
			w := words[h.Literal]
			if !whole(v.Text, h, w) {
				continue
			}
			name = names[min(int(w.class), len(names)-1)]
		}
		// Hits come in order of their ends: one that goes on stands for its beginning.
		if later := v.Hits[n+1:]; slices.ContainsFunc(later[:min(len(later), 4)], func(l guard.Hit) bool {
			return l.Start <= h.Start && l.End > h.End && (words == nil || words[l.Literal].class == words[h.Literal].class)
		}) {
			continue
		}
		said := quote(v.Text[h.Start:h.End])
		if by[name] == nil {
			order = append(order, name)
		}
		if !slices.Contains(by[name], said) && len(by[name]) < mostQuoted {
			by[name] = append(by[name], said)
		}
	}
	out := make([]string, len(order))
	for i, name := range order {
		out[i] = name + ": " + strings.Join(by[name], ", ")
	}
	return out
}

// mostQuoted bounds how many words are quoted for one reason, and longestQuote each of them.
const mostQuoted, longestQuote = 3, 60

func quote(s string) string {
	if len(s) > longestQuote {
		cut := longestQuote
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return "“" + strings.Join(strings.Fields(s), " ") + "”"
}

// unseenIn counts hidden characters by what they are.
func unseenIn(v *guard.View, f risk.Finding) (out []string) {
	names := map[text.Sort]string{text.ZeroWidth: "without width", text.Bidi: "that turn the direction of writing", text.Selector: "that select how others are drawn", text.Tag: "of the tag block, which are letters that nothing draws"}
	for _, sort := range []text.Sort{text.ZeroWidth, text.Bidi, text.Selector, text.Tag} {
		n := 0
		for _, h := range v.Hidden {
			if h.Sort == sort && !h.Usual && h.Start < f.End && f.Start < h.End {
				n += h.Runes
			}
		}
		if n > 0 {
			out = append(out, fmt.Sprintf("%d characters %s", n, names[sort]))
		}
	}
	return out
}

// Explain names the words without which the models would be less sure, those that matter
// most first. It tries: each is taken out of the text, and what is left is scored again.
func (m *Model) Explain(v *guard.View, f risk.Finding) []string {
	learnt, err := m.learnt()
	if err != nil || f.Detector != attackID && f.Detector != harmID && !content(f.Category) {
		return nil
	}
	of := learnt.Attack
	if f.Detector == harmID {
		of = learnt.Harm
	}
	from, to := within(v, f)
	if from >= to {
		return nil
	}
	x := trial{of: of, text: v.Text[from:to]}
	for _, mark := range m.marked.of(v, nil) {
		if mark.Start >= from && mark.End <= to {
			x.marks = append(x.marks, ngram.Mark{Class: mark.Class, Start: mark.Start - from, End: mark.End - from})
		}
	}
	var said []string
	for _, w := range x.strongest() {
		said = append(said, quote(x.text[w.start:w.end]))
	}
	if len(said) == 0 {
		return nil
	}
	return []string{"strongest for the model: " + strings.Join(said, ", ")}
}

// within returns where in a view a finding lies, no more than is read at once.
func within(v *guard.View, f risk.Finding) (from, to int) {
	to = len(v.Text)
	if !v.Decoded() {
		from = sort.Search(len(v.Text), func(i int) bool { _, end := v.Original(i, i+1); return end > f.Start })
		to = sort.Search(len(v.Text), func(i int) bool { start, _ := v.Original(i, i+1); return start >= f.End })
	}
	to = min(to, from+longest)
	for to > from && to < len(v.Text) && !utf8.RuneStart(v.Text[to]) {
		to--
	}
	for from < to && !utf8.RuneStart(v.Text[from]) {
		from++
	}
	return from, to
}

// trial tries what a text would be without some of its words.
type trial struct {
	of     *ngram.Model
	text   string
	marks  []ngram.Mark
	reader ngram.Reader
}

// stretch is a place in the text of a trial, and how much surer the model is for it.
type stretch struct {
	start, end int
	gain       float64
}

// A phrase is a few words; below so many log-odds it says nothing.
const longestPhrase, leastGain = 40, .15

// strongest returns up to three phrases that the model's score rests on.
func (x *trial) strongest() (out []stretch) {
	whole := x.without(0, 0)
	parts := []stretch{{0, len(x.text), 0}}
	for range 2 * mostQuoted {
		if len(parts) == 0 {
			break
		}
		part := parts[0]
		parts = parts[1:]
		w, ok := x.hottest(part.start, part.end)
		if !ok {
			continue
		}
		if w.gain = whole - x.without(w.start, w.end); w.gain >= leastGain {
			out = append(out, w)
		}
		parts = append(parts, stretch{part.start, w.start, 0}, stretch{w.end, part.end, 0})
	}
	slices.SortStableFunc(out, func(a, b stretch) int { return cmp.Compare(b.gain, a.gain) })
	return out[:min(len(out), mostQuoted)]
}

// hottest narrows a part down to the phrase whose words weigh most.
func (x *trial) hottest(from, to int) (stretch, bool) {
	x.reader.Read(x.text, x.marks)
	start, end := x.reader.Hottest(x.of, from, to)
	for end-start > longestPhrase {
		s, e := x.reader.Hottest(x.of, start, end)
		if e-s >= end-start {
			break
		}
		start, end = s, e
	}
	return stretch{start, end, 0}, len(strings.TrimSpace(x.text[start:end])) > 2 && end-start <= 2*longestPhrase
}

// without scores the text with a part taken out.
func (x *trial) without(start, end int) float64 {
	var marks []ngram.Mark
	for _, m := range x.marks {
		switch {
		case m.End <= start:
			marks = append(marks, m)
		case m.Start >= end:
			marks = append(marks, ngram.Mark{Class: m.Class, Start: m.Start - (end - start), End: m.End - (end - start)})
		}
	}
	x.reader.Read(x.text[:start]+x.text[end:], marks)
	best := float64(unread)
	x.reader.Slide([]*ngram.Model{x.of}, func(_, _ int, scores []float32) { best = max(best, float64(scores[0])) })
	return best
}
