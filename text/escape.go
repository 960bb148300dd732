package text

import (
	"strconv"
	"strings"
)

// escapes opens stretches with at least four \u, \x or octal escapes, or four of %u.
func escapes(s, mark string, emit emitter) {
	stretches(s, mark, func(i, j int) {
		if p, n := unescape(s[i:j]); n >= fewest {
			emit(i, j, p, "escapes")
		}
	})
}

// escapeLen returns the length of the escape that s begins with, 0 for none.
func escapeLen(s string) int {
	if len(s) < 4 || s[0] != '\\' && s[0] != '%' {
		return 0
	}
	n := 0
	switch {
	case s[1] == 'u' && len(s) > 2 && s[2] == '{':
		n = strings.IndexByte(s[:min(len(s), 12)], '}') + 1
	case s[1] == 'u':
		n = 6
	case s[0] == '%':
		return 0
	case s[1] == 'x', octal(s[1:4]):
		n = 4
	}
	if n == 0 || n > len(s) {
		return 0
	}
	return n
}

// octal reports whether three bytes are the number of a byte.
func octal(s string) bool { return s[0] <= '3' && strings.Trim(s, "01234567") == "" }

// unescape replaces the escapes in s and counts them.
func unescape(s string) (string, int) {
	var b strings.Builder
	n := 0
	for i := 0; i < len(s); {
		size := escapeLen(s[i:])
		if size > 0 {
			digits, base := strings.Trim(s[i+2:i+size], "{}"), 16
			if octal(s[i+1 : i+4]) {
				digits, base = s[i+1:i+4], 8
			}
			if v, err := strconv.ParseUint(digits, base, 32); err == nil {
				b.WriteRune(rune(v))
				i += size
				n++
				continue
			}
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String(), n
}
