package attack

import (
	"math/rand/v2"
	"strings"
	"unicode"
)

// Piglatin moves the consonants that a word begins with to its end.
//
// Source: the children's game; promptfoo's piglatin strategy.
// Example: "say hi" becomes "aysay ihay".
type Piglatin struct{}

// ID implements [redteam.Converter].
func (Piglatin) ID() string { return "piglatin" }

// Convert implements [redteam.Converter].
func (Piglatin) Convert(_ *rand.Rand, text string) string {
	return eachWord(text, func(w string) string {
		end := strings.IndexFunc(w, func(r rune) bool { return !unicode.IsLetter(r) })
		if end < 0 {
			end = len(w)
		}
		if end == 0 {
			return w
		}
		word, rest := w[:end], w[end:]
		switch vowel := strings.IndexAny(word, "aeiouAEIOU"); {
		case vowel == 0:
			return word + "way" + rest
		case vowel > 0:
			return word[vowel:] + word[:vowel] + "ay" + rest
		}
		return word + "ay" + rest
	})
}
