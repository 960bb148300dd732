package attack

import (
	"math/rand/v2"
	"sync"
)

// ArabicPresentation writes Arabic letters in the forms that only old fonts needed.
//
// Source: Unicode, Arabic Presentation Forms-B; PyRIT's ArabicPresentationFormConverter.
// Example: "سر" becomes "ﺱﺭ".
type ArabicPresentation struct{}

var presentation = sync.OnceValue(func() swap {
	return swapOf("ابتثجحخدذرزسشصضطظعغفقكلمنهوية", "ﺍﺏﺕﺙﺝﺡﺥﺩﺫﺭﺯﺱﺵﺹﺽﻁﻅﻉﻍﻑﻕﻙﻝﻡﻥﻩﻭﻱﺓ")
})

// ID implements [redteam.Converter].
func (ArabicPresentation) ID() string { return "arabic_presentation" }

// Convert implements [redteam.Converter].
func (ArabicPresentation) Convert(_ *rand.Rand, text string) string {
	return presentation().apply(text)
}

// Invert implements [redteam.Inverter].
func (ArabicPresentation) Invert(text string) (string, bool) { return presentation().apply(text), true }
