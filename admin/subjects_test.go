package admin_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/privacy"
)

const ann = "ann@example.com"

// aboutSubjects is a good request to a route about subjects.
func (r route) aboutSubjects(t *testing.T, s *server) (path, body string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	switch strings.TrimPrefix(r.path, "/api/v1") {
	case "/subjects/find":
		body = `{"subject":"ann@example.com","kind":"email"}`
	case "/subjects/export", "/subjects/erase":
		body = `{"subject":"ann@example.com","reason":"T-1"}`
	case "/holds":
		body = `{"system":"bot","reason":"T-1"}`
	case "/holds/{id}/lift":
		h, err := s.subjects.AddHold(t.Context(), privacy.Hold{System: "other", Reason: "x"})
		must(err)
		return strings.ReplaceAll(r.path, "{id}", h.ID), `{"reason":"T-1"}`
	case "/consents":
		body = `{"subject":"ann@example.com","what":"region:us","purpose":"support","days":30}`
	case "/consents/list":
		body = `{"subject":"ann@example.com"}`
	case "/consents/{id}":
		c, err := s.subjects.AddConsent(t.Context(), privacy.Consent{Subject: s.subjects.Named(ann)})
		must(err)
		return strings.ReplaceAll(r.path, "{id}", c.ID), ""
	case "/content/requests/{id}":
		g, err := s.subjects.Ask(t.Context(), "somebody", "ex_1", "x")
		must(err)
		return strings.ReplaceAll(r.path, "{id}", g.ID), ""
	}
	return r.path, body
}

// TestSubjects: what is asked about a person is answered, refused in words that help, and
// recorded without the person.
func TestSubjects(t *testing.T) {
	s := serve(t)
	ask := func(method, path, body string, want int, says string) (out map[string]any) {
		t.Helper()
		code, answer := s.ask(t, "admin", method, "/api/v1"+path, body)
		if code != want || !strings.Contains(answer, says) {
			t.Errorf("%s %s: %d %s", method, path, code, answer)
		}
		if code >= 400 && strings.Contains(answer, "ann") {
			t.Errorf("%s says who it is about: %s", path, answer)
		}
		_ = json.Unmarshal([]byte(answer), &out)
		return out
	}
	ask("POST", "/subjects/find", `{"subject":"ann@example.com"}`, 200, `"places":[]`)
	hold := ask("POST", "/holds", `{"subject":"ann@example.com","reason":"CASE-7"}`, 200, "hold_")["id"].(string)
	ask("POST", "/subjects/erase", `{"subject":"Ann@Example.com","reason":"T-1"}`, 409, hold)
	ask("GET", "/holds", "", 200, hold)
	ask("POST", "/holds/"+hold+"/lift", `{"reason":"closed"}`, 204, "")
	ask("POST", "/holds/"+hold+"/lift", `{"reason":"closed"}`, 404, "none of this id")
	ask("POST", "/subjects/erase", `{"subject":"ann@example.com","reason":"ann@example.com asked"}`, 422, "number of a ticket")
	ask("POST", "/holds", `{"subject":"ann@example.com","reason":"for ANN@example.com"}`, 422, "number of a ticket")
	ask("POST", "/holds", `{"subject":"ann@example.com","system":"bot","reason":"x"}`, 422, "one of the two")
	ask("POST", "/holds", `{"reason":"x"}`, 422, "one of the two")
	ask("POST", "/holds", `{"system":"bot","reason":" "}`, 422, "needs a reason")
	ask("POST", "/subjects/erase", `{"subject":"ann@example.com","reason":"T-1"}`, 200, "bartizan erasure 1")
	consent := ask("POST", "/consents", `{"subject":"ann@example.com","what":"region:us","purpose":"support"}`, 200, "sub_")["id"].(string)
	ask("POST", "/consents/list", `{}`, 200, consent)
	ask("DELETE", "/consents/"+consent, "", 204, "")
	ask("DELETE", "/consents/"+consent, "", 404, "none of this id")
	g, err := s.subjects.Ask(t.Context(), "p:admin", "ex_1", "x")
	if err != nil {
		t.Fatal(err)
	}
	ask("GET", "/content/requests", "", 200, g.ID)
	ask("POST", "/content/requests/"+g.ID, "", 409, "somebody else")
	if code, answer := s.ask(t, "approver", "POST", "/api/v1/content/requests/"+g.ID, ""); code != 204 {
		t.Errorf("%d %s", code, answer)
	}
	for _, a := range s.notes.acts {
		if b, err := json.Marshal(a); err != nil || strings.Contains(strings.ToLower(string(b)), "ann") {
			t.Errorf("recorded is %s", b)
		}
	}
	if n := len(s.notes.acts); n < 25 || s.notes.acts[0].Kind != desk.SubjectFind || !strings.HasPrefix(s.notes.acts[0].Target, "sub_") {
		t.Errorf("%d acts, %+v", n, s.notes.acts[0])
	}
}
