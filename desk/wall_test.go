package desk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/internal/teamtest"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/redteam"
)

// walled calls a method of the desk about the things that names name.
type walled func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error)

// all reads a sequence.
func all(seq iter.Seq2[record.Record, error]) (any, error) {
	out := []record.Record{}
	for r, err := range seq {
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// texts are policies as they can be read.
func texts(list []*guard.Compiled, err error) (any, error) {
	var out []any
	for _, c := range list {
		out = append(out, c.ID(), c.Policy())
	}
	return out, err
}

func nothing(err error) (any, error) { return nil, err }

func nothingOf[T any](_ T, err error) error { return err }

func one[T any](v T, err error) (any, error) { return v, err }

var ctx = context.Background()

// methods are all of the desk's, so that a new one must say here how the wall holds for it.
var methods = map[string]walled{
	"AddConsent": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		of, err := h.AddConsent(ctx, a, desk.Given{System: n.System, What: "training", Purpose: "Works for " + n.Team})
		return []any{of, fmt.Sprint(err)}, nothingOf(h.AddConsent(ctx, a, desk.Given{Subject: n.Subject, What: "training", Purpose: "p"}))
	},
	"AddHold": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return one(h.AddHold(ctx, a, "", n.System, "x"))
	},
	"ApproveContent": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return nothing(h.ApproveContent(ctx, a, n.Request))
	},
	"ApproveProvider": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return nothing(h.ApproveProvider(ctx, a, n.Provider, "0123456789ab", "x"))
	},
	"Asked": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) { return one(h.Asked(ctx, a)) },
	"Attempt": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		return one(h.Attempt(ctx, a, teamtest.Campaign, "none"))
	},
	"Campaign": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		return one(h.Campaign(ctx, a, teamtest.Campaign))
	},
	"Campaigns": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		return one(h.Campaigns(ctx, a))
	},
	"CloseFinding": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		return nothing(h.CloseFinding(ctx, a, "find_none"))
	},
	"Coverage": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) { return one(h.Coverage(ctx, a)) },
	"Decide": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		return nothing(h.Decide(ctx, a, teamtest.Campaign, "none", redteam.Miss, "x"))
	},
	"EditFinding": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		return nothing(h.EditFinding(ctx, a, "find_none", redteam.Handling{Damage: "low", Likelihood: "rare"}, false))
	},
	"Findings": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) { return one(h.Findings(ctx, a)) },
	"OpenFinding": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		return one(h.OpenFinding(ctx, a, teamtest.Campaign, "none", redteam.Handling{Damage: "low", Likelihood: "rare"}))
	},
	"StartCampaign": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		return one(h.StartCampaign(ctx, a, "", "x"))
	},
	"Live":       func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) { return one(h.Live(ctx, a)) },
	"OpenAlarms": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) { return one(h.OpenAlarms(ctx, a)) },
	"AskRound": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return nothing(h.AskRound(ctx, a, n.System, "x"))
	},
	"PauseRounds": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return nothing(h.PauseRounds(ctx, a, n.System, "x"))
	},
	"ResumeRounds": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return nothing(h.ResumeRounds(ctx, a, n.System, "x"))
	},
	"CountAnew": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return nothing(h.CountAnew(ctx, a, n.System, "x"))
	},
	"SettleAlarm": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		return nothing(h.SettleAlarm(ctx, a, "alarm_none", false, "x"))
	},
	"StopCampaign": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		return nothing(h.StopCampaign(ctx, a, teamtest.Campaign))
	},
	"Transcript": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		return one(h.Transcript(ctx, a, teamtest.Campaign, "none", "ticket"))
	},
	"Conformance": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) { return one(h.Conformance(a)) },
	"Consents": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		list, err := h.Consents(ctx, a, "")
		if err != nil {
			return list, err
		}
		return one(h.Consents(ctx, a, n.Subject))
	},
	"Content": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		var out []any
		for _, id := range []string{n.Exchange, n.Act, ""} {
			found, err := h.Content(ctx, a, id, "ticket")
			out = append(out, found, fmt.Sprint(err))
		}
		return out, nil
	},
	"CreateKey": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		k, _, err := h.CreateKey(ctx, a, n.System)
		return k, err
	},
	"EndSession": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		var out []any
		for _, id := range []string{n.Session, ""} {
			if a.Whole() && id == "" {
				break // would end those that the test goes on with
			}
			out = append(out, fmt.Sprint(h.EndSession(ctx, a, nil, id)))
		}
		return out, nil
	},
	"Erase": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return one(h.Erase(ctx, a, n.Subject, "x"))
	},
	"Explain": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return one(h.Explain(a, n.System, access.Admit, n.Model))
	},
	"ExportSubject": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return one(h.ExportSubject(ctx, a, n.Subject, "x"))
	},
	"FindSubject": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return one(h.FindSubject(ctx, a, n.Subject, ""))
	},
	"Flows": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		return one(h.Flows(ctx, a, "week"))
	},
	"Guard": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		g, err := h.Guard(ctx, a, "week")
		if err != nil {
			return nil, err
		}
		return []any{g, g.Uses(n.Policy, "allow-"+n.Policy)}, nil
	},
	"Holds": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) { return one(h.Holds(ctx, a)) },
	"InUse": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) { return texts(h.InUse(a), nil) },
	"Keys": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		list, err := h.Desk.Keys(a, n.System)
		if err != nil {
			return nil, err
		}
		every, err := h.Desk.Keys(a, "")
		return []any{list, every}, err
	},
	"LiftHold": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return nothing(h.LiftHold(ctx, a, n.Hold, "x"))
	},
	"Link": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		_, err := h.Link(ctx, a, n.Person, []string{"reader"}, []string{n.Team})
		return nil, err
	},
	"May": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		var out []string
		for _, act := range desk.Acts {
			out = append(out, fmt.Sprint(h.May(a, act)))
		}
		return out, nil
	},
	"Notices": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		list, err := h.Notices(a, "")
		if err != nil {
			return nil, err
		}
		own, err := h.Notices(a, n.System)
		return []any{list, own}, err
	},
	"Policies": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) { return texts(h.Policies(a)) },
	"Providers": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		list, whole, err := h.Providers(ctx, a)
		return []any{list, whole}, err
	},
	"Record": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		var out []any
		for _, id := range []string{n.Exchange, n.Act, ""} {
			found, err := h.Record(ctx, a, id)
			out = append(out, found, fmt.Sprint(err))
		}
		return out, nil
	},
	"Records": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		var out []any
		for _, q := range []record.Query{{}, {Kind: "exchange"}, {Kind: "act"}, {Kind: "exchange", Limit: 2}, {System: n.System}, {ID: n.Act}, {ID: n.Exchange, Content: true}, {Before: 450}, {After: 450}} {
			list, err := all(h.Desk.Records(ctx, a, q))
			if err != nil {
				return nil, err
			}
			out = append(out, list)
		}
		return out, nil
	},
	"Replay": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return one(h.Replay(a, n.Replay))
	},
	"Retention": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) { return one(h.Retention(ctx, a)) },
	"RevokeConsent": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return nothing(h.RevokeConsent(ctx, a, n.Consent))
	},
	"RevokeKey": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return nothing(h.RevokeKey(ctx, a, n.Key))
	},
	"RotateMaster": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		return one(h.RotateMaster(ctx, a))
	},
	"Sessions": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		return one(h.Desk.Sessions(ctx, a))
	},
	"Spending": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		return one(h.Spending(ctx, a, n.System))
	},
	"StartReplay": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		edit := []desk.Edit{{Family: "attack", Origin: "user", Line: "block", Value: .5}}
		r, err := h.StartReplay(ctx, a, desk.ReplayAsk{Policy: n.Policy, Over: desk.OverKept, Span: "day", Reason: "x", Edits: edit})
		if err != nil {
			return nil, err
		}
		h.Settle(r.ID)
		return one(h.Replay(a, r.ID))
	},
	"Systems": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) { return h.Systems(a), nil },
	"Traffic": func(h *teamtest.House, a desk.Actor, _ teamtest.Names) (any, error) {
		return one(h.Traffic(ctx, a, "week"))
	},
	"TryPolicy": func(h *teamtest.House, a desk.Actor, n teamtest.Names) (any, error) {
		e, err := h.TryPolicy(ctx, a, desk.Try{Text: "the plan of shared", Policy: n.Policy, Direction: "input"})
		e.Took = 0
		return e, err
	},
	// What a link opens was decided when it was made, and an end is of nobody's things.
	"Open":  nil,
	"Close": nil,
}

