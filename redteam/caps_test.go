package redteam

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// TestScopeEndsARun: when the scope is over nothing more is sent, by nobody, and under a new one the
// campaign goes on where it was.
func TestScopeEndsARun(t *testing.T) {
	for _, who := range []string{"target", "attacker"} {
		a := &adviser{name: "adviser"}
		h, _ := attacked(t, 6, a, nil)
		var calls atomic.Int64
		clock := func() time.Time { return moment.Add(time.Duration(calls.Load()) * time.Minute) }
		until := moment.Add(30 * time.Minute)
		run := func(until time.Time) (Progress, error) {
			s := *modelScope
			s.Until = until
			return Run(t.Context(), RunConfig{Dir: h.dir, Plan: h.plan, Targets: map[string]Target{"off": h.off, "on": h.on}, Scope: &s, Scorers: []Scorer{told{}}, Attacker: a, Now: clock})
		}
		tick := func() {
			if clock().After(until) && until.Before(moment.Add(time.Hour)) {
				t.Errorf("the %s was asked after the scope", who)
			}
			calls.Add(1)
		}
		if who == "attacker" {
			a.say = func(string) Exchange { tick(); return Exchange{Outcome: Answered, Text: "try"} }
		} else {
			h.off.fail = func(int64) bool { tick(); return false }
		}
		p, err := run(until)
		if !errors.Is(err, ErrScope) || !strings.Contains(err.Error(), "ask somebody for a new one, under which the campaign goes on where it was") || p.Done == h.plan.Attempts {
			t.Fatalf("%s: %v after %d of %d", who, err, p.Done, p.Of)
		}
		for _, r := range h.all(h.dir) {
			if r.Outcome == Failed {
				t.Errorf("%s: %s has the result %+v, of what was not allowed", who, r.Key, r.Score)
			}
		}
		before := a.asked.Load() + h.off.sent.Load() + h.on.sent.Load()
		if _, err := run(until); !errors.Is(err, ErrScope) || a.asked.Load()+h.off.sent.Load()+h.on.sent.Load() != before {
			t.Errorf("%s: it goes on without a new scope: %v", who, err)
		}
		until = scope.Until
		if p, err = run(until); err != nil || p.Done != h.plan.Attempts {
			t.Errorf("%s: under a new scope %d of %d, %v", who, p.Done, p.Of, err)
		}
	}
}

// TestScopeEndsWhatIsUnderWay: a request that hangs is given up when the scope is over, and a judge is
// asked outside of a campaign no longer than it is.
func TestScopeEndsWhatIsUnderWay(t *testing.T) {
	h := build(t, 3, nil)
	h.off.slow, h.on.slow = time.Hour, time.Hour
	s := *scope
	s.Until = time.Now().Add(50 * time.Millisecond)
	if _, err := Run(t.Context(), RunConfig{Dir: h.dir, Plan: h.plan, Targets: map[string]Target{"off": h.off, "on": h.on}, Scope: &s, Scorers: []Scorer{told{}}}); !errors.Is(err, ErrScope) {
		t.Errorf("%v", err)
	}
	now := moment
	m := *modelScope
	m.Until = moment.Add(time.Hour)
	c := Campaign{Judge: &Endpoint{MaxTokens: 10}}
	a := &adviser{name: "adviser"}
	ask, err := c.Asks(t.Context(), map[Role]Target{JudgeRole: a}, &m, func() time.Time { return now })
	fatal(t, err)
	_, err = ask(JudgeRole, "Is it so?")
	fatal(t, err)
	now = m.Until
	if _, err := ask(JudgeRole, "Is it so?"); !errors.Is(err, ErrScope) || a.asked.Load() != 1 {
		t.Errorf("%v, asked %d times", err, a.asked.Load())
	}
}

// liar says of every request that it took so many tokens.
type liar struct {
	Target
	in, out int
	text    string // that it answers; "": what it would say
	really  atomic.Int64
}

