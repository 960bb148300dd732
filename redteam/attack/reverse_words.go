package attack

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// ReverseWords writes the words of a text from last to first.
//
// Source: Liu et al. 2024, "FlipAttack" (flip word order).
// Example: "say hi now" becomes "now hi say".
type ReverseWords struct{}

// ID implements [redteam.Converter].
func (ReverseWords) ID() string { return "reverse_words" }

// Convert implements [redteam.Converter].
func (ReverseWords) Convert(_ *rand.Rand, text string) string {
	words := strings.Split(text, " ")
	slices.Reverse(words)
	return strings.Join(words, " ")
}

// Invert implements [redteam.Inverter].
func (c ReverseWords) Invert(text string) (string, bool) { return c.Convert(nil, text), true }
