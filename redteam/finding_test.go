package redteam

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/store"
	"github.com/bartizan-ai/bartizan/store/storetest"
)

// findingSuite is what both databases must do alike.
var findingSuite = []struct {
	name string
	run  func(*testing.T, *Findings)
}{
	{"a finding is opened once, edited, and closed by a re-test alone", testFindingLife},
	{"what makes no sense is told in a sentence", testFindingFaults},
	{"a list has what is open first", testFindingList},
}

func TestFindingsSQLite(t *testing.T) {
	for _, c := range findingSuite {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, findingsOf(t, store.Config{Path: filepath.Join(t.TempDir(), "redteam.db")}))
		})
	}
}

func TestFindingsPostgreSQL(t *testing.T) {
	dsn := storetest.PostgreSQL(t)
	for i, c := range findingSuite {
		s, err := store.Open(t.Context(), store.Config{DSN: dsn})
		fatal(t, err)
		_, err = s.Exec(t.Context(), fmt.Sprintf("CREATE DATABASE redteam%d", i))
		fatal(t, errors.Join(err, s.Close()))
		t.Run(c.name, func(t *testing.T) {
			c.run(t, findingsOf(t, store.Config{DSN: strings.Replace(dsn, "/postgres?", fmt.Sprintf("/redteam%d?", i), 1)}))
		})
	}
}

func findingsOf(t *testing.T, cfg store.Config) *Findings {
	t.Helper()
	cfg.Migrations = []store.Migrations{{Room: "redteam", Files: Migrations}}
	s, err := store.Open(context.Background(), cfg)
	fatal(t, err)
	t.Cleanup(func() { _ = s.Close() })
	now := moment
	return OpenFindings(s, func() time.Time { now = now.Add(time.Minute); return now })
}

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var moment = time.Date(2026, 3, 12, 14, 0, 0, 0, time.UTC)

func opened(key string) Finding {
	return Finding{Campaign: "first", Begun: moment, Key: key, Pair: "pair-" + key, Arm: "on", Target: "test://guarded", Actor: "adversarial", Refs: []string{"LLM01:2026", "AML.T0051.000"}, Category: "prompt_injection",
		Strategy: "once", Seed: "s-1", Impact: "confidentiality", Evidence: "0123", Handling: Handling{Damage: "high", Likelihood: "likely"}, By: "ada"}
}

func testFindingLife(t *testing.T, f *Findings) {
	ctx := t.Context()
	one, err := f.Add(ctx, opened("k"))
	fatal(t, err)
	if one.Severity() != "critical" || one.State != FindingOpen || !strings.HasPrefix(one.ID, "find_") {
		t.Errorf("%+v", one)
	}
	refused(t, "a second one", last(f.Add(ctx, opened("k"))), "already")
	h := Handling{Damage: "medium", Likelihood: "rare", Mitigation: "read documents apart", Owner: "bob", Due: moment.AddDate(0, 1, 0)}
	fatal(t, f.Edit(ctx, one.ID, h, true, "bob"))
	held := Retest{Campaign: "second", Begun: moment.Add(time.Hour), Held: true}
	before, again, unsure := held, held, held
	before.Begun = moment.Add(-time.Hour)
	again.Campaign, again.Begun, again.Held, again.Through = "third", moment.Add(2*time.Hour), false, true
	unsure.Campaign, unsure.Begun, unsure.Held = "fourth", moment.Add(3*time.Hour), false
	refused(t, "without a re-test", f.Close(ctx, one.ID, nil, "bob"), "run the campaign again")
	refused(t, "one that went before", f.Close(ctx, one.ID, []Retest{before}, "bob"), "run the campaign again")
	refused(t, "the newest got through", f.Close(ctx, one.ID, []Retest{held, again}, "bob"), "got through again", "third")
	refused(t, "the newest is unsure", f.Close(ctx, one.ID, []Retest{again, held, unsure}, "bob"), "does not say", "fourth")
	fatal(t, f.Close(ctx, one.ID, []Retest{held, before}, "cy"))
	got, err := f.Get(ctx, one.ID)
	fatal(t, err)
	if got.State != FindingClosed || got.Severity() != "low" || got.Handling != h || len(got.Refs) != 2 || !got.Begun.Equal(moment) {
		t.Errorf("%+v", got)
	}
	steps := ""
	for _, s := range got.Steps {
		steps += s.What + " by " + s.By + ": " + s.Note + "\n"
	}
	if steps != "opened by ada: \nfixed by bob: read documents apart\nclosed by cy: held in the re-test second\n" {
		t.Errorf("done was %q", steps)
	}
	refused(t, "a closed one", f.Edit(ctx, one.ID, h, false, "bob"), "closed")
	refused(t, "a closed one again", f.Close(ctx, one.ID, []Retest{held}, "bob"), "closed")
	if list, err := f.Of(ctx, one.Pair); err != nil || len(list) != 1 || len(list[0].Steps) != 3 {
		t.Errorf("%+v %v", list, err)
	}
}

func last[T any](_ T, err error) error { return err }

