package ngram

import (
	"math"
	"slices"
)

// Window is a stretch of a text with the features in it. The slices are the reader's own
// and hold until it goes on.
type Window struct {
	Start, End int // bytes
	IDs        []uint32
	Values     []float32 // log(1+count), scaled to length one
}

// Span is how many tokens a window has, and step how far apart windows begin.
const (
	Span = 40
	step = Span / 2
)

// Windows calls f for every window of the text; a short text is one.
func (r *Reader) Windows(f func(Window)) {
	for from, to := 0, 0; to < len(r.toks); {
		from, to = r.next(from, to)
		f(r.window(from, to))
	}
}

// next returns the window after one; the first is after [0,0). The last one takes what
// would be too little for one of its own.
func (r *Reader) next(from, to int) (int, int) {
	n := len(r.toks)
	if to > 0 {
		from += step
	}
	if n-from <= Span+step/2 {
		return from, n
	}
	return from, from + Span
}

// feature returns where the features of a token begin.
func (r *Reader) feature(tok int) int {
	if tok < len(r.toks) {
		return int(r.toks[tok].first)
	}
	return len(r.feats)
}

func (r *Reader) window(from, to int) Window {
	feats := r.feats[r.feature(from):r.feature(to)]
	r.local.reset(len(feats))
	for _, f := range feats {
		r.local.counts[r.local.index(f)]++
	}
	r.ids, r.vals = append(r.ids[:0], r.local.ids...), r.vals[:0]
	var sum float32
	for _, n := range r.local.counts {
		v := logs[min(int(n), len(logs)-1)]
		r.vals = append(r.vals, v)
		sum += float32(v * v)
	}
	scale := float32(1 / math.Sqrt(float64(sum)))
	for i := range r.vals {
		r.vals[i] = float32(r.vals[i] * scale)
	}
	return Window{Start: int(r.toks[from].start), End: int(r.toks[to-1].end), IDs: r.ids, Values: r.vals}
}

// logs is log(1+n) by n; a count beyond the table weighs as its last.
var logs = func() (t [64]float32) {
	for i := range t {
		t[i] = float32(math.Log(float64(i + 1)))
	}
	return t
}()

// table numbers the different features of a text in the order they come, and counts them.
type table struct {
	slots  []int32 // number, plus one
	ids    []uint32
	counts []int32
}

func (t *table) reset(n int) {
	size := 64
	for size < 2*n {
		size *= 2
	}
	if cap(t.slots) < size {
		t.slots = make([]int32, size)
	}
	t.slots = t.slots[:size]
	clear(t.slots)
	t.ids, t.counts = t.ids[:0], t.counts[:0]
}

func (t *table) index(id uint32) int {
	mask := uint32(len(t.slots) - 1)
	for i := id & mask; ; i = (i + 1) & mask {
		switch at := t.slots[i]; {
		case at == 0:
			t.ids, t.counts = append(t.ids, id), append(t.counts, 0)
			t.slots[i] = int32(len(t.ids))
			return len(t.ids) - 1
		case t.ids[at-1] == id:
			return int(at - 1)
		}
	}
}

// slide is what [Reader.Slide] needs.
type slide struct {
	place   []int32   // number of each feature of the text
	weights []float32 // of each numbered feature, for every model
	width   int       // models
	sums    []float64
	scores  []float32
}

// Slide scores every window of the text with several models in one pass, and calls f with
// the scores in the order of the models; the slice is the reader's own.
func (r *Reader) Slide(models []*Model, f func(start, end int, scores []float32)) {
	if len(r.toks) == 0 {
		return
	}
	r.number(models)
	s := &r.slide
	var square float64
	out, in := 0, 0
	for from, to := 0, 0; to < len(r.toks); {
		from, to = r.next(from, to)
		// Out with what the window leaves, in with what it reaches.
		for ; out < from; out++ {
			square += r.move(out, -1)
		}
		for ; in < to; in++ {
			square += r.move(in, 1)
		}
		scale := 1 / math.Sqrt(max(square, 1e-6))
		for k, m := range models {
			s.scores[k] = m.bias + float32(s.sums[k]*scale)
		}
		f(int(r.toks[from].start), int(r.toks[to-1].end), s.scores)
	}
}

