package attack

import (
	"math/rand/v2"
	"strings"
	"unicode"
)

// Diacritic gives every letter an accent.
//
// Source: Boucher et al. 2022; PyRIT's DiacriticConverter.
// Example: "say" may become "ṡáỳ", each accent a character of its own.
type Diacritic struct{}

// ID implements [redteam.Converter].
func (Diacritic) ID() string { return "diacritic" }

// Convert implements [redteam.Converter].
func (Diacritic) Convert(r *rand.Rand, text string) string { return marked(r, text, 1) }

// Invert implements [redteam.Inverter].
func (Diacritic) Invert(text string) (string, bool) { return unmarked(text, 1) }

const (
	firstMark = 0x0300
	marks     = 0x50 // that are put on letters
)

// marked puts n combining marks on every letter. How many is fixed, so that the marks a text
// had itself can be told from those that were put on.
func marked(r *rand.Rand, text string, n int) string {
	var b strings.Builder
	for _, c := range text {
		b.WriteRune(c)
		if !unicode.IsLetter(c) {
			continue
		}
		for range n {
			b.WriteRune(rune(firstMark + r.IntN(marks)))
		}
	}
	return b.String()
}

// unmarked takes the n marks after every letter away.
func unmarked(text string, n int) (string, bool) {
	var b strings.Builder
	due := 0
	for _, c := range text {
		if due > 0 {
			if c < firstMark || c >= firstMark+marks {
				return "", false
			}
			due--
			continue
		}
		b.WriteRune(c)
		if unicode.IsLetter(c) {
			due = n
		}
	}
	return b.String(), due == 0
}
