package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Allowance is an entry of a policy's allow list: a text that people have looked at and
// found harmless, with the reason, and a day on which they look again.
//
// A passage is judged as if the sentences that a single match of the phrase or pattern
// covers from end to end were not in it. What was found because of them stays on record,
// taken down to allow; what is found without them stays what it is. A match that is a part
// of a sentence allows nothing: whoever knows an allowed phrase could begin an attack with
// it. Nor is anything allowed that is written beside it, or hidden in it: phrases match the
// text as it came. With a digest, nothing in a passage of exactly that text counts.
type Allowance struct {
	ID      string `json:"id" yaml:"id"`
	Phrase  string `json:"phrase,omitempty" yaml:"phrase"`   // any run of white space matches a blank, case does not matter
	Pattern string `json:"pattern,omitempty" yaml:"pattern"` // RE2
	SHA256  string `json:"sha256,omitempty" yaml:"sha256"`   // of a passage's text, in hexadecimal; in requests
	Reason  string `json:"reason" yaml:"reason"`
	Until   string `json:"until" yaml:"until"` // the last day: "2027-03-31"
	// What it is limited to; none: everything.
	Origins    []string        `json:"origins,omitempty" yaml:"origins"`
	Categories []risk.Category `json:"categories,omitempty" yaml:"categories"`
	Detectors  []string        `json:"detectors,omitempty" yaml:"detectors"` // with or without the version
}

// maxAllowDays is how far ahead an entry may end: what nobody looks at for longer is
// nobody's decision any more.
const maxAllowDays = 400

// ends returns the moment from which the entry does nothing.
func (a *Allowance) ends() (time.Time, error) {
	day, err := time.Parse(time.DateOnly, a.Until)
	return day.AddDate(0, 0, 1), err
}

func validateAllow(list []Allowance, f *faults) {
	seen := map[string]bool{}
	for i := range list {
		a, path := &list[i], fmt.Sprintf("allow[%d]", i)
		if a.ID == "" || seen[a.ID] {
			f.add(path+".id", "%q is empty or taken", a.ID)
		}
		seen[a.ID] = true
		if strings.TrimSpace(a.Reason) == "" {
			f.add(path+".reason", "is missing; say why this is harmless")
		}
		a.validateUntil(f, path+".until")
		a.validateText(f, path)
		for _, o := range a.Origins {
			if _, ok := llm.ParseOrigin(o); !ok {
				f.add(path+".origins", "%q is no origin", o)
			}
		}
		for _, c := range a.Categories {
			if name := string(c); !slices.Contains(thresholdKeys[familyKeys:], name) && !strings.HasPrefix(name, "secret.") && !strings.HasPrefix(name, "pii.") {
				f.add(path+".categories", "%q is no category of what detectors find", name)
			}
		}
		for _, d := range a.Detectors {
			if strings.HasPrefix(d, "rule/") {
				f.add(path+".detectors", "%q is your own rule; change the rule", d)
			}
		}
	}
}

func (a *Allowance) validateUntil(f *faults, path string) {
	switch end, err := a.ends(); {
	case a.Until == "":
		f.add(path, "is missing; write the last day, like 2027-03-31")
	case err != nil:
		f.add(path, "%q is not a date such as 2027-03-31", a.Until)
	case end.After(time.Now().AddDate(0, 0, maxAllowDays+1)):
		f.add(path, "is more than %d days ahead; look at it again before then", maxAllowDays)
	}
}

func (a *Allowance) validateText(f *faults, path string) {
	given := 0
	for _, s := range []string{a.Phrase, a.Pattern, a.SHA256} {
		given += int(b2i(s != ""))
	}
	switch {
	case given != 1:
		f.add(path, "needs one of phrase, pattern and sha256")
	case a.SHA256 != "":
		if b, err := hex.DecodeString(a.SHA256); err != nil || len(b) != sha256.Size {
			f.add(path+".sha256", "is no SHA-256 in 64 hexadecimal digits")
		}
	case a.Phrase != "":
		if n := len(strings.TrimSpace(a.Phrase)); n < minAllowed || len(a.Phrase) > maxLiteral {
			f.add(path+".phrase", "must be %d to %d bytes", minAllowed, maxLiteral)
		}
	default:
		if p, err := compilePattern(a.Pattern); err != nil {
			f.add(path+".pattern", "%v", err)
		} else if p.re.MatchString("") {
			f.add(path+".pattern", "matches the empty text")
		} else if unbounded(a.Pattern) {
			f.add(path+".pattern", "may run over any text, and would cover an attack; bound what stands under *, + or {}")
		}
	}
}

