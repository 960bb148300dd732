package attack

import (
	"math/rand/v2"
	"strings"
)

// SelectiveText encodes some of the words and leaves the others, so that the whole still reads
// like a sentence.
//
// Source: PyRIT's SelectiveTextConverter.
// Example: "tell me the ⟪c2VjcmV0⟫".
type SelectiveText struct{}

const selectOpen, selectClose = "⟪", "⟫"

// ID implements [redteam.Converter].
func (SelectiveText) ID() string { return "selective_text" }

// Convert implements [redteam.Converter]. Words that hold the brackets themselves are always
// encoded, so that every bracket in the result is ours.
func (SelectiveText) Convert(r *rand.Rand, text string) string {
	return eachWord(text, func(w string) string {
		if !strings.ContainsAny(w, selectOpen+selectClose) && (len(w) < 4 || r.IntN(2) == 0) {
			return w
		}
		return selectOpen + Base64{}.Convert(r, w) + selectClose
	})
}

// Invert implements [redteam.Inverter].
func (SelectiveText) Invert(text string) (string, bool) {
	good := true
	out := eachWord(text, func(w string) string {
		inner, ok := unframed(w, []frame{{selectOpen, selectClose}})
		if !ok {
			good = good && !strings.ContainsAny(w, selectOpen+selectClose)
			return w
		}
		word, ok := Base64{}.Invert(inner)
		good = good && ok
		return word
	})
	return out, good
}
