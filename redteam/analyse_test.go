package redteam

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/stat"
)

// TestAnalysis: counts of arms, cells and pairs are those of the results, intervals hold them,
// and what got through is named.
func TestAnalysis(t *testing.T) {
	h := build(t, 30, func(c *Campaign) { c.Gate.Tolerance = .5; c.Gate.Blocking = .9; c.Repeats = 2 }).mustRun()
	a := h.analyse(nil)
	hits, stopped, both, fewer, more := map[string]int{}, map[string]int{}, 0, 0, 0
	all := h.all(h.dir)
	for i, r := range all {
		if r.Cell == BenignCell {
			if r.Outcome == Blocked {
				stopped[r.Arm]++
			}
			continue
		}
		if r.Score.Verdict == Hit {
			hits[r.Arm]++
		}
		if r.Arm == "on" && r.Score.Verdict != Unknown && all[i-1].Score.Verdict != Unknown {
			switch off, on := all[i-1].Score.Verdict == Hit, r.Score.Verdict == Hit; {
			case off && on:
				both++
			case off:
				fewer++
			case on:
				more++
			}
		}
	}
	for i, arm := range []string{"off", "on"} {
		m := a.Arms[i]
		if m.Arm != arm || m.Attacks.Hits != hits[arm] || m.Attacks.Hits == 0 {
			t.Errorf("%s: %+v, counted were %d hits", arm, m.Attacks, hits[arm])
		}
		for _, c := range m.Cells {
			if c.Rate < c.Low || c.Rate > c.High || c.Effective > float64(c.Tries()) || c.Cell == BenignCell && c.Hits != stopped[arm] {
				t.Errorf("%s: %+v", arm, c)
			}
		}
	}
	if p := a.Pairs; p.Both != both || p.Fewer != fewer || p.More != more || p.P > .001 || p.Seeds[0] <= p.Seeds[1] {
		t.Errorf("%+v, counted were %d %d %d", p, both, fewer, more)
	}
	if got := a.Arms[1].Detectors; len(got) != 1 || got[0].Detector != "test@1" || got[0].Where != "input" || got[0].Attacks == 0 || got[0].Harmless != stopped["on"] {
		t.Errorf("%+v", got)
	}
	through := 0
	for _, g := range a.Through {
		through += g.Hits
		if len(g.Keys) == 0 || len(g.Keys) > maxKeys || g.Category != "prompt_injection" {
			t.Errorf("%+v", g)
		}
	}
	if through != hits["on"] || len(a.Coverage) != 2 || a.Answer != "pass" {
		t.Errorf("%d through, covered %v, %s: %q", through, a.Coverage, a.Answer, a.Reasons)
	}
}

// TestUntestedIsShown: what could have been tried and was not stands in the list, with nothing.
func TestUntestedIsShown(t *testing.T) {
	l := stock(4)
	l.Seeds[1].Refs = []string{"LLM07:2026"} // of confidentiality
	_, a, _ := trial(t, l, func(c *Campaign) { c.Seeds.Impacts = []string{"integrity"} }, scripted(func(string) Exchange { return Exchange{Outcome: Answered} }))
	tries := map[string]int{}
	for _, c := range a.Coverage {
		tries[c.Ref] = c.Tries
	}
	if n, ok := tries["LLM07:2026"]; !ok || n != 0 || tries["LLM01:2026"] != 4 {
		t.Errorf("%v", tries)
	}
}

// TestGateOfACampaign: with its guard off it fails, with nothing but noise it is open, and a cell
// that was planned and not tried keeps it open.
func TestGateOfACampaign(t *testing.T) {
	h := build(t, 30, func(c *Campaign) { c.Arms = []string{"off"} }).mustRun()
	if a := h.analyse(nil); a.Answer != "fail" || !strings.Contains(strings.Join(a.Reasons, "\n"), "attacks got through") {
		t.Errorf("%s: %q", a.Answer, a.Reasons)
	}
	h = build(t, 2, func(c *Campaign) { c.Gate.Tolerance, c.Gate.Blocking = .9, .9 }).mustRun()
	if a := h.analyse(nil); a.Answer != "inconclusive" {
		t.Errorf("%s: %q", a.Answer, a.Reasons)
	}
	h = build(t, 30, func(c *Campaign) { c.Budget.Requests = 60 })
	if _, err := h.run(context.Background(), h.dir); err == nil {
		t.Fatal("it ended")
	}
	h.plan.Cells = append(h.plan.Cells, CellPlan{Cell: "harm"})
	if a := h.analyse(nil); a.Answer == "pass" || !slices.Contains(a.Reasons, "harm: nothing was tried") {
		t.Errorf("%s: %q", a.Answer, a.Reasons)
	}
}

// TestJudgedCells: what an imperfect scorer says stands apart, and is corrected.
func TestJudgedCells(t *testing.T) {
	h := build(t, 40, func(c *Campaign) { c.Arms = []string{"off"} }).mustRun()
	plain := h.analyse(nil).Arms[0].Cells
	judged := h.analyse(map[string]stat.Judge{"told@1": {Found: 45, Hits: 50, Passed: 80, Other: 100}})
	for i, c := range judged.Arms[0].Cells {
		if c.Cell == BenignCell+" (judged)" {
			continue
		}
		if !strings.HasSuffix(c.Cell, " (judged)") || c.High-c.Low <= plain[i].High-plain[i].Low {
			t.Errorf("%+v beside %+v", c, plain[i])
		}
	}
	if len(judged.Judges) != 1 || judged.Judges[0].Scored == 0 {
		t.Errorf("%+v", judged.Judges)
	}
}