// told is what a method answered, as one text.
func told(t *testing.T, name string, f walled, h *teamtest.House, a desk.Actor, n teamtest.Names) string {
	t.Helper()
	v, err := f(h, a, n)
	b, jsonErr := json.Marshal(v)
	if jsonErr != nil {
		t.Fatalf("%s: %v", name, jsonErr)
	}
	return fmt.Sprintf("%s %v", b, err)
}

// names are the methods in an order that does not change.
func names(t *testing.T) (out []string) {
	t.Helper()
	of := reflect.TypeFor[*desk.Desk]()
	for i := range of.NumMethod() {
		name := of.Method(i).Name
		f, known := methods[name]
		if !known {
			t.Errorf("nobody said how the wall between teams holds for Desk.%s; add it here", name)
		}
		if f != nil {
			out = append(out, name)
		}
	}
	if len(methods) != of.NumMethod() {
		t.Errorf("the desk has %d methods, the table %d", of.NumMethod(), len(methods))
	}
	return out
}

var manyRoles = [][]string{{"admin"}, {"approver"}, {"auditor"}, {"reader"}, {"stranger"}, {"admin", "approver", "auditor", "reader"}}

// TestR62EveryMethod calls every method of the desk as somebody of one team, with names of
// theirs, of the other team and of nothing: nothing of the other team is told, its names are
// as if they did not exist, and nothing of it is changed. All is as in a house without it.
func TestR62EveryMethod(t *testing.T) {
	h, alone := teamtest.Build(t, true), teamtest.Build(t, false)
	before, calls := h.Left(), 0
	prime(t, h)
	prime(t, alone)
	for _, roles := range manyRoles {
		a, _ := h.Member(roles...)
		alone.Member(roles...)
		for _, name := range names(t) {
			f := methods[name]
			other := h.Beta.Blank(told(t, name, f, h, a, h.Beta))
			none := teamtest.None.Blank(told(t, name, f, h, a, teamtest.None))
			for range 2 {
				told(t, name, f, alone, a, teamtest.None)
			}
			if other != none {
				t.Errorf("%s as %v tells another team's names from those of nothing:\n%s\n%s", name, roles, other, none)
			}
			mine := told(t, name, f, h, a, h.Alpha)
			if leaks := h.Leaks(mine + other); leaks != nil {
				t.Errorf("%s as %v tells %q: %.400s", name, roles, leaks, mine)
			}
			if want := told(t, name, f, alone, a, alone.Alpha); h.Alpha.Blank(mine) != alone.Alpha.Blank(want) {
				t.Errorf("%s as %v is otherwise with another team in the house:\n%s\n%s", name, roles, mine, want)
			}
			calls += 3
		}
	}
	if after := h.Left(); after != before {
		t.Errorf("of the other team there was\n%s\nand is\n%s", before, after)
	}
	recorded := [2]string{h.Beta.Blank(teamtest.None.Blank(h.Alpha.Blank(own(t, h)))), teamtest.None.Blank(alone.Alpha.Blank(own(t, alone)))}
	if recorded[0] != recorded[1] {
		t.Errorf("what is on record of those of one team is otherwise with another team in the house:\n%s\n%s", recorded[0], recorded[1])
	}
	if calls < 600 {
		t.Errorf("only %d calls", calls)
	}
}

