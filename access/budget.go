package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/store"
)

// Measure is what a limit counts.
type Measure uint8

// What can be limited. Money is in millionths of the currency that prices are in.
const (
	Requests Measure = iota
	Tokens
	Money
	Parallel // calls that are open at once
)

var measureNames = [...]string{"requests", "tokens", "money", "parallel"}

// String returns the word that configuration uses.
func (m Measure) String() string { return measureNames[m] }

// Unit is the period of a limit. Periods begin and end by the calendar, in UTC.
type Unit uint8

// The periods.
const (
	Minute Unit = iota
	Hour
	Day
	Month
)

var unitNames = [...]string{"minute", "hour", "day", "month"}

// String returns the word that configuration uses.
func (u Unit) String() string { return unitNames[u] }

// ParseUnit is the inverse of [Unit.String].
func ParseUnit(name string) (Unit, bool) {
	for i, n := range unitNames {
		if n == name {
			return Unit(i), true
		}
	}
	return 0, false
}

// period returns the beginning and the end of the period that t is in.
func (u Unit) period(t time.Time) (from, to time.Time) {
	t = t.UTC()
	switch u {
	case Minute:
		from = t.Truncate(time.Minute)
		return from, from.Add(time.Minute)
	case Hour:
		from = t.Truncate(time.Hour)
		return from, from.Add(time.Hour)
	case Day:
		from = t.Truncate(24 * time.Hour)
		return from, from.Add(24 * time.Hour)
	}
	from = time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	return from, from.AddDate(0, 1, 0)
}

// Rate is an amount in a period; the zero Rate limits nothing.
type Rate struct {
	Amount int64
	Per    Unit
}

// Limits bound the use of one scope. What is zero is not limited.
type Limits struct {
	Requests, Tokens, Money Rate
	Parallel                int
}

// Budget is what a system may use: as a whole, by each of its keys, and by each
// person who calls through it.
type Budget struct {
	System, Key, Person Limits
}

// What callers branch on, beside *[LimitError].
var (
	// ErrPrice means that money is limited and nobody said what the model costs.
	ErrPrice = errors.New("access: the model has no price")
)

// LimitError says which limit stands in the way.
type LimitError struct {
	Scope   string // "system", "key", "person"
	Measure Measure
	Rate    Rate // Amount alone for Parallel
	// Reset is the time until the limit's period begins anew; 0 for Parallel.
	Reset time.Duration
	// Never means that a call like this does not fit into the limit at all.
	Never bool
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("access: the limit of %s per %s is used up", e.Measure, e.Scope)
}

// Standing is how much of a limit is left, as far as this replica knows.
type Standing struct {
	Scope   string
	Measure Measure
	Rate    Rate
	Left    int64
	Reset   time.Duration
}

// Budgets holds calls to the limits of their system, key and person, over all
// replicas of a store.
//
// The store has one row for each limit and period. A replica leases a twentieth
// of the limit from it, in one transaction, and spends that in memory; the next
// lease is fetched when half is gone, so a call waits for the store only when
// nothing is left here. A lease that is idle goes back after half a minute. Every
// lease counts as spent in the store until then, so what a replica that died had
// leased stays spent: at most a tenth of the limit until the period ends.
//
// What is admitted beyond a limit is bounded. Requests, and calls that state the
// maximum of their answer, are reserved in full before they are made, so all
// replicas together never admit more than the limit, and none when the store is
// out of reach and the lease is spent. Calls that state no maximum reserve a
// slice: one that is streamed stops at the first frame that no slice can be had
// for, one that is not can overrun by its own answer. Over-admission is then at
// most replicas x open calls x (answer - slice); it is charged as a debt before
// anything else is admitted. Estimates of the input are corrected in the same
// way. Parallel calls are counted by each replica for itself: replicas x limit.
type Budgets struct {
	store *store.Store
	stale time.Duration
	log   *slog.Logger
	now   func() time.Time

	declared atomic.Pointer[map[string]Budget]
	fresh    atomic.Pointer[time.Time] // the last good word of the store

	mu       sync.RWMutex
	counters map[counterID]*counter
	open     map[scopeID]int // parallel calls
	asking   sync.Mutex      // guards closed
	closed   bool

	usage struct {
		sync.Mutex
		by map[usageID]Usage // not yet in the store
	}

	flushing sync.Mutex // guards swept; no call waits for it
	swept    time.Time  // when rows of old periods were last deleted
	fills    sync.WaitGroup
	stop     chan struct{}
	once     sync.Once
	stopped  sync.WaitGroup
}

