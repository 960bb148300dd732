package access

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/store"
)

func (r *room) budgets(t *testing.T, s *store.Store, of map[string]Budget) *Budgets {
	t.Helper()
	b, err := OpenBudgets(t.Context(), BudgetsConfig{Store: s, Now: r.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	b.Declare(of)
	return b
}

// caller is who calls in these tests.
func caller(id string) record.Principal { return record.Principal{Kind: "key", ID: id, System: "bot"} }

// call makes one call that reserves and uses tokens, at a price of one millionth
// for each.
func call(t *testing.T, b *Budgets, p record.Principal, reserve, use int64) error {
	t.Helper()
	c, err := b.Enter(t.Context(), p)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Reserve(t.Context(), Usage{Output: reserve}, &Price{Input: 1e6, Output: 1e6}); err != nil {
		return err
	}
	if got := c.Settle(Usage{Output: use}); got != use {
		t.Errorf("%d tokens cost %d", use, got)
	}
	return nil
}

// refused checks that a limit stood in the way, and which.
func refused(t *testing.T, err error, scope string, m Measure) *LimitError {
	t.Helper()
	var l *LimitError
	if !errors.As(err, &l) || l.Scope != scope || l.Measure != m {
		t.Fatalf("%v, want the %s limit of the %s", err, m, scope)
	}
	return l
}

func testReserveAndSettle(t *testing.T, r *room) {
	b := r.budgets(t, r.store, map[string]Budget{"bot": {System: Limits{Tokens: Rate{1000, Day}}}})
	for range 9 {
		if err := call(t, b, caller("k"), 200, 100); err != nil {
			t.Fatal(err)
		}
	}
	l := refused(t, call(t, b, caller("k"), 101, 1), "system", Tokens)
	if l.Reset != 15*time.Hour || l.Never || l.Rate != (Rate{1000, Day}) {
		t.Errorf("%+v", l)
	}
	if err := call(t, b, caller("k"), 100, 100); err != nil {
		t.Errorf("the last hundred tokens: %v", err)
	}
	if l := refused(t, call(t, b, caller("k"), 1001, 0), "system", Tokens); !l.Never {
		t.Error("a call that fits into no period is told to wait")
	}
	// A call that never came to be made costs nothing.
	r.clock.pass(24 * time.Hour)
	is(t, "flushing", b.Flush(t.Context()), nil) // a day without a word of the store is too long
	c, err := b.Enter(t.Context(), caller("k"))
	is(t, "entering", err, nil)
	is(t, "reserving", c.Reserve(t.Context(), Usage{Input: 500, Output: 500}, nil), nil)
	c.Close()
	c.Close()
	is(t, "reserving again", call(t, b, caller("k"), 1000, 0), nil)
}

func testScopes(t *testing.T, r *room) {
	b := r.budgets(t, r.store, map[string]Budget{"bot": {
		System: Limits{Money: Rate{300, Month}, Parallel: 2},
		Key:    Limits{Requests: Rate{2, Minute}},
		Person: Limits{Tokens: Rate{50, Hour}, Parallel: 1}}})
	ann := record.Principal{Kind: "person", ID: "ann", System: "bot"}
	is(t, "first", call(t, b, caller("a"), 100, 100), nil)
	is(t, "second", call(t, b, caller("a"), 100, 100), nil)
	refused(t, call(t, b, caller("a"), 0, 0), "key", Requests)
	is(t, "another key", call(t, b, caller("b"), 50, 50), nil)
	is(t, "a person", call(t, b, ann, 40, 40), nil)
	refused(t, call(t, b, ann, 20, 20), "person", Tokens)
	refused(t, call(t, b, caller("b"), 20, 20), "system", Money)
	is(t, "another system", call(t, b, record.Principal{Kind: "key", ID: "z", System: "other"}, 1<<20, 1<<20), nil)

	first, err := b.Enter(t.Context(), ann)
	is(t, "a call that stays open", err, nil)
	refused(t, call(t, b, ann, 0, 0), "person", Parallel)
	second, err := b.Enter(t.Context(), caller("c"))
	is(t, "another that stays open", err, nil)
	refused(t, call(t, b, caller("d"), 0, 0), "system", Parallel)
	second.Close()
	is(t, "after one has ended", call(t, b, caller("d"), 0, 0), nil)
	// Whoever does not know the price cannot keep to a sum of money.
	is(t, "no price", first.Reserve(t.Context(), Usage{Output: 1}, nil), ErrPrice)
	first.Close()
	if n := len(b.open); n != 0 {
		t.Errorf("%d places stay taken", n)
	}
}

func testSpentSurvives(t *testing.T, r *room) {
	of := map[string]Budget{"bot": {System: Limits{Tokens: Rate{1000, Month}}}}
	b := r.budgets(t, r.store, of)
	is(t, "spending", call(t, b, caller("k"), 700, 700), nil)
	is(t, "closing", b.Close(t.Context()), nil)
	b = r.budgets(t, r.open(), of)
	refused(t, call(t, b, caller("k"), 301, 0), "system", Tokens)
	is(t, "what is left", call(t, b, caller("k"), 200, 200), nil)
	// One that is never closed forfeits what it had leased, and no more than a tenth.
	crashed := r.budgets(t, r.open(), of)
	refused(t, call(t, crashed, caller("k"), 101, 0), "system", Tokens)
	got, err := crashed.Periods(t.Context(), "bot")
	if err != nil || len(got) != 1 || got[0].Leased < 900 || got[0].Leased > 1000 || got[0].Counts != "tokens/month" {
		t.Errorf("the store says %+v, %v", got, err)
	}
}

func testReplicasShare(t *testing.T, r *room) {
	of := map[string]Budget{"bot": {System: Limits{Requests: Rate{100, Hour}}}}
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		b := r.budgets(t, r.open(), of)
		for range 4 {
			wg.Go(func() {
				for range 40 {
					if c, err := b.Enter(t.Context(), caller("k")); err == nil {
						admitted.Add(1)
						c.Close()
					}
				}
			})
		}
	}
	wg.Wait()
	// Fewer at most by what the other replicas hold: three times a slice and a half.
	if n := admitted.Load(); n > 100 || n < 75 {
		t.Errorf("%d of 480 requests were admitted by three replicas, the limit is 100", n)
	}
}

func testWithoutStore(t *testing.T, r *room) {
	s := r.open()
	b := r.budgets(t, s, map[string]Budget{"bot": {System: Limits{Requests: Rate{1000, Month}}}})
	is(t, "with the store", call(t, b, caller("k"), 0, 0), nil)
	b.fills.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	admitted := 0
	var err error
	for ; err == nil && admitted < 1000; admitted++ {
		err = call(t, b, caller("k"), 0, 0)
	}
	if !errors.Is(err, ErrStale) || admitted < 20 || admitted > 100 {
		t.Errorf("%d calls were admitted without the store, then %v", admitted, err)
	}
	lucky := r.budgets(t, r.store, map[string]Budget{"bot": {System: Limits{Requests: Rate{1000, Day}}}})
	is(t, "a fresh lease", call(t, lucky, caller("k"), 0, 0), nil)
	lucky.fills.Wait()
	old := r.clock.now().Add(-6 * time.Minute)
	lucky.fresh.Store(&old)
	is(t, "a stale lease", call(t, lucky, caller("k"), 0, 0), ErrStale)
}

func testPeriods(t *testing.T, r *room) {
	b := r.budgets(t, r.store, map[string]Budget{"bot": {System: Limits{Requests: Rate{1, Minute}}}})
	is(t, "first", call(t, b, caller("k"), 0, 0), nil)
	r.clock.pass(20 * time.Second)
	if l := refused(t, call(t, b, caller("k"), 0, 0), "system", Requests); l.Reset != 40*time.Second {
		t.Errorf("it opens in %s", l.Reset)
	}
	r.clock.pass(40 * time.Second)
	is(t, "the next minute", call(t, b, caller("k"), 0, 0), nil)
	b.Declare(map[string]Budget{"bot": {System: Limits{Requests: Rate{2, Minute}}}})
	r.clock.pass(2 * time.Second)
	is(t, "a limit that was raised", call(t, b, caller("k"), 0, 0), nil)
	refused(t, call(t, b, caller("k"), 0, 0), "system", Requests)
	r.clock.pass(3 * 24 * time.Hour)
	is(t, "flushing", b.Flush(t.Context()), nil)
	var rows int
	is(t, "counting", r.store.QueryRow(t.Context(), `SELECT COUNT(*) FROM access_budget`).Scan(&rows), nil)
	if rows != 0 || len(b.counters) != 0 {
		t.Errorf("%d rows and %d counters of old periods are kept", rows, len(b.counters))
	}
}

func testExtend(t *testing.T, r *room) {
	b := r.budgets(t, r.store, map[string]Budget{"bot": {System: Limits{Tokens: Rate{5000, Day}, Money: Rate{1e6, Day}}}})
	c, err := b.Enter(t.Context(), caller("k"))
	is(t, "entering", err, nil)
	is(t, "the first slice", c.Reserve(t.Context(), Usage{Input: 100, Output: Slice}, &Price{Output: 1e6}), nil)
	n := 0
	for err == nil && n < 10 {
		if err = c.Extend(t.Context(), Slice); err == nil {
			n++
		}
	}
	refused(t, err, "system", Tokens)
	if n != 3 {
		t.Errorf("%d slices more were had", n)
	}
	if cost := c.Settle(Usage{Input: 90, Output: 4 * Slice}); cost != 4*Slice {
		t.Errorf("it cost %d", cost)
	}
	if c.Settle(Usage{Output: 1}) != 0 {
		t.Error("a call was settled twice")
	}
	c.Close()
	is(t, "the rest", call(t, b, caller("k"), 5000-90-4*Slice, 0), nil)
	if st := c.Standing(); len(st) != 1 || st[0].Measure != Tokens || st[0].Left != 5000-90-4*Slice {
		t.Errorf("standing: %+v", st)
	}
}

// testDebt: calls without a maximum, on every replica at once, overrun by what
// their answers are longer than a slice, and nothing more is admitted until the
// period is over.
func testDebt(t *testing.T, r *room) {
	const replicas, calls, answer = 3, 4, 3000
	of := map[string]Budget{"bot": {System: Limits{Tokens: Rate{replicas * calls * Slice, Day}}}}
	var open []*Call
	var all []*Budgets
	for range replicas {
		b := r.budgets(t, r.open(), of)
		all = append(all, b)
		for range calls {
			c, err := b.Enter(t.Context(), caller("k"))
			is(t, "entering", err, nil)
			if err := c.Reserve(t.Context(), Usage{Output: Slice}, nil); err != nil {
				refused(t, err, "system", Tokens) // the others hold the rest
				c.Close()
				continue
			}
			open = append(open, c)
		}
	}
	if len(open) < replicas*calls-3 {
		t.Fatalf("%d calls are open", len(open))
	}
	for _, c := range open {
		c.Settle(Usage{Output: answer})
		c.Close()
	}
	for _, b := range all {
		is(t, "flushing", b.Flush(t.Context()), nil)
		r.clock.pass(2 * time.Second)
		refused(t, call(t, b, caller("k"), 2000, 2000), "system", Tokens)
	}
	got, err := all[0].Periods(t.Context(), "bot")
	if err != nil || len(got) != 1 || got[0].Spent != int64(len(open)*answer) || got[0].Spent > replicas*calls*(Slice+answer-Slice) {
		t.Errorf("the store says %+v, %v", got, err)
	}
	if got[0].Leased < got[0].Spent {
		t.Errorf("the debt was not charged: %+v", got[0])
	}
}

func testUsage(t *testing.T, r *room) {
	one, two := r.budgets(t, r.store, nil), r.budgets(t, r.open(), nil)
	is(t, "one", call(t, one, caller("k"), 0, 10), nil)
	is(t, "two", call(t, two, caller("k"), 0, 5), nil)
	r.clock.pass(24 * time.Hour)
	is(t, "the next day", call(t, one, caller("k"), 0, 3), nil)
	is(t, "flushing", two.Flush(t.Context()), nil)
	for _, c := range []struct {
		since time.Duration
		want  Usage
	}{{0, Usage{Requests: 1, Output: 3, Cost: 3}}, {24 * time.Hour, Usage{Requests: 3, Output: 18, Cost: 18}}} {
		got, err := one.Spent(t.Context(), "bot", r.clock.now().Add(-c.since))
		if err != nil || got != c.want {
			t.Errorf("since %s: %+v, %v", c.since, got, err)
		}
	}
	is(t, "flushing", one.Flush(t.Context()), nil)
	if got, err := two.Spent(t.Context(), "bot", time.Unix(0, 0)); err != nil || got.Requests != 3 {
		t.Errorf("the other replica says %+v, %v", got, err)
	}
	if got, _ := one.Spent(t.Context(), "nobody", r.clock.now()); got != (Usage{}) {
		t.Errorf("nobody used %+v", got)
	}
}

func testIdleLease(t *testing.T, r *room) {
	of := map[string]Budget{"bot": {System: Limits{Tokens: Rate{1000, Month}}}}
	one, two := r.budgets(t, r.store, of), r.budgets(t, r.open(), of)
	is(t, "leasing", call(t, one, caller("k"), 1000, 0), nil)
	one.fills.Wait()
	refused(t, call(t, two, caller("k"), 10, 10), "system", Tokens)
	r.clock.pass(31 * time.Second)
	is(t, "flushing", one.Flush(t.Context()), nil)
	is(t, "the other replica", call(t, two, caller("k"), 1000, 0), nil)
}

func TestCost(t *testing.T) {
	p := Price{Input: 250_000, CachedInput: 25_000, Output: 2_000_000} // 0.25, 0.025 and 2 per million
	for _, c := range []struct {
		u    Usage
		want int64
	}{
		{Usage{}, 0},
		{Usage{Input: 1}, 1}, // rounded up, or small calls would be free
		{Usage{Input: 1_000_000, Output: 1_000_000}, 2_250_000},
		{Usage{Input: 1_000_000, CachedInput: 1_000_000}, 25_000},
		{Usage{Input: 10, CachedInput: 1 << 40}, 1},
		{Usage{Input: -5, Output: -7}, 0},
		{Usage{Output: 1 << 62}, (1 << 30) * 2},
	} {
		if got := p.Cost(c.u); got != c.want {
			t.Errorf("%+v costs %d, not %d", c.u, got, c.want)
		}
	}
	if got := (Price{Input: 1 << 62, Output: -1}).Cost(Usage{Input: 1 << 62, Output: 5}); got <= 0 {
		t.Errorf("a product overflowed: %d", got)
	}
}

func TestUnits(t *testing.T) {
	at := time.Date(2026, 12, 31, 23, 59, 30, 5, time.FixedZone("", 3600))
	for unit, want := range map[string]string{"minute": "2026-12-31T22:59:00Z 2026-12-31T23:00:00Z", "hour": "2026-12-31T22:00:00Z 2026-12-31T23:00:00Z",
		"day": "2026-12-31T00:00:00Z 2027-01-01T00:00:00Z", "month": "2026-12-01T00:00:00Z 2027-01-01T00:00:00Z"} {
		u, ok := ParseUnit(unit)
		from, to := u.period(at)
		if got := from.Format(time.RFC3339) + " " + to.Format(time.RFC3339); !ok || got != want || u.String() != unit {
			t.Errorf("%s is %s", unit, got)
		}
	}
	if _, ok := ParseUnit("week"); ok {
		t.Error("a week is a unit")
	}
	if s := (&LimitError{Scope: "key", Measure: Tokens}).Error(); !strings.Contains(s, "tokens per key") {
		t.Error(s)
	}
}

// BenchmarkBudgets is what limits cost a call: three limits of a system, two of
// its key, reserved, extended and settled.
func BenchmarkBudgets(b *testing.B) {
	s, err := store.Open(b.Context(), store.Config{Path: filepath.Join(b.TempDir(), "db"), Migrations: []store.Migrations{{Room: "access", Files: Migrations}}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	budgets, err := OpenBudgets(b.Context(), BudgetsConfig{Store: s})
	if err != nil {
		b.Fatal(err)
	}
	defer budgets.Close(context.Background())
	lots := Rate{1e15, Month}
	budgets.Declare(map[string]Budget{"bot": {System: Limits{Requests: lots, Tokens: lots, Money: lots, Parallel: 1 << 20}, Key: Limits{Requests: lots, Tokens: lots}}})
	price := &Price{Input: 250_000, Output: 2_000_000}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c, err := budgets.Enter(context.Background(), caller("k"))
			if err == nil {
				err = errors.Join(c.Reserve(context.Background(), Usage{Input: 300, Output: Slice}, price), c.Extend(context.Background(), Slice))
			}
			if err != nil {
				b.Error(err)
				return
			}
			c.Settle(Usage{Input: 290, Output: 1500})
			c.Close()
		}
	})
}
