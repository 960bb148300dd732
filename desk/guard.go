package desk

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// Guarding is what the guard did over a span.
type Guarding struct {
	Span      Span            `json:"span"`
	Since     time.Time       `json:"since"`
	Calls     int             `json:"calls"`
	Effects                   // of whole calls
	Unchecked int             `json:"unchecked"` // calls with a check that failed or came too late
	Detectors []DetectorGuard `json:"detectors"` // the one that stopped most first
	Scores    []Scores        `json:"scores"`
	Stages    []StageGuard    `json:"stages"`
	// From is set where the span has more records than are read: what was before it is not
	// counted.
	From time.Time `json:"from,omitzero"`
	Read int       `json:"read"`

	uses map[use]*Used
}

// Effects counts calls by the strongest thing that followed.
type Effects struct {
	Stopped  int `json:"stopped"` // blocked or held
	Masked   int `json:"masked"`
	Flagged  int `json:"flagged"`
	Observed int `json:"observed"` // on record, and nothing followed
	Allowed  int `json:"allowed"`  // an entry of the allow list took it down
	Passed   int `json:"passed"`   // nothing was found
}

// effect is one of the things that [Effects] counts, the strongest last.
type effect uint8

const (
	passed effect = iota
	observed
	allowed
	flagged
	masked
	stopped
)

func effectOf(f *risk.Finding) effect {
	switch {
	case f.Decision >= risk.Hold:
		return stopped
	case f.Decision == risk.Mask:
		return masked
	case f.Decision == risk.Flag:
		return flagged
	case f.Allowed != "":
		return allowed
	}
	return observed
}

func (e *Effects) add(x effect) {
	*[]*int{&e.Passed, &e.Observed, &e.Allowed, &e.Flagged, &e.Masked, &e.Stopped}[x]++
}

// DetectorGuard is what one detector did. Calls are those that it read; 0 where nothing says
// so, as of an operator's rules.
type DetectorGuard struct {
	Detector string `json:"detector"`
	Calls    int    `json:"calls"`
	Effects
	Failed  int `json:"failed"`
	Late    int `json:"late"`
	Skipped int `json:"skipped"` // policy does not want it, or there was nothing that it can read
}

// ScoreBins is into how many parts probabilities are sorted. The parts are equal in log-odds:
// lines lie where one wants to see .98 and .99 apart.
const ScoreBins = 24

// The log-odds at which the first part begins, and how many all of them take.
const firstOdds, allOdds = -4.5, 12

// ScorePlace is where a probability lies among the parts, from 0 to 1.
func ScorePlace(p float64) float64 {
	if !(p > 0 && p < 1) {
		return min(max(p, 0), 1)
	}
	return min(max((math.Log(p/(1-p))-firstOdds)/allOdds, 0), 1)
}

// ScoreEdge is the probability at which a part begins.
func ScoreEdge(bin int) float64 {
	return 1 / (1 + math.Exp(-(firstOdds + allOdds*float64(bin)/ScoreBins)))
}

func scoreBin(p float64) int { return min(int(ScorePlace(p)*ScoreBins), ScoreBins-1) }

// Scores is how sure detectors were of what they found in texts of one origin, under one
// policy; only what lines decide about.
type Scores struct {
	Policy string             `json:"policy"` // without the digest
	Family string             `json:"family"`
	Origin string             `json:"origin"`
	N      int                `json:"n"`
	Bins   [ScoreBins]Effects `json:"bins"`
}

// StageGuard is what came of the questions to a second stage, in calls.
type StageGuard struct {
	Stage   string `json:"stage"`
	Ran     int    `json:"ran"`
	Spent   int    `json:"out_of_budget"`
	Failed  int    `json:"failed"`
	Late    int    `json:"late"`
	Skipped int    `json:"not_needed"`
}

// use names an entry of an allow list.
type use struct{ policy, entry string }

// Used is how often an entry of an allow list counted.
type Used struct {
	Calls int       `json:"calls"`
	Last  time.Time `json:"last,omitzero"`
}

// Uses returns how often an entry of a policy's allow list counted in the span.
func (g *Guarding) Uses(policy, entry string) Used {
	if u := g.uses[use{policy, entry}]; u != nil {
		return *u
	}
	return Used{}
}

