package attack

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// Uuencode writes the bytes of a text as Unix sent files by mail.
//
// Source: POSIX uuencode; garak's encoding probes.
// Example: "hi" becomes "begin 644 note.txt", a line `":&D`, and "end".
type Uuencode struct{}

const (
	uuBegin = "begin 644 note.txt\n"
	uuEnd   = "`\nend\n"
)

// ID implements [redteam.Converter].
func (Uuencode) ID() string { return "uuencode" }

// uuLetter writes six bits; nobody writes zero as a blank any more, since mail cuts it off.
func uuLetter(n byte) byte {
	if n == 0 {
		return '`'
	}
	return ' ' + n
}

// Convert implements [redteam.Converter].
func (Uuencode) Convert(_ *rand.Rand, text string) string {
	var b strings.Builder
	b.WriteString(uuBegin)
	for line := range slices.Chunk([]byte(text), 45) {
		b.WriteByte(uuLetter(byte(len(line))))
		for group := range slices.Chunk(line, 3) {
			var g [3]byte
			copy(g[:], group)
			for _, n := range []byte{g[0] >> 2, g[0]<<4&0x30 | g[1]>>4, g[1]<<2&0x3C | g[2]>>6, g[2] & 0x3F} {
				b.WriteByte(uuLetter(n))
			}
		}
		b.WriteByte('\n')
	}
	b.WriteString(uuEnd)
	return b.String()
}

// Invert implements [redteam.Inverter].
func (Uuencode) Invert(text string) (string, bool) {
	rest, ok := strings.CutPrefix(text, uuBegin)
	body, ended := strings.CutSuffix(rest, uuEnd)
	if !ok || !ended {
		return "", false
	}
	var out []byte
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.Trim(line, lettersOfUU) != "" {
			return "", false
		}
		size, rest := int(line[0]-' ')&0x3F, []byte(line[1:])
		if len(rest)%4 != 0 || size > len(rest)/4*3 {
			return "", false
		}
		var bytes []byte
		for g := range slices.Chunk(rest, 4) {
			for i := range g {
				g[i] = (g[i] - ' ') & 0x3F
			}
			bytes = append(bytes, g[0]<<2|g[1]>>4, g[1]<<4|g[2]>>2, g[2]<<6|g[3])
		}
		out = append(out, bytes[:size]...)
	}
	return string(out), true
}

// lettersOfUU are the letters of a line.
const lettersOfUU = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
