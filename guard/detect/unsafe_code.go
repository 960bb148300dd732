package detect

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
	"github.com/bartizan-ai/bartizan/text"
)

// UnsafeCode finds code that does harm when it is run, or lets others do harm.
//
// Catches: destructive commands, credentials read and sent away, reverse shells,
// downloads run unread, switched-off protection, wiped traces; queries, commands and
// pages built from what a request brought; switched-off certificate checks; packages
// whose names imitate well-known ones.
// Does not catch: harm spread over steps that look harmless alone, code that is
// downloaded, faults of logic. Deleting one's own build, dropping a table in a
// migration and test servers without certificates are left alone; what stands in
// comments, warnings and prose weighs less.
// Example: an answer that tells the reader to run rm -rf on a home folder.
type UnsafeCode struct{ member }

func newUnsafeCode() *UnsafeCode {
	m := member{id: "unsafe_code@1", finds: []risk.Category{risk.UnsafeCode}}
	for _, d := range dangers() {
		m.literals = append(m.literals, d.literal)
	}
	return &UnsafeCode{m}
}

// danger is one rule: where its literal stands, look says how far the dangerous
// stretch reaches, and how surely it is one; 0 when it is none.
type danger struct {
	literal string
	look    func(c *code, h guard.Hit) (end int, p float64)
}

// dangers are all rules, in the order of their literals.
var dangers = sync.OnceValue(func() []danger {
	return slices.Concat(shellDangers, secretDangers, shellBackDangers, sinkDangers, certificateDangers, packageDangers)
})

// code is the text that a rule looks at.
type code struct {
	s     string
	args  bool // arguments of a tool: nothing in them is prose
	purse purse

	shown codeReader
}

// Look reads passages without an engine.
func (d *UnsafeCode) Look(ctx context.Context, p []llm.Passage) ([]risk.Finding, error) {
	return guard.Read(ctx, d, p)
}

// Read reads the views one by one.
func (d *UnsafeCode) Read(ctx context.Context, views []guard.View) ([]risk.Finding, error) {
	var found []risk.Finding
	rules := dangers()
	for i := range views {
		v := &views[i]
		if err := ctx.Err(); err != nil {
			return found, err
		}
		if len(v.Hits) == 0 || v.Via == "leet" || v.Via == "rot13" || v.Via == "reverse" {
			continue
		}
		all, err := unsafeIn(v, rules)
		if found = append(found, all...); err != nil {
			return found, err
		}
	}
	return found, nil
}

// unsafeLeast is what may be spent on the shortest text: a script holds a command a
// line, and each may be followed by four hundred bytes.
const unsafeLeast = 64 << 10

// unsafeIn looks at every place in a view where a rule's literal stands.
func unsafeIn(v *guard.View, rules []danger) (found []risk.Finding, err error) {
	c := code{s: v.Text, args: v.Kind == llm.KindArgs, purse: purse{left: unsafeLeast + len(v.Text)/purseBytes}}
	var at []int32 // where the bytes of c.s stand in the view
	if c.args && strings.IndexByte(v.Text, '\\') >= 0 {
		c.s, at = unescape(v.Text)
	}
	c.shown.s = c.s
	last := 0
	for _, h := range v.Hits {
		if at != nil {
			h.Start, h.End = place(at, h.Start), place(at, h.End)
		}
		if h.Start < last || h.End > len(c.s) || h.Start >= h.End {
			continue // part of what was found already
		}
		end, p := rules[h.Literal].look(&c, h)
		if c.purse.left < 0 {
			return found, errDense
		}
		if p < .2 {
			continue
		}
		if p *= c.standing(h.Start); p < .2 {
			continue
		}
		last = min(max(end, h.End), len(c.s))
		start, stop := h.Start, last
		if at != nil {
			start, stop = int(at[start]), int(at[stop-1])+1
		}
		found = append(found, finding(v, start, stop, p))
	}
	return found, nil
}

// unescape takes the escapes of JSON out of a text and says where each byte of the
// rest stood.
func unescape(s string) (string, []int32) {
	out := make([]byte, 0, len(s))
	at := make([]int32, 0, len(s))
	for i := 0; i < len(s); i++ {
		b := s[i]
		from := i
		if b == '\\' && i+1 < len(s) {
			if e := strings.IndexByte(`"\/nrt`, s[i+1]); e >= 0 {
				b = "\"\\/\n\r\t"[e]
				i++
			}
		}
		out, at = append(out, b), append(at, int32(from))
	}
	return string(out), at
}

