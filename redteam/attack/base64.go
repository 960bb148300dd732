package attack

import (
	"encoding/base64"
	"math/rand/v2"
)

// Base64 writes the bytes of a text in base64.
//
// Source: RFC 4648; as a jailbreak Wei et al. 2023, "Jailbroken: How Does LLM Safety Training Fail?".
// Example: "say hi" becomes "c2F5IGhp".
type Base64 struct{}

// ID implements [redteam.Converter].
func (Base64) ID() string { return "base64" }

// Convert implements [redteam.Converter].
func (Base64) Convert(_ *rand.Rand, text string) string {
	return base64.StdEncoding.EncodeToString([]byte(text))
}

// Invert implements [redteam.Inverter].
func (Base64) Invert(text string) (string, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	return string(b), err == nil
}