// number gives the text's features small numbers and looks their weights up once.
func (r *Reader) number(models []*Model) {
	s := &r.slide
	r.local.reset(len(r.feats))
	s.place, s.sums, s.scores = s.place[:0], s.sums[:0], s.scores[:0]
	for _, f := range r.feats {
		s.place = append(s.place, int32(r.local.index(f)))
	}
	s.width = len(models)
	s.weights = slices.Grow(s.weights[:0], len(r.local.ids)*s.width)
	for _, id := range r.local.ids {
		for _, m := range models {
			s.weights = append(s.weights, m.weight(id))
		}
	}
	for range models {
		s.sums, s.scores = append(s.sums, 0), append(s.scores, 0)
	}
}

// grown holds, by a count, how log(1+count) and its square grow with the next one.
var grown = func() (t [len(logs)]struct{ value, square float64 }) {
	for i := range len(t) - 1 {
		a, b := float64(logs[i]), float64(logs[i+1])
		t[i].value, t[i].square = b-a, b*b-a*a
	}
	return t
}()

// move puts the features of a token into the window, or takes them out, and returns how the
// square of its length changes.
func (r *Reader) move(tok, by int) (square float64) {
	s, counts := &r.slide, r.local.counts
	sign, before := float64(by), int32(min(by, 0))
	place := s.place[r.feature(tok):r.feature(tok+1)]
	if s.width == 2 {
		return s.moveTwo(place, counts, int32(by), before)
	}
	for _, at := range place {
		g := &grown[min(counts[at]+before, int32(len(grown)-1))]
		counts[at] += int32(by)
		square += sign * g.square
		for k, w := range s.weights[int(at)*s.width:][:s.width] {
			s.sums[k] += float64(w) * (sign * g.value)
		}
	}
	return square
}

// moveTwo is move for two models, which read every text: what it adds up stays in
// registers.
func (s *slide) moveTwo(place, counts []int32, by, before int32) (square float64) {
	sign, one, two := float64(by), s.sums[0], s.sums[1]
	for _, at := range place {
		n := counts[at]
		counts[at] = n + by
		g := &grown[min(n+before, int32(len(grown)-1))]
		square += sign * g.square
		d, w := sign*g.value, s.weights[2*at:2*at+2:2*at+2]
		one += float64(w[0]) * d
		two += float64(w[1]) * d
	}
	s.sums[0], s.sums[1] = one, two
	return square
}

// Hottest returns the stretch of the text between two offsets that adds most to a model's
// score: the tokens from which it comes. Read must have been called.
func (r *Reader) Hottest(m *Model, from, to int) (start, end int) {
	var total, best, sum float32
	n := 0
	for i := range r.toks {
		if t := &r.toks[i]; int(t.start) >= from && int(t.end) <= to {
			total += r.heat(m, i)
			n++
		}
	}
	start, end = from, to
	mean, at := total/float32(max(n, 1)), from
	for i := range r.toks {
		t := &r.toks[i]
		if int(t.start) < from || int(t.end) > to {
			continue
		}
		// The run with the largest sum above the mean (Bentley, CACM 27, 1984).
		if sum <= 0 {
			sum, at = 0, int(t.start)
		}
		if sum += r.heat(m, i) - mean; sum > best {
			best, start, end = sum, at, int(t.end)
		}
	}
	return start, end
}

// heat is what a token's features weigh.
func (r *Reader) heat(m *Model, tok int) (w float32) {
	for _, f := range r.feats[r.feature(tok):r.feature(tok+1)] {
		w += m.weight(f)
	}
	return w
}
