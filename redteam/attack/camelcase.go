package attack

import (
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Camelcase writes a text as one name of a program.
//
// Source: promptfoo's camelcase strategy.
// Example: "say hi now" becomes "sayHiNow".
type Camelcase struct{}

// ID implements [redteam.Converter].
func (Camelcase) ID() string { return "camelcase" }

// Convert implements [redteam.Converter].
func (Camelcase) Convert(_ *rand.Rand, text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		first, size := utf8.DecodeRuneInString(w)
		if i > 0 {
			words[i] = string(unicode.ToUpper(first)) + w[size:]
		} else {
			words[i] = strings.ToLower(w)
		}
	}
	return strings.Join(words, "")
}
