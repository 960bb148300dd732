package admin_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/admin"
	"github.com/bartizan-ai/bartizan/desk"
)

const replayCall = `{"policy":"office","over":"samples","reason":"ticket 7","edits":[{"family":"attack","origin":"user","line":"block","value":0.5}]}`

// settle waits until no replay runs: there is room for one.
func (s *server) settle(t *testing.T) {
	t.Helper()
	for {
		code, body := s.ask(t, "admin", "POST", "/api/v1/guard/replays", replayCall)
		if code == 409 {
			time.Sleep(time.Millisecond)
			continue
		}
		var r desk.Replay
		if err := json.Unmarshal([]byte(body), &r); code != 200 || err != nil {
			t.Fatal(code, body, err)
		}
		s.ended(t, r.ID)
		return
	}
}

func (s *server) ended(t *testing.T, id string) (r desk.Replay) {
	t.Helper()
	for r.State == "" || r.State == "running" {
		code, body := s.ask(t, "approver", "GET", "/api/v1/guard/replays/"+id, "")
		if err := json.Unmarshal([]byte(body), &r); code != 200 || err != nil {
			t.Fatal(code, body, err)
		}
		time.Sleep(time.Millisecond)
	}
	return r
}

func TestGuardOverTheAPI(t *testing.T) {
	s := serve(t)
	code, body := s.ask(t, "reader", "GET", "/api/v1/guard?range=hour", "")
	for _, want := range []string{`"name":"hour"`, `"calls":0`, `"detectors":[]`, `"scores":[]`, `"stages":[]`} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("%d, no %s in %s", code, want, body)
		}
	}
	code, body = s.ask(t, "admin", "POST", "/api/v1/guard/tries", `{"text":"About Project Nightjar.","policy":"office","role":"document"}`)
	var tried admin.Tried
	if err := json.Unmarshal([]byte(body), &tried); code != 200 || err != nil {
		t.Fatal(code, body, err)
	}
	if tried.Decision != "block" || tried.Origin != "retrieved" || len(tried.Findings) != 1 || tried.Findings[0].Line != "your rule nightjar says block" || tried.Findings[0].Allow[0] != "change the rule nightjar under rules" {
		t.Errorf("%+v", tried)
	}
	for _, a := range s.notes.acts {
		if strings.Contains(a.Target+a.Reason, "Nightjar") {
			t.Errorf("the text is on record: %+v", a)
		}
	}
	code, body = s.ask(t, "approver", "POST", "/api/v1/guard/replays", replayCall)
	var r desk.Replay
	if err := json.Unmarshal([]byte(body), &r); code != 200 || err != nil {
		t.Fatal(code, body, err)
	}
	if r = s.ended(t, r.ID); r.State != "done" || r.Judged != 120 || len(r.Labels) != 2 {
		t.Errorf("%+v", r)
	}
	for _, c := range []struct {
		path, body string
		want       int
	}{
		{"/guard/tries", `{"text":"x","policy":"none"}`, 404},
		{"/guard/tries", `{"text":"","policy":"office"}`, 422},
		{"/guard/tries", `{"text":"x","policy":"office","role":"cat"}`, 422},
		{"/guard/tries", `{"text":"` + strings.Repeat("x", 40_000) + `","policy":"office"}`, 422},
		{"/guard/replays", strings.Replace(replayCall, "ticket 7", "", 1), 422},
		{"/guard/replays", strings.Replace(replayCall, "attack", "cat", 1), 422},
		{"/guard/replays", strings.Replace(replayCall, "office", "none", 1), 404},
	} {
		if code, body := s.ask(t, "admin", "POST", "/api/v1"+c.path, c.body); code != c.want {
			t.Errorf("%s %.80s: %d %s", c.path, c.body, code, body)
		}
	}
	if code, _ := s.ask(t, "admin", "GET", "/api/v1/guard/replays/rep_none", ""); code != 404 {
		t.Errorf("a replay that there is not: %d", code)
	}
}
