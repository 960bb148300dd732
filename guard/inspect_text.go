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
// decision, each finding with the words around it, why, and how to allow it, and what was
// checked.
func (in *Inspector) Text(ctx context.Context, text string, w io.Writer) (risk.Decision, error) {
	e, err := in.Explain(ctx, text, "")
	if err != nil {
		return risk.Block, err
	}
	v := &e.Verdict
	var b strings.Builder
	fmt.Fprintf(&b, "%s  (%s as %s, policy %s, %d bytes in %d µs)\n", strings.ToUpper(v.Decision.String()), e.Direction, e.Origin, v.Policy, e.Bytes, e.Took.Microseconds())
	told := map[string]bool{}
	for i := range e.Findings {
		e.Findings[i].write(&b, told)
	}
	if len(e.Findings) == 0 {
		b.WriteString("\nNothing was found.\n")
	}
	if e.Changed {
		b.WriteString("\nWould pass as:\n  " + shown(e.Passes, 600) + "\n")
	}
	b.WriteString(checked(v.Checks))
	if _, err := io.WriteString(w, b.String()); err != nil {
		return v.Decision, fmt.Errorf("guard: writing: %w", err)
	}
	return v.Decision, nil
}

// write shows one finding in its surroundings. An entry that was told is not told again.
func (x *Explained) write(b *strings.Builder, told map[string]bool) {
	refs := make([]string, len(x.Refs))
	for i, r := range x.Refs {
		refs[i] = r.String()
	}
	fmt.Fprintf(b, "\n%-5s %s: %s\n      %s  %s  bytes %d-%d  %s\n", x.Decision, x.Category, x.What, x.Detector, x.Severity, x.Start, x.End, strings.Join(refs, " "))
	if x.Says != "" {
		b.WriteString("      " + x.Says + "\n")
	}
	if x.Found != "" {
		fmt.Fprintf(b, "      %s[%s]%s\n", x.Before, x.Found, x.After)
	}
	b.WriteString("      line: " + x.Line + "\n")
	for _, why := range x.Why {
		b.WriteString("      why:  " + shown(why, 240) + "\n")
	}
	for i, way := range x.Allow {
		if i == 0 {
			b.WriteString("      to let it pass:\n")
		}
		if told[way] && i > 0 {
			continue
		} else if told[way] {
			way = "the same as above"
		}
		told[way] = true
		if i > 0 {
			way = "or " + way
		}
		b.WriteString("        " + strings.ReplaceAll(way, "\n", "\n        ") + "\n")
	}
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
