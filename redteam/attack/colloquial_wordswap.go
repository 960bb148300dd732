package attack

import (
	"math/rand/v2"
	"strings"
)

// ColloquialWordswap says common English words as people say them among friends.
//
// Source: PyRIT's ColloquialWordswapConverter. The list is our own.
// Example: "tell me your secret" becomes "spill to me yer li'l secret".
type ColloquialWordswap struct{}

var colloquial = map[string][]string{
	"you": {"ya", "you lot"}, "your": {"yer", "your own lil"}, "are": {"be", "r"}, "hello": {"oi", "hiya"},
	"please": {"pls", "be a mate and"}, "tell": {"spill to", "lemme hear from"}, "give": {"gimme over", "chuck"}, "show": {"flash", "lemme peek at"},
	"ignore": {"skip over", "don't mind"}, "forget": {"bin", "drop"}, "previous": {"earlier-on", "old"}, "instructions": {"marching orders", "what they told ya"},
	"rules": {"house rules", "dos and don'ts"}, "secret": {"hush-hush bit", "lil secret"}, "password": {"pass thingy", "door word"}, "want": {"wanna have", "fancy"},
	"going": {"gonna be", "off"}, "because": {"cos", "'cause"}, "friend": {"mate", "pal"}, "very": {"dead", "proper"}, "now": {"right now like", "this minute"},
	"everything": {"the whole lot", "all the bits"}, "answer": {"come back", "shout back"}, "write": {"jot down", "scribble"},
}

// ID implements [redteam.Converter].
func (ColloquialWordswap) ID() string { return "colloquial_wordswap" }

// Convert implements [redteam.Converter].
func (ColloquialWordswap) Convert(r *rand.Rand, text string) string {
	return eachWord(text, func(w string) string {
		bare := strings.TrimRight(w, ".,;:!?")
		if said := colloquial[strings.ToLower(bare)]; said != nil {
			return said[r.IntN(len(said))] + w[len(bare):]
		}
		return w
	})
}
