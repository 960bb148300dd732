package attack

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// Base58 writes the bytes of a text in base58, eight bytes at a time as CryptoNote does, since
// the plain form takes time that grows with the square of the length.
//
// Source: CryptoNote standard 7; the alphabet is Bitcoin's.
// Example: "say hi" becomes "1zTTp3U1W".
type Base58 struct{}

const base58Letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58Sizes is how many letters a block of so many bytes takes.
var base58Sizes = []int{0, 2, 3, 5, 6, 7, 9, 10, 11}

// ID implements [redteam.Converter].
func (Base58) ID() string { return "base58" }

// Convert implements [redteam.Converter].
func (Base58) Convert(_ *rand.Rand, text string) string {
	var b strings.Builder
	for block := range slices.Chunk([]byte(text), 8) {
		var n uint64
		for _, c := range block {
			n = n<<8 | uint64(c)
		}
		out := make([]byte, base58Sizes[len(block)])
		for i := len(out) - 1; i >= 0; i-- {
			out[i] = base58Letters[n%58]
			n /= 58
		}
		b.Write(out)
	}
	return b.String()
}

// Invert implements [redteam.Inverter].
func (Base58) Invert(text string) (string, bool) {
	var b []byte
	for block := range slices.Chunk([]byte(text), 11) {
		size := slices.Index(base58Sizes, len(block))
		if size < 0 {
			return "", false
		}
		var n uint64
		for _, c := range block {
			digit := strings.IndexByte(base58Letters, c)
			if digit < 0 || n > (1<<64-1-uint64(digit))/58 {
				return "", false
			}
			n = n*58 + uint64(digit)
		}
		if size < 8 && n>>(8*size) != 0 {
			return "", false
		}
		for i := size - 1; i >= 0; i-- {
			b = append(b, byte(n>>(8*i)))
		}
	}
	return string(b), true
}
