package stat

import "math"

// Cusum watches a rate for a change for the worse (Page 1954): it sums what each try says for
// the worse rate against the usual one, and alarms when that is more than H.
type Cusum struct {
	Usual, Worse float64 // rates
	H            float64 // in units of log-likelihood
	Sum          float64
}

// Add takes one try and reports an alarm. After an alarm the sum begins anew.
func (c *Cusum) Add(hit bool) bool {
	step := math.Log((1 - c.Worse) / (1 - c.Usual))
	if hit {
		step = math.Log(c.Worse / c.Usual)
	}
	if c.Sum = max(0, c.Sum+step); c.Sum <= c.H {
		return false
	}
	c.Sum = 0
	return true
}
