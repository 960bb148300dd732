package console

import (
	"regexp"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/desk"
)

// held is a hold, asked a request of somebody else.
func (h *house) held() string {
	list, err := h.subjects.Holds(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, l := range list {
		if l.Lifted.IsZero() {
			return l.ID
		}
	}
	return ""
}

// agreed is a consent that holds.
func (h *house) agreed() string {
	list, err := h.subjects.Consents(h.t.Context(), "")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, c := range list {
		if c.Revoked.IsZero() {
			return c.ID
		}
	}
	return ""
}

func (h *house) asked() string {
	list, err := h.subjects.Asked(h.t.Context())
	if err != nil || len(list) == 0 {
		return ""
	}
	return list[0].ID
}

// TestSubjectsPage finds, holds and erases a person.
func TestSubjectsPage(t *testing.T) {
	h := build(t).furnish(3)
	admin := h.as("admin")
	page := admin.get("/subjects").body
	says(t, "the page", page, "1 legal hold, 1 request to read content.", "Approve")
	a := admin.post("/subjects/find", "subject", " ANN@example.com")
	says(t, "found", a.body, "Found in 1 place", "messages[0].content", "pii.email", "/exchanges/ex_1")
	if strings.Contains(a.body, "example.com") {
		t.Error("the page says who was looked for")
	}
	check(t, "found", a.body)
	says(t, "nobody", admin.post("/subjects/find", "subject", "eve@example.com").body, "Nothing is kept of this subject.")
	if a := admin.post("/subjects/erase", "subject", "ann@example.com", "reason", "T-1"); a.code != 409 || !strings.Contains(a.body, h.held()) {
		t.Errorf("under hold: %d %s", a.code, a.body)
	}
	if a := admin.post("/retention/holds/lift", "hold", h.held(), "reason", "closed"); a.code != 303 {
		t.Errorf("lifting: %d", a.code)
	}
	if a := admin.post("/subjects/erase", "subject", "ann@example.com", "reason", "for ann@example.com"); a.code != 422 {
		t.Errorf("a reason that says who: %d", a.code)
	}
	a = admin.post("/subjects/erase", "subject", "ann@example.com", "reason", "T-1")
	says(t, "erased", a.body, "1 value and 0 texts in 1 exchange can", "bartizan erasure 1", "bartizan privacy verify")
	check(t, "erased", a.body)
	if a := admin.post("/retention/holds", "held", "ann@example.com", "reason", "CASE-9"); a.code != 303 || !strings.Contains(admin.get("/retention").body, "CASE-9") {
		t.Errorf("holding: %d", a.code)
	}
	for _, act := range h.acts {
		if strings.Contains(act.Target+act.Reason, "ann") {
			t.Errorf("recorded is %+v", act)
		}
	}
}

// TestRetentionPage says what is kept and until when, what holds it, and what went.
func TestRetentionPage(t *testing.T) {
	h := build(t).furnish(3)
	admin := h.as("admin")
	page := admin.get("/retention").body
	says(t, "the page", page, "Words are kept 30 days, masked and sealed; records of calls 395 days. 1 legal hold holds some longer.", "CASE-7", "system local:root", "lifted", "office@0123456789ab",
		"2026-02-10", "failed", "/exchanges/act_content", "trial@ba9876543210", "31d")
	if strings.Count(page, "the beginning") != 2 { // a hold on a system keeps all records
		t.Errorf("%d times the beginning", strings.Count(page, "the beginning"))
	}
	if a := admin.post("/retention/holds/lift", "hold", h.held(), "reason", "closed"); a.code != 303 {
		t.Errorf("lifting: %d", a.code)
	}
	says(t, "without a hold", admin.get("/retention").body, "records of calls 395 days.<", "2025-02-10", "2026-02-10")
	if a := admin.post("/retention/holds", "system", "bot", "reason", "CASE-9"); a.code != 303 || !strings.Contains(admin.get("/retention").body, "system bot") {
		t.Errorf("holding: %d", a.code)
	}
	h.keeping = desk.Keeping{Content: desk.Kept{None: true}}
	says(t, "nothing", admin.get("/retention").body, "Words are not kept; records of calls stay for ever.", "nobody has said")
}

// TestConsentsPage notes a consent of a system and of a subject, and takes it back.
func TestConsentsPage(t *testing.T) {
	h := build(t).furnish(3)
	admin := h.as("admin")
	page := admin.get("/consents").body
	says(t, "the page", page, "1 consent holds.", "system local:root", "training", "region:us", "CASE-7", "revoked now by local:root", "Answers questions about orders")
	check(t, "the page", page)
	if a := admin.post("/consents", "of", "ann@example.com", "what", "region:NAME", "name", "us", "purpose", "Tries things", "days", "30"); a.code != 303 {
		t.Fatalf("%d %s", a.code, a.body)
	}
	page = admin.get("/consents").body
	says(t, "noted", page, "2 consents hold.", "Tries things", "2026-04-11", h.subjects.Named("ann@example.com"))
	if strings.Contains(page, "ann@example.com") {
		t.Error("the page says who agreed")
	}
	list, err := h.subjects.Consents(t.Context(), h.subjects.Named("ann@example.com"))
	if err != nil || len(list) != 1 || list[0].What != "region:us" || list[0].By != "p:admin" {
		t.Fatalf("%+v %v", list, err)
	}
	for name, form := range map[string][]string{
		"nobody":            {"what", "training", "purpose", "Tries things"},
		"two":               {"of", "x@example.com", "system", "bot", "what", "training", "purpose", "Tries things"},
		"no use":            {"system", "bot", "what", "trainig", "purpose", "Answers questions about orders"},
		"no purpose":        {"system", "bot", "what", "training", "purpose", "x"},
		"another's purpose": {"system", "bot", "what", "training", "purpose", "Tries things"},
		"no days":           {"system", "bot", "what", "training", "purpose", "Answers questions about orders", "days", "many"},
		"a system unknown":  {"system", "none", "what", "training", "purpose", "Answers questions about orders"},
	} {
		if a := admin.post("/consents", form...); a.code != 422 {
			t.Errorf("%s: %d %s", name, a.code, a.body)
		}
	}
	if a := admin.post("/consents/revoke", "consent", list[0].ID); a.code != 303 {
		t.Errorf("%d", a.code)
	}
	if a := admin.post("/consents/revoke", "consent", list[0].ID); a.code != 404 {
		t.Errorf("twice: %d", a.code)
	}
	says(t, "taken back", admin.get("/consents").body, "1 consent holds.", "by p:admin")
	for _, act := range h.acts {
		if strings.Contains(act.Target+act.Reason, "ann") {
			t.Errorf("recorded is %+v", act)
		}
	}
}

// TestSecondPersonOnThePage: an approver reads only after a colleague has agreed, once.
func TestSecondPersonOnThePage(t *testing.T) {
	h := build(t).furnish(3)
	h.rules.TwoPeople = true
	path, text := "/exchanges/"+h.records[1].ID()+"/content", "Where is my order?"
	approver, admin := h.as("approver"), h.as("admin")
	a := approver.post(path, "reason", "ticket 7")
	id := regexp.MustCompile(`glass_[a-z0-9]+`).FindString(a.body)
	if a.code != 409 || id == "" || strings.Contains(a.body, text) {
		t.Fatalf("alone: %d %s", a.code, a.body)
	}
	if page := approver.get("/subjects").body; strings.Contains(page, "Approve "+id) || !strings.Contains(page, "yours") {
		t.Error("one's own request can be approved")
	}
	if a := approver.post("/subjects/requests", "request", id); a.code != 409 {
		t.Errorf("by herself: %d", a.code)
	}
	says(t, "the colleague's page", admin.get("/subjects").body, "ticket 7", "Approve "+id, h.records[1].ID())
	if a := admin.post("/subjects/requests", "request", id); a.code != 303 {
		t.Errorf("%d", a.code)
	}
	if a := approver.post(path, "reason", "ticket 7"); a.code != 200 || !strings.Contains(a.body, text) {
		t.Errorf("approved: %d", a.code)
	}
	if a := approver.post(path, "reason", "ticket 7"); a.code != 409 {
		t.Errorf("twice: %d", a.code)
	}
}
