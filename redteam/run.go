package redteam

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// RunConfig is what running a campaign needs.
type RunConfig struct {
	Dir     string // of the campaign: made when it is not there
	Plan    *Plan
	Targets map[string]Target // by arm
	Scope   *Scope            // who allowed it
	Scorers []Scorer
	// Attacker and Judge are the models that the campaign names; the scope must allow them too.
	Attacker Target
	Judge    Target
	Progress func(Progress)   // told now and then; nil: nobody
	Now      func() time.Time // nil: time.Now
	// Sync is how often what happened is made durable; 0: each half second.
	Sync time.Duration
}

// Progress is how far a campaign is.
type Progress struct {
	Done, Of int
	Hits     int // of the last arm
	Blocked  int
	Errors   int
	Spent    Spent
	Skipped  int // in cells that are decided
}

// Spent is what a campaign used.
type Spent struct {
	Requests int           `json:"requests"` // to whomever, as are tokens and cost
	Input    int64         `json:"input_tokens"`
	Output   int64         `json:"output_tokens"`
	Cost     int64         `json:"cost_micro"`
	Time     time.Duration `json:"time_ns"`           // that requests to targets took, one after the other
	Attacker Usage         `json:"attacker,omitzero"` // of these, by the attacker's model
	Judge    Usage         `json:"judge,omitzero"`    // and by the judge's
}

// bound is the same, by who was asked.
func (s *Spent) bound() bound {
	all := Usage{s.Requests, s.Input, s.Output}
	return bound{all.plus(s.Attacker, -1).plus(s.Judge, -1), s.Attacker, s.Judge}
}

func (s *Spent) add(r *Result) {
	for i := range r.Replies {
		e := &r.Replies[i]
		s.Requests++
		s.Input += believable(e.Input)
		s.Output += believable(e.Output)
		s.Time += e.Took
	}
	a, j := usage(r.Asked, AttackerRole), usage(r.Asked, JudgeRole)
	s.Attacker, s.Judge = s.Attacker.plus(a, 1), s.Judge.plus(j, 1)
	both := a.plus(j, 1)
	s.Requests, s.Input, s.Output = s.Requests+both.Requests, s.Input+both.Input, s.Output+both.Output
}

// Why a campaign ended before its last attempt.
var (
	// ErrBudget means that the next attempt could cost more than is left.
	ErrBudget = errors.New("redteam: the budget is spent")
	// ErrScope means that nobody allowed it.
	ErrScope = errors.New("redteam: not allowed")
	// ErrOther means that the folder holds another campaign.
	ErrOther = errors.New("redteam: the folder holds another campaign")
)

// frozen is what makes a campaign the same when it goes on.
type frozen struct {
	Campaign Campaign          `json:"campaign"`
	Targets  map[string]string `json:"targets"` // fingerprints by arm
	Library  string            `json:"library"` // digest of seeds and scenes
	Begun    time.Time         `json:"begun"`
	Allowed  Scope             `json:"scope"`
	Models   map[Role]string   `json:"models,omitempty"` // fingerprints of those on our own side
}

// Run makes every attempt that has no result yet. When the context ends, or the budget, or the time
// of the scope, it leaves a journal from which another Run goes on.
func Run(ctx context.Context, cfg RunConfig) (Progress, error) {
	cfg = cfg.ready()
	if err := cfg.allowedAll(); err != nil {
		return Progress{}, err
	}
	if err := cfg.freeze(); err != nil {
		return Progress{}, err
	}
	r := &runner{cfg: cfg, ahead: map[int]*Result{}, most: map[int]bound{}, looked: newLooks(cfg.Plan), limit: newPace(cfg.Plan.Campaign.Rate.PerSecond)}
	r.more = sync.NewCond(&r.mu)
	r.progress.Of = cfg.Plan.Attempts
	var err error
	if r.journal, err = openJournal(cfg.Dir, r.seen); err != nil {
		return r.progress, err
	}
	r.next = r.written
	before, err := ReadBaseline(cfg.Dir)
	if err != nil {
		return r.progress, errors.Join(err, r.journal.close())
	}
	r.before.target = before.usage()
	if err = r.run(ctx); errors.Is(err, ErrScope) {
		err = fmt.Errorf("%w, under which the campaign goes on where it was", err)
	}
	err = errors.Join(err, r.journal.close())
	r.tell(true)
	return r.progress, err
}

