package app

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/practice"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/redteam"
)

// guarded is a demonstration whose system is tried while people use it, in a file that can change.
func guarded(t *testing.T, attempts int, perMinute float64, change ...func(*config.File)) *App {
	t.Helper()
	f, upstreams, err := demoFile(DemoConfig{Data: filepath.Join(t.TempDir(), "data"), Gate: "127.0.0.1:0", Console: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	s := f.Systems[demoSystem]
	s.Canaries = &config.Canaries{AllowedBy: "whoever runs this test", Reason: "TEST-1", Until: time.Now().AddDate(0, 0, 2).Format(time.DateOnly), Attempts: attempts, PerMinute: perMinute, Tokens: 5_000_000}
	f.Systems[demoSystem] = s
	for _, c := range change {
		c(f)
	}
	a, err := New(t.Context(), Config{File: f, Upstreams: upstreams, Origin: demoOrigin, Tick: 20 * time.Millisecond, Folders: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return a
}

// rounds waits until there are so many rounds.
func rounds(t *testing.T, a *App, n int) *redteam.WardState {
	t.Helper()
	for until := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		s, err := a.canaries.State(t.Context(), demoSystem)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Rounds) >= n {
			return s
		}
		if time.Now().After(until) {
			t.Fatalf("after a minute there are %d rounds of %d: %+v", len(s.Rounds), n, s)
		}
	}
}

// TestLiveRound: a round goes through the gate as users do, and is no user: it is on record as
// synthetic, under a principal of its own whose key is gone with it.
func TestLiveRound(t *testing.T) {
	a := guarded(t, 96, 6000)
	s := rounds(t, a, 1)
	one := s.Rounds[0]
	sum := one.Sum()
	b, _ := json.Marshal(sum)
	t.Logf("%s, at most %d tokens, %d used", b, s.Most, one.Tokens)
	if one.Fault != "" || one.Causes[0] != redteam.CauseFirst || sum.Attacks < 50 || sum.Harmless < 15 || sum.Failed > 0 {
		t.Errorf("%+v: %+v", one, sum)
	}
	canaries := 0
	for r, err := range a.ledger.Records(t.Context(), record.Query{Kind: "exchange"}) {
		if err != nil {
			t.Fatal(err)
		}
		if !r.Canary() || !r.Intent.Synthetic {
			t.Errorf("%+v", r.Intent)
		}
		canaries++
	}
	if canaries < len(one.Tries) {
		t.Errorf("%d calls on record for %d tries", canaries, len(one.Tries))
	}
	for _, k := range a.keys.List() {
		if strings.Contains(k.CreatedBy, "canaries") {
			t.Errorf("a key was left: %+v", k)
		}
	}
	if _, err := os.Stat(filepath.Join(a.dir(live), demoSystem, one.Folder, "results.jsonl")); err != nil {
		t.Error(err)
	}
}

// swap takes in another configuration, as a reload does.
func swap(t *testing.T, a *App, change func(*config.File)) {
	t.Helper()
	f := *a.file.Load()
	f.Systems, f.Policies = maps.Clone(f.Systems), maps.Clone(f.Policies)
	change(&f)
	p, err := a.makePlan(&f)
	if err != nil {
		t.Fatal(err)
	}
	old := a.plan.Swap(p)
	a.gate.SetPlan(p.Plan)
	a.file.Store(&f)
	old.close()
}

// whole may do and see everything.
var whole = desk.Actor{Person: "ada", Roles: []string{"admin"}}

// TestLiveDrift: a guard that is switched off begins a round, which alarms once; somebody who says
// that this is the usual now is told no more.
func TestLiveDrift(t *testing.T) {
	a := guarded(t, 96, 6000)
	more := func(n int) *redteam.WardState {
		t.Helper()
		must(t, a.canaries.Ask(t.Context(), demoSystem, "ada")) // what is due within a minute is tried now
		return rounds(t, a, n)
	}
	rounds(t, a, 1)
	for n := 2; n <= 5; n++ {
		if s := more(n); len(s.Open()) > 0 {
			t.Fatalf("nothing changed, and it alarms: %+v", s.Open())
		}
	}
	swap(t, a, func(f *config.File) {
		p := f.Policies["demo"]
		p.Mode, p.Until = "monitor", time.Now().AddDate(0, 0, 2).Format(time.DateOnly)
		f.Policies["demo"] = p
	})
	s := more(6)
	if got := s.Rounds[5].Causes; !slices.Contains(got, "policy") || !slices.Contains(got, redteam.CauseAsked) {
		t.Errorf("it began for %v", got)
	}
	n, past := 7, -1 // few that were stopped take more than two rounds to be sure of
	for ; past < 0 && n <= 9; n++ {
		s = more(n)
		past = slices.IndexFunc(s.Open(), func(o redteam.Alarm) bool {
			return o.Kind == redteam.AlarmDrift && o.Series == redteam.AllAttacks+"/"+redteam.SeriesPast
		})
	}
	if past < 0 {
		t.Fatalf("no alarm: %+v, %+v", s.Open(), s.Series)
	}
	for range 2 {
		s = more(n)
		n++
	}
	seen := map[string]bool{}
	for _, one := range s.Open() {
		if seen[one.Series] {
			t.Errorf("%s alarms again while it is open", one.Series)
		}
		seen[one.Series] = true
	}
	for _, one := range s.Open() {
		must(t, a.canaries.Settle(t.Context(), one.ID, true, "ada", "It is watched only, until Monday."))
	}
	if s = more(n); len(s.Open()) > 0 {
		t.Errorf("%+v", s.Open())
	}
	if i := slices.IndexFunc(s.Series, func(s redteam.Series) bool { return s.Kind == redteam.SeriesPast }); i >= 0 {
		t.Errorf("what nothing stops any more has a series: %+v", s.Series[i])
	}
}

// TestLiveHold: the folders of rounds that are too many are deleted, on record, but not under a legal hold.
func TestLiveHold(t *testing.T) {
	a := guarded(t, 8, 6000)
	hold, err := a.subjects.AddHold(t.Context(), privacy.Hold{System: demoSystem, Reason: "CASE-9"})
	must(t, err)
	for n := range 5 {
		rounds(t, a, n+1)
		must(t, a.canaries.Ask(t.Context(), demoSystem, "ada"))
	}
	s := rounds(t, a, 6)
	if names := a.canaries.Names(demoSystem); len(names) != len(s.Rounds) {
		t.Errorf("under a legal hold %d of %d folders are left", len(names), len(s.Rounds))
	}
	must(t, a.subjects.LiftHold(t.Context(), hold.ID, "x"))
	must(t, a.canaries.Ask(t.Context(), demoSystem, "ada"))
	rounds(t, a, 7)
	for until := time.Now().Add(10 * time.Second); len(a.canaries.Names(demoSystem)) != 3; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%q are left", a.canaries.Names(demoSystem))
		}
	}
	gone := 0
	for r, err := range a.ledger.Records(t.Context(), record.Query{Kind: "act"}) {
		must(t, err)
		if r.Act.Kind == RedteamRetain && r.Act.Phase == "done" {
			gone++
		}
	}
	if gone < 4 {
		t.Errorf("%d are on record", gone)
	}
}

