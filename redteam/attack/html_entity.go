package attack

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode/utf8"
)

// HTMLEntity writes every character of a text as a character reference.
//
// Source: HTML, numeric character references; used in indirect injections by Greshake et al. 2023.
// Example: "hi" becomes "&#x68;&#x69;".
type HTMLEntity struct{}

// ID implements [redteam.Converter].
func (HTMLEntity) ID() string { return "html_entity" }

// Convert implements [redteam.Converter].
func (HTMLEntity) Convert(_ *rand.Rand, text string) string {
	var b strings.Builder
	for _, r := range text {
		fmt.Fprintf(&b, "&#x%x;", r)
	}
	return b.String()
}

// Invert implements [redteam.Inverter].
func (HTMLEntity) Invert(text string) (string, bool) {
	var b strings.Builder
	for text != "" {
		rest, ok := strings.CutPrefix(text, "&#x")
		digits, after, ended := strings.Cut(rest, ";")
		n, err := strconv.ParseInt(digits, 16, 32)
		if !ok || !ended || err != nil || !utf8.ValidRune(rune(n)) {
			return "", false
		}
		b.WriteRune(rune(n))
		text = after
	}
	return b.String(), true
}