// ready fills in what was left out.
func (cfg RunConfig) ready() RunConfig {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Sync == 0 {
		cfg.Sync = time.Second / 2
	}
	return cfg
}

// allowed holds that somebody allowed every target, and that there is one for every arm.
func (cfg *RunConfig) allowed() error {
	for _, arm := range cfg.Plan.Campaign.Arms {
		t := cfg.Targets[arm]
		if t == nil {
			return fmt.Errorf("%w: there is no target for the arm %s; name one", ErrScope, arm)
		}
		if err := cfg.Scope.Allows(t.Fingerprint(), cfg.Now()); err != nil {
			return err
		}
	}
	return nil
}

// allowedAll holds that somebody allowed the models on our own side, too.
func (cfg *RunConfig) allowedAll() error {
	if err := cfg.allowed(); err != nil {
		return err
	}
	for role, t := range cfg.models() {
		if t == nil {
			return fmt.Errorf("%w: the campaign names a model as %s, and it was not opened; open it as a target", ErrScope, role)
		}
		if err := cfg.Scope.Allows(t.Fingerprint(), cfg.Now()); err != nil {
			return fmt.Errorf("%w, which is the campaign's %s", err, role)
		}
	}
	return nil
}

// models are those that the campaign names.
func (cfg *RunConfig) models() map[Role]Target {
	out := map[Role]Target{}
	if cfg.Plan.Campaign.Attacker != nil {
		out[AttackerRole] = cfg.Attacker
	}
	if cfg.Plan.Campaign.Judge != nil {
		out[JudgeRole] = cfg.Judge
	}
	return out
}

// freeze writes down what the campaign is, or holds that it is what was written.
func (cfg *RunConfig) freeze() error {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("redteam: %w", err)
	}
	f := frozen{Campaign: cfg.Plan.Campaign, Targets: map[string]string{}, Library: cfg.Plan.lib.digest(&cfg.Plan.Campaign), Begun: cfg.Now().UTC(), Allowed: *cfg.Scope}
	for _, arm := range f.Campaign.Arms {
		f.Targets[arm] = cfg.Targets[arm].Fingerprint()
	}
	for role, t := range cfg.models() {
		if f.Models == nil {
			f.Models = map[Role]string{}
		}
		f.Models[role] = t.Fingerprint()
	}
	had, err := thaw(cfg.Dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := keep(cfg.Dir, libraryFile, cfg.Plan.lib); err != nil {
			return err
		}
		return keep(cfg.Dir, campaignFile, f)
	case err != nil:
		return err
	}
	f.Begun, f.Allowed = had.Begun, had.Allowed
	if Digest(f) != Digest(*had) {
		return fmt.Errorf("%w: %s was begun with other seeds, targets or settings; give this one a folder of its own", ErrOther, cfg.Dir)
	}
	return nil
}

// digest names what a campaign is made of. Strategies that it cannot play are no part of it.
func (l *Library) digest(c *Campaign) string {
	var playable []Strategy
	for _, s := range l.Strategies {
		if _, asks := s.(Adaptive); !asks || c.Attacker != nil {
			playable = append(playable, s)
		}
	}
	ids := []string{names(playable), names(l.Converters)}
	return Digest([]any{l.Seeds, l.Scenes, ids})
}

