package console

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/framework"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/risk"
)

// functions are what templates may call.
var functions = template.FuncMap{
	"ago":        ago,
	"clock":      func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"day":        func(t time.Time) string { return t.UTC().Format("2006-01-02") },
	"hour":       func(t time.Time) string { return t.UTC().Format("15:04:05") },
	"iso":        func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"took":       took,
	"money":      money,
	"cost":       cost,
	"size":       size,
	"count":      count,
	"short":      short,
	"join":       strings.Join,
	"add":        func(a, b int) int { return a + b },
	"percentage": func(p float64) float64 { return p * 100 },
	"percent":    func(p float64) string { return fmt.Sprintf("%.0f %%", p*100) },
	"title":      func(s string) string { return strings.ToUpper(s[:min(1, len(s))]) + s[min(1, len(s)):] },
	"words":      func(s string) string { return strings.ReplaceAll(s, "_", " ") },
	"decision":   func(d risk.Decision) string { return d.String() },
	"refs":       refs,
	"active":     active,
	"size64":     func(n int) string { return size(int64(n)) },
	"count64":    func(n int64) string { return count(int(n)) },
	"rate":       rate,
	"rateof":     func(c redteam.Cell) template.HTML { return rate(&c) },
	"attacks":    func(m *redteam.ArmResult) *redteam.Cell { return &m.Attacks },
	"percents":   percents,
	"called":     framework.Title,
	"pvalue":     pvalue,
	"gateglyph":  gateGlyph,
	"glyphed":    func(word string) bool { _, ok := risk.ParseDecision(word); return ok || word == "monitor" },
}

// active reports whether a link leads to the page that is shown, or above it.
func active(path, href string) bool {
	return path == href || href != "/" && strings.HasPrefix(path, href+"/")
}

// ago says how long ago something was, in the largest unit that fits.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return "never"
	case d < time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// took writes a duration with the digits that matter.
func took(d time.Duration) string {
	switch {
	case d < 0:
		return "–"
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func size(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%s B", count(int(n)))
	case n < 10_000_000:
		return fmt.Sprintf("%s kB", count(int(n/1000)))
	}
	return fmt.Sprintf("%s MB", count(int(n/1_000_000)))
}

// money writes millionths of a currency, which has no name here, with the digits
// that matter.
func money(micro int64) string {
	if micro%10_000 == 0 {
		return fmt.Sprintf("%d.%02d", micro/1_000_000, micro/10_000%100)
	}
	return fmt.Sprintf("%d.%06d", micro/1_000_000, micro%1_000_000)
}

// cost writes money for tables, where figures are compared: in full it is on the
// page of the exchange. Nothing and no price look the same.
func cost(micro int64) string {
	switch {
	case micro <= 0:
		return "–"
	case micro < 100:
		return "<\u00a00.0001"
	case micro < 1_000_000:
		return fmt.Sprintf("0.%04d", micro/100)
	}
	return fmt.Sprintf("%s.%02d", count(int(micro/1_000_000)), micro/10_000%100)
}

// until says how long something takes yet.
func until(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(int(math.Ceil(d.Seconds())), 1))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(math.Ceil(d.Minutes())))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(math.Ceil(d.Hours())))
	}
	return fmt.Sprintf("%d days", int(math.Ceil(d.Hours()/24)))
}

// many counts things.
func many(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return count(n) + " " + thing + "s"
}

// count groups digits by threes with a narrow space.
func count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// short is the part of an id by which people tell ids apart: its end is random.
func short(id string) string {
	if len(id) <= 14 {
		return id
	}
	return id[:3] + "…" + id[len(id)-8:]
}

func refs(list []risk.Ref) string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = r.String()
	}
	return strings.Join(out, ", ")
}

// row is a record as tables show it.
type row struct {
	record.Record
	ID         string
	At         time.Time
	Act        *record.Act
	System     string
	Model      string
	Decision   risk.Decision
	End        string
	Status     int
	Categories []string
	Tokens     int
	Took       time.Duration
	Synthetic  bool
	Canary     bool // the red team called
}

func newRow(r record.Record) row {
	out := row{Record: r, ID: r.ID(), At: r.At(), Act: r.Act, Decision: r.Decision(), End: "open", Took: -1}
	if in := r.Intent; in != nil {
		out.System, out.Model, out.Synthetic, out.Canary = in.Principal.System, in.Model, in.Synthetic, r.Canary()
		out.collect(in.Verdict)
	}
	if o := r.Outcome; o != nil {
		out.End, out.Status, out.Tokens = o.End, o.Status, o.Input+o.Output
		out.collect(o.Verdict)
		if r.Intent != nil {
			out.Took = o.At.Sub(r.Intent.At)
		}
	}
	if out.End == "" {
		out.End = "unknown"
	}
	if r.Interrupted {
		out.End = "interrupted"
	}
	return out
}

func (r *row) collect(v risk.Verdict) {
	for _, f := range v.Findings {
		c := string(f.Category)
		seen := false
		for _, have := range r.Categories {
			seen = seen || have == c
		}
		if !seen && f.Decision > risk.Allow {
			r.Categories = append(r.Categories, c)
		}
	}
}

// Changed says in a word what policy did to a call that went on.
func (r row) Changed() string {
	switch {
	case r.End == "blocked":
		return ""
	case r.Decision == risk.Mask:
		return "masked"
	case r.Decision == risk.Flag:
		return "flagged"
	}
	return ""
}

// Silent reports whether no provider was called.
func (r row) Silent() bool {
	return r.Outcome != nil && r.Outcome.Upstream == 0 && (r.End == "blocked" || r.End == "refused")
}

// Unchecked reports whether a check that policy wanted did not run to its end.
func (r row) Unchecked() bool {
	bad := func(v risk.Verdict) bool {
		for _, c := range v.Checks {
			if c.State == risk.Failed || c.State == risk.Late {
				return true
			}
		}
		return false
	}
	return r.Intent != nil && bad(r.Intent.Verdict) || r.Outcome != nil && bad(r.Outcome.Verdict)
}
