package app

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bartizan-ai/bartizan/redteam"
)

// greedy is a target that says as much as it is allowed to, in some way, and counts as plans do.
type greedy struct {
	how string
	n   atomic.Int64
}

func (g *greedy) Fingerprint() string { return "inside://greedy" }

func (g *greedy) Send(_ context.Context, c *redteam.Conversation) (redteam.Exchange, error) {
	how := g.how
	if how == "mixed" {
		how = []string{"words", "refused", "calls", "blocked", "both", "silent"}[g.n.Add(1)%6]
	}
	e := redteam.Exchange{Outcome: redteam.Answered, Input: int(c.Tokens())}
	words := func(tokens int) string { return strings.Repeat("über", tokens)[:4*tokens] }
	switch how {
	case "refused":
		e.Outcome, e.Text = redteam.Refused, words(c.MaxTokens)
	case "blocked":
		e.Outcome, e.Text = redteam.Blocked, words(c.MaxTokens)
	case "calls", "both":
		left := c.MaxTokens
		if how == "both" {
			left /= 2
			e.Text = words(left)
		}
		for len(c.Tools) > 0 {
			e.Calls = append(e.Calls, redteam.Call{Tool: c.Tools[len(e.Calls)%len(c.Tools)].Name, Args: "{}"})
			if int(e.Tokens()) > c.MaxTokens {
				e.Calls = e.Calls[:len(e.Calls)-1]
				break
			}
		}
	case "words":
		e.Text = words(c.MaxTokens)
	}
	e.Output = int(e.Tokens())
	return e, nil
}

// verbose is a model on our own side that is asked twice for everything, and then says as much as it
// may.
type verbose struct{}

func (verbose) Fingerprint() string { return "inside://verbose" }

func (verbose) Send(_ context.Context, c *redteam.Conversation) (redteam.Exchange, error) {
	prompt := c.Turns[0].Text
	e := redteam.Exchange{Outcome: redteam.Answered, Input: int(c.Tokens()), Output: c.MaxTokens, Text: "Let me think."}
	if strings.HasSuffix(prompt, "and no word around it.") {
		long := strings.Repeat("ä", 2000)
		switch {
		case strings.Contains(prompt, `"on_topic"`):
			e.Text = `{"on_topic": true}`
		case strings.Contains(prompt, `"rating"`):
			e.Text = `{"rating": 3}`
		case strings.Contains(prompt, `"thought"`):
			e.Text = fmt.Sprintf(`{"observation": "", "thought": "", "strategy": "", "reply": %q}`, long)
		default:
			e.Text = fmt.Sprintf(`{"improvement": "", "prompt": %q}`, long)
		}
	}
	return e, nil
}

// asksJudge is a scorer that leaves everything to a judge.
type asksJudge struct{}

func (asksJudge) ID() string                 { return "asks@1" }
func (asksJudge) Scores(redteam.Effect) bool { return true }
func (asksJudge) Score(_ context.Context, s *redteam.State) redteam.Score {
	return redteam.Score{Verdict: redteam.Unknown}
}

// awkward are seeds that imports bring: long ones, in letters of several bytes, in conversations, with
// many marks.
func awkward() (out []redteam.Seed) {
	for i, text := range []string{"x", strings.Repeat("word ", 3000), strings.Repeat("🜁ﷺ", 500), strings.Repeat("say @@MARK@@ ", 80), "@@CANARY@@ @@PAYLOAD@@ {{7*7}}", "\u200b\u202e"} {
		for _, kind := range []string{"mark", "canary", "amplify", "harm"} {
			d := redteam.Seed{ID: fmt.Sprintf("awkward-%s-%d", kind, i), Objective: strings.Repeat("It says so. ", 1+i*20), Text: text, Category: "jailbreak", Impact: map[string]string{"amplify": "availability", "harm": "harm"}[kind], Persona: redteam.Adversarial, Effect: redteam.Effect{Kind: kind, Factor: 2}}
			if d.Impact == "" {
				d.Impact = "integrity"
			}
			if i%2 == 1 {
				d.Turns = []redteam.Turn{{Role: "user", Text: "First, @@MARK@@."}, {Role: "assistant", Text: strings.Repeat("Yes. ", 200)}}
			}
			out = append(out, d)
		}
	}
	return out
}

