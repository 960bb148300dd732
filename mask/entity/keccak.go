package entity

import (
	"encoding/binary"
	"math/bits"
)

// keccak256 hashes up to 135 bytes the way Ethereum does, which is not quite the
// SHA-3 of the standard: the padding differs, so the standard library has it not.
func keccak256(data []byte) [32]byte {
	var block [136]byte
	n := copy(block[:135], data)
	block[n] = 1
	block[135] |= 0x80
	var a [25]uint64
	for i := range 17 {
		a[i] = binary.LittleEndian.Uint64(block[8*i:])
	}
	permute(&a)
	var out [32]byte
	for i := range 4 {
		binary.LittleEndian.PutUint64(out[8*i:], a[i])
	}
	return out
}

// permute is Keccak-f[1600].
func permute(a *[25]uint64) {
	lfsr := byte(1)
	for range 24 {
		theta(a)
		rhoPi(a)
		chi(a)
		for j := range 7 {
			if lfsr&1 == 1 {
				a[0] ^= 1 << (1<<j - 1)
			}
			carry := lfsr >> 7
			lfsr = lfsr<<1 ^ carry*0x71
		}
	}
}

func theta(a *[25]uint64) {
	var c [5]uint64
	for x := range 5 {
		c[x] = a[x] ^ a[x+5] ^ a[x+10] ^ a[x+15] ^ a[x+20]
	}
	for x := range 5 {
		d := c[(x+4)%5] ^ bits.RotateLeft64(c[(x+1)%5], 1)
		for y := 0; y < 25; y += 5 {
			a[x+y] ^= d
		}
	}
}

func rhoPi(a *[25]uint64) {
	x, y := 1, 0
	last := a[1]
	for t := range 24 {
		x, y = y, (2*x+3*y)%5
		last, a[x+5*y] = a[x+5*y], bits.RotateLeft64(last, (t+1)*(t+2)/2%64)
	}
}

func chi(a *[25]uint64) {
	for y := 0; y < 25; y += 5 {
		row := [5]uint64(a[y : y+5])
		for x := range 5 {
			a[x+y] = row[x] ^ ^row[(x+1)%5]&row[(x+2)%5]
		}
	}
}