func (m *liar) Send(ctx context.Context, c *Conversation) (Exchange, error) {
	e, err := m.Target.Send(ctx, c)
	if m.text != "" {
		e = Exchange{Outcome: Answered, Text: m.text}
	}
	m.really.Add(c.Tokens() + e.Tokens())
	e.Input, e.Output = m.in, m.out
	return e, err
}

// TestCapsOfThoseWhoDoNotCount: caps hold whatever is said of what was used: by targets that say
// nothing, as those behind a form, or too little, or what cannot be; and so by models on our own side.
func TestCapsOfThoseWhoDoNotCount(t *testing.T) {
	for _, says := range []int{0, -1_000_000, -1 << 62, 1 << 62} {
		for name, change := range map[string]func(*Campaign){
			"tokens":          func(c *Campaign) { c.Budget.Tokens = 4000 },
			"money":           func(c *Campaign) { c.Budget.Money = .004; c.Price = Pricing{Input: 1, Output: 1} },
			"attacker tokens": func(c *Campaign) { c.Budget.Tokens = 20_000 },
		} {
			a := &liar{Target: &adviser{name: "adviser"}, in: says, out: says}
			h, _ := attacked(t, 20, nil, func(c *Campaign) {
				c.MaxTokens = 100
				if change(c); name != "attacker tokens" {
					c.Attacker = nil
				}
			})
			off, on := &liar{Target: h.off, in: says, out: says}, &liar{Target: h.on, in: says, out: says}
			limit := h.plan.Campaign.Budget.Tokens
			if limit == 0 {
				limit = 4000
			}
			run := func() (Progress, error) {
				return Run(t.Context(), RunConfig{Dir: h.dir, Plan: h.plan, Targets: map[string]Target{"off": off, "on": on}, Attacker: a, Scope: modelScope, Scorers: []Scorer{told{}}})
			}
			p, err := run()
			really := off.really.Load() + on.really.Load() + a.really.Load()
			if !errors.Is(err, ErrBudget) || really > limit || p.Spent.Input+p.Spent.Output < really || p.Spent.Cost < 0 || says <= 0 && really < limit/3 {
				t.Errorf("%s, of one who says %d: %v; %d were used of %d, and it says %+v", name, says, err, really, limit, p.Spent)
			}
			var read Spent
			for _, r := range h.all(h.dir) {
				read.add(&r)
				if _, err := Remade(h.plan, &r); err != nil {
					t.Error(err)
				}
			}
			if read.Input != p.Spent.Input || read.Output != p.Spent.Output {
				t.Errorf("%s: results say %+v, the run %+v", name, read, p.Spent)
			}
			if again, err := run(); !errors.Is(err, ErrBudget) || again.Spent.Input != p.Spent.Input || off.really.Load()+on.really.Load()+a.really.Load() != really {
				t.Errorf("%s: going on it says %+v, %v", name, again.Spent, err)
			}
		}
	}
}

// chat carries on what was said.
type chat struct{ once }

func (chat) ID() string          { return "chat" }
func (chat) Requests() int       { return 8 }
func (chat) Grows(*State) Growth { return Growth{Said: 8} }
func (k chat) Next(s *State) (Conversation, bool) {
	c, _ := k.once.Next(&State{Seed: s.Seed, Scene: s.Scene, Canary: s.Canary, Text: s.Text})
	for _, e := range s.Replies {
		c.Turns = append(c.Turns, Turn{Role: "assistant", Text: e.Text}, Turn{Role: "user", Text: "Go on."})
	}
	return c, true
}

