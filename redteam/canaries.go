package redteam

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// CanariesConfig is what trying systems while people use them needs.
type CanariesConfig struct {
	Store   *store.Store
	Dir     string                   // rounds lie here, below the name of their system
	Library func() (*Library, error) // what attacks are made of
	Chains  [][]string               // how they are disguised
	Scorers func() ([]Scorer, error)
	Wards   func() []Ward // as they are declared now
	// Target is how a ward is called, until it is shut.
	Target func(ctx context.Context, system string) (target Target, shut func(), err error)
	Alert  func(Alarm)                    // told of each alarm once
	Failed func(system string, err error) // told why a round was not made
	Open   func(system string, n int)     // told now and then how many alarms are open; nil: nobody
	// Forget deletes the folder of an old round, unless something keeps it; nil: it is deleted.
	Forget  func(ctx context.Context, name, dir string) error
	Folders int              // that are kept of a system; 0: 500
	Now     func() time.Time // nil: time.Now
	Tick    time.Duration    // between looks at what is due; 0: 2 s
}

// Canaries tries systems while people use them: by schedule, and when something changed.
type Canaries struct {
	cfg    CanariesConfig
	rows   rows
	holder string // this process
	places chan struct{}

	mu      sync.Mutex
	running map[string]*running
	ended   sync.WaitGroup

	looking sync.RWMutex // for what every call of a user asks
	seen    map[string]*watch
}

// running is a round that this process makes.
type running struct {
	cancel   context.CancelCauseFunc
	progress Progress
}

// Why a round ended before its last attempt, and goes on later.
var errPaused = errors.New("redteam: somebody paused it")

// atOnce is how many systems are tried at a time.
const atOnce = 2

// NewCanaries returns canaries that try nothing yet: see [Canaries.Run].
func NewCanaries(cfg CanariesConfig) *Canaries {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Folders == 0 {
		cfg.Folders = maxFolders
	}
	if cfg.Forget == nil {
		cfg.Forget = func(_ context.Context, _, dir string) error { return os.RemoveAll(dir) }
	}
	if cfg.Tick == 0 {
		cfg.Tick = 2 * time.Second
	}
	return &Canaries{cfg: cfg, rows: rows{cfg.Store}, holder: rand.Text(), places: make(chan struct{}, atOnce), running: map[string]*running{}, seen: map[string]*watch{}}
}

