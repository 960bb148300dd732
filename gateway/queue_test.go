package gateway

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"
)

// TestR12FairQueue: in every tick two systems ask a hundred times each, two more now
// and then, and one place comes free. Who asks rarely is served as if alone.
func TestR12FairQueue(t *testing.T) {
	q := newQueue(16, 64, time.Hour)
	var holders []*seat
	served, asked := map[string]int{}, map[string]int{}
	waiting := map[*seat]string{}
	collect := func() {
		for p, system := range waiting {
			select {
			case err := <-p.ready:
				if delete(waiting, p); err == nil {
					served[system]++
					holders = append(holders, p)
				}
			default:
			}
		}
	}
	ask := func(system string) {
		asked[system]++
		p, err := q.ask(system, 1)
		switch {
		case err != nil:
		case p.ready == nil:
			served[system]++
			holders = append(holders, p)
		default:
			waiting[p] = system
		}
		collect()
	}
	const ticks = 1000
	for i := range ticks {
		for range 100 {
			ask("loud")
			ask("rival")
		}
		if i%8 == 0 { // below a fair share
			ask("quiet")
			ask("other")
		}
		if len(holders) > 0 {
			holders[0].leave()
			holders = holders[1:]
			collect()
		}
	}
	for _, system := range []string{"quiet", "other"} {
		if served[system] < asked[system]*95/100 {
			t.Errorf("%s was served %d times of %d", system, served[system], asked[system])
		}
	}
	if total := served["loud"] + served["rival"] + served["quiet"] + served["other"]; total < ticks {
		t.Errorf("%d calls were served in %d ticks: fairness costs places", total, ticks)
	}
	if a, b := served["loud"], served["rival"]; a < b*9/10 || b < a*9/10 {
		t.Errorf("two who are as loud were served %d and %d times", a, b)
	}
	for len(holders) > 0 {
		holders[0].leave()
		holders = holders[1:]
		collect()
	}
	if taken, waits := q.load(); taken != 0 || waits != 0 || len(q.systems) != 0 || len(q.next) != 0 {
		t.Errorf("%d taken, %d waiting, %d systems and %d turns are left", taken, waits, len(q.systems), len(q.next))
	}
}

// TestQueueKeepsRoom: answers that stay open for ever leave the last eighth to
// others.
func TestQueueKeepsRoom(t *testing.T) {
	q := newQueue(16, 4, time.Millisecond)
	held := 0
	for range 20 {
		if p, err := q.ask("loud", 1); err == nil && p.ready == nil {
			held++
		}
	}
	if held != 14 {
		t.Errorf("one system holds %d of 16 places", held)
	}
	p, err := q.enter(t.Context(), "quiet", 2)
	must(t, err)
	if _, err := q.enter(t.Context(), "third", 1); !errors.Is(err, errFull) {
		t.Errorf("there are more places than places: %v", err)
	}
	p.shrink(1)
	if taken, _ := q.load(); taken != 15 { // those who wait have their share already
		t.Errorf("%d places are taken", taken)
	}
	p.leave()
	p.leave()
	(*seat)(nil).leave()
}

// TestR1QueueRefusesAtOnce: a full queue says so without waiting, a caller who
// leaves is forgotten, and one who waits too long is told.
func TestR1QueueRefusesAtOnce(t *testing.T) {
	before := runtime.NumGoroutine()
	q := newQueue(1, 2, time.Hour)
	first, err := q.enter(t.Context(), "a", 1)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if _, err := q.enter(ctx, "a", 1); !errors.Is(err, context.Canceled) {
				t.Errorf("a caller who left: %v", err)
			}
		})
	}
	for waiting := 0; waiting < 2; _, waiting = q.load() {
		runtime.Gosched()
	}
	if _, err := q.enter(t.Context(), "a", 1); !errors.Is(err, errFull) { // an hour would hang the test
		t.Errorf("a full queue: %v", err)
	}
	// In a line that has stood for long nobody waits long.
	q.room = 3
	q.mu.Lock()
	q.systems["a"].since = time.Now().Add(-2 * standing)
	q.mu.Unlock()
	if p, err := q.ask("a", 1); err != nil || p.wait != brief {
		t.Errorf("%+v, %v", p, err)
	} else if _, err := p.await(t.Context()); !errors.Is(err, errFull) {
		t.Errorf("a brief wait: %v", err)
	}
	cancel()
	wg.Wait()
	if _, waiting := q.load(); waiting != 0 {
		t.Errorf("%d wait still", waiting)
	}
	q.wait = time.Millisecond
	if _, err := q.enter(t.Context(), "a", 1); !errors.Is(err, errFull) {
		t.Errorf("a long wait: %v", err)
	}
	first.leave()
	if runtime.NumGoroutine() > before {
		t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
	}
}

// TestQueueRace: many callers of many systems who come and go leave nothing.
func TestQueueRace(t *testing.T) {
	q := newQueue(8, 16, time.Millisecond)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for j := range 200 {
				p, err := q.enter(t.Context(), fmt.Sprint(i%5), 1+j%3)
				if err == nil {
					runtime.Gosched()
					p.shrink(1)
					p.leave()
				}
			}
		})
	}
	wg.Wait()
	if taken, waiting := q.load(); taken != 0 || waiting != 0 || len(q.systems) != 0 {
		t.Errorf("%d taken, %d waiting, %d systems", taken, waiting, len(q.systems))
	}
}

func BenchmarkQueue(b *testing.B) {
	q := newQueue(1<<20, 16, time.Second)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p, err := q.enter(context.Background(), "bot", 4)
			if err != nil {
				b.Error(err)
				return
			}
			p.leave()
		}
	})
}

// TestTurns: systems that wait are served one after the other, each in the order in
// which its callers came.
func TestTurns(t *testing.T) {
	q := newQueue(1, 16, time.Hour)
	holder, err := q.ask("a", 1)
	must(t, err)
	var seats []*seat
	for _, system := range []string{"a", "a", "a", "b", "b", "c"} {
		p, err := q.ask(system, 1)
		must(t, err)
		seats = append(seats, p)
	}
	for _, next := range []int{0, 3, 5, 1, 4, 2} {
		holder.leave()
		for i, p := range seats {
			if got := len(p.ready); (got == 1) != (i == next) {
				t.Fatalf("caller %d was called %d times, it is the turn of %d", i, got, next)
			}
		}
		holder = seats[next]
		<-holder.ready
	}
}
