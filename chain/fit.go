package chain

import (
	"iter"
	"math"
	"slices"
)

// Sequence is a text that was labelled by hand. The features of token t are
// IDs[t*Width:(t+1)*Width].
type Sequence struct {
	IDs    []uint32
	Tags   []uint8
	Weight float32
}

// Unlabelled is the tag of a token of which nothing is known: nothing is learnt from it, and
// nothing from how it stands to its neighbours.
const Unlabelled = 255

// Config says how weights are learnt.
type Config struct {
	Tags   int
	Width  int       // features of a token
	Bits   int       // the table has 1<<Bits rows; 0: 18
	Rate   float32   // 0: .1
	Decay  float32   // taken off a weight, as a part of it, when it is learnt from
	Drop   []float32 // how often the feature of each place is hidden; empty: never
	Miss   float32   // how much worse it is to miss a token than to report one too many; 0: alike
	Epochs int
	Seed   uint64
}

// Weights are a model in the making, at full precision.
type Weights struct {
	cfg   Config
	rows  []float32
	seen  []float32
	moves []float32
	moved []float32
	owner []uint32 // of each row, the feature that has it
	mask  uint32
	rng   uint64

	m      Model // what forward and backward read
	alpha  []float64
	beta   []float64
	scores []float32
	odds   []float64 // e to the scores
	ids    []uint32
}

// Fit learns weights by the conditional likelihood of the labels, one sequence at a time
// (AdaGrad; Duchi, Hazan, Singer, JMLR 12, 2011). It asks for the sequences of every epoch,
// so that texts can be varied. The same sequences in the same order give the same bits.
func Fit(cfg Config, epoch func(n int) iter.Seq[Sequence]) *Weights {
	if cfg.Bits == 0 {
		cfg.Bits = 18
	}
	if cfg.Rate == 0 {
		cfg.Rate = .1
	}
	k := cfg.Tags
	w := &Weights{cfg: cfg, rows: make([]float32, k<<cfg.Bits), seen: slices.Repeat([]float32{1e-2}, k<<cfg.Bits), owner: make([]uint32, 1<<cfg.Bits),
		moves: make([]float32, (k+1)*k), moved: slices.Repeat([]float32{1e-2}, (k+1)*k), mask: 1<<cfg.Bits - 1, rng: cfg.Seed*2 + 0x9E3779B97F4A7C15}
	w.own(epoch)
	for from := range k + 1 {
		for to := range k {
			if !follows(from, to, k) {
				w.moves[from*k+to] = never
			}
		}
	}
	w.m = Model{tags: k, width: cfg.Width, moves: w.moves}
	for n := range cfg.Epochs {
		for s := range epoch(n) {
			w.learn(&s)
		}
	}
	return w
}

// rare is how often a feature must be seen to get a row.
const rare = 3

// own gives each row to the most frequent of the features that hash to it; the others do
// without. A row that two features share teaches each of them the other's mistakes.
func (w *Weights) own(epoch func(n int) iter.Seq[Sequence]) {
	count := map[uint32]uint32{}
	for n := range min(2, w.cfg.Epochs) {
		for s := range epoch(n) {
			for _, id := range s.IDs {
				if id != None {
					count[id]++
				}
			}
		}
	}
	for id, n := range count {
		at := &w.owner[id&w.mask]
		if n >= rare && id&w.mask != None && (*at == None || n > count[*at] || n == count[*at] && id < *at) {
			*at = id
		}
	}
}

// learn moves the weights towards one sequence.
func (w *Weights) learn(s *Sequence) {
	n, k := len(s.Tags), w.cfg.Tags
	if n == 0 {
		return
	}
	ids := w.hide(s.IDs)
	w.weigh(ids, s.Tags)
	w.m.ready()
	w.alpha, w.beta, w.odds = grow(w.alpha, n*k), grow(w.beta, n*k), grow(w.odds, n*k)
	w.m.weights(w.scores, w.odds)
	w.m.forward(w.odds, k, w.alpha)
	w.m.backward(w.odds, -1, w.beta)
	before := k
	var pairs [(MaxTags + 1) * MaxTags]float32
	for i, tag := range s.Tags {
		if tag == Unlabelled || before == Unlabelled {
			if tag != Unlabelled {
				w.pull(ids[i*w.cfg.Width:(i+1)*w.cfg.Width], i, int(tag), s.Weight)
			}
			before = int(tag)
			continue
		}
		w.pull(ids[i*w.cfg.Width:(i+1)*w.cfg.Width], i, int(tag), s.Weight)
		w.pair(pairs[:], i, before, int(tag))
		before = int(tag)
	}
	for i, g := range pairs[:(k+1)*k] {
		if g != 0 && w.moves[i] > never {
			step(&w.moves[i], &w.moved[i], g*s.Weight, w.cfg.Rate, 0)
		}
	}
}

