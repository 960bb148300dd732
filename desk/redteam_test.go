package desk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/internal/redteamtest"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/store"
)

// lab is a desk with campaigns.
type lab struct {
	*desk.Desk
	notes *notes
	dir   string
}

var begun = time.Date(2026, time.March, 12, 9, 0, 0, 0, time.UTC)

// spec is a campaign that began so many hours later, whose guard stops so many of ten.
func spec(id string, hours, stops int) redteamtest.Spec {
	return redteamtest.Spec{ID: id, Begun: begun.Add(time.Duration(hours) * time.Hour), Stops: stops, Seeds: 20}
}

func labOf(t *testing.T, begins redteamtest.Spec, specs ...redteamtest.Spec) *lab {
	t.Helper()
	l := &lab{notes: &notes{fails: -1}, dir: filepath.Join(t.TempDir(), "redteam")}
	redteamtest.Make(t, l.dir, specs...)
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "desk.db"), Migrations: []store.Migrations{{Room: "redteam", Files: redteam.Migrations}}})
	fatal(t, err)
	t.Cleanup(func() { _ = st.Close() })
	permits, err := access.NewPermits(nil, nil)
	fatal(t, err)
	l.Desk = desk.New(desk.Config{Recorder: l.notes, Permits: func() *access.Permits { return permits }, Attacks: redteamtest.Attacks(l.dir, begins, redteam.OpenFindings(st, nil))})
	t.Cleanup(l.Close)
	return l
}

func (l *lab) campaign(t *testing.T, id string) *desk.Campaign {
	t.Helper()
	c, err := l.Campaign(ctx, admin, id)
	fatal(t, err)
	return c
}

// through are the keys of what got through a campaign's last arm, and of what held.
func (l *lab) through(t *testing.T, id string) (hits, held []string) {
	t.Helper()
	for _, one := range l.campaign(t, id).Survey.Pairs {
		if one.Through() {
			hits = append(hits, one.Key)
		} else if one.Held() {
			held = append(held, one.Key)
		}
	}
	slices.Sort(hits)
	return hits, held
}

