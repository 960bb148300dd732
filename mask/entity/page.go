package entity

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/names"
)

// page is a text as the finders read it: digits of every script are ASCII, dashes
// and blanks are one each, marks that nobody sees are gone, and what was escaped
// for a URL, for HTML or for JSON is plain. Offsets lead back to the text it was.
type page struct {
	t      string // what the finders read
	low    string // t in lower case, of the same length
	segs   []seg  // how t lies in the original; none when it is the original
	cues   []cue  // words that say what a number is, in order
	tables []table

	values []names.Value // found by their shape, for the recogniser
	reader *names.Recogniser
	heard  bool // it has read the page
	found  []namedHit

	value [48]byte // the letters and digits of the form that is tried
}

// seg says that t[n:] lies at original[o:]. A width above 0 is that of one
// character of t that was written otherwise.
type seg struct{ n, o, width int32 }

// newPage reads a text once for all finders.
func newPage(s string) *page {
	p := &page{t: s}
	if i := firstRewritten(s); i >= 0 {
		p.rewrite(s, i)
	}
	p.low = lower(p.t)
	p.cues = findCues(p.t, p.low)
	p.findTables()
	return p
}

// original leads a place in t back to the text.
func (p *page) original(start, end int) (int, int) {
	if p.segs == nil {
		return start, end
	}
	a, b := p.segs[p.seg(start)], p.segs[p.seg(end-1)]
	first := int(a.o) + start - int(a.n)
	if b.width > 0 {
		return first, int(b.o + b.width)
	}
	return first, int(b.o) + end - int(b.n)
}