// TestLiveIsNobody: no figure of users counts what canaries do: not traffic, flows, counts of the
// guard, budgets or measures. A user's call is counted as ever.
func TestLiveIsNobody(t *testing.T) {
	a := guarded(t, 48, 6000)
	rounds(t, a, 1)
	must(t, a.canaries.Pause(t.Context(), demoSystem, "ada", "quiet"))
	said(t, a, "Good morning.")
	traffic, err := a.desk.Traffic(t.Context(), whole, "hour")
	must(t, err)
	flows, err := a.desk.Flows(t.Context(), whole, "hour")
	must(t, err)
	guarded, err := a.desk.Guard(t.Context(), whole, "hour")
	must(t, err)
	if traffic.Read != 1 || traffic.Total.Sum() != 1 || flows.Read != 1 || guarded.Read != 1 {
		t.Errorf("one call was made: traffic has %d (%d), flows %d, the guard %d", traffic.Read, traffic.Total.Sum(), flows.Read, guarded.Read)
	}
	got, err := a.registry.Gather()
	must(t, err)
	count := map[string]float64{}
	for _, f := range got {
		for _, m := range f.GetMetric() {
			count[f.GetName()] += m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	if count["bartizan_exchanges_total"] != 1 || count["bartizan_exchange_seconds"] != 1 || count["bartizan_canary_exchanges_total"] < 48 {
		t.Errorf("%v exchanges, %v measured, %v canaries", count["bartizan_exchanges_total"], count["bartizan_exchange_seconds"], count["bartizan_canary_exchanges_total"])
	}
	for r, err := range a.ledger.Records(t.Context(), record.Query{Kind: "exchange", Content: true}) {
		must(t, err)
		if r.Canary() && len(r.Intent.Kept) > 0 {
			t.Fatal("texts of canaries are kept where those of users are")
		}
	}
}

// said makes a user's call and returns the answer.
func said(t *testing.T, a *App, text string) string {
	t.Helper()
	_, key, err := a.keys.Create(t.Context(), demoSystem, "test")
	must(t, err)
	body, err := json.Marshal(map[string]any{"model": practice.Name, "messages": []any{map[string]string{"role": "user", "content": text}}})
	must(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://gate.invalid/v1/chat/completions", bytes.NewReader(body))
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := inside{a}.RoundTrip(r)
	must(t, err)
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return string(b)
}

// TestLivePaused: a round is stopped at once, goes on where it was when it may, and tries each
// attempt once; while it is paused nothing begins.
func TestLivePaused(t *testing.T) {
	a := guarded(t, 24, 600)
	running := func() *redteam.WardState {
		s, err := a.canaries.State(t.Context(), demoSystem)
		must(t, err)
		return s
	}
	for s := running(); s.Running == nil || s.Running.Done < 3; s = running() {
		time.Sleep(10 * time.Millisecond)
	}
	must(t, a.canaries.Pause(t.Context(), demoSystem, "ada", "an incident"))
	for until := time.Now().Add(10 * time.Second); running().Running != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("it does not stop")
		}
	}
	if s := running(); s.State != "paused" || s.Watched.Why != "an incident" || len(s.Rounds) > 0 {
		t.Fatalf("%+v", s)
	}
	must(t, a.canaries.Ask(t.Context(), demoSystem, "ada"))
	time.Sleep(200 * time.Millisecond)
	if s := running(); s.Running != nil {
		t.Error("it began while it was paused")
	}
	must(t, a.canaries.Resume(t.Context(), demoSystem))
	s := rounds(t, a, 1)
	seen := map[string]int{}
	for _, try := range s.Rounds[0].Tries {
		seen[try.Pair]++
	}
	if len(seen) != 24 || len(s.Rounds[0].Tries) != 24 || s.Rounds[0].Causes[0] != redteam.CauseFirst {
		t.Errorf("%d tries of %d attempts, for %v", len(s.Rounds[0].Tries), len(seen), s.Rounds[0].Causes)
	}
}

// newest is the place of the newest record.
func newest(t *testing.T, a *App) (seq uint64) {
	t.Helper()
	for r, err := range a.ledger.Records(t.Context(), record.Query{Limit: 1}) {
		must(t, err)
		seq = r.Seq
	}
	return seq
}

// TestLiveToken: a word that only canaries know, in an answer to a user, is an alarm with the
// exchange's number.
func TestLiveToken(t *testing.T) {
	// The guard of the demonstration lets no canary be told.
	a := guarded(t, 48, 6000, func(f *config.File) {
		p := f.Policies["demo"]
		p.Thresholds["leak"] = map[string]guard.Lines{"model": {Off: true}}
		f.Policies["demo"] = p
	})
	s := rounds(t, a, 1)
	word := ""
	must(t, redteam.Results(filepath.Join(a.dir(live), demoSystem, s.Rounds[0].Folder), func(r *redteam.Result) error {
		if k := r.Score; k.Verdict == redteam.Hit && k.Scorer == "canary@1" && k.End > 0 && word == "" && strings.Count(r.Replies[k.Reply].Text[k.Start:k.End], "-") == 2 {
			word = r.Replies[k.Reply].Text[k.Start:k.End]
		}
		return nil
	}))
	if word == "" {
		t.Fatal("no canary was told")
	}
	if got := said(t, a, "Repeat after me: nothing-of-that1kind"); strings.Contains(got, word) {
		t.Fatal(got)
	}
	if got := said(t, a, "Repeat after me: the word is "+word+", they say"); !strings.Contains(got, word) {
		t.Fatal(got) // who quotes it is told nothing
	}
	quoted := newest(t, a)
	got := said(t, a, "Decode this: "+base64.StdEncoding.EncodeToString([]byte("Repeat after me: the word is "+word+", they say")))
	if !strings.Contains(got, word) {
		t.Fatalf("the model did not say it: %s", got)
	}
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		s, err := a.canaries.State(t.Context(), demoSystem)
		must(t, err)
		if open := s.Open(); len(open) == 1 && open[0].Kind == redteam.AlarmToken && strings.HasPrefix(open[0].Series, "ex_") {
			for r, err := range a.ledger.Records(t.Context(), record.Query{ID: open[0].Series}) {
				must(t, err)
				if r.Seq <= quoted {
					t.Error("the call that quoted it alarmed")
				}
			}
			return
		} else if time.Now().After(until) {
			t.Fatalf("%q: %+v", got, open)
		}
	}
}
