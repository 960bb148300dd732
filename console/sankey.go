package console

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/desk"
)

// sankey is a picture of flows: labels on the left, systems in the middle, providers on the
// right, and bands as wide as there are calls.
type sankey struct {
	columns [3][]*stack
	bands   []band
	calls   int
	height  float64
}

// stack is one name in a column.
type stack struct {
	name      string
	note      string // below the name
	rank      int    // of a label; -1: it is none
	calls     int
	y, height float64
}

// band is one flow, between the stacks that it touches.
type band struct {
	ends  [3]*stack
	rank  int
	calls int
	thick float64
	y     [4]float64 // its upper edge: right of the first column, left and right of the second, left of the third
}

// The measures of the picture, in its own units.
const (
	sankeyWidth = 960
	sankeyTall  = 220. // of all bands together
	sankeyGap   = 26.  // between stacks: there are two lines of words
	sankeyLeast = 2.   // of a band
	sankeyMost  = 9    // stacks of a column; the rest is one
)

// sankeyAt is where each column stands.
var sankeyAt = [3]float64{0, 420, 780}

const sankeyBar = 8.

// newSankey lays out flows.
func newSankey(list []desk.Flow) *sankey {
	k := &sankey{}
	for _, f := range list {
		k.calls += f.Calls
	}
	systems, providers := few(list, func(f *desk.Flow) string { return f.System }), few(list, func(f *desk.Flow) string { return f.Provider })
	for i := range list {
		f := &list[i]
		ends := [3]*stack{k.stack(0, f.Label, ""), nil, nil}
		ends[0].rank = f.Rank
		if name := f.System; systems[name] {
			ends[1] = k.stack(1, name, f.Team)
		} else {
			ends[1] = k.stack(1, "others", "")
		}
		if name := f.Provider; providers[name] {
			ends[2] = k.stack(2, name, place(f))
		} else {
			ends[2] = k.stack(2, "others", "")
		}
		k.bands = append(k.bands, band{ends: ends, rank: f.Rank, calls: f.Calls, thick: max(float64(f.Calls)/float64(k.calls)*sankeyTall, sankeyLeast)})
	}
	k.layOut()
	return k
}

// few are the names with most calls, as many as a column shows apart.
func few(list []desk.Flow, name func(*desk.Flow) string) map[string]bool {
	calls := map[string]int{}
	for i := range list {
		calls[name(&list[i])] += list[i].Calls
	}
	var names []string
	for n := range calls {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(calls[b], calls[a]), cmp.Compare(a, b)) })
	out := map[string]bool{}
	for i, n := range names {
		if i < sankeyMost-1 || len(names) <= sankeyMost {
			out[n] = true
		}
	}
	return out
}

func (k *sankey) stack(column int, name, note string) *stack {
	for _, s := range k.columns[column] {
		if s.name == name {
			return s
		}
	}
	s := &stack{name: name, note: note, rank: -1}
	k.columns[column] = append(k.columns[column], s)
	return s
}

// layOut gives every stack and band its place. On each side of a stack bands lie in the order
// of the stacks at their other end, so that they cross as little as can be.
func (k *sankey) layOut() {
	for i := range k.bands {
		for _, s := range k.bands[i].ends {
			s.height += k.bands[i].thick
			s.calls += k.bands[i].calls
		}
	}
	for c := range k.columns {
		if c > 0 {
			slices.SortStableFunc(k.columns[c], func(a, b *stack) int {
				return cmp.Or(cmp.Compare(bit(a.name == "others"), bit(b.name == "others")), cmp.Compare(b.calls, a.calls))
			})
		}
		y := 18.
		for _, s := range k.columns[c] {
			s.y = y
			y += s.height + max(sankeyGap, 36-s.height)
		}
		k.height = max(k.height, y)
	}
	for side, at := range [4][2]int{{0, 1}, {1, 0}, {1, 2}, {2, 1}} {
		here, there := at[0], at[1]
		order := make([]*band, len(k.bands))
		for i := range k.bands {
			order[i] = &k.bands[i]
		}
		slices.SortStableFunc(order, func(a, b *band) int {
			return cmp.Or(cmp.Compare(a.ends[there].y, b.ends[there].y), cmp.Compare(b.rank, a.rank))
		})
		used := map[*stack]float64{}
		for _, b := range order {
			s := b.ends[here]
			b.y[side] = s.y + used[s]
			used[s] += b.thick
		}
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// SVG draws it. Names are escaped; whoever cannot see it has the table below.
func (k *sankey) SVG() template.HTML {
	if k.calls == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="sankey" viewBox="0 0 %d %.0f" role="img" aria-labelledby="sankey sankey-desc"><desc id="sankey-desc">%d calls from labels over systems to providers; the table below has the figures</desc>`, sankeyWidth, k.height, k.calls)
	for _, x := range k.bands {
		said := template.HTMLEscapeString(fmt.Sprintf("%s, %s, %s: %d calls", x.ends[0].name, x.ends[1].name, x.ends[2].name, x.calls))
		for half := range 2 {
			from, to := sankeyAt[half]+sankeyBar, sankeyAt[half+1]
			y0, y1, mid := x.y[2*half], x.y[2*half+1], (from+to)/2
			fmt.Fprintf(&b, `<path class="band rank-%d" d="M%.0f %.1fC%.0f %.1f %.0f %.1f %.0f %.1fL%.0f %.1fC%.0f %.1f %.0f %.1f %.0f %.1fZ"><title>%s</title></path>`,
				ranked(x.rank), from, y0, mid, y0, mid, y1, to, y1, to, y1+x.thick, mid, y1+x.thick, mid, y0+x.thick, from, y0+x.thick, said)
		}
	}
	for c, column := range k.columns {
		for _, s := range column {
			class := "bar"
			if c == 0 {
				class = fmt.Sprintf("rank-%d", ranked(s.rank))
			}
			fmt.Fprintf(&b, `<rect class="%s" x="%.0f" y="%.1f" width="%.0f" height="%.1f"/>`, class, sankeyAt[c], s.y, sankeyBar, s.height)
			k.words(&b, c, s)
		}
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// words puts a stack's name beside it, with a halo, so that it is read on a band too.
func (k *sankey) words(b *strings.Builder, column int, s *stack) {
	x, y := sankeyAt[column]+sankeyBar+6, s.y+s.height/2
	name := strings.ReplaceAll(s.name, "_", " ")
	if name == "" {
		name = "no label"
	}
	note := count(s.calls)
	if s.note != "" {
		note += ", " + s.note
	}
	fmt.Fprintf(b, `<text x="%.0f" y="%.1f">%s</text><text class="note" x="%.0f" y="%.1f">%s</text>`,
		x, y, template.HTMLEscapeString(clipped(name)), x, y+15, template.HTMLEscapeString(clipped(note)))
}

// clipped is as much of a name as there is room for.
func clipped(s string) string {
	const room = 26
	if r := []rune(s); len(r) > room {
		return string(r[:room-1]) + "…"
	}
	return s
}
