package detect

import (
	"math"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Evidence is what is known of a passage when it is decided whether it attacks.
type Evidence struct {
	Data   bool    // nobody who may give orders wrote it
	Model  float64 // log-odds of its worst window, read as written or decoded
	Rules  [2]float64
	Veiled bool    // it was encoded, or its letters were disguised
	Spoken bool    // what no reader sees reads like language
	Harm   float64 // log-odds that its worst window asks for harm
}

// Facts is how many numbers evidence is made of.
const Facts = 11

// Positive says which facts can only speak for an attack: training keeps their weights
// from going below zero, so that no rule that fires ever makes a text look better.
var Positive = [Facts]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true, 9: true, 10: true}

// Numbers are the facts in the form in which they are weighed.
func (e *Evidence) Numbers() [Facts]float64 {
	s, h := max(-8, min(8, e.Model)), max(0, min(5, e.Harm))
	hot := max(0, s)
	x := [Facts]float64{0: 1, 1: s, 2: hot, 3: e.Rules[0], 4: e.Rules[1], 5: max(0, e.Rules[0]-4)}
	if e.Veiled {
		x[6], x[7], x[8], x[10] = 1, hot, h, e.Rules[0]
	}
	if e.Spoken {
		x[9] = 1
	}
	return x
}

// nothing is the confidence of a rule that saw nothing, and certain the highest that counts.
const nothing, certain = .05, .97

// Rule turns a rule's confidence into a number for [Evidence.Rules]: its log-odds above
// those of nothing seen.
func Rule(confidence float64) float64 {
	odds := func(p float64) float64 { return math.Log(p / (1 - p)) }
	return odds(max(nothing, min(certain, confidence))) - odds(nothing)
}

// Weights turn evidence into the log-odds of an attack: one set for what callers say, one
// for data.
type Weights [2][Facts]float64

// Odds returns the log-odds of an attack.
func (w *Weights) Odds(e *Evidence) float64 {
	side := 0
	if e.Data {
		side = 1
	}
	x := e.Numbers()
	z := 0.
	for i, v := range x {
		z += float64(w[side][i] * v)
	}
	return z
}

// Probability returns the probability of an attack, where attacks are as frequent as
// harmless texts.
func (w *Weights) Probability(e *Evidence) float64 { return 1 / (1 + math.Exp(-w.Odds(e))) }

// content reports whether a category says what a text wants; how a text is written
// (hidden, encoded) is no attack by itself.
func content(c risk.Category) bool {
	switch c {
	case risk.PromptInjection, risk.IndirectInjection, risk.Jailbreak, risk.PromptLeak:
		return true
	}
	return false
}

// IsData reports whether nobody who may give orders wrote what has that origin.
func IsData(o llm.Origin) bool { return isData(o) }
