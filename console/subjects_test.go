package console

import (
	"regexp"
	"strings"
	"testing"
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
	says(t, "the page", page, "1 legal hold, 1 request to read content.", "CASE-7", "system local:root", "lifted", "Approve")
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
	if a := admin.post("/subjects/holds/lift", "hold", h.held(), "reason", "closed"); a.code != 303 {
		t.Errorf("lifting: %d", a.code)
	}
	if a := admin.post("/subjects/erase", "subject", "ann@example.com", "reason", "for ann@example.com"); a.code != 422 {
		t.Errorf("a reason that says who: %d", a.code)
	}
	a = admin.post("/subjects/erase", "subject", "ann@example.com", "reason", "T-1")
	says(t, "erased", a.body, "1 value and 0 texts in 1 exchange can", "bartizan erasure 1", "bartizan privacy verify")
	check(t, "erased", a.body)
	if a := admin.post("/subjects/holds", "held", "ann@example.com", "reason", "CASE-9"); a.code != 303 || !strings.Contains(admin.get("/subjects").body, "CASE-9") {
		t.Errorf("holding: %d", a.code)
	}
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
