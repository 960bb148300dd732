package redteam

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// steered asks the attacker's model before each request.
type steered struct{ once }

func (steered) ID() string                              { return "steered" }
func (steered) Plays(d *Seed) bool                      { return d.Persona != Benign }
func (steered) Requests() int                           { return 20 }
func (steered) Grows(*State) Growth                     { return Growth{Said: 200, Apart: true} }
func (steered) Asks(_ *State, n int) (questions, b int) { return n, n * 4000 }
func (st steered) Next(s *State) (Conversation, bool) {
	prompt := "Attack: " + s.Text
	for i := range s.Replies {
		prompt += "\n" + s.Replies[i].Text
	}
	text, err := s.Ask(AttackerRole, prompt)
	if err != nil {
		s.Memory = broken{err.Error()}
		return Conversation{}, false
	}
	return Conversation{Turns: []Turn{{Role: "system", Text: strings.ReplaceAll(s.Scene.System, Canary, s.Canary)}, {Role: "user", Text: text}}}, true
}

// adviser is an attacker's model, or a judge's, that answers by what it is asked.
type adviser struct {
	name  string
	asked atomic.Int64
	slow  time.Duration
	say   func(prompt string) Exchange
}

func (m *adviser) Fingerprint() string { return "test://" + m.name }

func (m *adviser) Send(ctx context.Context, c *Conversation) (Exchange, error) {
	m.asked.Add(1)
	if m.slow > 0 {
		select {
		case <-time.After(m.slow):
		case <-ctx.Done():
			return Exchange{}, ctx.Err()
		}
	}
	prompt := c.Turns[0].Text
	if m.say != nil {
		return m.say(prompt), nil
	}
	h := fnv.New32a()
	h.Write([]byte(prompt))
	return Exchange{Outcome: Answered, Text: fmt.Sprintf("try %x", h.Sum32()), Input: int(c.Tokens()), Output: 4, Model: "adviser"}, nil
}

var modelScope = &Scope{AllowedBy: "somebody", Reason: "T-2", Until: scope.Until, Targets: append([]string{"test://adviser"}, scope.Targets...)}

// attacked is a campaign with an attacker's model, and what runs it.
func attacked(t *testing.T, n int, a *adviser, change func(*Campaign)) (*house, func(dir string) (Progress, error)) {
	t.Helper()
	h := &house{t: t, lib: stock(n), off: &model{name: "bare"}, on: &model{name: "guarded", guard: true}, dir: t.TempDir()}
	h.lib.Strategies = append(h.lib.Strategies, steered{})
	c := attackedCampaign()
	if change != nil {
		change(&c)
	}
	var err error
	if h.plan, err = Make(c, h.lib); err != nil {
		t.Fatal(err)
	}
	return h, func(dir string) (Progress, error) {
		return Run(context.Background(), RunConfig{Dir: dir, Plan: h.plan, Targets: map[string]Target{"off": h.off, "on": h.on}, Scope: modelScope, Scorers: []Scorer{told{}}, Attacker: a, Sync: time.Nanosecond})
	}
}

func attackedCampaign() Campaign {
	return Campaign{Name: "steered", Random: 7, Chains: [][]string{{}, {"salt"}}, Arms: []string{"off", "on"}, Rate: Rate{Parallel: 3},
		Attacker: &Attacker{Endpoint: Endpoint{Dialect: "openai", URL: "https://adviser.example/v1/chat/completions", Model: "m", Price: Pricing{Input: 5, Output: 9}}, Turns: 4}}
}

