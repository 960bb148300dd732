package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Explainer is what a [Reader] implements to say why it found something, for somebody who
// looks into one text. What it says may quote that text, so it goes to whoever brought the
// text, and never into a record or a log.
type Explainer interface {
	// Explain returns short reasons for a finding in one of its passage's views, the
	// strongest first; none where the finding is not the detector's.
	Explain(v *View, f risk.Finding) []string
}

// ErrRole means that nobody writes texts in that role.
var ErrRole = errors.New("guard: role is none of user, system, developer, tool, document, model")

// cleaner begins the names of what sanitising found.
const cleaner = "sanitise/"

// maxReasons bounds what is said of one finding, and maxExplained of how many something is
// said: a hostile text has thousands, and each is looked into.
const maxReasons, maxExplained = 6, 32

// Explanation is what the guard makes of one text, for people.
type Explanation struct {
	Verdict   risk.Verdict
	Direction Direction
	Origin    llm.Origin
	Bytes     int
	Took      time.Duration
	Findings  []Explained // those that policy lets pass, too
	Changed   bool        // policy lets the text pass otherwise than it came:
	Passes    string      // as this
}

// Explained is a finding, and what somebody who sees it wants to know.
type Explained struct {
	risk.Finding
	What  string   // in plain words
	Line  string   // its probability against the lines of the policy
	Why   []string // what the detector saw; quotes the text
	Allow []string // ways to let it pass: entries for the policy's allow list, which were tried, and lines to move
	// The text around it, made safe to show; empty where it has no place.
	Before, Found, After string
}

// Explain says what the guard makes of a text that stands in a role ("" is a user's, or the
// model's in answers), and why.
func (in *Inspector) Explain(ctx context.Context, text, role string) (Explanation, error) {
	origin, ok := in.origin(role)
	if !ok {
		return Explanation{}, ErrRole
	}
	saw := in.inspect(ctx, text, origin)
	e := Explanation{Verdict: saw.judgement.Verdict, Direction: in.Direction, Origin: origin, Bytes: len(text), Took: saw.took}
	if e.Changed = len(saw.judgement.Changes) > 0; e.Changed {
		e.Passes = apply(text, saw.judgement.Changes)
	}
	p := passageOf(text, origin)
	tries := trials{in: in, passages: p, found: map[string][]risk.Finding{}, left: min(maxTrials, 1+maxTried/(1+len(text)))}
	why := in.Compiled.reasons(p, saw.findings)
	for i, f := range saw.findings {
		x := Explained{Finding: f, What: what(f.Category), Line: in.Compiled.standing(in.Direction, f, originAt(f, p)), Why: why[i]}
		if f.Decision > risk.Allow && i < maxExplained {
			x.Allow = in.ways(ctx, &tries, f, saw.findings)
		}
		if f.Passage == 0 && f.End > f.Start {
			before, after := edge(text, f.Start, -1), edge(text, f.End, 1)
			x.Before, x.Found, x.After = shown(text[before:f.Start], 80), shown(text[f.Start:f.End], 160), shown(text[f.End:after], 80)
		}
		e.Findings = append(e.Findings, x)
	}
	return e, nil
}

func passageOf(text string, origin llm.Origin) []llm.Passage {
	return []llm.Passage{{Origin: origin, Text: text, Whole: true}}
}

// reasons asks every detector why it found something, in the order of the findings; of the
// first ones.
func (c *Compiled) reasons(passages []llm.Passage, found []risk.Finding) [][]string {
	out := make([][]string, len(found))
	s := c.engine.scratch.Get().(*scratch)
	defer c.engine.release(s)
	c.engine.prepare(passages, s)
	for i := range c.engine.detectors {
		x, ok := c.engine.detectors[i].Detector.(Explainer)
		if !ok || !c.engine.share(i, s) {
			continue
		}
		for n, f := range found[:min(len(found), maxExplained)] {
			if f.Passage >= 0 {
				out[n] = also(out[n], reasonsIn(x, s.views, f))
			}
		}
	}
	for n := range out {
		out[n] = out[n][:min(len(out[n]), maxReasons)]
	}
	return out
}