// prime has somebody of the whole organisation look first, at what is counted once in a while.
func prime(t *testing.T, h *teamtest.House) {
	t.Helper()
	for _, name := range []string{"Traffic", "Guard", "Providers"} {
		told(t, name, methods[name], h, teamtest.Whole, h.Alpha)
	}
}

// own is what was recorded of somebody of alpha. Each act says for which team it was done.
func own(t *testing.T, h *teamtest.House) string {
	t.Helper()
	var out []record.Act
	for _, act := range h.Acts() {
		if act.By == "ann@acme.example" {
			out = append(out, act)
			if !slices.Equal(act.Teams, []string{"alpha"}) {
				t.Errorf("an act does not say for which team it was done: %+v", act)
			}
		}
	}
	b, err := json.Marshal(out)
	fatal(t, err)
	return string(b)
}

// TestR62WholeOrganisation: whoever is limited to no team sees both, so that the test above
// cannot pass because there is nothing to see.
func TestR62WholeOrganisation(t *testing.T) {
	h := teamtest.Build(t, true)
	seen := ""
	for _, name := range append([]string{"Asked", "Sessions"}, names(t)...) { // before they are approved and ended
		if name == "RotateMaster" || name == "Erase" {
			continue
		}
		for _, n := range []teamtest.Names{h.Alpha, h.Beta} {
			seen += told(t, name, methods[name], h, teamtest.Whole, n)
		}
	}
	for _, n := range []teamtest.Names{h.Alpha, h.Beta} {
		for _, s := range n.All() {
			if s != n.Subject && s != "" && !strings.Contains(seen, s) {
				t.Errorf("nothing shows %s", s)
			}
		}
	}
	for _, s := range h.Secret() {
		if !strings.Contains(seen, s) && !strings.Contains(s, "\u202f") {
			t.Errorf("nothing shows the secret %s", s)
		}
	}
}

