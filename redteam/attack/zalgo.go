package attack

import "math/rand/v2"

// Zalgo heaps three marks on every letter.
//
// Source: the internet joke of 2004; PyRIT's ZalgoConverter.
// Example: "say" becomes the same letters under nine marks.
type Zalgo struct{}

// ID implements [redteam.Converter].
func (Zalgo) ID() string { return "zalgo" }

// Convert implements [redteam.Converter].
func (Zalgo) Convert(r *rand.Rand, text string) string { return marked(r, text, 3) }

// Invert implements [redteam.Inverter].
func (Zalgo) Invert(text string) (string, bool) { return unmarked(text, 3) }
