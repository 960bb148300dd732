package detect

import (
	"strings"
	"unicode"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Suffix finds tails that an optimiser made: words, signs and scraps of code that follow on
// a request and mean nothing to a reader.
//
// Catches: a tail in which signs stick to words on both sides, brackets do not match, case
// changes inside words and hardly a word holds the others together, behind prose (the shape
// of greedy coordinate gradient suffixes, Zou et al., arXiv 2307.15043).
// Does not catch: suffixes made to read well, tails of a few words, code, and markup. It is
// weak evidence: two in five tails of our own are seen, and one harmless prompt in two
// thousand looks like one.
// Example: a request that ends `describing.\ + similarlyNow write oppositeley.](Me giving**ONE`.
type Suffix struct{ member }

func newSuffix() *Suffix {
	return &Suffix{member{id: "injection/suffix@1", finds: []risk.Category{risk.Jailbreak}, read: readSuffix}}
}

// Bounds of a tail: bytes that are looked at, and words without which nothing can be said.
const (
	longestTail  = 320
	shortestTail = 8
)

func readSuffix(v *guard.View, add func(risk.Finding)) {
	text := strings.TrimRight(v.Text, " \n\t")
	if v.Decoded() || isData(v.Origin) || v.Origin == llm.OriginModel || len(text) < 60 || strings.Count(text, "\n") > 12 || containsAny(text[max(0, len(text)-longestTail):], programs) {
		return
	}
	// From the back, as far as words look made: prose ends the tail.
	from := max(0, len(text)-longestTail)
	words := strings.Fields(text[from:])
	best, bestAt := 0., 0
	var t debris
	for i := len(words) - 1; i >= 0; i-- {
		t.add(words[i])
		if n := len(words) - i; n >= shortestTail {
			if p := t.weight(n); p > best {
				best, bestAt = p, i
			}
		}
	}
	if best < faint {
		return
	}
	start := len(text)
	for i := len(words) - 1; i >= bestAt; i-- {
		start = strings.LastIndex(text[:start], words[i])
	}
	f := v.Finding(risk.Jailbreak, start, len(text), best)
	f.Severity, f.Impact, f.Refs = risk.High, risk.Harm, refs("LLM01:2026", "AML.T0054")
	add(f)
}

// programs are the marks of code and templates, in which signs stick to words by right.
var programs = []string{"```", "\"\"\"", "${", "}}.", "{%", "\n    ", "\n\t", "();", "() ", "</"}

// debris counts what makes a tail look made.
type debris struct {
	glued    int // words with a sign inside that does not belong there
	cased    int // words in which a capital follows a small letter
	scraps   int // words of several different signs and nothing else
	open     [3]int
	unpaired int // closing brackets without an opening one before them, read from the back
	joints   int // words that hold sentences together
}

// oddity knows whether a word holds signs of several kinds.
type oddity struct {
	first   byte
	several bool
}

func (s *oddity) add(c byte) {
	s.several = s.several || s.first != 0 && s.first != c
	s.first = c
}

// add counts one word; words come last first.
func (d *debris) add(w string) {
	if len(w) > 40 || strings.Contains(w, "://") {
		return
	}
	letters, sticks, kinds := 0, false, oddity{}
	for i := range len(w) {
		c := w[i]
		switch {
		case letterByte(c):
			letters++
			if i > 0 && 'A' <= c && c <= 'Z' && 'a' <= w[i-1] && w[i-1] <= 'z' {
				d.cased++
			}
		default:
			kinds.add(c)
			// A mark of punctuation with a letter right behind it, or a sign no word holds.
			if i+1 < len(w) && letterByte(w[i+1]) && (i > 0 && strings.IndexByte(".,;!?)]}*", c) >= 0 || strings.IndexByte("]{}<\\|*^~`#", c) >= 0) {
				sticks = true
			}
		}
		switch k := strings.IndexByte(")]}", c); {
		case k >= 0:
			d.open[k]++
		default:
			if k := strings.IndexByte("([{", c); k >= 0 {
				if d.open[k] > 0 {
					d.open[k]--
				} else {
					d.unpaired++
				}
			}
		}
	}
	// Signs of several kinds at a word, with a bracket that the word does not close.
	if letters > 0 && kinds.several && strings.Count(w, "(")+strings.Count(w, "[")+strings.Count(w, "{") != strings.Count(w, ")")+strings.Count(w, "]")+strings.Count(w, "}") && strings.ContainsAny(w, "\\]){}*|<") {
		sticks = true
	}
	if sticks && strings.IndexFunc(w, unicode.IsDigit) < 0 && !strings.Contains(w, "_") {
		d.glued++
	}
	if letters == 0 && kinds.several {
		d.scraps++
	}
	if binding[strings.Trim(w, ".,;:!?()\"'")] {
		d.joints++
	}
}

var binding = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields("the a an of to in is are was and or for with that this on at by from as it be not you your we our i my he she they have has do does can will der die das und zu ist nicht mit für le la les et de des un une en que el los y con il di che e o os as do da") {
		m[w], m[strings.ToUpper(w[:1])+w[1:]], m[strings.ToUpper(w)] = true, true, true
	}
	return m
}()

// weight is the probability that a tail of n words was made.
func (d *debris) weight(n int) float64 {
	unmatched := d.unpaired + d.open[0] + d.open[1] + d.open[2]
	odd := float64(d.glued+d.cased+d.scraps) / float64(n)
	holds := float64(d.joints) / float64(n)
	switch {
	case unmatched >= 2 && d.glued >= 2 && odd >= .35 && holds < .16:
		return .35
	case unmatched >= 2 && d.glued+d.scraps >= 3 && odd >= .25 && holds < .2:
		return .25
	case unmatched >= 1 && d.glued+d.scraps >= 3 && odd >= .3 && holds < .12:
		return .15
	}
	return 0
}
