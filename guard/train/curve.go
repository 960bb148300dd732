package train

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sort"
)

// curveShares are the shares of harmless texts at which recall is read: .01 % to 10 %, eight
// to a factor of ten.
var curveShares = func() (out []float64) {
	for i := range 25 {
		out = append(out, math.Pow(10, -4+float64(i)/8))
	}
	return out
}()

// curves reads the recall of every label, and the mean over the rows, at lines that shares of
// the harmless texts exceed. A share of less than one text has no line.
func curves(texts []Scored) (out []Curve) {
	in := pooled(texts)
	for _, of := range []struct {
		name  string
		score func(*Scored) float64
		names func(*Scored) []name
	}{{"attack", func(x *Scored) float64 { return x.Attack }, curveAttacks}, {"harm", func(x *Scored) float64 { return x.Harm }, curveHarms}} {
		var harmless []float64
		by := map[name][]float64{}
		for i := range texts {
			x := &texts[i]
			if in[i] {
				harmless = append(harmless, of.score(x))
			}
			for _, n := range of.names(x) {
				by[n] = append(by[n], of.score(x))
			}
		}
		sort.Float64s(harmless)
		out = append(out, curvesOf(of.name, harmless, by)...)
	}
	return out
}

// curveAttacks are the curves that a text counts for; those of rows are averaged.
func curveAttacks(x *Scored) []name {
	if x.Own || !x.Text.Attack() {
		return nil
	}
	return []name{{"", x.Label}, {"row", row(x.Text)}}
}

func curveHarms(x *Scored) []name {
	if x.Own || x.Text.Attack() || !x.Text.Harmful() {
		return nil
	}
	return []name{{"", "all harm"}}
}

func curvesOf(of string, harmless []float64, by map[name][]float64) (out []Curve) {
	mean, rows := Curve{Of: of, Name: "mean over rows"}, 0
	names := slices.SortedFunc(maps.Keys(by), func(a, b name) int {
		return cmp.Or(cmp.Compare(a.by, b.by), cmp.Compare(len(by[b]), len(by[a])), cmp.Compare(a.name, b.name))
	})
	for _, n := range names {
		c := Curve{Of: of, Name: n.name, N: len(by[n]), Points: points(harmless, by[n])}
		if n.by != "row" {
			out = append(out, c)
			continue
		}
		rows++
		mean.N += c.N
		if mean.Points == nil {
			mean.Points = make([][2]float64, len(c.Points))
		}
		for i, p := range c.Points {
			mean.Points[i][0] = p[0]
			mean.Points[i][1] += p[1]
		}
	}
	if rows > 0 {
		for i := range mean.Points {
			mean.Points[i][1] /= float64(rows)
		}
		out = append([]Curve{mean}, out...)
	}
	return out
}

// points reads one curve; harmless is sorted.
func points(harmless, scores []float64) [][2]float64 {
	out := [][2]float64{}
	sort.Float64s(scores)
	for _, share := range curveShares {
		k := int(share * float64(len(harmless)))
		if k < 1 {
			continue
		}
		line := harmless[len(harmless)-1-k]
		above := len(scores) - sort.Search(len(scores), func(i int) bool { return scores[i] > line })
		out = append(out, [2]float64{share, float64(above) / float64(len(scores))})
	}
	return out
}
