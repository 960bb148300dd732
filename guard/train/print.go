package train

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// always are the rows that every report shows.
var always = []string{"attack", "harmless", "row", "harm", "corpus"}

// Text writes the report for people to read: the main rows, and those by source, category,
// lang or origin if one of them is asked for.
func (r *Report) Text(w io.Writer, by string) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "\n%s\n", r.Set)
	if r.Harmless > 0 {
		fmt.Fprintf(t, "macro recall at 1 %% / .3 %% / .1 %% of %d harmless texts: %.3f / %.3f / %.3f; AUC %.3f\n", r.Harmless, r.Macro[0], r.Macro[1], r.Macro[2], r.AUC)
	}
	for _, part := range []struct {
		title string
		rates []Rate
	}{{"ATTACKS", r.Attack}, {"HARM", r.Harm}} {
		fmt.Fprintf(t, "\n%s\tBY\tN\tOBSERVE\tWARN\tBLOCK\t95 %%\n", part.title)
		for i := range part.rates {
			one := &part.rates[i]
			if one.By != by && !slices.Contains(always, one.By) {
				continue
			}
			fmt.Fprintf(t, "%s\t%s\t%d\t%.4f\t%.4f\t%.4f\t%.4f–%.4f\n", one.Name, one.By, one.N, one.Share(0), one.Share(1), one.Share(2), one.Low[2], one.High[2])
		}
	}
	if len(r.Hidden) > 0 {
		fmt.Fprint(t, "\nHIDDEN CHARACTERS\t\tN\tFOUND\tRATE\t95 %\n")
	}
	for i := range r.Hidden {
		one := &r.Hidden[i]
		fmt.Fprintf(t, "%s\t\t%d\t%d\t%.4f\t%.4f–%.4f\n", one.Name, one.N, one.Above[0], one.Share(0), one.Low[0], one.High[0])
	}
	return t.Flush()
}
