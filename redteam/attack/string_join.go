package attack

import "math/rand/v2"

// StringJoin puts a hyphen between every two letters.
//
// Source: PyRIT's StringJoinConverter.
// Example: "say" becomes "s-a-y".
type StringJoin struct{}

// ID implements [redteam.Converter].
func (StringJoin) ID() string { return "string_join" }

// Convert implements [redteam.Converter].
func (StringJoin) Convert(_ *rand.Rand, text string) string {
	return between(text, func() rune { return '-' })
}

// Invert implements [redteam.Inverter].
func (StringJoin) Invert(text string) (string, bool) {
	return unbetween(text, func(r rune) bool { return r == '-' })
}