// Guard counts what the guard did over a span, in one pass over at most MaxRead records.
// What it returns is shared, and is not to be changed.
func (d *Desk) Guard(ctx context.Context, a Actor, span string) (*Guarding, error) {
	if err := d.May(a, RecordRead); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(Spans[:], func(s Span) bool { return s.Name == span })
	if i < 0 {
		return nil, fmt.Errorf("%w: the guard can be seen over an hour, a day, a week or a month", ErrInvalid)
	}
	now := d.cfg.Now().UTC()
	return d.guarded[i].Of(a, now, func() (*Guarding, error) { return d.countGuard(ctx, a, Spans[i], now) })
}

// since is the beginning of a span's first slot.
func (s Span) since(now time.Time) time.Time {
	return now.Truncate(s.Slot).Add(-s.Slot * time.Duration(s.Slots-1))
}

func (d *Desk) countGuard(ctx context.Context, a Actor, span Span, now time.Time) (*Guarding, error) {
	c := guardCount{Guarding: &Guarding{Span: span, Since: span.since(now), Detectors: []DetectorGuard{}, Scores: []Scores{}, Stages: []StageGuard{}, uses: map[use]*Used{}},
		detectors: map[string]*DetectorGuard{}, scores: map[[3]string]*Scores{}, stages: map[string]*StageGuard{}}
	for r, err := range d.records(ctx, a, record.Query{Kind: "exchange", Users: true, Since: c.Since, Limit: MaxRead}) {
		if err != nil {
			return nil, fmt.Errorf("desk: reading what the guard did: %w", err)
		}
		if c.Read++; c.Read == MaxRead {
			c.From = r.At()
		}
		if !r.At().Before(c.Since) {
			c.take(&r)
		}
	}
	return c.finish(), nil
}

// guardCount is a count under way.
type guardCount struct {
	*Guarding
	detectors map[string]*DetectorGuard
	scores    map[[3]string]*Scores // by policy, family and origin
	stages    map[string]*StageGuard
}

// callCount is what one call adds for one detector.
type callCount struct {
	ran, skipped, failed, late bool
	found                      effect
}

// side is what was judged of a call in one direction.
type side struct {
	verdict  *risk.Verdict
	passages []record.Passage
}

func sides(r *record.Record) (out []side) {
	if r.Intent != nil {
		out = append(out, side{&r.Intent.Verdict, r.Intent.Passages})
	}
	if r.Outcome != nil {
		out = append(out, side{&r.Outcome.Verdict, r.Outcome.Passages})
	}
	return out
}

// take counts one call.
func (c *guardCount) take(r *record.Record) {
	by := map[string]*callCount{}
	of := func(detector string) *callCount {
		if by[detector] == nil {
			by[detector] = &callCount{}
		}
		return by[detector]
	}
	whole, unchecked, used := passed, false, map[use]bool{}
	for _, s := range sides(r) {
		policy, _, _ := strings.Cut(s.verdict.Policy, "@")
		for i := range s.verdict.Checks {
			k := &s.verdict.Checks[i]
			of(k.Detector).check(k)
			unchecked = unchecked || k.State == risk.Failed || k.State == risk.Late
			c.stage(k)
		}
		for i := range s.verdict.Findings {
			f := &s.verdict.Findings[i]
			x := effectOf(f)
			whole = max(whole, x)
			if f.Category == risk.CheckFailed {
				continue // its check says so already
			}
			one := of(f.Detector)
			one.found = max(one.found, x)
			c.score(policy, s.passages, f, x)
			if f.Allowed != "" {
				used[use{policy, f.Allowed}] = true
			}
		}
	}
	c.Calls++
	c.Effects.add(whole)
	if unchecked {
		c.Unchecked++
	}
	for u := range used {
		if c.uses[u] == nil {
			c.uses[u] = &Used{}
		}
		c.uses[u].Calls++
		if r.At().After(c.uses[u].Last) {
			c.uses[u].Last = r.At()
		}
	}
	c.add(by)
}

func (n *callCount) check(k *risk.Check) {
	switch k.State {
	case risk.Ran:
		n.ran = true
	case risk.Failed:
		n.failed = true
	case risk.Late:
		n.late = true
	default:
		n.skipped = true
	}
}

