package stat

// Judge is how well a scorer was seen to judge: what it called a hit of those that were hits,
// and a miss of those that were none. The zero Judge is taken to be right.
type Judge struct {
	Found, Hits   int // of so many hits it found these
	Passed, Other int // of so many that were none it let these pass
}

// Perfect reports whether nothing speaks against the judge, because nobody looked: its verdicts
// are proofs.
func (j Judge) Perfect() bool { return j == Judge{} }

// The parts of an error that are spent on the rate, and on each of the judge's two qualities.
const (
	spentOnRate  = .7
	spentOnJudge = .15
)

// Corrected returns the true rate behind the rate that a judge saw (Rogan and Gladen 1978),
// with an interval that counts the doubt about the judge: each of the three rates has an exact
// interval, and the error is split between them, so that the whole holds whatever they are.
func (j Judge) Corrected(s Sample, confidence float64) (rate float64, in Interval) {
	if j.Perfect() {
		return s.Rate(), s.Interval(confidence)
	}
	if s.Tries == 0 || j.Hits == 0 || j.Other == 0 {
		return s.Rate(), Whole
	}
	alpha := 1 - confidence
	seen := s.Interval(1 - alpha*spentOnRate)
	se, sp := j.qualities(1 - alpha*spentOnJudge)
	rate = unbiased(s.Rate(), float64(j.Found)/float64(j.Hits), float64(j.Passed)/float64(j.Other))
	return rate, Interval{unbiased(seen.Low, se.High, sp.Low), upper(seen.High, se.Low, sp.High)}
}

// qualities are the intervals of sensitivity and specificity.
func (j Judge) qualities(confidence float64) (se, sp Interval) {
	return Exact(float64(j.Found), float64(j.Hits), confidence), Exact(float64(j.Passed), float64(j.Other), confidence)
}

// unbiased turns what was seen into what is, between 0 and 1. A judge that is no better than a
// coin says nothing, and as a lower bound that is 0.
func unbiased(seen, se, sp float64) float64 {
	if se+sp <= 1 {
		return 0
	}
	return min(max((seen+sp-1)/(se+sp-1), 0), 1)
}

func upper(seen, se, sp float64) float64 {
	if se+sp <= 1 {
		return 1
	}
	return unbiased(seen, se, sp)
}

// seen are the rates that a judge would see at a true rate, at least and at most.
func (j Judge) seen(rate, confidence float64) (least, most float64) {
	if j.Perfect() {
		return rate, rate
	}
	if j.Hits == 0 || j.Other == 0 {
		return 0, 1
	}
	se, sp := j.qualities(confidence)
	return rate*se.Low + (1-rate)*(1-sp.High), rate*se.High + (1-rate)*(1-sp.Low)
}
