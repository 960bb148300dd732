package desk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// Edit moves one line of a policy.
type Edit struct {
	Family string  `json:"family"` // or a category
	Origin string  `json:"origin"`
	Line   string  `json:"line"`  // "observe", "flag", "hold", "excise", "block"
	Value  float64 `json:"value"` // a probability; 0: there is no such line
}

// ReplayLines are the lines that an Edit can move.
var ReplayLines = []string{"observe", "flag", "excise", "hold", "block"}

// The texts that a replay can judge.
const (
	OverKept    = "kept"    // what policy told the ledger to keep; the samples where it kept nothing
	OverSamples = "samples" // texts that come with the program
)

// ReplayAsk says what to replay.
type ReplayAsk struct {
	Policy string // its name
	Over   string
	Span   string // of kept texts
	Edits  []Edit
	Reason string
}

// Replay is what a changed policy would have done. It changes nothing, and asks no stage.
type Replay struct {
	ID     string    `json:"id"`
	Policy string    `json:"policy"`  // as it is
	With   string    `json:"changed"` // as it would be
	Edits  []Edit    `json:"edits"`
	Over   string    `json:"over"`
	State  string    `json:"state"` // "running", "done", "stopped": at a bound, or because the server stops
	By     string    `json:"by"`
	Began  time.Time `json:"began"`
	Ended  time.Time `json:"ended,omitzero"`

	Read    int     `json:"read"` // records, or samples
	Judged  int     `json:"judged"`
	Blocked Moved   `json:"newly_blocked"` // or held
	Allowed Moved   `json:"newly_allowed"`
	Other   Moved   `json:"otherwise_changed"` // flagged, masked, or no longer
	Labels  []Label `json:"labels"`            // of samples

	scope string // of whoever began it (see [Actor])
}

// Moved is the calls for which the decision changes in one way.
type Moved struct {
	N       int     `json:"n"`
	Low     float64 `json:"low"` // 95 % interval of its rate among all that were judged (Wilson)
	High    float64 `json:"high"`
	Records []Move  `json:"records"` // the newest, at most MaxMoves
}

// Move is one call whose decision changes. What it said is not here.
type Move struct {
	ID         string        `json:"id"`
	Was        string        `json:"was"`
	Now        string        `json:"now"`
	Category   risk.Category `json:"category,omitempty"` // of what decides
	Confidence float64       `json:"confidence,omitempty"`
}

// Label is the samples of one sort, and how many of them are stopped.
type Label struct {
	Name string `json:"label"` // "attack", "harmless"
	N    int    `json:"n"`
	Was  int    `json:"stopped_before"`
	Now  int    `json:"stopped_after"`
}

// The bounds of a replay.
const (
	MaxMoves     = 50
	maxReplayed  = 2_000 // records with something kept
	maxReplaying = time.Minute
	maxEdits     = 16
	maxReplays   = 8 // that are remembered
)

// replays are those of a moment ago, the newest last; one of them may run.
type replays struct {
	mu      sync.Mutex
	list    []*Replay
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func (r *replays) open() { r.ctx, r.cancel = context.WithCancel(context.Background()) }

func (r *replays) close() {
	r.cancel()
	r.running.Wait()
}

// begin takes in a replay, unless one runs.
func (r *replays) begin(one *Replay) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.list); n > 0 && r.list[n-1].State == running {
		return ErrBusy
	}
	if err := r.ctx.Err(); err != nil {
		return err
	}
	r.list = append(r.list, one)
	r.list = r.list[max(0, len(r.list)-maxReplays):]
	return nil
}

const running = "running"

