package redteam

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/stat"
)

// TestRun: every attempt of the plan has one result, in order, of every arm, and pairs are told
// the same.
func TestRun(t *testing.T) {
	h := build(t, 10, nil).mustRun()
	all := h.all(h.dir)
	if len(all) != h.plan.Attempts || len(all) < 300 {
		t.Fatalf("%d results of %d attempts", len(all), h.plan.Attempts)
	}
	outcomes := map[Outcome]int{}
	for i, r := range all {
		a := h.plan.Attempt(i)
		if r.N != i || r.Key != a.Key || r.Arm != []string{"off", "on"}[i%2] {
			t.Fatalf("result %d is %+v", i, r)
		}
		if i%2 == 1 && (r.Pair != all[i-1].Pair || r.Key == all[i-1].Key || a.Begin().Text != h.plan.attemptOf(t, i-1).Begin().Text) {
			t.Fatalf("%d and the one before are no pair", i)
		}
		if len(r.Sent) != len(r.Replies) || len(r.Replies) == 0 || r.Trace.At.IsZero() {
			t.Fatalf("%+v", r)
		}
		outcomes[r.Outcome]++
	}
	if outcomes[Blocked] == 0 || outcomes[Answered] == 0 || outcomes[Failed] > 0 {
		t.Errorf("%v", outcomes)
	}
}

func (p *Plan) attemptOf(_ *testing.T, n int) *Attempt { a := p.Attempt(n); return &a }

// TestStopAndGoOn: a campaign that is stopped again and again ends with the very results of one
// that was not.
func TestStopAndGoOn(t *testing.T) {
	h := build(t, 12, func(c *Campaign) { c.Looks = 4; c.Gate.Tolerance = .2 }).mustRun()
	want, dir, stops := h.head(h.dir), t.TempDir(), 0
	h.off.slow, h.on.slow = 200*time.Microsecond, 100*time.Microsecond
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(5+stops)*time.Millisecond)
		_, err := h.run(ctx, dir)
		cancel()
		if err == nil {
			break
		}
		if stops++; !errors.Is(err, context.DeadlineExceeded) || stops > 500 {
			t.Fatalf("after %d stops: %v", stops, err)
		}
	}
	if got := h.head(dir); got != want || stops < 5 {
		t.Errorf("after %d stops the head is %s, without any %s", stops, got, want)
	}
}

// victim runs a campaign until somebody kills the process.
func victim(dir string) {
	t := &testing.T{}
	h := &house{t: t, lib: stock(12), off: &model{name: "bare", slow: 3 * time.Millisecond}, on: &model{name: "guarded", guard: true}}
	h.plan, _ = Make(killedCampaign, h.lib)
	if _, err := h.run(context.Background(), dir); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

var killedCampaign = Campaign{Name: "trial", Random: 7, Chains: [][]string{{}, {"salt"}}, Arms: []string{"off", "on"}, Rate: Rate{Parallel: 3}}

// TestKilled: a campaign that is killed at any moment goes on and ends with the very results of
// one that was not.
func TestKilled(t *testing.T) {
	h := build(t, 12, func(c *Campaign) { *c = killedCampaign }).mustRun()
	want, dir, kills := h.head(h.dir), t.TempDir(), 0
	for {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "BARTIZAN_TEST_CAMPAIGN="+dir)
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("%v: %s", err, out.String())
			}
			if got := h.head(dir); got != want || kills < 2 {
				t.Errorf("after %d kills the head is %s, without any %s", kills, got, want)
			}
			return
		case <-grown(t, dir, kills):
			kills++
			_ = cmd.Process.Kill()
			<-done
		}
	}
}

// grown ends when a journal has got longer than it is; after four times it does not any more.
func grown(t *testing.T, dir string, times int) <-chan struct{} {
	out := make(chan struct{})
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir, resultsFile))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	if before := size(); times < 4 {
		go func() {
			for size() <= before && t.Context().Err() == nil {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(time.Duration(times) * time.Millisecond)
			close(out)
		}()
	}
	return out
}