// also adds what is not said yet.
func also(said, more []string) []string {
	for _, s := range more {
		if !slices.Contains(said, s) {
			said = append(said, s)
		}
	}
	return said
}

// reasonsIn asks about a finding in the view that it was most likely found in: a decoded one
// whose wrapper it covers exactly, or else the text as written, or else any other reading.
func reasonsIn(x Explainer, views []View, f risk.Finding) []string {
	var best []string
	rank := 0
	for i := range views {
		v := &views[i]
		if v.Passage != f.Passage {
			continue
		}
		mine := 1
		if from, to := v.Original(0, len(v.Text)); v.Decoded() && from == f.Start && to == f.End {
			mine = 3
		} else if v.Via == "" {
			mine = 2
		}
		if mine <= rank {
			continue
		}
		// What a detector of somebody else's says wrong must not end the looking.
		says, err := safely(func() ([]string, error) { return x.Explain(v, f), nil })
		if err != nil || len(says) == 0 {
			continue
		}
		best, rank = says, mine
		if v.Via != "" {
			best = append([]string{"read as " + v.Via}, says...)
		}
	}
	return best
}

// standing says how a finding stands to what policy says of its kind.
func (c *Compiled) standing(dir Direction, f risk.Finding, o llm.Origin) string {
	switch {
	case f.Category == risk.CheckFailed:
		return "the check did not do its work; on_error says " + f.Decision.String()
	case f.Allowed != "":
		return fmt.Sprintf("%s; the entry %s of allow lets it pass", chance(f.Confidence), f.Allowed)
	case strings.HasPrefix(f.Detector, cleaner):
		return "sanitise." + strings.TrimPrefix(f.Detector, cleaner) + " cleans it, whatever its probability"
	case strings.HasPrefix(f.Detector, "rule/"):
		return fmt.Sprintf("your rule %s says %s", strings.TrimPrefix(f.Detector, "rule/"), f.Decision)
	}
	if a, ok := c.fixed(dir, f.Category, o); ok {
		return chance(f.Confidence) + "; " + c.settled(dir, f, a)
	}
	if f.Category == risk.Unreadable || f.Category == risk.PolicyBoundary {
		return "policy says " + f.Decision.String()
	}
	l := c.linesOf(f, o)
	words := l.words()
	switch {
	case l.Off:
		return fmt.Sprintf("%s; %s is off for what comes from %s", chance(f.Confidence), c.keyOf(f.Category), spoken(o))
	case len(words) == 0:
		return fmt.Sprintf("%s; %s has no line for what comes from %s", chance(f.Confidence), c.keyOf(f.Category), spoken(o))
	}
	return chance(f.Confidence) + "; " + strings.Join(words, ", ")
}

// settled says what policy does about a kind of value, whatever its probability.
func (c *Compiled) settled(dir Direction, f risk.Finding, a Action) string {
	where := "secrets." + dir.String()
	if _, named := c.entities[string(f.Category)]; named || strings.HasPrefix(string(f.Category), "pii.") {
		where = "mask.entities"
	}
	if a == "" {
		return where + " does not name it"
	}
	if f.Confidence < likely && a.Decision() > risk.Flag {
		return fmt.Sprintf("%s says %s from %s on, and flag below", where, a, chance(likely))
	}
	return fmt.Sprintf("%s says %s", where, a)
}

// keyOf is the key of thresholds whose lines decide about a category.
func (c *Compiled) keyOf(cat risk.Category) string {
	if _, ok := c.policy.Thresholds[string(cat)]; ok {
		return string(cat)
	}
	return family(cat)
}

// words says from which probabilities what follows.
func (l Lines) words() (out []string) {
	for _, x := range []struct {
		verb string
		at   float64
	}{{"observes", l.Observe}, {"flags", l.Flag}, {"excises", l.Excise}, {"holds", l.Hold}, {"blocks", l.Block}} {
		if x.at > 0 && !l.Off {
			out = append(out, x.verb+" from "+chance(x.at))
		}
	}
	return out
}

