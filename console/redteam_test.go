package console

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/internal/redteamtest"
	"github.com/bartizan-ai/bartizan/redteam"
)

var everything = desk.Actor{Person: "root", Roles: []string{"admin"}}

// made are the files of two campaigns, which every house has alike.
var made struct {
	sync.Mutex
	files fstest.MapFS
}

// attacked puts two campaigns into the folder: the second one stops more.
func (h *house) attacked() {
	h.t.Helper()
	made.Lock()
	defer made.Unlock()
	if made.files == nil {
		dir := h.t.TempDir()
		redteamtest.Make(h.t, dir, redteamtest.Spec{ID: "first", Begun: moment.Add(-48 * time.Hour), Stops: 2}, redteamtest.Spec{ID: "second", Begun: moment.Add(-time.Hour), Stops: 8})
		made.files = fstest.MapFS{}
		for _, name := range []string{"campaign.json", "library.json", "results.jsonl"} {
			for _, id := range []string{"first/", "second/"} {
				b, err := os.ReadFile(filepath.Join(dir, id+name))
				if err != nil {
					h.t.Fatal(err)
				}
				made.files[id+name] = &fstest.MapFile{Data: b, Mode: 0o600}
			}
		}
	}
	if err := os.CopyFS(h.attacks, made.files); err != nil {
		h.t.Fatal(err)
	}
}

// attempts are keys of a campaign: those that got through and held in the next, and those that
// wait for a person.
func (h *house) attempts(id string) (through, waiting []string) {
	h.t.Helper()
	c, err := h.counter.Campaign(context.Background(), everything, id)
	if err != nil {
		h.t.Fatal(err)
	}
	next, err := h.counter.Campaign(context.Background(), everything, "second")
	if err != nil {
		h.t.Fatal(err)
	}
	for pair, one := range c.Survey.Pairs {
		if one.Through() && (next.Survey.Pairs[pair].Held() || id == "planted") {
			through = append(through, one.Key)
		}
	}
	slices.Sort(through)
	return through, c.Analysis.Waiting
}

// handled is a finding of the attempt that comes last among those that got through, and held
// later.
func (h *house) handled() (key, id string) {
	h.t.Helper()
	through, _ := h.attempts("first")
	key = through[len(through)-1]
	f, err := h.counter.OpenFinding(context.Background(), everything, "first", key, redteam.Handling{Damage: "high", Likelihood: "likely", Owner: "bob", Due: h.clock.AddDate(0, 0, -1)})
	if err != nil {
		h.t.Fatal(err)
	}
	h.acts = nil
	return key, f.ID
}

// running is a campaign that runs.
func (h *house) running() string {
	h.t.Helper()
	id, err := h.counter.StartCampaign(context.Background(), everything, "", "x")
	if err != nil {
		h.t.Fatal(err)
	}
	h.acts = nil
	return id
}

// TestCanItShip: the page says in words whether the newest campaign lets a release go, and
// what got worse, and shows findings with who owns them.
func TestCanItShip(t *testing.T) {
	h := build(t)
	says(t, "nothing", h.as("reader").get("/redteam").body, "Nothing was attacked yet", "No campaign lies in the data folder yet", "No finding is open")
	redteamtest.Make(t, h.attacks, redteamtest.Spec{ID: "open", Begun: h.clock.Add(-72 * time.Hour), Stops: 10})
	says(t, "few seeds", h.as("reader").get("/redteam").body, "Too little was seen to say whether this can ship", "inconclusive", "No campaign of this name went before")
	redteamtest.Make(t, h.attacks, redteamtest.Spec{ID: "good", Begun: h.clock.Add(-50 * time.Hour), Stops: 10, Seeds: 80})
	says(t, "good", h.as("reader").get("/redteam").body, "This can ship: every cell of the newest campaign passed.", "no cell got worse by more than chance")
	redteamtest.Make(t, h.attacks, redteamtest.Spec{ID: "bad", Begun: h.clock.Add(-49 * time.Hour), Stops: 3, Seeds: 80})
	body := h.as("reader").get("/redteam").body
	check(t, "bad", body)
	says(t, "bad", body, "This cannot ship: too much gets through in confidentiality, integrity.", "Worse than", "seeds worse", `class="verdict v-block"`)
	if strings.Contains(body, "Run the default campaign</button>") {
		t.Error("a reader is offered to begin a campaign")
	}
}

