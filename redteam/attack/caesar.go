package attack

import "math/rand/v2"

// Caesar turns letters by three places, as Caesar did.
//
// Source: Yuan et al. 2023, "GPT-4 Is Too Smart To Be Safe: Stealthy Chat via Cipher".
// Example: "say hi" becomes "vdb kl".
type Caesar struct{}

// ID implements [redteam.Converter].
func (Caesar) ID() string { return "caesar" }

// Convert implements [redteam.Converter].
func (Caesar) Convert(_ *rand.Rand, text string) string { return shift(text, 3) }

// Invert implements [redteam.Inverter].
func (Caesar) Invert(text string) (string, bool) { return shift(text, -3), true }
