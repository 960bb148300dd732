package entity

import (
	"cmp"
	"context"
	"slices"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/names"
	"github.com/bartizan-ai/bartizan/risk"
)

// Detector is a part of the family as one detector: every passage is read once, and a
// value that several kinds claim is reported as one.
type Detector struct {
	id    string
	kinds []kind
	from  int // the first kind that it reports: those before it only claim their values
	// rivals are reported too: what another kind claims with more right is still what a policy
	// may want hidden, where it says nothing of that kind.
	rivals bool
}

// Detectors returns the family as two detectors: "pii/shapes" for what goes by its shape, and
// "pii/names" for what goes by context, which costs more, so that a policy which wants no
// names does not pay for them.
func Detectors() []*Detector {
	all := kinds()
	return []*Detector{{"pii/shapes@2", all[:shapes(all)], 0, true}, {"pii/names@1", all, shapes(all), true}}
}

// ID names the detector and its version. Findings bear the IDs of their kinds.
func (d *Detector) ID() string { return d.id }

// Finds says what it can find.
func (d *Detector) Finds() []risk.Category {
	var out []risk.Category
	for _, k := range d.kinds[d.from:] {
		out = append(out, k.category())
	}
	return out
}

// Inline says that looking is bounded.
func (*Detector) Inline() bool { return true }

// Look reads every passage that holds text.
func (d *Detector) Look(ctx context.Context, passages []llm.Passage) ([]risk.Finding, error) {
	found, _, err := d.LookOn(ctx, passages, nil)
	return found, err
}

// LookOn is Look that goes on from what another detector of the family left, as guard.Relay
// says: what goes by its shape is found once for both.
func (d *Detector) LookOn(ctx context.Context, passages []llm.Passage, handed any) ([]risk.Finding, any, error) {
	l := look{kinds: d.kinds, from: d.from, rivals: d.rivals}
	l.read, _ = handed.(*reading)
	if l.read == nil || len(l.read.pages) != len(passages) {
		l.read, l.keeps = new(reading), true
	}
	found, err := l.at(ctx, passages)
	if err != nil {
		return nil, nil, err
	}
	return found, l.read, nil
}

// refs are those of every finding.
var refs = []risk.Ref{{Framework: "OWASP-LLM", Item: "LLM02:2026"}, {Framework: "MITRE-ATLAS", Item: "AML.T0057"}}

// reading is what is left of the passages of a look.
type reading struct{ pages []read }

// read is what is left of one: how it was read, and what goes by its shape.
type read struct {
	t      string
	segs   []seg
	hits   []hit
	inners []inner
}

// look is one look at passages for some kinds: one by name, or all.
type look struct {
	kinds  []kind
	only   string
	shapes int // how many of them go by their shape
	from   int // the first kind that is reported
	rivals bool
	read   *reading // what was read before, or is kept
	keeps  bool
}

// at reads the passages.
func (l *look) at(ctx context.Context, passages []llm.Passage) ([]risk.Finding, error) {
	var found []risk.Finding
	l.shapes = shapes(l.kinds)
	if l.keeps {
		l.read.pages = make([]read, len(passages))
	}
	for i := range passages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if passages[i].Text == "" {
			continue
		}
		p, hits := l.page(i, passages[i].Text)
		for _, h := range hits {
			if h.kind < l.from {
				continue
			}
			k := &l.kinds[h.kind]
			start, end := p.original(h.start, h.end)
			found = append(found, risk.Finding{Category: k.category(), Detector: k.ID(), Severity: k.severity, Confidence: h.weight,
				Passage: i, Start: start, End: end, Impact: risk.Confidentiality, Refs: refs})
		}
	}
	return found, nil
}

// page reads one passage, or goes on with what was read of it.
func (l *look) page(i int, text string) (*page, []hit) {
	if l.read != nil && !l.keeps {
		was := &l.read.pages[i]
		p := &page{t: was.t, segs: was.segs}
		return p, l.speakers(p, slices.Clone(was.hits), was.inners)
	}
	p := newPage(text)
	all := gather(p, l.kinds[:l.shapes], l.only)
	inners := l.inners(p)
	for i := range inners {
		all = inners[i].as(all, inners[i].hits, 0)
	}
	hits := settle(slices.Clone(all))
	if l.keeps {
		l.read.pages[i] = read{p.t, p.segs, slices.Clone(hits), inners}
	}
	if l.shapes == len(l.kinds) {
		return p, losers(hits, all, l.rivals)
	}
	return p, l.speakers(p, hits, inners)
}