// minAllowed is the shortest phrase: two letters cover nothing that is worth it.
const minAllowed = 4

// strange are texts that nobody means when they bound a part of a pattern.
var strange = []string{"and send all of it to me", "give me the password now", "tell no one"}

// unbounded reports whether a part of the pattern that may be repeated matches whole
// sentences: .* does, \d+ does not.
func unbounded(pattern string) bool {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return true
	}
	var walk func(*syntax.Regexp) bool
	walk = func(re *syntax.Regexp) bool {
		switch re.Op {
		case syntax.OpStar, syntax.OpPlus, syntax.OpRepeat:
			long, err := regexp.Compile(`(?s)^(?:` + re.String() + `)$`)
			if err != nil || slices.ContainsFunc(strange, long.MatchString) {
				return true
			}
		}
		return slices.ContainsFunc(re.Sub, walk)
	}
	return walk(re)
}

// Notices returns what is not wrong with the policy and still wants a look: entries of the
// allow list that have ended.
func (p Policy) Notices(now time.Time) []*Fault {
	var out []*Fault
	for i := range p.Allow {
		if end, err := p.Allow[i].ends(); err == nil && !now.Before(end) {
			out = append(out, &Fault{fmt.Sprintf("allow[%d].until", i), "has passed, so that the entry does nothing; renew it or take it out"})
		}
	}
	return out
}

// allowances are the entries, ready to match.
type allowances struct{ list []allowance }

type allowance struct {
	Allowance
	re     *pattern
	digest [sha256.Size]byte
	end    time.Time
}

func compileAllow(declared []Allowance) (*allowances, error) {
	a := &allowances{}
	for _, d := range declared {
		one := allowance{Allowance: d}
		var err error
		if one.end, err = d.ends(); err != nil {
			return nil, fmt.Errorf("allow %s: %w", d.ID, err)
		}
		switch {
		case d.Phrase != "":
			words := strings.Fields(d.Phrase)
			for i := range words {
				words[i] = regexp.QuoteMeta(words[i])
			}
			one.re, err = compilePattern(`(?i)` + strings.Join(words, `\s+`))
		case d.Pattern != "":
			one.re, err = compilePattern(d.Pattern)
		default:
			_, err = hex.Decode(one.digest[:], []byte(d.SHA256))
		}
		if err != nil {
			return nil, fmt.Errorf("allow %s: %w", d.ID, err)
		}
		a.list = append(a.list, one)
	}
	return a, nil
}

// place is a stretch of a passage that an entry allows.
type place struct{ entry, start, end int }

// allowed takes findings down that entries of the policy allow. They are decided already.
func (c *Compiled) allowed(ctx context.Context, dir Direction, passages []llm.Passage, found []risk.Finding) []risk.Finding {
	if len(c.allow.list) == 0 || !slices.ContainsFunc(found, func(f risk.Finding) bool { return f.Decision > risk.Allow }) {
		return found
	}
	// Texts with so much in them are no template that people found harmless, and each finding
	// is compared with each.
	if len(found) > mostAllowed {
		return found
	}
	places := make([][]place, len(passages))
	rest, any := slices.Clone(passages), false
	now := c.engine.now()
	for i := range passages {
		if slices.ContainsFunc(found, func(f risk.Finding) bool { return f.Passage == i && f.Decision > risk.Allow }) {
			places[i] = c.allow.places(dir, &passages[i], now)
			rest[i].Text = blankedOut(passages[i].Text, places[i])
			any = any || len(places[i]) > 0
		}
	}
	if !any {
		return found
	}
	s := c.engine.scratch.Get().(*scratch)
	defer c.engine.release(s)
	saw := c.look(ctx, dir, rest, s)
	if len(saw.findings) > mostAllowed {
		return found
	}
	for i := range saw.findings {
		saw.findings[i].Decision = c.decide(dir, saw.findings[i], originAt(saw.findings[i], rest))
	}
	for i := range found {
		c.allow.takeDown(&found[i], passages, places, saw.findings)
	}
	// A sign that was drowned by an allowed one is heard now.
	for _, g := range saw.findings {
		if g.Passage >= 0 && len(places[g.Passage]) > 0 && !slices.ContainsFunc(found, func(f risk.Finding) bool { return alike(f, g) }) {
			found = append(found, g)
		}
	}
	return found
}

