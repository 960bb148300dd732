package ngram

import (
	"math"
	"slices"
)

// Example is one window with what is known of it.
type Example struct {
	IDs    []uint32
	Values []float32
	Weight float32
	Yes    bool
}

// Config says how weights are learnt. The zero value is ready.
type Config struct {
	Bits   int     // the table has 1<<Bits weights; 0: 20
	Epochs int     // 0: 4
	Rate   float32 // 0: .5
	Seed   uint64
}

// Weights are a model in the making, at full precision.
type Weights struct {
	w    []float32
	mask uint32
	bias float32
}

// Fit learns weights by logistic regression with AdaGrad (Duchi, Hazan, Singer, JMLR 12,
// 2011). The same examples in the same order give the same bits: nothing is left to the
// clock, to a random source or to the number of processors.
func Fit(cfg Config, examples []Example) *Weights {
	if cfg.Bits == 0 {
		cfg.Bits = 20
	}
	if cfg.Epochs == 0 {
		cfg.Epochs = 4
	}
	if cfg.Rate == 0 {
		cfg.Rate = .5
	}
	t := trainer{Weights: Weights{w: make([]float32, 1<<cfg.Bits), mask: 1<<cfg.Bits - 1},
		seen: slices.Repeat([]float32{1e-4}, 1<<cfg.Bits), bias: 1e-4, rate: cfg.Rate}
	order := make([]int32, len(examples))
	for i := range order {
		order[i] = int32(i)
	}
	rng := random(cfg.Seed*2 + 0x9E3779B97F4A7C15)
	for range cfg.Epochs {
		rng.shuffle(order)
		for _, n := range order {
			t.learn(&examples[n])
		}
	}
	return &t.Weights
}

// trainer holds the sums of squared gradients that AdaGrad divides by.
type trainer struct {
	Weights
	seen []float32
	bias float32
	rate float32
}

// settled is how small an error may be to be left alone.
const settled = 1e-5

func (t *trainer) learn(e *Example) {
	d := sigmoid(t.Score(e.IDs, e.Values))
	if e.Yes {
		d--
	}
	if d *= e.Weight; -settled < d && d < settled {
		return
	}
	for i, id := range e.IDs {
		k := id & t.mask
		g := float32(d * e.Values[i])
		// Each product is rounded by itself, so that no processor joins it with the sum.
		t.seen[k] += float32(g * g)
		t.w[k] -= float32(t.rate * g / root(t.seen[k]))
	}
	t.bias += float32(d * d)
	t.Weights.bias -= float32(t.rate * d / root(t.bias))
}

// Score returns the log-odds of a window.
func (w *Weights) Score(ids []uint32, values []float32) float32 {
	s := w.bias
	for i, id := range ids {
		s += float32(w.w[id&w.mask] * values[i])
	}
	return s
}

// Model rounds the weights to a byte each. The few that are larger than the scale reach
// are cut to it: one weight in ten thousand would cost all others their precision.
func (w *Weights) Model() *Model {
	var sizes []float32
	for _, x := range w.w {
		if x != 0 {
			sizes = append(sizes, max(x, -x))
		}
	}
	slices.Sort(sizes)
	m := &Model{table: make([]int8, len(w.w)), mask: w.mask, bias: w.bias, scale: 1}
	if len(sizes) == 0 {
		return m
	}
	m.scale = sizes[len(sizes)-1-len(sizes)/10_000] / 127
	for i, x := range w.w {
		m.table[i] = int8(max(-127, min(127, math.Round(float64(x/m.scale)))))
	}
	return m
}

func root(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// sigmoid is computed from a table, because no two processors need agree on the last bit
// of an exponential.
func sigmoid(x float32) float32 {
	const top = 16
	if x <= -top {
		return 0
	}
	if x >= top {
		return 1
	}
	at := (x + top) * (float32(len(sigmoids)-1) / (2 * top))
	i := int(at)
	return sigmoids[i] + float32((at-float32(i))*(sigmoids[min(i+1, len(sigmoids)-1)]-sigmoids[i]))
}

var sigmoids = func() (t [1 << 12]float32) {
	for i := range t {
		x := (float64(i)/float64(len(t)-1) - .5) * 32
		t[i] = float32(math.Round(1e6/(1+math.Exp(-x))) / 1e6)
	}
	return t
}()

// random is xorshift64* (Vigna, ACM TOMS 42, 2016).
type random uint64

func (r *random) next() uint64 {
	x := uint64(*r)
	x ^= x >> 12
	x ^= x << 25
	x ^= x >> 27
	*r = random(x)
	return x * 0x2545F4914F6CDD1D
}

func (r *random) shuffle(order []int32) {
	for i := len(order) - 1; i > 0; i-- {
		j := int(r.next() >> 33 % uint64(i+1))
		order[i], order[j] = order[j], order[i]
	}
}
