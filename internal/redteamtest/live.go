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
	Few    bool      // attempts in a round: eight, not 64
	Gone   int       // the round from which on the guard is gone; 0: it stays
	Last   time.Time // when the last round was; those before are six hours apart
	Plant  string    // stands in what the configuration says; "": harmless words
}

const apart = 6 * time.Hour

// ward is a system as it is declared when its guard is gone, or there.
func (s LiveSpec) ward(gone bool) redteam.Ward {
	w := redteam.Ward{System: s.System, Every: apart, Attempts: 64, Tokens: 10_000_000, MaxTokens: 50, Random: 7, Deployed: map[string]string{"policy": "office@1"},
		Scope: redteam.Scope{AllowedBy: "ada" + s.Plant, Reason: "ticket 9" + s.Plant, Until: s.Last.Add(90 * 24 * time.Hour), Targets: []string{redteam.LiveTarget + s.System}}}
	if s.Few {
		w.Attempts = 8
	}
	if gone {
		w.Deployed = map[string]string{"policy": "office@2"}
	}
	return w
}

// canaries of systems that tell their secret, below the folder of campaigns.
func canaries(st *store.Store, campaigns string, wards func() []redteam.Ward, gone func() bool, now func() time.Time, failed func(string, error)) *redteam.Canaries {
	lib := Spec{Seeds: 20}.library()
	return redteam.NewCanaries(redteam.CanariesConfig{Store: st, Dir: filepath.Join(campaigns, "live"), Library: func() (*redteam.Library, error) { return lib, nil }, Chains: [][]string{{}, {"shout"}},
		Scorers: func() ([]redteam.Scorer, error) { return []redteam.Scorer{told{}}, nil }, Tick: time.Millisecond, Now: now, Wards: wards, Alert: func(redteam.Alarm) {}, Failed: failed,
		Target: func(_ context.Context, system string) (redteam.Target, func(), error) {
			stops := uint32(8)
			if gone() {
				stops = 1
			}
			return named{model{"", stops, 0}, redteam.LiveTarget + system}, func() {}, nil
		}})
}

// Live makes rounds on systems, below the folder of campaigns, and returns what made them. It
// begins no more rounds by itself.
func Live(t testing.TB, st *store.Store, campaigns string, specs ...LiveSpec) *redteam.Canaries {
	t.Helper()
	for _, s := range specs {
		var now atomic.Pointer[time.Time]
		var gone atomic.Bool
		c := canaries(st, campaigns, func() []redteam.Ward { return []redteam.Ward{s.ward(gone.Load())} }, gone.Load, func() time.Time { return *now.Load() }, func(system string, err error) { t.Error(system, err) })
		for n := 1; n <= s.Rounds; n++ {
			at := s.Last.Add(-time.Duration(s.Rounds-n) * apart)
			now.Store(&at)
			gone.Store(s.Gone > 0 && n >= s.Gone)
			round(t, c, s.System, n)
		}
	}
	return Idle(st, campaigns, func() []LiveSpec { return specs })
}

// Idle are canaries that show what was made of systems, and begin nothing.
func Idle(st *store.Store, campaigns string, specs func() []LiveSpec) *redteam.Canaries {
	last := func() (at time.Time) {
		for _, s := range specs() {
			at = s.Last
		}
		return at
	}
	wards := func() (out []redteam.Ward) {
		for _, s := range specs() {
			out = append(out, s.ward(s.Gone > 0))
		}
		return out
	}
	return canaries(st, campaigns, wards, func() bool { return false }, last, func(string, error) {})
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
