package attack

import (
	"math/rand/v2"
	"strings"
	"unicode"
)

// Tatweel stretches words with the line that Arabic typesetters fill theirs with, between any
// two letters, whatever their script.
//
// Source: PyRIT's TatweelConverter.
// Example: "سر" becomes "سـر".
type Tatweel struct{}

const tatweel = 'ـ' // a letter itself, for Unicode

// ID implements [redteam.Converter].
func (Tatweel) ID() string { return "tatweel" }

// Convert implements [redteam.Converter].
func (Tatweel) Convert(_ *rand.Rand, text string) string {
	var b strings.Builder
	after := false
	for _, r := range text {
		letter := unicode.IsLetter(r)
		if after && letter {
			b.WriteRune(tatweel)
		}
		b.WriteRune(r)
		after = letter
	}
	return b.String()
}

// Invert implements [redteam.Inverter].
func (Tatweel) Invert(text string) (string, bool) {
	var b strings.Builder
	letters := []rune(text)
	for i := 0; i < len(letters); i++ {
		b.WriteRune(letters[i])
		if i+1 >= len(letters) || !unicode.IsLetter(letters[i]) || !unicode.IsLetter(letters[i+1]) {
			continue
		}
		if letters[i+1] != tatweel || i+2 >= len(letters) || !unicode.IsLetter(letters[i+2]) {
			return "", false
		}
		i++
	}
	return b.String(), true
}
