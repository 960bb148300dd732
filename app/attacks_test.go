package app

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/redteam"
)

// TestAttackInside: a campaign that a server begins attacks the range inside it alone, is
// stopped at once, goes on where it was, and can be read in its folder.
func TestAttackInside(t *testing.T) {
	a := &App{cfg: Config{Version: "test"}}
	dir := filepath.Join(t.TempDir(), Campaigns, "trial")
	allowed := redteam.Scope{AllowedBy: "ada", Reason: "trial", Until: time.Now().Add(time.Hour), Targets: []string{"inside://"}}
	done := 0
	for range 2 {
		before := done
		ctx, stop := context.WithCancel(t.Context())
		err := a.attackInside(ctx, dir, allowed, func(p redteam.Progress) {
			if done = p.Done; done > before+5 {
				stop()
			}
		})
		stop()
		if !errors.Is(err, context.Canceled) || done <= before {
			t.Fatalf("%d attempts after %d: %v", done, before, err)
		}
	}
	o, err := OpenCampaign(dir)
	if err != nil {
		t.Fatal(err)
	}
	for arm, target := range o.Targets {
		if err := allowed.Allows(target, time.Now()); err != nil {
			t.Errorf("%s is %s: %v", arm, target, err)
		}
	}
	if len(o.Targets) != 2 || o.Scope.AllowedBy != "ada" || o.Plan.Campaign.Rate.Parallel != insideParallel {
		t.Errorf("%+v", o)
	}
	elsewhere := allowed
	elsewhere.Targets = []string{"https://api.example"}
	if err := a.attackInside(t.Context(), dir, elsewhere, nil); !errors.Is(err, redteam.ErrScope) {
		t.Errorf("without a scope for it: %v", err)
	}
}

// TestToCover: what attacks are held against is there in full, and each item once.
func TestToCover(t *testing.T) {
	seen := map[string]bool{}
	for i, f := range toCover() {
		if want := []int{10, 10, 100}[i]; len(f.Items) < want {
			t.Errorf("%s has %d items", f.Name, len(f.Items))
		}
		for _, item := range f.Items {
			if seen[item] {
				t.Errorf("%s is there twice", item)
			}
			seen[item] = true
		}
	}
}
