package console

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/internal/redteamtest"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/redteam"
)

// tried has two systems tried while people use them: the guard of bot is gone since the newest two
// rounds, lab is as it was. It returns what is known of bot.
func (h *house) tried() *redteam.WardState {
	h.t.Helper()
	h.live = []redteamtest.LiveSpec{{System: "bot", Rounds: 9, Gone: 8, Last: h.clock.Add(-time.Hour)}, {System: "lab", Rounds: 5, Last: h.clock.Add(-2 * time.Hour)}}
	redteamtest.Live(h.t, h.store, h.attacks, h.live...)
	list, err := h.counter.Live(context.Background(), everything)
	if err != nil {
		h.t.Fatal(err)
	}
	return &list[0]
}

// paused stops what is tried.
func (h *house) paused(system string) {
	h.t.Helper()
	if err := h.counter.PauseRounds(context.Background(), everything, system, "a busy day"); err != nil {
		h.t.Fatal(err)
	}
	h.acts = nil
}

// TestLivePage: what got worse is said first, is drawn, and is settled with a word on what it was.
func TestLivePage(t *testing.T) {
	h := build(t)
	admin := h.as("admin")
	says(t, "nothing", admin.get("/redteam/live").body, "Nothing is tried while people use it.", "No system has")
	if body := admin.get("/").body; strings.Contains(body, "/redteam/live") {
		t.Error("an alarm where nothing is tried")
	}
	s := h.tried()
	body := admin.get("/redteam/live").body
	check(t, "live", body)
	says(t, "live", body, "1 of the 2 systems that the red team tries while people use it got worse.", "It is the usual now", "the policy changed", "Attacks that the guard stopped at first, and lets past", `class="share worse"`, "/redteam/"+s.Rounds[8].Name(), "Pause at once")
	says(t, "now", admin.get("/").body, "something got worse that people use", `href="/redteam/live"`)
	if body := h.as("reader").get("/redteam/live").body; strings.Contains(body, "<form class=\"reason\"") || !strings.Contains(body, "got worse") {
		t.Error("a reader is offered a form, or told nothing")
	}
	round := admin.get("/redteam/" + s.Rounds[8].Name()).body
	check(t, "round", round)
	says(t, "round", round, `<a href="/redteam/live">Live</a>`, "attacks got through “bot”", " attempts in 1 arm (bot), at most", "/redteam/live/bot/"+s.Rounds[8].Folder+" --format sarif")
	if strings.Contains(round, "Go on with it") {
		t.Error("a round is offered to go on as a campaign of the range")
	}
	alarm := "/redteam/alarms/" + s.Alarms[0].ID + "/settle"
	if a := admin.post(alarm, "usual", "yes"); a.code != 422 || !strings.Contains(a.body, "Say what the alarm was") {
		t.Errorf("without a word: %d", a.code)
	}
	for _, one := range s.Open() {
		if a := admin.post("/redteam/alarms/"+one.ID+"/settle", "usual", "yes", "reason", "It is watched only, until Monday."); a.code != http.StatusSeeOther {
			t.Errorf("settled: %d", a.code)
		}
	}
	one := h.live
	h.live = one[:1]
	says(t, "one", admin.get("/redteam/live").body, "Nothing got worse in the system that")
	h.live = one
	says(t, "settled", admin.get("/redteam/live").body, "Nothing got worse in the 2 systems", "It is watched only, until Monday.", "Alarms that were settled")
	if a := admin.post("/redteam/live/bot/pause", "reason", "a busy day"); a.code != http.StatusSeeOther {
		t.Errorf("paused: %d", a.code)
	}
	says(t, "paused", admin.get("/redteam/live").body, "Paused 2 h ago by", "a busy day", "Go on</button>")
	if a := admin.post("/redteam/live/bot/try", "reason", "x"); a.code != 409 || !strings.Contains(a.body, "let them go on first") {
		t.Errorf("tried while paused: %d", a.code)
	}
	if a := admin.post("/redteam/live/bot/resume", "reason", "it is over"); a.code != http.StatusSeeOther {
		t.Errorf("went on: %d", a.code)
	}
	if a := admin.post("/redteam/live/bot/try", "reason", "after the fix"); a.code != http.StatusSeeOther {
		t.Errorf("asked: %d", a.code)
	}
	says(t, "asked", admin.get("/redteam/live").body, "A round begins in a moment: ")
}

// TestExchangesOfCanaries: what canaries called is listed where it is asked for, and not between what
// users called; nothing that is counted counts it.
func TestExchangesOfCanaries(t *testing.T) {
	h := build(t).furnish(6)
	canary := h.records[2]
	intent := *canary.Intent
	intent.Principal.Kind = record.Canary
	h.records[2].Intent = &intent
	id := "/exchanges/" + canary.ID() + `"`
	b := h.as("reader")
	for path, there := range map[string]bool{"/exchanges": false, "/exchanges?kind=exchange": false, "/exchanges?kind=canary": true, "/": false} {
		if body := b.get(path).body; strings.Contains(body, id) != there || path == "/exchanges?kind=canary" && strings.Count(body, `href="/exchanges/ex_`) != 1 {
			t.Errorf("%s has it: %v", path, !there)
		}
	}
	if a := b.get(strings.TrimSuffix(id, `"`)); a.code != http.StatusOK || !strings.Contains(a.body, "canary") {
		t.Errorf("its own page: %d", a.code)
	}
}
