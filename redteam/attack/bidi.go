package attack

import (
	"math/rand/v2"
	"strings"
)

// Bidi stores a text from its end and lets the screen show it the right way: what a program
// reads is not what a person sees.
//
// Source: Boucher and Anderson 2021, "Trojan Source"; PyRIT's BidiConverter.
// Example: "say" is stored as "yas" between an override and its end.
type Bidi struct{}

const bidiOverride, bidiEnd = "\u202e", "\u202c"

// ID implements [redteam.Converter].
func (Bidi) ID() string { return "bidi" }

// Convert implements [redteam.Converter].
func (Bidi) Convert(_ *rand.Rand, text string) string { return bidiOverride + reversed(text) + bidiEnd }

// Invert implements [redteam.Inverter].
func (Bidi) Invert(text string) (string, bool) {
	rest, opened := strings.CutPrefix(text, bidiOverride)
	rest, closed := strings.CutSuffix(rest, bidiEnd)
	return reversed(rest), opened && closed
}
