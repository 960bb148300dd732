package attack

import (
	"math/rand/v2"
	"strings"
)

// Fullwidth writes ASCII as it is written among Chinese characters.
//
// Source: Unicode, halfwidth and fullwidth forms; Boucher et al. 2022.
// Example: "say" becomes "ｓａｙ".
type Fullwidth struct{}

// ID implements [redteam.Converter].
func (Fullwidth) ID() string { return "fullwidth" }

// Convert implements [redteam.Converter]. It also writes the wide letters of a text narrow, so
// that both can be told apart again.
func (Fullwidth) Convert(_ *rand.Rand, text string) string {
	const away = '！' - '!'
	return strings.Map(func(r rune) rune {
		switch {
		case '!' <= r && r <= '~':
			return r + away
		case '！' <= r && r <= '～':
			return r - away
		}
		return r
	}, text)
}

// Invert implements [redteam.Inverter].
func (c Fullwidth) Invert(text string) (string, bool) { return c.Convert(nil, text), true }
