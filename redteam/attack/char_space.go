package attack

import "math/rand/v2"

// CharSpace puts a blank between every two letters, so that no word is a token.
//
// Source: Robust Intelligence 2024, on spaced-out text against Prompt Guard; PyRIT's CharacterSpaceConverter.
// Example: "say" becomes "s a y".
type CharSpace struct{}

// ID implements [redteam.Converter].
func (CharSpace) ID() string { return "char_space" }

// Convert implements [redteam.Converter].
func (CharSpace) Convert(_ *rand.Rand, text string) string {
	return between(text, func() rune { return ' ' })
}

// Invert implements [redteam.Inverter].
func (CharSpace) Invert(text string) (string, bool) {
	return unbetween(text, func(r rune) bool { return r == ' ' })
}
