package attack

import (
	"math/rand/v2"
	"sync"
)

// Superscript writes letters and digits small and high.
//
// Source: PyRIT's SuperscriptConverter; letters of Unicode's modifier letters.
// Example: "say 2" becomes "ˢᵃʸ ²".
type Superscript struct{}

var superscripts = sync.OnceValue(func() swap {
	return swapOf(lowerLetters+"0123456789ABDEGHIJKLMNOPRTUVW", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖ𐞥ʳˢᵗᵘᵛʷˣʸᶻ⁰¹²³⁴⁵⁶⁷⁸⁹ᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ")
})

// ID implements [redteam.Converter].
func (Superscript) ID() string { return "superscript" }

// Convert implements [redteam.Converter].
func (Superscript) Convert(_ *rand.Rand, text string) string { return superscripts().apply(text) }

// Invert implements [redteam.Inverter].
func (Superscript) Invert(text string) (string, bool) { return superscripts().apply(text), true }
