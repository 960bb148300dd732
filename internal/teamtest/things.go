package teamtest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// The two teams, as far as tests choose their names. Both use the policy "shared" and the
// provider "common".
var (
	alpha = Names{Team: "alpha", System: "ant-bot", Policy: "ant-policy", Model: "ant-model", Provider: "common", Person: "amy@acme.example", Category: "ant-find",
		Exchange: "ex_ant", Act: "act_ant", Subject: "ann@example.com"}
	other = Names{Team: "beta-" + Canary, System: Canary + "-bot", Policy: Canary + "-policy", Model: Canary + "-model", Provider: Canary + "-up", Person: Canary + "@acme.example", Category: Canary + "-find",
		Exchange: "ex_" + Canary, Act: "act_" + Canary, Subject: Canary + "@example.com"}
)

// systemsOf are two of each team: one under its own policy and one under the policy of both.
func systemsOf(beta bool) (out []record.System) {
	for _, n := range []Names{alpha, other} {
		if n.Team != alpha.Team && !beta {
			continue
		}
		one := record.System{Name: n.System, Team: n.Team, Owner: n.Person, Purpose: "Works for " + n.Team, Environment: "production", Status: "active", Policy: n.Policy, Models: []string{n.Model, "both"}, Tools: []string{n.Team + "-tool"}}
		two := one
		two.Name, two.Policy = n.System+"-two", "shared"
		out = append(out, one, two)
	}
	return out
}

// policiesOf are those that systems use. Each has a rule and an allow list that name it.
func policiesOf(t testing.TB, systems []record.System) (out []*guard.Compiled) {
	t.Helper()
	engine, err := guard.New(guard.Config{})
	fatal(t, err)
	have := map[string]bool{}
	for _, s := range systems {
		if have[s.Policy] {
			continue
		}
		have[s.Policy] = true
		c, err := engine.Compile(s.Policy, guard.Policy{Mode: "monitor", Until: "2099-12-31", Rules: []guard.Rule{{ID: "rule-" + s.Policy, Phrase: "the plan of " + s.Policy, Action: "block", Says: "Not " + s.Policy}},
			Allow: []guard.Allowance{{ID: "allow-" + s.Policy, Phrase: "a motto of " + s.Policy, Reason: "for " + s.Policy, Until: "2026-01-31"}}})
		fatal(t, err)
		out = append(out, c)
	}
	return out
}

// watch is what is looked at. What counts over both teams has other figures without beta.
func (h *House) watch(systems []record.System, beta bool) desk.Watch {
	amount := func(system string) int64 {
		if strings.HasPrefix(system, Canary) {
			return Figure
		}
		return 11
	}
	return desk.Watch{Records: h,
		Providers: func() []desk.Provider {
			common := desk.Provider{Name: "common", Dialect: "openai", State: "closed", P50: time.Millisecond, P95: time.Second, Calls: 10, Failures: 1, Input: 10, Output: 10, Cost: 10, Failed: []desk.Failure{},
				Uses: []desk.Use{{Model: alpha.Model, As: "small", Place: 1, Of: 1}, {Model: "both", As: "large", Place: 1, Of: 1}}}
			if !beta {
				return []desk.Provider{common}
			}
			mine := common
			mine.Name, mine.Uses = other.Provider, []desk.Use{{Model: other.Model, As: Canary, Place: 1, Of: 1}}
			common.Calls, common.Failures, common.Input, common.Output, common.Cost = Figure, Figure, Figure, Figure, Figure
			common.Failed, common.Uses = []desk.Failure{{At: Moment, Class: Canary}}, append(common.Uses, mine.Uses...)
			return []desk.Provider{mine, common}
		},
		Conformance: func() ([]desk.Place, error) {
			return []desk.Place{{Dialect: "chat", Side: "request", Name: "user", Cells: []desk.Cell{{Action: "block", Result: "blocked", Tries: 1}}}}, nil
		},
		Notices: func() (out []privacy.Notice, err error) {
			for _, s := range systems {
				out = append(out, privacy.Notice{System: s.Name, Version: fmt.Sprintf("%.12s", s.Name+"-version-0"), Team: s.Team, Contact: s.Owner, Purpose: s.Purpose, Environment: s.Environment, Policy: s.Policy + "@1", Records: "395d", Content: "none"})
			}
			return out, nil
		},
		Spent: func(_ context.Context, system string, _ time.Time) (access.Usage, error) {
			return access.Usage{Requests: amount(system), Cost: amount(system)}, nil
		},
		Allowances: func(_ context.Context, system string) ([]desk.Allowance, error) {
			return []desk.Allowance{{Counts: "tokens", Per: "day", Limit: 2 * Figure * amount(system) / 11, Spent: amount(system)}}, nil
		}}
}

