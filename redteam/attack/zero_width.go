package attack

import (
	"math/rand/v2"
	"strings"
)

// ZeroWidth puts characters without width between every two letters.
//
// Source: Boucher et al. 2022; PyRIT's ZeroWidthConverter.
// Example: "say" looks like "say" and has five characters.
type ZeroWidth struct{}

const zeroWidths = "\u200b\u200c\u200d\u2060"

// ID implements [redteam.Converter].
func (ZeroWidth) ID() string { return "zero_width" }

// Convert implements [redteam.Converter].
func (ZeroWidth) Convert(r *rand.Rand, text string) string {
	choice := []rune(zeroWidths)
	return between(text, func() rune { return choice[r.IntN(len(choice))] })
}

// Invert implements [redteam.Inverter].
func (ZeroWidth) Invert(text string) (string, bool) {
	return unbetween(text, func(r rune) bool { return strings.ContainsRune(zeroWidths, r) })
}
