package attack

import (
	"bytes"
	"encoding/ascii85"
	"math/rand/v2"
)

// ASCII85 writes the bytes of a text in ASCII85.
//
// Source: Adobe's PostScript; garak's encoding probes.
// Example: "say hi" becomes "F('>:BP@".
type ASCII85 struct{}

// ID implements [redteam.Converter].
func (ASCII85) ID() string { return "ascii85" }

// Convert implements [redteam.Converter].
func (ASCII85) Convert(_ *rand.Rand, text string) string {
	out := make([]byte, ascii85.MaxEncodedLen(len(text)))
	return string(out[:ascii85.Encode(out, []byte(text))])
}

// Invert implements [redteam.Inverter].
func (ASCII85) Invert(text string) (string, bool) {
	var out bytes.Buffer
	_, err := out.ReadFrom(ascii85.NewDecoder(bytes.NewReader([]byte(text))))
	return out.String(), err == nil
}
