package app

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/redteam"
)

// TestForgetCampaigns: campaigns and rounds live as long as records do, from when something was last
// written to them; those that a finding which is not closed was found in stay, and all of them under a
// legal hold on records. What goes is on record.
func TestForgetCampaigns(t *testing.T) {
	ctx, now, dir := t.Context(), time.Now(), t.TempDir()
	f, err := config.Parse(filepath.Join(dir, "bartizan.yaml"), []byte(shown+"policies: {office: {keep: {content: 30d, records: 60d}}}\n"))
	must(t, err)
	f.Data = filepath.Join(dir, "data")
	s := f.Systems["bot"]
	s.Policy = "office"
	f.Systems["bot"] = s
	a, err := New(ctx, Config{File: f})
	must(t, err)
	defer func() { must(t, a.Stop(context.Background())) }()
	keeps := a.keeping().Records.For
	old := now.Add(-keeps - 24*time.Hour)
	round := redteam.RoundName("demo-assistant", "20200101-000000.000")
	dirs := map[string]string{"old": "old", "found": "found", "young": "young", "written": "written", round: "live/demo-assistant/20200101-000000.000"}
	for name, dir := range dirs {
		dir = filepath.Join(a.dir(Campaigns), dir)
		dirs[name] = dir
		must(t, os.MkdirAll(dir, 0o700))
		for _, file := range []string{"campaign.json", "results.jsonl"} {
			must(t, os.WriteFile(filepath.Join(dir, file), []byte("{}"), 0o600))
			must(t, os.Chtimes(filepath.Join(dir, file), old, old))
		}
	}
	must(t, os.Chtimes(filepath.Join(dirs["written"], "results.jsonl"), now, now))
	must(t, os.Chtimes(filepath.Join(dirs["young"], "campaign.json"), now, now))
	_, err = redteam.OpenFindings(a.store, nil).Add(ctx, redteam.Finding{Campaign: "found", Key: "k", Pair: "p", Arm: "on", Handling: redteam.Handling{Damage: "high", Likelihood: "rare"}, By: "ada"})
	must(t, err)
	left := func() (out []string) {
		for name, dir := range dirs {
			if _, err := os.Stat(dir); err == nil {
				out = append(out, name)
			}
		}
		slices.Sort(out)
		return out
	}
	hold, err := a.subjects.AddHold(ctx, privacy.Hold{System: "bot", Reason: "CASE-8"})
	must(t, err)
	must(t, a.forget(ctx, now))
	if got := left(); len(got) != len(dirs) {
		t.Errorf("under a legal hold only %q are left", got)
	}
	must(t, a.subjects.LiftHold(ctx, hold.ID, "x"))
	must(t, a.forget(ctx, now))
	if got := left(); !slices.Equal(got, []string{"found", "written", "young"}) {
		t.Errorf("%q are left", got)
	}
	var gone []string
	for r, err := range a.ledger.Records(ctx, record.Query{Kind: "act"}) {
		must(t, err)
		if r.Act.Kind == RedteamRetain {
			gone = append(gone, r.Act.Target)
		}
	}
	slices.Sort(gone)
	if !slices.Equal(gone, []string{"campaign " + round, "campaign old"}) {
		t.Errorf("on record are %q", gone)
	}
}
