package text

import "unicode/utf8"

// Grain is the size of the units that a text is cut into.
type Grain uint8

// The grains.
const (
	Sentence Grain = iota
	Word
)

// Units of sentences have at least so many bytes, so that "1. " is none: the first
// is short, so that an answer begins to show soon, later ones are longer, since
// each is judged with what stands before it. No unit is longer than MaxUnit bytes,
// so that text without an end is not held for ever.
const (
	FirstUnit = 32
	LaterUnit = 192
	minWord   = 12 // "words" are at least this long, so that "a" is no unit of its own
	MaxUnit   = 2048
)

// Cut returns the end of the unit that begins at s[from:], or -1 when s ends
// before the unit does. It reads no byte beyond the cut except to bound it, so
// the answer for a longer text is the same: cut points depend on the text
// alone. A unit of sentences has at least so many bytes as least says, and no unit
// ends inside a rune.
func Cut(s string, from int, g Grain, least int) int {
	last := -1 // after the last white space of the unit
	for i := from; i < len(s); i++ {
		if i-from >= MaxUnit {
			return forced(s, from, last)
		}
		c := s[i]
		switch {
		case c == '\n' && i-from >= least:
			return i + 1
		case isSpace(c):
			if g == Word && i-from >= minWord || i > from && i-from >= least && ends(s[i-1]) {
				return i + 1
			}
			last = i + 1
		case 0xE3 <= c && c <= 0xEF && i+3-from >= least && i+3 <= len(s) && (g == Word || fullStop(s[i:i+3])):
			return i + 3 // scripts without spaces: ideographs, kana, hangul
		}
	}
	return -1
}

func forced(s string, from, last int) int {
	if last > from {
		return last
	}
	end := from + MaxUnit
	for end > from+MaxUnit-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return end
}

func ends(c byte) bool { return c == '.' || c == '!' || c == '?' || c == ':' || c == ';' }

func fullStop(s string) bool { return s == "。" || s == "！" || s == "？" }
