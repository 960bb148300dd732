package redteam

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// TestPrune: folders of old rounds are deleted, but for those that a finding which is not closed was
// found in; rounds are known by their names as long as they are there.
func TestPrune(t *testing.T) {
	s := database(t, store.Config{Path: filepath.Join(t.TempDir(), "redteam.db")})
	c := newCage(t, s, t.TempDir(), ward(16), &model{name: "bot"})
	ctx := t.Context()
	const folders = 20
	c.cfg.Folders = folders
	findings := OpenFindings(s, func() time.Time { return moment })
	var kept []string
	for n := range folders + 4 {
		fatal(t, c.Ask(ctx, "bot", "ada"))
		c.once(ctx)
		c.pass(time.Hour)
		if n == 1 || n == 2 {
			name := c.Names("bot")[0]
			f, err := findings.Add(ctx, Finding{Campaign: name, Key: name, Pair: "p", Arm: "bot", Target: LiveTarget + "bot#1", Handling: Handling{Damage: "high", Likelihood: "rare"}, By: "ada"})
			fatal(t, err)
			if kept = append(kept, name); n == 2 {
				fatal(t, findings.Edit(ctx, f.ID, f.Handling, false, "bob"))
			}
		}
	}
	names := c.Names("bot")
	if len(names) != folders+2 || !slices.Contains(names, kept[0]) || !slices.Contains(names, kept[1]) || !slices.IsSortedFunc(names, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("%d folders are left: %q; findings are in %q", len(names), names, kept)
	}
	last := c.status().Rounds[folders+3]
	if names[0] != last.Name() || !IsRound(names[0]) || RoundPath(names[0]) != "bot/"+last.Folder || c.Lies(names[0]) == "" {
		t.Errorf("%s is called %s", names[0], last.Name())
	}
	if first := c.status().Rounds[0]; c.Lies(first.Name()) != "" {
		t.Error("the first round is still there")
	}
	for _, none := range []string{"", "first", "live", "live.bot", "live.bot.20260312-090000", "live.bot.20260312-090000.000x", "live..20260312-090000.000", "live.b/../c.20260312-090000.000", "live.-x.20260312-090000.000"} {
		if IsRound(none) || c.Lies(none) != "" {
			t.Errorf("%q is a round", none)
		}
	}
	if c.Names("none") != nil {
		t.Error("rounds of a system that has none")
	}
	_, err := os.Stat(filepath.Join(c.cfg.Dir, "bot"))
	fatal(t, err)
}

// TestOpenIsTold: how many alarms are open is told while canaries run, also when none is any more, and when
// the system is tried no more.
func TestOpenIsTold(t *testing.T) {
	c := newCage(t, database(t, store.Config{Path: filepath.Join(t.TempDir(), "redteam.db")}), t.TempDir(), ward(16), &model{name: "bot"})
	told := -1
	c.cfg.Open = func(system string, n int) { told = n }
	fatal(t, c.Leaked(t.Context(), "bot", "ex_1"))
	wards := c.cfg.Wards
	c.look(t.Context())
	c.ended.Wait()
	if told != 1 || !c.Observes("bot") {
		t.Errorf("%d are open, not 1", told)
	}
	c.cfg.Wards = func() []Ward { return nil }
	told = -1
	if c.look(t.Context()); told != 1 || c.Observes("bot") {
		t.Errorf("%d are open of a system that is tried no more", told)
	}
	list, err := c.States(t.Context())
	fatal(t, err)
	if len(list) != 1 || list[0].State != "undeclared" || len(list[0].Open()) != 1 || len(list[0].Rounds) != 1 {
		t.Fatalf("%+v", list)
	}
	fatal(t, c.Settle(t.Context(), list[0].Open()[0].ID, false, "ada", "gone"))
	if c.look(t.Context()); told != 0 {
		t.Errorf("%d are open", told)
	}
	if list, err = c.States(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%+v", list)
	}
	w := ward(16)
	w.Fault = "Its prompt cannot be read."
	c.cfg.Wards = func() []Ward { return []Ward{w} }
	for range 3 {
		c.look(t.Context())
	}
	if list, err = c.States(t.Context()); err != nil || list[0].State != "faulty" || len(list[0].Open()) != 1 || list[0].Open()[0].Kind != AlarmBlind || list[0].Open()[0].Note != w.Fault {
		t.Errorf("%+v", list)
	}
	c.cfg.Wards = wards
}
