package attack

import (
	"math/rand/v2"
	"strings"
	"sync"
	"unicode"
)

// Braille writes letters as dots, capitals after the sign for them.
//
// Source: the code of 1829 without contractions; PyRIT's BrailleConverter.
// Example: "Say" becomes "⠠⠎⠁⠽".
type Braille struct{}

const brailleCapital = '⠠'

// brailleDots also turns dots into letters, so that a text that held dots can be had back.
var brailleDots = sync.OnceValue(func() swap {
	return swapOf(lowerLetters, "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵")
})

// ID implements [redteam.Converter].
func (Braille) ID() string { return "braille" }

// Convert implements [redteam.Converter].
func (Braille) Convert(_ *rand.Rand, text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == brailleCapital:
			b.WriteString("⠠⠠")
		case 'A' <= r && r <= 'Z':
			b.WriteRune(brailleCapital)
			b.WriteRune(brailleDots()[unicode.ToLower(r)])
		default:
			b.WriteString(brailleDots().apply(string(r)))
		}
	}
	return b.String()
}

// Invert implements [redteam.Inverter].
func (Braille) Invert(text string) (string, bool) {
	var b strings.Builder
	capital := false
	for _, r := range text {
		letter, known := brailleDots()[r]
		switch {
		case !capital && r == brailleCapital:
			capital = true
			continue
		case capital && r == brailleCapital:
			b.WriteRune(r)
		case capital && (!known || letter > 'z'):
			return "", false
		case capital:
			b.WriteRune(unicode.ToUpper(letter))
		case known:
			b.WriteRune(letter)
		default:
			b.WriteRune(r)
		}
		capital = false
	}
	return b.String(), !capital
}
