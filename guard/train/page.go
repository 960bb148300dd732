package train

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"share": func(p float64) string { return fmt.Sprintf("%.3f", p) },
	"short": func(p float64) string { return fmt.Sprintf("%.3g", p) },
	"cent":  func(p float64) string { return fmt.Sprintf("%.3g %%", 100*p) },
	"of100": func(p float64) string { return fmt.Sprintf("%.0f", 100*p) },
	"count": count,
}).Parse(pageText))

// Page writes reports as one page of HTML that needs nothing else: no script, no file beside
// it. Every plot has its figures in a table below it.
func Page(w io.Writer, reports []Report) error {
	views := make([]pageReport, len(reports))
	for i := range reports {
		views[i] = newPageReport(i, &reports[i])
	}
	if err := pageTemplate.Execute(w, views); err != nil {
		return fmt.Errorf("train: writing the page: %w", err)
	}
	return nil
}

// pageReport is a report as the template sees it.
type pageReport struct {
	*Report
	ID    string
	Title string
	Says  string // what kind of measurement this is
	Parts []pagePart
	// The distributions of probabilities, by what they are probabilities of.
	Hidden []pageRow
}

// pagePart is what is said of attacks, or of harm.
type pagePart struct {
	ID, Title string
	Curves    pageCurves
	Groups    []pageGroup // recall
	Harmless  pageGroup   // false alarms
	Confusion []pageRow
	Hists     []pageHist
}

// pageGroup is a plot of intervals.
type pageGroup struct {
	ID, Title string
	Rows      []pageRow
	Axis      []string
	max       float64 // that the width stands for
}

// pageRow is a row with its plot.
type pageRow struct {
	*Rate
	max float64
}

// pageHist is one distribution.
type pageHist struct {
	Hist
	ID string
}

// groups are the plots of a part, in order; a row of the macro average is an attack by source
// and label.
var groups = []struct{ by, title string }{{"attack", "By label"}, {"harm", "By label"}, {"row", "By row of the mean"}, {"source", "By source"}, {"origin", "By origin"}, {"lang", "By language"}, {"category", "By category"}}

func newPageReport(i int, r *Report) pageReport {
	p := pageReport{Report: r, ID: fmt.Sprintf("report-%d", i+1), Title: strings.ToUpper(r.Set[:1]) + r.Set[1:]}
	p.Says = "What the shipped models say of the texts of this split, at the shipped lines."
	if r.Set == unseen {
		p.Says = "What models say of texts when they have learnt from no text of the same source. The lines were drawn from these figures: what a model says of its own style is no measurement."
	}
	p.Parts = []pagePart{newPagePart(p.ID+"-attack", "Attacks", "attack", r.Attack, r), newPagePart(p.ID+"-harm", "Harm", "harm", r.Harm, r)}
	for k := range r.Hidden {
		p.Hidden = append(p.Hidden, pageRow{&r.Hidden[k], 1})
	}
	return p
}

func newPagePart(id, title, of string, rates []Rate, r *Report) pagePart {
	p := pagePart{ID: id, Title: title, Curves: pageCurves{ID: id + "-curves"}}
	for _, c := range r.Curves {
		if c.Of == of {
			p.Curves.List = append(p.Curves.List, c)
		}
	}
	for _, g := range groups {
		if one := newPageGroup(id+"-"+g.by, g.title, g.by, rates, 1); len(one.Rows) > 0 {
			p.Groups = append(p.Groups, one)
		}
	}
	p.Harmless = newPageGroup(id+"-harmless", "Harmless texts above the lines", "harmless", rates, harmlessMax)
	for _, by := range []string{"attack", "harm", "harmless"} {
		p.Confusion = append(p.Confusion, newPageGroup("", "", by, rates, 1).Rows...)
	}
	for _, h := range r.Hist {
		if strings.HasPrefix(h.Name, "harm, ") == (of == "harm") {
			h.Name = strings.TrimPrefix(h.Name, "harm, ")
			p.Hists = append(p.Hists, pageHist{h, fmt.Sprintf("%s-hist-%d", id, len(p.Hists)+1)})
		}
	}
	return p
}

// harmlessMax is the share at which plots of false alarms end.
const harmlessMax = .05

func newPageGroup(id, title, by string, rates []Rate, limit float64) pageGroup {
	g := pageGroup{ID: id, Title: title, max: limit}
	for i := range rates {
		if rates[i].By == by {
			g.Rows = append(g.Rows, pageRow{&rates[i], limit})
		}
	}
	// The largest first where there is no order of its own.
	if by == "lang" || by == "category" || by == "source" {
		slices.SortStableFunc(g.Rows, func(a, b pageRow) int { return b.N - a.N })
	}
	for i := range 5 {
		g.Axis = append(g.Axis, fmt.Sprintf("%.3g", limit*float64(i)/4))
	}
	return g
}

// Nothing, Observed, Warned and Blocked are the texts between the lines.
func (r pageRow) Nothing() int  { return r.N - r.Above[0] }
func (r pageRow) Observed() int { return r.Above[0] - r.Above[1] }
func (r pageRow) Warned() int   { return r.Above[1] - r.Above[2] }

// Blocked are those above the last line.
func (r pageRow) Blocked() int { return r.Above[2] }

// Interval writes a share with its interval.
func (r pageRow) Interval(line int) string {
	return fmt.Sprintf("%.3f (%.3f–%.3f)", r.Share(line), r.Low[line], r.High[line])
}

// count groups digits by threes with a narrow space.
func count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