// Run tries what is due until the context ends, and waits for what is under way to stop.
func (c *Canaries) Run(ctx context.Context) {
	t := time.NewTicker(c.cfg.Tick)
	defer t.Stop()
	defer c.ended.Wait()
	for {
		c.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// look tries what is due, and tells how many alarms are open: of systems that are tried no more, too.
func (c *Canaries) look(ctx context.Context) {
	failed := func(system string, err error) {
		if err != nil && ctx.Err() == nil {
			c.cfg.Failed(system, err)
		}
	}
	wards := c.cfg.Wards()
	for _, w := range wards {
		failed(w.System, c.step(ctx, w))
	}
	c.forget(wards)
	if c.cfg.Open == nil {
		return
	}
	open, err := c.rows.open(ctx)
	failed("", err)
	for system, n := range open {
		c.cfg.Open(system, n)
	}
}

// blind alarms that a system cannot be tried, and why.
func (c *Canaries) blind(ctx context.Context, system, why string) error {
	return c.alarm(ctx, Alarm{System: system, Kind: AlarmBlind, At: c.cfg.Now().UTC(), Note: why})
}

// alarm raises an alarm and tells it, unless one like it is open.
func (c *Canaries) alarm(ctx context.Context, a Alarm) error {
	is := false
	err := c.cfg.Store.Tx(ctx, func(tx *store.Tx) (err error) {
		is, err = raise(ctx, tx, &a)
		return err
	})
	if err == nil && is {
		c.cfg.Alert(a)
	}
	return err
}

// ward returns a system as it is declared.
func (c *Canaries) ward(system string) (Ward, bool) {
	for _, w := range c.cfg.Wards() {
		if w.System == system {
			return w, true
		}
	}
	return Ward{}, false
}

// step begins a round of a system where one is due.
func (c *Canaries) step(ctx context.Context, w Ward) error {
	if c.progress(w.System) != nil {
		return nil
	}
	st, err := c.rows.get(ctx, w.System)
	if err != nil {
		return err
	}
	if w.Fault != "" {
		return c.blind(ctx, w.System, w.Fault)
	}
	s, err := c.watched(&w, &st)
	if err != nil {
		return err
	}
	now := c.cfg.Now()
	causes := due(&w, &st, s.news(st.Known), now)
	if len(causes) == 0 || c.barred(&w, &st, now) != "" {
		return nil
	}
	select {
	case c.places <- struct{}{}:
	default:
		return nil // others are tried just now
	}
	if ok, err := c.rows.claim(ctx, w.System, c.holder, now); !ok || err != nil {
		<-c.places
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c.mu.Lock()
	c.running[w.System] = &running{cancel: cancel}
	c.mu.Unlock()
	c.ended.Go(func() {
		defer func() {
			cancel(nil)
			c.mu.Lock()
			delete(c.running, w.System)
			c.mu.Unlock()
			<-c.places
		}()
		if err := c.round(ctx, w, st, causes, s.sightings); err != nil {
			c.cfg.Failed(w.System, err)
		}
	})
	return nil
}

// due says why a round is to begin now; nothing: none is.
func due(w *Ward, st *Watched, news []string, now time.Time) (out []string) {
	switch {
	case st.Began.IsZero():
		return []string{CauseFirst}
	case st.Asked != "":
		out = append(out, CauseAsked)
	}
	keys := maps.Clone(w.Deployed)
	maps.Copy(keys, st.Deployed)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if w.Deployed[key] != st.Deployed[key] {
			out = append(out, key)
		}
	}
	if st.Asked != "" || !now.Before(st.Began.Add(w.Every/4)) {
		out = append(out, news...) // callers can make news as they like: they shall not use up the day's tokens
	}
	if len(out) > 0 && st.Asked == "" && now.Before(st.Began.Add(gap(w))) {
		return nil // what changes all the time is not tried all the time
	}
	if st.Folder != "" || !now.Before(st.Due) || now.Add(time.Minute).Before(st.Began) { // or the clock went back
		out = append(out, CauseSchedule)
	}
	return out
}

// gap is the least time between rounds that nobody asked for.
func gap(w *Ward) time.Duration { return min(w.Every/4, time.Minute) }

// barred says why a system is not tried now, in a word; "": it may be.
func (c *Canaries) barred(w *Ward, st *Watched, now time.Time) string {
	most, used := c.most(w.System), st.Tokens
	if !sameDay(st.Day, now) {
		used = 0
	}
	switch {
	case w.Fault != "":
		return "faulty"
	case !st.Paused.IsZero():
		return "paused"
	case !now.Before(w.Scope.Until):
		return "ended"
	case most > w.Tokens:
		return "too_little" // for a single round
	case used+most > w.Tokens:
		return "spent"
	}
	return ""
}

// most is how many tokens a round on a system can use.
func (c *Canaries) most(system string) int64 {
	c.looking.RLock()
	defer c.looking.RUnlock()
	if one := c.seen[system]; one != nil {
		return one.most
	}
	return 0
}

func sameDay(a, b time.Time) bool {
	return a.UTC().Format(time.DateOnly) == b.UTC().Format(time.DateOnly)
}

// round makes one round, or goes on with the one that was stopped, and says what it showed.
func (c *Canaries) round(ctx context.Context, w Ward, st Watched, causes []string, s *sightings) error {
	known, why := s.take(), causes
	if st.Folder != "" && holds(c.folder(&st)) {
		causes = st.Causes
	} else {
		c.open(&st)
	}
	st.Deployed, st.Known, st.Causes = w.Deployed, known, causes
	if err := c.rows.begin(ctx, &st); err != nil {
		return errors.Join(fmt.Errorf("beginning a round: %w", err), c.rows.release(context.WithoutCancel(ctx), w.System, c.holder))
	}
	s.tried(known)
	one := Round{System: w.System, Begun: st.Began, Causes: causes, Folder: st.Folder, Deployed: w.Deployed}
	stop := c.hold(ctx, &w)
	err := c.play(ctx, &w, &one, c.folder(&st))
	stop()
	switch {
	case errors.Is(err, ErrOther):
		if err := c.giveUp(ctx, &st, &one); err != nil || c.barred(&w, &st, c.cfg.Now()) != "" {
			return errors.Join(err, c.rows.release(context.WithoutCancel(ctx), w.System, c.holder))
		}
		return c.round(ctx, w, st, why, s)
	case ctx.Err() != nil, !c.cfg.Now().Before(w.Scope.Until): // it goes on later, or never
		return c.rows.release(context.WithoutCancel(ctx), w.System, c.holder)
	case errors.Is(err, ErrBudget):
		one.Fault = "Its tokens for the day were used up before its last attempt."
	case err != nil:
		one.Fault = "It could not be made: " + err.Error()
	}
	if err := one.count(c.folder(&st)); err != nil && one.Fault == "" {
		one.Fault = "Its results cannot be read: " + err.Error()
	}
	return c.put(ctx, &w, &st, &one)
}

// open names a new round, and no folder that is there.
func (c *Canaries) open(st *Watched) {
	st.Began = c.cfg.Now().UTC()
	for at := st.Began; ; at = at.Add(time.Millisecond) {
		if st.Folder = at.Format("20060102-150405.000"); !holds(c.folder(st)) {
			return
		}
	}
}

// giveUp ends a round that was tried on another system than there is now, so that it can never go on:
// what it used is used.
func (c *Canaries) giveUp(ctx context.Context, st *Watched, one *Round) error {
	if err := one.count(c.folder(st)); err != nil {
		return err
	}
	st.book(c.cfg.Now().UTC(), one.Tokens)
	st.Folder = ""
	return c.rows.giveUp(context.WithoutCancel(ctx), st)
}

// book counts tokens on the day on which they are known.
func (w *Watched) book(now time.Time, tokens int64) {
	if !sameDay(w.Day, now) {
		w.Tokens = 0
	}
	w.Day, w.Tokens = now, w.Tokens+tokens
}

func (c *Canaries) folder(st *Watched) string { return filepath.Join(c.cfg.Dir, st.System, st.Folder) }

// holds reports whether a campaign lies in a folder.
func holds(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, campaignFile))
	return err == nil
}

