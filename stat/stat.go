// Package stat says how sure a measurement is: exact intervals of rates, what an imperfect
// judge makes of them, what repeats of one case are worth, and tests of pairs and of many
// cells.
//
// Everything here holds its error rate by construction, not by a large sample: bounds are
// exact or conservative, and where several uncertainties meet, the error is split between
// them. Simulations in the tests show it.
//
// This package's API may change.
package stat

import (
	"math"
	"slices"
)

// Interval is a range that holds the true rate with the confidence that was asked for.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Whole is what is known of a rate of which nothing is known.
var Whole = Interval{0, 1}

// Exact returns the interval of Clopper and Pearson (1934) for hits in tries. Both may be
// fractions, as effective sample sizes are.
func Exact(hits, tries, confidence float64) Interval {
	alpha := 1 - confidence
	return Interval{Lower(hits, tries, 1-alpha/2), Upper(hits, tries, 1-alpha/2)}
}

// Upper is the one-sided exact upper bound of a rate.
func Upper(hits, tries, confidence float64) float64 {
	if tries <= 0 || hits >= tries {
		return 1
	}
	return betaQuantile(confidence, hits+1, tries-hits)
}

// Lower is the one-sided exact lower bound of a rate.
func Lower(hits, tries, confidence float64) float64 {
	if tries <= 0 || hits <= 0 {
		return 0
	}
	return betaQuantile(1-confidence, hits, tries-hits+1)
}

// AtMost is the probability of so many hits or fewer, where the true rate is rate.
func AtMost(hits, tries, rate float64) float64 {
	switch {
	case hits >= tries:
		return 1
	case hits < 0:
		return 0
	}
	return betaInc(tries-hits, hits+1, 1-rate)
}

// AtLeast is the probability of so many hits or more, where the true rate is rate.
func AtLeast(hits, tries, rate float64) float64 {
	switch {
	case hits <= 0:
		return 1
	case hits > tries:
		return 0
	}
	return betaInc(hits, tries-hits+1, rate)
}

// Sign is the exact two-sided sign test of better against worse: McNemar's exact test (1947)
// where each pair is a case of its own, and where cases repeat, the test of one sign a case.
func Sign(better, worse int) float64 {
	n := better + worse
	if n == 0 {
		return 1
	}
	return min(1, 2*AtMost(float64(min(better, worse)), float64(n), .5))
}

// Holm adjusts p-values of many tests, so that the chance of one false finding among all of
// them stays what it is for one (Holm 1979). The order is kept.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return a - b
	})
	out, most := make([]float64, len(p)), 0.
	for rank, i := range order {
		most = max(most, min(1, p[i]*float64(len(p)-rank)))
		out[i] = most
	}
	return out
}

// betaQuantile is the x with I_x(a, b) = p.
func betaQuantile(p, a, b float64) float64 {
	lo, hi := 0., 1.
	for range 200 {
		mid := (lo + hi) / 2
		if mid == lo || mid == hi {
			break
		}
		if betaInc(a, b, mid) < p {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}

// betaInc is the regularised incomplete beta function I_x(a, b), by the continued fraction of
// DLMF 8.17.22, evaluated as Lentz (1976) does.
func betaInc(a, b, x float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2): // where it converges slowly, the other tail does not
		return 1 - betaInc(b, a, 1-x)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	const tiny = 1e-300
	f, c, d := 1., 1., 0.
	for i := 0; i <= 10_000; i++ {
		m := float64(i / 2)
		num := 1.
		switch {
		case i == 0:
		case i%2 == 0:
			num = m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		default:
			num = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		}
		d = 1 + num*d
		if math.Abs(d) < tiny {
			d = tiny
		}
		d = 1 / d
		c = 1 + num/c
		if math.Abs(c) < tiny {
			c = tiny
		}
		f *= c * d
		if math.Abs(1-c*d) < 1e-15 {
			break
		}
	}
	return front * (f - 1)
}
