package attack

import (
	"math/rand/v2"
	"strings"
)

// TagSmuggling writes ASCII in the tag characters of Unicode, which nobody sees and models read.
//
// Source: Goodside 2024; Rehberger 2024, "ASCII Smuggler"; PyRIT's AsciiSmugglerConverter.
// Example: "say" becomes three characters from U+E0073 on.
type TagSmuggling struct{}

const tagBlock = 0xE0000

// ID implements [redteam.Converter].
func (TagSmuggling) ID() string { return "tag_smuggling" }

// Convert implements [redteam.Converter].
func (TagSmuggling) Convert(_ *rand.Rand, text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case ' ' <= r && r <= '~':
			return tagBlock + r
		case tagBlock+' ' <= r && r <= tagBlock+'~':
			return r - tagBlock
		}
		return r
	}, text)
}

// Invert implements [redteam.Inverter].
func (c TagSmuggling) Invert(text string) (string, bool) { return c.Convert(nil, text), true }
