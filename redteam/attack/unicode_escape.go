package attack

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// UnicodeEscape writes every character of a text as JavaScript and JSON may escape it.
//
// Source: ECMA-404; PyRIT's UnicodeReplacementConverter.
// Example: "hi" becomes `\u0068\u0069`.
type UnicodeEscape struct{}

// ID implements [redteam.Converter].
func (UnicodeEscape) ID() string { return "unicode_escape" }

// Convert implements [redteam.Converter].
func (UnicodeEscape) Convert(_ *rand.Rand, text string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&b, `\u%04x`, unit)
	}
	return b.String()
}

// Invert implements [redteam.Inverter].
func (UnicodeEscape) Invert(text string) (string, bool) {
	var units []uint16
	for text != "" {
		if len(text) < 6 || text[:2] != `\u` {
			return "", false
		}
		n, err := strconv.ParseUint(text[2:6], 16, 16)
		if err != nil {
			return "", false
		}
		units, text = append(units, uint16(n)), text[6:]
	}
	out := string(utf16.Decode(units))
	return out, utf8.ValidString(out)
}
