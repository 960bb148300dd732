package train

import (
	"math"
	"sort"
	"strings"

	"github.com/bartizan-ai/bartizan/guard/detect"
)

// weigh learns how evidence becomes a probability, and where the lines lie.
func (t *trainer) weigh() detect.Card {
	var c detect.Card
	for side := range 2 {
		xs, ys, ws := t.cases(side == 1)
		w := logistic(xs, ys, ws, detect.Positive[:])
		for i := range w {
			c.Weights[side][i] = round(w[i])
		}
		c.Harm[side] = t.harmLine(side == 1)
	}
	t.lines(&c)
	return c
}

// round keeps four digits: what lies behind them is noise, and need not agree between
// processors.
func round(x float64) float64 { return math.Round(x*1e4) / 1e4 }

// cases lists the evidence of texts that callers wrote, or of data. Both answers weigh the
// same in all, and sources as the square root of their size.
func (t *trainer) cases(data bool) (xs [][]float64, ys []bool, ws []float64) {
	count := map[string]float64{}
	key := func(x *Text) string { return x.File + "\x00" + x.Source }
	for _, x := range t.texts {
		count[key(x)]++
	}
	var sum [2]float64
	for i, x := range t.texts {
		if x.Data() != data || x.Label == "toxic" || x.File == "toxic" {
			continue
		}
		n := t.evidence[i].Numbers()
		xs, ys = append(xs, n[:]), append(ys, x.Attack())
		w := 1 / math.Sqrt(count[key(x)])
		ws = append(ws, w)
		sum[index(x.Attack())] += w
	}
	for i := range ws {
		ws[i] *= evenly / sum[index(ys[i])]
	}
	return xs, ys, ws
}

// evenly is the weight of all attacks together, and of all harmless texts.
const evenly = 2000

func index(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// harmLine learns the probability of harm from the model's score (Platt, Advances in Large
// Margin Classifiers, 1999).
func (t *trainer) harmLine(data bool) [2]float64 {
	var xs [][]float64
	var ys []bool
	var ws []float64
	count := map[string]float64{}
	for _, x := range t.texts {
		count[x.File+x.Source+x.Label]++
	}
	var sum [2]float64
	for i, x := range t.texts {
		if x.Attack() || x.File == "toxic" && !x.Harmful() || !x.Harmful() && x.Data() != data {
			continue
		}
		xs, ys = append(xs, []float64{1, t.evidence[i].Harm}), append(ys, x.Harmful())
		w := 1 / math.Sqrt(count[x.File+x.Source+x.Label])
		ws = append(ws, w)
		sum[index(x.Harmful())] += w
	}
	for i := range ws {
		ws[i] *= evenly / sum[index(ys[i])]
	}
	w := logistic(xs, ys, ws, []bool{false, true})
	return [2]float64{round(w[0]), round(w[1])}
}

// shares are the parts of harmless texts above the observe, warn and block lines.
var shares = [3]float64{.01, .003, .001}

// rarelier is how many of a source's texts that are made to look like attacks count as
// documents: what is retrieved is mostly something else.
const rarelier = rarely / 4

// lines draws the three lines through the harmless texts of all sources.
func (t *trainer) lines(c *detect.Card) {
	model := &detect.Shipped{Card: *c}
	all := t.scored(model)
	in, echoed := pooled(all), map[string]int{}
	var user, data, harm []float64
	for i, x := range all {
		switch {
		case x.Echo:
			if echoed[x.Source]++; echoed[x.Source] <= rarelier {
				data = append(data, x.Attack)
			}
		case !in[i]:
		case x.Data():
			data = append(data, x.Attack)
		default:
			user = append(user, x.Attack)
		}
		if in[i] || strings.HasPrefix(x.File, "benign_sensitive") {
			harm = append(harm, x.Harm)
		}
	}
	c.Lines = detect.Lines{User: quantiles(user), Data: quantiles(data), Harm: quantiles(harm)}
}

// quantiles returns the lines above which the shares of the values lie.
func quantiles(v []float64) (out [3]float64) {
	sort.Float64s(v)
	for i, s := range shares {
		if len(v) > 0 {
			out[i] = math.Ceil(v[len(v)-1-int(s*float64(len(v)))]*1e4) / 1e4
		}
	}
	return out
}

// scored says what the card makes of the evidence of every text.
func (t *trainer) scored(m *detect.Shipped) []Scored {
	out := make([]Scored, len(t.texts))
	for i, x := range t.texts {
		out[i] = score(m, x, t.evidence[i])
	}
	return out
}

func score(m *detect.Shipped, x *Text, e detect.Evidence) Scored {
	cal := m.Card.Harm[index(x.Data())]
	return Scored{Text: x, Evidence: e, Attack: m.Card.Weights.Probability(&e), Harm: 1 / (1 + math.Exp(-(cal[0] + cal[1]*e.Harm)))}
}

// How long logistic goes on, and how much it distrusts large weights.
const (
	rounds = 25
	sweeps = 60
	ridge  = 1
)

// logistic fits weights by Newton's method, with some of them kept from going below zero
// by coordinate descent on each quadratic (Friedman, Hastie, Tibshirani, JSS 33, 2010).
func logistic(xs [][]float64, ys []bool, ws []float64, positive []bool) []float64 {
	n := len(positive)
	w := make([]float64, n)
	for range rounds {
		g, h := slopes(xs, ys, ws, w)
		d := make([]float64, n)
		for range sweeps {
			for i := range w {
				s := g[i]
				for j := range w {
					s += h[i][j] * d[j]
				}
				d[i] -= s / h[i][i]
				if positive[i] {
					d[i] = max(d[i], -w[i])
				}
			}
		}
		for i := range w {
			w[i] += d[i]
		}
	}
	return w
}

// slopes returns the gradient and the curvature of the penalised likelihood.
func slopes(xs [][]float64, ys []bool, ws, w []float64) (g []float64, h [][]float64) {
	n := len(w)
	g, h = make([]float64, n), make([][]float64, n)
	for i := range h {
		h[i] = make([]float64, n)
		h[i][i] = ridge
		if i > 0 {
			g[i] = ridge * w[i]
		}
	}
	for k, x := range xs {
		z := 0.
		for i := range x {
			z += w[i] * x[i]
		}
		p := 1 / (1 + math.Exp(-z))
		d, c := ws[k]*(p-float64(index(ys[k]))), ws[k]*p*(1-p)
		for i := range x {
			if x[i] == 0 {
				continue
			}
			g[i] += d * x[i]
			for j := range x {
				h[i][j] += c * x[i] * x[j]
			}
		}
	}
	return g, h
}
