package attack

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// DigitBijection writes every letter as a number of two digits, from 11 for a to 36 for z, and
// from 41 for A; digits and everything else stand between apostrophes.
//
// Source: Huang et al. 2024; PyRIT's DigitBijectionConverter.
// Example: "hi 5" becomes "1819' 5'".
type DigitBijection struct{}

// ID implements [redteam.Converter].
func (DigitBijection) ID() string { return "digit_bijection" }

// Convert implements [redteam.Converter].
func (DigitBijection) Convert(_ *rand.Rand, text string) string {
	var b strings.Builder
	open := false
	for _, r := range text {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if letter == open {
			b.WriteByte('\'')
			open = !open
		}
		switch {
		case r == '\'': // doubled, as SQL has it
			b.WriteString("''")
		case !letter:
			b.WriteRune(r)
		case r >= 'a':
			b.WriteString(strconv.Itoa(int(r-'a') + 11))
		default:
			b.WriteString(strconv.Itoa(int(r-'A') + 41))
		}
	}
	if open {
		b.WriteByte('\'')
	}
	return b.String()
}

// Invert implements [redteam.Inverter].
func (DigitBijection) Invert(text string) (string, bool) {
	var b strings.Builder
	for text != "" {
		if text[0] == '\'' {
			inside, rest, ok := cutQuoted(text[1:])
			if !ok {
				return "", false
			}
			b.WriteString(inside)
			text = rest
			continue
		}
		if len(text) < 2 {
			return "", false
		}
		n, err := strconv.Atoi(text[:2])
		switch {
		case err == nil && 11 <= n && n <= 36:
			b.WriteByte(byte('a' + n - 11))
		case err == nil && 41 <= n && n <= 66:
			b.WriteByte(byte('A' + n - 41))
		default:
			return "", false
		}
		text = text[2:]
	}
	return b.String(), true
}

// cutQuoted returns what stands before the closing apostrophe, and what comes after it.
func cutQuoted(text string) (inside, rest string, ok bool) {
	for i := 0; i < len(text); i++ {
		if text[i] != '\'' {
			continue
		}
		if i+1 < len(text) && text[i+1] == '\'' {
			i++
			continue
		}
		return strings.ReplaceAll(text[:i], "''", "'"), text[i+1:], true
	}
	return "", "", false
}