// TestPlansAreUpperBounds: for every seed, with every strategy and with converters that chance deals to
// it, what is sent is no more than the plan says, whatever the target answers within what it is allowed.
func TestPlansAreUpperBounds(t *testing.T) {
	lib, err := AttackLibrary(awkward())
	if err != nil {
		t.Fatal(err)
	}
	c := redteam.Campaign{Name: "bounds", Random: 11, Chains: [][]string{{}}, Arms: []string{"on"}, MaxTokens: 96, Rate: redteam.Rate{Parallel: 2},
		Attacker: &redteam.Attacker{Endpoint: redteam.Endpoint{Dialect: "openai", URL: "https://x.example", MaxTokens: 1100}, Turns: 6}, // as many as what it says has
		Judge:    &redteam.Endpoint{Dialect: "openai", URL: "https://x.example", MaxTokens: 20}}
	for i, k := range lib.Converters {
		c.Chains = append(c.Chains, []string{k.ID()})
		if i%5 == 0 {
			c.Chains = append(c.Chains, []string{k.ID(), lib.Converters[(i*7+3)%len(lib.Converters)].ID()})
		}
	}
	scorers, err := ScorersOf(&c, nil)
	if err != nil {
		t.Fatal(err)
	}
	judge := scorers[len(scorers)-1]
	scope := &redteam.Scope{AllowedBy: "x", Reason: "y", Until: ownScope().Until, Targets: []string{"inside://"}}
	disguised := c.Chains
	for _, k := range []struct {
		how     string
		chains  [][]string
		samples int // 0: every strategy with every seed
	}{{"mixed", nil, 0}, {"calls", disguised, 4}, {"words", disguised, 3}, {"both", disguised, 1}, {"refused", disguised, 1}, {"blocked", disguised, 1}, {"silent", disguised, 1}} {
		c.Chains, c.Samples = k.chains, k.samples
		p, err := redteam.Make(c, lib)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		done, err := redteam.Run(context.Background(), redteam.RunConfig{Dir: dir, Plan: p, Targets: map[string]redteam.Target{"on": &greedy{how: k.how}}, Scope: scope, Scorers: []redteam.Scorer{asksJudge{}, judge}, Attacker: verbose{}, Judge: verbose{}})
		if err != nil {
			t.Fatal(err)
		}
		within(t, k.how, dir, p)
		if s := done.Spent; s.Requests > p.Requests || s.Input+s.Output > p.Tokens || s.Requests == 0 {
			t.Errorf("%s: %+v of at most %d requests and %d tokens", k.how, s, p.Requests, p.Tokens)
		}
		t.Logf("%s: %d attempts, %d of at most %d requests, %d of at most %d tokens", k.how, p.Attempts, done.Spent.Requests, p.Requests, done.Spent.Input+done.Spent.Output, p.Tokens)
	}
}

// within holds every attempt to its bound, and that all strategies and converters were there.
func within(t *testing.T, how, dir string, p *redteam.Plan) {
	t.Helper()
	strategies, faults := map[string]bool{}, 0
	err := redteam.Results(dir, func(r *redteam.Result) error {
		var got, attacker, judge redteam.Usage
		add := func(u *redteam.Usage, in, out int) {
			u.Requests, u.Input, u.Output = u.Requests+1, u.Input+int64(in), u.Output+int64(out)
		}
		for _, e := range r.Replies {
			add(&got, e.Input, e.Output)
		}
		for _, q := range r.Asked {
			if q.Role == redteam.JudgeRole {
				add(&judge, q.Input, q.Output)
			} else {
				add(&attacker, q.Input, q.Output)
			}
		}
		strategies[r.Strategy] = true
		mt, ma, mj := p.Most(r.N)
		for who, pair := range map[string][2]redteam.Usage{"target": {got, mt}, "attacker": {attacker, ma}, "judge": {judge, mj}} {
			if g, m := pair[0], pair[1]; (g.Requests > m.Requests || g.Input > m.Input || g.Output > m.Output) && faults < 20 {
				faults++
				t.Errorf("%s: %s by %s through %v: the %s took %+v, planned were %+v", how, r.Seed, r.Strategy, r.Chain, who, g, m)
			}
		}
		if strings.Contains(r.Error, "more than") && faults < 20 {
			faults++
			t.Errorf("%s: %s by %s: %s", how, r.Seed, r.Strategy, r.Error)
		}
		return nil
	})
	if err != nil || len(strategies) != 28 {
		t.Errorf("%s: %d strategies, %v", how, len(strategies), err)
	}
}
