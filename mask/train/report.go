package train

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Report is what was measured on one set of texts.
type Report struct {
	Name    string  `json:"name"`
	Texts   int     `json:"texts"`
	Tallies []Tally `json:"tallies"`
	Quiet   []Quiet `json:"harmless"` // texts without any value in which something was reported
}

// MakeReport measures.
func MakeReport(name string, texts []Scored) Report {
	r := Report{Name: name, Texts: len(texts)}
	r.Tallies, r.Quiet = Measure(texts)
	return r
}

// Text writes the report for people: by "kind", or each kind by "lang" or "source".
func (r *Report) Text(out io.Writer, by string) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "\n%s, %d texts\n\nKIND\t%s\tN\tRECALL\t95 %%\tFINDS\tPRECISION\t95 %%\tF1\tF2\tEXACT\tCOVERED\n", r.Name, r.Texts, map[string]string{"lang": "LANG", "source": "SOURCE"}[by])
	if by == "kind" {
		by = "all"
	}
	for _, t := range r.Tallies {
		if t.By != by {
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%.3f\t%.3f–%.3f\t%d\t%.3f\t%.3f–%.3f\t%.3f\t%.3f\t%.3f\t%.3f\n", t.Kind, t.Value, t.N, t.Recall, t.RecallBand[0], t.RecallBand[1],
			t.Finds, t.Precision, t.PrecisionBand[0], t.PrecisionBand[1], t.F1, t.F2, ratio(t.Exact, t.N), ratio(t.Covered, t.N))
	}
	for _, q := range r.Quiet {
		name := q.Source
		if name == "" {
			name = "all"
		}
		fmt.Fprintf(w, "harmless\t%s\t%d\treported in %d\t%.3f–%.3f\n", name, q.N, q.Loud, q.Band[0], q.Band[1])
	}
	return w.Flush()
}
