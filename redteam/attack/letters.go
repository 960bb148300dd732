package attack

import (
	"strings"
	"unicode/utf8"
)

// swap exchanges letters for others and those others for letters. It is a permutation, so it
// undoes itself, whatever the text held before.
type swap map[rune]rune

// swapOf pairs the letters of two alphabets in their order.
func swapOf(from, to string) swap {
	s := swap{}
	other := []rune(to)
	for i, r := range []rune(from) {
		s[r], s[other[i]] = other[i], r
	}
	return s
}

func (s swap) apply(text string) string {
	return strings.Map(func(r rune) rune {
		if other, ok := s[r]; ok {
			return other
		}
		return r
	}, text)
}

// rotate turns letters by n places within their alphabet.
func rotate(text string, n func() rune) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return 'a' + (r-'a'+n()+26)%26
		case 'A' <= r && r <= 'Z':
			return 'A' + (r-'A'+n()+26)%26
		}
		return r
	}, text)
}

// shift is rotate by the same number everywhere.
func shift(text string, n rune) string { return rotate(text, func() rune { return n }) }

// between puts a rune between every two of a text.
func between(text string, sep func() rune) string {
	var b strings.Builder
	for i, r := range text {
		if i > 0 {
			b.WriteRune(sep())
		}
		b.WriteRune(r)
	}
	return b.String()
}

// unbetween takes every second rune out again, where each of them is one that between puts in.
func unbetween(text string, is func(rune) bool) (string, bool) {
	if n := utf8.RuneCountInString(text); n > 0 && n%2 == 0 {
		return "", false
	}
	var b strings.Builder
	odd := false
	for _, r := range text {
		if odd && !is(r) {
			return "", false
		}
		if !odd {
			b.WriteRune(r)
		}
		odd = !odd
	}
	return b.String(), true
}

// reversed returns the runes of a text from last to first.
func reversed(text string) string {
	r := []rune(text)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

// eachWord changes the words of a text and leaves the blanks between them as they are.
func eachWord(text string, change func(string) string) string {
	words := strings.Split(text, " ")
	for i, w := range words {
		words[i] = change(w)
	}
	return strings.Join(words, " ")
}

const (
	lowerLetters = "abcdefghijklmnopqrstuvwxyz"
	upperLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)