// TestCapsOfThoseWhoSayMore: a target that answers with more than it is allowed makes what follows in
// the same attempt longer than planned. It is sent only where the caps have room for it.
func TestCapsOfThoseWhoSayMore(t *testing.T) {
	l := stock(1)
	l.Strategies = []Strategy{chat{}}
	p, err := Make(Campaign{Name: "long", Arms: []string{"on"}, MaxTokens: 50, Rate: Rate{Parallel: 1}, Budget: Budget{Tokens: 9000}}, l)
	fatal(t, err)
	m := &liar{Target: &model{name: "bare"}, text: strings.Repeat("much ", 800)}
	dir := t.TempDir()
	run := func() (Progress, error) {
		return Run(t.Context(), RunConfig{Dir: dir, Plan: p, Targets: map[string]Target{"on": m}, Scope: scope, Scorers: []Scorer{told{}}})
	}
	got, err := run()
	if really := m.really.Load(); !errors.Is(err, ErrBudget) || really > 9000+1000 || got.Spent.Input+got.Spent.Output != really || got.Errors == 0 {
		t.Errorf("%d were used of 9000, and it says %+v; %v", really, got, err)
	}
	fatal(t, Results(dir, func(r *Result) error {
		if r.Outcome != Failed || !strings.Contains(r.Error, "could exceed the budget") {
			t.Errorf("%s: %s", r.Outcome, r.Error)
		}
		_, err := Remade(p, r)
		return err
	}))
	before := m.really.Load()
	if _, err := run(); !errors.Is(err, ErrBudget) || m.really.Load() != before {
		t.Errorf("%v", err)
	}
}

// TestLongWordsAreWithinThePlan: an answer in long words has more bytes than plans take for its tokens.
// It counts for no more than it was allowed.
func TestLongWordsAreWithinThePlan(t *testing.T) {
	c := Conversation{MaxTokens: 100}
	for bytes, want := range map[int]int{40: 10, 400: 100, 500: 100, 800: 100, 804: 201} {
		e := Exchange{Text: strings.Repeat("x", bytes), Output: 5}
		if e.count(&c); e.Output != max(want, 5) || e.Input != int(c.Tokens()) {
			t.Errorf("%d bytes count for %d, want %d", bytes, e.Output, want)
		}
	}
	e := Exchange{Text: "x", Input: 900, Output: 700}
	if e.count(&c); e.Input != 900 || e.Output != 700 {
		t.Errorf("%+v", e)
	}
}

// boast names itself as it likes.
type boast struct{ Target }

func (m boast) Send(ctx context.Context, c *Conversation) (Exchange, error) {
	e, err := m.Target.Send(ctx, c)
	e.Model = "bot\x1b[2J\n\u202eé\u00a0 1" + strings.Repeat("!", 4000)
	return e, err
}

// TestNamesOfModels: what a target, or a model on our own side, calls itself stands in results, and so
// in exports without words, as a short name that a terminal can show.
func TestNamesOfModels(t *testing.T) {
	h, _ := attacked(t, 2, nil, nil)
	_, err := Run(t.Context(), RunConfig{Dir: h.dir, Plan: h.plan, Targets: map[string]Target{"off": boast{h.off}, "on": boast{h.on}}, Attacker: boast{&adviser{name: "adviser"}}, Scope: modelScope, Scorers: []Scorer{told{}}})
	fatal(t, err)
	want := "bot[2J 1" + strings.Repeat("!", 120)
	for _, r := range h.all(h.dir) {
		for _, e := range r.Replies {
			if e.Model != want {
				t.Fatalf("it is called %q", e.Model)
			}
		}
		for _, q := range r.Asked {
			if q.Model != want {
				t.Fatalf("it is called %q", q.Model)
			}
		}
	}
}

// TestTokensOfRounds: what a round used is counted though the system says nothing of it.
func TestTokensOfRounds(t *testing.T) {
	c := newCage(t, database(t, store.Config{Path: filepath.Join(t.TempDir(), "redteam.db")}), t.TempDir(), ward(8), &model{name: "bot", guard: true})
	c.once(t.Context())
	if st := c.status(); st.Used() < 8*aroundRequest {
		t.Errorf("a round of %d attempts used %d tokens", 8, st.Used())
	}
}
