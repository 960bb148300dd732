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
	ctx, now := t.Context(), time.Now()
	a := keeping(t, filepath.Join(t.TempDir(), "data"))
	keeps := a.keeping().Records.For
	old := now.Add(-keeps - 24*time.Hour)
	round := redteam.RoundName("demo-assistant", "20200101-000000.000")
	dirs := map[string]string{"old": "old", "found": "found", "young": "young", "written": "written", round: "live/demo-assistant/20200101-000000.000"}
	for name, dir := range dirs {
		dir = filepath.Join(a.dir(Campaigns), dir)
		dirs[name] = dir
		campaign(t, dir, old)
	}
	must(t, os.Chtimes(filepath.Join(dirs["written"], "results.jsonl"), now, now))
	must(t, os.Chtimes(filepath.Join(dirs["young"], "campaign.json"), now, now))
	_, err := redteam.OpenFindings(a.store, nil).Add(ctx, redteam.Finding{Campaign: "found", Key: "k", Pair: "p", Arm: "on", Handling: redteam.Handling{Damage: "high", Likelihood: "rare"}, By: "ada"})
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
	want := []string{"intended campaign " + round, "done campaign " + round, "intended campaign old", "done campaign old"}
	if got := forgotten(t, a); !sameSet(got, want) {
		t.Errorf("on record are %q", got)
	}
}

// keeping is an app whose policy keeps records for a while, with its data in a folder.
func keeping(t *testing.T, data string) *App {
	t.Helper()
	f, err := config.Parse(filepath.Join(filepath.Dir(data), "bartizan.yaml"), []byte(shown+"policies: {office: {keep: {content: 30d, records: 60d}}}\n"))
	must(t, err)
	f.Data = data
	s := f.Systems["bot"]
	s.Policy = "office"
	f.Systems["bot"] = s
	a, err := New(t.Context(), Config{File: f})
	must(t, err)
	t.Cleanup(func() { must(t, a.Stop(context.Background())) })
	return a
}

// campaign writes one that was last written to at a time.
func campaign(t *testing.T, dir string, at time.Time) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o700))
	for _, file := range []string{"campaign.json", "results.jsonl"} {
		must(t, os.WriteFile(filepath.Join(dir, file), []byte("{}"), 0o600))
		must(t, os.Chtimes(filepath.Join(dir, file), at, at))
	}
}

// forgotten is what is on record of campaigns that were deleted.
func forgotten(t *testing.T, a *App) (out []string) {
	t.Helper()
	for r, err := range a.ledger.Records(t.Context(), record.Query{Kind: "act"}) {
		must(t, err)
		if r.Act.Kind == RedteamRetain {
			out = append(out, r.Act.Phase+" "+r.Act.Target)
		}
	}
	return out
}

