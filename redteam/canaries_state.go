package redteam

import (
	"context"
	"maps"
	"slices"
	"time"
)

// WardState is a system that is tried while people use it, with what that showed.
type WardState struct {
	at      time.Time
	Ward    Ward      `json:"-"`
	Most    int64     `json:"most_tokens"` // that a round can use
	State   string    `json:"state"`       // "running", "waiting", "paused", "ended": the scope is over, "spent": the tokens of the day are, "too_little": they are fewer than one round can use, "faulty": see Ward.Fault, "undeclared": it is tried no more, and has open alarms
	Watched Watched   `json:"watched"`
	Running *Progress `json:"running,omitempty"` // in this process
	Rounds  []Round   `json:"rounds"`            // the oldest first
	Series  []Series  `json:"series"`
	Alarms  []Alarm   `json:"alarms"` // the open ones first
	// Unwatched are attempts that end well by now and did not at first, so that nobody would see them
	// get worse: see [Canaries.Anew].
	Unwatched int `json:"unwatched"`
}

// Used are the tokens that rounds of this day (UTC) have used.
func (s *WardState) Used() int64 {
	if !sameDay(s.Watched.Day, s.at) {
		return 0
	}
	return s.Watched.Tokens
}

// Open are the alarms that nobody has closed.
func (s *WardState) Open() (out []Alarm) {
	for _, a := range s.Alarms {
		if a.Closed.IsZero() {
			out = append(out, a)
		}
	}
	return out
}

// State returns what is known of a system; [ErrNoWard] where it is not tried.
func (c *Canaries) State(ctx context.Context, system string) (*WardState, error) {
	w, ok := c.ward(system)
	if !ok {
		return nil, ErrNoWard
	}
	return c.state(ctx, w)
}

// States returns all systems that are tried, and then those that are not any more and have open
// alarms.
func (c *Canaries) States(ctx context.Context) (out []WardState, err error) {
	wards := c.cfg.Wards()
	open, err := c.rows.open(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range wards {
		delete(open, w.System)
	}
	declared := len(wards)
	for _, system := range slices.Sorted(maps.Keys(open)) {
		if open[system] > 0 {
			wards = append(wards, Ward{System: system})
		}
	}
	for i, w := range wards {
		one, err := c.state(ctx, w)
		if err != nil {
			return nil, err
		}
		if i >= declared {
			one.State = "undeclared"
		}
		out = append(out, *one)
	}
	return out, nil
}

func (c *Canaries) state(ctx context.Context, w Ward) (*WardState, error) {
	out := &WardState{at: c.cfg.Now(), Ward: w, State: "waiting"}
	var err error
	if out.Watched, err = c.rows.get(ctx, w.System); err != nil {
		return nil, err
	}
	if out.Rounds, err = c.rows.rounds(ctx, w.System); err != nil {
		return nil, err
	}
	if out.Alarms, err = c.rows.alarms(ctx, w.System); err != nil {
		return nil, err
	}
	out.Most = c.most(w.System)
	out.Series, out.Unwatched = Drift(out.Rounds, out.Watched.Since), Unwatched(out.Rounds, out.Watched.Since)
	if why := c.barred(&w, &out.Watched, c.cfg.Now()); why != "" {
		out.State = why
	}
	if out.Running = c.progress(w.System); out.Running != nil {
		out.State = "running"
	}
	return out, nil
}

// progress is how far a round in this process is; nil: there is none.
func (c *Canaries) progress(system string) *Progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.running[system]
	if r == nil {
		return nil
	}
	p := r.progress
	return &p
}

// Ask wants a round of a system as soon as can be.
func (c *Canaries) Ask(ctx context.Context, system, by string) error {
	if _, ok := c.ward(system); !ok {
		return ErrNoWard
	}
	if _, err := c.rows.get(ctx, system); err != nil { // so that there is a row
		return err
	}
	return c.rows.ask(ctx, system, by)
}

// Pause ends the round of a system at once, and begins none until [Canaries.Resume].
func (c *Canaries) Pause(ctx context.Context, system, by, why string) error {
	if _, ok := c.ward(system); !ok {
		return ErrNoWard
	}
	if _, err := c.rows.get(ctx, system); err != nil {
		return err
	}
	err := c.rows.pause(ctx, system, by, why, c.cfg.Now().UTC())
	c.stop(system)
	return err
}

// Resume lets rounds of a system begin again; one that was stopped goes on.
func (c *Canaries) Resume(ctx context.Context, system string) error {
	if _, ok := c.ward(system); !ok {
		return ErrNoWard
	}
	return c.rows.pause(ctx, system, "", "", time.Time{})
}

// Anew has rounds that begin from now on say what is usual: after a change that was meant, or where
// [WardState.Unwatched] says that much is watched by nobody.
func (c *Canaries) Anew(ctx context.Context, system string) error {
	if _, ok := c.ward(system); !ok {
		return ErrNoWard
	}
	if _, err := c.rows.get(ctx, system); err != nil {
		return err
	}
	return c.rows.anew(ctx, system, c.cfg.Now().UTC())
}

// Settle closes an alarm. Where what it saw is from now on what is usual, rounds before it count
// no more.
func (c *Canaries) Settle(ctx context.Context, id string, usual bool, by, why string) error {
	return c.rows.close(ctx, id, usual, by, why, c.cfg.Now().UTC())
}
