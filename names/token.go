package names

import (
	"unicode"
	"unicode/utf8"
)

// token is a word, a number, a mark of punctuation, a line break or, in scripts that do not
// part words, a character.
type token struct {
	start, end int32
	word       uint32 // hash of the word in lower case; digits count as 0
	pre3, pre5 uint32 // hashes of its beginnings
	suf2, suf3 uint32 // hashes of its endings
	suf4       uint32
	shape      uint16 // form, script, and whether a blank stands before it
	known      uint8  // how common the word is in ordinary texts
	parts      uint8  // of which names it is a part
}

// The forms of a token.
const (
	formLower = iota
	formTitle
	formUpper
	formInitial // one capital
	formMixed   // capitals inside
	formUncased // a word of a script without capitals
	formChar    // a character of a script without blanks
	formKana    // a run of katakana
	formDigits  // and 9, 10, 11, 12: of 1, 2, 3, 4, 5 and more digits
	formYear    = formDigits + 5
	formAlnum   = formDigits + 6
	formPunct   = formDigits + 7
	formLine    = formDigits + 8
	formValue   = formDigits + 9
)

// The scripts that are told apart.
const (
	scriptNone = iota
	scriptLatin
	scriptCyrillic
	scriptGreek
	scriptArabic // and Hebrew
	scriptIndic
	scriptHan
	scriptKana
	scriptHangul
	scriptOther
)

// glued marks a token that follows the one before it without a blank.
const glued = 1 << 15

func (t *token) form() int { return int(t.shape & 31) }

// named reports whether a token looks as a part of a name may.
func (t *token) named() bool {
	f := t.form()
	return f == formTitle || f == formUpper || f == formInitial || f == formMixed
}

// scriptOf sorts a letter; marks count to the script they stand in. Zero is no letter.
func scriptOf(r rune) int {
	switch {
	case r < 0x80:
		if c := r | 0x20; 'a' <= c && c <= 'z' {
			return scriptLatin
		}
		return scriptNone
	case r < 0x250:
		if r >= 0xC0 && r != 0xD7 && r != 0xF7 || r == 0xAA || r == 0xBA {
			return scriptLatin
		}
		return scriptNone
	case r < 0x530:
		if r >= 0x400 {
			return scriptCyrillic
		} else if r >= 0x370 && r != 0x37E && r != 0x387 {
			return scriptGreek
		}
		return scriptLatin
	case r >= 0x590 && r < 0x780:
		return arabic(r)
	case r >= 0x900 && r < 0xE00:
		if r == 0x964 || r == 0x965 || unicode.IsDigit(r) {
			return scriptNone
		}
		return scriptIndic
	case r >= 0x1E00 && r < 0x2000:
		if r >= 0x1F00 {
			return scriptGreek
		}
		return scriptLatin
	case r >= 0x3041 && r <= 0x30FF:
		if r == 0x30FB {
			return scriptNone
		}
		return scriptKana
	case r >= 0x3400 && r <= 0x9FFF, r == 0x3005, r >= 0xF900 && r <= 0xFAFF, r >= 0x20000 && r <= 0x3FFFF:
		return scriptHan
	case r >= 0xAC00 && r <= 0xD7A3:
		return scriptHangul
	case unicode.IsLetter(r), unicode.IsMark(r):
		return scriptOther
	}
	return scriptNone
}

// sort returns the script of a character, and whether it is a digit.
func sort(r rune) (script int, digit bool) {
	if r < 0x80 {
		if c := r | 0x20; 'a' <= c && c <= 'z' {
			return scriptLatin, false
		}
		return scriptNone, '0' <= r && r <= '9'
	}
	return scriptOf(r), unicode.IsDigit(r)
}

func arabic(r rune) int {
	switch {
	case r == 0x60C, r == 0x61B, r == 0x61F, r == 0x6D4, r == 0x5BE, r >= 0x660 && r <= 0x66D, r >= 0x6F0 && r <= 0x6F9, r >= 0x5F3 && r <= 0x5F4:
		return scriptNone
	}
	return scriptArabic
}

// single reports whether characters of a script stand for themselves: where no blanks part
// words, or a name and what is hung on it.
func single(s int, r rune) bool {
	return s == scriptHan || s == scriptHangul || s == scriptKana && r < 0x30A0 || s == scriptOther && r >= 0xE00 && r < 0x1100
}

