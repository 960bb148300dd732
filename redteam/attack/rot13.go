package attack

import "math/rand/v2"

// Rot13 turns letters by thirteen places.
//
// Source: Usenet; as a jailbreak Wei et al. 2023.
// Example: "say hi" becomes "fnl uv".
type Rot13 struct{}

// ID implements [redteam.Converter].
func (Rot13) ID() string { return "rot13" }

// Convert implements [redteam.Converter].
func (Rot13) Convert(_ *rand.Rand, text string) string { return shift(text, 13) }

// Invert implements [redteam.Inverter].
func (Rot13) Invert(text string) (string, bool) { return shift(text, 13), true }
