package redteamtest

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/store"
)

// LiveSpec says what rounds of canaries were made on a system.
type LiveSpec struct {
	System string
	Rounds int
	Gone   int       // the round from which on the guard is gone; 0: it stays
	Last   time.Time // when the last round was; those before are six hours apart
}

const apart = 6 * time.Hour

// Live makes rounds on systems, below the folder of campaigns, and returns what made them. It
// begins no more rounds by itself.
func Live(t testing.TB, st *store.Store, campaigns string, specs ...LiveSpec) *redteam.Canaries {
	t.Helper()
	lib := Spec{Seeds: 20}.library()
	now, gone := atomic.Pointer[time.Time]{}, atomic.Bool{}
	ward := func(s LiveSpec) redteam.Ward {
		w := redteam.Ward{System: s.System, Every: apart, Attempts: 64, Tokens: 10_000_000, MaxTokens: 50, Random: 7, Deployed: map[string]string{"policy": "office@1"},
			Scope: redteam.Scope{AllowedBy: "ada", Reason: "ticket 9", Until: s.Last.Add(90 * 24 * time.Hour), Targets: []string{redteam.LiveTarget + s.System}}}
		if gone.Load() {
			w.Deployed = map[string]string{"policy": "office@2"}
		}
		return w
	}
	current := atomic.Pointer[LiveSpec]{}
	cfg := redteam.CanariesConfig{Store: st, Dir: filepath.Join(campaigns, "live"), Library: func() (*redteam.Library, error) { return lib, nil }, Chains: [][]string{{}, {"shout"}},
		Scorers: func() ([]redteam.Scorer, error) { return []redteam.Scorer{told{}}, nil }, Tick: time.Millisecond, Now: func() time.Time { return *now.Load() },
		Alert: func(redteam.Alarm) {}, Failed: func(system string, err error) { t.Error(system, err) },
		Target: func(_ context.Context, system string) (redteam.Target, func(), error) {
			stops := uint32(8)
			if gone.Load() {
				stops = 1
			}
			return named{model{"", stops, 0}, redteam.LiveTarget + system}, func() {}, nil
		},
		Wards: func() []redteam.Ward { return []redteam.Ward{ward(*current.Load())} }}
	for _, s := range specs {
		current.Store(&s)
		gone.Store(false)
		c := redteam.NewCanaries(cfg)
		for n := 1; n <= s.Rounds; n++ {
			at := s.Last.Add(-time.Duration(s.Rounds-n) * apart)
			now.Store(&at)
			gone.Store(s.Gone > 0 && n >= s.Gone)
			round(t, c, s.System, n)
		}
	}
	last := cfg
	last.Wards = func() (out []redteam.Ward) {
		for _, s := range specs {
			gone.Store(s.Gone > 0)
			out = append(out, ward(s))
		}
		return out
	}
	return redteam.NewCanaries(last)
}

// round runs canaries until one more round is made.
func round(t testing.TB, c *redteam.Canaries, system string, n int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		c.Run(ctx)
		close(done)
	}()
	defer func() {
		cancel()
		<-done
	}()
	for range 5000 {
		if s, err := c.State(ctx, system); err == nil && len(s.Rounds) >= n {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("no round was made: ", fmt.Sprint(system, n))
}

// named is a model under another name.
type named struct {
	model
	name string
}

func (n named) Fingerprint() string { return n.name + "#" + fmt.Sprint(n.stops) }
