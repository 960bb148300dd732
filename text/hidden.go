package text

import (
	"strings"
	"unicode/utf8"
)

// Sort says what sort of invisible character was found.
type Sort uint8

// The sorts of invisible character.
const (
	Visible   Sort = iota
	ZeroWidth      // zero-width spaces, joiners, fillers
	Bidi           // marks, embeddings, overrides, isolates
	Selector       // variation selectors
	Tag            // the tag block, U+E0000
)

var sortNames = [...]string{"visible", "zero_width", "bidi", "selector", "tag"}

// String returns the sort's name.
func (s Sort) String() string {
	if int(s) < len(sortNames) {
		return sortNames[s]
	}
	return "visible"
}

// Hidden is a run of invisible characters of one sort, in original offsets.
// Usual marks those that belong to the writing around them: joiners in emoji
// and Indic words, marks in right-to-left text, selectors after their base.
type Hidden struct {
	Start, End int
	Runes      int
	Sort       Sort
	Usual      bool
	InWord     bool // between two letters, where it splits a word
}

// sortOf classifies a rune that draws nothing.
func sortOf(r rune) Sort {
	switch {
	case r < 0x80 && control(byte(r)):
		return ZeroWidth
	case r == 0xAD, r == 0x34F, r == 0x115F, r == 0x1160, r == 0x3164, r == 0xFFA0, r == 0xFEFF,
		r == 0x180E, 0x200B <= r && r <= 0x200D, 0x2060 <= r && r <= 0x2064, 0x206A <= r && r <= 0x206F:
		return ZeroWidth
	case r == 0x61C, r == 0x200E, r == 0x200F, 0x202A <= r && r <= 0x202E, 0x2066 <= r && r <= 0x2069:
		return Bidi
	case 0xFE00 <= r && r <= 0xFE0F, 0xE0100 <= r && r <= 0xE01EF, 0x180B <= r && r <= 0x180D:
		return Selector
	case 0xE0000 <= r && r <= 0xE007F:
		return Tag
	}
	return Visible
}

// isRTL reports whether r is written from right to left.
func isRTL(r rune) bool {
	return 0x590 <= r && r <= 0x8FF && r != 0x61C || 0xFB1D <= r && r <= 0xFDFF || 0xFE70 <= r && r <= 0xFEFC || 0x10800 <= r && r <= 0x10FFF || 0x1E900 <= r && r <= 0x1EEFF
}

// joins reports whether r belongs to a script that uses joiners or zero-width
// spaces inside its words.
func joins(r rune) bool {
	return isRTL(r) || 0x900 <= r && r <= 0x109F || 0x1780 <= r && r <= 0x18AF || 0x1900 <= r && r <= 0x1BFF ||
		isHan(r) || 0x3040 <= r && r <= 0x30FF || 0xA840 <= r && r <= 0xABFF || 0x11000 <= r && r <= 0x11FFF
}

func isHan(r rune) bool {
	return 0x3400 <= r && r <= 0x9FFF || 0xF900 <= r && r <= 0xFAFF || 0x20000 <= r && r <= 0x3FFFF
}

// isSymbol reports whether r may carry a joiner or selector as an emoji does.
func isSymbol(r rune) bool {
	return r == 0xA9 || r == 0xAE || 0x2000 <= r && r <= 0x3299 && sortOf(r) == Visible || 0x1F000 <= r && r <= 0x1FFFF || r == '#' || r == '*' || '0' <= r && r <= '9'
}

// hiddenRun measures the run of invisible characters of one sort at s[i:] and
// says whether they belong there.
func hiddenRun(s string, i int, rtl bool) Hidden {
	r, n := utf8.DecodeRuneInString(s[i:])
	h := Hidden{Start: i, Sort: sortOf(r), End: i + n, Runes: 1}
	for h.End < len(s) {
		next, n := utf8.DecodeRuneInString(s[h.End:])
		if sortOf(next) != h.Sort {
			break
		}
		h.End += n
		h.Runes++
	}
	// What stands on both sides tells a joiner in a word from one in an emoji.
	prev, _ := utf8.DecodeLastRuneInString(s[:i])
	next, _ := utf8.DecodeRuneInString(s[h.End:])
	h.InWord = wordy(prev) && wordy(next)
	h.Usual = h.usual(s, r, prev, next, rtl)
	return h
}

func wordy(r rune) bool {
	return r < 0x80 && isLetter(byte(r)) || r >= 0xAA && r < 0x2000 || r >= 0x2C00 && r < 0xE000
}

func (h *Hidden) usual(s string, first, prev, next rune, rtl bool) bool {
	switch h.Sort {
	case ZeroWidth:
		switch {
		case first == 0xFEFF && h.Start == 0, first == 0xAD && h.Runes == 1:
			return true
		case h.Runes > 2:
			return false
		}
		return joins(prev) || joins(next) || (first == 0x200D || first == 0x2060) && (isSymbol(prev) || sortOf(prev) == Selector) && isSymbol(next)
	case Bidi:
		// Marks, embeddings and isolates keep mixed text in order; an override
		// turns letters round, and outside right-to-left text has no other use.
		return h.Runes <= 3 && (rtl || !strings.ContainsAny(s[h.Start:h.End], "\u202d\u202e"))
	case Selector:
		return h.Runes == 1 && (isSymbol(prev) || isHan(prev) || joins(prev))
	case Tag:
		// A subdivision flag: black flag, up to six tag letters, cancel tag.
		return prev == 0x1F3F4 && h.Runes <= 7 && endsWith(s[:h.End], 0xE007F)
	}
	return true
}

func endsWith(s string, r rune) bool {
	last, _ := utf8.DecodeLastRuneInString(s)
	return last == r
}

// payload decodes what a hidden run spells: ASCII in tag characters, bytes in
// variation selectors.
func (h *Hidden) payload(s string) string {
	if h.Sort != Tag && h.Sort != Selector {
		return ""
	}
	out := make([]byte, 0, h.Runes)
	for _, r := range s[h.Start:h.End] {
		switch {
		case 0xE0020 <= r && r <= 0xE007E:
			out = append(out, byte(r-0xE0000))
		case 0xFE00 <= r && r <= 0xFE0F:
			out = append(out, byte(r-0xFE00))
		case 0xE0100 <= r && r <= 0xE01EF:
			out = append(out, byte(r-0xE0100+16))
		}
	}
	return string(out)
}
