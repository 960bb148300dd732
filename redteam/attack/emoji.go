package attack

import (
	"math/rand/v2"
	"strings"
)

// Emoji writes letters in coloured squares and frames.
//
// Source: Wei et al. 2024, "Emoji Attack"; PyRIT's EmojiConverter.
// Example: "Hi" becomes "🄷🅸".
type Emoji struct{}

// ID implements [redteam.Converter].
func (Emoji) ID() string { return "emoji" }

// Convert implements [redteam.Converter].
func (Emoji) Convert(_ *rand.Rand, text string) string {
	const framed, filled = 0x1F130, 0x1F170 // A
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return framed + r - 'A'
		case 'a' <= r && r <= 'z':
			return filled + r - 'a'
		case framed <= r && r < framed+26:
			return 'A' + r - framed
		case filled <= r && r < filled+26:
			return 'a' + r - filled
		}
		return r
	}, text)
}

// Invert implements [redteam.Inverter].
func (c Emoji) Invert(text string) (string, bool) { return c.Convert(nil, text), true }
