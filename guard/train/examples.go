package train

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/ngram"
)

// example is one window of a text, to learn from.
type example struct {
	ngram.Example
	text int
}

// attack learns what a window of an attack is, without the texts of a fold. The harmless
// windows that are most mistaken for attacks are learnt with more weight: it is they that
// draw the line.
func (t *trainer) attack(fold int) *ngram.Weights {
	all := t.attackExamples(fold)
	mine(all)
	return ngram.Fit(ngram.Config{Rate: cautious}, strip(all))
}

// cautious is how fast attacks are learnt: models that learn slower say less of what only
// one source says (recall at .1 % is .41, and .38 at the usual rate of .5).
const cautious = .1

func strip(all []example) []ngram.Example {
	out := make([]ngram.Example, len(all))
	for i := range all {
		out[i] = all[i].Example
	}
	return out
}

func (t *trainer) attackExamples(fold int) []example {
	var all []example
	for i, x := range t.texts {
		if x.Fold == fold || x.Echo || x.Harmful() {
			continue
		}
		// An encoded attack is learnt from what it says, not from how it looks.
		veiled := strings.HasPrefix(x.Category, "obfuscated") && slices.ContainsFunc(t.windows[i], func(w window) bool { return w.decoded })
		for k := range t.windows[i] {
			w := &t.windows[i][k]
			if veiled && !w.decoded {
				continue
			}
			if yes, sure := attacks(x, w, len(t.windows[i])); sure {
				all = append(all, example{ngram.Example{IDs: w.ids, Values: w.values, Yes: yes}, i})
			}
		}
	}
	t.balance(all)
	return all
}

// briefly is how many windows a document may have whose attack nobody has marked.
const briefly = 3

// attacks says whether a window of a text is one of an attack, if that is known: where the
// attack is marked, windows that hold most of it are, and windows without any of it are
// not.
func attacks(x *Text, w *window, windows int) (yes, sure bool) {
	switch {
	case !x.Attack():
		return false, true
	case len(x.Spans) == 0:
		return true, x.Label != "indirect" || windows <= briefly
	}
	over, most := 0, false
	for _, s := range x.Spans {
		if o := min(w.end, s[1]) - max(w.start, s[0]); o > 0 {
			over += o
			most = most || o*10 >= (s[1]-s[0])*8
		}
	}
	if over == 0 {
		return false, true
	}
	return true, most || over*2 > w.end-w.start
}

// heaviest bounds the weight of an example of a tiny source.
const heaviest = 20

// balance gives every source the weight of the square root of its windows: large ones
// must not speak for all. The mean weight is one.
func (t *trainer) balance(all []example) {
	count := map[string]int{}
	key := func(e *example) string {
		x := t.texts[e.text]
		return x.File + "\x00" + x.Source + "\x00" + x.Label
	}
	for i := range all {
		count[key(&all[i])]++
	}
	total := 0.
	for i := range all {
		w := 1 / math.Sqrt(float64(count[key(&all[i])]))
		all[i].Weight = float32(w)
		total += w
	}
	for i := range all {
		all[i].Weight = min(heaviest, float32(float64(all[i].Weight)*float64(len(all))/total))
	}
}

// How mining goes: the worst of so many harmless windows, judged by models that have not
// seen them, weigh so many times as much.
const (
	minings   = 4
	worstPart = 50
	mined     = 4
)

// mine raises the weight of the harmless windows that look most like attacks.
func mine(all []example) {
	type miss struct {
		at    int
		score float32
	}
	var missed []miss
	for part := range minings {
		var some []ngram.Example
		for i := range all {
			if all[i].text%minings != part {
				some = append(some, all[i].Example)
			}
		}
		m := ngram.Fit(ngram.Config{Epochs: 2, Rate: cautious}, some)
		for i := range all {
			if e := &all[i]; e.text%minings == part && !e.Yes {
				missed = append(missed, miss{i, m.Score(e.IDs, e.Values)})
			}
		}
	}
	slices.SortFunc(missed, func(a, b miss) int { return cmp.Or(-cmp.Compare(a.score, b.score), a.at-b.at) })
	for _, m := range missed[:len(missed)/worstPart] {
		all[m.at].Weight *= mined
	}
}

// harm lists windows of harmful and harmless texts, without those of a fold. Attacks are
// left out: what they want is often harmless.
func (t *trainer) harm(fold int) []ngram.Example {
	var all []example
	for i, x := range t.texts {
		if x.Fold == fold || x.Echo || x.Attack() || x.Own && !x.Harmful() && x.Label != "benign" {
			continue
		}
		for k := range t.windows[i] {
			w := &t.windows[i][k]
			all = append(all, example{ngram.Example{IDs: w.ids, Values: w.values, Yes: x.Harmful()}, i})
		}
	}
	t.balance(all)
	return strip(all)
}
