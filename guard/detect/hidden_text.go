package detect

import (
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/risk"
	"github.com/bartizan-ai/bartizan/text"
)

// HiddenText finds characters that no reader sees and a model reads.
//
// Catches: text in tag characters or variation selectors, zero-width characters
// that split words, bidirectional overrides in left-to-right text.
// Does not catch: white text on white, comments in markup, steganography in the
// choice of words; joiners in emoji and Indic words, subdivision flags and
// marks in right-to-left text are left alone on purpose.
// Example: "hello" followed by an order in tag characters.
type HiddenText struct{ member }

func newHiddenText() *HiddenText {
	return &HiddenText{member{id: "hidden_text@1", finds: []risk.Category{risk.HiddenText}, read: readHidden}}
}

// readHidden weighs the hidden runs of a view; one finding for each sort.
func readHidden(v *guard.View, add func(risk.Finding)) {
	if v.Decoded() || len(v.Hidden) == 0 {
		return
	}
	for _, sort := range []text.Sort{text.ZeroWidth, text.Bidi, text.Selector, text.Tag} {
		if f, ok := weighHidden(v, sort); ok {
			add(f)
		}
	}
}

// weighHidden adds up the unusual runs of one sort.
func weighHidden(v *guard.View, sort text.Sort) (risk.Finding, bool) {
	runs, runes, first, last := 0, 0, -1, 0
	for _, h := range v.Hidden {
		if h.Sort != sort || h.Usual || sort == text.ZeroWidth && !h.InWord && h.Runes < 3 {
			continue
		}
		if first < 0 {
			first = h.Start
		}
		runs, runes, last = runs+1, runes+h.Runes, h.End
	}
	if runs == 0 || sort == text.ZeroWidth && runes < 2 {
		return risk.Finding{}, false
	}
	p := hiddenWeight(sort, runs, runes)
	return risk.Finding{Category: risk.HiddenText, Severity: risk.Medium, Confidence: p, Passage: v.Passage, Start: first, End: last,
		Impact: risk.Integrity, Refs: refs("LLM01:2026", "AML.T0068")}, true
}

// hiddenWeight is the probability that the characters carry or break a message:
// letters in tags have no other use, a stray mark usually came with the paste.
func hiddenWeight(sort text.Sort, runs, runes int) float64 {
	switch {
	case (sort == text.Tag || sort == text.Selector) && runes >= 8:
		return .97
	case sort == text.Tag || sort == text.Selector:
		return .6
	case sort == text.ZeroWidth && (runs >= 8 || runes >= 16):
		return .8
	case runs >= 3:
		return .55
	}
	return .3
}
