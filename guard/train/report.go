package train

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/guard/detect"
)

// Rate is how many texts of one kind lie above each line.
type Rate struct {
	By    string     `json:"by"` // what is counted: "attack", "harmless", "source", "category", "lang", "origin"
	Name  string     `json:"name"`
	N     int        `json:"n"`
	Above [3]int     `json:"above"` // the observe, warn and block lines
	Low   [3]float64 `json:"low"`   // 95 % intervals (Wilson, JASA 22, 1927)
	High  [3]float64 `json:"high"`
}

// Share is the part above a line.
func (r *Rate) Share(line int) float64 { return float64(r.Above[line]) / float64(max(r.N, 1)) }

// Report is what a set of scored texts says about the guard.
type Report struct {
	Set    string `json:"set"` // "unseen sources" or the name of a split
	Attack []Rate `json:"attack"`
	Harm   []Rate `json:"harm"`
	// Macro is the mean over the rows of attacks ("By" is "row") of what lies above the
	// line that 1 %, .3 % and .1 % of the harmless texts of all origins exceed.
	Macro    [3]float64 `json:"macro"`
	Harmless int        `json:"harmless"` // that drew those lines
	AUC      float64    `json:"auc"`      // mean over the rows
	Pooled   [3]float64 `json:"pooled"`   // the lines themselves
	Hist     []Hist     `json:"histograms"`
	Curves   []Curve    `json:"curves"`
	Hidden   []Rate     `json:"hidden"` // found by rule: the three counts are the same
}

// Hist is a distribution of probabilities in twenty equal parts, and in parts that are equal
// in log-odds, where lines lie.
type Hist struct {
	Name  string        `json:"name"`
	Bins  [20]int       `json:"bins"`
	Odds  [oddsBins]int `json:"odds_bins"` // from firstOdds on
	Lines [3]float64    `json:"lines"`     // observe, warn, block
}

// How probabilities are sorted by log-odds.
const (
	oddsBins           = 24
	firstOdds, allOdds = -4.5, 12.
)

// place is where a probability lies among the parts, from 0 to 1.
func place(p float64) float64 {
	if !(p > 0 && p < 1) {
		return min(max(p, 0), 1)
	}
	return min(max((math.Log(p/(1-p))-firstOdds)/allOdds, 0), 1)
}

func (h *Hist) count(p float64) {
	h.Bins[min(19, int(p*20))]++
	h.Odds[min(oddsBins-1, int(place(p)*oddsBins))]++
}

// Curve is how much of one kind of text lies above the line that a share of the harmless
// texts of all origins exceeds, share by share.
type Curve struct {
	Of     string       `json:"of"` // "attack" or "harm"
	Name   string       `json:"name"`
	N      int          `json:"n"`
	Points [][2]float64 `json:"points"` // share of harmless texts, recall
}

// Measure reports on scored texts at the lines of a card.
func Measure(set string, texts []Scored, lines detect.Lines) Report {
	r := Report{Set: set}
	attack, harm, hidden := rates{}, rates{}, rates{}
	hist := map[string]*Hist{}
	for i := range texts {
		x := &texts[i]
		attack.count(x, x.Attack, lineOf(x, &lines), attackNames(x))
		harm.count(x, x.Harm, lines.Harm, harmNames(x))
		if n := hiddenName(x.Text); n != "" && set != unseen {
			hidden.count(x, float64(index(x.Hidden)), [3]float64{.5, .5, .5}, []name{{"hidden", n}})
		}
		for _, h := range histNames(x) {
			if hist[h.name] == nil {
				hist[h.name] = &Hist{Name: h.name, Lines: lineOf(x, &lines)}
				if h.by == "harm" {
					hist[h.name].Lines = lines.Harm
				}
			}
			p := x.Attack
			if h.by == "harm" {
				p = x.Harm
			}
			hist[h.name].count(p)
		}
	}
	for _, h := range hist {
		r.Hist = append(r.Hist, *h)
	}
	slices.SortFunc(r.Hist, func(a, b Hist) int { return cmp.Compare(a.Name, b.Name) })
	r.Attack, r.Harm, r.Hidden = attack.list(), harm.list(), hidden.list()
	r.macro(texts)
	r.Curves = curves(texts)
	return r
}

// histNames are the distributions that a text counts for.
func histNames(x *Scored) []name {
	side := "callers"
	if x.Data() {
		side = "data"
	}
	switch {
	case x.Text.Attack():
		return []name{{"attack", "attacks, " + side}}
	case x.Text.Harmful():
		return []name{{"attack", "harmful"}, {"harm", "harm, harmful"}}
	}
	return []name{{"attack", "harmless, " + side}, {"harm", "harm, harmless"}}
}

func lineOf(x *Scored, l *detect.Lines) [3]float64 {
	if x.Data() {
		return l.Data
	}
	return l.User
}