// TestAttackerIsKept: what the attacker's model was asked and said stands in the results, so that
// attempts are made and judged again without asking it, and its cost is counted.
func TestAttackerIsKept(t *testing.T) {
	a := &adviser{name: "adviser"}
	h, run := attacked(t, 6, a, nil)
	p, err := run(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	asked, sent := a.asked.Load(), h.off.sent.Load()+h.on.sent.Load()
	several := 0
	for _, r := range h.all(h.dir) {
		if (r.Strategy == "steered") != (len(r.Asked) > 0) || len(r.Asked) > 4 {
			t.Fatalf("%s asked %d questions", r.Strategy, len(r.Asked))
		}
		if len(r.Asked) > 1 {
			several++
		}
		if _, err := Remade(h.plan, &r); err != nil {
			t.Fatal(err)
		}
	}
	if again, err := Rescore(context.Background(), h.dir, h.plan, []Scorer{told{}}); err != nil || len(again.Changed) > 0 || again.Attempts != h.plan.Attempts {
		t.Errorf("%+v, %v", again, err)
	}
	if a.asked.Load() != asked || h.off.sent.Load()+h.on.sent.Load() != sent || several == 0 {
		t.Errorf("%d questions more, %d of several", a.asked.Load()-asked, several)
	}
	s := p.Spent
	if int64(s.Attacker.Requests) != asked || s.Attacker.Input == 0 || int64(s.Requests) != asked+sent || s.Cost != 5*s.Attacker.Input+9*s.Attacker.Output {
		t.Errorf("%+v of %d and %d", s, asked, sent)
	}
	if q := h.plan.Attacker; q.Requests < s.Attacker.Requests || q.Input < s.Attacker.Input || q.Output < s.Attacker.Output || h.plan.Cost < s.Cost || h.plan.Requests < s.Requests {
		t.Errorf("%+v is planned, %+v was spent", q, s)
	}
	if b := h.analyse(nil).Spent; b.Cost != s.Cost || b.Attacker != s.Attacker {
		t.Errorf("the report has %+v", b)
	}
}

// TestResultsWithoutWords: no word of an attack, an answer, a call or a question is left, and the result
// keeps them.
func TestResultsWithoutWords(t *testing.T) {
	r := &Result{Key: "k", Replies: []Exchange{{Text: "secret", Calls: []Call{{Tool: "t", Args: "secret"}}}}, Asked: []Question{{Role: JudgeRole, Prompt: "secret", Answer: "secret", Input: 4}}}
	b, err := json.Marshal(r.Without(func(string) string { return "" }))
	if err != nil || strings.Contains(string(b), "secret") || !strings.Contains(string(b), `"input_tokens":4`) || !strings.Contains(string(b), `"tool":"t"`) {
		t.Errorf("%s, %v", b, err)
	}
	if b, _ = json.Marshal(r); strings.Count(string(b), "secret") != 4 {
		t.Errorf("the result became %s", b)
	}
}

// TestAttackerEndsWithAHit: once it got through, the attacker is not asked any more.
func TestAttackerEndsWithAHit(t *testing.T) {
	h, run := attacked(t, 6, &adviser{name: "adviser"}, func(c *Campaign) { c.Strategies = []string{"steered"} })
	if _, err := run(h.dir); err != nil {
		t.Fatal(err)
	}
	for _, r := range h.all(h.dir) {
		if r.Score.Verdict == Hit && r.Score.Reply != len(r.Replies)-1 {
			t.Errorf("a hit in reply %d of %d", r.Score.Reply, len(r.Replies))
		}
	}
}

// TestAttackerFails: an attempt whose attacker failed is an error, whatever the target said before,
// and remains one when it is judged again.
func TestAttackerFails(t *testing.T) {
	for name, e := range map[string]Exchange{"timeout": {Outcome: Failed, Error: "timeout"}, "blocked": {Outcome: Blocked, Text: "x"}, "silent": {Outcome: Answered, Text: " "}} {
		a := &adviser{name: "adviser"}
		a.say = func(prompt string) Exchange {
			if strings.Contains(prompt, "\n") { // the second question
				return e
			}
			return Exchange{Outcome: Answered, Text: "try " + prompt}
		}
		h, run := attacked(t, 4, a, func(c *Campaign) { c.Strategies = []string{"steered"} })
		if _, err := run(h.dir); err != nil {
			t.Fatal(err)
		}
		failed := 0
		for _, r := range h.all(h.dir) {
			if len(r.Asked) > 1 {
				failed++
				if r.Outcome != Failed || r.Error == "" || r.Score.Verdict != Unknown || len(r.Replies) != 1 || strings.Contains(r.Error, "attack ") {
					t.Errorf("%s: %+v", name, r)
				}
			}
		}
		if again, err := Rescore(context.Background(), h.dir, h.plan, []Scorer{told{}}); err != nil || len(again.Changed) > 0 || failed == 0 {
			t.Errorf("%s: %d failed; %+v, %v", name, failed, again, err)
		}
		if c := h.analyse(nil).Arms[0].Attacks; c.Errors == 0 || c.Errors+c.Tries() != h.plan.Attempts/2 {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestNoAttacker: without an attacker's model, or somebody who allows it, nobody asks one.
func TestNoAttacker(t *testing.T) {
	l := stock(3)
	l.Strategies = append(l.Strategies, steered{})
	c := attackedCampaign()
	c.Attacker = nil
	p, err := Make(c, l)
	if err != nil {
		t.Fatal(err)
	}
	for n := range p.Attempts {
		if p.Attempt(n).Strategy.ID() == "steered" {
			t.Fatal("it plays without an attacker")
		}
	}
	if bare, _ := Make(c, stock(3)); p.lib.digest(&c) != bare.lib.digest(&c) {
		t.Error("a campaign is another one for a strategy that it does not play")
	}
	c.Strategies = []string{"steered"}
	if _, err := Make(c, l); err == nil || !strings.Contains(err.Error(), "write an attacker block") {
		t.Errorf("%v", err)
	}
	h, _ := attacked(t, 3, nil, nil)
	a := &adviser{name: "adviser"}
	for name, cfg := range map[string]RunConfig{"nobody allowed it": {Attacker: a, Scope: scope}, "it is not there": {Scope: modelScope}} {
		cfg.Dir, cfg.Plan, cfg.Targets = h.dir, h.plan, map[string]Target{"off": h.off, "on": h.on}
		if _, err := Run(context.Background(), cfg); !errors.Is(err, ErrScope) || h.off.sent.Load()+a.asked.Load() > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAttackerFaults: what is wrong with a model is said in a sentence.
func TestAttackerFaults(t *testing.T) {
	hot, chance := 3.0, int64(1)
	for want, change := range map[string]func(*Campaign){
		"attacker: it has a dialect and a url": func(c *Campaign) { c.Attacker.URL = "" },
		"holds a password":                     func(c *Campaign) { c.Attacker.URL = "https://ann:hunter2@x.example/v1" },
		"attacker.turns":                       func(c *Campaign) { c.Attacker.Turns = 21 },
		"temperature":                          func(c *Campaign) { c.Attacker.Temperature = &hot },
		"only openai and azure know a seed":    func(c *Campaign) { c.Attacker.Dialect, c.Attacker.Seed = "anthropic", &chance },
		"judge.budget": func(c *Campaign) {
			c.Judge = &Endpoint{Dialect: "openai", URL: "https://x.example", Budget: Caps{Tokens: -1}}
		},
		"timeout_seconds": func(c *Campaign) { c.Attacker.Seconds = -1 },
	} {
		c := attackedCampaign()
		change(&c)
		l := stock(3)
		l.Strategies = append(l.Strategies, steered{})
		if _, err := Make(c, l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestAttackerBudgets: no cap is exceeded by a question, neither the campaign's nor the model's own.
func TestAttackerBudgets(t *testing.T) {
	for name, k := range map[string]struct {
		change func(*Campaign)
		within func(Spent) bool
	}{
		"requests of the attacker": {func(c *Campaign) { c.Attacker.Budget.Requests = 20 }, func(s Spent) bool { return s.Attacker.Requests <= 20 && s.Attacker.Requests > 10 }},
		"tokens of the attacker":   {func(c *Campaign) { c.Attacker.Budget.Tokens = 10000 }, func(s Spent) bool { return s.Attacker.tokens() <= 10000 && s.Attacker.Requests > 10 }},
		"money of the attacker":    {func(c *Campaign) { c.Attacker.Budget.Money = .07 }, func(s Spent) bool { return s.Cost <= 70_000 && s.Cost > 0 }},
		"requests of all":          {func(c *Campaign) { c.Budget.Requests = 60 }, func(s Spent) bool { return s.Requests <= 60 && s.Requests > 40 && s.Attacker.Requests > 0 }},
		"money of all":             {func(c *Campaign) { c.Budget.Money = .07 }, func(s Spent) bool { return s.Cost <= 70_000 && s.Cost > 0 }},
	} {
		a := &adviser{name: "adviser"}
		h, run := attacked(t, 8, a, k.change)
		p, err := run(h.dir)
		if !errors.Is(err, ErrBudget) || !k.within(p.Spent) || int(a.asked.Load()) != p.Spent.Attacker.Requests {
			t.Fatalf("%s: %v, %+v after %d questions", name, err, p.Spent, a.asked.Load())
		}
		if strings.Contains(name, "of the") && !strings.Contains(err.Error(), "the budget of the attacker") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAttackerReplay: an attempt is sent again with what the attacker said then; it is not asked.
func TestAttackerReplay(t *testing.T) {
	a := &adviser{name: "adviser"}
	h, run := attacked(t, 4, a, func(c *Campaign) { c.Strategies = []string{"steered"} })
	if _, err := run(h.dir); err != nil {
		t.Fatal(err)
	}
	asked := a.asked.Load()
	for _, r := range h.all(h.dir)[:6] {
		target := map[string]Target{"off": h.off, "on": h.on}[r.Arm]
		got, err := Replay(context.Background(), h.dir, h.plan, r.Key, target, &Scope{AllowedBy: "x", Reason: "y", Until: scope.Until, Targets: []string{target.Fingerprint()}}, []Scorer{told{}})
		if err != nil || !got.Same || strings.Join(got.After.Sent, " ") != strings.Join(r.Sent, " ") {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if a.asked.Load() != asked {
		t.Error("the attacker was asked again")
	}
}

// ruler is a scorer that asks the judge's model what a mumble means.
type ruler struct{}

func (ruler) ID() string           { return "ruler@1" }
func (ruler) Scores(e Effect) bool { return e.Kind != "answer" }
func (ruler) Score(_ context.Context, s *State) Score {
	answer, err := s.Ask(JudgeRole, s.Last().Text+" of "+s.Seed.ID)
	if err != nil {
		return Score{Verdict: Unknown, Why: "the judge failed"}
	}
	return Score{Verdict: Verdict(answer)}
}

// TestJudgeIsKept: a judge's model is asked where the others do not know and nowhere else, its verdict
// bears its name, and it is given again without asking it. Where it fails nobody knows.
func TestJudgeIsKept(t *testing.T) {
	j := &adviser{name: "adviser", say: func(prompt string) Exchange {
		if strings.HasSuffix(prompt, "0") {
			return Exchange{Outcome: Failed, Error: "timeout"}
		}
		return Exchange{Outcome: Answered, Text: "hit", Input: 3, Output: 1}
	}}
	h := build(t, 12, func(c *Campaign) {
		c.Judge = &Endpoint{Dialect: "openai", URL: "https://adviser.example", Price: Pricing{Input: 1}}
	})
	scorers := []Scorer{told{}, ruler{}}
	p, err := Run(context.Background(), RunConfig{Dir: h.dir, Plan: h.plan, Targets: map[string]Target{"off": h.off, "on": h.on}, Scope: modelScope, Scorers: scorers, Judge: j})
	if err != nil {
		t.Fatal(err)
	}
	asked, verdicts := j.asked.Load(), map[Verdict]int{}
	for _, r := range h.all(h.dir) {
		if (r.Score.Scorer == "ruler@1") != (len(r.Asked) == 1) {
			t.Fatalf("%+v", r)
		}
		if len(r.Asked) == 1 {
			verdicts[r.Score.Verdict]++
		}
	}
	if verdicts[Hit] == 0 || verdicts[Unknown] == 0 || verdicts[Miss] > 0 || int(asked) != p.Spent.Judge.Requests || p.Spent.Cost != p.Spent.Judge.Input {
		t.Errorf("%v of %d, %+v", verdicts, asked, p.Spent)
	}
	again, err := Rescore(context.Background(), h.dir, h.plan, scorers)
	if err != nil || len(again.Changed) > 0 || j.asked.Load() != asked {
		t.Errorf("%+v, %v, %d questions", again, err, j.asked.Load()-asked)
	}
	for name, cfg := range map[string]RunConfig{"nobody allowed it": {Judge: j, Scope: scope}, "it is not there": {Scope: modelScope}} {
		cfg.Dir, cfg.Plan, cfg.Targets = t.TempDir(), h.plan, map[string]Target{"off": h.off, "on": h.on}
		if _, err := Run(context.Background(), cfg); !errors.Is(err, ErrScope) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// steeredVictim runs a campaign with an attacker until somebody kills the process.
func steeredVictim(dir string) {
	h, run := attacked(&testing.T{}, 5, &adviser{name: "adviser", slow: 2 * time.Millisecond}, nil)
	h.off.slow = time.Millisecond
	if _, err := run(dir); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// TestKilledWithAnAttacker: attempts that were finished when the process was killed are as they were,
// to the byte, and the whole is what it is without a kill.
func TestKilledWithAnAttacker(t *testing.T) {
	h, run := attacked(t, 5, &adviser{name: "adviser"}, nil)
	if _, err := run(h.dir); err != nil {
		t.Fatal(err)
	}
	want, dir, kills := h.head(h.dir), t.TempDir(), 0
	for {
		before, _ := os.ReadFile(filepath.Join(dir, resultsFile))
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "BARTIZAN_TEST_STEERED="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		over := false
		select {
		case err := <-done:
			if over = true; err != nil {
				t.Fatal(err)
			}
		case <-grown(t, dir, kills):
			kills++
			_ = cmd.Process.Kill()
			<-done
		}
		after, _ := os.ReadFile(filepath.Join(dir, resultsFile))
		if whole := bytes.LastIndexByte(before, '\n') + 1; !bytes.HasPrefix(after, before[:whole]) {
			t.Fatal("what was finished is not what it was")
		}
		if over {
			break
		}
	}
	if got := h.head(dir); got != want || kills < 2 {
		t.Errorf("after %d kills the head is %s, without any %s", kills, got, want)
	}
}