// TestR62NoWiderLink: those limited to teams make links for their teams and for roles that
// lead no further than their own, and a team that there is not is as good as another's.
func TestR62NoWiderLink(t *testing.T) {
	h := teamtest.Build(t, true)
	a, _ := h.Member("admin")
	link := func(by desk.Actor, roles, teams []string) error {
		_, err := h.Link(ctx, by, "pat", roles, teams)
		return err
	}
	public := func(err error) string {
		var said *desk.Refusal
		if !errors.As(err, &said) {
			return fmt.Sprint(err)
		}
		return fmt.Sprint(said.Status(), said.Public())
	}
	for name, teams := range map[string][]string{"another": {h.Beta.Team}, "one's own and another": {"alpha", h.Beta.Team}, "none there is": {"none"}, "an empty one": {""}, "one in other letters": {"Alpha"}} {
		if got := public(link(a, []string{"reader"}, teams)); !strings.Contains(got, "No declared system is of this team") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := public(link(a, []string{"reader"}, nil)); !strings.Contains(got, "name one of your teams") {
		t.Errorf("the whole organisation: %s", got)
	}
	if got := public(link(teamtest.Whole, []string{"reader"}, []string{"none"})); !strings.Contains(got, "No declared system is of this team") {
		t.Errorf("a team that there is not: %s", got)
	}
	for _, by := range []desk.Actor{a, teamtest.Whole} {
		fatal(t, link(by, []string{"admin", "reader"}, []string{"alpha"}))
	}
	fatal(t, link(teamtest.Whole, []string{"reader"}, []string{"alpha", h.Beta.Team}))
	fatal(t, link(teamtest.Whole, []string{"reader"}, nil))
}

// TestR62NoWiderRole: a permit that lets somebody make links does not let them make links to
// more than they may do.
func TestR62NoWiderRole(t *testing.T) {
	o := open(t)
	permits, err := access.NewPermits([]record.System{{Name: "bot", Team: "alpha", Status: "active"}}, []access.PermitFile{{Name: "x.cedar",
		Text: []byte(`permit(principal is Person, action == Action::"administer", resource == Act::"link.create") when { context.roles.contains("approver") && context.teams.contains("alpha") };`)}})
	fatal(t, err)
	d := desk.New(desk.Config{Keys: o.keys, Sessions: o.sessions, Recorder: o.notes, Permits: func() *access.Permits { return permits }})
	t.Cleanup(d.Close)
	a := desk.Actor{Person: "amy", Roles: []string{"approver"}, Teams: []string{"alpha"}}
	if _, err := d.Link(ctx, a, "pat", []string{"admin"}, []string{"alpha"}); !errors.Is(err, desk.ErrDenied) {
		t.Errorf("an approver made an admin: %v", err)
	}
	if _, err := d.Link(ctx, a, "pat", []string{"reader"}, []string{"alpha"}); err != nil {
		t.Errorf("a link to less: %v", err)
	}
	a.Teams = []string{"beta"}
	if _, err := d.Link(ctx, a, "pat", []string{"reader"}, []string{"beta"}); !errors.Is(err, desk.ErrDenied) {
		t.Errorf("permits do not know the team: %v", err)
	}
}

// TestR62SecondPerson: what was approved over the records of a team opens those alone, and
// those limited to a team approve only what they see.
func TestR62SecondPerson(t *testing.T) {
	h := teamtest.Build(t, true)
	h.Rules.TwoPeople = true
	edit := []desk.Edit{{Family: "attack", Origin: "user", Line: "block", Value: .5}}
	replay := func(by desk.Actor) error {
		r, err := h.StartReplay(ctx, by, desk.ReplayAsk{Policy: "shared", Over: desk.OverKept, Span: "day", Reason: "x", Edits: edit})
		if err == nil {
			h.Settle(r.ID)
		}
		return err
	}
	limited := desk.Actor{Person: "pat", Roles: []string{"approver"}, Teams: []string{"alpha"}}
	wide := desk.Actor{Person: "pat", Roles: []string{"approver"}}
	colleague, _ := h.Member("approver")
	for _, a := range []desk.Actor{limited, wide} {
		if err := replay(a); !errors.Is(err, desk.ErrSecond) {
			t.Fatal(err)
		}
	}
	if _, err := h.Content(ctx, limited, h.Alpha.Exchange, "x"); !errors.Is(err, desk.ErrSecond) {
		t.Fatal(err)
	}
	if _, err := h.Content(ctx, limited, h.Beta.Exchange, "x"); !errors.Is(err, desk.ErrRecord) {
		t.Errorf("another team's record can be asked for: %v", err)
	}
	list, err := h.Asked(ctx, colleague)
	fatal(t, err)
	targets := map[string]bool{}
	for _, g := range list {
		if g.Asker == "pat" {
			targets[strings.Fields(g.Target)[0]] = true
			fatal(t, h.ApproveContent(ctx, colleague, g.ID))
		}
	}
	if len(targets) != 2 || len(list) != 3 { // and that of amy
		t.Errorf("%+v", list)
	}
	if err := replay(wide); !errors.Is(err, desk.ErrSecond) {
		t.Errorf("what a team approved opens the records of all: %v", err)
	}
	fatal(t, replay(limited))
	if found, err := h.Content(ctx, limited, h.Alpha.Exchange, "x"); err != nil || len(found) != 1 || found[0].Intent.Kept[0].Text == "" {
		t.Errorf("%+v %v", found, err)
	}
	every, err := h.Asked(ctx, teamtest.Whole)
	fatal(t, err)
	for _, g := range every {
		if err := h.ApproveContent(ctx, colleague, g.ID); g.ID != h.Alpha.Request && !errors.Is(err, privacy.ErrNone) {
			t.Errorf("%+v: %v", g, err)
		}
	}
}

// TestR62MovedSystem: records stay the team's that called, and the system's limits go with it.
func TestR62MovedSystem(t *testing.T) {
	s := &shelf{list: []record.Record{made(0, "bot", "a/m", "answered", 0, 10)}} // of team t
	permits, err := access.NewPermits([]record.System{{Name: "bot", Team: "new", Status: "active"}}, nil)
	fatal(t, err)
	limits := func(context.Context, string) ([]desk.Allowance, error) {
		return []desk.Allowance{{Counts: "tokens"}}, nil
	}
	d := desk.New(desk.Config{Permits: func() *access.Permits { return permits }, Now: func() time.Time { return now }, Watch: desk.Watch{Records: s, Allowances: limits}})
	t.Cleanup(d.Close)
	for team, want := range map[string]int{"t": 1, "new": 0} {
		a := desk.Actor{Person: "p", Roles: []string{"reader"}, Teams: []string{team}}
		got, err := all(d.Records(ctx, a, record.Query{Kind: "exchange"}))
		if err != nil || len(got.([]record.Record)) != want || !slices.Equal(s.last.Teams, a.Teams) {
			t.Errorf("%s sees %v, asked was %+v", team, got, s.last)
		}
		if _, err := d.Spending(ctx, a, "bot"); (err == nil) == (team == "t") {
			t.Errorf("%s sees what is spent now: %v", team, err)
		}
	}
	a := desk.Actor{Person: "p", Roles: []string{"reader"}, Teams: []string{"t"}}
	tr, err := d.Traffic(ctx, a, "day")
	if err != nil || len(tr.Systems) != 1 || len(tr.Systems[0].Allowances) != 0 || len(tr.Silent) != 0 {
		t.Errorf("%+v %v", tr, err)
	}
}