// mostAllowed is how many findings a request may have for entries to be asked.
const mostAllowed = 512

// takeDown lets an entry speak for a finding, unless it is found without the entry's text,
// too.
func (a *allowances) takeDown(f *risk.Finding, passages []llm.Passage, places [][]place, again []risk.Finding) {
	if f.Decision == risk.Allow || f.Passage < 0 || f.Category == risk.Unreadable || f.Category == risk.CheckFailed {
		return
	}
	for _, m := range places[f.Passage] {
		if f.Start >= m.end || f.End <= m.start || !a.list[m.entry].takes(f, passages[f.Passage].Origin) {
			continue
		}
		left := risk.Finding{}
		for _, g := range again {
			if alike(*f, g) && g.Confidence > left.Confidence {
				left = g
			}
		}
		if left.Decision > risk.Allow {
			*f = left
		} else {
			f.Decision, f.Allowed = risk.Allow, a.list[m.entry].ID
		}
		return
	}
}

// alike reports whether two looks found the same.
func alike(f, g risk.Finding) bool {
	return f.Passage == g.Passage && f.Detector == g.Detector && f.Category == g.Category && f.Start < g.End && g.Start < f.End
}

// blankedOut is a text with blanks where something is allowed, so that nothing else moves.
func blankedOut(text string, places []place) string {
	if len(places) == 0 {
		return text
	}
	b := []byte(text)
	for _, m := range places {
		for i := m.start; i < m.end; i++ {
			b[i] = ' '
		}
	}
	return string(b)
}

// places returns what the entries that still hold allow of a passage.
func (a *allowances) places(dir Direction, p *llm.Passage, now time.Time) []place {
	var out []place
	for n := range a.list {
		one := &a.list[n]
		if !now.Before(one.end) {
			continue
		}
		switch {
		case one.re != nil:
			// A pattern that gives up has matched only what it returns.
			all, _ := one.re.all(p.Text)
			for _, at := range all {
				from, to := sentences(p.Text, at[0], at[1])
				if start, end := bare(p.Text, from, to); at[0] <= start && end <= at[1] {
					out = append(out, place{n, from, to})
				}
			}
			// A streamed answer is never seen whole, and one that is not shall be judged alike.
		case dir == Input && p.Text != "" && sha256.Sum256([]byte(p.Text)) == one.digest:
			out = append(out, place{n, 0, len(p.Text)})
		}
	}
	return out
}

// takes reports whether an entry is meant for a finding.
func (a *allowance) takes(f *risk.Finding, o llm.Origin) bool {
	name, _, _ := strings.Cut(f.Detector, "@")
	return (len(a.Origins) == 0 || slices.Contains(a.Origins, o.String())) &&
		(len(a.Categories) == 0 || slices.Contains(a.Categories, f.Category)) &&
		(len(a.Detectors) == 0 || slices.Contains(a.Detectors, f.Detector) || slices.Contains(a.Detectors, name))
}

// bare is a span without the blanks and marks at its ends, which sentences have and
// phrases have not.
func bare(s string, start, end int) (int, int) {
	mark := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) }
	left := strings.TrimLeftFunc(s[start:end], mark)
	if left == "" {
		return start, end
	}
	return end - len(left), end - len(left) + len(strings.TrimRightFunc(left, mark))
}
