package attack

import (
	"fmt"
	"io"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
)

// QuotedPrintable writes every byte of a text as mail writes those outside ASCII.
//
// Source: RFC 2045, section 6.7; garak's encoding probes.
// Example: "hi" becomes "=68=69".
type QuotedPrintable struct{}

// qpLine is how many bytes stand on a line: mail has 76 characters at most.
const qpLine = 25

// ID implements [redteam.Converter].
func (QuotedPrintable) ID() string { return "quoted_printable" }

// Convert implements [redteam.Converter].
func (QuotedPrintable) Convert(_ *rand.Rand, text string) string {
	var b strings.Builder
	for i := range len(text) {
		if i > 0 && i%qpLine == 0 {
			b.WriteString("=\n")
		}
		fmt.Fprintf(&b, "=%02X", text[i])
	}
	return b.String()
}

// Invert implements [redteam.Inverter].
func (QuotedPrintable) Invert(text string) (string, bool) {
	b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(text)))
	return string(b), err == nil && (text == "" || text[0] == '=')
}
