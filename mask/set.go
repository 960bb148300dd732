package mask

import (
	"slices"
	"sort"
	"unicode"
	"unicode/utf8"
)

// set finds texts of a set at a place of another text. It is a sorted list that is narrowed
// byte by byte: what it costs does not depend on how alike the texts are, and it needs no
// memory beside them.
type set struct {
	texts []string
	first [257]int // texts[first[c]:first[c+1]] begin with byte c
}

func newSet(texts []string) *set {
	slices.Sort(texts)
	t := &set{texts: slices.Compact(texts)}
	n := 0
	for c := range 256 {
		t.first[c] = n
		for n < len(t.texts) && (t.texts[n] == "" || t.texts[n][0] == byte(c)) {
			n++
		}
	}
	t.first[256] = n
	return t
}

// longest returns the length of the longest text of the set that s begins with, and whether
// s ends before it is known: a longer one may have begun.
func (t *set) longest(s string) (n int, open bool) {
	if s == "" {
		return 0, false
	}
	in := t.texts[t.first[s[0]]:t.first[int(s[0])+1]]
	for i := 1; len(in) > 0; i++ {
		if len(in[0]) == i {
			n, in = i, in[1:]
		}
		if i == len(s) {
			return n, len(in) > 0
		}
		c := s[i]
		from := sort.Search(len(in), func(k int) bool { return in[k][i] >= c })
		in = in[from:]
		in = in[:sort.Search(len(in), func(k int) bool { return in[k][i] > c })]
	}
	return n, false
}

// longestWord returns the length of the longest text of the set that stands at a place of
// another and does not end inside a word; 0 when there is none.
func (t *set) longestWord(s string, at int) (n int) {
	in := t.texts[t.first[s[at]]:t.first[int(s[at])+1]]
	for i := 1; len(in) > 0; i++ {
		if len(in[0]) == i {
			if ends(s, at+i) {
				n = i
			}
			in = in[1:]
		}
		if at+i == len(s) {
			break
		}
		c := s[at+i]
		in = in[sort.Search(len(in), func(k int) bool { return in[k][i] >= c }):]
		in = in[:sort.Search(len(in), func(k int) bool { return in[k][i] > c })]
	}
	return n
}

// starts reports whether a place is not inside a word, and ends the same of where one ends.
func starts(s string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:at])
	first, _ := utf8.DecodeRuneInString(s[at:])
	return !joined(before, first)
}

func ends(s string, at int) bool { return at == len(s) || starts(s, at) }

// bounded reports whether s[start:end] is not a part of a longer word.
func bounded(s string, start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:start])
	first, _ := utf8.DecodeRuneInString(s[start:end])
	last, _ := utf8.DecodeLastRuneInString(s[start:end])
	after, _ := utf8.DecodeRuneInString(s[end:])
	return !joined(before, first) && !joined(last, after)
}

// joined reports whether two characters stand in one word. Scripts without blanks have no
// words to stand in.
func joined(a, b rune) bool {
	return wordly(a) && wordly(b)
}

func wordly(r rune) bool {
	if r < utf8.RuneSelf {
		return '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z' || r == '_'
	}
	return (unicode.IsLetter(r) || unicode.IsDigit(r)) && !unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai)
}
