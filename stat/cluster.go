package stat

import "math"

// Case is one case that was tried more than once: its repeats are not independent.
type Case struct{ Hits, Tries int }

// Sample is what cases are worth together.
type Sample struct {
	Hits, Tries int
	Cases       int
	// Effective is how many independent tries all of it is worth: never more than there were,
	// and as many as there are cases where repeats never differ.
	Effective float64
}

// Rate is the part of tries that hit.
func (s Sample) Rate() float64 {
	if s.Tries == 0 {
		return 0
	}
	return float64(s.Hits) / float64(s.Tries)
}

// hits are those of the effective sample.
func (s Sample) hits() float64 { return s.Rate() * s.Effective }

// spread is how many cases must hit, and miss, for their spread to be believed.
const spread = 10

// Pool takes cases together. The effective size follows Korn and Graubard (1998): the tries
// divided by the design effect that the spread between cases shows. Where too few cases hit, or
// missed, for that spread to be seen, no more is claimed than that each case counts once.
func Pool(cases []Case) Sample {
	s := Sample{}
	for _, c := range cases {
		if c.Tries > 0 {
			s.Hits, s.Tries, s.Cases = s.Hits+c.Hits, s.Tries+c.Tries, s.Cases+1
		}
	}
	s.Effective = float64(s.Tries)
	if s.Cases == s.Tries || s.Cases == 0 {
		return s // nothing repeats
	}
	if s.Hits == 0 || s.Hits == s.Tries || s.Cases == 1 {
		s.Effective = float64(s.Cases)
		return s
	}
	p, between := s.Rate(), 0.
	hit, missed := 0, 0
	for _, c := range cases {
		hit += min(c.Hits, 1)
		missed += min(c.Tries-c.Hits, 1)
		d := float64(c.Hits) - p*float64(c.Tries)
		between += d * d
	}
	k, n := float64(s.Cases), float64(s.Tries)
	variance := k / (k - 1) * between / (n * n)
	simple := p * (1 - p) / n
	// The spread is itself estimated, from as many cases as there are.
	t := tQuantile(.975, k-1) / tQuantile(.975, n-1)
	if variance > 0 {
		s.Effective = min(max(n*simple/variance/(t*t), 1), n)
	}
	if min(hit, missed) < spread {
		s.Effective = min(s.Effective, k)
	}
	return s
}

// Interval is the exact interval of the effective sample.
func (s Sample) Interval(confidence float64) Interval {
	if s.Tries == 0 {
		return Whole
	}
	return Exact(s.hits(), s.Effective, confidence)
}

// tQuantile is a quantile above one half of Student's distribution.
func tQuantile(p, df float64) float64 {
	x := betaQuantile(2*(1-p), df/2, .5)
	return math.Sqrt(df * (1 - x) / x)
}
