package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Normalise returns the view of s. For text that is plain ASCII the view is s
// itself and nothing is allocated.
func Normalise(s string) View {
	odd := firstOdd(s, 0)
	if odd == len(s) {
		return View{Text: s}
	}
	b := builder{src: s, out: make([]byte, 0, len(s)+16)}
	for at := 0; ; {
		b.copy(at, odd)
		if odd >= len(s) {
			break
		}
		// ASCII is odd only where a spaced-out word begins.
		if s[odd] < 0x80 && !control(s[odd]) {
			at = b.collapse(odd)
		} else {
			at = b.rune(odd)
		}
		odd = firstOdd(s, at)
	}
	return View{Text: string(b.out), Hidden: b.hidden, Veiled: b.veiled, segs: b.segs}
}

// firstOdd finds the next byte from i on that does not stand for itself: one
// beyond ASCII, or the start of a spaced-out word.
func firstOdd(s string, i int) int {
	for ; i < len(s); i++ {
		c := s[i]
		if c >= 0x80 || control(c) {
			return i
		}
		// In "i g n o r e" every second byte is the same and no letter.
		if i+4 < len(s) && c == s[i+2] && c == s[i+4] && i > 0 && isLetter(s[i+1]) && isLetter(s[i-1]) && isLetter(s[i+3]) &&
			spacer(c) && (i == 1 || !wordByte(s[i-2])) {
			if spaced(s, i-1) > 0 {
				return i - 1
			}
		}
	}
	return len(s)
}

// control reports whether an ASCII byte draws nothing and means nothing in a text.
// Escape does: it begins a sequence.
func control(c byte) bool {
	return c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != 0x1B || c == 0x7F
}

func wordByte(c byte) bool { return isLetter(c) || isDigit(c) || c >= 0x80 }

func spacer(c byte) bool {
	switch c {
	case ' ', '\n', '.', '-', '_', '*', '|', '/', '+', ',', '~':
		return true
	}
	return false
}

// spaced measures a run of single characters kept apart by one separator, with
// wider gaps between words. It returns 0 unless four letters follow each other.
func spaced(s string, i int) int {
	sep, group, best := s[i+1], 1, 1
	for {
		next, gap := step(s, i, sep)
		if next < 0 {
			break
		}
		if group++; gap || !isLetter(s[next]) {
			group = 0
		}
		best = max(best, group)
		i = next
	}
	if best < 4 {
		return 0
	}
	return i + 1
}

// maxBlanks is how wide a gap between spaced-out words may be.
const maxBlanks = 6

// step returns the character after s[i] in a spaced-out run, and whether a gap
// between words lies before it; -1 when the run ends.
func step(s string, i int, sep byte) (next int, gap bool) {
	j := i + 1
	if j >= len(s) || s[j] != sep && s[j] != ' ' {
		return -1, false
	}
	gap = s[j] != sep
	for j++; j < len(s) && s[j] == ' ' && j-i <= maxBlanks; j++ {
		gap = true
	}
	if gap && j < len(s) && s[j] == sep && sep != ' ' {
		j++ // the blank was a character of the run itself: "e. .a"
	}
	if j >= len(s) || s[j] <= ' ' || s[j] > '~' || s[j] == sep {
		return -1, false
	}
	if j+1 < len(s) && s[j+1] != sep && s[j+1] > ' ' {
		return -1, false
	}
	return j, gap
}

type builder struct {
	src    string
	out    []byte
	segs   []seg
	hidden []Hidden
	veiled int
	rtl    int8 // 0: not looked yet, 1: yes, -1: no
	word   int  // end of the word that latinWord was asked about
	latin  bool
}

// copy takes src[i:j] over byte for byte.
func (b *builder) copy(i, j int) {
	if i >= j {
		return
	}
	// A new segment only where the old one does not simply go on.
	if n := len(b.segs); n == 0 || b.segs[n-1].atom > 0 || int(b.segs[n-1].in)+len(b.out)-int(b.segs[n-1].out) != i {
		b.segs = append(b.segs, seg{out: int32(len(b.out)), in: int32(i)})
	}
	b.out = append(b.out, b.src[i:j]...)
}

// put writes s in the place of src[i:i+n].
func (b *builder) put(s string, i, n int) {
	if s == b.src[i:i+n] {
		b.copy(i, i+n)
		return
	}
	if s == "" {
		return
	}
	b.segs = append(b.segs, seg{out: int32(len(b.out)), in: int32(i), atom: int32(n)})
	b.out = append(b.out, s...)
}

// unveil puts what a disguised letter stands for.
func (b *builder) unveil(s string, i, n int) {
	if len(s) == 1 && isLetter(s[0]) {
		b.veiled++
	}
	b.put(s, i, n)
}

// collapse writes a spaced-out run as words.
func (b *builder) collapse(i int) int {
	end, sep := spaced(b.src, i), b.src[i+1]
	b.copy(i, i+1)
	for i+1 < end {
		next, gap := step(b.src, i, sep)
		if gap {
			b.put(" ", i+1, next-i-1)
		}
		b.copy(next, next+1)
		b.veiled++
		i = next
	}
	return end
}

// ascii holds one-letter strings, so that a replacement costs no allocation.
const ascii = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~\x7f"

func letter(c byte) string { return ascii[c : c+1] }