// stage counts what became of a question; a call may hold several checks of one stage.
func (c *guardCount) stage(k *risk.Check) {
	name, ok := strings.CutPrefix(k.Detector, "second/")
	if !ok {
		return
	}
	if c.stages[name] == nil {
		c.stages[name] = &StageGuard{Stage: name}
	}
	s := c.stages[name]
	switch {
	case k.State == risk.Ran:
		s.Ran++
	case k.State == risk.Failed:
		s.Failed++
	case k.State == risk.Late:
		s.Late++
	case k.Err != "":
		s.Spent++
	default:
		s.Skipped++
	}
}

// score sorts a finding into the distribution that it belongs to.
func (c *guardCount) score(policy string, passages []record.Passage, f *risk.Finding, x effect) {
	if !lined(f) {
		return
	}
	origin := "unknown"
	if f.Passage >= 0 && f.Passage < len(passages) {
		origin = passages[f.Passage].Origin
	}
	key := [3]string{policy, guard.Family(f.Category), origin}
	if c.scores[key] == nil {
		c.scores[key] = &Scores{Policy: key[0], Family: key[1], Origin: key[2]}
	}
	s := c.scores[key]
	s.N++
	s.Bins[scoreBin(f.Confidence)].add(x)
}

// lined reports whether lines decide about a finding, and not what the operator said of its
// kind.
func lined(f *risk.Finding) bool {
	switch f.Category {
	case risk.PolicyBoundary, risk.CheckFailed, risk.Unreadable, risk.Ungrounded, risk.LabelViolation:
		return false
	}
	for _, prefix := range []string{"secret.", "pii."} {
		if strings.HasPrefix(string(f.Category), prefix) {
			return false
		}
	}
	return !strings.HasPrefix(f.Detector, "sanitise/") && !strings.HasPrefix(f.Detector, "rule/")
}

// add counts a call for every detector that had to do with it.
func (c *guardCount) add(by map[string]*callCount) {
	for id, n := range by {
		if c.detectors[id] == nil {
			c.detectors[id] = &DetectorGuard{Detector: id}
		}
		t := c.detectors[id]
		if n.ran = n.ran || n.failed || n.late; n.ran {
			t.Calls++
		}
		if n.found > passed || n.ran {
			t.Effects.add(n.found)
		} else if n.skipped {
			t.Skipped++
		}
		if n.failed {
			t.Failed++
		}
		if n.late {
			t.Late++
		}
	}
}

// behind is the detector that finds under a name: "model@1" finds as "attack/model@1".
func behind(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

func (c *guardCount) finish() *Guarding {
	told := map[string]bool{} // under other names
	for id, t := range c.detectors {
		// What it read and did not stands under its own name only.
		if own := c.detectors[behind(id)]; own != nil && own != t {
			told[own.Detector] = true
			t.Calls, t.Failed, t.Late, t.Skipped = own.Calls, own.Failed, own.Late, own.Skipped
			t.Passed = max(0, t.Calls-t.Stopped-t.Masked-t.Flagged-t.Observed-t.Allowed)
		}
	}
	for id, t := range c.detectors {
		if !told[id] {
			c.Detectors = append(c.Detectors, *t)
		}
	}
	for _, s := range c.scores {
		c.Scores = append(c.Scores, *s)
	}
	for _, s := range c.stages {
		c.Stages = append(c.Stages, *s)
	}
	c.order()
	return c.Guarding
}

func (c *guardCount) order() {
	c.Detectors = slices.DeleteFunc(c.Detectors, func(d DetectorGuard) bool { return strings.HasPrefix(d.Detector, "second/") })
	slices.SortFunc(c.Detectors, func(x, y DetectorGuard) int {
		return cmp.Or(cmp.Compare(y.Stopped, x.Stopped), cmp.Compare(y.Masked, x.Masked), cmp.Compare(y.Flagged, x.Flagged), cmp.Compare(x.Detector, y.Detector))
	})
	slices.SortFunc(c.Scores, func(x, y Scores) int {
		return cmp.Or(cmp.Compare(x.Policy, y.Policy), cmp.Compare(y.N, x.N), cmp.Compare(x.Family, y.Family), cmp.Compare(x.Origin, y.Origin))
	})
	slices.SortFunc(c.Stages, func(x, y StageGuard) int { return cmp.Compare(x.Stage, y.Stage) })
}
