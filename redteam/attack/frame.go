package attack

import (
	"math/rand/v2"
	"strings"
)

// frame is what stands before and after a text. Of those that one converter chooses from, none
// begins like another, so that what was framed can be taken out again.
type frame struct{ before, after string }

// framed puts a text, untouched, into one of the frames.
func framed(r *rand.Rand, text string, frames []frame) string {
	f := frames[r.IntN(len(frames))]
	return f.before + text + f.after
}

// unframed takes the text out again.
func unframed(text string, frames []frame) (string, bool) {
	for _, f := range frames {
		if len(text) < len(f.before)+len(f.after) {
			continue
		}
		if rest, ok := strings.CutPrefix(text, f.before); ok {
			return strings.CutSuffix(rest, f.after)
		}
	}
	return "", false
}