// BudgetsConfig is what Budgets need.
type BudgetsConfig struct {
	Store *store.Store
	Stale time.Duration // how long to go on with leases without the store; 0: 5 min
	Log   *slog.Logger
	Now   func() time.Time // nil: time.Now
}

// OpenBudgets returns Budgets without limits, see [Budgets.Declare]. It reports
// to the store until Close.
func OpenBudgets(ctx context.Context, cfg BudgetsConfig) (*Budgets, error) {
	b := &Budgets{store: cfg.Store, stale: cfg.Stale, log: cfg.Log, now: cfg.Now, stop: make(chan struct{}),
		counters: map[counterID]*counter{}, open: map[scopeID]int{}}
	if b.stale == 0 {
		b.stale = 5 * time.Minute
	}
	if b.now == nil {
		b.now = time.Now
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	b.usage.by = map[usageID]Usage{}
	b.Declare(nil)
	if err := b.Flush(ctx); err != nil {
		return nil, err
	}
	b.stopped.Add(1)
	go b.follow()
	return b, nil
}

// Declare sets the budgets of systems for calls that come from now on. What was
// spent stays spent.
func (b *Budgets) Declare(of map[string]Budget) { b.declared.Store(&of) }

// limited is one scope that a call is counted in.
type limited struct {
	scopeID
	Limits
}

// scopes returns where a caller's calls are counted, the widest first.
func (b *Budgets) scopes(p record.Principal) []limited {
	budget, ok := (*b.declared.Load())[p.System]
	if !ok {
		return nil
	}
	out := make([]limited, 0, 2)
	if budget.System != (Limits{}) {
		out = append(out, limited{scopeID{"system", p.System, ""}, budget.System})
	}
	own := limited{scopeID{"key", p.System, p.ID}, budget.Key}
	if p.Kind == "person" {
		own = limited{scopeID{"person", p.System, p.ID}, budget.Person}
	}
	if own.Limits != (Limits{}) {
		out = append(out, own)
	}
	return out
}

// rate returns the limit on one measure.
func (l *Limits) rate(m Measure) Rate {
	switch m {
	case Requests:
		return l.Requests
	case Tokens:
		return l.Tokens
	case Money:
		return l.Money
	}
	return Rate{}
}

// Enter counts a call and takes its place among those that are open at once. The
// call must be closed, whatever comes. The error is a *[LimitError], [ErrStale]
// or that of ctx.
func (b *Budgets) Enter(ctx context.Context, p record.Principal) (*Call, error) {
	c := &Call{budgets: b, system: p.System, scopes: b.scopes(p)}
	if err := b.join(c.scopes); err != nil {
		return nil, err
	}
	c.joined = true
	if err := c.take(ctx, Requests, 1); err != nil {
		c.Close()
		return nil, err
	}
	for _, h := range c.held { // a request is spent by being made
		h.counter.settle(h, h.n)
	}
	c.held = c.held[:0]
	return c, nil
}

// join takes a place in every scope, or in none.
func (b *Budgets) join(scopes []limited) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range scopes {
		if s.Parallel > 0 && b.open[s.scopeID] >= s.Parallel {
			return &LimitError{Scope: s.kind, Measure: Parallel, Rate: Rate{Amount: int64(s.Parallel)}}
		}
	}
	for _, s := range scopes {
		b.open[s.scopeID]++
	}
	return nil
}

func (b *Budgets) leave(scopes []limited) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range scopes {
		if b.open[s.scopeID]--; b.open[s.scopeID] <= 0 {
			delete(b.open, s.scopeID)
		}
	}
}
