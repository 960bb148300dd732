package attack

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Binary writes the bytes of a text as zeros and ones.
//
// Source: PyRIT's BinaryConverter.
// Example: "hi" becomes "01101000 01101001".
type Binary struct{}

// ID implements [redteam.Converter].
func (Binary) ID() string { return "binary" }

// Convert implements [redteam.Converter].
func (Binary) Convert(_ *rand.Rand, text string) string {
	words := make([]string, len(text))
	for i := range len(text) {
		words[i] = fmt.Sprintf("%08b", text[i])
	}
	return strings.Join(words, " ")
}

// Invert implements [redteam.Inverter].
func (Binary) Invert(text string) (string, bool) { return bytesOf(text, " ", 2, 8) }

// bytesOf reads numbers of so many digits, one for each byte.
func bytesOf(text, sep string, base, digits int) (string, bool) {
	if text == "" {
		return "", true
	}
	var out []byte
	for word := range strings.SplitSeq(text, sep) {
		n, err := strconv.ParseUint(word, base, 8)
		if err != nil || len(word) != digits {
			return "", false
		}
		out = append(out, byte(n))
	}
	return string(out), true
}
