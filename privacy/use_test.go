package privacy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func testConsents(t *testing.T, h *house) {
	s, ctx := h.open(), t.Context()
	const caller, bob = "key:key_1", "value:bob@example.com"
	ask := Release{Uses: []string{UseTraining}, Purpose: "support", System: "bot", Caller: caller}
	agreed := func(when string, r Release, missing string, persons int, ids ...string) {
		t.Helper()
		a, err := s.Agreed(ctx, r)
		if err != nil || a.Missing != missing || a.Persons != persons || !slices.Equal(a.Consents, ids) {
			t.Errorf("%s: %+v %v; want missing %q, %d persons, %v", when, a, err, missing, persons, ids)
		}
	}
	give := func(c Consent) Consent {
		t.Helper()
		c.By = "ada"
		c, err := s.AddConsent(ctx, c)
		fatal(t, err)
		h.pass(time.Minute) // so that which was first is known
		return c
	}
	agreed("nobody has", ask, UseTraining, 0)
	give(Consent{Subject: s.ID(caller), What: UseSharing, Purpose: "support"})
	give(Consent{Subject: s.ID(caller), What: UseTraining, Purpose: "sales"})
	give(Consent{Subject: s.ID(bob), What: UseTraining, Purpose: "support"})
	give(Consent{System: "other", What: UseTraining, Purpose: "support"})
	agreed("another use, purpose, person and system", ask, UseTraining, 0)
	soon := give(Consent{Subject: s.ID(caller), What: UseTraining, Purpose: "support", Until: h.now().Add(time.Hour)})
	agreed("the caller has", ask, "", 0, soon.ID)
	h.pass(2 * time.Hour)
	agreed("it has ended", ask, UseTraining, 0)
	own := give(Consent{System: "bot", What: UseTraining, Purpose: "support"})
	agreed("the owner of the system has", ask, "", 0, own.ID)
	agreed("both uses", Release{Uses: []string{UseTraining, "region:us"}, Purpose: "support", System: "bot", Caller: caller}, "region:us", 0)

	// Everybody who is named is asked, in whatever way the value is written.
	named := ask
	named.Persons = []string{ann, "value:BOB@example.com "}
	agreed("ann has not", named, UseTraining, 1)
	hers := give(Consent{Subject: s.ID(ann), What: UseTraining, Purpose: "support"})
	bobs, err := s.Consents(ctx, s.ID(bob))
	fatal(t, err)
	agreed("ann and bob have", named, "", 0, own.ID, hers.ID, bobs[0].ID)
	many := ask
	for i := range MaxPersons + 1 {
		many.Persons = append(many.Persons, fmt.Sprint("value:p", i, "@example.com"))
	}
	agreed("too many to be asked", many, UseTraining, MaxPersons+1)
	many.Persons = many.Persons[:MaxPersons]
	agreed("as many as are asked", many, UseTraining, MaxPersons)

	fatal(t, s.RevokeConsent(ctx, hers.ID, "bob"))
	if err := s.RevokeConsent(ctx, hers.ID, "bob"); !errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
	agreed("ann took it back", named, UseTraining, 1)
	give(Consent{Subject: s.ID(ann), What: UseTraining, Purpose: "support"})
	if list, err := s.Consents(ctx, s.ID(ann)); err != nil || len(list) != 2 || list[1].RevokedBy != "bob" || list[1].By != "ada" {
		t.Errorf("%+v %v", list, err)
	}
	if e, err := s.Erase(ctx, s.ID(ann)); err != nil || e.Consents != 2 {
		t.Errorf("%+v %v", e, err)
	}
	agreed("ann was erased", named, UseTraining, 1)
	if list, err := s.Consents(ctx, ""); err != nil || len(list) != 6 || slices.ContainsFunc(list, func(c Consent) bool { return c.Subject == s.ID(ann) }) {
		t.Errorf("%+v %v", list, err)
	}
}

// TestNeeds: training and sharing always need a consent, others where policy says so; what a
// provider leaves open it is taken to do.
func TestNeeds(t *testing.T) {
	good := Profile{Training: "never", Sharing: "never", Retention: "none", HumanReview: "never", Region: "eu"}
	added := []string{"training", "sharing", "human_review", "retention", "sub_processors", "provider:acme", "region:us"}
	for name, c := range map[string]struct {
		change func(*Profile)
		added  []string
		want   string
	}{
		"nothing":                   {func(*Profile) {}, nil, ""},
		"nothing that policy names": {func(*Profile) {}, []string{"training", "sharing", "human_review", "retention", "sub_processors", "provider:other", "region:us"}, ""},
		"training":                  {func(p *Profile) { p.Training = "allowed" }, nil, "training"},
		"sharing":                   {func(p *Profile) { p.Sharing = "allowed" }, nil, "sharing"},
		"both, said again":          {func(p *Profile) { p.Training, p.Sharing = "allowed", "allowed" }, added[:2], "training sharing"},
		"opted out":                 {func(p *Profile) { p.Training = "opt_out" }, added, "provider:acme"},
		"review":                    {func(p *Profile) { p.HumanReview = "possible" }, added, "human_review provider:acme"},
		"review, not named":         {func(p *Profile) { p.HumanReview = "possible" }, nil, ""},
		"retention":                 {func(p *Profile) { p.Retention = "30d" }, added, "retention provider:acme"},
		"others":                    {func(p *Profile) { p.SubProcessors = []string{"x"} }, added, "sub_processors provider:acme"},
		"region":                    {func(p *Profile) { p.Region = "us" }, added, "provider:acme region:us"},
		"region, written otherwise": {func(p *Profile) { p.Region = "US" }, added, "provider:acme region:us"},
		"nothing is stated":         {func(p *Profile) { *p = Profile{} }, added, "training sharing human_review retention provider:acme region:us"},
	} {
		p := good
		c.change(&p)
		if got := strings.Join(p.Needs("acme", c.added), " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	for use, want := range map[string]bool{"training": true, "sharing": true, "retention": true, "provider:acme": true, "region:us": true, "provider:": false, "region": false, "provider": false,
		"provider:NAME": false, "region: us": false, "provider:acme ": false, "trainig": false, "": false, "training:x": false, "region:" + strings.Repeat("x", 300): false} {
		if err := CheckUse(use); (err == nil) != want {
			t.Errorf("%.20q: %v", use, err)
		}
	}
	if Identifies("pii.health") || Identifies("secret.aws") || !Identifies("pii.email") || !Identifies("pii.customer_number") || Identifies("pii.location") {
		t.Error("who is somebody is not what is known of them")
	}
}

// TestConsentState: a list says of a consent what a call makes of it.
func TestConsentState(t *testing.T) {
	now := time.Unix(1000, 0)
	for want, c := range map[string]Consent{"holds": {Until: now.Add(1)}, "ended": {Until: now}, "revoked": {Until: now.Add(1), Revoked: now.Add(-1)}} {
		if got := c.State(now); got != want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	if got := (Consent{}).State(now); got != "holds" {
		t.Error(got)
	}
}