// lower is unicode.ToLower with the alphabets of most texts looked at first.
func lower(r rune) rune {
	switch {
	case r < 0x80:
		if 'A' <= r && r <= 'Z' {
			return r | 0x20
		}
		return r
	case r >= 0x410 && r <= 0x42F:
		return r + 0x20
	case r >= 0x430 && r <= 0x44F, r >= 0x600 && r < 0x10A0, r >= 0x3000 && r < 0xA640, r >= 0xAC00 && r < 0xFF00:
		return r
	}
	return unicode.ToLower(r)
}

const (
	hashStart = 2166136261
	hashPrime = 16777619
)

func hashRune(h uint32, r rune) uint32 { return (h ^ uint32(r)) * hashPrime }

// Reader cuts texts into tokens, and tokens into features. It reuses its memory: one
// goroutine at a time.
type Reader struct {
	Words *Vocabulary // nil: no word is known
	Every bool        // make features of every token, of those that surely are no name as well

	tokens []token
	lines  []line
	plain  []bool // tokens that belong to no name, nor do those beside them
	ids    []uint32
}

// Value is a value that was found by its shape: for the recogniser it is one token, whatever
// it is made of.
type Value struct {
	Start, End int
	Kind       string
}

// Read takes a text apart and returns how many tokens it has. values are in order and do not
// overlap.
func (r *Reader) Read(s string, values []Value) int {
	r.cut(s, values)
	r.features()
	return len(r.tokens)
}

// Token returns where a token lies, in bytes of the text.
func (r *Reader) Token(i int) (start, end int) {
	return int(r.tokens[i].start), int(r.tokens[i].end)
}

// IDs returns the features of all tokens, [Width] of each; the slice holds until the next
// Read.
func (r *Reader) IDs() []uint32 { return r.ids }

// Outside says of every token whether it surely belongs to no name: a common word between
// common words. It has no features.
func (r *Reader) Outside() []bool { return r.plain }

// Width is how many features a token has.
const Width = slots

// Word returns the hash of a token in lower case; whether it is a word as ordinary texts write
// them: without capitals, where the script has any; and whether it is capitalised behind a
// word that is not, as names are.
func (r *Reader) Word(i int) (hash uint32, ordinary, caps bool) {
	f := r.tokens[i].form()
	ordinary = f == formLower || f == formUncased || f == formChar || f == formKana
	return r.tokens[i].word, ordinary, f == formTitle && i > 0 && r.tokens[i-1].form() == formLower
}

// ordinary reports whether a token is a common word in small letters.
func (t *token) ordinary() bool { return t.form() == formLower && t.known >= 2 && t.parts == 0 }

// Plain reports whether a token is surely no part of a name, as far as can be told from the
// vocabulary: a mark, a number or a common word that no name is made of.
func (r *Reader) Plain(i int) bool {
	t := &r.tokens[i]
	switch f := t.form(); {
	case f >= formDigits:
		return true
	case f == formLower:
		return t.parts == 0
	case f == formChar, f == formKana:
		return false
	case f == formUncased:
		return t.known == 3 && t.parts == 0
	}
	return t.known >= 2 && t.parts == 0
}

// cut makes tokens of the text.
func (r *Reader) cut(s string, values []Value) {
	r.tokens = r.tokens[:0]
	blank := uint16(0)
	for i := 0; i < len(s); {
		for len(values) > 0 && values[0].Start < i {
			values = values[1:]
		}
		c := s[i]
		switch {
		case len(values) > 0 && values[0].Start == i && values[0].End > i:
			i = r.value(values[0], blank)
			blank = glued
			continue
		case c == '\n':
			i = r.newline(s, i)
			blank = 0
			continue
		case c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f':
			i++
			blank = 0
			continue
		}
		x, size := rune(c), 1
		if c >= utf8.RuneSelf {
			x, size = utf8.DecodeRuneInString(s[i:])
			if x == 0xA0 || x == 0x3000 || x >= 0x2000 && x <= 0x200F || x == 0x202F || x == 0xFEFF {
				i += size
				if x < 0x200B || x > 0x200F {
					blank = 0
				}
				continue
			}
		}
		switch sc := scriptOf(x); {
		case sc != scriptNone && single(sc, x):
			r.char(i, size, x, sc, blank)
			i += size
		case sc != scriptNone || unicode.IsDigit(x):
			end := len(s)
			if len(values) > 0 {
				end = values[0].Start
			}
			i = r.word(s[:max(end, i+size)], i, sc, blank)
		default:
			h := mix(hashRune(hashStart, x), 77)
			r.tokens = append(r.tokens, token{start: int32(i), end: int32(i + size), word: h, suf2: h, suf3: h, pre3: h, pre5: h, suf4: h, shape: formPunct | blank})
			i += size
		}
		blank = glued
	}
}