// rune writes one rune beyond ASCII (or one hidden run) and returns what
// follows it.
func (b *builder) rune(i int) int {
	r, n := utf8.DecodeRuneInString(b.src[i:])
	switch {
	// Bytes that are no rune stand for themselves, so that offsets still add up.
	case r == utf8.RuneError, settled(r):
		b.copy(i, i+n)
		return i + n
	case sortOf(r) != Visible:
		h := hiddenRun(b.src, i, b.hasRTL())
		b.hidden = append(b.hidden, h)
		if h.InWord && !h.Usual {
			b.veiled++
		}
		return h.End
	case 0x300 <= r && r <= 0x36F && len(b.out) > 0 && isLetter(b.out[len(b.out)-1]):
		return i + n // marks heaped on a Latin letter
	}
	if r < rune(len(marked)) && marked[r] != 0 {
		b.put(letter(marked[r]), i, n)
	} else if c, ok := latin[r]; ok {
		b.unveil(letter(c), i, n)
	} else if c := enclosed(r); c != 0 {
		b.unveil(letter(c), i, n)
	} else if c, ok := confusable[r]; ok && b.latinWord(i) {
		b.unveil(letter(c), i, n)
	} else {
		b.unveil(fold(r), i, n)
	}
	return i + n
}

// settled reports runes that every step leaves alone, so that CJK, Hangul,
// Arabic, Indic and emoji text runs through without a table.
func settled(r rune) bool {
	return 0x4E00 <= r && r <= 0x9FFF || 0xAC00 <= r && r <= 0xD7A3 || 0x3041 <= r && r <= 0x30FE ||
		0x0620 <= r && r <= 0x06FF && (r < 0x0675 || r > 0x0678) || 0x0900 <= r && r <= 0x0957 || 0x3001 <= r && r <= 0x3003 || 0x1F300 <= r && r <= 0x1FAFF
}

// marked holds, for the Latin letters with marks, the letter alone in lower
// case, so that one spelling of a phrase stands for all; 0 for any other rune.
var marked = func() (t [0x1F00]byte) {
	for r := rune(0xC0); r < 0x1F00; r++ {
		if r == 0x250 {
			r = 0x1E00
		}
		if c, ok := latin[r]; ok {
			t[r] = c
		} else if d := norm.NFKD.String(string(unicode.ToLower(r))); d[0] < 0x80 && isLetter(d[0]) {
			t[r] = d[0]
		}
	}
	return t
}()

// fold is NFKC and lower case of one rune.
func fold(r rune) string {
	lower := unicode.ToLower(r)
	// Cyrillic has no compatibility forms: lower case is all.
	if 0x400 <= r && r <= 0x52F {
		return string(lower)
	}
	s := norm.NFKC.String(string(r))
	if s == string(r) {
		return string(lower)
	}
	// Latin in disguise keeps its case (a secret in fullwidth letters is still
	// one); anything else is folded.
	if s[0] < 0x80 {
		return s
	}
	return strings.ToLower(s)
}

func (b *builder) hasRTL() bool {
	if b.rtl == 0 {
		b.rtl = -1
		if strings.IndexFunc(b.src, isRTL) >= 0 {
			b.rtl = 1
		}
	}
	return b.rtl > 0
}

// maxWord bounds how far a look-alike's word is followed.
const maxWord = 64

// latinWord reports whether Latin rules the word around src[i]: it holds Latin
// letters and not more letters of other scripts than could pass for Latin.
func (b *builder) latinWord(i int) bool {
	if i < b.word {
		return b.latin
	}
	start, end := i, i
	// Both ways from the letter asked about, and the answer kept for the word.
	for start > 0 && i-start < maxWord {
		r, n := utf8.DecodeLastRuneInString(b.src[:start])
		if !inWord(r) {
			break
		}
		start -= n
	}
	for end < len(b.src) && end-i < maxWord {
		r, n := utf8.DecodeRuneInString(b.src[end:])
		if !inWord(r) {
			break
		}
		end += n
	}
	plain, alike, foreign := 0, 0, 0
	for _, r := range b.src[start:end] {
		switch {
		case r < 0x80 && isLetter(byte(r)), 0xC0 <= r && r <= 0x24F:
			plain++
		case confusable[r] != 0:
			alike++
		case r > 0x24F && sortOf(r) == Visible && r != 0x2019:
			foreign++
		}
	}
	b.word, b.latin = end, foreign == 0 && (plain > 0 || alike > 0 && b.latinAround(start, end))
	return b.latin
}

func inWord(r rune) bool {
	return r < 0x80 && (isLetter(byte(r)) || isDigit(byte(r))) || r >= 0xC0 && (unicode.IsLetter(r) || sortOf(r) != Visible)
}

// latinAround decides words made of look-alikes only: Latin rules them when the
// letters on both sides of them are Latin.
func (b *builder) latinAround(start, end int) bool {
	before := strings.LastIndexFunc(b.src[max(0, start-maxWord):start], unicode.IsLetter)
	after := strings.IndexFunc(b.src[end:min(len(b.src), end+maxWord)], unicode.IsLetter)
	if before < 0 && after < 0 {
		return false
	}
	ok := func(at int) bool {
		r, _ := utf8.DecodeRuneInString(b.src[at:])
		return r < 0x250
	}
	return (before < 0 || ok(max(0, start-maxWord)+before)) && (after < 0 || ok(end+after))
}
