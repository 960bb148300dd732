package attack

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MathObfuscation writes every character as a difference of numbers that gives its code.
//
// Source: PyRIT's MathObfuscationConverter, which hides letters in identities; Bethany et al. 2024, "Jailbreaking LLMs with Mathematics".
// Example: "hi" may become "(111-7) (144-39)".
type MathObfuscation struct{}

// ID implements [redteam.Converter].
func (MathObfuscation) ID() string { return "math_obfuscation" }

// Convert implements [redteam.Converter].
func (MathObfuscation) Convert(r *rand.Rand, text string) string {
	var terms []string
	for _, c := range text {
		n := 1 + r.IntN(99)
		terms = append(terms, fmt.Sprintf("(%d-%d)", int(c)+n, n))
	}
	return strings.Join(terms, " ")
}

// Invert implements [redteam.Inverter].
func (MathObfuscation) Invert(text string) (string, bool) {
	if text == "" {
		return "", true
	}
	var b strings.Builder
	for term := range strings.SplitSeq(text, " ") {
		rest, opened := strings.CutPrefix(term, "(")
		rest, closed := strings.CutSuffix(rest, ")")
		sum, less, cut := strings.Cut(rest, "-")
		n, err := strconv.ParseInt(sum, 10, 32)
		m, err2 := strconv.ParseInt(less, 10, 32)
		if !opened || !closed || !cut || err != nil || err2 != nil || !utf8.ValidRune(rune(n-m)) {
			return "", false
		}
		b.WriteRune(rune(n - m))
	}
	return b.String(), true
}
