package guard

import (
	"strings"
	"unicode/utf8"
)

// Terminal control: ECMA-48 and what xterm adds to it.
const (
	esc = 0x1b
	// c1 is the first byte of U+0080 to U+009F, which mean the same as ESC and a
	// letter: a terminal that reads UTF-8 obeys them.
	c1 = 0xc2
)

// controls reports whether a text may hold terminal control.
func controls(s string) bool {
	for _, c := range []byte{esc, c1, 0x07, 0x08, 0x0e, 0x0f, 0x7f} {
		if strings.IndexByte(s, c) >= 0 {
			return true
		}
	}
	return false
}

// escapeChanges takes out terminal control as a terminal would: sequences with all
// that belongs to them, and single characters that ring, delete or switch.
func escapeChanges(s string) []PassageChange {
	var out []PassageChange
	for i := 0; i < len(s); {
		n, _ := control(s[i:])
		if n > 2 && s[i] == c1 && garbled(s[:i]) {
			n = 2
		}
		// What stands side by side goes as one.
		if last := len(out) - 1; n > 0 && last >= 0 && out[last].End == i {
			out[last].End = i + n
		} else if n > 0 {
			out = append(out, PassageChange{Start: i, End: i + n})
		}
		i += max(n, 1)
	}
	return out
}

// garbled reports whether what ends here was read in the wrong encoding: then bytes of
// quotes and dashes look like the beginning and the end of a sequence, and the text
// between them is none of it.
func garbled(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return 0x80 <= r && r <= 0xff
}

// openControl measures a sequence at the end of a unit that has not ended yet.
func openControl(unit string) int {
	if !controls(unit) {
		return 0
	}
	for i := 0; i < len(unit); {
		n, whole := control(unit[i:])
		if !whole && !(unit[i] == c1 && garbled(unit[:i])) {
			return len(unit) - i
		}
		i += max(n, 1)
	}
	return 0
}

// maxEscape bounds a control sequence, so that a bare introducer does not eat the
// text after it. Without its introducer the rest of one is only text.
const maxEscape = 2048

// control measures the control at the start of s, 0 when there is none, and says
// whether more text could make it longer.
func control(s string) (n int, whole bool) {
	switch c := s[0]; {
	case c == 0x07, c == 0x08, c == 0x0e, c == 0x0f, c == 0x7f:
		return 1, true
	case c == esc && len(s) == 1:
		return 1, false
	case c == esc:
		return sequence(s, s[1])
	// U+0085 ends a line and U+00A0 is a blank; what lies between them is control.
	case c == c1 && len(s) > 1 && 0x80 <= s[1] && s[1] <= 0x9f && s[1] != 0x85:
		return sequence(s, s[1]-0x40)
	}
	return 0, true
}

// sequence measures a sequence of a kind; its introducer has two bytes.
func sequence(s string, kind byte) (int, bool) {
	switch kind {
	case '[': // parameters, then one final byte
		return parameters(s)
	case ']', 'P', 'X', '^', '_': // any text up to a terminator
		return terminated(s)
	}
	if s[0] == c1 {
		return 2, true
	}
	// ESC, intermediate bytes, one final byte.
	i := 1
	for i < min(len(s), 4) && 0x20 <= s[i] && s[i] <= 0x2f {
		i++
	}
	switch {
	case i == len(s):
		return 1, i > 3
	case i > 1 && 0x30 <= s[i] && s[i] <= 0x7e, strings.IndexByte("cDEHMNOZ78=>no|}~\\", s[i]) >= 0:
		return i + 1, true
	}
	return 1, true
}

func parameters(s string) (int, bool) {
	for i := 2; i < min(len(s), maxEscape); i++ {
		switch c := s[i]; {
		case 0x40 <= c && c <= 0x7e:
			return i + 1, true
		case c < 0x20 || c > 0x3f:
			return 2, true
		}
	}
	return 2, len(s) >= maxEscape
}

func terminated(s string) (int, bool) {
	for i := 2; i < min(len(s), maxEscape); i++ {
		switch {
		case s[i] == 0x07:
			return i + 1, true
		case s[i] != esc && s[i] != c1:
		case i+1 == len(s):
			return 2, false
		case s[i] == esc && s[i+1] == '\\' || s[i] == c1 && s[i+1] == 0x9c:
			return i + 2, true
		case s[i] == esc || s[i+1] < 0xa0:
			return 2, true // another sequence begins: this one never ends
		}
	}
	return 2, len(s) >= maxEscape
}
