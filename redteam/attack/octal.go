package attack

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Octal writes the bytes of a text as C writes them in strings.
//
// Source: ISO C, octal escape sequences.
// Example: "hi" becomes `\150\151`.
type Octal struct{}

// ID implements [redteam.Converter].
func (Octal) ID() string { return "octal" }

// Convert implements [redteam.Converter].
func (Octal) Convert(_ *rand.Rand, text string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, `\%03o`, text[i])
	}
	return b.String()
}

// Invert implements [redteam.Inverter].
func (Octal) Invert(text string) (string, bool) {
	rest, ok := strings.CutPrefix(text, `\`)
	if !ok {
		return "", text == ""
	}
	return bytesOf(rest, `\`, 8, 3)
}
