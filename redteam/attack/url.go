package attack

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// URL writes every byte of a text as addresses write those that they may not hold.
//
// Source: RFC 3986, percent-encoding; PyRIT's UrlConverter.
// Example: "hi" becomes "%68%69".
type URL struct{}

// ID implements [redteam.Converter].
func (URL) ID() string { return "url" }

// Convert implements [redteam.Converter].
func (URL) Convert(_ *rand.Rand, text string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, "%%%02X", text[i])
	}
	return b.String()
}

// Invert implements [redteam.Inverter].
func (URL) Invert(text string) (string, bool) {
	rest, ok := strings.CutPrefix(text, "%")
	if !ok {
		return "", text == ""
	}
	return bytesOf(rest, "%", 16, 2)
}