// place is the index of the byte that stood at i, or of the first after it.
func place(at []int32, i int) int {
	n, _ := slices.BinarySearch(at, int32(i))
	return n
}

func finding(v *guard.View, start, end int, p float64) risk.Finding {
	f := v.Finding(risk.UnsafeCode, start, end, p)
	f.Severity, f.Impact, f.Refs = risk.Medium, risk.Integrity, refs("LLM05:2026", "AML.T0011")
	if p >= .9 {
		f.Severity = risk.High
	}
	return f
}

// line returns the bounds of the line that holds s[i], at most n bytes to each side.
// A line that ends in a backslash goes on.
func (c *code) line(i, n int) (int, int) {
	from := max(0, i-n)
	if k := strings.LastIndexByte(c.s[from:i], '\n'); k >= 0 {
		from += k + 1
	}
	to := i
	for to < min(len(c.s), i+n) {
		k := strings.IndexByte(c.s[to:min(len(c.s), i+n)], '\n')
		if k < 0 {
			to = min(len(c.s), i+n)
			break
		}
		if to += k; to == 0 || c.s[to-1] != '\\' {
			break
		}
		to++
	}
	return from, to
}

// rest is what follows the hit on its line, in lower case; it costs.
func (c *code) rest(h guard.Hit) string {
	_, to := c.line(h.End, 400)
	if !c.purse.pay(1 + (to-h.End)/32) {
		return ""
	}
	return text.Fold(c.s[h.End:to])
}

// near is the text around the hit, so many bytes before and after it, in lower case.
func (c *code) near(h guard.Hit, before, after int) string {
	from, to := max(0, h.Start-before), min(len(c.s), h.End+after)
	if !c.purse.pay(1 + (to-from)/32) {
		return ""
	}
	return text.Fold(c.s[from:to])
}

// warnings say that code is shown to be avoided.
var warnings = []string{"never ", "don't ", "do not ", "dont ", "avoid", "danger", "beware", "warning", "malicious", "attacker", "vulnerab", "is unsafe", "unsafe:", "is insecure", "insecure:", "bad:", "wrong", "\u274c", "instead of", "would delete", "will delete", "would wipe", "must not", "should not", "shouldn't", "known attack", "typosquat", "phishing", "nie ", "niemals", "ne jamais", "nunca ", "gefährlich", "gefahrlich"}

// standing weighs the place of a stretch: what is to be run counts in full, a comment
// or a warning half, a word in prose a little less than the whole.
func (c *code) standing(i int) float64 {
	if c.args {
		return 1
	}
	from, _ := c.line(i, 300)
	before := strings.TrimLeft(c.s[from:i], " \t")
	p := 1.0
	for _, mark := range []string{"//", "# ", "-- ", "* ", "<!--", "REM ", "/*"} {
		if strings.HasPrefix(before, mark) {
			p = .5
		}
	}
	if containsAny(near(c.s, i, i, 140), warnings) {
		p = .5
	}
	if !c.shown.fenced(i) && p == 1 && prose(before) && strings.Count(before, "`")%2 == 0 {
		p = .75
	}
	return p
}

// prose reports whether the text before a command on its line reads like a sentence:
// two words or more that no prompt or assignment is made of.
func prose(before string) bool {
	if strings.ContainsAny(before, "=(;|&{$") {
		return false
	}
	words := strings.Fields(before)
	return len(words) >= 2 && words[0] != "sudo" && words[0] != "-" && words[0] != "RUN" && words[0] != "run:"
}

// worth is what a rule answers when the stretch is its literal.
func worth(h guard.Hit, p float64) (int, float64) { return h.End, p }

// fixed is a rule for a literal that needs nothing beside it.
func fixed(literal string, p float64) danger {
	return danger{literal, func(c *code, h guard.Hit) (int, float64) { return worth(h, p) }}
}

// with is a rule for a literal that counts when one of the words of each list stands
// close behind it or before it.
func with(literal string, p float64, lists ...[]string) danger {
	return danger{literal, func(c *code, h guard.Hit) (int, float64) {
		around := c.near(h, 250, 500)
		for _, l := range lists {
			if !containsAny(around, l) {
				return 0, 0
			}
		}
		return worth(h, p)
	}}
}

// then is a rule for a literal that counts when one of the words follows on its line.
func then(literal string, p float64, words ...string) danger {
	return danger{literal, func(c *code, h guard.Hit) (int, float64) {
		if !containsAny(c.rest(h), words) {
			return 0, 0
		}
		return worth(h, p)
	}}
}
