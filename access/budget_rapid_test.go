package access

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/store"
)

// TestBudgetsNeverExceed: whatever replicas do, in any order, with calls that state
// their maximum: what was used never exceeds the limit, what the store counts as
// leased never is less than what was used, and once every replica has given back
// what it held, all that is left can be had.
func TestBudgetsNeverExceed(t *testing.T) {
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "db"), Migrations: []store.Migrations{{Room: "access", Files: Migrations}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var runs atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		system := fmt.Sprintf("bot%d", runs.Add(1))
		p := record.Principal{Kind: "key", ID: "k", System: system}
		limit := rapid.Int64Range(1, 400).Draw(t, "limit")
		c := &clock{t: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
		var replicas []*Budgets
		for range rapid.IntRange(1, 3).Draw(t, "replicas") {
			b, err := OpenBudgets(context.Background(), BudgetsConfig{Store: s, Now: c.now})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close(context.Background())
			b.Declare(map[string]Budget{system: {System: Limits{Tokens: Rate{limit, Month}}}})
			replicas = append(replicas, b)
		}
		type open struct {
			call *Call
			max  int64
		}
		var calls []open
		used := int64(0)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			b := replicas[rapid.IntRange(0, len(replicas)-1).Draw(t, "replica")]
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1:
				n := rapid.Int64Range(1, 120).Draw(t, "tokens")
				call, err := b.Enter(context.Background(), p)
				if err != nil {
					t.Fatal(err)
				}
				if call.Reserve(context.Background(), Usage{Output: n}, nil) == nil {
					calls = append(calls, open{call, n})
				} else {
					call.Close()
				}
			case 2:
				if len(calls) > 0 {
					one := calls[0]
					calls = calls[1:]
					n := rapid.Int64Range(0, one.max).Draw(t, "used")
					one.call.Settle(Usage{Output: n})
					one.call.Close()
					used += n
				}
			case 3:
				if len(calls) > 0 {
					calls[len(calls)-1].call.Close()
					calls = calls[:len(calls)-1]
				}
			case 4:
				c.pass(31 * time.Second)
				for _, b := range replicas {
					if err := b.Flush(context.Background()); err != nil {
						t.Fatal(err)
					}
				}
			}
			if used > limit {
				t.Fatalf("%d of %d were used", used, limit)
			}
		}
		for _, one := range calls {
			one.call.Close()
		}
		for _, b := range replicas {
			b.fills.Wait()
			if err := b.flush(context.Background(), 0); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := replicas[0].Periods(context.Background(), system); err != nil || len(got) > 0 && (got[0].Leased != used || got[0].Spent != used) {
			t.Fatalf("%d were used, the store says %+v, %v", used, got, err)
		}
		c.pass(2 * time.Second)
		call, err := replicas[0].Enter(context.Background(), p)
		if err == nil && limit > used {
			err = call.Reserve(context.Background(), Usage{Output: limit - used}, nil)
		}
		if err != nil {
			t.Fatalf("%d of %d were used, and the rest cannot be had: %v", used, limit, err)
		}
		call.Close()
	})
}