// chance writes a probability with the digits that matter near a line. It is rounded down,
// so that none seems to reach a line that it does not reach.
func chance(p float64) string {
	s := strconv.FormatFloat(math.Floor(p*1000+1e-9)/1000, 'f', 3, 64)
	return strings.TrimSuffix(s, "0")
}

// spoken names an origin in a sentence.
func spoken(o llm.Origin) string {
	return map[llm.Origin]string{llm.OriginUnknown: "nobody knows where", llm.OriginRetrieved: "documents", llm.OriginTool: "tools", llm.OriginFile: "files", llm.OriginUser: "users",
		llm.OriginModel: "models", llm.OriginToolSpec: "descriptions of tools", llm.OriginDeveloper: "developers", llm.OriginSystem: "the system"}[o]
}

// said are the categories in plain words; harms name themselves.
var said = map[risk.Category]string{
	risk.PromptInjection:   "an order to the assistant that its rules forbid",
	risk.IndirectInjection: "an order to the assistant inside data",
	risk.Jailbreak:         "a try to talk the assistant out of its limits",
	risk.PromptLeak:        "a try to get at the assistant's own instructions",
	risk.HiddenText:        "characters that no reader sees",
	risk.EncodedPayload:    "encoded text that speaks to the assistant",
	risk.ExfiltrationLink:  "a link that carries data away",
	risk.UnsafeMarkup:      "markup that runs or loads something where it is shown",
	risk.UnsafeCode:        "code that does damage when it is run",
	risk.ResourceAbuse:     "a wish for work without end",
	risk.PolicyBoundary:    "something that your own rules name",
	risk.ToolMisuse:        "a tool used against its purpose",
	risk.Unreadable:        "content that no detector can read",
	risk.CheckFailed:       "a check that did not run to its end",
	"harm":                 "a request for harm, or harm itself",
	"cbrn":                 "harm: chemical, biological, radiological or nuclear weapons",
}

// what says in plain words what a category is.
func what(c risk.Category) string {
	if s, ok := said[c]; ok {
		return s
	}
	name := strings.ReplaceAll(string(c), "_", " ")
	if kind, ok := strings.CutPrefix(name, "secret."); ok {
		return "a credential: " + kind
	}
	if kind, ok := strings.CutPrefix(name, "pii."); ok {
		return "personal data: " + kind
	}
	return "harm: " + name
}

// ways returns how a finding could be let pass. An entry for the allow list is offered only
// if it was tried and works.
func (in *Inspector) ways(ctx context.Context, tries *trials, f risk.Finding, all []risk.Finding) (out []string) {
	c, p := in.Compiled, tries.passages
	switch {
	case f.Category == risk.CheckFailed:
		return []string{"mend the check, or say in on_error what follows when it fails"}
	case strings.HasPrefix(f.Detector, cleaner):
		return []string{"set sanitise." + strings.TrimPrefix(f.Detector, cleaner) + " to false"}
	case strings.HasPrefix(f.Detector, "rule/"):
		return []string{"change the rule " + strings.TrimPrefix(f.Detector, "rule/") + " under rules"}
	}
	for _, a := range in.entries(p, f, all) {
		if tries.work(ctx, f, &a) {
			out = append(out, "allow:\n  - "+a.yaml())
			break
		}
	}
	if _, fixed := c.fixed(in.Direction, f.Category, originAt(f, p)); fixed {
		return append(out, fmt.Sprintf("let all of its kind pass: name {%s: allow} under mask.entities", f.Category))
	}
	l, o := c.linesOf(f, originAt(f, p)), originAt(f, p)
	for _, x := range []struct {
		name string
		at   float64
		does risk.Decision
	}{{"block", l.Block, risk.Block}, {"hold", l.Hold, risk.Hold}, {"excise", l.Excise, risk.Mask}, {"flag", l.Flag, risk.Flag}} {
		if x.at > 0 && f.Confidence >= x.at {
			return append(out, fmt.Sprintf("move thresholds.%s.%s.%s above %s, which lets other texts pass, too: bartizan eval guard says how many", c.keyOf(f.Category), o, x.name, chance(f.Confidence)))
		}
	}
	return out
}

