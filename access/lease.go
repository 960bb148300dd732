package access

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// scopeID names who is counted.
type scopeID struct {
	kind   string // "system", "key", "person"
	system string
	id     string
}

// counterID names one limit.
type counterID struct {
	scopeID
	measure Measure
	per     Unit
}

// row returns the name of a counter in the store.
func (id counterID) row() (scope, counts string) {
	scope = id.kind + " " + id.system
	if id.id != "" {
		scope += " " + id.id
	}
	return scope, id.measure.String() + "/" + id.per.String()
}

// counter is what this replica has of one limit in the current period.
type counter struct {
	id counterID

	mu      sync.Mutex
	limit   int64
	period  int64 // when it began
	left    int64 // of the lease; below 0: a debt
	free    int64 // what the store had left when it was last asked
	spent   int64 // not yet reported
	past    []report
	holds   int       // reservations that are open
	used    time.Time // last
	retry   time.Time // until then the store is not asked
	err     error     // what the store said last
	filling chan struct{}
	asked   int64 // the debt that the lease which is under way charges
	dead    bool  // taken out of the table
}

// report is what was spent in a period that is over.
type report struct{ period, spent int64 }

// slice is how much is leased at a time.
func (c *counter) slice() int64 { return max(c.limit/20, 1) }

// roll begins a new period. What is left of the old lease is worth nothing now.
func (c *counter) roll(from int64) {
	if c.period == from {
		return
	}
	if c.spent != 0 {
		c.past = append(c.past, report{c.period, c.spent})
	}
	c.period, c.left, c.free, c.spent, c.retry, c.err = from, 0, 0, 0, time.Time{}, nil
}

// settle ends a reservation, of which n was used.
func (c *counter) settle(h hold, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holds--
	if c.period == h.period {
		c.left += h.n - n
		c.spent += n
	} else if n != 0 {
		c.past = append(c.past, report{h.period, n})
	}
}

// join makes two reservations one.
func (c *counter) join() {
	c.mu.Lock()
	c.holds--
	c.mu.Unlock()
}

// retryAfter is how long an answer of the store is believed when it was no.
const retryAfter = time.Second

// fillTime bounds how long a call waits for the store.
const fillTime = 2 * time.Second

// take takes n from a limit. It waits for the store only when the lease is spent.
func (b *Budgets) take(ctx context.Context, id counterID, limit, n int64) (hold, error) {
	for {
		now := b.now()
		if now.Sub(*b.fresh.Load()) > b.stale {
			return hold{}, ErrStale
		}
		from, to := id.per.period(now)
		c := b.counter(id)
		c.mu.Lock()
		if c.dead {
			c.mu.Unlock()
			continue
		}
		c.roll(from.UnixNano())
		c.limit, c.used = limit, now
		if c.left >= n {
			h := c.reserve(id, n)
			if c.left < c.slice()/2 && !now.Before(c.retry) {
				b.fill(c, 0, to)
			}
			c.mu.Unlock()
			return h, nil
		}
		if now.Before(c.retry) && (c.err != nil || n > c.left+c.free) || n > limit {
			defer c.mu.Unlock()
			if c.err != nil {
				return hold{}, c.err
			}
			return hold{}, &LimitError{Scope: id.kind, Measure: id.measure, Rate: Rate{limit, id.per}, Reset: to.Sub(now), Never: n > limit}
		}
		filled := b.fill(c, n, to)
		c.mu.Unlock()
		select {
		case <-filled:
		case <-ctx.Done():
			return hold{}, ctx.Err()
		}
	}
}

// reserve takes n out of the lease.
func (c *counter) reserve(id counterID, n int64) hold {
	c.left -= n
	c.holds++
	return hold{counter: c, measure: id.measure, period: c.period, n: n}
}

func (b *Budgets) counter(id counterID) *counter {
	b.mu.RLock()
	c := b.counters[id]
	b.mu.RUnlock()
	if c != nil {
		return c
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if c = b.counters[id]; c == nil {
		c = &counter{id: id}
		b.counters[id] = c
	}
	return c
}

// fill asks the store for a lease that makes room for n, beside whatever goes on.
// Those who come meanwhile wait for the same answer. c.mu is held.
func (b *Budgets) fill(c *counter, n int64, ends time.Time) <-chan struct{} {
	if c.filling != nil {
		return c.filling
	}
	done := make(chan struct{})
	c.filling, c.asked = done, max(-c.left, 0)
	l := lease{id: c.id, limit: c.limit, period: c.period, ends: ends.UnixNano(), debt: c.asked, need: n - max(c.left, 0), slice: c.slice()}
	ask := func() {
		ctx, cancel := context.WithTimeout(context.Background(), fillTime)
		defer cancel()
		err := b.lease(ctx, &l)
		c.mu.Lock()
		c.filled(&l, err, b.now())
		c.mu.Unlock()
		close(done)
	}
	if !b.ask(ask) {
		c.filling, c.asked, c.err, c.retry = nil, 0, ErrStale, b.now().Add(retryAfter)
		close(done)
	}
	return done
}

// ask runs f beside the calls, unless b is closed.
func (b *Budgets) ask(f func()) bool {
	b.asking.Lock()
	defer b.asking.Unlock()
	if b.closed {
		return false
	}
	b.fills.Go(f)
	return true
}

// filled takes in what the store said.
func (c *counter) filled(l *lease, err error, now time.Time) {
	c.filling, c.asked, c.err = nil, 0, nil
	if err != nil {
		c.err, c.retry = fmt.Errorf("%w: %w", ErrStale, err), now.Add(retryAfter)
		return
	}
	if c.period != l.period {
		return
	}
	c.left += l.debt + l.granted
	c.free = l.free
	if l.granted < max(l.need, 1) {
		c.retry = now.Add(retryAfter)
	}
}

// lease is a question to the store and its answer.
type lease struct {
	id                               counterID
	limit, period, ends              int64
	debt, need, slice, granted, free int64
}

// lease takes a part of a limit out of its row.
func (b *Budgets) lease(ctx context.Context, l *lease) error {
	scope, counts := l.id.row()
	err := b.store.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO access_budget (scope, counts, period, ends, leased, spent) VALUES (?, ?, ?, ?, 0, 0)
			ON CONFLICT (scope, counts, period) DO NOTHING`, scope, counts, l.period, l.ends); err != nil {
			return err
		}
		var leased int64
		if err := tx.QueryRow(ctx, `SELECT leased FROM access_budget WHERE scope = ? AND counts = ? AND period = ?`, scope, counts, l.period).Scan(&leased); err != nil {
			return err
		}
		free := max(l.limit-leased-l.debt, 0)
		l.granted = min(max(l.need, l.slice), free)
		if l.granted < l.need {
			l.granted = 0 // it would lie here unused
		}
		l.free = free - l.granted
		_, err := tx.Exec(ctx, `UPDATE access_budget SET leased = leased + ? WHERE scope = ? AND counts = ? AND period = ?`,
			l.debt+l.granted, scope, counts, l.period)
		return err
	})
	if err == nil {
		b.heard()
	}
	return err
}

// heard notes that the store can be reached.
func (b *Budgets) heard() {
	t := b.now()
	b.fresh.Store(&t)
}
