package guard

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSentence bounds how far a sentence is followed, in bytes on each side.
const maxSentence = 600

// sentences widens a span to the sentences that it touches: what a detector points at is
// often a few words of the order that they belong to. In markup and JSON a sentence does
// not go beyond the value that it stands in.
func sentences(s string, start, end int) (int, int) {
	begins := strings.TrimLeft(s, " \t\r\n")
	raw := begins != "" && strings.IndexByte("<{[", begins[0]) >= 0
	from := start
	for from > 0 && start-from < maxSentence && !sentenceEnds(s, from, raw) {
		from--
	}
	to := end
	for to < len(s) && to-end < maxSentence && !sentenceEnds(s, to, raw) {
		to++
	}
	for from < start && (blank(s[from]) || !utf8.RuneStart(s[from])) {
		from++
	}
	for to > end && (blank(s[to-1]) || to < len(s) && !utf8.RuneStart(s[to])) {
		to--
	}
	return from, to
}

// sentenceEnds reports whether a sentence ends right before s[i:].
func sentenceEnds(s string, i int, raw bool) bool {
	if i == 0 || i >= len(s) {
		return true
	}
	switch c := s[i-1]; {
	case c == '.' || c == '!' || c == '?':
		return blank(s[i])
	case c == '\n':
		// A line that goes on in small letters goes on with the sentence.
		r, _ := utf8.DecodeRuneInString(s[i:])
		return !unicode.IsLower(r)
	case c == '\r':
		return false
	case raw && (strings.IndexByte("<>{}[]", c) >= 0 || strings.IndexByte("<>{}[]", s[i]) >= 0):
		return true
	case raw && (c == '"' && (i < 2 || s[i-2] != '\\') || s[i] == '"' && c != '\\'):
		return true
	case c < utf8.RuneSelf:
		return false
	}
	r, _ := utf8.DecodeLastRuneInString(s[:i])
	return utf8.RuneStart(s[i]) && strings.ContainsRune("。！？।؟", r)
}
