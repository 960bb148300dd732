package attack

import (
	"math/rand/v2"
	"strings"
)

// VariationSelector hides the bytes of a text behind an emoji, each as one of the 256 characters
// that choose how the one before them is drawn.
//
// Source: Butler 2025, "Smuggling arbitrary data through an emoji"; PyRIT's VariationSelectorSmugglerConverter.
// Example: "say" becomes one emoji and three characters that nobody sees.
type VariationSelector struct{}

const variationCarrier = "🙂"

// ID implements [redteam.Converter].
func (VariationSelector) ID() string { return "variation_selector" }

// Convert implements [redteam.Converter].
func (VariationSelector) Convert(_ *rand.Rand, text string) string {
	var b strings.Builder
	b.WriteString(variationCarrier)
	for i := range len(text) {
		if c := rune(text[i]); c < 16 {
			b.WriteRune(0xFE00 + c)
		} else {
			b.WriteRune(0xE0100 + c - 16)
		}
	}
	return b.String()
}

// Invert implements [redteam.Inverter].
func (VariationSelector) Invert(text string) (string, bool) {
	rest, ok := strings.CutPrefix(text, variationCarrier)
	if !ok {
		return "", false
	}
	var out []byte
	for _, r := range rest {
		switch {
		case 0xFE00 <= r && r <= 0xFE0F:
			out = append(out, byte(r-0xFE00))
		case 0xE0100 <= r && r <= 0xE01EF:
			out = append(out, byte(r-0xE0100+16))
		default:
			return "", false
		}
	}
	return string(out), true
}
