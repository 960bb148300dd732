package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// consenting is a house with one provider that trains on what it is sent, and a system that
// serves two purposes.
func consenting(t *testing.T, policy guard.Policy, terms privacy.Profile) *house {
	h := newHouse(t, houseConfig{policy: policy, detectors: everything(), subjects: true,
		system: record.System{Name: "bot", Team: "team", Environment: "production", Models: []string{"fast"}, Purpose: "Answers letters", Purposes: []string{"support", "sales"}}})
	list := slices.Clone(h.plan.Models["fast"])
	list[0].Terms, list[0].Ceiling, list[0].Provider = terms, privacy.Confidential, "acme"
	plan := *h.plan
	plan.Models = map[string][]Candidate{"fast": list}
	h.gate.SetPlan(&plan)
	return h
}

// purposed posts a chat for a purpose.
func (h *house) purposed(purpose, label, body string) answered {
	h.t.Helper()
	req := h.request(http.MethodPost, "/v1/chat/completions", body)
	if purpose != "" {
		req.Header.Set("Bartizan-Purpose", purpose)
	}
	if label != "" {
		req.Header.Set("Bartizan-Label", label)
	}
	return h.do(req)
}

func (h *house) gives(c privacy.Consent) privacy.Consent {
	h.t.Helper()
	c.By = "ada"
	c, err := h.subjects.AddConsent(h.t.Context(), c)
	must(h.t, err)
	return c
}

// TestConsentIsAStepOfRelease: what a provider does with data beyond answering needs that the
// caller or the system, and everybody who is named in clear, agreed to it, for this purpose
// and until now.
func TestConsentIsAStepOfRelease(t *testing.T) {
	policy := guard.Policy{Mask: guard.Masking{Entities: []guard.Entity{{Name: "pii.email", Action: "flag"}, {Name: "pii.iban", Action: "mask"}}}}
	h := consenting(t, policy, privacy.Profile{Training: "allowed"})
	const plain, named, hidden = "Please help.", "Write to ann@example.com and bob@example.com.", "Pay to DE89 3704 0044 0532 0130 00."
	refused := func(when, purpose, text string) {
		t.Helper()
		got := h.purposed(purpose, "", user(text, false))
		if got.status != 403 || got.code() != "consent_missing" || len(h.up.received()) != 0 || strings.Contains(got.body, "example.com") || !strings.Contains(got.body, "consent to training") {
			t.Errorf("%s: %d %s", when, got.status, got.body)
		}
		r := h.record(got)
		if p := r.Intent.Permits[len(r.Intent.Permits)-1]; p.Point != "consent" || p.Target != "acme" || p.Allowed {
			t.Errorf("%s: the record says %+v", when, p)
		}
	}
	goes := func(when, purpose, text string, consents ...string) {
		t.Helper()
		got := h.purposed(purpose, "", user(text, false))
		if got.status != 200 || len(h.up.received()) != 1 {
			t.Errorf("%s: %d %s", when, got.status, got.body)
			return
		}
		r := h.record(got)
		if p := r.Intent.Permits[len(r.Intent.Permits)-1]; p.Point != "consent" || !p.Allowed || !slices.Equal(p.Reasons, consents) {
			t.Errorf("%s: the record says %+v, want %v", when, p, consents)
		}
	}
	refused("nobody agreed", "support", plain)
	if got := h.purposed("", "public", user(plain, false)); got.status != 200 || len(h.up.received()) != 1 {
		t.Errorf("what is public and names nobody: %d %s", got.status, got.body)
	}
	if got := h.purposed("support", "public", user(named, false)); got.code() != "consent_missing" || len(h.up.received()) != 0 {
		t.Errorf("a caller calls public what names others: %d %s", got.status, got.body)
	}
	of := h.gives(privacy.Consent{System: "bot", What: privacy.UseTraining, Purpose: "support"})
	goes("the owner of the system agreed", "support", plain, of.ID)
	goes("and its first purpose is what counts where nothing is said", "", plain, of.ID)
	refused("not for this purpose", "sales", plain)
	own := h.gives(privacy.Consent{Subject: h.subjects.ID("key:" + h.key.ID), What: privacy.UseTraining, Purpose: "sales"})
	goes("the caller did", "sales", plain, own.ID)
	goes("what is masked does not leave", "support", hidden, of.ID)
	refused("two people are named and were not asked", "support", named)
	ann := h.gives(privacy.Consent{Subject: h.subjects.Named("ann@example.com"), What: privacy.UseTraining, Purpose: "support"})
	refused("one of them was not", "support", named)
	bob := h.gives(privacy.Consent{Subject: h.subjects.Named("BOB@example.com"), What: privacy.UseTraining, Purpose: "support"})
	goes("both agreed", "support", named, of.ID, ann.ID, bob.ID)
	if got := h.purposed("support", "public", user(named, false)); got.status != 200 || len(h.up.received()) != 1 {
		t.Errorf("public, and both agreed: %d %s", got.status, got.body)
	}
	must(t, h.subjects.RevokeConsent(t.Context(), ann.ID, "ada"))
	refused("one took it back", "support", named)
	must(t, h.subjects.RevokeConsent(t.Context(), of.ID, "ada"))
	refused("so did the owner", "support", plain)

	if got := h.purposed("support", "highly_confidential", user(plain, false)); got.code() != "label_too_high" {
		t.Errorf("a consent widens a ceiling: %d %s", got.status, got.body)
	}
}

