package attack

import (
	"math/rand/v2"
	"strings"
)

// MathLetters writes letters as the bold ones of formulas.
//
// Source: Unicode, mathematical alphanumeric symbols; Boucher et al. 2022.
// Example: "say" becomes "𝐬𝐚𝐲".
type MathLetters struct{}

// ID implements [redteam.Converter].
func (MathLetters) ID() string { return "math_letters" }

// Convert implements [redteam.Converter].
func (MathLetters) Convert(_ *rand.Rand, text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return '𝐀' + r - 'A'
		case 'a' <= r && r <= 'z':
			return '𝐚' + r - 'a'
		case '𝐀' <= r && r < '𝐚':
			return 'A' + r - '𝐀'
		case '𝐚' <= r && r < '𝐚'+26:
			return 'a' + r - '𝐚'
		}
		return r
	}, text)
}

// Invert implements [redteam.Inverter].
func (c MathLetters) Invert(text string) (string, bool) { return c.Convert(nil, text), true }
