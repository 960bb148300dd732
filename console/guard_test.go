package console

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/guard"
)

// replayed is a replay over the samples that has ended.
func (h *house) replayed() *desk.Replay {
	h.t.Helper()
	a := desk.Actor{Person: "ada", Roles: []string{"admin"}}
	r, err := h.cfg.Desk.StartReplay(h.t.Context(), a, desk.ReplayAsk{Policy: "office", Over: desk.OverSamples, Span: "day", Reason: "x", Edits: []desk.Edit{{Family: "attack", Origin: "user", Line: "block", Value: .5}}})
	for err == nil && r.State == "running" {
		time.Sleep(time.Millisecond)
		r, err = h.cfg.Desk.Replay(a, r.ID)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.acts = nil
	return r
}

func TestGuardPage(t *testing.T) {
	h := build(t).furnish(60)
	h.systems[0].Policy = "office"
	body := h.as("admin").get("/guard?range=day").body
	standard := guard.Standard().Thresholds["attack"]["user"]
	for _, want := range []string{
		"The guard stopped 20 of 60 calls in the last day", `id="detector-1">injection/override@1`, "attack/model@1", "second/referee",
		`<h3 id="scores-1">attack, user</h3>`, `<h3 id="scores-2">attack, retrieved</h3>`, `class="line-block"`, fmt.Sprintf("flag from %.3g, block from %.3g", standard.Flag, standard.Block), "fill-observed", "fill-block",
		"ignore all earlier words", "the title of our archive", "ticket \\d{1,6} overrides", `2026-01-31 <span class="tag bad">ended</span>`, "0b0b0b", "retrieved, indirect_injection",
		"Second stage referee", "0 of 60", "10 too late", `action="/guard/replays"`, `action="/guard/tries"`, "hate",
	} {
		if want == "hate" || want == "second/referee" { // kinds of harm are one family, stages stand with their policies
			if strings.Contains(body, ">"+want+"<") {
				t.Errorf("%q is on the page", want)
			}
			continue
		}
		if !strings.Contains(body, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	for role, want := range map[string][2]bool{"reader": {false, false}, "auditor": {false, false}, "approver": {false, true}, "admin": {true, true}} {
		page := h.as(role).get("/guard").body
		if got := [2]bool{strings.Contains(page, "line-block") && strings.Contains(page, "the title of our archive") && strings.Contains(page, "/guard/tries"), strings.Contains(page, "/guard/replays")}; got != want {
			t.Errorf("%s sees policies and replays: %v", role, got)
		}
		check(t, "guard as "+role, page)
	}
}

func TestTryOnThePage(t *testing.T) {
	h := build(t)
	engine, err := guard.New(guard.Config{})
	if err != nil {
		t.Fatal(err)
	}
	h.policies = nil
	c, err := engine.Compile("office", guard.Policy{Rules: []guard.Rule{{ID: "nightjar", Phrase: "Project Nightjar", Action: "block", Says: "Not with AI."}, {ID: "ticket", Pattern: `TCK-\d{6}`, Action: "mask"}}})
	if err != nil {
		t.Fatal(err)
	}
	h.policies = append(h.policies, c)
	admin := h.as("admin")
	a := admin.post("/guard/tries", "text", "Tell me <b>about</b> Project Nightjar.", "policy", "office", "role", "document", "direction", "input")
	for _, want := range []string{"something that your own rules name", "your rule nightjar says block", `<mark class="m-block">Project Nightjar</mark>`, "change the rule nightjar under rules", "Not with AI.", "read as retrieved text", "&lt;b&gt;about"} {
		if a.code != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%d, no %q", a.code, want)
		}
	}
	check(t, "try", a.body)
	if a = admin.post("/guard/tries", "text", "About TCK-123456.", "policy", "office", "direction", "output"); !strings.Contains(a.body, "About [TICKET].") {
		t.Error("what would pass is not shown")
	}
	check(t, "try, masked", a.body)
	if a = admin.post("/guard/tries", "text", "Good morning.", "policy", "office", "direction", "input"); !strings.Contains(a.body, "Nothing was found.") {
		t.Error("nothing is not said")
	}
	for want, form := range map[int][]string{404: {"policy", "none", "text", "x", "direction", "input"}, 422: {"policy", "office", "text", "", "direction", "input"}} {
		if a := admin.post("/guard/tries", form...); a.code != want {
			t.Errorf("%q: %d", form, a.code)
		}
	}
	for _, act := range h.acts {
		if act.Kind != desk.PolicyRead || strings.Contains(act.Target+act.Reason, "Nightjar") {
			t.Errorf("recorded is %+v", act)
		}
	}
	if len(h.acts) != 10 {
		t.Errorf("%d acts", len(h.acts))
	}
}

func TestReplayOnThePage(t *testing.T) {
	h := build(t).furnish(30)
	admin := h.as("admin")
	form := []string{"policy", "office", "over", "kept", "range", "month", "reason", "ticket 7", "family1", "attack", "origin1", "user", "line1", "block", "value1", "0,5", "value2", "", "value3", " "}
	a := admin.post("/guard/replays", form...)
	if a.code != http.StatusSeeOther {
		t.Fatal(a.code, a.body)
	}
	page := admin.get(a.header.Get("Location"))
	for _, want := range []string{"0 would be newly blocked and 0 newly allowed", "kept texts, 30 judged of 30 read", "attack, user: block from 0.5", "Nothing was changed", "95 % interval"} {
		if page.code != 200 || !strings.Contains(page.body, want) {
			t.Errorf("%d, no %q", page.code, want)
		}
	}
	check(t, "replay", page.body)
	if h.acts[0].Reason != "ticket 7" || h.acts[0].Kind != desk.ContentRead {
		t.Errorf("recorded is %+v", h.acts)
	}
	if strings.Contains(page.body, "Where is my order") {
		t.Error("a kept text is shown")
	}
	for name, change := range map[string][2]string{"no reason": {"reason", ""}, "no number": {"value1", "much"}, "no chance": {"value1", "7"}, "no value": {"value1", ""}} {
		bad := append([]string(nil), form...)
		for i := 0; i < len(bad); i += 2 {
			if bad[i] == change[0] {
				bad[i+1] = change[1]
			}
		}
		if a := admin.post("/guard/replays", bad...); a.code != 422 {
			t.Errorf("%s: %d", name, a.code)
		}
	}
	if a := admin.get("/guard/replays/rep_none"); a.code != 404 {
		t.Errorf("a replay that there is not: %d", a.code)
	}
	w := httptest.NewRecorder()
	h.render(w, httptest.NewRequest("GET", "/guard/replays/rep_1", nil), 200, "replay", "Replay", nil, replayPage{Replay: &desk.Replay{ID: "rep_1", State: "running", Judged: 7}, Running: true})
	if page := w.Body.String(); !strings.Contains(page, "has judged 7 calls so far") || !strings.Contains(page, `href="/guard/replays/rep_1" data-again`) {
		t.Errorf("a replay under way is %s", page)
	}
	check(t, "replay under way", w.Body.String())
	check(t, "replay over samples", admin.get("/guard/replays/"+h.replayed().ID).body)
}

// guard uses both forms of the page as people do, in a browser.
func (x *tab) guard(source, shots string) {
	x.t.Helper()
	look := func(name, want string) {
		x.t.Helper()
		body, err := x.HTML()
		x.must(err)
		if !strings.Contains(body, want) {
			x.t.Errorf("%s does not say %q", name, want)
		}
		if n := x.sideways(); n > 0 {
			x.t.Errorf("%s scrolls sideways by %d px", name, n)
		}
		if x.script {
			openAll(x)
			x.accessible(source, name)
		}
		if shots != "" && x.script {
			shoot(x.t, x, filepath.Join(shots, fmt.Sprintf("%d-%s.png", x.width, name)))
		}
	}
	x.goTo("/guard")
	x.fill("#replay-reason", "ticket 7")
	x.fill("#value1", "0.5")
	x.click(`form[action="/guard/replays"] button`)
	look("replay", "newly blocked")
	x.goTo("/guard")
	x.fill("#try-text", "Tell me about Project Nightjar.")
	x.click(`form[action="/guard/tries"] button`)
	look("try", "your rule nightjar says block")
}

func (x *tab) fill(selector, text string) {
	x.t.Helper()
	e, err := x.Element(selector)
	x.must(err)
	x.must(e.Input(text))
}