// furnish makes what has ids that chance makes, for one team.
func (h *House) furnish(n *Names) {
	h.t.Helper()
	ctx, t := context.Background(), h.t
	key, _, err := h.Keys.Create(ctx, n.System, n.Person)
	fatal(t, err)
	n.Key = key.ID
	who, _ := h.signIn(n.Person, []string{"admin"}, n.Team)
	sessions, err := h.Desk.Sessions(ctx, Whole)
	fatal(t, err)
	for _, s := range sessions {
		if s.Person == n.Person {
			n.Session = s.ID
		}
	}
	asked, err := h.Subjects.Ask(ctx, n.Person, n.Exchange, "ticket of "+n.Team)
	fatal(t, err)
	n.Request = asked.ID
	r, err := h.StartReplay(ctx, who, desk.ReplayAsk{Policy: n.Policy, Over: desk.OverSamples, Span: "day", Reason: "ticket", Edits: []desk.Edit{{Family: "attack", Origin: "user", Line: "block", Value: .5}}})
	fatal(t, err)
	n.Replay = r.ID
	h.Settle(r.ID)
	if n.Team == other.Team {
		h.more = append(h.more, key.ID, key.Hint, n.Session, n.Request, n.Replay)
	}
}

// furnishMore makes what is the organisation's and beta's, and returns its ids.
func (h *House) furnishMore() []string {
	h.t.Helper()
	ctx, t := context.Background(), h.t
	hold, err := h.Subjects.AddHold(ctx, privacy.Hold{System: other.System, Reason: Canary, By: other.Person})
	fatal(t, err)
	consent, err := h.Subjects.AddConsent(ctx, privacy.Consent{Subject: h.Subjects.Named(other.Subject), What: Canary, Purpose: Canary, By: other.Person})
	fatal(t, err)
	h.Beta.Hold, h.Beta.Consent = hold.ID, consent.ID
	out := []string{hold.ID, consent.ID, consent.Subject}
	// A replay over all records, with alpha's policy, is not alpha's to approve.
	for _, target := range []string{"replay of policy " + alpha.Policy, "replay of policy shared"} {
		g, err := h.Subjects.Ask(ctx, other.Person, target, Canary)
		fatal(t, err)
		out = append(out, g.ID)
	}
	// Sessions of the whole organisation, and of somebody who is of both teams.
	h.signIn(Canary+"-root", []string{"admin"})
	h.signIn(Canary+"-both", []string{"reader"}, alpha.Team, other.Team)
	for _, p := range []privacy.Profile{{URL: "https://a.example"}, {URL: "https://" + Canary + ".example"}} {
		_, err := h.Profiles.Declare(ctx, map[string]privacy.Profile{other.Provider: p})
		fatal(t, err)
	}
	return out
}

