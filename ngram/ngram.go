// Package ngram reads text as hashed words, runs of words and pieces of words, and learns
// linear models over them that score every stretch of a text.
//
// A [Reader] takes a text apart into tokens, and each token into features. Windows of
// [Span] tokens slide over them in steps of half as many, so that a long text with one bad
// sentence scores as that sentence does: [Reader.Windows] gives them one by one to learn
// from, [Reader.Slide] scores all of them in one pass. In a window a feature weighs
// log(1+count), and the window is scaled to length one: length says nothing by itself.
//
// A [Model] is a table of weights, one byte each. [Fit] makes its weights of examples, the
// same bits every time; [Model.AppendBinary] and [Model.UnmarshalBinary] carry it to disk and back.
// The package knows no words: what words mean is told by the caller's [Mark]s. May change.
package ngram

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mark says that Text[Start:End] belongs to a class of words that mean the same.
type Mark struct {
	Class      uint8
	Start, End int
}

// Reader holds what reading needs, so that reading many texts allocates little. The zero
// value is ready; it is not for concurrent use.
type Reader struct {
	toks  []token
	feats []uint32 // of all tokens, in order
	marks []Mark
	local table
	ids   []uint32
	vals  []float32
	slide slide
}

// token is a word, a letter of a script without blanks, or a run of one sign.
type token struct {
	start, end int32
	hash       uint32
	first      int32 // of its features; they end where the next token's begin
	word       bool
	last       bool // of a sentence
}

// Read takes a text apart. Marks are in order of their ends.
func (r *Reader) Read(s string, marks []Mark) {
	r.toks, r.feats, r.marks = r.toks[:0], r.feats[:0], marks
	r.split(s)
	r.features(s)
}

// Tokens is how many tokens were read.
func (r *Reader) Tokens() int { return len(r.toks) }

// fold maps a byte to what is hashed: letters in lower case, any digit to one.
var fold = func() (t [256]uint8) {
	for i := range t {
		switch c := byte(i); {
		case 'A' <= c && c <= 'Z':
			t[i] = c + 'a' - 'A'
		case '0' <= c && c <= '9':
			t[i] = '0'
		default:
			t[i] = c
		}
	}
	return t
}()

// Kinds of byte, for splitting.
const (
	blank uint8 = iota
	sign
	letter
	wide // begins a rune beyond ASCII
)

var kinds = func() (t [256]uint8) {
	for i := range t {
		switch c := byte(i); {
		case c <= ' ' || c == 0x7F:
			t[i] = blank
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '\'' || c == '_':
			t[i] = letter
		case c >= 0x80:
			t[i] = wide
		default:
			t[i] = sign
		}
	}
	return t
}()

// mix joins two hashes; its low bits are as good as its high ones.
func mix(a, b uint32) uint32 {
	h := (a ^ b*0x85EBCA6B) * 0x9E3779B1
	return h ^ h>>15
}

// split finds the tokens.
func (r *Reader) split(s string) {
	for i := 0; i < len(s); {
		switch kinds[s[i]] {
		case blank:
			if s[i] == '\n' && len(r.toks) > 0 {
				r.toks[len(r.toks)-1].last = true
			}
			i++
		case sign:
			j := i + 1
			for j < len(s) && s[j] == s[i] {
				j++
			}
			// A rule of dashes is one sign whatever its length.
			last := strings.IndexByte(".!?;:", s[i]) >= 0 && (j == len(s) || kinds[s[j]] == blank)
			r.toks = append(r.toks, token{start: int32(i), end: int32(j), hash: mix(uint32(s[i]), uint32(min(j-i, 3))), last: last})
			i = j
		default:
			i = r.word(s, i)
		}
	}
}

// word adds the token that begins with a letter or a wide rune at s[i], and returns its end.
func (r *Reader) word(s string, i int) int {
	h, j := uint32(7), i
	for j < len(s) {
		if kinds[s[j]] == letter {
			h = mix(h, uint32(fold[s[j]]))
			j++
			continue
		}
		if kinds[s[j]] != wide {
			break
		}
		u, n := utf8.DecodeRuneInString(s[j:])
		sort := runeSort(u)
		if sort == inner {
			h = mix(h, uint32(u))
			j += n
			continue
		}
		if j == i {
			r.toks = append(r.toks, token{start: int32(j), end: int32(j + n), hash: mix(h, uint32(u)), word: sort == alone, last: u == '。' || u == '！' || u == '？' || u == '।' || u == '؟'})
			return j + n
		}
		break
	}
	r.toks = append(r.toks, token{start: int32(i), end: int32(j), hash: h, word: true})
	return j
}

