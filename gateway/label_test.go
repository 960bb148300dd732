package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
	"github.com/bartizan-ai/bartizan/store"
)

const (
	public = privacy.Public
	office = privacy.General
	secret = privacy.Confidential
	top    = privacy.HighlyConfidential
)

// labelled posts a chat that says how sensitive it is, and in which conversation.
func (h *house) labelled(label, conversation, body string) answered {
	h.t.Helper()
	req := h.request(http.MethodPost, "/v1/chat/completions", body)
	if label != "" {
		req.Header.Set("Bartizan-Label", label)
	}
	if conversation != "" {
		req.Header.Set("Bartizan-Conversation", conversation)
	}
	return h.do(req)
}

// ceiled gives every candidate of a house a ceiling, and its system another.
func (h *house) ceiled(ceiling privacy.Label) {
	list := slices.Clone(h.plan.Models["fast"])
	for i := range list {
		list[i].Ceiling = ceiling
	}
	plan := *h.plan
	plan.Models = map[string][]Candidate{"fast": list}
	h.gate.SetPlan(&plan)
}

// TestLabelOfAnExchange: the highest of what is said, marked and found, on the record and
// on the answer.
func TestLabelOfAnExchange(t *testing.T) {
	document := "CONFIDENTIAL\\n\\nThe harvest of this year.\\nIt was good.\\nAll of it was sold."
	policy := guard.Policy{Rules: []guard.Rule{{ID: "owl", Phrase: "Project Owl", Action: "flag"}},
		Mask:   guard.Masking{Entities: []guard.Entity{{Name: "pii.iban", Action: "flag"}}},
		Labels: guard.Labelling{Detected: map[string]string{"pii": "confidential", "pii.credit_card": "highly_confidential", "secret": "highly_confidential", "rule.owl": "highly_confidential"}}}
	h := newHouse(t, houseConfig{policy: policy, detectors: everything()})
	for _, c := range []struct{ name, header, body, want string }{
		{"nothing is known", "", user("hi", false), "general"},
		{"the caller says public", "public", user("hi", false), "public"},
		{"the caller says more", "Highly Confidential", user("hi", false), "highly_confidential"},
		{"a name of a document system", `Confidential \ All Employees`, user("hi", false), "confidential"},
		{"a German one", "Streng vertraulich", user("hi", false), "highly_confidential"},
		{"a document of the user", "public", strings.Replace(user("DOC", false), "DOC", document, 1), "confidential"},
		{"a document of a tool", "", `{"model":"fast","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"search","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"` + document + `"}]}`, "confidential"},
		{"of the system", "", `{"model":"fast","messages":[{"role":"system","content":"` + document + `"},{"role":"user","content":"hi"}]}`, "confidential"},
		{"a description of a tool", "", `{"model":"fast","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"search","description":"` + document + `"}}]}`, "general"},
		{"prose", "", user("Is this confidential?\nI would not know.", false), "general"},
		{"an address", "public", user("Write to ann@example.com please.", false), "confidential"},
		{"a card", "public", user("Charge the card 4242 4242 4242 4242 please.", false), "highly_confidential"},
		{"a rule", "", user("What about Project Owl?", false), "highly_confidential"},
		{"the lower of two", "confidential", user("hi", false), "confidential"},
	} {
		got := h.labelled(c.header, "", c.body)
		if r := h.record(got); got.status != 200 || r.Intent.Label != c.want || got.header.Get("Bartizan-Label") != c.want {
			t.Errorf("%s: %d, the record has %q, the answer %q; want %s", c.name, got.status, r.Intent.Label, got.header.Get("Bartizan-Label"), c.want)
		}
	}
	for _, unknown := range []string{"sesame", "", "confidential, public", strings.Repeat("x", 300)} {
		req := h.request(http.MethodPost, "/v1/chat/completions", user("hi", false))
		req.Header["Bartizan-Label"] = []string{unknown}
		h.up.received()
		if got := h.do(req); got.status != 400 || got.code() != "label_unknown" || !strings.Contains(got.body, "public, general, confidential, highly_confidential") || len(h.up.received()) != 0 || strings.Contains(got.body, "sesame") {
			t.Errorf("%q: %d %s", unknown, got.status, got.body)
		}
	}
	req := h.request(http.MethodPost, "/v1/chat/completions", user("hi", false))
	req.Header["Bartizan-Label"] = []string{"public", "Secret"}
	if got := h.do(req); got.header.Get("Bartizan-Label") != "highly_confidential" {
		t.Errorf("two headers: %s", got.header.Get("Bartizan-Label"))
	}
	// A policy has a word for what nobody speaks of.
	low := newHouse(t, houseConfig{policy: guard.Policy{Labels: guard.Labelling{Default: "public"}}})
	low.ceiled(public)
	if got := low.chat(user("hi", false)); got.status != 200 || got.header.Get("Bartizan-Label") != "public" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestCeilings is the matrix of labels, ceilings of providers, limits of systems and what
// policy wants above them: nothing passes that should not, and nothing else is stopped.
func TestCeilings(t *testing.T) {
	names, cells := privacy.Standard, 0
	for _, above := range []string{"", "candidate", "refuse", "mask"} {
		for limit := -1; limit < 4; limit++ {
			s := record.System{Name: "bot", Team: "team", Environment: "production", Models: []string{"fast"}}
			if limit >= 0 {
				s.MaxLabel = names[limit]
			}
			f := &fleet{house: newHouse(t, houseConfig{system: s, policy: guard.Policy{Labels: guard.Labelling{Above: above}}})}
			for first := range 4 {
				for second := range 4 {
					f.two(privacy.Label(first), privacy.Label(second))
					for label := range 4 {
						cells++
						got := f.labelled(names[label], "", user("Project Nightjar", false))
						want, provider := 403, ""
						switch {
						case limit >= 0 && label > limit:
						case label <= first:
							want, provider = 200, "p0"
						case above == "refuse":
						case label <= second:
							want, provider = 200, "p1"
						}
						called := ""
						for i, up := range f.ups {
							if len(up.received()) > 0 {
								called += fmt.Sprintf("p%d", i)
							}
						}
						if got.status != want || called != provider || want == 403 && (got.code() != "label_too_high" || strings.Contains(got.body, "Nightjar") || !strings.Contains(got.body, "labelled "+names[label]+",") || got.header.Get("X-Should-Retry") != "false") {
							t.Errorf("above %q, label %s, ceilings %s and %s, limit %d: %d %s called %q", above, names[label], names[first], names[second], limit, got.status, got.body, called)
						}
					}
				}
			}
		}
	}
	if cells != 4*5*4*4*4 {
		t.Errorf("%d cells", cells)
	}
}

// two makes two candidates with ceilings.
func (f *fleet) two(ceilings ...privacy.Label) {
	f.t.Helper()
	for len(f.ups) < len(ceilings) {
		f.ups = append(f.ups, newScript(f.t))
	}
	var list []Candidate
	for i, c := range ceilings {
		one := f.house.plan.Models["fast"][0]
		one.Provider, one.URL, one.Ceiling = fmt.Sprintf("p%d", i), f.ups[i].URL, c
		client, err := dialect.NewClient(dialect.ClientConfig{Name: one.Provider, URL: one.URL + "/v1", Private: true, Dialect: "openai"})
		must(f.t, err)
		f.t.Cleanup(client.Close)
		one.Upstream = client
		list = append(list, one)
	}
	plan := *f.plan
	plan.Models = map[string][]Candidate{"fast": list}
	f.gate.SetPlan(&plan)
}

// TestFailoverNeverWidens: whoever may not have a call does not get it when the others fail.
func TestFailoverNeverWidens(t *testing.T) {
	f := newFleet(t, 3)
	list := slices.Clone(f.plan.Models["fast"])
	for i, c := range []privacy.Label{secret, office, top} {
		list[i].Ceiling = c
	}
	f.candidates(list...)
	f.ups[0].does(status(503, "application/json", `{}`))
	got := f.labelled("confidential", "", user("hi", false))
	if calls := f.calls(); got.status != 200 || calls != [5]int{1, 0, 1} {
		t.Errorf("%d %s: %v", got.status, got.body, calls)
	}
	if r := f.record(got); !strings.HasPrefix(r.Intent.Candidate, "p0/") || len(r.Outcome.Tries) != 1 || !strings.HasPrefix(r.Outcome.Tries[0], "p2/") {
		t.Errorf("%s %v", r.Intent.Candidate, r.Outcome.Tries)
	}
	f.ups[2].does(status(503, "application/json", `{}`))
	for range 3 * circuitFailures { // circuits open, and still the other is not asked
		f.labelled("confidential", "", user("hi", true))
	}
	if calls := f.calls(); calls[1] != 0 {
		t.Errorf("the second was called: %v", calls)
	}
	if got := f.labelled("general", "", user("hi", false)); got.status != 200 || f.calls()[1] != 1 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestMaskedDown: what was found is hidden where that brings the label down, and nothing is
// where it does not.
func TestMaskedDown(t *testing.T) {
	policy := guard.Policy{Rules: []guard.Rule{{ID: "owl", Phrase: "Project Owl", Action: "allow"}},
		Labels: guard.Labelling{Above: "mask", Detected: map[string]string{"pii": "confidential", "secret": "highly_confidential", "rule.owl": "highly_confidential"}}}
	h := newHouse(t, houseConfig{policy: policy, detectors: everything()})
	text := "Tell ann@example.com about Project Owl."
	for _, c := range []struct {
		ceiling     privacy.Label
		header      string
		status      int
		sent, label string
		decision    risk.Decision
	}{
		{top, "", 200, text, "highly_confidential", risk.Allow},
		{secret, "", 200, "Tell ann@example.com about [OWL].", "confidential", risk.Mask},
		{office, "", 200, "Tell [EMAIL] about [OWL].", "general", risk.Mask},
		{public, "public", 200, "Tell [EMAIL] about [OWL].", "public", risk.Mask},
		{public, "", 403, "", "highly_confidential", risk.Allow},
		{office, "confidential", 403, "", "highly_confidential", risk.Allow},
	} {
		h.ceiled(c.ceiling)
		h.up.received()
		got := h.labelled(c.header, "", user(text, false))
		sent, r := h.up.received(), h.record(got)
		if got.status != c.status || got.header.Get("Bartizan-Label") != c.label || r.Intent.Label != c.label || r.Intent.Verdict.Decision != c.decision || got.header.Get("Bartizan-Decision") != c.decision.String() {
			t.Errorf("ceiling %d, header %q: %d %s, label %s, %+v", c.ceiling, c.header, got.status, got.body, r.Intent.Label, r.Intent.Verdict)
		}
		if c.status == 200 && (len(sent) != 1 || !strings.Contains(string(sent[0]), quoted(c.sent))) || c.status != 200 && len(sent) != 0 {
			t.Errorf("ceiling %d: the provider got %s", c.ceiling, sent)
		}
		masked := 0
		for _, f := range r.Intent.Verdict.Findings {
			if f.Decision == risk.Mask {
				masked++
			}
		}
		if want := strings.Count(c.sent, "["); masked != want {
			t.Errorf("ceiling %d: %d findings are masked in the record, want %d", c.ceiling, masked, want)
		}
	}
	// A limit of the system is kept to as well, and the next turn of the conversation may go on.
	s := record.System{Name: "bot", Team: "team", Environment: "production", Models: []string{"fast"}, MaxLabel: "general"}
	limited := newHouse(t, houseConfig{policy: policy, detectors: everything(), system: s})
	for range 2 {
		if got := limited.labelled("", "c", user(text, false)); got.status != 200 || !strings.Contains(string(limited.up.received()[0]), "Tell [EMAIL] about [OWL].") {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	// What can be put back is.
	policy.Mask = guard.Masking{Restore: true}
	back := newHouse(t, houseConfig{policy: policy, detectors: everything(), system: s})
	back.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
		_, rest, _ := strings.Cut(string(b), "Tell ")
		stands, _, _ := strings.Cut(rest, " ")
		status(200, "application/json", completion("I told "+stands+"."))(w, r, b)
	})
	if got := back.chat(user(text, false)); got.status != 200 || !strings.Contains(got.body, "I told ann@example.com.") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// again is the same house after a restart, or another replica of it.
func (h *house) again(now *privacy.Conversations) *house {
	h.t.Helper()
	other, cfg := *h, h.cfg
	cfg.Conversations = now
	gate, err := New(cfg, h.plan)
	must(h.t, err)
	other.gate = gate
	other.server = httptest.NewUnstartedServer(gate)
	other.server.Listener = Listen(other.server.Listener, nil)
	other.server.Start()
	h.t.Cleanup(other.server.Close)
	return &other
}

func (h *house) conversations() *privacy.Conversations {
	c, err := privacy.NewConversations(privacy.ConversationsConfig{Store: h.store, Key: h.keys.Derive("conversations")})
	must(h.t, err)
	return c
}

// TestConversationKeepsHighest: what a conversation was once it is until it ends, whoever
// serves it, and whether the call that made it so went on or not.
func TestConversationKeepsHighest(t *testing.T) {
	h := newHouse(t, houseConfig{policy: guard.Policy{Labels: guard.Labelling{Default: "public"}}})
	label := func(what string, got answered, want string) {
		t.Helper()
		if l := got.header.Get("Bartizan-Label"); l != want {
			t.Errorf("%s: %s, want %s", what, l, want)
		}
	}
	label("at first", h.labelled("", "c1", user("hi", false)), "public")
	label("raised", h.labelled("confidential", "c1", user("hi", false)), "confidential")
	label("the next turn", h.labelled("", "c1", user("hi", false)), "confidential")
	label("said to be less", h.labelled("public", "c1", user("hi", false)), "confidential")
	label("another conversation", h.labelled("", "c2", user("hi", false)), "public")
	label("no conversation", h.chat(user("hi", false)), "public")
	label("after a restart", h.again(h.conversations()).labelled("", "c1", user("hi", false)), "confidential")
	for _, odd := range []string{"größe", strings.Repeat("x", 300)} {
		label("raised under an odd name", h.labelled("confidential", odd, user("hi", false)), "confidential")
		label("the next turn under it", h.labelled("", odd, user("hi", false)), "confidential")
	}
	other := *h
	var err error
	_, other.secret, err = h.keys.Create(t.Context(), "bot", "test")
	must(t, err)
	label("of another key", other.labelled("", "c1", user("hi", false)), "public")
	// A call that was refused leaves its label.
	h.ceiled(office)
	if got := h.labelled("Highly Confidential", "c3", user("hi", false)); got.status != 403 {
		t.Errorf("%d %s", got.status, got.body)
	}
	h.up.received()
	if got := h.labelled("public", "c3", user("hi", false)); got.status != 403 || got.code() != "label_too_high" || len(h.up.received()) != 0 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestForgetfulStore: while nobody knows what a conversation was, it does not go on.
func TestForgetfulStore(t *testing.T) {
	h := newHouse(t, houseConfig{})
	st, err := store.Open(t.Context(), store.Config{Path: t.TempDir() + "/db", Migrations: []store.Migrations{{Room: "privacy", Files: privacy.Migrations}}})
	must(t, err)
	c, err := privacy.NewConversations(privacy.ConversationsConfig{Store: st, Key: make([]byte, 32)})
	must(t, err)
	must(t, st.Close())
	away := h.again(c)
	if got := away.labelled("", "c", user("hi", false)); got.status != 503 || got.code() != "store_unavailable" || len(h.up.received()) != 0 || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := away.chat(user("hi", false)); got.status != 200 {
		t.Errorf("without a conversation: %d %s", got.status, got.body)
	}
}

// TestReleasePermits: permits say which provider may have which label, and the record says
// which permit it was.
func TestReleasePermits(t *testing.T) {
	h := newHouse(t, houseConfig{permits: []access.PermitFile{{Name: "eu.cedar", Text: []byte(`@id("home")
forbid(principal, action == Action::"release", resource) when { context.label == "confidential" && context.region != "eu" };
@id("never")
forbid(principal, action == Action::"release", resource == Provider::"blue");
@id("untrained")
forbid(principal, action == Action::"release", resource) when { context.label != "public" && context.training != "never" };`)}}})
	base := h.plan.Models["fast"][0]
	blue, abroad, home := base, base, base
	blue.Provider, blue.Terms = "blue", privacy.Profile{Region: "eu", Training: "never"}
	abroad.Provider, abroad.Terms = "abroad", privacy.Profile{Region: "us", Training: "never"}
	home.Provider, home.Terms, home.Model = "home", blue.Terms, "m-eu"
	set := func(list ...Candidate) {
		plan := *h.plan
		plan.Models = map[string][]Candidate{"fast": list}
		h.gate.SetPlan(&plan)
	}
	permitOf := func(got answered, provider string) (p record.Permit) {
		for _, p := range h.record(got).Intent.Permits {
			if p.Point == access.Release && p.Target == provider {
				return p
			}
		}
		return p
	}
	set(blue, abroad, home)
	got := h.labelled("confidential", "", user("hi", false))
	if r := h.record(got); got.status != 200 || r.Intent.Candidate != "home/m-eu" {
		t.Errorf("%d %s: %s", got.status, got.body, r.Intent.Candidate)
	}
	if p := permitOf(got, "abroad"); p.Allowed || !slices.Equal(p.Reasons, []string{"eu.cedar/home"}) {
		t.Errorf("abroad: %+v", p)
	}
	if p := permitOf(got, "blue"); p.Allowed || !slices.Equal(p.Reasons, []string{"eu.cedar/never"}) {
		t.Errorf("blue: %+v", p)
	}
	if p := permitOf(got, "home"); !p.Allowed || !slices.Equal(p.Reasons, []string{"system/bot/release"}) {
		t.Errorf("home: %+v", p)
	}
	if got := h.labelled("general", "", user("hi", false)); h.record(got).Intent.Candidate != "abroad/m-1" {
		t.Errorf("general data may go abroad: %s", h.record(got).Intent.Candidate)
	}
	set(blue, abroad)
	if got := h.labelled("confidential", "", user("hi", false)); got.status != 403 || got.code() != "release_denied" || permitOf(got, "abroad").Allowed {
		t.Errorf("%d %s", got.status, got.body)
	}
	home.Terms.Training = "opt_out"
	set(home)
	if got := h.labelled("general", "", user("hi", false)); got.status != 403 || !slices.Equal(permitOf(got, "home").Reasons, []string{"eu.cedar/untrained"}) {
		t.Errorf("%d %s", got.status, got.body)
	}
	// A permit that errs denies.
	broken := newHouse(t, houseConfig{permits: []access.PermitFile{{Name: "x.cedar", Text: []byte(`forbid(principal, action == Action::"release", resource) when { context.nothing == "x" };`)}}})
	if got := broken.chat(user("hi", false)); got.status != 403 || got.code() != "release_denied" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestLabelRefusalsInEveryDialect: a refusal is an error of the caller's dialect.
func TestLabelRefusalsInEveryDialect(t *testing.T) {
	h := newHouse(t, houseConfig{})
	h.ceiled(public)
	for _, f := range forms() {
		for _, stream := range []bool{false, true} {
			req := h.request(http.MethodPost, f.path, f.in[0].body(forbidden, stream))
			req.Header.Set("Bartizan-Label", "Confidential")
			got := h.do(req)
			if got.status != 403 || !strings.Contains(got.body, "labelled confidential, and no provider of this model may have anything above public") || strings.Contains(got.body, forbidden) || len(h.up.received()) != 0 {
				t.Errorf("%s, stream=%v: %d %s", f.name, stream, got.status, got.body)
			}
			if r := h.record(got); r.Outcome.Code != "label_too_high" || r.Intent.Candidate != "" || r.Intent.Label != "confidential" || r.Outcome.End != "refused" {
				t.Errorf("%s: %+v", f.name, r.Outcome)
			}
		}
	}
}

// TestSuspendedProviders: a provider whose profile nobody approved serves nobody, and says
// so only where it would have.
func TestSuspendedProviders(t *testing.T) {
	h := newHouse(t, houseConfig{})
	profiles, err := privacy.OpenProfiles(t.Context(), privacy.ProfilesConfig{Store: h.store})
	must(t, err)
	t.Cleanup(profiles.Close)
	old, changed := privacy.Profile{URL: "a"}, privacy.Profile{URL: "b"}
	for _, p := range []privacy.Profile{old, changed} {
		_, err = profiles.Declare(t.Context(), map[string]privacy.Profile{"up": p, "spare": old})
		must(t, err)
	}
	h.cfg.Profiles = profiles
	h = h.again(h.cfg.Conversations)
	base := h.plan.Models["fast"][0]
	base.Profile = changed.Digest()
	spare := base
	spare.Provider, spare.Model, spare.Profile, spare.Ceiling = "spare", "m-2", old.Digest(), office
	set := func(list ...Candidate) {
		plan := *h.plan
		plan.Models = map[string][]Candidate{"fast": list}
		h.gate.SetPlan(&plan)
	}
	set(base)
	if got := h.chat(user("hi", false)); got.status != 503 || got.code() != "provider_suspended" || len(h.up.received()) != 0 {
		t.Errorf("%d %s", got.status, got.body)
	}
	set(base, spare)
	if got := h.chat(user("hi", false)); got.status != 200 || h.record(got).Intent.Candidate != "spare/m-2" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := h.labelled("confidential", "", user("hi", false)); got.code() != "provider_suspended" {
		t.Errorf("%d %s", got.status, got.body)
	}
	must(t, profiles.Approve(t.Context(), "up", changed.Digest(), "ann", "moved"))
	if got := h.labelled("confidential", "", user("hi", false)); got.status != 200 || h.record(got).Intent.Candidate != "up/m-1" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// curious is a stage that remembers what it was asked.
type curious struct{ asked []string }

func (*curious) ID() string                { return "curious" }
func (*curious) Judges(risk.Category) bool { return true }
func (c *curious) Ask(ctx context.Context, q guard.Question) (guard.Answer, error) {
	c.asked = append(c.asked, AskedFor(ctx)+": "+q.Text)
	return guard.Answer{}, nil
}

// TestStagesHaveCeilings: a second stage sees what is labelled up to its ceiling and no more,
// whoever says the label; what it may not see is decided as if it did not answer.
func TestStagesHaveCeilings(t *testing.T) {
	doubtful := &phrase{id: "doubt@1", word: "doubtful", category: risk.Jailbreak, score: .5}
	account := &phrase{id: "account@1", word: "DE89 3704 0044 0532 0130 00", category: "pii.iban", score: .98}
	policy := guard.Policy{Consent: []string{"human_review"}, Second: guard.Second{Stage: "curious", From: .3, To: .9, OnError: "block"}, Mask: guard.Masking{Entities: []guard.Entity{{Name: "pii.iban", Action: "flag"}}},
		Thresholds: map[string]map[string]guard.Lines{"attack": {"user": {Flag: .4, Block: .95}}}, Labels: guard.Labelling{Detected: map[string]string{"pii.iban": "highly_confidential"}}}
	for name, c := range map[string]struct {
		ceiling privacy.Label
		label   string
		text    string
		asked   string
		terms   *privacy.Profile
	}{
		"policy wants a consent":     {top, "", "a doubtful text", "", &privacy.Profile{HumanReview: "possible"}},
		"it trains":                  {top, "", "a doubtful text", "", &privacy.Profile{Training: "allowed", HumanReview: "never"}},
		"it does neither":            {top, "", "a doubtful text", "general: a doubtful text", &privacy.Profile{HumanReview: "never"}},
		"nobody has to agree":        {top, "public", "a doubtful text", "public: a doubtful text", &privacy.Profile{HumanReview: "possible"}},
		"below":                      {secret, "", "a doubtful text", "general: a doubtful text", nil},
		"as high":                    {secret, "confidential", "a doubtful text", "confidential: a doubtful text", nil},
		"above, as its caller says":  {office, "confidential", "a doubtful text", "", nil},
		"above, as is found":         {secret, "", "a doubtful DE89 3704 0044 0532 0130 00", "", nil},
		"found, and it may see that": {top, "", "a doubtful DE89 3704 0044 0532 0130 00", "highly_confidential: a doubtful DE89 3704 0044 0532 0130 00", nil},
		"nothing is known of it":     {public, "", "a doubtful text", "", nil},
		"public":                     {public, "public", "a doubtful text", "public: a doubtful text", nil},
	} {
		stage := &curious{}
		h := newHouse(t, houseConfig{policy: policy, detectors: []guard.Detector{doubtful, account}, stages: []guard.Stage{stage}})
		plan := *h.plan
		provider := plan.Models["fast"][0]
		provider.Terms = privacy.Profile{Training: "never", HumanReview: "never"}
		plan.Models = map[string][]Candidate{"fast": {provider}}
		if c.ceiling != public {
			plan.Stages = map[string]Stage{"curious": {Ceiling: c.ceiling, Terms: c.terms}}
		}
		h.gate.SetPlan(&plan)
		got := h.labelled(c.label, "", user(c.text, false))
		if asked := strings.Join(stage.asked, "|"); asked != c.asked || (got.status == 200) != (c.asked != "") {
			t.Errorf("%s: %d, asked %q, want %q: %+v", name, got.status, asked, c.asked, h.record(got).Intent.Verdict.Findings)
		}
		said := false
		for _, k := range h.record(got).Intent.Verdict.Checks {
			said = said || strings.Contains(k.Err, "labelled higher")
		}
		if said != (c.asked == "") {
			t.Errorf("%s: the record says %+v", name, h.record(got).Intent.Verdict.Checks)
		}
	}
}
