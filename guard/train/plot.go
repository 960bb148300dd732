package train

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// lineNames are the three lines, and the classes of their colours.
var lineNames = [3]string{"observe", "warn", "block"}

// SVG draws a row of a plot of intervals: a point and a whisker for each line. Circles would
// be stretched with the picture, so points are strokes of no length with round ends.
func (r pageRow) SVG() template.HTML {
	var out strings.Builder
	out.WriteString(`<svg class="row" viewBox="0 0 1000 24" preserveAspectRatio="none" aria-hidden="true">`)
	for _, x := range []int{0, 250, 500, 750, 1000} {
		fmt.Fprintf(&out, `<line class="grid" x1="%d" x2="%[1]d" y1="0" y2="24"/>`, x)
	}
	at := func(p float64) float64 { return 6 + min(p/r.max, 1)*988 }
	for i, name := range lineNames {
		y := 5 + 7*i
		fmt.Fprintf(&out, `<line class="whisker %s" x1="%.1f" x2="%.1f" y1="%d" y2="%[4]d"/><line class="dot %[1]s" x1="%.1[5]f" x2="%.1[5]f" y1="%[4]d" y2="%[4]d"><title>%[1]s: %[6]s</title></line>`,
			name, at(r.Low[i]), at(r.High[i]), y, at(r.Share(i)), r.Interval(i))
	}
	out.WriteString(`</svg>`)
	return template.HTML(out.String())
}

// pageCurves is a plot of curves.
type pageCurves struct {
	ID   string
	List []Curve
}

// The size of a plot, in its own units.
const plotWidth, plotHeight = 720, 320

// SVG draws recall over the share of harmless texts, from .01 % to 10 %.
func (c pageCurves) SVG() template.HTML {
	var out strings.Builder
	fmt.Fprintf(&out, `<svg class="plot" viewBox="0 0 %d %d" preserveAspectRatio="none" role="img" aria-labelledby="%[3]s"><desc>%[4]d curves of recall over the share of harmless texts above the line; the table below has the figures</desc>`, plotWidth, plotHeight, c.ID, len(c.List))
	for i := range 5 {
		fmt.Fprintf(&out, `<line class="grid" x1="0" x2="%d" y1="%d" y2="%[2]d"/>`, plotWidth, i*plotHeight/4)
	}
	for i := range 4 {
		fmt.Fprintf(&out, `<line class="grid" x1="%d" x2="%[1]d" y1="0" y2="%d"/>`, i*plotWidth/3, plotHeight)
	}
	for i, one := range c.List {
		points := make([]string, len(one.Points))
		for k, p := range one.Points {
			points[k] = fmt.Sprintf("%.1f,%.1f", (math.Log10(p[0])+4)/3*plotWidth, (1-p[1])*plotHeight)
		}
		fmt.Fprintf(&out, `<polyline class="curve c%d" points="%s"/>`, i%curveStyles, strings.Join(points, " "))
	}
	out.WriteString(`</svg>`)
	return template.HTML(out.String())
}

// curveStyles is how many colours and dashes there are.
const curveStyles = 5

// Key draws the style of a curve, for the legend.
func (c pageCurves) Key(i int) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg class="key" viewBox="0 0 32 8" aria-hidden="true"><line class="curve c%d" x1="0" x2="32" y1="4" y2="4"/></svg>`, i%curveStyles))
}

// Shares are the points that the table shows.
func (c pageCurves) Shares() (out []int) {
	if len(c.List) == 0 {
		return nil
	}
	for i, p := range c.List[0].Points {
		if i == len(c.List[0].Points)-1 || nearly(p[0], 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2) {
			out = append(out, i)
		}
	}
	return out
}

func nearly(v float64, of ...float64) bool {
	for _, x := range of {
		if math.Abs(math.Log10(v/x)) < .03 {
			return true
		}
	}
	return false
}

// histHeight is that of a distribution; counts are drawn by their logarithms.
const histHeight = 96

// SVG draws a distribution with the lines in it.
func (h pageHist) SVG() template.HTML {
	var out strings.Builder
	most := 1
	for _, n := range h.Odds {
		most = max(most, n)
	}
	tall := func(n int) float64 { return math.Log1p(float64(n)) / math.Log1p(float64(most)) * (histHeight - 4) }
	fmt.Fprintf(&out, `<svg class="hist" viewBox="0 0 480 %d" preserveAspectRatio="none" role="img" aria-labelledby="%s"><desc>%d texts by probability; the table below has the figures</desc>`, histHeight+1, h.ID, h.Sum())
	for n := 10; n <= most; n *= 10 {
		fmt.Fprintf(&out, `<line class="grid" x1="0" x2="480" y1="%.1f" y2="%.1[1]f"><title>%d texts</title></line>`, histHeight-tall(n), n)
	}
	for i, n := range h.Odds {
		if n > 0 {
			fmt.Fprintf(&out, `<rect class="bar" x="%d" y="%.1f" width="%d" height="%.1f"><title>from %s: %d</title></rect>`, i*480/oddsBins+1, histHeight-tall(n), 480/oddsBins-2, tall(n), h.Edge(i), n)
		}
	}
	for i, l := range h.Lines {
		fmt.Fprintf(&out, `<line class="line %s" x1="%.1f" x2="%.1[2]f" y1="0" y2="%d"><title>%[1]s from %.3[4]g</title></line>`, lineNames[i], place(l)*480, histHeight, l)
	}
	out.WriteString(`</svg>`)
	return template.HTML(out.String())
}

// Sum is how many texts a distribution has.
func (h pageHist) Sum() (n int) {
	for _, k := range h.Odds {
		n += k
	}
	return n
}

// Edge is the probability at which a bar begins.
func (h pageHist) Edge(i int) string {
	return fmt.Sprintf("%.3f", 1/(1+math.Exp(-(firstOdds+allOdds*float64(i)/oddsBins))))
}