// How a rune beyond ASCII is read: as part of a word, as a word by itself (in scripts
// without blanks), or as a sign.
const (
	inner = iota
	alone
	other
)

func runeSort(u rune) int {
	switch {
	case u < 0x250:
		if unicode.IsLetter(u) {
			return inner
		}
		return other
	case 0x400 <= u && u <= 0x52F, 0xAC00 <= u && u <= 0xD7A3:
		return inner
	case 0x0E00 <= u && u <= 0x0EFF, 0x1000 <= u && u <= 0x109F, 0x1780 <= u && u <= 0x17FF, // Thai, Lao, Burmese, Khmer
		0x3040 <= u && u <= 0x30FF, 0x3400 <= u && u <= 0x9FFF, 0xF900 <= u && u <= 0xFAFF, 0x20000 <= u && u <= 0x3FFFF:
		return alone
	case unicode.IsLetter(u), unicode.IsMark(u), unicode.IsDigit(u):
		return inner
	}
	return other
}

// Kinds of feature, so that a word is not taken for a piece of one.
const (
	kindWord = iota + 1
	kindPair
	kindTriple
	kindThree
	kindFour
	kindFive
	kindFirst // the first word of a sentence
	kindGap   // two words with one between them
	kindClass
	kindClasses
	kindThreeClasses
)

// features lists those of every token: itself, with the words before it, its pieces, and
// the classes of words that end with it.
func (r *Reader) features(s string) {
	var one, two uint32 // hashes of the words before
	begins, m := true, 0
	for i := range r.toks {
		t := &r.toks[i]
		t.first = int32(len(r.feats))
		r.feats = append(r.feats, mix(t.hash, kindWord))
		if !t.word {
			begins = true
		} else {
			if begins || i > 0 && r.toks[i-1].last {
				r.feats = append(r.feats, mix(t.hash, kindFirst))
			}
			if one != 0 {
				r.feats = append(r.feats, mix(mix(one, t.hash), kindPair))
			}
			if two != 0 {
				r.feats = append(r.feats, mix(mix(two, t.hash), kindGap), mix(mix(mix(two, one), t.hash), kindTriple))
			}
			begins, two, one = false, one, t.hash
			r.pieces(s[t.start:t.end])
		}
		for m < len(r.marks) && r.marks[m].End <= int(t.end) {
			r.classes(m)
			m++
		}
	}
}

// maxWord is how many bytes a word may have to be taken to pieces: longer ones are data.
const maxWord = 24

// pieces adds runs of three to five letters of a word, with its ends marked.
func (r *Reader) pieces(w string) {
	if len(w) < 2 || len(w) > maxWord {
		return
	}
	var buf [maxWord + 2]uint32
	n := 1
	buf[0] = '<'
	for i := 0; i < len(w); n++ {
		if w[i] < 0x80 {
			buf[n] = uint32(fold[w[i]])
			i++
			continue
		}
		u, size := utf8.DecodeRuneInString(w[i:])
		buf[n] = uint32(u)
		i += size
	}
	buf[n] = '>'
	n++
	for i := 0; i+3 <= n; i++ {
		h := mix(mix(mix(11, buf[i]), buf[i+1]), buf[i+2])
		r.feats = append(r.feats, mix(h, kindThree))
		if i+4 <= n {
			h = mix(h, buf[i+3])
			r.feats = append(r.feats, mix(h, kindFour))
		}
		if i+5 <= n {
			r.feats = append(r.feats, mix(mix(h, buf[i+4]), kindFive))
		}
	}
}

// Reach of ordered pairs and triples of classes in bytes, some six and ten words, and in
// marks, so that a text of nothing but marks stays linear.
const (
	pairReach   = 48
	tripleReach = 80
	markReach   = 12
)

// classes adds the class of mark m, and its order with the classes before it.
func (r *Reader) classes(m int) {
	at := r.marks[m]
	r.feats = append(r.feats, mix(uint32(at.Class), kindClass))
	for i := m - 1; i >= 0 && m-i <= markReach; i-- {
		b := r.marks[i]
		if at.Start-b.End > tripleReach {
			break
		}
		if b.Class == at.Class || b.End > at.Start {
			continue
		}
		if at.Start-b.End <= pairReach {
			r.feats = append(r.feats, mix(uint32(b.Class)<<8|uint32(at.Class), kindClasses))
		}
		for k := i - 1; k >= 0 && m-k <= markReach; k-- {
			c := r.marks[k]
			if at.Start-c.End > tripleReach {
				break
			}
			if c.Class != at.Class && c.Class != b.Class && c.End <= b.Start {
				r.feats = append(r.feats, mix(uint32(c.Class)<<16|uint32(b.Class)<<8|uint32(at.Class), kindThreeClasses))
			}
		}
	}
}
