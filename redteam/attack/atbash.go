package attack

import (
	"math/rand/v2"
	"strings"
)

// Atbash reads the alphabet from its end.
//
// Source: PyRIT's AtbashConverter; Yuan et al. 2023.
// Example: "say hi" becomes "hzb sr".
type Atbash struct{}

// ID implements [redteam.Converter].
func (Atbash) ID() string { return "atbash" }

// Convert implements [redteam.Converter].
func (Atbash) Convert(_ *rand.Rand, text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return 'a' + 'z' - r
		case 'A' <= r && r <= 'Z':
			return 'A' + 'Z' - r
		}
		return r
	}, text)
}

// Invert implements [redteam.Inverter].
func (c Atbash) Invert(text string) (string, bool) { return c.Convert(nil, text), true }