// TestCampaignPage: what waits is judged there, and what got through leads to its page.
func TestCampaignPage(t *testing.T) {
	h := build(t).furnish(1)
	through, waiting := h.attempts("first")
	admin := h.as("admin")
	body := admin.get("/redteam/first").body
	check(t, "campaign", body)
	says(t, "campaign", body, "attacks got through “on”.", "What waits for a person", "indirect document", "test@1", "inside://practice/on#2", `value="hit"`, "/redteam/first/"+waiting[0]+"/decide", "Seeds to pass")
	if strings.Contains(h.as("reader").get("/redteam/first").body, "<form class=\"reason\"") {
		t.Error("a reader is offered a form")
	}
	if a := admin.post("/redteam/first/"+waiting[0]+"/decide", "verdict", "miss"); a.code != 422 || !strings.Contains(a.body, "has a reason") {
		t.Errorf("without a reason: %d", a.code)
	}
	if a := admin.post("/redteam/first/"+waiting[0]+"/decide", "verdict", "miss", "reason", "a mumble"); a.code != http.StatusSeeOther {
		t.Error(a.code)
	}
	if strings.Contains(admin.get("/redteam/first").body, "/redteam/first/"+waiting[0]+"/decide") {
		t.Error("it waits still")
	}
	for _, path := range []string{"/redteam/none", "/redteam/..%2Ffirst", "/redteam/first/none", "/redteam/none/" + through[0]} {
		if a := admin.get(path); a.code != 404 {
			t.Errorf("%s: %d", path, a.code)
		}
	}
}

// TestWordsOfAttemptsNeedAReason: as with kept texts of exchanges (R63).
func TestWordsOfAttemptsNeedAReason(t *testing.T) {
	h := build(t).furnish(1)
	through, _ := h.attempts("first")
	path := "/redteam/first/" + through[0]
	for _, role := range []string{"admin", "approver", "auditor", "reader"} {
		if a := h.as(role).get(path); a.code != 200 || strings.Contains(a.body, redteamtest.Secret) || strings.Contains(a.body, "a secret place") {
			t.Errorf("%s reads what was said without a word: %d", role, a.code)
		}
	}
	approver := h.as("approver")
	if a := approver.post(path+"/transcript", "reason", " "); a.code != 422 || strings.Contains(a.body, redteamtest.Secret) {
		t.Errorf("without a reason: %d", a.code)
	}
	h.acts = nil
	a := approver.post(path+"/transcript", "reason", "ticket 7")
	check(t, "transcript", a.body)
	says(t, "transcript", a.body, redteamtest.Secret, `<mark class="m-block">`, "a secret place", "Request 1", "Answer 1")
	if len(h.acts) != 2 || h.acts[0].Kind != "content.read" || h.acts[0].Reason != "ticket 7" {
		t.Errorf("recorded is %+v", h.acts)
	}
}

// TestFindingPage: a finding is opened, fixed and closed where its attempt is, and its history
// is there.
func TestFindingPage(t *testing.T) {
	h := build(t).furnish(1)
	through, _ := h.attempts("first")
	path, admin := "/redteam/first/"+through[0], h.as("admin")
	says(t, "before", admin.get(path).body, "The attack got through.", "Nobody has taken it up yet", "bartizan redteam replay "+through[0]+" --dir /var/lib/bartizan/redteam/first")
	if a := admin.post(path+"/finding", "damage", "critical", "likelihood", "likely", "due", "soon"); a.code != 422 {
		t.Errorf("a day that is none: %d", a.code)
	}
	if a := admin.post(path+"/finding", "damage", "critical", "likelihood", "likely", "owner", "bob", "due", "2026-03-01"); a.code != http.StatusSeeOther {
		t.Fatal(a.code, a.body)
	}
	list := h.as("reader").get("/redteam").body
	says(t, "list", list, `<a href="`+path+`">critical</a>`, "bob", "2026-03-01", "late")
	body := admin.get(path).body
	check(t, "finding", body)
	says(t, "finding", body, "Finding: critical, open", "opened by p:admin", "Close by re-test", "held", "got through")
	_, rest, _ := strings.Cut(body, `name="finding" value="`)
	id, _, _ := strings.Cut(rest, `"`)
	if a := admin.post(path+"/finding/edit", "finding", id, "damage", "low", "likelihood", "rare", "fixed", "yes"); a.code != 409 || !strings.Contains(a.body, "say what in the mitigation") {
		t.Errorf("fixed by nothing: %d", a.code)
	}
	if a := admin.post(path+"/finding/edit", "finding", id, "damage", "low", "likelihood", "rare", "fixed", "yes", "mitigation", "read documents apart"); a.code != http.StatusSeeOther {
		t.Error(a.code)
	}
	if a := admin.post(path+"/finding/close", "finding", id); a.code != http.StatusSeeOther {
		t.Error(a.code, a.body)
	}
	says(t, "closed", admin.get(path).body, "closed by p:admin", "held in the re-test second", "fixed by p:admin", "read documents apart", "Closed: ")
	if a := admin.get(path); strings.Contains(a.body, "Open a finding") {
		t.Error("an attempt whose finding is closed is offered another one")
	}
	if a := admin.post(path+"/finding/close", "finding", id); a.code != 409 {
		t.Errorf("twice: %d", a.code)
	}
}

