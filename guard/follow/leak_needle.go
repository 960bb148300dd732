package follow

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/text"
)

// sieve is a way to reduce a text to those of its characters that a disguise leaves in order.
type sieve uint8

const (
	bySpelling sieve = iota // letters and digits, small
	byLeet                  // with digits read as letters
	byTurn                  // the steps from letter to letter: the same however far they are shifted
	byWord                  // what words begin with
	byLine                  // what lines begin with
	byHex
	byBase64
	byCode // numbers, as the characters that they count
	byBit
	sieves
)

// leastHeld is how much of a needle must have been seen before text is held for it: what begins
// like one by chance shall not hold an answer.
var leastHeld = [sieves]int{1, 2, 3, 2, 3, 4, 4, 2, 16}

// widestGap is how many bytes may stand between two characters of one needle.
var widestGap = [sieves]int{64, 64, 64, 64, 320, 64, 64, 64, 64}

// needle is one disguise of a word.
type needle struct {
	in      sieve
	text    string
	word    int
	bounded bool // too short to be found inside of other words
}

// fewestDisguised is how many letters and digits a word needs to be looked for in disguise.
const fewestDisguised = 8

// needlesOf makes every disguise of a word.
func needlesOf(n int, word string) (out []needle) {
	add := func(in sieve, s string) {
		if s != "" && !slices.ContainsFunc(out, func(o needle) bool { return o.in == in && o.text == s }) {
			out = append(out, needle{in, s, n, false})
		}
	}
	plain := sifted(word, spelt)
	if len([]rune(plain)) < fewestDisguised {
		return []needle{{bySpelling, plain, n, true}, {bySpelling, text.Reverse(plain), n, true}}
	}
	add(bySpelling, plain)
	add(bySpelling, text.Reverse(plain))
	for _, part := range essentials(plain) {
		add(bySpelling, part)
	}
	if ascii := strings.Trim(plain, "abcdefghijklmnopqrstuvwxyz0123456789") == ""; ascii {
		add(byLeet, sifted(word, leetSpelt))
		add(byTurn, turns(plain, 1))
		add(byTurn, turns(plain, -1))
		add(byTurn, turns(text.Reverse(plain), 1))
		add(byWord, plain)
		add(byLine, plain)
	}
	for _, as := range []string{word, strings.ToLower(word), strings.ToUpper(word), plain, text.Reverse(word)} {
		add(byHex, hex.EncodeToString([]byte(as)))
		for shift := range 3 {
			add(byBase64, base64Core(as, shift))
		}
		add(byCode, strings.ToLower(as))
		add(byBit, bitsOf(as))
	}
	return out
}

// essentials are the beginning and the end of a long word that are as good as the whole: three
// fifths of it with a digit, which no words make by chance.
func essentials(plain string) (out []string) {
	if n := len(plain) * 3 / 5; n >= fewestDisguised {
		for _, part := range []string{plain[:n], plain[len(plain)-n:]} {
			if strings.ContainsAny(part, "0123456789") && utf8.ValidString(part) {
				out = append(out, part)
			}
		}
	}
	return out
}

// turns are the steps between the letters of a word, forwards or, for alphabets that are turned
// round, backwards; digits stand for themselves. The first letter has no step.
func turns(plain string, sign int) string {
	var out []byte
	last := byte(0)
	letters := 0
	for i := range len(plain) {
		c := plain[i]
		if c < 'a' {
			out = append(out, c)
			continue
		}
		if letters++; last != 0 {
			out = append(out, turn(last, c, sign))
		}
		last = c
	}
	if letters < 4 {
		return ""
	}
	return string(out)
}

func turn(from, to byte, sign int) byte {
	return 'A' + byte(((int(to)-int(from))*sign+26)%26)
}

// base64Core is what every Base64 of a text holds that has the word in it, after shift bytes of
// a group of three: the letters that depend on the word alone.
func base64Core(word string, shift int) string {
	whole := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + word))
	return whole[(shift*8+5)/6 : (shift+len(word))*8/6]
}

func bitsOf(word string) string {
	var b strings.Builder
	for i := range len(word) {
		fmt.Fprintf(&b, "%08b", word[i])
	}
	return b.String()
}

// sifted is a word as a sieve leaves it.
func sifted(s string, keep func(rune) rune) string {
	v := text.Normalise(s)
	return strings.Map(keep, v.Text)
}

// spelt keeps letters and digits, small.
func spelt(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
		return r
	case 'A' <= r && r <= 'Z':
		return r + 'a' - 'A'
	case r >= 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)):
		return unicode.ToLower(r)
	}
	return -1
}

// leetSpelt reads the digits and signs that stand for letters as these, and i as the l that 1
// may be, too.
func leetSpelt(r rune) rune {
	switch r {
	case '0':
		return 'o'
	case '1', '!', '|', 'i', 'I':
		return 'l'
	case '3':
		return 'e'
	case '4', '@':
		return 'a'
	case '5', '$':
		return 's'
	case '7':
		return 't'
	}
	return spelt(r)
}