// allowFor is for how long a suggested entry holds.
const allowFor = 90 * 24 * time.Hour

// entries are those that could allow a finding, the narrowest first. An entry takes in what
// else leads to something in the same sentences: one sentence needs one entry.
func (in *Inspector) entries(p []llm.Passage, f risk.Finding, all []risk.Finding) (out []Allowance) {
	if f.Passage < 0 {
		return nil
	}
	text := p[f.Passage].Text
	a := Allowance{ID: "NAME", Reason: "WHY THIS IS HARMLESS", Until: in.Compiled.engine.now().Add(allowFor).Format(time.DateOnly),
		Origins: []string{p[f.Passage].Origin.String()}}
	start, end := sentences(text, f.Start, f.End)
	// A file of policies is no place for a credential, or for somebody's data, wherever in
	// the sentence they stand.
	_, fixed := in.Compiled.fixed(in.Direction, f.Category, llm.OriginUnknown)
	for _, g := range all {
		if _, value := in.Compiled.fixed(in.Direction, g.Category, llm.OriginUnknown); value && g.Start < end && start < g.End {
			fixed = true
			continue
		}
		if g.Decision > risk.Allow && g.Start < end && start < g.End && !strings.HasPrefix(g.Detector, "rule/") && !slices.Contains(a.Categories, g.Category) {
			a.Categories = append(a.Categories, g.Category)
		}
	}
	if from, to := bare(text, start, end); !fixed {
		if one := a; to-from >= minAllowed && to-from <= maxLiteral {
			one.Phrase = strings.Join(strings.Fields(text[from:to]), " ")
			out = append(out, one)
		}
	}
	if in.Direction == Input && text != "" {
		sum := sha256.Sum256([]byte(text))
		a.SHA256 = hex.EncodeToString(sum[:])
		out = append(out, a)
	}
	return out
}

// trials remember what is found with an entry: one sentence has many findings.
type trials struct {
	in       *Inspector
	passages []llm.Passage
	found    map[string][]risk.Finding // by entry
	left     int
}

// maxTrials bounds how many entries are tried for a text, and maxTried how many bytes are
// judged for it in all: each trial is a whole look.
const maxTrials, maxTried = 16, 1 << 20

// work reports whether what was found at a place leads to nothing with an entry.
func (t *trials) work(ctx context.Context, f risk.Finding, a *Allowance) bool {
	found, known := t.found[a.yaml()]
	if !known {
		var err error
		if t.left--; t.left < 0 {
			return false
		} else if found, err = t.with(ctx, a); err != nil {
			return false
		}
		t.found[a.yaml()] = found
	}
	return !slices.ContainsFunc(found, func(g risk.Finding) bool { return alike(f, g) && g.Decision > risk.Allow })
}

// with judges the text with an entry more.
func (t *trials) with(ctx context.Context, a *Allowance) ([]risk.Finding, error) {
	var faults faults
	if validateAllow([]Allowance{*a}, &faults); len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	c := *t.in.Compiled
	var err error
	// Behind those that are there, which came first and still do.
	if c.allow, err = compileAllow(append(slices.Clone(c.policy.Allow), *a)); err != nil {
		return nil, err
	}
	c.second = nil
	return c.Judge(ctx, t.in.Direction, t.passages).Verdict.Findings, nil
}

// yaml writes the entry as it stands in a file.
func (a *Allowance) yaml() string {
	what := "sha256: " + strconv.Quote(a.SHA256)
	if a.Phrase != "" {
		what = "phrase: " + strconv.Quote(a.Phrase)
	}
	cats := make([]string, len(a.Categories))
	for i, c := range a.Categories {
		cats[i] = string(c)
	}
	return fmt.Sprintf("{id: %s, %s, reason: %q, until: %s, origins: [%s], categories: [%s]}", a.ID, what, a.Reason, a.Until, strings.Join(a.Origins, ", "), strings.Join(cats, ", "))
}
