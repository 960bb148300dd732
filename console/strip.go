package console

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/risk"
)

// strip is the verdicts of 24 hours, an hour a column, as a picture and as the
// table that says the same.
type strip struct {
	Hours []hour
	Max   int
	Total int
}

// hour counts the verdicts of one hour.
type hour struct {
	Start                    time.Time
	Allow, Flag, Mask, Block int
}

func (h hour) sum() int { return h.Allow + h.Flag + h.Mask + h.Block }

func newStrip(rows []row, now time.Time) strip {
	first := now.Truncate(time.Hour).Add(-23 * time.Hour)
	s := strip{Hours: make([]hour, 24)}
	for i := range s.Hours {
		s.Hours[i].Start = first.Add(time.Duration(i) * time.Hour)
	}
	for _, r := range rows {
		i := int(r.At.Sub(first) / time.Hour)
		if r.At.Before(first) || i >= 24 {
			continue
		}
		h := &s.Hours[i]
		switch {
		case r.Decision >= risk.Hold:
			h.Block++
		case r.Decision == risk.Mask:
			h.Mask++
		case r.Decision == risk.Flag:
			h.Flag++
		default:
			h.Allow++
		}
		s.Total++
	}
	for _, h := range s.Hours {
		s.Max = max(s.Max, h.sum())
	}
	return s
}

// The size of the picture, in its own units.
const (
	stripWidth  = 960
	stripHeight = 120
)

// SVG draws the strip. Only numbers and fixed words go into it.
func (s strip) SVG() template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="strip" viewBox="0 0 %d %d" role="img" aria-labelledby="strip-title strip-desc" preserveAspectRatio="none">`, stripWidth, stripHeight+2)
	fmt.Fprintf(&b, `<title id="strip-title">Verdicts of the last 24 hours</title><desc id="strip-desc">%d calls, at most %d in an hour. The table below has the figures.</desc>`, s.Total, s.Max)
	fmt.Fprintf(&b, `<line class="axis" x1="0" x2="%d" y1="%d.5" y2="%d.5"/>`, stripWidth, stripHeight, stripHeight)
	width := stripWidth / 24
	for i, h := range s.Hours {
		y := float64(stripHeight)
		for _, part := range []struct {
			class string
			n     int
		}{{"allow", h.Allow}, {"flag", h.Flag}, {"mask", h.Mask}, {"block", h.Block}} {
			if part.n == 0 {
				continue
			}
			// A single blocked call among thousands must still be seen.
			height := max(float64(part.n)/float64(s.Max)*stripHeight*.94, 2)
			y -= height
			fmt.Fprintf(&b, `<rect class="fill-%s" x="%d" y="%.1f" width="%d" height="%.1f"><title>%s: %d %s</title></rect>`,
				part.class, i*width+2, max(y, 0), width-4, height, h.Start.Format("15:04"), part.n, part.class)
		}
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}