func keep(dir, name string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err == nil {
		tmp := filepath.Join(dir, "."+name)
		if err = os.WriteFile(tmp, append(b, '\n'), 0o600); err == nil {
			err = os.Rename(tmp, filepath.Join(dir, name))
		}
	}
	if err != nil {
		return fmt.Errorf("redteam: writing %s: %w", name, err)
	}
	return nil
}

// thaw reads what a campaign is.
func thaw(dir string) (*frozen, error) {
	b, err := os.ReadFile(filepath.Join(dir, campaignFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("redteam: %s holds no campaign; name the folder that bartizan redteam run made: %w", dir, os.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("redteam: %w", err)
	}
	var f frozen
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("redteam: %s of %s cannot be read: %w", campaignFile, dir, err)
	}
	return &f, nil
}

// runner makes attempts side by side and writes their results in order.
type runner struct {
	cfg     RunConfig
	journal *journal
	limit   *pace

	mu       sync.Mutex
	more     *sync.Cond
	next     int             // attempt that is begun next
	written  int             // all before it are written, or skipped
	ahead    map[int]*Result // made, and not their turn yet
	before   bound           // spent on what scenes cost without an attack
	reserved bound
	most     map[int]bound // of attempts that were begun and are not written
	spent    Spent
	looked   *looks
	progress Progress
	flushed  time.Time
	err      error
	cancel   context.CancelFunc // ends what is under way
}

// seen takes a result that was there already.
func (r *runner) seen(one *Result) error {
	for r.written < one.N && r.looked.skips(r.written) {
		r.skip()
	}
	if a := r.cfg.Plan; one.N >= a.Attempts || one.N != r.written || a.Attempt(one.N).Key != one.Key {
		return fmt.Errorf("%w: its result %d is none of this plan", ErrOther, one.N)
	}
	r.take(one)
	return nil
}

// take counts a result in its turn.
func (r *runner) take(one *Result) {
	r.spent.add(one)
	r.spent.Cost = r.cfg.Plan.Campaign.cost(r.spent.bound())
	r.looked.take(one)
	r.written++
	r.progress.Done = r.written
	r.progress.Spent = r.spent
	last := r.cfg.Plan.Campaign.Arms[len(r.cfg.Plan.Campaign.Arms)-1]
	switch {
	case one.Outcome == Failed:
		r.progress.Errors++
	case one.Outcome == Blocked:
		r.progress.Blocked++
	case one.Arm == last && one.Cell != BenignCell && hit(one) == 1:
		r.progress.Hits++
	}
}

func (r *runner) skip() {
	r.written++
	r.progress.Done, r.progress.Skipped = r.written, r.progress.Skipped+1
}

// run makes attempts until there are no more, or something ends it.
func (r *runner) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.cancel = cancel
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.end(context.Cause(ctx))
	})
	defer stop()
	if minutes := r.cfg.Plan.Campaign.Budget.Minutes; minutes > 0 {
		left := time.Duration(minutes*float64(time.Minute)) - r.spent.Time/time.Duration(r.cfg.Plan.Campaign.Rate.Parallel)
		defer r.after(left, fmt.Errorf("%w: the minutes are over", ErrBudget)).Stop()
	}
	// Each request looks at the scope; this ends those that wait or are under way.
	defer r.after(r.cfg.Scope.Until.Sub(r.cfg.Now()), r.cfg.Scope.over()).Stop()
	var all sync.WaitGroup
	for range r.cfg.Plan.Campaign.Rate.Parallel {
		all.Go(func() { r.work(ctx) })
	}
	all.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// after ends the campaign when so much time has passed.
func (r *runner) after(d time.Duration, why error) *time.Timer {
	return time.AfterFunc(max(d, 0), func() {
		r.mu.Lock()
		r.end(why)
		r.mu.Unlock()
		r.cancel()
	})
}

// end is the first reason to stop.
func (r *runner) end(err error) {
	if r.err == nil {
		r.err = err
	}
	r.more.Broadcast()
}

