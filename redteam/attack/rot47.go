package attack

import (
	"math/rand/v2"
	"strings"
)

// Rot47 turns every visible character of ASCII by half of them, digits and signs too.
//
// Source: Usenet's successor to rot13.
// Example: "say hi" becomes "D2J 9:".
type Rot47 struct{}

// ID implements [redteam.Converter].
func (Rot47) ID() string { return "rot47" }

// Convert implements [redteam.Converter].
func (Rot47) Convert(_ *rand.Rand, text string) string {
	return strings.Map(func(r rune) rune {
		if r < '!' || r > '~' {
			return r
		}
		return '!' + (r-'!'+47)%94
	}, text)
}

// Invert implements [redteam.Inverter].
func (c Rot47) Invert(text string) (string, bool) { return c.Convert(nil, text), true }