// StartReplay begins to judge texts with a changed policy. Whoever may read what people
// wrote may do it, and says why, as for reading: what is kept is opened, and never shown.
func (d *Desk) StartReplay(ctx context.Context, a Actor, ask ReplayAsk) (*Replay, error) {
	one := &Replay{ID: "rep_" + strings.ReplaceAll(uuid.NewString(), "-", ""), Over: ask.Over, Edits: ask.Edits, State: running, By: a.Person, scope: a.scope(), Began: d.cfg.Now().UTC(),
		Labels: []Label{}, Blocked: Moved{Records: []Move{}}, Allowed: Moved{Records: []Move{}}, Other: Moved{Records: []Move{}}}
	err := d.act(ctx, a, record.Act{Kind: ContentRead, Target: replayTarget(a, ask.Policy), Reason: clean(ask.Reason)}, func() error {
		if strings.TrimSpace(ask.Reason) == "" {
			return fmt.Errorf("%w: reading what people wrote needs a reason", ErrInvalid)
		}
		job, err := d.replayJob(a, one, ask)
		if err != nil {
			return err
		}
		if err := d.opened(ctx, a, replayTarget(a, ask.Policy), ask.Reason); err != nil {
			return err
		}
		if err := d.replays.begin(one); err != nil {
			return err
		}
		d.replays.running.Go(job.run)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d.Replay(a, one.ID)
}

// replayTarget names a replay on record, and where a second person approves it: what was
// approved over the records of some teams is not over those of others.
func replayTarget(a Actor, policy string) string {
	if a.Whole() {
		return "replay of policy " + policy
	}
	return fmt.Sprintf("replay for teams %.6x of policy %s", sha256.Sum256([]byte(a.scope())), policy)
}

// Replay returns a replay as it is now.
func (d *Desk) Replay(a Actor, id string) (*Replay, error) {
	if err := d.May(a, ContentRead); err != nil {
		return nil, err
	}
	w := d.wall(a)
	d.replays.mu.Lock()
	defer d.replays.mu.Unlock()
	for _, r := range d.replays.list {
		if r.ID == id && w.replay(r) {
			out := *r
			for _, m := range []*Moved{&out.Blocked, &out.Allowed, &out.Other} {
				m.Records = slices.Clone(m.Records)
				m.Low, m.High = guard.Wilson(m.N, out.Judged)
			}
			out.Labels = slices.Clone(r.Labels)
			return &out, nil
		}
	}
	return nil, ErrUnknown
}

// replayJob binds the policy as it is and as it would be, and finds the texts.
func (d *Desk) replayJob(a Actor, one *Replay, ask ReplayAsk) (*replay, error) {
	c, err := d.policy(a, ask.Policy)
	if err != nil {
		return nil, err
	}
	if len(ask.Edits) == 0 || len(ask.Edits) > maxEdits {
		return nil, fmt.Errorf("%w: a replay needs 1 to %d changes", ErrInvalid, maxEdits)
	}
	i := slices.IndexFunc(Spans[:], func(s Span) bool { return s.Name == ask.Span })
	if i < 0 || ask.Over != OverKept && ask.Over != OverSamples {
		return nil, fmt.Errorf("%w: a replay is over kept texts of an hour, a day, a week or a month, or over the samples", ErrInvalid)
	}
	// A policy that only monitors is replayed as if it acted: that is what one wants to know.
	p := c.Policy()
	p.Mode, p.Until = "enforce", ""
	read := func(ctx context.Context, q record.Query) iter.Seq2[record.Record, error] { return d.records(ctx, a, q) }
	r := &replay{Replay: one, list: &d.replays, records: read, name: ask.Policy, since: Spans[i].since(d.cfg.Now().UTC()), now: d.cfg.Now}
	if r.was, err = c.WhatIf(p); err != nil {
		return nil, fmt.Errorf("desk: replaying: %w", err)
	}
	if p.Thresholds, err = edited(c, ask.Edits); err != nil {
		return nil, err
	}
	if r.with, err = c.WhatIf(p); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrInvalid, err)
	}
	// The digest is that of the policy as a file would have it.
	whole := c.Policy()
	whole.Thresholds = p.Thresholds
	digest, err := whole.Digest()
	one.Policy, one.With = c.ID(), ask.Policy+"@"+digest
	return r, err
}

// edited returns the thresholds of a policy with lines moved.
func edited(c *guard.Compiled, edits []Edit) (map[string]map[string]guard.Lines, error) {
	out := map[string]map[string]guard.Lines{}
	for key, by := range c.Policy().Thresholds {
		out[key] = maps.Clone(by)
	}
	for _, e := range edits {
		origin, ok := llm.ParseOrigin(e.Origin)
		if !ok {
			return nil, fmt.Errorf("%w: an edit names no origin", ErrInvalid)
		}
		l, ok := out[e.Family][e.Origin]
		if !ok {
			l = c.Lines(e.Family, origin)
		}
		l.Off = false
		at, ok := map[string]*float64{"observe": &l.Observe, "flag": &l.Flag, "hold": &l.Hold, "excise": &l.Excise, "block": &l.Block}[e.Line]
		if !ok {
			return nil, fmt.Errorf("%w: an edit names no line", ErrInvalid)
		}
		*at = e.Value
		if out[e.Family] == nil {
			// A category that had no lines of its own keeps its family's for the other origins.
			out[e.Family] = maps.Clone(out[guard.Family(risk.Category(e.Family))])
		}
		if out[e.Family] == nil {
			return nil, fmt.Errorf("%w: an edit names neither a family nor a category", ErrInvalid)
		}
		out[e.Family][e.Origin] = l
	}
	return out, nil
}

