package attack

import (
	"math/rand/v2"
	"strings"
)

// Base2048 writes the bytes of a text as Chinese characters, eleven bits to each: few tokens,
// and nothing that looks like an encoding.
//
// Source: qntm, base2048; PyRIT's Base2048Converter. The repertoire here is our own.
// Example: "hi" becomes "元偀".
type Base2048 struct{}

const (
	base2048From = 0x4E00 // 2,048 characters for eleven bits
	base2048Tail = 0x5600 // 8 for a rest of up to three bits
)

// ID implements [redteam.Converter].
func (Base2048) ID() string { return "base2048" }

// Convert implements [redteam.Converter].
func (Base2048) Convert(_ *rand.Rand, text string) string {
	var b strings.Builder
	var bits, n uint
	for _, c := range []byte(text) {
		bits, n = bits<<8|uint(c), n+8
		if n >= 11 {
			n -= 11
			b.WriteRune(rune(base2048From + bits>>n))
			bits &= 1<<n - 1
		}
	}
	switch {
	case n > 3:
		b.WriteRune(rune(base2048From + bits<<(11-n)))
	case n > 0:
		b.WriteRune(rune(base2048Tail + bits<<(3-n)))
	}
	return b.String()
}

// Invert implements [redteam.Inverter].
func (Base2048) Invert(text string) (string, bool) {
	var out []byte
	var bits, n uint
	ended := false
	for _, r := range text {
		switch {
		case ended:
			return "", false
		case base2048From <= r && r < base2048From+2048:
			bits, n = bits<<11|uint(r-base2048From), n+11
		case base2048Tail <= r && r < base2048Tail+8:
			bits, n, ended = bits<<3|uint(r-base2048Tail), n+3, true
		default:
			return "", false
		}
		for n >= 8 {
			n -= 8
			out = append(out, byte(bits>>n))
			bits &= 1<<n - 1
		}
	}
	return string(out), bits == 0
}