// value makes one token of a value, and returns where it ends.
func (r *Reader) value(v Value, blank uint16) int {
	h := uint32(hashStart)
	for _, c := range v.Kind {
		h = hashRune(h, c)
	}
	h = mix(h, 79)
	r.tokens = append(r.tokens, token{start: int32(v.Start), end: int32(v.End), word: h, suf2: h, suf3: h, pre3: h, pre5: h, suf4: h, shape: formValue | blank})
	return v.End
}

// newline makes one token of all breaks and blanks that follow each other.
func (r *Reader) newline(s string, i int) int {
	end, n := i, 0
	for j := i; j < len(s) && (s[j] == '\n' || s[j] == '\r' || s[j] == ' ' || s[j] == '\t'); j++ {
		if s[j] == '\n' {
			n, end = n+1, j+1
		}
	}
	h := mix(uint32(min(n, 2)), 78)
	r.tokens = append(r.tokens, token{start: int32(i), end: int32(end), word: h, suf2: h, suf3: h, pre3: h, pre5: h, suf4: h, shape: formLine})
	return end
}

// char makes a token of one character.
func (r *Reader) char(i, size int, x rune, sc int, blank uint16) {
	h := hashRune(hashStart, x)
	t := token{start: int32(i), end: int32(i + size), word: h, suf2: h, suf3: h, pre3: h, pre5: h, suf4: h, shape: formChar | uint16(sc)<<5 | blank}
	t.known, t.parts = r.Words.look(h)
	r.tokens = append(r.tokens, t)
}

// longest bounds a word: what is longer is cut.
const longest = 64

// word makes a token of letters and digits of one alphabet.
func (r *Reader) word(s string, i int, sc int, blank uint16) int {
	t := token{start: int32(i), word: hashStart, pre3: hashStart, pre5: hashStart}
	n, upper, digits := 0, 0, 0
	first := false
	var a, b, c, d rune // the last ones
	for i < len(s) && n < longest {
		x, size := rune(s[i]), 1
		if x >= utf8.RuneSelf {
			x, size = utf8.DecodeRuneInString(s[i:])
		}
		own, digit := sort(x)
		if !digit && (own == scriptNone || single(own, x) || sc != scriptNone && own != sc) {
			break
		}
		if sc == scriptNone {
			sc = own
		}
		low := lower(x)
		if digit {
			digits++
			low = '0'
		} else if low != x {
			upper++
			first = first || n == 0
		}
		t.word = hashRune(t.word, low)
		if n < 3 {
			t.pre3 = t.word
		}
		if n < 5 {
			t.pre5 = t.word
		}
		a, b, c, d = b, c, d, low
		n++
		i += size
	}
	t.end = int32(i)
	t.suf2 = hashRune(hashRune(hashStart+2, c), d)
	t.suf3 = hashRune(hashRune(hashRune(hashStart+3, b), c), d)
	t.suf4 = hashRune(hashRune(t.suf3, a), 4)
	t.shape = uint16(form(n, upper, digits, first, sc, s[t.start:t.end])) | uint16(sc)<<5 | blank
	t.known, t.parts = r.Words.look(t.word)
	r.tokens = append(r.tokens, t)
	return i
}

// form says what a word of n letters and digits looks like.
func form(n, upper, digits int, first bool, sc int, s string) int {
	switch {
	case digits == n:
		if n == 4 && (s[:2] == "19" || s[:2] == "20") {
			return formYear
		}
		return formDigits + min(n, 5) - 1
	case digits > 0:
		return formAlnum
	case sc == scriptKana:
		return formKana
	case sc >= scriptArabic:
		return formUncased
	case upper == 0:
		return formLower
	case upper == 1 && n == 1:
		return formInitial
	case upper == n:
		return formUpper
	case upper == 1 && first:
		return formTitle
	}
	return formMixed
}

// mix makes a feature of a hash and the place it stands in; never the feature None.
func mix(h, slot uint32) uint32 {
	h = (h ^ slot*0x85EBCA6B) * 0x9E3779B1
	h ^= h >> 15
	h *= 0x2C1B3C6D
	h ^= h >> 13
	return h
}

// both makes one hash of two.
func both(a, b uint32) uint32 { return (a*31 ^ b) * 0xC2B2AE35 }