// TestCompare: build B that lets more through is worse, with a p-value that is adjusted; the
// same build is not.
func TestCompare(t *testing.T) {
	one := func(guard bool) string {
		h := build(t, 30, func(c *Campaign) { c.Arms = []string{"on"} })
		h.on = &model{name: "guarded", guard: guard}
		return h.mustRun().dir
	}
	a, b, again := one(true), one(false), one(true)
	got, err := Compare(a, b, .05)
	if err != nil || !got.Regressed() || got.P > .001 || got.More == 0 || len(got.Worse) != got.More || got.Fewer != 0 {
		t.Errorf("%+v %+v %v", got.Pairs, got.Cells, err)
	}
	if same, err := Compare(a, again, .05); err != nil || same.Regressed() || same.More+same.Fewer != 0 || same.P != 1 {
		t.Errorf("%+v %v", same, err)
	}
	if back, err := Compare(b, a, .05); err != nil || back.Fewer == 0 || back.More != 0 || !back.Cells[0].Worse || back.Cells[1].Worse || back.Cells[2].Worse {
		t.Errorf("%+v %v", back.Cells, err)
	}
	if _, err := Compare(a, t.TempDir(), .05); err == nil {
		t.Error("an empty folder is compared")
	}
}

// TestRescore: other scorers judge what was answered, and the target is not called.
func TestRescore(t *testing.T) {
	h := build(t, 10, nil).mustRun()
	before := h.off.sent.Load() + h.on.sent.Load()
	same, err := Rescore(context.Background(), h.dir, h.plan, []Scorer{told{}})
	if err != nil || len(same.Changed) != 0 || same.Attempts != h.plan.Attempts {
		t.Errorf("%+v %v", same, err)
	}
	other, err := Rescore(context.Background(), h.dir, h.plan, []Scorer{never{}})
	if err != nil || len(other.Changed) == 0 || h.off.sent.Load()+h.on.sent.Load() != before {
		t.Errorf("%d changed, %v", len(other.Changed), err)
	}
}

// never finds nothing.
type never struct{ told }

func (never) Score(context.Context, *State) Score { return Score{Verdict: Miss} }

// TestReplay: one attempt is made once more, and is said to be the same where it is.
func TestReplay(t *testing.T) {
	h := build(t, 5, nil).mustRun()
	key := h.all(h.dir)[3].Key
	got, err := Replay(context.Background(), h.dir, h.plan, key, h.on, scope, []Scorer{told{}})
	if err != nil || !got.Same {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := Replay(context.Background(), h.dir, h.plan, key, h.on, nil, nil); err == nil {
		t.Error("it is replayed without a scope")
	}
	if _, err := Replay(context.Background(), h.dir, h.plan, "none", h.on, scope, nil); err == nil {
		t.Error("nothing is replayed")
	}
}

// TestPlan: what is planned is dealt evenly, harmless seeds are never disguised, and it is said
// what a run can show before anything is sent.
func TestPlan(t *testing.T) {
	h := build(t, 30, func(c *Campaign) { c.Samples = 3 })
	chains, benign := map[string]int{}, 0
	for n := range h.plan.Attempts {
		a := h.plan.Attempt(n)
		if a.Seed.Persona == Benign {
			benign++
			if len(a.Chain) > 0 {
				t.Errorf("a harmless seed is disguised: %v", a.Chain)
			}
			continue
		}
		chains[strings.Join(a.Chain, ">")]++
	}
	if len(chains) != 4 || benign != 60 {
		t.Errorf("%v, %d harmless", chains, benign)
	}
	for name, n := range chains {
		if name != "" && (n < 80 || n > 140) {
			t.Errorf("%v is not even", chains)
		}
	}
	for _, c := range h.plan.Cells {
		if c.Seeds != 30 || c.Bound < .09 || c.Bound > .1 || c.Detectable <= c.Limit || c.Needed < 59 {
			t.Errorf("%+v", c)
		}
	}
	if h.plan.Requests < h.plan.Attempts || h.plan.Tokens == 0 {
		t.Errorf("%+v", h.plan)
	}
	for name, bad := range map[string]Campaign{
		"no name":      {},
		"a slash":      {Name: "a/b"},
		"a strategy":   {Name: "x", Strategies: []string{"none"}},
		"a converter":  {Name: "x", Chains: [][]string{{"none"}}},
		"two arms":     {Name: "x", Arms: []string{"a", "a"}},
		"a rate":       {Name: "x", Gate: Limits{Alpha: 2}},
		"cells":        {Name: "x", Gate: Limits{Cells: "moon"}},
		"no seed":      {Name: "x", Seeds: Selection{Langs: []string{"tlh"}}},
		"a negative":   {Name: "x", Budget: Budget{Tokens: -1}},
		"many repeats": {Name: "x", Repeats: 1000},
		"parallel":     {Name: "x", Rate: Rate{Parallel: 100_000}},
	} {
		if _, err := Make(bad, h.lib); err == nil {
			t.Errorf("%s is planned", name)
		}
	}
}

// TestCanaries: no two attempts share a canary, and arms of a pair share all else.
func TestCanaries(t *testing.T) {
	h := build(t, 40, nil)
	seen := map[string]bool{}
	for n := range h.plan.Attempts {
		a := h.plan.Attempt(n)
		s := a.Begin()
		if seen[s.Canary] || len(s.Canary) < 12 || strings.Contains(s.Text, s.Canary) {
			t.Fatalf("%q", s.Canary)
		}
		seen[s.Canary] = true
	}
}