// recordsOf are calls and acts of both teams, of nobody, and of the organisation.
func recordsOf(h *House, beta bool) (out []record.Record) {
	calls := func(n Names, seq uint64, times int) {
		for i := range times {
			r := call(n, seq-uint64(i), i)
			if i == 0 {
				r.Intent.ID, r.Outcome.ID = n.Exchange, n.Exchange
			}
			out = append(out, r)
		}
	}
	act := func(seq uint64, id, kind, by, target string, teams ...string) {
		for i, phase := range []string{"done", "intended"} {
			out = append(out, record.Record{Seq: seq - uint64(i), Act: &record.Act{ID: id, At: Moment.Add(-time.Minute), Phase: phase, Kind: kind, By: by, Target: target, Teams: teams, Reason: "by " + by, Detail: map[string]string{"roles": "reader"}}})
		}
	}
	if beta {
		calls(h.Beta, 900, 5)
		nobodys := call(h.Beta, 890, 1)
		nobodys.Intent.Principal = record.Principal{Kind: "key", ID: Canary}
		out = append(out, nobodys, record.Record{Seq: 889, Outcome: nobodys.Outcome})
		act(880, h.Beta.Act, desk.KeyCreate, other.Person, other.System, other.Team)
		act(878, h.Beta.Act+"-key", desk.KeyRevoke, Whole.Person, h.Beta.Key)
		// Somebody of beta tried what is alpha's; somebody of alpha did something when they were
		// of the whole organisation; and what no rule knows.
		act(876, "act_tried_"+Canary, desk.KeyCreate, other.Person, alpha.System, other.Team)
		act(874, "act_wider_"+Canary, desk.LinkCreate, "ann@acme.example", Canary)
		act(872, "act_both_"+Canary, desk.LinkCreate, "ann@acme.example", Canary, alpha.Team, other.Team)
		act(870, "act_odd_"+Canary, desk.SubjectErase, Whole.Person, "sub_"+Canary)
		act(868, "act_policy_"+Canary, desk.PolicyRead, other.Person, "try of policy shared", other.Team)
	}
	calls(h.Alpha, 500, 4)
	act(401, h.Alpha.Act, desk.KeyCreate, Whole.Person, alpha.System)
	act(399, "act_ant_key", desk.KeyRevoke, Whole.Person, h.Alpha.Key)
	// Who did it is of more teams than those who may see it.
	teams := []string{alpha.Team}
	if beta {
		teams = append(teams, other.Team)
	}
	act(397, "act_ant_shared", desk.KeyCreate, "bob@acme.example", alpha.System, teams...)
	act(394, "act_ant_own", desk.LinkCreate, "ann@acme.example", "newcomer", alpha.Team)
	return out
}

// call is one exchange of a team; i chooses what became of it.
func call(n Names, seq uint64, i int) record.Record {
	amount := 11
	if n.Team == other.Team {
		amount = Figure
	}
	decision, end := []risk.Decision{risk.Allow, risk.Block, risk.Mask, risk.Flag}[i%4], []string{"answered", "blocked", "answered", "failed"}[i%4]
	at, id := Moment.Add(-time.Duration(i+1)*time.Minute), fmt.Sprintf("%s_%d", n.Exchange, seq)
	policy := []string{n.Policy, "shared"}[i%2] + "@0123456789ab"
	found := []risk.Finding{{Category: risk.Category(n.Category), Detector: n.Team + "/finder@1", Confidence: .9, Decision: decision, Says: "Not for " + n.Team}}
	checks := []risk.Check{{Detector: n.Team + "/finder@1", State: []risk.State{risk.Ran, risk.Failed}[i%2], Passages: []int{0}, Err: n.Team}}
	in := &record.Intent{ID: id, At: at, Principal: record.Principal{Kind: "key", ID: n.Key, System: n.System, Team: n.Team}, Dialect: "openai", Op: "chat", Model: n.Model, Candidate: n.Provider + "/" + n.Model,
		Conversation: n.Team + "-conversation", Label: "general", Purpose: n.Team, Verdict: risk.Verdict{Decision: decision, Policy: policy, Findings: found, Checks: checks},
		Passages: []record.Passage{{Path: n.Team + ".content", Origin: "user", Kind: "text", Bytes: amount}}, Kept: []record.Kept{{Path: n.Team + ".content", Origin: "user", Kind: "text", Text: "What " + n.Team + " wrote"}},
		Permits: []record.Permit{{Point: "admit", Target: n.Model, Allowed: true, Reasons: []string{"system/" + n.System + "/models"}}}, Received: record.Digest{Bytes: int64(amount)}}
	out := &record.Outcome{ID: id, At: at.Add(time.Duration(i+1) * 100 * time.Millisecond), Status: 200, Upstream: 200, End: end, Verdict: risk.Verdict{Policy: policy, Checks: checks}, Input: amount, Output: amount, Cost: int64(amount)}
	return record.Record{Seq: seq, Intent: in, Outcome: out}
}
