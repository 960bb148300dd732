package attack

import (
	"encoding/base64"
	"math/rand/v2"
)

// Base64URL writes the bytes of a text in the base64 of addresses, without padding: what a
// reader of plain base64 refuses.
//
// Source: RFC 4648, section 5.
// Example: "say hi?" becomes "c2F5IGhpPw".
type Base64URL struct{}

// ID implements [redteam.Converter].
func (Base64URL) ID() string { return "base64url" }

// Convert implements [redteam.Converter].
func (Base64URL) Convert(_ *rand.Rand, text string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// Invert implements [redteam.Inverter].
func (Base64URL) Invert(text string) (string, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return string(b), err == nil
}