// plan is what a round tries, with a cap on tokens; 0: none.
func (c *Canaries) plan(w *Ward, most int64) (*Plan, error) {
	lib, err := c.cfg.Library()
	if err != nil {
		return nil, err
	}
	lib = w.prompted(lib)
	campaign := w.Panel(lib, c.cfg.Chains)
	campaign.Budget.Tokens = most
	return Make(campaign, lib)
}

// play makes the attempts of a round.
func (c *Canaries) play(ctx context.Context, w *Ward, one *Round, dir string) error {
	p, err := c.plan(w, w.Tokens)
	if err != nil {
		return err
	}
	one.Panel = p.panel()
	target, shut, err := c.cfg.Target(ctx, w.System)
	if err != nil {
		return err
	}
	defer shut()
	scorers, err := c.cfg.Scorers()
	if err != nil {
		return err
	}
	scope := w.Scope
	_, err = Run(ctx, RunConfig{Dir: dir, Plan: p, Targets: map[string]Target{w.System: target}, Scope: &scope, Scorers: scorers, Now: c.cfg.Now, Progress: func(now Progress) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if r := c.running[w.System]; r != nil {
			r.progress = now
		}
	}})
	return err
}

// hold keeps a round this process's own until it is called off, and ends it at once where somebody
// pauses it elsewhere, where nobody allows it any more, or where what is tried is another by now.
func (c *Canaries) hold(ctx context.Context, w *Ward) (stop func()) {
	system := w.System
	done := make(chan struct{})
	c.ended.Go(func() {
		t := time.NewTicker(c.cfg.Tick)
		defer t.Stop()
		last := c.cfg.Now()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-t.C:
			}
			if st, err := c.rows.get(ctx, system); err == nil && !st.Paused.IsZero() {
				c.stop(system)
			}
			if is, ok := c.ward(system); !ok || is.Fault != "" || !c.cfg.Now().Before(is.Scope.Until) || !maps.Equal(is.Deployed, w.Deployed) {
				c.stop(system)
			}
			if now := c.cfg.Now(); now.Sub(last) > holdFor/4 {
				last = now
				if ok, err := c.rows.claim(ctx, system, c.holder, now); err == nil && !ok {
					c.stop(system) // somebody else has it: this process was away for too long
				}
			}
		}
	})
	return func() { close(done) }
}