// TestConsentInMonitorMode: what a policy only records is not masked, so its people are asked.
func TestConsentInMonitorMode(t *testing.T) {
	h := consenting(t, guard.Policy{Mode: "monitor", Until: "2999-01-01", Mask: guard.Masking{Entities: []guard.Entity{{Name: "pii.email", Action: "mask"}}}}, privacy.Profile{Training: "allowed"})
	h.gives(privacy.Consent{System: "bot", What: privacy.UseTraining, Purpose: "support"})
	if got := h.purposed("", "", user("I am ann@example.com", false)); got.code() != "consent_missing" || len(h.up.received()) != 0 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestConsentByPolicy: policy names other uses, and another candidate without them is taken.
func TestConsentByPolicy(t *testing.T) {
	h := consenting(t, guard.Policy{Consent: []string{"region:us", "human_review"}}, privacy.Profile{Training: "never", HumanReview: "never", Region: "us"})
	if got := h.purposed("", "", user("hi", false)); got.status != 403 || got.code() != "consent_missing" || !strings.Contains(got.body, "region:us") {
		t.Errorf("%d %s", got.status, got.body)
	}
	plan := *h.gate.plan.Load()
	list := slices.Clone(plan.Models["fast"])
	home := list[0]
	home.Provider, home.Terms = "home", privacy.Profile{Training: "never", HumanReview: "never", Region: "eu"}
	plan.Models = map[string][]Candidate{"fast": {list[0], home}}
	h.gate.SetPlan(&plan)
	got := h.purposed("", "", user("hi", false))
	if r := h.record(got); got.status != 200 || !strings.HasPrefix(r.Intent.Candidate, "home/") {
		t.Errorf("%d %s %s", got.status, got.body, r.Intent.Candidate)
	}
}

// lost is a register that cannot be read.
type lost struct{}

func (lost) Agreed(context.Context, privacy.Release) (privacy.Agreement, error) {
	return privacy.Agreement{}, errors.New("the store is away")
}

// TestConsentsAway: without a register nobody agreed, and one that cannot be read lets nothing
// go and says to come back.
func TestConsentsAway(t *testing.T) {
	for name, c := range map[string]struct {
		consents Consents
		status   int
		code     string
	}{"none": {nil, 403, "consent_missing"}, "away": {lost{}, 503, "store_unavailable"}} {
		h := newHouse(t, houseConfig{gate: Config{Consents: c.consents}})
		list := slices.Clone(h.plan.Models["fast"])
		list[0].Terms = privacy.Profile{Sharing: "allowed", Training: "never"}
		plan := *h.plan
		plan.Models = map[string][]Candidate{"fast": list}
		h.gate.SetPlan(&plan)
		if got := h.chat(user("hi", false)); got.status != c.status || got.code() != c.code || len(h.up.received()) != 0 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

// TestPurposesBind: a call is for one purpose that its system serves, and every record says
// which, of calls that were refused too.
func TestPurposesBind(t *testing.T) {
	h := consenting(t, guard.Policy{}, privacy.Profile{Training: "never"})
	for said, want := range map[string]string{"": "support", "sales": "sales", " support ": "support"} {
		if got := h.purposed(said, "", user("hi", false)); got.status != 200 || h.record(got).Intent.Purpose != want {
			t.Errorf("%q: %d, the record says %q", said, got.status, h.record(got).Intent.Purpose)
		}
	}
	for _, said := range []string{"marketing", "Sales", "Answers letters", "sales, support", strings.Repeat("x", 500)} {
		got := h.purposed(said, "", user("hi", false))
		h.up.received()
		if got.status != 403 || got.code() != "purpose_unknown" || strings.Contains(got.body, "marketing") || !strings.Contains(got.body, "support, sales") || h.record(got).Intent.Purpose != "support" {
			t.Errorf("%.20q: %d %s, the record says %q", said, got.status, got.body, h.record(got).Intent.Purpose)
		}
	}
	req := h.request(http.MethodPost, "/v1/chat/completions", user("hi", false))
	req.Header["Bartizan-Purpose"] = []string{"sales", "support"}
	if got := h.do(req); got.code() != "purpose_unknown" {
		t.Errorf("two purposes: %d %s", got.status, got.body)
	}
	one := newHouse(t, houseConfig{system: record.System{Name: "bot", Team: "team", Environment: "production", Models: []string{"fast"}, Purpose: "Antwortet auf Briefe, höflich"}})
	for said, status := range map[string]int{"": 200, "support": 403} {
		if got := one.purposed(said, "", user("hi", false)); got.status != status || one.record(got).Intent.Purpose != "Antwortet auf Briefe, höflich" {
			t.Errorf("%q: %d, the record says %q", said, got.status, one.record(got).Intent.Purpose)
		}
	}
	if got := one.chat(user("Project Nightjar", false)); one.record(got).Intent.Purpose != "Antwortet auf Briefe, höflich" {
		t.Errorf("a call that policy stopped: %+v", one.record(got).Intent)
	}
}

// TestConsentAsksEverybody: all who are named in clear are asked, not only the first few that a
// verdict lists, nor only those of whose kind policy says something.
func TestConsentAsksEverybody(t *testing.T) {
	var many strings.Builder
	for i := range 40 {
		fmt.Fprintf(&many, "p%d@example.com, ", i)
	}
	flag := guard.Masking{Entities: []guard.Entity{{Name: "pii.email", Action: "flag"}}}
	h := consenting(t, guard.Policy{Mask: flag}, privacy.Profile{Training: "allowed"})
	h.gives(privacy.Consent{System: "bot", What: privacy.UseTraining, Purpose: "support"})
	for i := range 40 {
		if got := h.purposed("", "", user(many.String(), false)); got.code() != "consent_missing" || len(h.up.received()) != 0 {
			t.Fatalf("%d of 40 agreed: %d %s", i, got.status, got.body)
		}
		h.gives(privacy.Consent{Subject: h.subjects.Named(fmt.Sprintf("p%d@example.com", i)), What: privacy.UseTraining, Purpose: "support"})
	}
	if got := h.purposed("", "", user(many.String(), false)); got.status != 200 {
		t.Errorf("all agreed: %d %s", got.status, got.body)
	}

	spared := guard.Masking{Entities: []guard.Entity{{Name: "pii.email", Action: "mask", From: map[string]guard.Action{"system": "allow"}}}}
	const body = `{"model":"fast","messages":[{"role":"system","content":"You serve ann@example.com."},{"role":"user","content":"hi"}]}`
	own := guard.Policy{Rules: []guard.Rule{{ID: "customer", Pattern: `KD-\d{6}`, Entity: "pii.customer_number", Action: "flag"}}}
	for name, one := range map[string]struct {
		policy guard.Policy
		body   string
	}{"a kind that policy does not name": {guard.Policy{}, user("I am ann@example.com.", false)}, "an origin that policy spares": {guard.Policy{Mask: spared}, body}, "a kind of the operator's own": {own, user("I am KD-123456.", false)}} {
		h := consenting(t, one.policy, privacy.Profile{Training: "allowed"})
		h.gives(privacy.Consent{System: "bot", What: privacy.UseTraining, Purpose: "support"})
		if got := h.purposed("", "", one.body); got.code() != "consent_missing" || len(h.up.received()) != 0 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

// TestConsentWhereNobodyLooked: when a detector of personal data fails, and policy lets the call
// go all the same, nobody knows who is named, so nobody agreed.
func TestConsentWhereNobodyLooked(t *testing.T) {
	broken := &finder{phrase{id: "entity/broken@1", category: "pii.email", fail: func(context.Context) error { return errors.New("no") }}}
	h := newHouse(t, houseConfig{policy: guard.Policy{OnError: guard.OnError{Input: "flag"}}, detectors: []guard.Detector{broken}, subjects: true,
		system: record.System{Name: "bot", Team: "team", Environment: "production", Models: []string{"fast"}, Purpose: "Answers"}})
	list := slices.Clone(h.plan.Models["fast"])
	list[0].Terms = privacy.Profile{Training: "allowed"}
	plan := *h.plan
	plan.Models = map[string][]Candidate{"fast": list}
	h.gate.SetPlan(&plan)
	h.gives(privacy.Consent{System: "bot", What: privacy.UseTraining, Purpose: "Answers"})
	if got := h.chat(user("hi", false)); got.code() != "consent_missing" || len(h.up.received()) != 0 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// finder is a detector that says what it finds.
type finder struct{ phrase }

func (f *finder) Finds() []risk.Category { return []risk.Category{f.category} }

// TestPurposeOnEveryRecord: a call that is refused before it is read is on record for what its
// caller said, and no value in a call changes that word.
func TestPurposeOnEveryRecord(t *testing.T) {
	h := consenting(t, guard.Policy{Rules: []guard.Rule{{ID: "word", Phrase: "sales", Action: "mask"}}}, privacy.Profile{Training: "never"})
	if got := h.purposed("sales", "", user("Ask sales.", false)); got.status != 200 || h.record(got).Intent.Purpose != "sales" {
		t.Errorf("a purpose that is a masked word: %d, %q", got.status, h.record(got).Intent.Purpose)
	}
	if got := h.purposed("sales", "", "no JSON"); got.status != 400 || h.record(got).Intent.Purpose != "sales" {
		t.Errorf("a body that cannot be read: %d, %q", got.status, h.record(got).Intent.Purpose)
	}
	req := h.request(http.MethodPost, "/v1/chat/completions", user("hi", false))
	req.Header["Bartizan-Purpose"] = []string{"sales", "support"}
	if got := h.do(req); got.code() != "purpose_unknown" || h.record(got).Intent.Purpose != "support" {
		t.Errorf("two purposes: %d, %q", got.status, h.record(got).Intent.Purpose)
	}
}
