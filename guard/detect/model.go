package detect

import (
	"context"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/ngram"
	"github.com/bartizan-ai/bartizan/risk"
)

// Model weighs what the rules found together with what two models of n-grams learnt of
// attacks and of harm, and says one calibrated probability for each place.
//
// Catches: attacks and harm in words no rule lists, several weak signs in one text, and
// requests for harm in disguise. It is the last word on attacks: a rule that fires is
// evidence, not a verdict.
// Does not catch: plain orders that are wrong only because of where they stand, harm that
// is told in harmless words. It knows words, not intent.
// Example: a leaflet that ends in an order to whoever sums it up.
type Model struct {
	learnt func() (*Shipped, error)
	marked *marked
	pool   sync.Pool // of *scorer
}

func newModel() *Model { return NewModel(shipped) }

// NewModel makes the detector of what was learnt, so that training can try what it has.
func NewModel(learnt func() (*Shipped, error)) *Model {
	return &Model{learnt: learnt, marked: sharedMarked()}
}

var sharedMarked = sync.OnceValue(newMarked)

// ID names the detector and its version.
func (m *Model) ID() string { return "model@1" }

// attackID and harmID stand on findings.
const attackID, harmID = "attack/model@1", "harm/model@1"

// Finds says what it can find.
func (m *Model) Finds() []risk.Category {
	return append([]risk.Category{risk.PromptInjection, risk.IndirectInjection, risk.Jailbreak}, HarmCategories...)
}

// Literals are the words of all rules.
func (m *Model) Literals() []string { return texts(m.marked.words) }

// Always says that it reads texts without any of them, too.
func (m *Model) Always() bool { return true }

// Look reads passages without an engine.
func (m *Model) Look(ctx context.Context, p []llm.Passage) ([]risk.Finding, error) {
	return guard.Read(ctx, m, p)
}

// Read weighs the views alone.
func (m *Model) Read(ctx context.Context, views []guard.View) ([]risk.Finding, error) {
	return m.Weigh(ctx, views, nil)
}

// Weigh gives every finding of an attack its probability, and adds what the models see.
func (m *Model) Weigh(ctx context.Context, views []guard.View, found []risk.Finding) ([]risk.Finding, error) {
	learnt, err := m.learnt()
	if err != nil {
		return found, err
	}
	s, _ := m.pool.Get().(*scorer)
	if s == nil {
		s = &scorer{marked: m.marked}
	}
	defer m.pool.Put(s)
	s.index(found)
	for from := 0; from < len(views); {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		to := from + 1
		for to < len(views) && views[to].Passage == views[from].Passage {
			to++
		}
		s.read(learnt, views[from:to])
		found = s.weigh(learnt, views[from:to], found)
		from = to
	}
	return found, nil
}

// scorer reads the views of one passage.
type scorer struct {
	marked *marked
	reader ngram.Reader
	marks  []ngram.Mark // of the view that is read
	local  []ngram.Mark // of the piece of it
	attack [2]scored    // the worst window: as written, decoded
	harm   scored
	rules  []int // what rules found of attacks, by passage: index into the findings
}

// index notes which findings are of attacks, so that a call of thousands of passages is not
// looked through once for each.
func (s *scorer) index(found []risk.Finding) {
	s.rules = s.rules[:0]
	for i := range found {
		if content(found[i].Category) {
			s.rules = append(s.rules, i)
		}
	}
	slices.SortStableFunc(s.rules, func(a, b int) int { return found[a].Passage - found[b].Passage })
}

// of are the noted findings of a passage.
func (s *scorer) of(passage int, found []risk.Finding) []int {
	from := sort.Search(len(s.rules), func(i int) bool { return found[s.rules[i]].Passage >= passage })
	to := from
	for to < len(s.rules) && found[s.rules[to]].Passage == passage {
		to++
	}
	return s.rules[from:to]
}

// scored is a window of a view.
type scored struct {
	view       int
	piece      [2]int // of the view's text
	start, end int    // of the piece
	score      float64
}

// in returns the window's place in the view's text.
func (w *scored) in() (int, int) { return w.piece[0] + w.start, w.piece[0] + w.end }

// Long texts are read in pieces, so that memory does not grow with them; what lies on a
// border is read with both sides.
const longest, border = 16 << 10, 512