// work makes one attempt after the other.
func (r *runner) work(ctx context.Context) {
	for {
		a, ok := r.begin()
		if !ok {
			return
		}
		one, err := r.play(ctx, &a, nil)
		r.mu.Lock()
		if err != nil {
			r.end(err)
			r.mu.Unlock()
			if errors.Is(err, ErrScope) {
				r.cancel() // nothing that is under way is allowed any more
			}
			return
		}
		r.ahead[a.N] = one
		r.settle()
		r.more.Broadcast()
		r.mu.Unlock()
	}
}

// maxAhead bounds what is made before its turn to be written.
const maxAhead = 1024

// begin waits until the next attempt may be made, and reserves what it can cost.
func (r *runner) begin() (Attempt, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		switch {
		case r.err != nil || r.next >= r.cfg.Plan.Attempts:
			return Attempt{}, false
		case r.next-r.written >= maxAhead, r.looked.waits(r.next) && r.written < r.next:
			r.more.Wait() // for what must be known first
			continue
		case r.looked.skips(r.next):
			r.next++
			r.settle()
			continue
		}
		a := r.cfg.Plan.Attempt(r.next)
		var most bound
		if r.cfg.Plan.Campaign.capped() { // else it would be counted for nothing
			most = r.cfg.Plan.most(&a)
		}
		spent := r.spent.bound()
		if what := r.cfg.Plan.Campaign.exceeds(spent.plus(r.before, 1).plus(r.reserved, 1).plus(most, 1)); what != "" {
			if (r.reserved == bound{}) { // nothing under way can change it
				r.end(fmt.Errorf("%w: attempt %d of %d could cost more than is left of %s", ErrBudget, a.N, r.cfg.Plan.Attempts, what))
				return Attempt{}, false
			}
			r.more.Wait() // what is under way may cost less than it could
			continue
		}
		r.most[a.N], r.reserved = most, r.reserved.plus(most, 1)
		r.next++
		return a, true
	}
}

// settle writes what has its turn now.
func (r *runner) settle() {
	for {
		if one := r.ahead[r.written]; one != nil {
			delete(r.ahead, r.written)
			if err := r.journal.write(one); err != nil {
				r.end(err)
				return
			}
			r.reserved = r.reserved.plus(r.most[one.N], -1)
			delete(r.most, one.N)
			r.take(one)
			continue
		}
		if r.written < r.next && r.looked.skips(r.written) {
			r.skip()
			continue
		}
		break
	}
	if now := r.cfg.Now(); now.Sub(r.flushed) >= r.cfg.Sync {
		r.flushed = now
		if err := r.journal.flush(); err != nil {
			r.end(err)
		}
		r.tell(false)
	}
}

func (r *runner) tell(last bool) {
	if r.cfg.Progress != nil && (r.progress.Done > 0 || last) {
		r.cfg.Progress(r.progress)
	}
}

// Opened is a campaign's folder.
type Opened struct {
	Dir     string
	Plan    *Plan
	Targets map[string]string // fingerprints by arm
	Begun   time.Time
	Scope   Scope
}

// Open reads a campaign's folder: its seeds and scenes as they were when it began, with the
// converters and strategies of now.
func Open(dir string, converters []Converter, strategies []Strategy) (*Opened, error) {
	f, err := thaw(dir)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, libraryFile))
	if err != nil {
		return nil, fmt.Errorf("redteam: %w", err)
	}
	l := &Library{Converters: converters, Strategies: strategies}
	if err := json.Unmarshal(b, l); err != nil {
		return nil, fmt.Errorf("redteam: %s of %s cannot be read: %w", libraryFile, dir, err)
	}
	if l.digest(&f.Campaign) != f.Library {
		return nil, fmt.Errorf("%w: %s was made with other converters or strategies than this version has", ErrOther, dir)
	}
	p, err := Make(f.Campaign, l)
	if err != nil {
		return nil, err
	}
	return &Opened{dir, p, f.Targets, f.Begun, f.Allowed}, nil
}
