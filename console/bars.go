package console

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/desk"
)

// classes are what can become of a call, in the order in which they are stacked.
var classes = []string{"allow", "flag", "mask", "block", "failed"}

// bars are calls by slot, stacked by what became of them.
type bars struct {
	ID    string
	Slots []desk.Slot
	Max   int // that the height stands for
	Label func(slot int) string
}

func peak(slots []desk.Slot) (most int) {
	for _, s := range slots {
		most = max(most, s.Sum())
	}
	return most
}

// The size of a small picture, in its own units.
const (
	barsHeight = 72
	barsSlot   = 10
)

// SVG draws the bars. Only numbers and fixed words go into it; the name of what it
// shows is the heading's.
func (b bars) SVG() template.HTML {
	var out strings.Builder
	fmt.Fprintf(&out, `<svg class="bars" viewBox="0 0 %d %d" role="img" aria-labelledby="%[3]s %[3]s-desc" preserveAspectRatio="none"><desc id="%[3]s-desc">at most %[4]d calls in a slot; the tables below have the figures</desc>`,
		len(b.Slots)*barsSlot, barsHeight+1, b.ID, peak(b.Slots))
	fmt.Fprintf(&out, `<line class="axis" x1="0" x2="%d" y1="%d.5" y2="%[2]d.5"/>`, len(b.Slots)*barsSlot, barsHeight)
	for i, s := range b.Slots {
		if s.Sum() == 0 {
			continue
		}
		fmt.Fprintf(&out, `<g><title>%s: %s</title>`, b.Label(i), said(s))
		y := float64(barsHeight)
		for k, n := range counted(s) {
			if n == 0 {
				continue
			}
			// A single blocked call among thousands must still be seen.
			height := max(float64(n)/float64(b.Max)*barsHeight*.94, 1.5)
			y -= height
			fmt.Fprintf(&out, `<rect class="fill-%s" x="%d" y="%.1f" width="%d" height="%.1f"/>`, classes[k], i*barsSlot+1, max(y, 0), barsSlot-2, height)
		}
		out.WriteString(`</g>`)
	}
	out.WriteString(`</svg>`)
	return template.HTML(out.String())
}

// counted are the counts of a slot in the order of classes.
func counted(s desk.Slot) []int { return []int{s.Allow, s.Flag, s.Mask, s.Block, s.Failed} }

func said(s desk.Slot) string {
	var words []string
	for k, n := range counted(s) {
		if n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, classes[k]))
		}
	}
	return strings.Join(words, ", ")
}

// heat is how long answers took: time across, latency up, the darker the more.
type heat struct {
	Bands  []string // the slowest first
	Rows   []heatRow
	Legend []heatStep
	Total  int
	cells  [][]int // by slot, then by band as in Bands
	marks  []int   // the least count of each step
	label  func(slot, band int) string
}

// heatRow is a slot in the table that says the same.
type heatRow struct {
	Slot  int
	Cells []int
}

// heatStep is a darkness, and the counts that have it.
type heatStep struct {
	Opacity string
	Counts  string
}

// fewBands is how many bands are shown at least, so that one alone is seen to be
// fast or slow.
const fewBands = 4

// newHeat leaves out bands that are empty above and below all others.
func newHeat(t *desk.Traffic) heat {
	lo, hi, most := len(t.Bands), -1, 0
	for _, slot := range t.Heat {
		for band, n := range slot {
			if n > 0 {
				lo, hi, most = min(lo, band), max(hi, band), max(most, n)
			}
		}
	}
	for hi >= 0 && hi-lo+1 < min(fewBands, len(t.Bands)+1) {
		if hi < len(t.Bands) {
			hi++
		}
		lo = max(lo-1, 0)
	}
	h := heat{marks: steps(most)}
	for band := hi; band >= lo; band-- {
		h.Bands = append(h.Bands, bandName(t.Bands, band))
	}
	for i, slot := range t.Heat {
		row := heatRow{Slot: i}
		sum := 0
		for band := hi; band >= lo; band-- {
			row.Cells = append(row.Cells, slot[band])
			sum += slot[band]
		}
		h.cells = append(h.cells, row.Cells)
		if h.Total += sum; sum > 0 {
			h.Rows = append(h.Rows, row)
		}
	}
	h.Legend = legend(h.marks, most)
	p := trafficPage{Traffic: t}
	h.label = func(slot, band int) string { return p.label(slot) + ", " + h.Bands[band] }
	return h
}

// steps are the least counts of up to five steps, each the same factor above the
// one before: few answers are seen beside many.
func steps(most int) (marks []int) {
	for k := range 5 {
		mark := int(math.Ceil(math.Pow(float64(most), float64(k)/5)))
		if mark <= most && !slices.Contains(marks, mark) {
			marks = append(marks, mark)
		}
	}
	return marks
}

// opacity of a step; with few steps they are further apart.
func opacity(step, of int) string {
	if of == 1 {
		return "1"
	}
	return fmt.Sprintf("%.2f", .2+.8*float64(step)/float64(of-1))
}

func legend(marks []int, most int) (out []heatStep) {
	for k, mark := range marks {
		last := most
		if k+1 < len(marks) {
			last = marks[k+1] - 1
		}
		s := heatStep{opacity(k, len(marks)), count(mark)}
		if last > mark {
			s.Counts += "–" + count(last)
		}
		out = append(out, s)
	}
	return out
}

// bandName says which latencies are in a band.
func bandName(edges []time.Duration, band int) string {
	if band == len(edges) {
		return "over " + edge(edges[band-1])
	}
	return "to " + edge(edges[band])
}

// edge writes a round duration.
func edge(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return fmt.Sprintf("%d min", int(d.Minutes()))
}

// heatRowHeight is that of the words beside the picture too.
const heatRowHeight = 20

// SVG draws the cells.
func (h heat) SVG() template.HTML {
	var out strings.Builder
	width, height := len(h.cells)*barsSlot, len(h.Bands)*heatRowHeight
	fmt.Fprintf(&out, `<svg class="heat" viewBox="0 0 %d %d" height="%[2]d" role="img" aria-labelledby="heat heat-desc" preserveAspectRatio="none"><desc id="heat-desc">%[3]d answers by time and latency; the table below has the figures</desc>`,
		width, height, h.Total)
	for band := 1; band < len(h.Bands); band++ {
		fmt.Fprintf(&out, `<line class="grid" x1="0" x2="%d" y1="%d" y2="%[2]d"/>`, width, band*heatRowHeight)
	}
	for slot, bands := range h.cells {
		for band, n := range bands {
			if n == 0 {
				continue
			}
			step, _ := slices.BinarySearch(h.marks, n+1)
			fmt.Fprintf(&out, `<rect class="cell" x="%.1f" y="%d" width="%.1f" height="%d" fill-opacity="%s"><title>%s: %d</title></rect>`,
				float64(slot*barsSlot)+.5, band*heatRowHeight+1, barsSlot-1., heatRowHeight-2, opacity(step-1, len(h.marks)), h.label(slot, band), n)
		}
	}
	out.WriteString(`</svg>`)
	return template.HTML(out.String())
}