// name is one row that a text counts for.
type name struct{ by, name string }

func attackNames(x *Scored) []name {
	if x.Own {
		if x.Text.Attack() {
			return []name{{"corpus", "attacks, " + x.Origin.String()}}
		}
		return []name{{"corpus", "harmless, " + x.Origin.String()}}
	}
	if !x.Text.Attack() {
		if x.Harmful() {
			return nil
		}
		return []name{{"harmless", x.File}}
	}
	out := []name{{"attack", x.Label}, {"row", row(x.Text)}, {"source", x.Source + ": " + x.Label}, {"lang", x.Lang}, {"origin", x.Origin.String()}}
	c := x.Category
	if i := strings.IndexByte(c, ':'); i > 0 && !strings.HasPrefix(c, "obfuscated") && !strings.HasPrefix(c, "transform") {
		c = c[:i]
	}
	return append(out, name{"category", x.Label + ": " + c})
}

func harmNames(x *Scored) []name {
	switch {
	case x.Own || x.Text.Attack():
		return nil
	case x.Harmful():
		return []name{{"harm", "all"}, {"harm", x.Label}, {"source", x.Source + ": " + x.Label}, {"lang", x.Lang}, {"category", cmp.Or(string(hazard(x.Text)), "other")}}
	case x.File == "toxic":
		return []name{{"harmless", "contrasts to hate"}}
	}
	return []name{{"harmless", x.File}}
}

// hiddenName is the row of a text that has hidden characters, or others beyond ASCII that
// look as odd to a program: emoji, right-to-left and ideographic writing.
func hiddenName(t *Text) string {
	switch {
	case t.Own || t.Echo:
		return ""
	case slices.Contains([]string{"obfuscated:tag_chars", "obfuscated:variation_selectors", "obfuscated:zero_width", "obfuscated:bidi"}, t.Category):
		return "hidden characters"
	case t.Category == "encoded:zero_width":
		return "harmless words split by hidden characters"
	case strings.HasPrefix(t.File, "benign_") && strings.IndexFunc(t.Text, func(r rune) bool { return r > 0x7F }) >= 0:
		return "harmless, with emoji, right-to-left, CJK or other writing"
	}
	return ""
}

// unseen names the report of texts whose source no model has seen.
const unseen = "unseen sources"

// rates counts by row.
type rates map[name]*Rate

func (r rates) count(_ *Scored, p float64, lines [3]float64, names []name) {
	for _, n := range names {
		one := r[n]
		if one == nil {
			one = &Rate{By: n.by, Name: n.name}
			r[n] = one
		}
		one.N++
		for i, l := range lines {
			if p > l {
				one.Above[i]++
			}
		}
	}
}

func (r rates) list() []Rate {
	out := make([]Rate, 0, len(r))
	for _, one := range r {
		for i, hits := range one.Above {
			one.Low[i], one.High[i] = guard.Wilson(hits, one.N)
		}
		out = append(out, *one)
	}
	slices.SortFunc(out, func(a, b Rate) int { return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(a.Name, b.Name)) })
	return out
}

// row is the row of the macro average that an attack counts for: a source with a label;
// two small sources together; synthetic injections as written and obfuscated.
func row(t *Text) string {
	switch {
	case t.Source == "own/synthetic" && t.Label == "injection" && strings.HasPrefix(t.Category, "obfuscated"):
		return "own/synthetic: injection, obfuscated"
	case strings.Contains(t.Source, "GPTFuzz"), strings.Contains(t.Source, "langkit"):
		return "GPTFuzz and langkit: jailbreak"
	}
	return t.Source + ": " + t.Label
}

// macro averages over the rows at lines drawn through all harmless texts at once.
func (r *Report) macro(texts []Scored) {
	var harmless []float64
	for i, in := range pooled(texts) {
		if in {
			harmless = append(harmless, texts[i].Attack)
		}
	}
	r.Harmless = len(harmless)
	if len(harmless) == 0 {
		return
	}
	r.Pooled = quantiles(harmless)
	rows, ranks := rates{}, map[string][2]float64{}
	for i := range texts {
		x := &texts[i]
		if !x.Text.Attack() || x.Own {
			continue
		}
		k := row(x.Text)
		rows.count(x, x.Attack, r.Pooled, []name{{"pooled", k}})
		below := float64(sort.SearchFloat64s(harmless, x.Attack)) / float64(len(harmless))
		ranks[k] = [2]float64{ranks[k][0] + below, ranks[k][1] + 1}
	}
	all := rows.list()
	for _, one := range all {
		for i := range r.Macro {
			r.Macro[i] += one.Share(i) / float64(len(all))
		}
		r.AUC += ranks[one.Name][0] / ranks[one.Name][1] / float64(len(all))
	}
	r.Attack = append(r.Attack, all...)
}
