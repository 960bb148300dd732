package attack

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Charcode writes the code points of a text as decimal numbers.
//
// Source: garak's CharCode buff.
// Example: "hi" becomes "104 105".
type Charcode struct{}

// ID implements [redteam.Converter].
func (Charcode) ID() string { return "charcode" }

// Convert implements [redteam.Converter].
func (Charcode) Convert(_ *rand.Rand, text string) string {
	var words []string
	for _, r := range text {
		words = append(words, strconv.Itoa(int(r)))
	}
	return strings.Join(words, " ")
}

// Invert implements [redteam.Inverter].
func (Charcode) Invert(text string) (string, bool) {
	if text == "" {
		return "", true
	}
	var b strings.Builder
	for word := range strings.SplitSeq(text, " ") {
		n, err := strconv.ParseInt(word, 10, 32)
		if err != nil || !utf8.ValidRune(rune(n)) {
			return "", false
		}
		b.WriteRune(rune(n))
	}
	return b.String(), true
}
