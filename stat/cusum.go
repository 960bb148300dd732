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
	hits := 0
	if hit {
		hits = 1
	}
	_, alarm := c.AddMany(hits, 1)
	return alarm
}

// AddMany takes tries of which nobody knows the order, and returns the sum with them and whether
// it alarms: no sooner than where each is taken by itself, and about as soon.
func (c *Cusum) AddMany(hits, tries int) (sum float64, alarm bool) {
	step := float64(hits)*math.Log(c.Worse/c.Usual) + float64(tries-hits)*math.Log((1-c.Worse)/(1-c.Usual))
	c.Sum = max(0, c.Sum+step)
	if sum = c.Sum; sum <= c.H {
		return sum, false
	}
	c.Sum = 0
	return sum, true
}
