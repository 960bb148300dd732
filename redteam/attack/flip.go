package attack

import "math/rand/v2"

// Flip writes a text from its last letter to its first.
//
// Source: Liu et al. 2024, "FlipAttack: Jailbreak LLMs via Flipping" (flip characters in sentence).
// Example: "say hi" becomes "ih yas".
type Flip struct{}

// ID implements [redteam.Converter].
func (Flip) ID() string { return "flip" }

// Convert implements [redteam.Converter].
func (Flip) Convert(_ *rand.Rand, text string) string { return reversed(text) }

// Invert implements [redteam.Inverter].
func (Flip) Invert(text string) (string, bool) { return reversed(text), true }
