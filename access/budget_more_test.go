package access

import (
	"context"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// balance checks that the store counts as leased what was spent, and no more, once
// a replica has given everything back.
func balance(t *testing.T, b *Budgets, want int64) {
	t.Helper()
	b.fills.Wait()
	is(t, "flushing", b.flush(t.Context(), 0), nil)
	got, err := b.Periods(t.Context(), "bot")
	if err != nil || len(got) != 1 || got[0].Spent != want || got[0].Leased != want {
		t.Errorf("%d were spent, the store says %+v, %v", want, got, err)
	}
}

func testDebtIsPaid(t *testing.T, r *room) {
	b := r.budgets(t, r.store, map[string]Budget{"bot": {System: Limits{Tokens: Rate{1000, Month}}}})
	is(t, "an answer that is longer", call(t, b, caller("k"), 10, 110), nil)
	is(t, "the next", call(t, b, caller("k"), 20, 20), nil)
	balance(t, b, 130)
	is(t, "another long one", call(t, b, caller("k"), 500, 860), nil)
	refused(t, call(t, b, caller("k"), 20, 20), "system", Tokens) // 10 are left
	r.clock.pass(2 * time.Second)
	is(t, "what is left", call(t, b, caller("k"), 10, 10), nil)
	balance(t, b, 1000)
}

func testReportedAgain(t *testing.T, r *room) {
	b := r.budgets(t, r.store, map[string]Budget{"bot": {System: Limits{Tokens: Rate{1000, Month}}}})
	is(t, "spending", call(t, b, caller("k"), 30, 30), nil)
	b.fills.Wait()
	before := b.counters[counterID{scopeID{"system", "bot", ""}, Tokens, Month}].left
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 {
		if err := b.flush(gone, 0); err == nil {
			t.Fatal("nobody was there, and took it in")
		}
	}
	if after := b.counters[counterID{scopeID{"system", "bot", ""}, Tokens, Month}].left; after != before || before < 20 {
		t.Errorf("%d were leased, now %d", before, after)
	}
	if u, err := b.Spent(t.Context(), "bot", r.clock.now()); err != nil || u.Output != 30 {
		t.Errorf("%+v, %v", u, err)
	}
	balance(t, b, 30)
	if u, err := b.Spent(t.Context(), "bot", r.clock.now()); err != nil || u.Output != 30 || u.Requests != 1 {
		t.Errorf("%+v, %v", u, err)
	}
}

func testNothingTaken(t *testing.T, r *room) {
	b := r.budgets(t, r.store, map[string]Budget{"bot": {System: Limits{Tokens: Rate{1000, Month}}, Key: Limits{Tokens: Rate{900, Month}}}})
	is(t, "one key", call(t, b, caller("a"), 800, 800), nil)
	refused(t, call(t, b, caller("a"), 150, 0), "key", Tokens)
	r.clock.pass(2 * time.Second)
	is(t, "another key", call(t, b, caller("b"), 200, 200), nil)
}

func testAcrossPeriods(t *testing.T, r *room) {
	b := r.budgets(t, r.store, map[string]Budget{"bot": {System: Limits{Tokens: Rate{100, Minute}}}})
	c, err := b.Enter(t.Context(), caller("k"))
	is(t, "entering", err, nil)
	is(t, "the first minute", c.Reserve(t.Context(), Usage{Output: 10}, nil), nil)
	is(t, "a second time", c.Extend(t.Context(), 10), nil)
	r.clock.pass(time.Minute)
	is(t, "the second minute", c.Extend(t.Context(), 20), nil)
	c.Settle(Usage{Output: 25})
	c.Close()
	is(t, "the rest of it", call(t, b, caller("k"), 95, 95), nil)
	r.clock.pass(time.Second * 2)
	refused(t, call(t, b, caller("k"), 1, 1), "system", Tokens)
	balance(t, b, 100)
	var spent int64
	is(t, "the first minute's row", r.store.QueryRow(t.Context(), `SELECT spent FROM access_budget ORDER BY period LIMIT 1`).Scan(&spent), nil)
	if spent != 20 {
		t.Errorf("%d were charged to the first minute", spent)
	}
	// What was reserved in one minute and not used is worth nothing in the next.
	r.clock.pass(time.Minute)
	old, err := b.Enter(t.Context(), caller("k"))
	is(t, "entering", err, nil)
	is(t, "reserving", old.Reserve(t.Context(), Usage{Output: 60}, nil), nil)
	r.clock.pass(time.Minute)
	is(t, "the next minute, all of it", call(t, b, caller("k"), 100, 100), nil)
	old.Settle(Usage{Output: 1})
	old.Close()
	refused(t, call(t, b, caller("k"), 1, 1), "system", Tokens)
	r.clock.pass(20 * time.Minute)
	b.fills.Wait()
	is(t, "flushing", b.Flush(t.Context()), nil)
	if len(b.counters) != 0 {
		t.Errorf("%d counters are kept that nobody uses", len(b.counters))
	}
}

// testReportedWhileLeasing: what was spent is reported and a debt is charged, once,
// while a lease is under way, whether or not it has made the row already.
func testReportedWhileLeasing(t *testing.T, r *room) {
	b := r.budgets(t, r.store, map[string]Budget{"bot": {System: Limits{Tokens: Rate{1000, Month}}}})
	id := counterID{scopeID{"system", "bot", ""}, Tokens, Month}
	c := b.counter(id)
	from, ends := Month.period(r.clock.now())
	c.mu.Lock()
	c.roll(from.UnixNano())
	c.limit, c.filling = 1000, make(chan struct{}) // a lease that takes its time
	c.mu.Unlock()
	says := func(what string, spent, leased int64) {
		t.Helper()
		is(t, "flushing", b.Flush(t.Context()), nil)
		got, err := b.Periods(t.Context(), "bot")
		if err != nil || len(got) != 1 || got[0].Spent != spent || got[0].Leased != leased || !got[0].Ends.Equal(ends) {
			t.Fatalf("%s: %d were spent and %d are leased, the store says %+v, %v", what, spent, leased, got, err)
		}
	}
	is(t, "nothing reserved, fifty used", call(t, b, caller("k"), 0, 50), nil)
	says("before there is a row", 50, 50)

	// The next lease takes a debt of thirty along; what comes after it does not wait.
	c.mu.Lock()
	c.filling, c.left, c.spent = nil, -30, 30
	c.mu.Unlock()
	tx := make(chan struct{})
	held := make(chan struct{})
	go func() { // the store is busy, so the lease stays under way
		_ = r.store.Tx(context.Background(), func(*store.Tx) error { close(held); <-tx; return nil })
	}()
	<-held
	c.mu.Lock()
	filled := b.fill(c, 0, ends)
	c.left, c.spent = c.left-20, c.spent+20
	out := c.report(nil, from.UnixNano(), r.clock.now(), idleLease)
	c.mu.Unlock()
	close(tx)
	if len(out) != 1 || out[0].spent != 50 || out[0].lease != 20 {
		t.Errorf("beside a lease that charges 30 of 50, what is charged is %+v", out)
	}
	for i := range out {
		out[i].undo()
	}
	<-filled
	says("after the lease", 100, 130) // a slice of fifty, of which twenty were used already
	b.fills.Wait()
	balance(t, b, 100)
}

// TestLateLease: what the store granted for a period that is over is worth nothing.
func TestLateLease(t *testing.T) {
	c := &counter{period: 2, limit: 100}
	c.filled(&lease{period: 1, granted: 50}, nil, time.Now())
	if c.left != 0 {
		t.Errorf("%d are left", c.left)
	}
}
