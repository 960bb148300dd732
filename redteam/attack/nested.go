package attack

import "math/rand/v2"

// Nested writes a text in base64, and that in hexadecimal: a guard that opens one encoding
// still sees nothing.
//
// Source: promptfoo's layer strategy; Handa et al. 2024, on ciphers within ciphers.
// Example: "hi" becomes "61476b3d".
type Nested struct{}

// ID implements [redteam.Converter].
func (Nested) ID() string { return "nested" }

// Convert implements [redteam.Converter].
func (Nested) Convert(r *rand.Rand, text string) string {
	return Hex{}.Convert(r, Base64{}.Convert(r, text))
}

// Invert implements [redteam.Inverter].
func (Nested) Invert(text string) (string, bool) {
	inner, ok := Hex{}.Invert(text)
	if !ok {
		return "", false
	}
	return Base64{}.Invert(inner)
}