// TestTornAndForged: half a line is cut, a changed one is refused.
func TestTornAndForged(t *testing.T) {
	h := build(t, 3, nil).mustRun()
	path := filepath.Join(h.dir, resultsFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := h.head(h.dir)
	lines := bytes.SplitAfter(good, []byte("\n"))
	torn := append(bytes.Join(lines[:10], nil), lines[10][:40]...)
	if err := os.WriteFile(path, torn, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.run(context.Background(), h.dir); err != nil || h.head(h.dir) != want {
		t.Errorf("a torn line: %v", err)
	}
	for name, bad := range map[string][]byte{
		"a changed verdict": bytes.Replace(good, []byte(`"verdict":"hit"`), []byte(`"verdict":"miss"`), 1),
		"one left out":      append(bytes.Join(lines[:5], nil), bytes.Join(lines[6:], nil)...),
		"unknown words":     bytes.Replace(good, []byte(`{"n":0,`), []byte(`{"n":0,"more":1,`), 1),
		"no JSON":           append([]byte("hello\n"), good...),
	} {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := h.run(context.Background(), h.dir); err == nil || !strings.Contains(err.Error(), "journal") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOtherCampaign: a folder holds one campaign, of these targets.
func TestOtherCampaign(t *testing.T) {
	h := build(t, 3, nil).mustRun()
	for name, change := range map[string]func(*house){
		"another seed of chance": func(o *house) { o.plan.Campaign.Random++ },
		"another target":         func(o *house) { o.on = &model{name: "bare", guard: true} },
		"other words":            func(o *house) { o.plan.lib = stock(4) },
	} {
		other := build(t, 3, nil)
		change(other)
		if _, err := other.run(context.Background(), h.dir); !errors.Is(err, ErrOther) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBudgets: no cap is exceeded by a single request, whatever runs side by side, and what was
// done is kept.
func TestBudgets(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Campaign)
		within func(Spent, int64) bool
	}{
		"requests": {func(c *Campaign) { c.Budget.Requests = 50 }, func(s Spent, sent int64) bool { return sent <= 50 && sent > 40 }},
		"tokens":   {func(c *Campaign) { c.Budget.Tokens = 2500; c.MaxTokens = 20 }, func(s Spent, _ int64) bool { return s.Input+s.Output <= 2500 && s.Input > 300 }},
		"money": {func(c *Campaign) { c.Budget.Money = .003; c.Price = Pricing{Input: 1, Output: 2}; c.MaxTokens = 20 },
			func(s Spent, _ int64) bool { return s.Cost <= 3000 && s.Cost > 500 }},
	} {
		h := build(t, 10, c.change)
		p, err := h.run(context.Background(), h.dir)
		if !errors.Is(err, ErrBudget) || !c.within(p.Spent, h.off.sent.Load()+h.on.sent.Load()) || p.Done == 0 || p.Done != len(h.all(h.dir)) {
			t.Errorf("%s: %v, %+v after %d requests", name, err, p, h.off.sent.Load()+h.on.sent.Load())
		}
		// Again, with nothing left, nothing more is sent.
		before := h.off.sent.Load() + h.on.sent.Load()
		if _, err := h.run(context.Background(), h.dir); !errors.Is(err, ErrBudget) || h.off.sent.Load()+h.on.sent.Load() != before {
			t.Errorf("%s: %v, and %d more requests", name, err, h.off.sent.Load()+h.on.sent.Load()-before)
		}
	}
	h := build(t, 10, func(c *Campaign) { c.Budget.Attempts = 20 })
	if h.plan.Attempts != 20 || h.plan.Cut == 0 {
		t.Errorf("%d attempts, %d cut", h.plan.Attempts, h.plan.Cut)
	}
	h = build(t, 10, func(c *Campaign) { c.Budget.Minutes = .001 })
	h.off.slow = 10 * time.Millisecond
	if _, err := h.run(context.Background(), h.dir); !errors.Is(err, ErrBudget) {
		t.Errorf("minutes: %v", err)
	}
}

// TestScope: nothing is sent that nobody allowed.
func TestScope(t *testing.T) {
	for name, s := range map[string]*Scope{
		"no scope":   nil,
		"nobody":     {Reason: "T-1", Until: scope.Until, Targets: scope.Targets},
		"no reason":  {AllowedBy: "x", Until: scope.Until, Targets: scope.Targets},
		"over":       {AllowedBy: "x", Reason: "T-1", Until: time.Now().Add(-time.Second), Targets: scope.Targets},
		"no end":     {AllowedBy: "x", Reason: "T-1", Targets: scope.Targets},
		"one of two": {AllowedBy: "x", Reason: "T-1", Until: scope.Until, Targets: []string{"test://bare"}},
		"not quite":  {AllowedBy: "x", Reason: "T-1", Until: scope.Until, Targets: []string{"test://bare", "test://guard"}},
	} {
		h := build(t, 3, nil)
		_, err := Run(context.Background(), RunConfig{Dir: h.dir, Plan: h.plan, Targets: map[string]Target{"off": h.off, "on": h.on}, Scope: s})
		if !errors.Is(err, ErrScope) || h.off.sent.Load()+h.on.sent.Load() != 0 {
			t.Errorf("%s: %v, %d were sent", name, err, h.off.sent.Load()+h.on.sent.Load())
		}
	}
	s := Scope{AllowedBy: "x", Reason: "T", Until: scope.Until, Targets: []string{"https://a.example/v1"}}
	for target, want := range map[string]bool{"https://a.example/v1": true, "https://a.example/v1/chat/completions#m": true, "https://a.example/v1#m": true, "https://a.example/v10": false, "https://a.example.org/v1": false, "http://a.example/v1": false} {
		if got := s.Allows(target, time.Now()) == nil; got != want {
			t.Errorf("%s: %v", target, got)
		}
	}
}

// TestErrorsAreNeither: what failed is no hit, no miss and no block, and is never sent again
// under another name.
func TestErrorsAreNeither(t *testing.T) {
	h := build(t, 10, nil)
	h.on.fail = func(n int64) bool { return n%5 == 0 }
	h.mustRun()
	a := h.analyse(nil)
	on := a.Arms[1].Attacks
	if on.Errors == 0 || on.Tries()+on.Errors+a.Arms[1].Cells[0].Tries()+a.Arms[1].Cells[0].Errors != h.plan.Attempts/2 || on.Hits+on.Misses+on.Unknown != on.Tries() {
		t.Errorf("%+v of %d", on, h.plan.Attempts/2)
	}
	if a.Answer == "pass" || !strings.Contains(strings.Join(a.Reasons, "\n"), "attempts failed, so that nothing is said to pass") {
		t.Errorf("%s: %q", a.Answer, a.Reasons)
	}
}

// TestAttemptsByKey: an attempt is made again byte for byte from its key.
func TestAttemptsByKey(t *testing.T) {
	h := build(t, 6, nil).mustRun()
	fresh, err := Make(h.plan.Campaign, stock(6))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range h.all(h.dir) {
		again, err := Again(fresh, r.Key, r.Replies, r.Asked)
		if err != nil {
			t.Fatal(err)
		}
		var sent []string
		for i := range again {
			sent = append(sent, Digest(&again[i]))
		}
		if strings.Join(sent, " ") != strings.Join(r.Sent, " ") {
			t.Fatalf("%s sends %v, sent was %v", r.Key, sent, r.Sent)
		}
		if r.Seed == "integrity-0" && len(r.Chain) == 0 {
			b, _ := json.Marshal(again[0])
			if !strings.Contains(string(b), "{{7*7}}") {
				t.Errorf("the payload was changed: %s", b)
			}
		}
	}
	if _, err := Again(fresh, "none", nil, nil); err == nil {
		t.Error("there is an attempt of no key")
	}
}

// TestLooksDecideAlike: cells that are decided are left, and what is left does not depend on
// how many run side by side.
func TestLooksDecideAlike(t *testing.T) {
	heads := map[string]bool{}
	skipped := 0
	for _, parallel := range []int{1, 2, 7, 32} {
		h := build(t, 40, func(c *Campaign) { c.Looks = 6; c.Gate.Tolerance = .3; c.Rate.Parallel = parallel })
		p, err := h.run(context.Background(), h.dir)
		if err != nil {
			t.Fatal(err)
		}
		skipped = p.Skipped
		heads[fmt.Sprint(h.plan.Campaign.Rate.Parallel > 0, h.seeds(h.dir))] = true
	}
	if len(heads) != 1 || skipped == 0 {
		t.Errorf("%d different ends, %d skipped", len(heads), skipped)
	}
}

// seeds says which attempts were made, and with which verdict.
func (h *house) seeds(dir string) string {
	var b strings.Builder
	for _, r := range h.all(dir) {
		fmt.Fprint(&b, r.N, r.Outcome, r.Score.Verdict, " ")
	}
	return Digest(b.String())
}

// TestDecisions: what people decide counts in place of the scorer, and the newest decision
// counts.
func TestDecisions(t *testing.T) {
	h := build(t, 10, nil).mustRun()
	before := h.analyse(nil)
	if len(before.Waiting) == 0 {
		t.Fatal("nobody has to decide anything")
	}
	key := before.Waiting[0]
	for _, v := range []Verdict{Miss, Hit} {
		if err := Decide(h.dir, Dispute{Key: key, Verdict: v, By: "ann", Reason: "read it"}); err != nil {
			t.Fatal(err)
		}
	}
	after := h.analyse(nil)
	if after.Arms[1].Attacks.Hits != before.Arms[1].Attacks.Hits+1 || len(after.Waiting) != len(before.Waiting)-1 || after.Heads != before.Heads {
		t.Errorf("%d hits before, %d after", before.Arms[1].Attacks.Hits, after.Arms[1].Attacks.Hits)
	}
	if err := Decide(h.dir, Dispute{Key: key, Verdict: "maybe", By: "ann"}); err == nil {
		t.Error("maybe is no verdict")
	}
}

func (h *house) analyse(judges map[string]stat.Judge) *Analysis {
	h.t.Helper()
	a, err := Analyse(h.dir, h.plan, judges)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// BenchmarkRun is attempts in process: one request each, on as many goroutines as there are by
// default.
func BenchmarkRun(b *testing.B) {
	l := stock(4000)
	p, err := Make(Campaign{Name: "bench", Arms: []string{"on"}, Budget: Budget{Attempts: b.N + 1}}, l)
	if err != nil {
		b.Fatal(err)
	}
	if p.Attempts < b.N {
		b.Skip("not so many attempts")
	}
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := Run(context.Background(), RunConfig{Dir: b.TempDir(), Plan: p, Targets: map[string]Target{"on": &model{name: "guarded", guard: true}}, Scope: scope, Scorers: []Scorer{told{}}}); err != nil {
		b.Fatal(err)
	}
}

// TestScenesAreInTheBudget: what scenes cost without an attack is asked before a campaign; it is in the
// plan, and under its caps.
func TestScenesAreInTheBudget(t *testing.T) {
	l := stock(2)
	for i := range 4 {
		l.Seeds = append(l.Seeds, Seed{ID: fmt.Sprint("cost-", i), Text: "go on", Impact: "availability", Persona: Adversarial, Scene: "code", Effect: Effect{Kind: "amplify", Factor: 2}})
	}
	c := Campaign{Name: "costs", Arms: []string{"on"}, Strategies: []string{"once"}, Rate: Rate{Parallel: 2}}
	run := func(requests int) (RunConfig, *model, *Plan) {
		c.Budget.Requests = requests
		p, err := Make(c, l)
		if err != nil {
			t.Fatal(err)
		}
		m := &model{name: "bare"}
		return RunConfig{Dir: t.TempDir(), Plan: p, Targets: map[string]Target{"on": m}, Scope: scope, Scorers: []Scorer{told{}}}, m, p
	}
	_, _, p := run(0)
	if p.Requests != p.Attempts+1 {
		t.Errorf("%d requests are planned for %d attempts and one scene", p.Requests, p.Attempts)
	}
	cfg, m, p := run(p.Attempts)
	if _, err := Measure(context.Background(), cfg); err != nil || m.sent.Load() != 1 {
		t.Fatalf("%v, %d were sent", err, m.sent.Load())
	}
	if _, err := Run(context.Background(), cfg); !errors.Is(err, ErrBudget) || int(m.sent.Load()) != p.Attempts {
		t.Errorf("%v, %d were sent of at most %d", err, m.sent.Load(), p.Attempts)
	}
	c.Budget.Tokens = 3
	cfg, m, _ = run(0)
	if _, err := Measure(context.Background(), cfg); !errors.Is(err, ErrBudget) || m.sent.Load() != 0 {
		t.Errorf("%v, %d were sent", err, m.sent.Load())
	}
}
