// Package teamtest is an organisation of two teams at one desk, for tests that hold the wall
// between them. Whatever is team beta's has the word [Canary] in it or is one of the names
// that [House.Secret] lists: of that, nobody who is limited to team alpha may see a byte.
//
// A house can be built without beta. Who is of alpha must not be able to tell the two apart.
package teamtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/internal/redteamtest"
	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/store"
)

// Canary is part of every name of team beta that a test can choose.
const Canary = "canary7"

// Figure is part of beta's amounts, as they are counted.
const Figure = 7654321

// Campaign is one of the red team's, which concerns the whole organisation.
const Campaign = "first"

// Moment is when everything is looked at.
var Moment = time.Date(2026, time.March, 12, 14, 40, 30, 0, time.UTC)

// Names are one of each thing that a request can name.
type Names struct {
	Team, System, Policy, Model, Provider, Person, Category string
	Key, Exchange, Act, Session, Replay, Request, Hold      string
	Consent, Subject                                        string
}

// None are names of nothing, in the forms of the others.
var None = Names{Team: "nobodys", System: "nobodys-bot", Policy: "nobodys-policy", Model: "nobodys-model", Provider: "nobodys-up", Person: "nobody@acme.example", Category: "nobodys-find",
	Key: "key_aaaabbbbccccdddd", Exchange: "ex_nobody", Act: "act_nobody", Session: "ses_aaaabbbbccccdddd", Replay: "rep_nobody", Request: "glass_aaaabbbbccccdddd", Hold: "hold_aaaabbbbccccdddd",
	Consent: "consent_aaaabbbbccccdddd", Subject: "nobody@acme.example"}

// All lists the names, the longest first.
func (n Names) All() []string {
	all := []string{n.Team, n.System, n.Policy, n.Model, n.Provider, n.Person, n.Category, n.Key, n.Exchange, n.Act, n.Session, n.Replay, n.Request, n.Hold, n.Consent, n.Subject}
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" })
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}

// House is the desk with what it works with.
type House struct {
	*desk.Desk
	Keys        *access.Keys
	Sessions    *access.Sessions
	Subjects    *privacy.Subjects
	Profiles    *privacy.Profiles
	Rules       desk.Rules
	Alpha, Beta Names

	t       testing.TB
	records []record.Record // the newest first
	more    []string        // secrets of beta beside its names
	mu      sync.Mutex
	acts    []record.Act
}

// Whole is somebody who may do everything, and sees both teams.
var Whole = desk.Actor{Person: "root@acme.example", Roles: []string{"admin"}}

// Build makes a house; beta says whether the other team is in it.
func Build(t testing.TB, beta bool) *House {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(context.Background(), store.Config{Path: filepath.Join(dir, "teams.db"), Migrations: []store.Migrations{{Room: "access", Files: access.Migrations}, {Room: "privacy", Files: privacy.Migrations}, {Room: "redteam", Files: redteam.Migrations}}})
	fatal(t, err)
	t.Cleanup(func() { _ = st.Close() })
	h := &House{t: t, Alpha: alpha, Beta: None}
	h.Keys, err = access.OpenKeys(context.Background(), access.KeysConfig{Store: st, Dir: filepath.Join(dir, "keys")})
	fatal(t, err)
	t.Cleanup(h.Keys.Close)
	h.Sessions, err = access.OpenSessions(st, filepath.Join(dir, "keys"))
	fatal(t, err)
	h.Subjects, err = privacy.OpenSubjects(context.Background(), privacy.Config{Store: st, Dir: filepath.Join(dir, "keys"), Index: h.Keys.Derive("subjects")})
	fatal(t, err)
	t.Cleanup(h.Subjects.Close)
	h.Profiles, err = privacy.OpenProfiles(context.Background(), privacy.ProfilesConfig{Store: st})
	fatal(t, err)
	t.Cleanup(h.Profiles.Close)
	systems := systemsOf(beta)
	permits, err := access.NewPermits(systems, nil)
	fatal(t, err)
	policies := policiesOf(t, systems)
	attacks := filepath.Join(dir, "redteam")
	redteamtest.Make(t, attacks, redteamtest.Spec{ID: Campaign, Begun: Moment, Seeds: 1})
	tried := redteamtest.Attacks(attacks, redteamtest.Spec{Begun: Moment, Seeds: 1}, redteam.OpenFindings(st, nil))
	live := []redteamtest.LiveSpec{{System: alpha.System, Rounds: 1, Few: true, Last: Moment}}
	if beta {
		live = append(live, redteamtest.LiveSpec{System: other.System, Rounds: 1, Few: true, Last: Moment})
	}
	tried.Canaries = redteamtest.Live(t, st, attacks, live...)
	h.Desk = desk.New(desk.Config{Attacks: tried, Keys: h.Keys, Sessions: h.Sessions, Profiles: h.Profiles, Recorder: h, Permits: func() *access.Permits { return permits },
		Policies: func() []*guard.Compiled { return policies }, Now: func() time.Time { return Moment }, Watch: h.watch(systems, beta),
		Privacy: desk.Privacy{Subjects: h.Subjects, Rules: func() desk.Rules { return h.Rules }, Certify: func(b []byte) ([]byte, error) { return b, nil },
			Proof: func(_ context.Context, id string) (*ledger.Proof, error) {
				return &ledger.Proof{Leaf: (&ledger.Leaf{Kind: "act", ID: id, Note: "subject.erase done"}).Bytes()}, nil
			}}})
	t.Cleanup(h.Close)
	if beta {
		h.Beta = other
		h.furnish(&h.Beta)
		h.more = append(h.more, h.furnishMore()...)
	}
	h.furnish(&h.Alpha)
	h.records = recordsOf(h, beta)
	return h
}

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Secret lists what nobody of alpha may see: words, and ids that chance made.
func (h *House) Secret() []string {
	return append([]string{Canary, fmt.Sprint(Figure), "7\u202f654\u202f321"}, h.more...)
}

