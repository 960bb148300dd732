package access

import (
	"context"
	"errors"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// How long things are kept.
const (
	idleLease   = 30 * time.Second // until a lease that nobody uses goes back
	idleCounter = 10 * time.Minute // until a counter is forgotten here
	oldRows     = 48 * time.Hour   // until a period that is over is forgotten
	sweepEvery  = time.Hour
)

// usageID is a system on a day.
type usageID struct {
	system string
	day    int64
}

// note counts what a system used.
func (b *Budgets) note(system string, u Usage) {
	day, _ := Day.period(b.now())
	b.usage.Lock()
	defer b.usage.Unlock()
	id := usageID{system, day.UnixNano()}
	b.usage.by[id] = b.usage.by[id].plus(u)
}

func (u Usage) plus(v Usage) Usage {
	return Usage{Requests: u.Requests + v.Requests, Input: u.Input + v.Input, CachedInput: u.CachedInput + v.CachedInput,
		Output: u.Output + v.Output, Cost: u.Cost + v.Cost}
}

// Spent returns what a system used on the days from since on, over all replicas:
// what others used in the last second may be missing.
func (b *Budgets) Spent(ctx context.Context, system string, since time.Time) (Usage, error) {
	from, _ := Day.period(since)
	var u Usage
	err := b.store.QueryRow(ctx, `SELECT COALESCE(CAST(SUM(requests) AS BIGINT), 0), COALESCE(CAST(SUM(input) AS BIGINT), 0), COALESCE(CAST(SUM(cached) AS BIGINT), 0),
		COALESCE(CAST(SUM(output) AS BIGINT), 0), COALESCE(CAST(SUM(cost) AS BIGINT), 0) FROM access_usage WHERE system = ? AND day >= ?`, system, from.UnixNano()).
		Scan(&u.Requests, &u.Input, &u.CachedInput, &u.Output, &u.Cost)
	b.usage.Lock()
	defer b.usage.Unlock()
	for id, v := range b.usage.by {
		if id.system == system && id.day >= from.UnixNano() {
			u = u.plus(v)
		}
	}
	return u, err
}

// Close gives back what is leased and reports what was spent. It may be called
// twice; calls that come later are refused.
func (b *Budgets) Close(ctx context.Context) error {
	var err error
	b.once.Do(func() {
		close(b.stop)
		b.stopped.Wait()
		b.asking.Lock()
		b.closed = true
		b.asking.Unlock()
		b.fills.Wait()
		err = b.flush(ctx, 0)
	})
	return err
}

func (b *Budgets) follow() {
	defer b.stopped.Done()
	t := time.NewTicker(poll)
	defer t.Stop()
	wrong := false
	for {
		select {
		case <-b.stop:
			return
		case <-t.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*poll)
		err := b.Flush(ctx)
		cancel()
		if (err != nil) != wrong {
			wrong = err != nil
			b.log.Warn("the store of budgets", "reachable", !wrong)
		}
	}
}

// Flush reports what was spent and gives back what is idle, as happens each second
// by itself.
func (b *Budgets) Flush(ctx context.Context) error { return b.flush(ctx, idleLease) }

// change is what a flush does to one row.
type change struct {
	counter      *counter
	period       int64
	spent, lease int64 // lease: debts less what goes back
}

func (b *Budgets) flush(ctx context.Context, idle time.Duration) error {
	b.flushing.Lock()
	defer b.flushing.Unlock()
	now := b.now()
	changes := b.changes(now, idle)
	usage := b.takeUsage()
	sweep := idle > 0 && now.Sub(b.swept) >= sweepEvery
	var err error
	if idle == 0 && len(changes)+len(usage) == 0 {
		return nil
	}
	if len(changes)+len(usage) == 0 && !sweep {
		_, err = b.store.Version(ctx, "access.budgets")
	} else {
		err = b.store.Tx(ctx, func(tx *store.Tx) error { return write(ctx, tx, changes, usage, sweep, now) })
	}
	if err != nil {
		for _, c := range changes {
			c.undo()
		}
		b.usage.Lock()
		for id, u := range usage {
			b.usage.by[id] = b.usage.by[id].plus(u)
		}
		b.usage.Unlock()
		return err
	}
	if sweep {
		b.swept = now
	}
	b.heard()
	return nil
}

func (b *Budgets) takeUsage() map[usageID]Usage {
	b.usage.Lock()
	defer b.usage.Unlock()
	taken := b.usage.by
	b.usage.by = map[usageID]Usage{}
	return taken
}

// changes collects what the store does not know yet, and forgets counters that
// nobody uses.
func (b *Budgets) changes(now time.Time, idle time.Duration) []change {
	var out []change
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, c := range b.counters {
		c.mu.Lock()
		from, _ := id.per.period(now)
		out = c.report(out, from.UnixNano(), now, idle)
		if c.filling == nil && c.holds == 0 && c.left == 0 && now.Sub(c.used) > idleCounter {
			c.dead = true
			delete(b.counters, id)
		}
		c.mu.Unlock()
	}
	return out
}

// report adds what the store does not know of a counter, and forgets it here. A lease
// may be under way, and on a busy counter nearly always is: it charges the debt that
// it knew of, so only what came since is charged here, and nothing goes back.
func (c *counter) report(out []change, from int64, now time.Time, idle time.Duration) []change {
	c.roll(from)
	for _, p := range c.past {
		out = append(out, change{counter: c, period: p.period, spent: p.spent})
	}
	c.past = nil
	one := change{counter: c, period: c.period, spent: c.spent}
	if debt := -c.left - c.asked; debt > 0 {
		one.lease, c.left = debt, -c.asked
	} else if c.left > 0 && c.filling == nil && now.Sub(c.used) >= idle {
		one.lease, c.left = -c.left, 0
	}
	c.spent = 0
	if one.spent != 0 || one.lease != 0 {
		out = append(out, one)
	}
	return out
}

// undo takes back what could not be written.
func (c *change) undo() {
	c.counter.mu.Lock()
	defer c.counter.mu.Unlock()
	if c.counter.period == c.period {
		c.counter.spent += c.spent
		c.counter.left -= c.lease
	} else if c.spent != 0 {
		c.counter.past = append(c.counter.past, report{c.period, c.spent})
	}
}

// write makes what was collected durable.
func write(ctx context.Context, tx *store.Tx, changes []change, usage map[usageID]Usage, sweep bool, now time.Time) error {
	for _, c := range changes {
		scope, counts := c.counter.id.row()
		_, ends := c.counter.id.per.period(store.Time(c.period))
		// The row may not be there yet: a call that reserved nothing is let in while
		// the first lease is still under way.
		if _, err := tx.Exec(ctx, `INSERT INTO access_budget (scope, counts, period, ends, leased, spent) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (scope, counts, period) DO UPDATE SET spent = access_budget.spent + excluded.spent, leased = access_budget.leased + ?`,
			scope, counts, c.period, ends.UnixNano(), max(c.lease, 0), c.spent, c.lease); err != nil {
			return err
		}
	}
	for id, u := range usage {
		if _, err := tx.Exec(ctx, `INSERT INTO access_usage (system, day, requests, input, cached, output, cost) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (system, day) DO UPDATE SET requests = access_usage.requests + excluded.requests, input = access_usage.input + excluded.input,
			cached = access_usage.cached + excluded.cached, output = access_usage.output + excluded.output, cost = access_usage.cost + excluded.cost`,
			id.system, id.day, u.Requests, u.Input, u.CachedInput, u.Output, u.Cost); err != nil {
			return err
		}
	}
	if !sweep {
		return nil
	}
	_, err := tx.Exec(ctx, `DELETE FROM access_budget WHERE ends < ?`, store.Nanos(now.Add(-oldRows)))
	return err
}

// Spending is where one limit stands in the store.
type Spending struct {
	Scope  string `json:"scope"`  // "system support-bot", "key support-bot key_…"
	Counts string `json:"counts"` // "tokens/day"
	Spent  int64  `json:"spent"`
	Leased int64  `json:"leased"` // spent, and held by replicas to be spent
	Ends   time.Time
}

// Periods returns where the limits of a system stand in the periods that go on.
func (b *Budgets) Periods(ctx context.Context, system string) (out []Spending, err error) {
	now := store.Nanos(b.now())
	rows, err := b.store.Query(ctx, `SELECT scope, counts, ends, leased, spent FROM access_budget
		WHERE (scope = ? OR substr(scope, 1, ?) = ? OR substr(scope, 1, ?) = ?) AND period <= ? AND ends > ? ORDER BY scope, counts`,
		"system "+system, len("key  "+system), "key "+system+" ", len("person  "+system), "person "+system+" ", now, now)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s Spending
		var ends int64
		if err := rows.Scan(&s.Scope, &s.Counts, &ends, &s.Leased, &s.Spent); err != nil {
			return nil, err
		}
		s.Ends = store.Time(ends)
		out = append(out, s)
	}
	return out, rows.Err()
}