// next returns the piece of a text after one; the first is after [0,0).
func next(s string, piece [2]int) [2]int {
	from := max(0, piece[1]-border)
	if piece[1] == 0 || piece[1] == len(s) {
		from = piece[1]
	}
	to := min(len(s), from+longest)
	if to < len(s) {
		// Between two words, if there is a blank in sight.
		if i := strings.LastIndexByte(s[to-border:to], ' '); i >= 0 {
			to += i - border
		}
		for !utf8.RuneStart(s[to]) {
			to--
		}
	}
	for from > 0 && from < len(s) && !utf8.RuneStart(s[from]) {
		from++
	}
	return [2]int{from, to}
}

// unread is the score of what was not there.
const unread = -20

func (s *scorer) read(learnt *Shipped, views []guard.View) {
	s.attack, s.harm = [2]scored{{score: unread}, {score: unread}}, scored{score: unread}
	models := [...]*ngram.Model{learnt.Attack, learnt.Harm}
	for n := range views {
		v := &views[n]
		s.marks = s.marked.of(v, s.marks[:0])
		worst := &s.attack[0]
		if v.Decoded() && !sloppy(v) {
			worst = &s.attack[1]
		}
		for p := next(v.Text, [2]int{}); p[0] < len(v.Text); p = next(v.Text, p) {
			s.piece(v, p)
			s.reader.Slide(models[:], func(start, end int, scores []float32) {
				for k, at := range []*scored{worst, &s.harm} {
					if score := float64(scores[k]); score > at.score {
						*at = scored{n, p, start, end, score}
					}
				}
			})
		}
	}
}

// piece reads a piece of a view, whose marks are known.
func (s *scorer) piece(v *guard.View, p [2]int) {
	s.local = s.local[:0]
	for _, m := range s.marks {
		if m.Start >= p[0] && m.End <= p[1] {
			s.local = append(s.local, ngram.Mark{Class: m.Class, Start: m.Start - p[0], End: m.End - p[0]})
		}
	}
	s.reader.Read(v.Text[p[0]:p[1]], s.local)
}

// Veils are how many letters in disguise make a text a veiled one: fewer come with a
// paste, and a name in full-width letters hides nothing.
const fewestVeils, shareOfVeils = 6, 10

// sloppy reports a reading whose words were put right, or whose digits were read as letters,
// but too few for somebody to have meant it: that hides nothing.
func sloppy(v *guard.View) bool {
	return (v.Via == guard.Misspelt || v.Via == "leet") && (v.Veiled < fewestErrors || v.Veiled*bytesPerError < len(v.Text))
}

// One such word in so many bytes, and so many of them, are no accident.
const fewestErrors, bytesPerError = 3, 40

// evidence sums up a passage; rules are its findings, in any order.
func (s *scorer) evidence(views []guard.View, found []risk.Finding) Evidence {
	own := &views[0]
	e := Evidence{Data: isData(own.Origin), Model: max(s.attack[0].score, s.attack[1].score), Harm: s.harm.score,
		Veiled: s.attack[1].score > s.attack[0].score || own.Veiled >= fewestVeils && own.Veiled*shareOfVeils >= len(own.Text)}
	for n := range views {
		switch v := &views[n]; v.Via {
		case "tag", "selector", "override":
			e.Spoken = true
		}
	}
	for _, i := range s.of(own.Passage, found) {
		switch r := Rule(found[i].Confidence); {
		case r > e.Rules[0]:
			e.Rules[0], e.Rules[1] = r, e.Rules[0]
		case r > e.Rules[1]:
			e.Rules[1] = r
		}
	}
	return e
}

// Evidence returns what is known of each passage, in order: what training learns to weigh.
func (m *Model) Evidence(views []guard.View, found []risk.Finding) ([]Evidence, error) {
	learnt, err := m.learnt()
	if err != nil {
		return nil, err
	}
	s := scorer{marked: m.marked}
	s.index(found)
	var out []Evidence
	for from := 0; from < len(views); {
		to := from + 1
		for to < len(views) && views[to].Passage == views[from].Passage {
			to++
		}
		s.read(learnt, views[from:to])
		out = append(out, s.evidence(views[from:to], found))
		from = to
	}
	return out, nil
}

// Windows calls f for every window of a view, as the models see it.
func (m *Model) Windows(r *ngram.Reader, v *guard.View, f func(ngram.Window)) {
	r.Read(v.Text, m.marked.of(v, nil))
	r.Windows(f)
}

