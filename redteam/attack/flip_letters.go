package attack

import "math/rand/v2"

// FlipLetters turns every word around and leaves the words where they are.
//
// Source: Liu et al. 2024, "FlipAttack" (flip characters in word).
// Example: "say hi" becomes "yas ih".
type FlipLetters struct{}

// ID implements [redteam.Converter].
func (FlipLetters) ID() string { return "flip_letters" }

// Convert implements [redteam.Converter].
func (FlipLetters) Convert(_ *rand.Rand, text string) string { return eachWord(text, reversed) }

// Invert implements [redteam.Inverter].
func (FlipLetters) Invert(text string) (string, bool) { return eachWord(text, reversed), true }
