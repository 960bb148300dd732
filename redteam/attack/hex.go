package attack

import (
	"encoding/hex"
	"math/rand/v2"
)

// Hex writes the bytes of a text in hexadecimal.
//
// Source: garak's encoding probes; promptfoo's hex strategy.
// Example: "hi" becomes "6869".
type Hex struct{}

// ID implements [redteam.Converter].
func (Hex) ID() string { return "hex" }

// Convert implements [redteam.Converter].
func (Hex) Convert(_ *rand.Rand, text string) string { return hex.EncodeToString([]byte(text)) }

// Invert implements [redteam.Inverter].
func (Hex) Invert(text string) (string, bool) {
	b, err := hex.DecodeString(text)
	return string(b), err == nil
}