// hide replaces features by none, so that no single one is relied on.
func (w *Weights) hide(ids []uint32) []uint32 {
	w.ids = append(w.ids[:0], ids...)
	for i, id := range w.ids {
		if w.owner[id&w.mask] != id {
			w.ids[i] = None
		}
	}
	for slot, p := range w.cfg.Drop {
		if p == 0 {
			continue
		}
		for i := slot; i < len(w.ids); i += w.cfg.Width {
			if w.random() < p {
				w.ids[i] = None
			}
		}
	}
	return w.ids
}

func (w *Weights) random() float32 {
	w.rng ^= w.rng << 13
	w.rng ^= w.rng >> 7
	w.rng ^= w.rng << 17
	return float32(w.rng>>40) / (1 << 24)
}

// weigh adds up the rows of every token. Where a miss costs more than a false alarm, Outside
// is made likelier for tokens that are something, and so must be outweighed.
func (w *Weights) weigh(ids []uint32, tags []uint8) {
	k := w.cfg.Tags
	w.scores = grow(w.scores, len(tags)*k)
	clear(w.scores)
	for i, tag := range tags {
		sum := w.scores[i*k:][:k]
		for _, id := range ids[i*w.cfg.Width : (i+1)*w.cfg.Width] {
			if id == None {
				continue
			}
			for j, x := range w.rows[int(id&w.mask)*k:][:k] {
				sum[j] += x
			}
		}
		if tag != Outside && tag != Unlabelled {
			sum[Outside] += w.cfg.Miss
		}
	}
}

// settled is how small an error may be to be left alone.
const settled = 1e-3

// pull moves the rows of one token's features.
func (w *Weights) pull(ids []uint32, i, tag int, weight float32) {
	k := w.cfg.Tags
	var all float64
	for t := range k {
		all += float64(w.alpha[i*k+t] * w.beta[i*k+t])
	}
	for t := range k {
		g := float32(w.alpha[i*k+t] * w.beta[i*k+t] / all)
		if t == tag {
			g--
		}
		if g *= weight; -settled < g && g < settled {
			continue
		}
		for _, id := range ids {
			if id == None {
				continue
			}
			at := int(id&w.mask)*k + t
			step(&w.rows[at], &w.seen[at], g, w.cfg.Rate, w.cfg.Decay)
		}
	}
}

// pair adds what the expected pair of tags at i-1 and i differs from the one that is.
func (w *Weights) pair(pairs []float32, i, before, tag int) {
	k := w.cfg.Tags
	if i == 0 {
		var all float64
		for t := range k {
			all += float64(w.alpha[t] * w.beta[t])
		}
		for t := range k {
			pairs[k*k+t] += float32(w.alpha[t] * w.beta[t] / all)
		}
		pairs[before*k+tag]--
		return
	}
	var p [MaxTags * MaxTags]float64
	var all float64
	for to := range k {
		out := float64(w.odds[i*k+to] * w.beta[i*k+to])
		for from := range k {
			v := float64(float64(w.alpha[(i-1)*k+from]*w.m.odds[from*k+to]) * out)
			p[from*k+to] = v
			all += v
		}
	}
	for j, v := range p[:k*k] {
		if v > 0 {
			pairs[j] += float32(v / all)
		}
	}
	pairs[before*k+tag]--
}

func step(w, seen *float32, g, rate, decay float32) {
	// Each product is rounded by itself, so that no processor joins it with the sum.
	*seen += float32(g * g)
	*w -= float32(rate * g / float32(math.Sqrt(float64(*seen))))
	*w -= float32(*w * decay)
}

// Model rounds the weights to a byte each. The few that are larger than the scale reach are
// cut to it: one weight in ten thousand would cost all others their precision.
func (w *Weights) Model() *Model {
	var sizes []float32
	for _, x := range w.rows {
		if x != 0 {
			sizes = append(sizes, max(x, -x))
		}
	}
	slices.Sort(sizes)
	m := &Model{tags: w.cfg.Tags, width: w.cfg.Width, mask: w.mask, scale: 1,
		rows: make([]byte, len(w.rows)), mark: make([]byte, len(w.owner)), moves: slices.Clone(w.moves)}
	m.ready()
	if len(sizes) == 0 {
		return m
	}
	m.scale = sizes[len(sizes)-1-len(sizes)/10_000] / 127
	for i, x := range w.rows {
		m.rows[i] = byte(int8(max(-127, min(127, math.Round(float64(x/m.scale))))))
	}
	for i, id := range w.owner {
		if id != None && slices.ContainsFunc(m.rows[i*m.tags:(i+1)*m.tags], func(w byte) bool { return w != 0 }) {
			m.mark[i] = marked(id)
		}
	}
	return m
}