func sameSet(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// TestForgetCampaignsStaysInside: whatever the data folder is called, and wherever it leads as a whole, what is
// too old goes; what a link inside leads to stays, and so do rounds when somebody called a campaign as their folder
// is called.
func TestForgetCampaignsStaysInside(t *testing.T) {
	for _, name := range []string{"data", "data[1]"} {
		a := keeping(t, filepath.Join(t.TempDir(), name))
		now := time.Now()
		old := now.Add(-a.keeping().Records.For - 24*time.Hour)
		outside, moved, root := t.TempDir(), t.TempDir(), a.dir(Campaigns)
		must(t, os.RemoveAll(root))
		must(t, os.Symlink(moved, root))
		const folder = "20200101-000000.000"
		campaign(t, filepath.Join(outside, folder), old)
		campaign(t, filepath.Join(root, "old"), old)
		campaign(t, filepath.Join(root, "live"), old)
		campaign(t, filepath.Join(root, "live", "bot"), old) // no round either
		campaign(t, filepath.Join(root, "live", "bot", folder), old)
		campaign(t, filepath.Join(root, "live", "bot", "20260101-000000.000"), now.Add(2*time.Hour))
		campaign(t, filepath.Join(root, "live", "other", folder), old)
		must(t, os.Symlink(filepath.Join(outside, folder), filepath.Join(root, "linked")))
		must(t, os.Symlink(outside, filepath.Join(root, "live", "linked")))
		must(t, os.Symlink(filepath.Join(outside, folder), filepath.Join(root, "live", "bot", "20200202-000000.000")))
		must(t, os.Symlink(outside, filepath.Join(root, "old", "within"))) // goes as a link
		must(t, os.MkdirAll(filepath.Join(root, "borrowed"), 0o700))
		must(t, os.Symlink(filepath.Join(outside, folder, "campaign.json"), filepath.Join(root, "borrowed", "campaign.json")))
		must(t, os.Chtimes(filepath.Join(root, "live"), old, old))
		open := redteam.RoundName("bot", folder)
		_, err := redteam.OpenFindings(a.store, nil).Add(t.Context(), redteam.Finding{Campaign: open, Key: "k", Pair: "p", Arm: "on", Handling: redteam.Handling{Damage: "high", Likelihood: "rare"}, By: "ada"})
		must(t, err)
		must(t, a.forgetCampaigns(t.Context(), now.Add(time.Hour), "office")) // links are as old as the test
		for path, want := range map[string]bool{filepath.Join(outside, folder, "results.jsonl"): true, filepath.Join(root, "old"): false, filepath.Join(root, "live", "other", folder): false,
			filepath.Join(root, "live", "bot", folder, "results.jsonl"): true, filepath.Join(root, "live", "bot", "20260101-000000.000", "results.jsonl"): true,
			filepath.Join(root, "linked"): true, filepath.Join(root, "live", "linked"): true, filepath.Join(root, "borrowed"): true} {
			if _, err := os.Lstat(path); (err == nil) != want {
				t.Errorf("%s: %s is there: %v, want %v", name, path, err == nil, want)
			}
		}
		round := redteam.RoundName("other", folder)
		if got := forgotten(t, a); !sameSet(got, []string{"intended campaign " + round, "done campaign " + round, "intended campaign old", "done campaign old"}) {
			t.Errorf("%s: on record are %q", name, got)
		}
	}
}

// TestForgetCampaignsOnRecordOnly: where the ledger takes nothing, nothing is deleted; what cannot be deleted is on
// record as that, is found again, and keeps nothing else.
func TestForgetCampaignsOnRecordOnly(t *testing.T) {
	a := keeping(t, filepath.Join(t.TempDir(), "data"))
	now := time.Now()
	old := now.Add(-a.keeping().Records.For - 24*time.Hour)
	stuck, loose := filepath.Join(a.dir(Campaigns), "a-stuck"), filepath.Join(a.dir(Campaigns), "loose")
	campaign(t, stuck, old)
	campaign(t, loose, old)
	root, err := os.OpenRoot(a.dir(Campaigns))
	must(t, err)
	defer func() { must(t, root.Close()) }()
	gone, cancel := context.WithCancel(t.Context())
	cancel() // of which the ledger records nothing
	if recorded, err := a.forgetCampaign(gone, root, kept{name: "loose", dir: "loose"}, "office"); recorded || err == nil {
		t.Error("an act that is not on record is taken to be")
	}
	if _, err := os.Stat(filepath.Join(loose, "results.jsonl")); err != nil || len(forgotten(t, a)) > 0 {
		t.Fatal("something was deleted that is not on record")
	}
	if err := (kept{dir: "../elsewhere"}).remove(root); err == nil {
		t.Error("what lies elsewhere is deleted")
	}
	if _, err := a.forgetCampaign(t.Context(), root, kept{name: "a-stuck", dir: "../a-stuck"}, "office"); err == nil {
		t.Error("nothing was said of what could not be deleted")
	}
	must(t, a.forget(t.Context(), now))
	want := []string{"intended campaign a-stuck", "failed campaign a-stuck", "intended campaign a-stuck", "done campaign a-stuck", "intended campaign loose", "done campaign loose"}
	if got := forgotten(t, a); !sameSet(got, want) {
		t.Errorf("on record are %q", got)
	}
}