// weigh replaces the confidence of the passage's findings and adds the models' own.
func (s *scorer) weigh(learnt *Shipped, views []guard.View, found []risk.Finding) []risk.Finding {
	passage, all := views[0].Passage, s.evidence(views, found)
	weights := &learnt.Card.Weights
	sole, top := all, 0.
	sole.Rules = [2]float64{}
	for _, i := range s.of(passage, found) {
		f := &found[i]
		// Each place is weighed with its own rule first and the strongest of the others.
		e, mine := all, Rule(f.Confidence)
		if e.Rules[0] > mine {
			e.Rules[0], e.Rules[1] = mine, min(mine, e.Rules[1])
		}
		f.Confidence = weights.Probability(&e)
		top = max(top, f.Confidence)
	}
	// What no rule saw is said by the model, at the window that made it think so.
	if p := weights.Probability(&sole); p >= top || sole.Model > 0 {
		found = append(found, s.attacks(learnt, views, p))
	}
	return append(found, s.harms(learnt, views)...)
}

// closely is the probability from which a text is read again, to say more exactly where
// and what. Below it a finding only carries the score.
const closely = .5

func (s *scorer) attacks(learnt *Shipped, views []guard.View, p float64) risk.Finding {
	w := s.attack[0]
	if s.attack[1].score > w.score {
		w = s.attack[1]
	}
	v := &views[w.view]
	start, end := w.in()
	f := v.Finding(attack(v.Origin), start, end, p)
	f.Detector, f.Severity, f.Impact, f.Refs = attackID, risk.High, risk.Integrity, refs("LLM01:2026", "AML.T0051")
	if p < closely {
		return f
	}
	if f.Category == risk.PromptInjection && s.score(learnt.Play, v, w) > 0 {
		f.Category, f.Impact, f.Refs = risk.Jailbreak, risk.Harm, refs("LLM01:2026", "AML.T0054")
	}
	f.Start, f.End = v.Original(s.narrow(learnt.Attack, v, w))
	return f
}

// score asks another model about a window.
func (s *scorer) score(m *ngram.Model, v *guard.View, w scored) (out float64) {
	s.window(v, w, func(x ngram.Window) { out = float64(m.Score(x.IDs, x.Values)) })
	return out
}

// window reads the window of a view again, for questions that are rarely asked.
func (s *scorer) window(v *guard.View, w scored, f func(ngram.Window)) {
	s.marks = s.marked.of(v, s.marks[:0])
	s.piece(v, w.piece)
	s.reader.Windows(func(x ngram.Window) {
		if x.Start == w.start && x.End == w.end {
			f(x)
		}
	})
}

// narrow returns the sentences of a window that the model's score comes from.
func (s *scorer) narrow(m *ngram.Model, v *guard.View, w scored) (int, int) {
	s.marks = s.marked.of(v, s.marks[:0])
	s.piece(v, w.piece)
	start, end := s.reader.Hottest(m, w.start, w.end)
	from, _ := w.in()
	lo, hi := sentence(v.Text, w.piece[0]+start, w.piece[0]+end, overrideSpan)
	return max(lo, from), min(tail(v.Text, hi), len(v.Text))
}

// harms says what harm the passage asks for or does: the likeliest category at the
// probability of all, others in proportion.
func (s *scorer) harms(learnt *Shipped, views []guard.View) []risk.Finding {
	side := 0
	if isData(views[0].Origin) {
		side = 1
	}
	cal := learnt.Card.Harm[side]
	p, w := 1/(1+math.Exp(-(cal[0]+float64(cal[1]*s.harm.score)))), s.harm
	if w.score == unread {
		return nil
	}
	v := &views[w.view]
	if p < closely {
		start, end := w.in()
		f := v.Finding(anyHarm, start, end, p)
		f.Detector, f.Severity, f.Impact, f.Refs = harmID, risk.Low, risk.Harm, ref("MLCommons-AILuminate", "harm")
		return []risk.Finding{f}
	}
	kinds := make([]float64, len(learnt.Kinds))
	s.window(v, w, func(x ngram.Window) {
		for i, m := range learnt.Kinds {
			kinds[i] = 1 / (1 + math.Exp(-float64(m.Score(x.IDs, x.Values))))
		}
	})
	start, end := s.narrow(learnt.Harm, v, w)
	var out []risk.Finding
	for i, k := range kinds {
		share := k / slices.Max(kinds)
		if share < leastShare && share < 1 {
			continue
		}
		f := v.Finding(HarmCategories[i], start, end, p*share)
		f.Detector, f.Severity, f.Impact, f.Refs = harmID, risk.Medium, risk.Harm, ref("MLCommons-AILuminate", string(HarmCategories[i]))
		out = append(out, f)
	}
	return out
}

// anyHarm is the category of a score that is too low to ask what harm.
const anyHarm risk.Category = "harm"

// leastShare is how likely a category must be beside the likeliest to be named, too.
const leastShare = .5
