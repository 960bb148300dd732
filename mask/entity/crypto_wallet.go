package entity

import (
	"crypto/sha256"
	"strings"
)

// findWallets finds addresses of crypto currencies.
//
// Catches: Bitcoin and its kin in base58 and in bech32, Litecoin, Dogecoin, Dash,
// Tron, Ripple and Cardano of the new form, each with its checksum computed;
// Ethereum with its mixed-case checksum or in one case.
// Does not catch: Solana and Monero without a word for them near, wallets of other
// chains, hashes of transactions and blocks.
// Example: 0x and forty hexadecimal digits.
func findWallets(p *page, emit emitter) {
	t := p.t
	for i := 0; i < len(t); {
		if !isAlnum(t[i]) {
			i++
			continue
		}
		j := skipNumber(t, i)
		if n := j - i; n >= 25 && n <= 110 && walletEdges(t, i, j) {
			if w := p.wallet(i, j); w > 0 {
				emit(i, j, w)
			}
		}
		i = j
	}
}

// walletEdges reports whether a run is not a part of something longer.
func walletEdges(t string, i, j int) bool {
	if i > 0 && (t[i-1] == '_' || t[i-1] == '/' && i > 1 && t[i-2] == '+' || t[i-1] == '+' || t[i-1] == '%') {
		return false
	}
	return j >= len(t) || t[j] != '_' && t[j] != '+' && t[j] != '='
}

// wallet is how likely a run is an address.
func (p *page) wallet(i, j int) float64 {
	s := p.t[i:j]
	switch {
	case len(s) == 42 && s[0] == '0' && s[1]|0x20 == 'x':
		if n := p.around(i, j); n.other && !n.says(walletWord) {
			return .3 // a hash of something else
		}
		return ethereum(s[2:])
	case len(s) <= 35 && strings.IndexByte("13LMDAXTrt9", s[0]) >= 0:
		if base58Check(s) {
			return .98
		}
	case bech32Check(s):
		return .98
	}
	if len(s) >= 32 && len(s) <= 44 || len(s) == 95 {
		if n := p.around(i, j); n.says(walletWord) && p.spokenOf(i, "wallet", "address", "solana", "phantom", "monero", "xmr", "sol:", "钱包", "кошел") && base58Only(s) {
			return .85
		}
	}
	return 0
}

// spokenOf reports whether one of the words stands shortly before i.
func (p *page) spokenOf(i int, words ...string) bool {
	before := p.low[max(0, i-reach):i]
	for _, w := range words {
		if strings.Contains(before, w) {
			return true
		}
	}
	return false
}

const (
	bitcoin58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	ripple58  = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
)

// base58Only reports whether a text could be base58 that is no word and no number.
func base58Only(s string) bool {
	digits, capitals, small := 0, 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case strings.IndexByte(bitcoin58, c) < 0:
			return false
		case isDigit(c):
			digits++
		case c < 'a':
			capitals++
		default:
			small++
		}
	}
	return digits > 1 && capitals > 4 && small > 4
}

// base58Check verifies an address of one version byte, twenty of a hash and four
// of a checksum.
func base58Check(s string) bool {
	alphabet := bitcoin58
	if s[0] == 'r' {
		alphabet = ripple58
	}
	var raw [25]byte
	for i := range len(s) {
		carry := strings.IndexByte(alphabet, s[i])
		if carry < 0 {
			return false
		}
		for k := len(raw) - 1; k >= 0; k-- {
			carry += int(raw[k]) * 58
			raw[k] = byte(carry)
			carry >>= 8
		}
		if carry != 0 {
			return false
		}
	}
	once := sha256.Sum256(raw[:21])
	twice := sha256.Sum256(once[:])
	return string(twice[:4]) == string(raw[21:]) && knownVersion(raw[0])
}

// knownVersion lists the version bytes of the chains that are read.
func knownVersion(v byte) bool {
	switch v {
	case 0, 5, 6, 22, 23, 30, 48, 50, 65, 76, 16, 111, 196:
		return true
	}
	return false
}

const bech32Letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32Check verifies both forms of bech32 for the prefixes of known chains.
func bech32Check(s string) bool {
	var at int
	for _, prefix := range []string{"bc1", "tb1", "ltc1", "addr1", "cosmos1", "BC1"} {
		if strings.HasPrefix(s, prefix) {
			at = len(prefix) - 1
		}
	}
	if at == 0 {
		return false
	}
	sum := bech32Head(s[:at])
	for i := at + 1; i < len(s); i++ {
		c := s[i]
		if s[0] == 'B' && 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		v := strings.IndexByte(bech32Letters, c)
		if v < 0 {
			return false
		}
		sum = bech32Step(sum) ^ uint32(v)
	}
	return sum == 1 || sum == 0x2bc830a3
}

// bech32Head takes in the prefix: its high bits, a zero, its low bits.
func bech32Head(prefix string) uint32 {
	sum := uint32(1)
	for i := range len(prefix) {
		sum = bech32Step(sum) ^ uint32(prefix[i]|0x20)>>5
	}
	sum = bech32Step(sum)
	for i := range len(prefix) {
		sum = bech32Step(sum) ^ uint32(prefix[i]|0x20)&31
	}
	return sum
}

func bech32Step(sum uint32) uint32 {
	top := sum >> 25
	sum = sum & 0x1ffffff << 5
	for i, g := range [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		if top>>i&1 == 1 {
			sum ^= g
		}
	}
	return sum
}

// ethereum takes forty digits in one case, and in mixed case when the case of each
// letter is what the hash of the whole says.
func ethereum(s string) float64 {
	small, capital, digits := false, false, 0
	for i := range len(s) {
		switch c := s[i]; {
		case !isHex(c):
			return 0
		case isDigit(c):
			digits++
		case c >= 'a':
			small = true
		default:
			capital = true
		}
	}
	switch {
	case digits == len(s) || !small && !capital || uneven(s):
		return .3
	case small && capital && !mixedCase(s):
		return .1
	}
	return .97
}

// uneven reports constants, which repeat one digit.
func uneven(s string) bool {
	var count [128]int
	for i := range len(s) {
		if count[s[i]|0x20]++; count[s[i]|0x20] > len(s)/3 {
			return true
		}
	}
	return false
}

// mixedCase is the checksum of EIP-55.
func mixedCase(s string) bool {
	hash := keccak256([]byte(strings.ToLower(s)))
	for i := range len(s) {
		if c := s[i]; !isDigit(c) {
			n := hash[i/2] >> 4
			if i%2 == 1 {
				n = hash[i/2] & 15
			}
			if (n >= 8) != (c < 'a') {
				return false
			}
		}
	}
	return true
}
