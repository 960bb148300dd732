package follow

import (
	"strings"
	"unicode/utf8"
)

// kept is what a sieve has kept of a text, with where each byte came from in it.
type kept struct {
	text []byte
	at   []span
	last int // where the last character ended
}

type span struct{ from, to int }

// firstKept is how many bytes a sieve has room for at first.
const firstKept = 256

// gap stands in a sieve where characters are too far apart to belong together.
const gap = 0

func (k *kept) put(in sieve, r rune, from, to int) {
	if k.text == nil { // a piece of an answer, at once
		k.text, k.at = make([]byte, 0, firstKept), make([]span, 0, firstKept)
	}
	if len(k.text) > 0 && from-k.last > widestGap[in] {
		k.text, k.at = append(k.text, gap), append(k.at, span{from, from})
	}
	k.last = to
	if r < utf8.RuneSelf {
		k.text, k.at = append(k.text, byte(r)), append(k.at, span{from, to})
		return
	}
	for _, c := range []byte(string(r)) {
		k.text, k.at = append(k.text, c), append(k.at, span{from, to})
	}
}

// drop takes back the last byte.
func (k *kept) drop() {
	if n := len(k.text) - 1; n >= 0 {
		k.text, k.at = k.text[:n], k.at[:n]
	}
}

// forget drops all but the last n bytes.
func (k *kept) forget(n int) {
	if drop := len(k.text) - n; drop > 0 {
		k.text, k.at = append(k.text[:0], k.text[drop:]...), append(k.at[:0], k.at[drop:]...)
	}
}

// sifter runs a text through all sieves, piece by piece.
type sifter struct {
	kept    [sieves]kept
	used    [sieves]bool
	prev    byte // of hexadecimal and bits: a zero that may begin 0x
	letter  byte // the last one, for the step to the next
	inWord  bool
	inLine  bool // something of the line has been seen
	number  int  // that is being read
	digits  int
	started int // where the number began
}

// rune gives one character, which lies at [from,to) of the whole text, to every sieve in use.
func (s *sifter) rune(r rune, from, to int) {
	c := spelt(r)
	s.code(r, from)
	if c < 0 {
		s.sign(r, from, to)
		return
	}
	s.kept[bySpelling].put(bySpelling, c, from, to)
	if s.used[byLeet] {
		s.kept[byLeet].put(byLeet, leetSpelt(r), from, to)
	}
	s.step(c, from, to)
	s.initials(c, from, to)
	if r >= utf8.RuneSelf {
		return
	}
	if s.used[byBase64] {
		s.kept[byBase64].put(byBase64, r, from, to)
	}
	s.hex(byte(c), from, to)
	if s.used[byBit] && (r == '0' || r == '1') {
		s.kept[byBit].put(byBit, r, from, to)
	}
}

// sign handles what is neither letter nor digit.
func (s *sifter) sign(r rune, from, to int) {
	s.inWord = s.inWord && (r == '\'' || r == '’')
	if r == '\n' {
		s.inLine = false
	}
	switch {
	case s.used[byLeet] && leetSpelt(r) >= 0:
		s.kept[byLeet].put(byLeet, leetSpelt(r), from, to)
	case !s.used[byBase64]:
		return
	}
	switch r {
	case '+', '-':
		s.kept[byBase64].put(byBase64, '+', from, to)
	case '/', '_':
		s.kept[byBase64].put(byBase64, '/', from, to)
	}
}

// step keeps how far a letter is from the one before.
func (s *sifter) step(c rune, from, to int) {
	if !s.used[byTurn] || c >= utf8.RuneSelf {
		return
	}
	if c < 'a' {
		s.kept[byTurn].put(byTurn, c, from, to)
		return
	}
	if s.letter != 0 {
		s.kept[byTurn].put(byTurn, rune(turn(s.letter, byte(c), 1)), from, to)
	}
	s.letter = byte(c)
}

func (s *sifter) initials(c rune, from, to int) {
	if !s.inWord && s.used[byWord] {
		s.kept[byWord].put(byWord, c, from, to)
	}
	if !s.inLine && s.used[byLine] {
		s.kept[byLine].put(byLine, c, from, to)
	}
	s.inWord, s.inLine = true, true
}

// hex keeps digits of hexadecimal numbers; the zero of 0x is none of them.
func (s *sifter) hex(c byte, from, to int) {
	if !s.used[byHex] {
		return
	}
	k := &s.kept[byHex]
	switch {
	case c <= '9' || c <= 'f' && c >= 'a':
		k.put(byHex, rune(c), from, to)
	case c == 'x' && s.prev == '0':
		k.drop()
	}
	s.prev = c
}

// code reads decimal numbers as the characters that they count.
func (s *sifter) code(r rune, from int) {
	if !s.used[byCode] {
		return
	}
	if '0' <= r && r <= '9' {
		if s.digits == 0 {
			s.number, s.started = 0, from
		}
		if s.digits++; s.digits <= 3 {
			s.number = s.number*10 + int(r-'0')
		}
		return
	}
	if (s.digits == 2 || s.digits == 3) && s.number > ' ' && s.number < 0x7F {
		s.kept[byCode].put(byCode, rune(strings.ToLower(string(rune(s.number)))[0]), s.started, from)
	}
	s.digits = 0
}
