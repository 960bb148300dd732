package text

import (
	"encoding/base32"
	"strings"
	"unicode/utf16"
)

// fewestNumbers is how many numbers in a row may be characters.
const fewestNumbers = 8

// numbers opens runs of character codes in decimal or octal, apart by blanks or commas:
// "105 103 110" or "151 147 156".
func numbers(s string, emit emitter) {
	for _, base := range [...]int{10, 8} {
		groups(s, fewestNumbers, func(tok string) (byte, bool) {
			return code(strings.Trim(tok, "[](),;"), base)
		}, func(i, j int, p string) { emit(i, j, p, "codes") })
	}
}

// code reads a number of two to four digits as a character that can be printed.
func code(s string, base int) (byte, bool) {
	if len(s) < 2 || len(s) > 4 {
		return 0, false
	}
	c := 0
	for i := range len(s) {
		d := int(s[i]) - '0'
		if d < 0 || d >= base {
			return 0, false
		}
		c = c*base + d
	}
	return byte(c), c >= 0x20 && c < 0x7F || c == '\n'
}

// openBase32 opens a run of base32 (RFC 4648, section 6), whose letters are all capitals.
func openBase32(s string) (string, bool) {
	if strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return "", false
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s)
	if err != nil {
		return "", false
	}
	return whole(raw), true
}

// wide reads bytes as UTF-16 where every second one is zero, as in commands for PowerShell.
func wide(raw []byte) (string, bool) {
	if len(raw) < 8 {
		return "", false
	}
	var zeros [2]int
	for i, c := range raw {
		if c == 0 {
			zeros[i%2]++
		}
	}
	n := len(raw) / 2
	if max(zeros[0], zeros[1])*10 < n*7 {
		return "", false
	}
	units := make([]uint16, n)
	for i := range units {
		lo, hi := raw[2*i], raw[2*i+1]
		if zeros[0] > zeros[1] {
			lo, hi = hi, lo
		}
		units[i] = uint16(hi)<<8 | uint16(lo)
	}
	return string(utf16.Decode(units)), true
}

// Bounds on words that tags cut in pieces: between the letters of ordinary words stands a
// tag now and then, and long pages are not written to hide one.
const (
	fewestCuts = 4
	maxCut     = 8 << 10
	longestTag = 64
)

// uncut takes out the tags and comments that stand inside words, if there are several.
func uncut(s string, emit emitter) {
	if len(s) > maxCut {
		return
	}
	var b strings.Builder
	at, cuts := 0, 0
	for i := strings.IndexByte(s, '<'); i >= 0; {
		end := tagsEnd(s, i)
		if end > i && i > 0 && isLetter(s[i-1]) && end < len(s) && isLetter(s[end]) {
			b.WriteString(s[at:i])
			at = end
			cuts++
		}
		from := max(end, i+1)
		next := strings.IndexByte(s[from:], '<')
		if next < 0 {
			break
		}
		i = from + next
	}
	if cuts >= fewestCuts {
		b.WriteString(s[at:])
		emit(0, len(s), b.String(), "tags")
	}
}

// tagsEnd returns the end of the tags and comments in a row at s[i], i if there is none.
func tagsEnd(s string, i int) int {
	for i < len(s) && s[i] == '<' {
		end := strings.IndexByte(s[i:min(len(s), i+longestTag)], '>')
		if end < 2 || s[i+1] != '!' && s[i+1] != '/' && !isLetter(s[i+1]) {
			return i
		}
		i += end + 1
	}
	return i
}
