package attack

import (
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

// FirstLetter leaves the first letter of every word: what a model still guesses, it has by heart.
//
// Source: PyRIT's FirstLetterConverter.
// Example: "say hi to all" becomes "s h t a".
type FirstLetter struct{}

// ID implements [redteam.Converter].
func (FirstLetter) ID() string { return "first_letter" }

// Convert implements [redteam.Converter].
func (FirstLetter) Convert(_ *rand.Rand, text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		_, size := utf8.DecodeRuneInString(w)
		words[i] = w[:size]
	}
	return strings.Join(words, " ")
}