// Member is somebody of alpha with these roles, and the session that they have.
func (h *House) Member(roles ...string) (desk.Actor, string) {
	h.t.Helper()
	return h.signIn("ann@acme.example", roles, alpha.Team)
}

// signIn opens a session and returns whose it is and its cookie's value.
func (h *House) signIn(person string, roles []string, teams ...string) (desk.Actor, string) {
	h.t.Helper()
	link, err := h.Sessions.Link(context.Background(), person, roles, teams)
	fatal(h.t, err)
	cookie, _, err := h.Sessions.Redeem(context.Background(), link)
	fatal(h.t, err)
	return desk.Actor{Person: person, Roles: roles, Teams: teams}, cookie.Value
}

// Settle waits until no replay of these runs.
func (h *House) Settle(id string) {
	h.t.Helper()
	for range 10_000 {
		if r, err := h.Replay(Whole, id); err != nil || r.State != "running" {
			return
		}
		time.Sleep(time.Millisecond)
	}
	h.t.Fatal("a replay does not end")
}

// Left is all that is beta's as it is now, in one text: it must be the same before and after.
func (h *House) Left() string {
	h.t.Helper()
	ctx := context.Background()
	var out []any
	keys, err := h.Desk.Keys(Whole, "")
	fatal(h.t, err)
	for _, k := range keys {
		if k.System != alpha.System {
			out = append(out, k)
		}
	}
	sessions, err := h.Desk.Sessions(ctx, Whole)
	fatal(h.t, err)
	for _, s := range sessions {
		if !slices.Equal(s.Teams, []string{alpha.Team}) {
			s.Seen = time.Time{}
			out = append(out, s)
		}
	}
	asked, err := h.Asked(ctx, Whole)
	fatal(h.t, err)
	for _, g := range asked {
		if g.ID != h.Alpha.Request {
			out = append(out, g)
		}
	}
	holds, err := h.Holds(ctx, Whole)
	fatal(h.t, err)
	consents, err := h.Consents(ctx, Whole, "")
	fatal(h.t, err)
	_, err = h.Replay(Whole, h.Beta.Replay)
	return fmt.Sprint(append(out, holds, consents, h.Profiles.Suspended(), err)...)
}

// Begin implements [record.Recorder].
func (h *House) Begin(context.Context, record.Intent) (record.Receipt, error) {
	return record.Receipt{}, errors.New("no exchange happens at the desk")
}

// Finish implements [record.Recorder].
func (h *House) Finish(context.Context, record.Outcome) error { return errors.New("nor does one end") }

// Act implements [record.Recorder].
func (h *House) Act(_ context.Context, a record.Act) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.acts = append(h.acts, a)
	return nil
}

// Acts are those that were recorded.
func (h *House) Acts() []record.Act {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.acts)
}

// Records implements [record.Reader]. It does not look at teams: that others' records are not
// shown must not hang on how well a reader keeps to a query.
func (h *House) Records(_ context.Context, q record.Query) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		n := 0
		for _, r := range h.records {
			kind := "exchange"
			if r.Act != nil {
				kind = "act"
			}
			switch {
			case q.ID != "" && r.ID() != q.ID, q.Kind != "" && q.Kind != kind, q.Before != 0 && r.Seq >= q.Before, r.Seq <= q.After, !q.Since.IsZero() && r.At().Before(q.Since),
				q.System != "" && (r.Intent == nil || r.Intent.Principal.System != q.System):
				continue
			}
			if n++; !yield(r, nil) || n == q.Limit {
				return
			}
		}
	}
}
