package app

import (
	"context"
	"testing"

	"github.com/bartizan-ai/bartizan/redteam"
)

// ranged plans a campaign of some seeds on the demonstration's arms.
func ranged(t testing.TB, change func(*redteam.Campaign)) *redteam.Plan {
	t.Helper()
	lib, err := AttackLibrary(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := DefaultCampaign()
	change(&c)
	p, err := redteam.Make(c, lib)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestRangesAgree: the policy alone and the whole gate around it end alike, attempt by attempt:
// what is blocked here is blocked there, and by whom. Masking is the gate's own.
func TestRangesAgree(t *testing.T) {
	ctx := context.Background()
	p := ranged(t, func(c *redteam.Campaign) { c.Samples, c.Budget.Attempts = 1, 240 })
	whole, err := OpenRange(ctx, t.TempDir(), "test")
	must(t, err)
	defer func() { must(t, whole.Close(ctx)) }()
	fast, err := OpenPipelines()
	must(t, err)
	scorers, err := Scorers(nil)
	must(t, err)
	got := map[string]map[string]redteam.Result{}
	for name, r := range map[string]*Range{"whole": whole, "fast": fast} {
		dir := t.TempDir()
		_, err := redteam.Run(ctx, redteam.RunConfig{Dir: dir, Plan: p, Targets: r.Targets, Scope: r.Scope, Scorers: scorers})
		must(t, err)
		got[name] = map[string]redteam.Result{}
		must(t, redteam.Results(dir, func(one *redteam.Result) error { got[name][one.Key] = *one; return nil }))
	}
	blocked, hits := 0, 0
	for key, w := range got["whole"] {
		f := got["fast"][key]
		if w.Outcome != f.Outcome || w.Outcome == redteam.Blocked && (w.Replies[len(w.Replies)-1].Block.Detector != f.Replies[len(f.Replies)-1].Block.Detector || w.Replies[len(w.Replies)-1].Block.Where != f.Replies[len(f.Replies)-1].Block.Where) {
			t.Errorf("%s by %s %v, arm %s: %s by the gate, %s by the policy", w.Seed, w.Strategy, w.Chain, w.Arm, w.Outcome, f.Outcome)
		}
		if w.Outcome == redteam.Blocked {
			blocked++
		}
		if w.Score.Verdict == redteam.Hit {
			hits++
		}
		if w.Arm == armOff && w.Outcome == redteam.Blocked || w.Outcome == redteam.Failed {
			t.Errorf("%s, arm %s: %s %+v", w.Seed, w.Arm, w.Outcome, w.Replies)
		}
	}
	if blocked == 0 || hits == 0 || len(got["whole"]) != p.Attempts {
		t.Errorf("%d blocked, %d hits in %d attempts", blocked, hits, len(got["whole"]))
	}
}

// BenchmarkPipeline is attempts on the policy and the practice model, in process.
func BenchmarkPipeline(b *testing.B) {
	p := ranged(b, func(c *redteam.Campaign) {
		c.Samples, c.Arms, c.Repeats, c.Budget.Attempts = 10, []string{armOn}, 4, b.N+1
	})
	if p.Attempts < b.N {
		b.Skip("not so many attempts")
	}
	r, err := OpenPipelines()
	if err != nil {
		b.Fatal(err)
	}
	scorers, err := Scorers(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := redteam.Run(context.Background(), redteam.RunConfig{Dir: b.TempDir(), Plan: p, Targets: r.Targets, Scope: r.Scope, Scorers: scorers}); err != nil {
		b.Fatal(err)
	}
}
