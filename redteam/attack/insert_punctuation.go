package attack

import (
	"math/rand/v2"
)

// InsertPunctuation puts signs that mean nothing after some of the words.
//
// Source: Jones et al. 2023; PyRIT's InsertPunctuationConverter.
// Example: "say hi now" may become "say; hi, now".
type InsertPunctuation struct{}

// ID implements [redteam.Converter].
func (InsertPunctuation) ID() string { return "insert_punctuation" }

// Convert implements [redteam.Converter].
func (InsertPunctuation) Convert(r *rand.Rand, text string) string {
	const signs = ",;:.-_~*"
	return eachWord(text, func(w string) string {
		if w == "" || r.IntN(2) == 0 {
			return w
		}
		return w + string(signs[r.IntN(len(signs))])
	})
}
