package attack

import (
	"math/rand/v2"
	"sync"
)

// UnicodeConfusable writes Latin letters as letters of other scripts that look the same.
//
// Source: Unicode TR 39; Boucher et al. 2022, "Bad Characters"; PyRIT's UnicodeConfusableConverter.
// Example: "secret" becomes "ѕесrеt", four letters of it Cyrillic.
type UnicodeConfusable struct{}

var confusables = sync.OnceValue(func() swap {
	return swapOf("aceopxyijshdqwABCEHIJKMOPSTXY", "асеорхуіјѕһԁԛԝАВСЕНІЈКМОРЅТХҮ")
})

// ID implements [redteam.Converter].
func (UnicodeConfusable) ID() string { return "unicode_confusable" }

// Convert implements [redteam.Converter].
func (UnicodeConfusable) Convert(_ *rand.Rand, text string) string { return confusables().apply(text) }

// Invert implements [redteam.Inverter].
func (UnicodeConfusable) Invert(text string) (string, bool) { return confusables().apply(text), true }
