package attack

import (
	"math/rand/v2"
	"strings"
)

// SneakyBits writes the bits of a text with two characters that nobody sees.
//
// Source: Rehberger 2025, "Sneaky Bits"; PyRIT's SneakyBitsSmugglerConverter.
// Example: "s" becomes eight characters, U+2062 for 0 and U+2064 for 1.
type SneakyBits struct{}

const sneakyZero, sneakyOne = '\u2062', '\u2064'

// ID implements [redteam.Converter].
func (SneakyBits) ID() string { return "sneaky_bits" }

// Convert implements [redteam.Converter].
func (SneakyBits) Convert(_ *rand.Rand, text string) string {
	var b strings.Builder
	for i := range len(text) {
		for bit := 7; bit >= 0; bit-- {
			if text[i]>>bit&1 == 1 {
				b.WriteRune(sneakyOne)
			} else {
				b.WriteRune(sneakyZero)
			}
		}
	}
	return b.String()
}

// Invert implements [redteam.Inverter].
func (SneakyBits) Invert(text string) (string, bool) {
	var out []byte
	var c byte
	n := 0
	for _, r := range text {
		if r != sneakyZero && r != sneakyOne {
			return "", false
		}
		c = c << 1
		if r == sneakyOne {
			c |= 1
		}
		if n++; n%8 == 0 {
			out = append(out, c)
		}
	}
	return string(out), n%8 == 0
}