// replay is one under way.
type replay struct {
	*Replay
	list      *replays
	records   func(context.Context, record.Query) iter.Seq2[record.Record, error]
	name      string
	since     time.Time
	now       func() time.Time
	was, with *guard.Compiled
}

func (r *replay) run() {
	ctx, cancel := context.WithTimeout(r.list.ctx, maxReplaying)
	defer cancel()
	var err error
	if r.Over == OverKept {
		err = r.kept(ctx)
	}
	if err == nil && r.Judged == 0 {
		r.note(func() { r.Over, r.Read = OverSamples, 0 })
		err = r.samples(ctx)
	}
	r.note(func() {
		r.State, r.Ended = "done", r.now().UTC()
		if err != nil {
			r.State = "stopped"
		}
	})
}

// note changes what is shown.
func (r *replay) note(change func()) {
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	change()
}

// errEnough ends a replay at its bound.
var errEnough = errors.New("desk: as many as a replay judges")

// kept judges what the ledger kept of calls under the policy.
func (r *replay) kept(ctx context.Context) error {
	for rec, err := range r.records(ctx, record.Query{Kind: "exchange", Users: true, Since: r.since, Limit: MaxRead, Content: true}) {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		r.note(func() { r.Read++ })
		if rec.Intent == nil || !strings.HasPrefix(rec.Intent.Verdict.Policy, r.name+"@") {
			continue
		}
		in, out := passages(rec.Intent.Kept), []llm.Passage(nil)
		if rec.Outcome != nil {
			out = passages(rec.Outcome.Kept)
		}
		if len(in)+len(out) == 0 {
			continue
		}
		was, with := judgeBoth(ctx, r.was, in, out), judgeBoth(ctx, r.with, in, out)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.note(func() { r.moved(rec.ID(), was, with) })
		if r.Judged == maxReplayed {
			return errEnough
		}
	}
	return nil
}

// passages are kept texts as a detector reads them.
func passages(kept []record.Kept) (out []llm.Passage) {
	for _, k := range kept {
		if k.Erased {
			continue
		}
		o, _ := llm.ParseOrigin(k.Origin)
		p := llm.Passage{Path: k.Path, Origin: o, Text: k.Text, Whole: true}
		for kind := llm.KindText; kind < llm.KindMedia; kind++ {
			if kind.String() == k.Kind {
				p.Channel.Kind = kind
			}
		}
		out = append(out, p)
	}
	return out
}

// judgeBoth judges both directions of a call; the stronger verdict counts.
func judgeBoth(ctx context.Context, c *guard.Compiled, in, out []llm.Passage) *risk.Verdict {
	v := c.Judge(ctx, guard.Input, in).Verdict
	if len(out) > 0 {
		if o := c.Answering(in).Judge(ctx, guard.Output, out).Verdict; o.Decision > v.Decision {
			return &o
		}
	}
	return &v
}

// samples judges the texts that come with the program.
func (r *replay) samples(ctx context.Context) error {
	labels := map[string]*Label{}
	for _, s := range Samples() {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := []llm.Passage{{Origin: s.Origin, Text: s.Text, Whole: true}}
		was, with := judgeBoth(ctx, r.was, p, nil), judgeBoth(ctx, r.with, p, nil)
		if labels[s.Label] == nil {
			labels[s.Label] = &Label{Name: s.Label}
		}
		l := labels[s.Label]
		l.N++
		l.Was += stops(was)
		l.Now += stops(with)
		r.note(func() {
			r.Read++
			r.moved(s.ID, was, with)
			r.Labels = r.Labels[:0]
			for _, name := range slices.Sorted(maps.Keys(labels)) {
				r.Labels = append(r.Labels, *labels[name])
			}
		})
	}
	return nil
}

func stops(v *risk.Verdict) int {
	if v.Decision >= risk.Hold {
		return 1
	}
	return 0
}

// moved counts a call.
func (r *Replay) moved(id string, was, with *risk.Verdict) {
	r.Judged++
	if was.Decision == with.Decision {
		return
	}
	to := &r.Other
	switch before, after := stops(was), stops(with); {
	case before < after:
		to = &r.Blocked
	case before > after:
		to = &r.Allowed
	}
	to.N++
	if len(to.Records) == MaxMoves {
		return
	}
	m := Move{ID: id, Was: was.Decision.String(), Now: with.Decision.String()}
	reason := with
	if was.Decision > with.Decision {
		reason = was
	}
	if f, ok := reason.First(); ok {
		m.Category, m.Confidence = f.Category, f.Confidence
	}
	to.Records = append(to.Records, m)
}