// TestCampaigns: what lies in the folder is listed, the newest first; a later one of the same
// name is held against the one before; what cannot be read says so, and what is none is not there.
func TestCampaigns(t *testing.T) {
	l := labOf(t, redteamtest.Spec{}, spec("first", 0, 8), spec("second", 24, 2))
	for _, odd := range []string{"empty", "..hidden", "a b", "coverage"} {
		fatal(t, os.MkdirAll(filepath.Join(l.dir, odd), 0o700))
		fatal(t, os.WriteFile(filepath.Join(l.dir, odd, "campaign.json"), []byte("{"), 0o600))
	}
	fatal(t, os.Remove(filepath.Join(l.dir, "empty", "campaign.json")))
	fatal(t, os.MkdirAll(filepath.Join(l.dir, "torn"), 0o700))
	fatal(t, os.WriteFile(filepath.Join(l.dir, "torn", "campaign.json"), []byte("{"), 0o600))
	list, err := l.Campaigns(ctx, admin)
	fatal(t, err)
	got := ""
	for _, c := range list {
		got += fmt.Sprintln(c.ID, c.State, c.Answer, c.Before, c.Analysis != nil)
	}
	if got != "torn unreadable inconclusive  false\nsecond done fail first true\nfirst done inconclusive  true\n" {
		t.Errorf("listed is\n%s", got)
	}
	if c := list[1].Change; c == nil || !c.Regressed() || len(c.Worse) == 0 {
		t.Errorf("a guard that stops less is no regression: %+v", c)
	}
	for _, id := range []string{"none", "..", "../redteam/first", "", "coverage", "empty"} {
		if _, err := l.Campaign(ctx, admin, id); !errors.Is(err, desk.ErrUnknown) {
			t.Errorf("%q: %v", id, err)
		}
	}
	cover, err := l.Coverage(ctx, reader)
	fatal(t, err)
	tried := ""
	for _, f := range cover.Frameworks {
		for _, i := range f.Items {
			tried += fmt.Sprint(i.Ref, " ", i.Tries > 0, "\n")
		}
	}
	if cover.Campaign != "second" || len(cover.Phases) != 16 || tried != "LLM01:2026 true\nLLM02:2026 false\nAML.T0000 false\nAML.T0051.000 true\nX true\n" {
		t.Errorf("covered is %+v\n%s", cover, tried)
	}
	if none := labOf(t, redteamtest.Spec{}); len(must(none.Campaigns(ctx, admin))) != 0 || must(none.Coverage(ctx, admin)).Campaign != "" {
		t.Error("where nothing was tried there is something")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestUnfinishedPassesNothing: a campaign that was stopped is no proof, whatever it has shown.
func TestUnfinishedPassesNothing(t *testing.T) {
	l := labOf(t, redteamtest.Spec{}, redteamtest.Spec{ID: "first", Begun: begun, Stops: 10, Seeds: 80})
	if c := l.campaign(t, "first"); c.State != desk.CampaignDone || c.Answer != "pass" {
		t.Fatalf("%s %s %q", c.State, c.Answer, c.Analysis.Reasons)
	}
	path := filepath.Join(l.dir, "first", "results.jsonl")
	b, err := os.ReadFile(path)
	fatal(t, err)
	lines := strings.SplitAfter(string(b), "\n")
	fatal(t, os.WriteFile(path, []byte(strings.Join(lines[:len(lines)-3], "")), 0o600))
	if c := l.campaign(t, "first"); c.State != desk.CampaignUnfinished || c.Answer == "pass" {
		t.Errorf("%s %s", c.State, c.Answer)
	}
}

// TestAttemptHasNoWords: what was said is shown to those who may read what people wrote, with a
// reason that is on record, and to nobody else.
func TestAttemptHasNoWords(t *testing.T) {
	l := labOf(t, redteamtest.Spec{}, spec("first", 0, 3))
	hits, _ := l.through(t, "first")
	auditor, approver := desk.Actor{Person: "ann", Roles: []string{"auditor"}}, desk.Actor{Person: "pat", Roles: []string{"approver"}}
	for _, a := range []desk.Actor{admin, reader, auditor, approver} {
		one, err := l.Attempt(ctx, a, "first", hits[0])
		fatal(t, err)
		if told := fmt.Sprintf("%+v %+v", one, one.Result); strings.Contains(told, redteamtest.Secret) || strings.Contains(told, "a secret place") || strings.Contains(told, "attack ") {
			t.Errorf("%s reads words: %s", a.Person, told)
		}
		if !one.Through || !one.Gated || one.Suggested.Damage != "high" || one.Phase == "" || len(one.Tries) != 1 {
			t.Errorf("%+v", one)
		}
	}
	if len(l.notes.acts) != 0 {
		t.Errorf("looking is on record: %+v", l.notes.acts)
	}
	for _, a := range []desk.Actor{reader, auditor} {
		if got, err := l.Transcript(ctx, a, "first", hits[0], "ticket"); !errors.Is(err, desk.ErrDenied) || got != nil {
			t.Errorf("%s: %v", a.Person, err)
		}
	}
	if got, err := l.Transcript(ctx, approver, "first", hits[0], " "); !errors.Is(err, desk.ErrInvalid) || got != nil {
		t.Error(err)
	}
	l.notes.acts = nil
	got, err := l.Transcript(ctx, approver, "first", hits[0], "ticket 7")
	fatal(t, err)
	if len(got.Sent) != 1 || !strings.Contains(got.Result.Replies[0].Text, redteamtest.Secret) {
		t.Errorf("%+v", got)
	}
	want := []string{"content.read intended attempt " + hits[0][:16] + " of campaign first pat", "content.read done attempt " + hits[0][:16] + " of campaign first pat"}
	if p := l.notes.phases(); !slices.Equal(p, want) || l.notes.acts[0].Reason != "ticket 7" {
		t.Errorf("recorded is %q", p)
	}
	l.notes.fails, l.notes.err = len(l.notes.acts), record.ErrFull
	if got, err := l.Transcript(ctx, approver, "first", hits[0], "ticket 7"); !errors.Is(err, record.ErrFull) || got != nil {
		t.Errorf("with a full ledger: %v", err)
	}
}

// TestDecide: a person judges what no scorer could, on record, and the campaign's figures follow.
func TestDecide(t *testing.T) {
	l := labOf(t, redteamtest.Spec{}, spec("first", 0, 3))
	waiting := l.campaign(t, "first").Analysis.Waiting
	if len(waiting) == 0 {
		t.Fatal("nothing waits")
	}
	key := waiting[0]
	for what, err := range map[string]error{
		"no reason":   l.Decide(ctx, admin, "first", key, redteam.Miss, " "),
		"no verdict":  l.Decide(ctx, admin, "first", key, redteam.Unknown, "x"),
		"no attempt":  l.Decide(ctx, admin, "first", "none", redteam.Miss, "x"),
		"no campaign": l.Decide(ctx, admin, "none", key, redteam.Miss, "x"),
	} {
		if !errors.Is(err, desk.ErrInvalid) && !errors.Is(err, desk.ErrUnknown) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := l.Decide(ctx, reader, "first", key, redteam.Miss, "x"); !errors.Is(err, desk.ErrDenied) {
		t.Error(err)
	}
	fatal(t, l.Decide(ctx, admin, "first", key, redteam.Miss, "only a mumble"))
	if c := l.campaign(t, "first"); slices.Contains(c.Analysis.Waiting, key) || len(c.Analysis.Waiting) != len(waiting)-1 {
		t.Error("it waits still")
	}
	if a := l.notes.acts[len(l.notes.acts)-1]; a.Kind != desk.RedteamDecide || a.Phase != "done" || a.Reason != "miss: only a mumble" {
		t.Errorf("%+v", a)
	}
}

// TestFindingLife: a finding is opened of what got through, and closed by a later campaign in
// which the same attack was stopped, and by nothing else.
func TestFindingLife(t *testing.T) {
	l := labOf(t, redteamtest.Spec{}, spec("first", 0, 2))
	hits, held := l.through(t, "first")
	h := redteam.Handling{Damage: "high", Likelihood: "likely"}
	public := func(err error) string {
		var said *desk.Refusal
		if !errors.As(err, &said) {
			t.Helper()
			t.Errorf("no refusal: %v", err)
			return ""
		}
		return said.Public()
	}
	if got := public(nothingOf(l.OpenFinding(ctx, admin, "first", held[0], h))); !strings.Contains(got, "did not get through") {
		t.Error(got)
	}
	one, err := l.OpenFinding(ctx, admin, "first", hits[0], h)
	fatal(t, err)
	if one.Evidence == "" || one.Impact == "" || one.Actor != "adversarial" || len(one.Refs) == 0 {
		t.Errorf("%+v", one)
	}
	if got := public(nothingOf(l.OpenFinding(ctx, admin, "first", hits[0], h))); !strings.Contains(got, "already") {
		t.Error(got)
	}
	if got := public(l.CloseFinding(ctx, admin, one.ID)); !strings.Contains(got, "run the campaign again") {
		t.Error(got)
	}
	redteamtest.Make(t, l.dir, spec("second", 24, 2))
	if got := public(l.CloseFinding(ctx, admin, one.ID)); !strings.Contains(got, "got through again in the newest re-test, second") {
		t.Error(got)
	}
	h.Mitigation, h.Owner = "read documents apart", "bob"
	fatal(t, l.EditFinding(ctx, admin, one.ID, h, true))
	redteamtest.Make(t, l.dir, spec("third", 48, 9))
	for _, a := range []desk.Actor{reader, {Person: "pat", Roles: []string{"approver"}}} {
		if err := errors.Join(l.CloseFinding(ctx, a, one.ID)); !errors.Is(err, desk.ErrDenied) {
			t.Error(err)
		}
	}
	fatal(t, l.CloseFinding(ctx, admin, one.ID))
	got, err := l.Attempt(ctx, reader, "first", hits[0])
	fatal(t, err)
	tries := ""
	for _, r := range got.Tries {
		tries += fmt.Sprintln(r.Campaign, r.Through, r.Held)
	}
	if tries != "first true false\nsecond true false\nthird false true\n" || len(got.Findings) != 1 || got.Findings[0].State != redteam.FindingClosed || len(got.Findings[0].Steps) != 3 || got.Open() != nil {
		t.Errorf("%s %+v", tries, got.Findings)
	}
	if list, err := l.Findings(ctx, reader); err != nil || len(list) != 1 {
		t.Error(list, err)
	}
}

// TestStartAndStop: one campaign runs at a time, is stopped at once, and goes on where it was.
func TestStartAndStop(t *testing.T) {
	l := labOf(t, redteamtest.Spec{Begun: begun, Seeds: 10, Slow: 20 * time.Millisecond})
	if _, err := l.StartCampaign(ctx, admin, "", " "); !errors.Is(err, desk.ErrInvalid) {
		t.Errorf("without a reason: %v", err)
	}
	if _, err := l.StartCampaign(ctx, reader, "", "x"); !errors.Is(err, desk.ErrDenied) {
		t.Error(err)
	}
	id, err := l.StartCampaign(ctx, admin, "", "before the release")
	fatal(t, err)
	if _, err := l.StartCampaign(ctx, admin, "", "x"); !errors.Is(err, desk.ErrBusy) {
		t.Errorf("a second one: %v", err)
	}
	until := func(what string, done func(c *desk.Campaign) bool) *desk.Campaign {
		t.Helper()
		for range 2000 {
			if c := l.campaign(t, id); done(c) {
				return c
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Fatalf("never %s: %+v", what, l.campaign(t, id))
		return nil
	}
	until("under way", func(c *desk.Campaign) bool {
		return c.State == desk.CampaignRunning && c.Progress.Done > 3 && c.Progress.Of > 100
	})
	fatal(t, l.StopCampaign(ctx, admin, id))
	c := until("stopped", func(c *desk.Campaign) bool { return c.State == desk.CampaignUnfinished })
	if c.Analysis.Done >= c.Analysis.Planned || !strings.Contains(c.Why, "was stopped") || !c.Inside || c.Analysis.Allowed.AllowedBy != "ada" || c.Analysis.Allowed.Reason != "before the release" {
		t.Errorf("%+v", c)
	}
	if err := l.StopCampaign(ctx, admin, id); !errors.Is(err, desk.ErrInvalid) {
		t.Errorf("stopping what does not run: %v", err)
	}
	before := c.Analysis.Done
	fatal(t, nothingOf(l.StartCampaign(ctx, admin, id, "go on")))
	c = until("done", func(c *desk.Campaign) bool { return c.State == desk.CampaignDone })
	if c.Analysis.Done != c.Analysis.Planned || before == 0 {
		t.Errorf("%d of %d after %d", c.Analysis.Done, c.Analysis.Planned, before)
	}
	if _, err := l.StartCampaign(ctx, admin, id, "again"); !errors.Is(err, desk.ErrInvalid) {
		t.Errorf("what has ended goes on: %v", err)
	}
	if _, err := l.StartCampaign(ctx, admin, "none", "again"); !errors.Is(err, desk.ErrUnknown) {
		t.Error(err)
	}
	kinds := map[string]bool{}
	for _, a := range l.notes.acts {
		kinds[a.Kind+" "+a.Phase] = true
	}
	if !kinds["redteam.run done"] || !kinds["redteam.run refused"] || !kinds["redteam.run failed"] {
		t.Errorf("recorded is %v", kinds)
	}
}

// TestCloseStopsCampaigns: what runs ends with the server, and can go on after it.
func TestCloseStopsCampaigns(t *testing.T) {
	l := labOf(t, redteamtest.Spec{Begun: begun, Seeds: 10, Slow: time.Hour})
	id, err := l.StartCampaign(context.Background(), admin, "", "x")
	fatal(t, err)
	l.Close()
	if c := l.campaign(t, id); c.State != desk.CampaignUnfinished {
		t.Errorf("%+v", c)
	}
}
