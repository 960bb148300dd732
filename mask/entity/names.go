package entity

import (
	"slices"

	"github.com/bartizan-ai/bartizan/names"
)

// speak hands over the names of one kind, which the recogniser of package names finds. It
// reads a text once for all of them, and knows what was found by its shape: a number that is
// an account is no house.
func (p *page) speak(kind string, emit emitter) {
	if !p.heard {
		p.heard = true
		if r := p.recogniser(); r != nil {
			r.Find(p.t, p.values, func(k, start, end int, w float64) {
				p.found = append(p.found, namedHit{start, end, names.Kinds[k], w})
			})
		}
	}
	for _, f := range p.found {
		if f.kind == kind {
			emit(f.start, f.end, f.weight)
		}
	}
}

// recogniser is the one that reads the page. A model that cannot be read is a fault of the
// build, which tests hold: texts are then judged by shapes alone.
func (p *page) recogniser() *names.Recogniser {
	if p.reader == nil {
		p.reader, _ = names.Load()
	}
	return p.reader
}

// Found is a value with its kind and probability.
type Found struct {
	names.Value
	Confidence float64
}

// Find finds everything in a text as [Detectors] do, with a recogniser that may be another
// than the shipped one.
func Find(text string, r *names.Recogniser) []Found {
	p, all := newPage(text), family()
	p.reader = r
	at := shapes(all)
	shaped := settle(gather(p, all[:at], ""))
	hits := slices.Clone(shaped)
	for _, h := range p.speakers(all, at, shaped, false, nil) {
		if h.kind >= at {
			hits = append(hits, h)
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return a.start - b.start })
	return p.list(hits, all)
}

// Values finds what goes by its shape, as the recogniser is told of it.
func Values(text string) []names.Value {
	p, all := newPage(text), family()
	all = all[:shapes(all)]
	p.settled(settle(gather(p, all, "")), all)
	out := make([]names.Value, len(p.values))
	for i, v := range p.values {
		v.Start, v.End = p.original(v.Start, v.End)
		out[i] = v
	}
	return out
}

func (p *page) list(hits []hit, kinds []kind) []Found {
	out := make([]Found, len(hits))
	for i, h := range hits {
		start, end := p.original(h.start, h.end)
		out[i] = Found{names.Value{Start: start, End: end, Kind: kinds[h.kind].name}, h.weight}
	}
	return out
}

// namedHit is a name on a page.
type namedHit struct {
	start, end int
	kind       string
	weight     float64
}

// settled tells the page what was found by its shape, for the recogniser to read as one.
func (p *page) settled(hits []hit, kinds []kind) {
	p.values = p.values[:0]
	for _, h := range hits {
		if name := kinds[h.kind].name; h.weight >= likely || name == "url" {
			p.values = append(p.values, names.Value{Start: h.start, End: h.end, Kind: name})
		}
	}
	slices.SortFunc(p.values, func(a, b names.Value) int { return a.Start - b.Start })
}

// likely is the weight from which a value is taken for one.
const likely = .5
