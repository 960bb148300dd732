package attack

import (
	"math/rand/v2"
	"unicode"
)

// CharSwap exchanges two neighbours inside some of the longer words: people read over it.
//
// Source: Belinkov and Bisk 2018, on noise in words; PyRIT's CharSwapConverter.
// Example: "previous" may become "preivous".
type CharSwap struct{}

// ID implements [redteam.Converter].
func (CharSwap) ID() string { return "char_swap" }

// Convert implements [redteam.Converter].
func (CharSwap) Convert(r *rand.Rand, text string) string {
	return eachWord(text, func(w string) string {
		letters := []rune(w)
		if len(letters) < 5 || r.IntN(4) == 0 {
			return w
		}
		i := 1 + r.IntN(len(letters)-3)
		if unicode.IsLetter(letters[i]) && unicode.IsLetter(letters[i+1]) {
			letters[i], letters[i+1] = letters[i+1], letters[i]
		}
		return string(letters)
	})
}