// stop ends the round of a system in this process, at once.
func (c *Canaries) stop(system string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.running[system]; r != nil {
		r.cancel(errPaused)
	}
}

// put writes a round down with what it alarms, and tells who is to be told.
func (c *Canaries) put(ctx context.Context, w *Ward, st *Watched, one *Round) error {
	ctx = context.WithoutCancel(ctx)
	now := c.cfg.Now().UTC()
	one.Ended, st.Due = now, now.Add(w.Every)
	st.book(now, one.Tokens)
	before, err := c.rows.rounds(ctx, w.System)
	if err != nil {
		return err
	}
	all := append(before, *one)
	if one.Fault == "" && len(alike(all, st.Since)) < learnRounds {
		st.Due = now.Add(gap(w)) // what is usual is to be known soon
	}
	raised, err := c.rows.end(ctx, c.holder, st, one, alarms(all, st.Since))
	if err != nil {
		return fmt.Errorf("writing a round down: %w", err)
	}
	for _, a := range raised {
		c.cfg.Alert(a)
	}
	return c.prune(ctx, w.System)
}

// alarms are those that the newest round raises.
func alarms(rounds []Round, since time.Time) (out []Alarm) {
	last := &rounds[len(rounds)-1]
	raise := func(kind, series, note string) {
		out = append(out, Alarm{System: last.System, Kind: kind, Series: series, At: last.Ended, Round: last.Begun, Note: note})
	}
	if s := last.Sum(); !s.whole() {
		raise(AlarmBlind, "", fmt.Sprintf("%d of %d attempts of the newest round failed, so nobody knows whether the system still holds.", s.Failed, s.Failed+s.Attacks+s.Harmless))
		return out
	}
	for _, s := range Drift(rounds, since) {
		p := s.Points[len(s.Points)-1]
		if !p.Alarm {
			continue
		}
		what := map[string]string{SeriesEffect: "have an effect that had none at first", SeriesPast: "get past the guard that stopped them at first", SeriesKept: "are stopped that were answered at first"}[s.Kind]
		raise(AlarmDrift, s.Name(), fmt.Sprintf("More attempts (%s) %s than chance explains: %d of %d in the newest round, where up to %.0f in 100 are usual.", s.Cell, what, p.Bad, p.Tries, 100*s.Usual))
	}
	return out
}

// prune deletes the folders of old rounds, but those that hold the evidence of an open finding.
func (c *Canaries) prune(ctx context.Context, system string) error {
	dir := filepath.Join(c.cfg.Dir, system)
	list, err := os.ReadDir(dir) // by name, which is by time
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("deleting old rounds: %w", err)
	}
	wanted, err := OpenFindings(c.cfg.Store, nil).Evidence(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range list[:max(0, len(list)-c.cfg.Folders)] {
		name := RoundName(system, e.Name())
		if path := filepath.Join(dir, e.Name()); IsRound(name) && holds(path) && !wanted[name] {
			errs = append(errs, c.cfg.Forget(ctx, name, path))
		}
	}
	return errors.Join(errs...)
}