// seg returns the index of the last segment that begins at n or before.
func (p *page) seg(n int) int {
	lo, hi := 0, len(p.segs)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; int(p.segs[mid].n) <= n {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// firstRewritten returns the first place that may not stay as it is, or -1.
func firstRewritten(s string) int {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x80 || c == '%' || c == '\\' || c == '&' {
			return i
		}
	}
	return -1
}

// rewrite builds t and the way back.
func (p *page) rewrite(s string, i int) {
	var b strings.Builder
	from := 0 // what is not yet copied
	for i < len(s) {
		c := s[i]
		if c < 0x80 && c != '%' && c != '\\' && c != '&' {
			i++
			continue
		}
		out, n, keep := rewritten(s, i)
		if keep {
			i += n
			continue
		}
		if b.Len() == 0 && p.segs == nil {
			b.Grow(len(s))
			p.segs = append(p.segs, seg{})
		}
		b.WriteString(s[from:i])
		if out != 0 {
			p.segs = append(p.segs, seg{int32(b.Len()), int32(i), int32(n)})
			b.WriteByte(out)
		}
		i += n
		from = i
		p.segs = append(p.segs, seg{int32(b.Len()), int32(i), 0})
	}
	if p.segs != nil {
		b.WriteString(s[from:])
		p.t = b.String()
	}
}

// rewritten returns the byte that stands for the character at i, 0 when nothing
// does, and how many bytes it has. Most characters are kept.
func rewritten(s string, i int) (out byte, n int, keep bool) {
	switch s[i] {
	case '%':
		if i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			return plain(nibble(s[i+1])<<4|nibble(s[i+2]), 3)
		}
		return 0, 1, true
	case '\\':
		return unescaped(s, i)
	case '&':
		return reference(s, i)
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	if r < 0x600 && r != 0xA0 && r != 0xAD {
		return 0, n, true
	}
	if out = ascii(r); out != 0 {
		return out, n, false
	}
	// Katakana's long mark stands for a dash between digits.
	if r == 'ー' && i > 0 && isDigit(s[i-1]) {
		return '-', n, false
	}
	return 0, n, !unseen(r)
}

// plain takes a character that was written as a number, if it is a mark or a
// blank: letters and digits are not hidden that way.
func plain(c byte, n int) (byte, int, bool) {
	if c < ' ' || c > '~' || isAlnum(c) {
		return 0, n, true
	}
	return c, n, false
}

// unescaped reads the escapes of JSON: \n, \t, \/, \" and \u002b.
func unescaped(s string, i int) (out byte, n int, keep bool) {
	if i+1 >= len(s) {
		return 0, 1, true
	}
	switch s[i+1] {
	case 'n', 'r', 't':
		return '\n', 2, false
	case '/', '"':
		return s[i+1], 2, false
	case 'u':
		if i+5 < len(s) && s[i+2] == '0' && s[i+3] == '0' && isHex(s[i+4]) && isHex(s[i+5]) {
			return plain(nibble(s[i+4])<<4|nibble(s[i+5]), 6)
		}
	}
	return 0, 1, true
}

// reference reads &nbsp; and numbered characters such as &#64;.
func reference(s string, i int) (out byte, n int, keep bool) {
	end := strings.IndexByte(s[i:min(len(s), i+9)], ';')
	if end < 3 {
		return 0, 1, true
	}
	name := s[i+1 : i+end]
	switch {
	case name == "nbsp":
		return ' ', end + 1, false
	case name == "quot":
		return '"', end + 1, false
	case name == "amp":
		return '&', end + 1, false
	case name == "commat":
		return '@', end + 1, false
	case name == "plus":
		return '+', end + 1, false
	case name[0] == '#':
		return plain(numbered(name[1:]), end+1)
	}
	return 0, 1, true
}

// numbered reads a character's number, decimal or after an x hexadecimal; 0 when
// it is no ASCII character.
func numbered(s string) byte {
	base := 10
	if s[0]|0x20 == 'x' {
		base, s = 16, s[1:]
	}
	v := 0
	for i := range len(s) {
		if !isHex(s[i]) || base == 10 && !isDigit(s[i]) || v > 127 {
			return 0
		}
		v = v*base + int(nibble(s[i]))
	}
	if v > 127 {
		return 0
	}
	return byte(v)
}

// zeros are the zeros of the scripts whose digits are read.
var zeros = [...]rune{0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50, 0xED0, 0xF20, 0x1040, 0x17E0, 0x1810, 0xFF10, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6}

// ascii returns what a character stands for in numbers, 0 when it is itself.
func ascii(r rune) byte {
	switch {
	case r == 0xA0, 0x2000 <= r && r <= 0x200A, r == 0x202F, r == 0x205F, r == 0x3000:
		return ' '
	case 0x2010 <= r && r <= 0x2015, r == 0x2212, r == 0xFE58, r == 0xFE63:
		return '-'
	case 0x2E80 <= r && r < 0xFE00: // most of the world's characters, and no digit
		return 0
	case 0xFF01 <= r && r <= 0xFF5E:
		return byte(r - 0xFF01 + '!')
	}
	for _, z := range zeros {
		if r < z {
			break
		}
		if r < z+10 {
			return byte('0' + r - z)
		}
	}
	return 0
}

// unseen reports marks that have no width and direct or join the text.
func unseen(r rune) bool {
	return r == 0xAD || 0x200B <= r && r <= 0x200F || 0x202A <= r && r <= 0x202E || 0x2060 <= r && r <= 0x2069 || r == 0xFEFF
}

// lower folds case and keeps every offset: a letter whose small form has another
// length stays.
func lower(s string) string {
	i := 0
	for i < len(s) && s[i] < 0x80 && !('A' <= s[i] && s[i] <= 'Z') {
		i++
	}
	if i == len(s) {
		return s
	}
	b := []byte(s)
	for i < len(b) {
		c := b[i]
		switch {
		case 'A' <= c && c <= 'Z':
			b[i] = c | 0x20
		case c < 0xC3, c > 0xD5 && c != 0xE1:
		default:
			i += lowerRune(b[i:])
			continue
		}
		i++
	}
	return string(b)
}

// lowerRune folds the first character of b and returns its length.
func lowerRune(b []byte) int {
	r, n := utf8.DecodeRune(b)
	if l := unicode.ToLower(r); l != r && utf8.RuneLen(l) == n {
		utf8.EncodeRune(b, l)
	}
	return n
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func nibble(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
