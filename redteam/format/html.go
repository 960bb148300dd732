package format

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/framework"
	"github.com/bartizan-ai/bartizan/redteam"
)

//go:embed report.html
var page embed.FS

// maxShown bounds the attempts that a report shows in full.
const maxShown = 200

// shown is an attempt on the page.
type shown struct {
	*redteam.Result
	Objective, Category string
	Turns               []redteam.Turn
	Answer              string
	Evidence            [3]string // before, evidence, after
	Wrong               string
}

// writeHTML writes a page that needs nothing else, runs nothing, and prints well.
func writeHTML(w io.Writer, r *Report) error {
	t, err := template.New("report.html").Funcs(template.FuncMap{
		"percent": func(p float64) string { return fmt.Sprintf("%.1f", 100*p) }, "join": strings.Join, "called": framework.Title,
		"day": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }, "bar": bar, "money": func(micro int64) string { return fmt.Sprintf("%.4f", float64(micro)/1e6) },
		"seconds": func(d time.Duration) string { return d.Round(time.Millisecond).String() }, "p": pvalue, "confidence": func(alpha float64) string { return fmt.Sprintf("%.0f", 100*(1-alpha)) },
	}).ParseFS(page, "report.html")
	if err != nil {
		return err
	}
	data := struct {
		*Report
		Last    redteam.ArmResult
		Shown   []shown
		More    int
		Percent string
	}{Report: r, Last: r.Arms[len(r.Arms)-1]}
	err = r.gated(func(one *redteam.Result) error {
		if !through(one) {
			return nil
		}
		if len(data.Shown) >= maxShown {
			data.More++
			return nil
		}
		data.Shown = append(data.Shown, r.show(one))
		return nil
	})
	if err != nil {
		return err
	}
	return t.Execute(w, data)
}

// show makes an attempt fit to be shown.
func (r *Report) show(one *redteam.Result) shown {
	s := shown{Result: one, Wrong: "got through"}
	if one.Cell == redteam.BenignCell {
		s.Wrong = "stopped, and harmless"
	}
	if d := r.Seed(one.Seed); d != nil {
		s.Objective, s.Category = r.objective(d), string(d.Category)
	}
	if !r.Full {
		return s
	}
	if r.Sent != nil {
		if all := r.Sent(one); len(all) > 0 {
			for _, t := range all[len(all)-1].Turns {
				t.Text, t.Args = clipped(t.Text), clipped(t.Args)
				if t.File != nil {
					t.File = &redteam.File{Name: t.File.Name, Text: clipped(t.File.Text)}
				}
				s.Turns = append(s.Turns, t)
			}
		}
	}
	if one.Score.Reply < len(one.Replies) {
		e := one.Replies[one.Score.Reply]
		s.Answer = e.Text
		for _, c := range e.Calls {
			s.Answer += fmt.Sprintf("\n%s(%s)", c.Tool, c.Args)
		}
		if a, b := one.Score.Start, one.Score.End; a < b && b <= len(e.Text) {
			from := max(0, a-maxWords)
			s.Evidence = [3]string{strings.ToValidUTF8(s.Answer[from:a], ""), clipped(s.Answer[a:b]), clipped(s.Answer[b:])}
		}
		s.Answer = clipped(s.Answer)
	}
	return s
}

// maxWords bounds what is shown of one text: attacks on availability make answers without end.
const maxWords = 4000

// clipped is the beginning of a text, and how much more there is.
func clipped(s string) string {
	if len(s) <= maxWords {
		return s
	}
	return strings.ToValidUTF8(s[:maxWords], "") + fmt.Sprintf(" … (%d bytes more)", len(s)-maxWords)
}

// bar draws a rate with its interval on a scale from nothing to all. Only numbers go into it.
func bar(c redteam.Cell) template.HTML {
	const width = 240
	x := func(p float64) float64 { return p * width }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="rate" viewBox="0 0 %d 16" width="%d" height="16" role="img" aria-label="%.1f %%, between %.1f and %.1f"><rect class="scale" x="0" y="7" width="%d" height="2"/>`, width, width, 100*c.Rate, 100*c.Low, 100*c.High, width)
	fmt.Fprintf(&b, `<rect class="interval" x="%.1f" y="4" width="%.1f" height="8"/><rect class="point" x="%.1f" y="1" width="3" height="14"/>`, x(c.Low), max(x(c.High)-x(c.Low), 1), min(max(x(c.Rate)-1.5, 0), width-3))
	if c.Limit > 0 {
		fmt.Fprintf(&b, `<rect class="limit" x="%.1f" y="0" width="1" height="16"/>`, x(c.Limit))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// pvalue writes a p-value as far as it means something.
func pvalue(p float64) string {
	if p < .0001 {
		return "< 0.0001"
	}
	return fmt.Sprintf("%.4f", p)
}
