package guard

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/risk"
)

// Text inspects one text and writes what was found for people to read: the
// decision, each finding with the words around it, and what was checked.
func (in *Inspector) Text(ctx context.Context, text string, w io.Writer) (risk.Decision, error) {
	origin, _ := in.origin("")
	saw := in.inspect(ctx, text, origin)
	v := &saw.judgement.Verdict
	var b strings.Builder
	fmt.Fprintf(&b, "%s  (%s as %s, policy %s, %d bytes in %d µs)\n", strings.ToUpper(v.Decision.String()), in.Direction, origin, v.Policy, len(text), saw.took.Microseconds())
	for _, f := range saw.findings {
		b.WriteString(line(text, f))
	}
	if len(saw.findings) == 0 {
		b.WriteString("\nNothing was found.\n")
	}
	if len(saw.judgement.Changes) > 0 {
		b.WriteString("\nWould pass as:\n  " + shown(apply(text, saw.judgement.Changes), 600) + "\n")
	}
	b.WriteString(checked(v.Checks))
	if _, err := io.WriteString(w, b.String()); err != nil {
		return v.Decision, fmt.Errorf("guard: writing: %w", err)
	}
	return v.Decision, nil
}

// line shows one finding in its surroundings.
func line(text string, f risk.Finding) string {
	refs := make([]string, len(f.Refs))
	for i, r := range f.Refs {
		refs[i] = r.String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-5s %s  %s  %s, %.0f%%  bytes %d-%d  %s\n", f.Decision, f.Category, f.Detector, f.Severity, 100*f.Confidence, f.Start, f.End, strings.Join(refs, " "))
	if f.Says != "" {
		b.WriteString("      " + f.Says + "\n")
	}
	if f.Passage == 0 && f.End > f.Start {
		before, after := edge(text, f.Start, -1), edge(text, f.End, 1)
		fmt.Fprintf(&b, "      %s[%s]%s\n", shown(text[before:f.Start], 80), shown(text[f.Start:f.End], 160), shown(text[f.End:after], 80))
	}
	return b.String()
}

// edge returns a place some forty bytes from at, between two runes.
func edge(text string, at, dir int) int {
	i := min(max(at+dir*40, 0), len(text))
	for i > 0 && i < len(text) && !utf8.RuneStart(text[i]) {
		i -= dir
	}
	return i
}

// shown makes text safe for a terminal: what cannot be seen is written out, and
// long text is cut.
func shown(text string, limit int) string {
	// An inspected text may hold control sequences aimed at this very terminal.
	q := strconv.QuoteToGraphic(text)
	q = strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
	if len(q) > limit {
		cut := limit
		for cut > 0 && !utf8.RuneStart(q[cut]) {
			cut--
		}
		return q[:cut] + "…"
	}
	return q
}

// checked says in one line which checks ran and which did not.
func checked(checks []risk.Check) string {
	by := map[risk.State][]string{}
	for _, k := range checks {
		by[k.State] = append(by[k.State], k.Detector)
	}
	var b strings.Builder
	b.WriteString("\n")
	for _, s := range []risk.State{risk.Ran, risk.Skipped, risk.Failed, risk.Late, risk.NotRun} {
		if len(by[s]) > 0 {
			fmt.Fprintf(&b, "%s: %s\n", strings.ReplaceAll(s.String(), "_", " "), strings.Join(by[s], ", "))
		}
	}
	return b.String()
}