// refused wants a sentence for people with some words in it.
func refused(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	var said *FindingError
	if !errors.As(err, &said) {
		t.Errorf("%s: %v", what, err)
		return
	}
	for _, w := range words {
		if !strings.Contains(said.Why, w) || !strings.HasSuffix(said.Why, ".") {
			t.Errorf("%s: %q does not say %q", what, said.Why, w)
		}
	}
}

func testFindingFaults(t *testing.T, f *Findings) {
	ctx := t.Context()
	one, err := f.Add(ctx, opened("k"))
	fatal(t, err)
	good := one.Handling
	for what, change := range map[string]func(*Handling){"The damage": func(h *Handling) { h.Damage = "huge" }, "The likelihood": func(h *Handling) { h.Likelihood = "" },
		"say it shorter": func(h *Handling) { h.Mitigation = strings.Repeat("x", maxNote+1) }} {
		bad := good
		change(&bad)
		refused(t, what, f.Edit(ctx, one.ID, bad, false, "x"), what)
		other := opened("other")
		other.Handling = bad
		refused(t, what, last(f.Add(ctx, other)), what)
	}
	refused(t, "fixed by nothing", f.Edit(ctx, one.ID, good, true, "x"), "say what")
	for _, err := range []error{f.Edit(ctx, "find_none", good, false, "x"), f.Close(ctx, "find_none", nil, "x"), last(f.Get(ctx, "find_none"))} {
		if !errors.Is(err, ErrNoFinding) {
			t.Error(err)
		}
	}
	good.Mitigation = "m"
	fatal(t, f.Edit(ctx, one.ID, good, true, "x"))
	fatal(t, f.Edit(ctx, one.ID, good, false, "x"))
	got, err := f.Get(ctx, one.ID)
	fatal(t, err)
	if n := len(got.Steps); n != 3 || got.Steps[2].What != "reopened" || got.State != FindingOpen {
		t.Errorf("%+v", got)
	}
}

func testFindingList(t *testing.T, f *Findings) {
	ctx := t.Context()
	for _, key := range []string{"a", "b", "c"} {
		one, err := f.Add(ctx, opened(key))
		fatal(t, err)
		if key == "c" {
			fatal(t, f.Close(ctx, one.ID, []Retest{{Campaign: "x", Begun: moment.Add(time.Hour), Held: true}}, "x"))
		}
	}
	list, err := f.List(ctx)
	fatal(t, err)
	keys := ""
	for _, one := range list {
		keys += one.Key
	}
	if keys != "bac" {
		t.Errorf("listed is %s", keys)
	}
}

// TestSeverity: how bad it is by how likely it is, in every combination.
func TestSeverity(t *testing.T) {
	want := map[string]string{"low": "low low medium", "medium": "low medium high", "high": "medium high critical", "critical": "medium high critical"}
	for _, d := range Damages {
		var got []string
		for _, l := range Likelihoods {
			got = append(got, Handling{Damage: d, Likelihood: l}.Severity())
		}
		if s := strings.Join(got, " "); s != want[d] {
			t.Errorf("%s: %s", d, s)
		}
	}
	for rate, likely := range map[float64]string{0: "rare", .09: "rare", .1: "possible", .49: "possible", .5: "likely", 1: "likely"} {
		if got := Likely(rate); got != likely {
			t.Errorf("%v: %s", rate, got)
		}
	}
}

// TestLook: the survey has every attempt of the last arm, and every impact in every phase.
func TestLook(t *testing.T) {
	h := build(t, 8, nil)
	progress, err := h.run(t.Context(), h.dir)
	fatal(t, err)
	s, err := Look(h.dir, h.plan)
	fatal(t, err)
	a, err := Analyse(h.dir, h.plan, nil)
	fatal(t, err)
	through, held, tries, hits := 0, 0, 0, 0
	for _, one := range s.Pairs {
		if one.Through() {
			through++
		}
		if one.Held() {
			held++
		}
	}
	for _, c := range s.Phases {
		tries, hits = tries+c.Tries, hits+c.Hits
	}
	last := a.Arms[1]
	benign := 0
	for _, c := range last.Cells {
		if c.Cell == BenignCell {
			benign = c.Hits
		}
	}
	if len(s.Pairs) != h.plan.Attempts/2 || through != last.Attacks.Hits+benign || held+through+len(a.Waiting) != len(s.Pairs) || len(s.Phases) != 16 || hits != last.Attacks.Hits || tries != last.Attacks.Tries() {
		t.Errorf("%d pairs, %d through, %d held, %d waiting, %d of %d; the analysis has %+v", len(s.Pairs), through, held, len(a.Waiting), hits, tries, last.Attacks)
	}
	if progress.Hits != last.Attacks.Hits {
		t.Errorf("the progress counts %d", progress.Hits)
	}
	for _, c := range []struct {
		effect, strategy string
		chain            []string
		want             string
	}{{"canary", "single", nil, "model"}, {"canary", "single", []string{"base64"}, "implementation"}, {"mark", "indirect_document", []string{"base64"}, "system"}, {"tool", "indirect_document", nil, "runtime"}, {"amplify", "loop", nil, "runtime"}} {
		if got := Phase(&Seed{Effect: Effect{Kind: c.effect}}, c.strategy, c.chain); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
