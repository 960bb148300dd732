package attack

import (
	"math/rand/v2"
	"sync"
)

// UpsideDown turns a text by half a circle, with letters that look like others turned.
//
// Source: the flip-text pages of the early web; letters of Unicode's IPA and Latin extensions.
// Example: "say" becomes "ʎɐs".
type UpsideDown struct{}

var turned = sync.OnceValue(func() swap { return swapOf("abcdefghijkmnrtvwy?!.", "ɐqɔpǝɟƃɥᴉɾʞɯuɹʇʌʍʎ¿¡˙") })

// ID implements [redteam.Converter].
func (UpsideDown) ID() string { return "upside_down" }

// Convert implements [redteam.Converter].
func (UpsideDown) Convert(_ *rand.Rand, text string) string { return reversed(turned().apply(text)) }

// Invert implements [redteam.Inverter].
func (UpsideDown) Invert(text string) (string, bool) { return turned().apply(reversed(text)), true }
