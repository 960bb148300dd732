package attack

import (
	"encoding/base32"
	"math/rand/v2"
)

// Base32 writes the bytes of a text in base32.
//
// Source: RFC 4648, section 6; garak's encoding probes.
// Example: "say hi" becomes "ONQXSIDINE======".
type Base32 struct{}

// ID implements [redteam.Converter].
func (Base32) ID() string { return "base32" }

// Convert implements [redteam.Converter].
func (Base32) Convert(_ *rand.Rand, text string) string {
	return base32.StdEncoding.EncodeToString([]byte(text))
}

// Invert implements [redteam.Inverter].
func (Base32) Invert(text string) (string, bool) {
	b, err := base32.StdEncoding.DecodeString(text)
	return string(b), err == nil
}
