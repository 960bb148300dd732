package console

import (
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
)

func guardLink(span, policy string) string {
	q := url.Values{"range": {span}}
	if policy != "" {
		q.Set("policy", policy)
	}
	return "/guard?" + q.Encode()
}

// effectClasses are what can follow from a finding, in the order in which they are stacked:
// the class of the fill, and the word.
var effectClasses = []struct{ class, word string }{{"block", "stopped"}, {"mask", "masked"}, {"flag", "flagged"}, {"observed", "observed"}, {"allow", "allowed"}}

// effects are the counts in the order of effectClasses.
func effects(e *desk.Effects) []int {
	return []int{e.Stopped, e.Masked, e.Flagged, e.Observed, e.Allowed}
}

func found(e *desk.Effects) (n int) {
	for _, k := range effects(e) {
		n += k
	}
	return n
}

func saidEffects(e *desk.Effects) string {
	var words []string
	for i, n := range effects(e) {
		if n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, effectClasses[i].word))
		}
	}
	return strings.Join(words, ", ")
}

// effectsBar is what came of what a detector found, as one bar.
type effectsBar struct {
	ID string
	desk.Effects
	Max int // that the width stands for
}

// SVG draws the bar; the cells beside it have the figures.
func (b effectsBar) SVG() template.HTML {
	var out strings.Builder
	out.WriteString(`<svg class="effects" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">`)
	x := 0.
	for i, n := range effects(&b.Effects) {
		if n == 0 {
			continue
		}
		// One finding among thousands must still be seen.
		width := max(float64(n)/float64(max(b.Max, 1))*970, 6)
		fmt.Fprintf(&out, `<rect class="fill-%s" x="%.1f" width="%.1f" height="10"/>`, effectClasses[i].class, x, width)
		x += width
	}
	out.WriteString(`</svg>`)
	return template.HTML(out.String())
}

// scorePanel is how sure detectors were in texts of one origin, with the lines of the policy.
type scorePanel struct {
	desk.Scores
	ID    string
	Lines []scoreLine
}

// scoreLine is a line of the policy in a panel.
type scoreLine struct {
	Name string
	At   float64
}

// scorePanels makes a panel for every family and origin of a policy. Lines are drawn for
// those who may see them.
func scorePanels(all []desk.Scores, chosen string, policies []*guard.Compiled) (out []scorePanel) {
	i := slices.IndexFunc(policies, func(c *guard.Compiled) bool { return strings.HasPrefix(c.ID(), chosen+"@") })
	for _, s := range all {
		if s.Policy != chosen {
			continue
		}
		p := scorePanel{Scores: s, ID: fmt.Sprintf("scores-%d", len(out)+1)}
		if o, ok := llm.ParseOrigin(s.Origin); ok && i >= 0 {
			l := policies[i].Lines(s.Family, o)
			for _, x := range []scoreLine{{"observe", l.Observe}, {"flag", l.Flag}, {"excise", l.Excise}, {"hold", l.Hold}, {"block", l.Block}} {
				if x.At > 0 && !l.Off {
					p.Lines = append(p.Lines, x)
				}
			}
		}
		out = append(out, p)
	}
	return out
}

// LineText says the lines in words.
func (p scorePanel) LineText() string {
	words := make([]string, len(p.Lines))
	for i, l := range p.Lines {
		words[i] = fmt.Sprintf("%s from %.3g", l.Name, l.At)
	}
	return strings.Join(words, ", ")
}

// Edge is where a bin begins, for the table.
func (p scorePanel) Edge(bin int) string { return fmt.Sprintf("%.3f", desk.ScoreEdge(bin)) }

// scoreRow is a bin in the table that says the same.
type scoreRow struct {
	From, To string
	Cells    []int
}

// Rows are the bins with something in them.
func (p scorePanel) Rows() (out []scoreRow) {
	for i := range p.Bins {
		if found(&p.Bins[i]) == 0 {
			continue
		}
		to := "1"
		if i+1 < desk.ScoreBins {
			to = p.Edge(i + 1)
		}
		out = append(out, scoreRow{p.Edge(i), to, effects(&p.Bins[i])})
	}
	return out
}

// The size of a panel, in its own units. Lines stand above the bars, so that their names do
// not hide any.
const (
	scoreWidth  = 480
	scoreHeight = 96
	scoreTop    = 14
)

// SVG draws the distribution. Only numbers and fixed words go into it; the name of what it
// shows is the heading's.
func (p scorePanel) SVG() template.HTML {
	var out strings.Builder
	most := 1
	for i := range p.Bins {
		most = max(most, found(&p.Bins[i]))
	}
	fmt.Fprintf(&out, `<svg class="scores" viewBox="0 0 %d %d" role="img" aria-labelledby="%[3]s %[3]s-desc" preserveAspectRatio="none"><desc id="%[3]s-desc">%[4]d findings by probability, at most %[5]d in a bar; the table below has the figures</desc>`,
		scoreWidth, scoreHeight+scoreTop+1, p.ID, p.N, most)
	const slot = scoreWidth / desk.ScoreBins
	fmt.Fprintf(&out, `<line class="axis" x1="0" x2="%d" y1="%d.5" y2="%[2]d.5"/>`, scoreWidth, scoreHeight+scoreTop)
	for i := range p.Bins {
		b := &p.Bins[i]
		if found(b) == 0 {
			continue
		}
		fmt.Fprintf(&out, `<g><title>from %s: %s</title>`, p.Edge(i), saidEffects(b))
		y := float64(scoreHeight + scoreTop)
		for k, n := range effects(b) {
			if n == 0 {
				continue
			}
			height := max(float64(n)/float64(most)*(scoreHeight-4), 2)
			y -= height
			fmt.Fprintf(&out, `<rect class="fill-%s" x="%d" y="%.1f" width="%d" height="%.1f"/>`, effectClasses[k].class, i*slot+1, max(y, scoreTop), slot-2, height)
		}
		out.WriteString(`</g>`)
	}
	for _, l := range p.Lines {
		fmt.Fprintf(&out, `<line class="line-%s" x1="%.1f" x2="%.1[2]f" y1="2" y2="%d"><title>%s from %.3g</title></line>`, lineClass(l.Name), desk.ScorePlace(l.At)*scoreWidth, scoreHeight+scoreTop, l.Name, l.At)
	}
	out.WriteString(`</svg>`)
	return template.HTML(out.String())
}

// lineClass is the colour of a line: that of what follows from it.
func lineClass(name string) string {
	return map[string]string{"observe": "observed", "flag": "flag", "excise": "mask", "hold": "block", "block": "block"}[name]
}

// scoreTicks name places below a panel, in permille of its width.
type scoreTick struct {
	Place int
	Name  string
}

// ScoreTicks are those of all panels.
func (p guardPage) ScoreTicks() (out []scoreTick) {
	for _, x := range []struct {
		at   float64
		name string
	}{{.02, ".02"}, {.1, ".1"}, {.5, ".5"}, {.9, ".9"}, {.99, ".99"}, {.999, ".999"}} {
		out = append(out, scoreTick{int(desk.ScorePlace(x.at) * 1000), x.name})
	}
	return out
}

// Effects are the words of the legend.
func (p guardPage) Legend() (out []scoreLegend) {
	for _, c := range effectClasses {
		out = append(out, scoreLegend{c.class, c.word})
	}
	return out
}

// scoreLegend is a word of the legend with its fill.
type scoreLegend struct{ Class, Word string }