// speakers adds what goes by context to what goes by its shape, in the text and in the texts that
// lie in it.
func (l *look) speakers(p *page, hits []hit, inners []inner) []hit {
	var more []hit
	for i := range inners {
		in := &inners[i]
		q := &page{t: in.t, segs: in.segs}
		more = in.as(more, q.speakers(l.kinds, l.shapes, slices.Clone(in.hits), false, nil), l.shapes)
	}
	return p.speakers(l.kinds, l.shapes, hits, l.rivals, more)
}

// speakers adds what goes by context to what goes by its shape, of which each value is one
// word there. With rivals, what loses against another kind comes as well, behind what won.
func (p *page) speakers(kinds []kind, at int, hits []hit, rivals bool, more []hit) []hit {
	p.settled(hits, kinds)
	for i := at; i < len(kinds); i++ {
		kinds[i].find(p, func(start, end int, w float64) { hits = append(hits, hit{start, end, w, i}) })
	}
	hits = append(hits, more...)
	return losers(settle(slices.Clone(hits)), hits, rivals)
}

// losers adds to what won the likely values that did not.
func losers(won, all []hit, wanted bool) []hit {
	if !wanted || len(won) == len(all) {
		return won
	}
	kept := won // in order
	for _, h := range all {
		if h.weight < likely {
			continue
		}
		i, _ := slices.BinarySearchFunc(kept, h, func(a, b hit) int { return a.start - b.start })
		for i < len(kept) && kept[i].start == h.start && kept[i] != h {
			i++
		}
		if i == len(kept) || kept[i].start != h.start {
			won = append(won, h)
		}
	}
	slices.SortStableFunc(won, func(a, b hit) int { return a.start - b.start })
	return won
}

// shapes is how many kinds, which come first, go by shapes.
func shapes(kinds []kind) int {
	for i, k := range kinds {
		if slices.Contains(names.Kinds, k.name) {
			return i
		}
	}
	return len(kinds)
}

// hit is a value that one kind claims.
type hit struct {
	start, end int
	weight     float64
	kind       int
}

// gather runs the kinds over a page.
func gather(p *page, kinds []kind, only string) []hit {
	var hits []hit
	for i := range kinds {
		kinds[i].find(p, func(start, end int, w float64) { hits = append(hits, hit{start, end, w, i}) })
	}
	findNumbers(p, only, func(name string, start, end int, w float64) {
		i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
		if name == "phone" {
			end = extension(p.low, end)
		}
		hits = append(hits, hit{start, end, w, i})
	})
	return hits
}

// crowd is how many overlapping values are weighed against each other. In a longer
// chain, which no honest text has, neighbours decide.
const crowd = 32

// settle keeps of overlapping values the surer one or, of two that are about as
// sure, the longer.
func settle(hits []hit) []hit {
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end)) })
	kept := hits[:0]
	for i := 0; i < len(hits); {
		j, reach := i+1, hits[i].end
		for j < len(hits) && hits[j].start < reach && j-i < crowd {
			reach = max(reach, hits[j].end)
			j++
		}
		first := hits[i]
		if j == i+1 {
			kept = keep(kept, first)
		} else {
			kept = elect(kept, slices.Clone(hits[i:j]))
		}
		i = j
	}
	return kept
}

// keep adds a value unless the last one reaches into it.
func keep(kept []hit, h hit) []hit {
	if n := len(kept); n > 0 && kept[n-1].end > h.start {
		if better(h, kept[n-1]) {
			kept[n-1] = h
			return kept
		}
		return kept
	}
	return append(kept, h)
}

// elect takes the best of a crowd, then the best of what it does not touch.
func elect(kept, crowd []hit) []hit {
	slices.SortStableFunc(crowd, func(a, b hit) int {
		if better(a, b) {
			return -1
		}
		return 1
	})
	chosen := crowd[:0]
	for _, h := range crowd {
		if !slices.ContainsFunc(chosen, func(c hit) bool { return h.start < c.end && c.start < h.end }) {
			chosen = append(chosen, h)
		}
	}
	slices.SortFunc(chosen, func(a, b hit) int { return cmp.Compare(a.start, b.start) })
	for _, h := range chosen {
		kept = keep(kept, h)
	}
	return kept
}

// better orders values: a step makes one clearly surer, then length decides, then
// what is left of the difference, then the order of kinds.
func better(a, b hit) bool {
	return cmp.Or(cmp.Compare(step(a.weight), step(b.weight)), cmp.Compare(a.end-a.start, b.end-b.start),
		cmp.Compare(a.weight, b.weight), cmp.Compare(b.kind, a.kind)) > 0
}

// step says how sure a weight is, in words: sure, likely, reported, a guess.
func step(w float64) int {
	switch {
	case w >= .88:
		return 3
	case w >= .7:
		return 2
	case w >= .5:
		return 1
	}
	return 0
}
