package stat

import "math"

// Answer is what a test says: three values, because too little was seen to say is one of them.
type Answer uint8

// The answers. Open is the zero value: it claims nothing.
const (
	Open Answer = iota
	Below
	Above
)

// String names an answer.
func (a Answer) String() string { return [...]string{"inconclusive", "pass", "fail"}[a] }

// Test is a cell against its tolerance.
type Test struct {
	Sample    Sample
	Judge     Judge
	Tolerance float64
	// Passes and Fails are the p-values of the true rate being above and below the tolerance:
	// small ones speak for passing and for failing.
	Passes, Fails float64
}

// Against tests a sample against a tolerance. alpha is what both tests are to be compared with:
// a judge's doubt takes its part of it.
func Against(s Sample, j Judge, tolerance, alpha float64) Test {
	t := Test{Sample: s, Judge: j, Tolerance: tolerance, Passes: 1, Fails: 1}
	if s.Tries == 0 {
		return t
	}
	least, most := j.seen(tolerance, 1-2*alpha*spentOnJudge)
	spent := 1.
	if !j.Perfect() {
		spent = spentOnRate
	}
	t.Passes = min(1, AtMost(s.hits(), s.Effective, least)/spent)
	t.Fails = min(1, AtLeast(s.hits(), s.Effective, most)/spent)
	return t
}

// Gate decides over cells. Passing means that every one is below its tolerance: as each must be
// shown by itself, no correction is needed (Berger 1982). Failing means that at least one is
// above, so that one false alarm among many must stay as rare as in one: the p-values are
// adjusted (Holm). The second result are the answers of cells, with the same errors.
func Gate(tests []Test, alpha float64) (Answer, []Answer) {
	fails := make([]float64, len(tests))
	for i, t := range tests {
		fails[i] = t.Fails
	}
	out, all := make([]Answer, len(tests)), Below
	for i, p := range Holm(fails) {
		switch {
		case p <= alpha:
			out[i] = Above
		case tests[i].Passes <= alpha:
			out[i] = Below
		}
	}
	for _, a := range out {
		switch {
		case a == Above:
			return Above, out
		case a == Open:
			all = Open
		}
	}
	if len(tests) == 0 {
		all = Open // nothing was tested
	}
	return all, out
}

// Spend is the part of alpha that look number look (from 1) of looks may use: parts grow, and
// all of them together are alpha, so that looking often proves nothing by itself.
func Spend(alpha float64, look, looks int) float64 {
	return alpha * 2 * float64(look) / float64(looks*(looks+1))
}

// Detectable is the smallest true rate that a run of so many independent tries shows to be above
// a tolerance, with the power that is wanted; 1 where none can be shown.
func Detectable(tries, tolerance, alpha, power float64) float64 {
	need := math.Inf(1)
	for k := 0.; k <= tries; k++ {
		if AtLeast(k, tries, tolerance) <= alpha {
			need = k
			break
		}
	}
	if need > tries {
		return 1
	}
	lo, hi := tolerance, 1.
	for range 60 {
		mid := (lo + hi) / 2
		if AtLeast(need, tries, mid) >= power {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

// Needed is how many independent tries without a hit show that a rate is below a tolerance.
func Needed(tolerance, alpha float64) int {
	if tolerance <= 0 {
		return math.MaxInt32
	}
	return int(math.Ceil(math.Log(alpha) / math.Log1p(-tolerance)))
}