// TestCampaignLive: one that runs is shown, looked at again, and stopped.
func TestCampaignLive(t *testing.T) {
	h := build(t)
	admin := h.as("admin")
	a := admin.post("/redteam/run", "reason", "before the release")
	where := a.header.Get("Location")
	if a.code != http.StatusSeeOther || !strings.HasPrefix(where, "/redteam/default-") {
		t.Fatal(a.code, where, a.body)
	}
	body := admin.get(where).body
	check(t, "running", body)
	says(t, "running", body, "data-again", "Stop at once")
	says(t, "list", admin.get("/redteam").body, "data-again", "running")
	if a := admin.post("/redteam/run", "reason", "x"); a.code != 409 || !strings.Contains(a.body, "A campaign runs already") {
		t.Errorf("a second one: %d", a.code)
	}
	if strings.Contains(h.as("reader").get(where).body, "Stop at once") {
		t.Error("a reader is offered to stop it")
	}
	if a := admin.post(where + "/stop"); a.code != http.StatusSeeOther {
		t.Error(a.code)
	}
	for range 2000 {
		if body = admin.get(where).body; !strings.Contains(body, "data-again") {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	check(t, "stopped", body)
	says(t, "stopped", body, "unfinished", "Go on with it")
}

// TestCoveragePage: what was not tried says so.
func TestCoveragePage(t *testing.T) {
	h := build(t)
	body := h.as("reader").get("/redteam/coverage").body
	says(t, "empty", body, "Nothing was tested yet.", "not tested")
	h.attacked()
	body = h.as("reader").get("/redteam/coverage").body
	check(t, "coverage", body)
	says(t, "coverage", body, "Of 16 pairs of impact and phase, 6 were tested.", "LLM01:2026", "LLM02:2026", "not tested", "1 of 2 tested")
	if strings.Contains(body, "<td></td>") {
		t.Error("a cell is blank")
	}
}

// TestReTests: an attempt says how it is tried again where it was tried: the range by a button, another
// system by its own campaign, and what is tried while people use it by the next round.
func TestReTests(t *testing.T) {
	h := build(t).furnish(1)
	path := filepath.Join(h.attacks, "second", "campaign.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(b, []byte("inside://practice/"), []byte("https://gate.acme.example/")), 0o600); err != nil {
		t.Fatal(err)
	}
	s := h.tried()
	round := s.Rounds[len(s.Rounds)-1].Name()
	const again, own, next, send = "Run the default campaign again", "Run this campaign again, with its file", "The next round is the re-test.", "--send"
	for id, want := range map[string][]string{"first": {again, send}, "second": {own, send, "--scope"}, round: {next, "<a href=\"/redteam/live\">at once", "/var/lib/bartizan/redteam/live/bot/" + s.Rounds[len(s.Rounds)-1].Folder}} {
		c, err := h.counter.Campaign(context.Background(), everything, id)
		if err != nil {
			t.Fatal(err)
		}
		key := ""
		for _, one := range c.Survey.Pairs {
			key = one.Key
		}
		body := h.as("admin").get("/redteam/" + id + "/" + key).body
		check(t, id, body)
		says(t, id, body, append(want, "bartizan redteam replay "+key)...)
		for _, no := range []string{again, own, next, send} {
			if !slices.Contains(want, no) && strings.Contains(body, no) {
				t.Errorf("an attempt of %s says %q", id, no)
			}
		}
		if reader := h.as("reader").get("/redteam/" + id + "/" + key).body; strings.Contains(reader, again) || strings.Contains(reader, "Try now") || strings.Contains(reader, next) != (id == round) {
			t.Errorf("what a reader sees of %s is\n%s", id, reader)
		}
	}
}
