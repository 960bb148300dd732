package guard

import (
	"cmp"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/risk"
	"github.com/bartizan-ai/bartizan/text"
)

// rules are the operator's phrases and patterns, behind one automaton: a
// pattern runs only on texts that hold a literal it cannot match without.
type rules struct {
	list []rule
	auto *automaton
}

type rule struct {
	Rule
	re *pattern
	// no literal to wait for: it reads every text
	always bool // a pattern without a literal
	raw    bool // a pattern of letters that normalising changes: it reads the text as written
	on     [2]bool
}

func compileRules(declared []Rule) (*rules, error) {
	r := &rules{}
	var b builder
	for i, d := range declared {
		one := rule{Rule: d}
		one.on[Input] = len(d.On) == 0 || slices.Contains(d.On, "input")
		one.on[Output] = len(d.On) == 0 || slices.Contains(d.On, "output")
		// A phrase is its own literal; a pattern lends one that it cannot match
		// without.
		lit := text.Normalise(d.Phrase).Text // as the texts are that it is looked for in
		if d.Pattern != "" {
			re, err := compilePattern(d.Pattern)
			if err != nil {
				return nil, fmt.Errorf("rule %s: %w", d.ID, err)
			}
			one.re, lit = re, required(d.Pattern)
			one.always, one.raw = lit == "", !isASCII(d.Pattern)
		}
		if lit != "" {
			if err := b.add(lit, i, i); err != nil {
				return nil, fmt.Errorf("rule %s: %w", d.ID, err)
			}
		}
		r.list = append(r.list, one)
	}
	r.auto = b.automaton()
	return r, nil
}

// required returns the longest literal that every match of the pattern holds,
// in any case; "" when there is none of three bytes.
func required(pattern string) string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	best := ""
	for _, lit := range literals(re.Simplify()) {
		// White space in a literal stands for any run of it; that is wider
		// than the pattern, so the prefilter still misses nothing.
		if lit = strings.TrimSpace(lit); len(lit) > len(best) && len(lit) <= maxLiteral && isASCII(lit) {
			best = lit
		}
	}
	// Two letters occur everywhere: waiting for them costs more than it saves.
	if len(best) < 3 {
		return ""
	}
	return best
}

// literals returns literals that every match of re holds.
func literals(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{string(re.Rune)}
	case syntax.OpConcat:
		var all []string
		for _, sub := range re.Sub {
			all = append(all, literals(sub)...)
		}
		return all
		// What may be left out (star, question mark, one side of an alternative)
		// proves nothing; what must occur once does.
	case syntax.OpCapture, syntax.OpPlus:
		return literals(re.Sub[0])
	}
	return nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// apply adds a finding, already decided, for every match in a view, and a check for
// every pattern that could not be looked for to the end.
func (r *rules) apply(dir Direction, v *View, d *draft) {
	if len(r.list) == 0 {
		return
	}
	found := d.findings
	var hit []match
	_, hit = r.auto.scan(v.Text, 0, hit)
	// A pattern that was met twice still runs once over the whole text.
	run := make([]bool, len(r.list))
	for _, m := range hit {
		n := r.auto.lits[m.lit].num
		if r.list[n].re != nil {
			run[n] = true
			continue
		}
		if r.list[n].on[dir] {
			start := r.auto.start(v.Text, r.auto.lits[m.lit].text, m.end)
			found = append(found, r.list[n].finding(v, start, m.end))
		}
	}
	for n := range r.list {
		one := &r.list[n]
		if one.re == nil || !one.on[dir] || !run[n] && !one.always {
			continue
		}
		if one.raw && v.Via != "" {
			continue // what is written in another way has no letters of its own
		}
		read := v.Text
		if one.raw {
			read = v.Raw
		}
		all, err := one.re.all(read)
		for _, at := range all {
			f := one.finding(v, 0, 0)
			if f.Start, f.End = at[0], at[1]; !one.raw {
				f.Start, f.End = v.Original(at[0], at[1])
			}
			found = append(found, f)
		}
		if err != nil {
			d.checks = append(d.checks, risk.Check{Detector: "rule/" + one.ID, State: risk.Failed, Err: err.Error()})
		}
	}
	d.findings = found
}

func (r *rule) finding(v *View, start, end int) risk.Finding {
	f := v.Finding(cmp.Or(risk.Category(r.Entity), risk.PolicyBoundary), start, end, 1)
	f.Detector, f.Severity, f.Says = "rule/"+r.ID, risk.Medium, r.Says
	f.Decision = r.Action.Decision()
	return f
}
