package train

import (
	"cmp"
	"slices"

	"github.com/bartizan-ai/bartizan/guard"
)

// Found is a value that was found in a text.
type Found struct {
	Start, End int
	Kind       string
	Confidence float64
}

// Scored is a text with what was found in it.
type Scored struct {
	*Text
	Found []Found
}

// Reported is the confidence from which a value counts as found.
const Reported = .5

// Tally counts what was found of a kind, and what was not. A value counts as found when half
// of it is covered by finds of its kind; a find counts as right when half of it lies in
// values of its kind. Finds in places that are labelled as neither are left out.
type Tally struct {
	Kind  string `json:"kind"` // or "all", "names" and "structured"
	By    string `json:"by"`   // "all", "lang", "source"
	Value string `json:"value,omitempty"`
	N     int    `json:"n"`     // values
	Hit   int    `json:"hit"`   // of them found
	Finds int    `json:"finds"` // finds
	Right int    `json:"right"` // of them right
	// Exact counts the values that were found to the byte; Covered those half of which lies
	// under finds of any kind, and so would have been masked.
	Exact   int `json:"exact"`
	Covered int `json:"covered"`

	Precision     float64    `json:"precision"`
	Recall        float64    `json:"recall"`
	F1            float64    `json:"f1"`
	F2            float64    `json:"f2"`
	PrecisionBand [2]float64 `json:"precision_95"` // Wilson, JASA 22, 1927
	RecallBand    [2]float64 `json:"recall_95"`
}

// Quiet counts the texts without any value in which something was reported all the same.
type Quiet struct {
	Source string     `json:"source"` // "" for all
	N      int        `json:"n"`
	Loud   int        `json:"loud"`
	Band   [2]float64 `json:"rate_95"`
}

// nameKinds are those of the recogniser, in a form that can be asked.
var nameKinds = map[string]bool{"person": true, "address": true, "location": true, "organization": true}

// Measure counts by kind, and within a kind by language and source.
func Measure(texts []Scored) ([]Tally, []Quiet) {
	c := counter{by: map[[3]string]*Tally{}, quiet: map[string]*Quiet{}}
	for i := range texts {
		c.add(&texts[i])
	}
	return c.tallies(), c.quiets()
}

type counter struct {
	by    map[[3]string]*Tally
	quiet map[string]*Quiet
}

func (c *counter) add(t *Scored) {
	var found []Found
	for _, f := range t.Found {
		if f.Confidence >= Reported {
			found = append(found, f)
		}
	}
	if t.Label == "benign" && len(t.Spans) == 0 {
		for _, s := range []string{"", t.Source} {
			q := c.quiet[s]
			if q == nil {
				q = &Quiet{Source: s}
				c.quiet[s] = q
			}
			q.N++
			if len(found) > 0 {
				q.Loud++
			}
		}
	}
	for _, s := range t.Spans {
		if s.Kind == "" {
			continue
		}
		own, any, exact := covered(s, found)
		half := (s.End - s.Start + 1) / 2
		c.each(t, s.Kind, func(x *Tally) {
			x.N++
			x.Hit += one(own >= half)
			x.Covered += one(any >= half)
			x.Exact += one(exact)
		})
	}
	for _, f := range found {
		own, other := within(f, t.Spans)
		half := (f.End - f.Start + 1) / 2
		if other >= half {
			continue
		}
		c.each(t, f.Kind, func(x *Tally) {
			x.Finds++
			x.Right += one(own >= half)
		})
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// covered says how many bytes of a value lie under finds of its kind, and under any.
func covered(s Span, found []Found) (own, any int, exact bool) {
	for _, f := range found {
		n := min(s.End, f.End) - max(s.Start, f.Start)
		if n <= 0 {
			continue
		}
		any += n
		if f.Kind == s.Kind {
			own += n
			exact = exact || f.Start == s.Start && f.End == s.End
		}
	}
	return own, any, exact
}

// within says how many bytes of a find lie in values of its kind, and in places that are
// neither right nor wrong.
func within(f Found, spans []Span) (own, other int) {
	for _, s := range spans {
		if n := min(s.End, f.End) - max(s.Start, f.Start); n > 0 && s.Kind == f.Kind {
			own += n
		} else if n > 0 && s.Kind == "" {
			other += n
		}
	}
	return own, other
}

// each calls f for every tally that a value or find of a kind counts in.
func (c *counter) each(t *Scored, kind string, f func(*Tally)) {
	group := "structured"
	if nameKinds[kind] {
		group = "names"
	}
	for _, k := range []string{kind, group, "all"} {
		for _, by := range [][2]string{{"all", ""}, {"lang", t.Lang}, {"source", t.Source}} {
			key := [3]string{k, by[0], by[1]}
			x := c.by[key]
			if x == nil {
				x = &Tally{Kind: k, By: by[0], Value: by[1]}
				c.by[key] = x
			}
			f(x)
		}
	}
}

func (c *counter) tallies() []Tally {
	var out []Tally
	for _, x := range c.by {
		x.Recall, x.Precision = ratio(x.Hit, x.N), ratio(x.Right, x.Finds)
		x.F1, x.F2 = fScore(x.Precision, x.Recall, 1), fScore(x.Precision, x.Recall, 2)
		x.RecallBand[0], x.RecallBand[1] = guard.Wilson(x.Hit, x.N)
		x.PrecisionBand[0], x.PrecisionBand[1] = guard.Wilson(x.Right, x.Finds)
		out = append(out, *x)
	}
	slices.SortFunc(out, func(a, b Tally) int {
		return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(rank(a.Kind), rank(b.Kind)), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value))
	})
	return out
}

// rank puts the sums last.
func rank(kind string) int { return slices.Index([]string{"structured", "names", "all"}, kind) }

func (c *counter) quiets() []Quiet {
	var out []Quiet
	for _, q := range c.quiet {
		q.Band[0], q.Band[1] = guard.Wilson(q.Loud, q.N)
		out = append(out, *q)
	}
	slices.SortFunc(out, func(a, b Quiet) int { return cmp.Compare(a.Source, b.Source) })
	return out
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// fScore weighs recall b times as much as precision (van Rijsbergen, Information Retrieval,
// 1979).
func fScore(p, r, b float64) float64 {
	if p+r == 0 {
		return 0
	}
	return (1 + b*b) * p * r / (b*b*p + r)
}
