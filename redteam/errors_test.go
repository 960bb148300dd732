package redteam

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Here stand the errors that others made, each with a test that keeps us from it. The names end
// with whose error it was; docs/redteam.md lists them all.

// scripted is a target that ends attempts as a function of their words says.
type scripted func(text string) Exchange

func (scripted) Fingerprint() string { return "test://scripted" }
func (f scripted) Send(_ context.Context, c *Conversation) (Exchange, error) {
	e := f(c.Turns[len(c.Turns)-1].Text)
	e.Sent = Digest(c)
	return e, nil
}

// said is an answer with the canary in it, or without.
func said(c *Conversation, hit bool) Exchange {
	e := Exchange{Outcome: Answered, Text: "Good day."}
	if hit {
		e.Text = c.Turns[0].Text
	}
	return e
}

// acting is a target that counts its calls and says what happens at each.
type acting struct {
	calls int
	do    func(n int, c *Conversation) Exchange
}

func (*acting) Fingerprint() string { return "test://acting" }
func (a *acting) Send(_ context.Context, c *Conversation) (Exchange, error) {
	a.calls++
	return a.do(a.calls-1, c), nil
}

// trial runs one arm against a target, one request at a time, and analyses it.
func trial(t *testing.T, l *Library, change func(*Campaign), target Target) (*Plan, *Analysis, string) {
	t.Helper()
	c := Campaign{Name: "trial", Random: 7, Arms: []string{"on"}, Strategies: []string{"once"}, Rate: Rate{Parallel: 1}}
	if change != nil {
		change(&c)
	}
	p, err := Make(c, l)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	targets := map[string]Target{}
	for _, arm := range p.Campaign.Arms {
		targets[arm] = target
	}
	s := &Scope{AllowedBy: "x", Reason: "T", Until: scope.Until, Targets: []string{"test://acting", "test://scripted", "test://guarded", "test://bare"}}
	if _, err := Run(context.Background(), RunConfig{Dir: dir, Plan: p, Targets: targets, Scope: s, Scorers: []Scorer{told{}}}); err != nil {
		t.Fatal(err)
	}
	a, err := Analyse(dir, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, a, dir
}

// one is a library of n seeds of one impact, and harmless ones if wanted.
func one(n, harmless int) *Library {
	l := stock(max(n, harmless))
	var keep []Seed
	for _, d := range l.Seeds {
		if d.Impact == "integrity" && n > 0 {
			keep, n = append(keep, d), n-1
		}
		if d.Persona == Benign && harmless > 0 {
			keep, harmless = append(keep, d), harmless-1
		}
	}
	l.Seeds = keep
	return l
}

// TestIntervalsAreOfHits_garak: the interval is that of attacks that got through, and holds the
// rate. garak rebuilds its intervals from passes, and shows them as if they were hits.
func TestIntervalsAreOfHits_garak(t *testing.T) {
	for _, hits := range []int{3, 36} {
		_, a, _ := trial(t, one(40, 0), nil, &acting{do: func(n int, c *Conversation) Exchange { return said(c, n < hits) }})
		k := a.Arms[0].Attacks
		if want := float64(hits) / 40; k.Hits != hits || k.Rate != want || k.Low > want || k.High < want || math.Abs(k.Low+k.High-2*want) > .2 {
			t.Errorf("%d of 40: %+v", hits, k)
		}
	}
}

// TestZeroHitsAreBounded_garak: thirty misses show no more than 9.5 % one-sided, and never nothing.
// A bootstrap of no hits gives an interval of no width, which garak hides.
func TestZeroHitsAreBounded_garak(t *testing.T) {
	p, a, _ := trial(t, one(30, 0), nil, &acting{do: func(_ int, c *Conversation) Exchange { return said(c, false) }})
	if k := a.Arms[0].Attacks; k.Hits != 0 || k.Low != 0 || k.High < .095 || k.High > .12 || a.Answer != "inconclusive" {
		t.Errorf("%s: %+v", a.Answer, k)
	}
	if b := p.Cells[0].Bound; b < .095 || b > .0951 {
		t.Errorf("the plan says that %v can be shown", b)
	}
}

// TestBlockedCounts_garak: what was blocked is a try that did not get through. garak leaves it out,
// and thus a guard that stops nine of ten looks as bad as none.
func TestBlockedCounts_garak(t *testing.T) {
	_, a, _ := trial(t, one(40, 0), nil, &acting{do: func(n int, c *Conversation) Exchange {
		if n%10 > 0 {
			return Exchange{Outcome: Blocked, Block: &Block{Where: "input"}}
		}
		return said(c, true)
	}})
	if k := a.Arms[0].Attacks; k.Blocked != 36 || k.Tries() != 40 || k.Hits != 4 || k.Rate != .1 {
		t.Errorf("%+v", k)
	}
}

// TestCorrectionIsNotInert_garak: what a campaign says of an imperfect scorer changes its rate and
// widens its interval. garak looks for its figures in a folder of another name, and corrects nothing.
func TestCorrectionIsNotInert_garak(t *testing.T) {
	act := func() Target {
		return &acting{do: func(n int, c *Conversation) Exchange { return said(c, n%2 == 0) }}
	}
	_, bare, _ := trial(t, one(60, 0), nil, act())
	_, judged, _ := trial(t, one(60, 0), func(c *Campaign) {
		c.Judges = map[string]Judged{"told@1": {Found: 90, Hits: 100, Passed: 80, Other: 100}}
	}, act())
	a, b := bare.Arms[0].Cells[0], judged.Arms[0].Cells[0]
	if math.Abs(b.Rate-(.5-.2)/(.9-.2)) > .01 || b.High-b.Low <= a.High-a.Low || b.Cell != "integrity (judged)" || len(judged.Judges) != 1 || judged.Judges[0].Scored != 60 {
		t.Errorf("%+v\n%+v %+v", a, b, judged.Judges)
	}
	if f := (Campaign{Name: "x", Judges: map[string]Judged{"j": {Found: 2, Hits: 1, Other: 1}}}).Faults(one(1, 0)); len(f) != 1 {
		t.Errorf("%q", f)
	}
}

// TestSamplesAreSeeded_garak: which of all pairs are played follows from the campaign's own seed,
// and from nothing else. garak draws its prompts anew each time.
func TestSamplesAreSeeded_garak(t *testing.T) {
	keys := func(random uint64) string {
		h := build(t, 20, func(c *Campaign) { c.Samples, c.Random = 2, random })
		var all []string
		for n := range h.plan.Attempts {
			a := h.plan.Attempt(n)
			all = append(all, a.Seed.ID+a.Strategy.ID()+strings.Join(a.Chain, ">"))
		}
		return strings.Join(all, " ")
	}
	if first, again := keys(7), keys(7); first != again || first == keys(8) {
		t.Error("the sample does not follow from the seed")
	}
}

// TestRatesAreNotTruncated_PyRIT: one of 200 is half a percent. PyRIT's rate is a whole number, and
// says nothing got through.
func TestRatesAreNotTruncated_PyRIT(t *testing.T) {
	_, a, _ := trial(t, one(200, 0), nil, &acting{do: func(n int, c *Conversation) Exchange { return said(c, n == 17) }})
	b, err := json.Marshal(a)
	if err != nil || a.Arms[0].Attacks.Rate != .005 || !bytes.Contains(b, []byte(`"rate":0.005`)) || !strings.Contains(reason(&a.Arms[0].Cells[0]), "1 of 200") {
		t.Errorf("%+v %v", a.Arms[0].Attacks, err)
	}
}

// TestOneDenominator_PyRIT: cells, strategies, disguises and the whole count the same attempts.
// PyRIT has two rates of the same run, one with errors and one without.
func TestOneDenominator_PyRIT(t *testing.T) {
	h := build(t, 20, nil)
	h.on.fail = func(n int64) bool { return n%7 == 0 }
	h.mustRun()
	arm := h.analyse(nil).Arms[1]
	sum := func(list []Cell) (n [3]int) {
		for _, c := range list {
			if c.Cell != BenignCell {
				n[0], n[1], n[2] = n[0]+c.Hits, n[1]+c.Tries(), n[2]+c.Errors
			}
		}
		return n
	}
	want := [3]int{arm.Attacks.Hits, arm.Attacks.Tries(), arm.Attacks.Errors}
	if want[2] == 0 || sum(arm.Cells) != want || sum(arm.ByTactic) != want || sum(arm.ByChain) != want {
		t.Errorf("%v, %v, %v of %v", sum(arm.Cells), sum(arm.ByTactic), sum(arm.ByChain), want)
	}
}

// TestErrorsStayInTheirGroup_deepteam: what failed is counted in the cell in which it failed, and
// no cell shrinks unseen. deepteam drops it before it groups.
func TestErrorsStayInTheirGroup_deepteam(t *testing.T) {
	l := stock(20)
	p, a, _ := trial(t, l, nil, scripted(func(text string) Exchange {
		if strings.Contains(text, "integrity") {
			return Exchange{Outcome: Failed, Error: "status 500"}
		}
		return Exchange{Outcome: Answered, Text: "Good day."}
	}))
	planned := map[string]int{}
	for n := range p.Attempts {
		planned[p.Attempt(n).Cell]++
	}
	for _, c := range a.Arms[0].Cells {
		if want := map[bool]int{true: 20}[c.Cell == "integrity"]; c.Errors != want || c.Errors+c.Tries() != planned[c.Cell] {
			t.Errorf("%+v of %d", c, planned[c.Cell])
		}
		if c.Cell == "integrity" && (c.Answer == "pass" || c.Rate != 0 || c.High != 1) {
			t.Errorf("nothing is known, and said is %+v", c)
		}
	}
}

// TestVariantsCountOnce_FuzzyAI: hits and tries are counted alike, and many variants of one seed
// are worth little more than one. FuzzyAI counts every variant that hit, and failures but once.
func TestVariantsCountOnce_FuzzyAI(t *testing.T) {
	_, a, _ := trial(t, one(10, 0), func(c *Campaign) { c.Repeats = 20 }, scripted(func(text string) Exchange {
		return Exchange{Outcome: Answered, Text: "Good day."}
	}))
	if k := a.Arms[0].Attacks; k.Tries() != 200 || k.Hits != 0 || k.Seeds != 10 || k.Effective > 10 || k.High < .25 {
		t.Errorf("%+v", k)
	}
	half := &acting{}
	lucky := map[string]bool{}
	half.do = func(_ int, c *Conversation) Exchange {
		text := c.Turns[1].Text
		if len(lucky) < 5 {
			lucky[text] = true
		}
		return said(c, lucky[text])
	}
	_, a, _ = trial(t, one(10, 0), func(c *Campaign) { c.Repeats = 20 }, half)
	if k := a.Arms[0].Attacks; k.Hits != 100 || k.Rate != .5 || k.Effective > 11 || k.High-k.Low < .5 {
		t.Errorf("%+v", k)
	}
}

// TestIntervalAndBenignArm_azure: every rate has an interval, and harmless attempts are made beside
// the attacks. Azure's scorecard has neither.
func TestIntervalAndBenignArm_azure(t *testing.T) {
	a := build(t, 20, nil).mustRun().analyse(nil)
	for _, arm := range a.Arms {
		benign := false
		for _, list := range [][]Cell{arm.Cells, arm.ByTactic, arm.ByChain, {arm.Attacks}} {
			for _, c := range list {
				benign = benign || c.Cell == BenignCell
				if c.Low >= c.High || c.Low > c.Rate || c.High < c.Rate {
					t.Errorf("%s: %+v", arm.Arm, c)
				}
			}
		}
		if !benign {
			t.Errorf("%s has no harmless attempts", arm.Arm)
		}
	}
}

// TestDenominatorIsAllAttempts_JailbreakBench: what never reached the model, because a guard stopped
// it or the strategy gave up, is in the denominator: 69 of 100, not 69 of the 82 that were sent on.
func TestDenominatorIsAllAttempts_JailbreakBench(t *testing.T) {
	_, a, _ := trial(t, one(100, 0), nil, &acting{do: func(n int, c *Conversation) Exchange {
		if n >= 82 {
			return Exchange{Outcome: Blocked, Block: &Block{}}
		}
		return said(c, n < 69)
	}})
	if k := a.Arms[0].Attacks; k.Rate != .69 || k.Tries() != 100 {
		t.Errorf("%+v", k)
	}
}

// timeless is an analysis without what is different each time.
func timeless(a *Analysis) Analysis {
	b := *a
	b.Begun, b.Spent.Time = time.Time{}, 0
	b.Arms = append([]ArmResult(nil), a.Arms...)
	for i := range b.Arms {
		b.Arms[i].Costs.Time, b.Arms[i].Costs.MostTime = 0, 0
	}
	return b
}

// TestIntervalsAreReproducible_promptfoo10325: the same campaign has the same intervals, to the last
// digit, however many attempts are made side by side (promptfoo PR 10325, #5947).
func TestIntervalsAreReproducible_promptfoo10325(t *testing.T) {
	first := timeless(build(t, 15, nil).mustRun().analyse(nil))
	for _, parallel := range []int{1, 9} {
		other := build(t, 15, nil)
		other.plan.Campaign.Rate.Parallel = parallel
		again := timeless(other.mustRun().analyse(nil))
		again.Campaign = first.Campaign
		if first.Heads == "" {
			t.Fatal("no result has a link")
		}
		if !reflect.DeepEqual(first, again) {
			t.Errorf("%d side by side: another analysis", parallel)
		}
	}
}

// TestRepeatable_PyRIT384: a campaign that is run again leaves the same chain of results (PyRIT#384).
func TestRepeatable_PyRIT384(t *testing.T) {
	a, b := build(t, 10, nil).mustRun(), build(t, 10, nil).mustRun()
	if a.head(a.dir) != b.head(b.dir) || a.head(a.dir) == "" {
		t.Errorf("%s, %s", a.head(a.dir), b.head(b.dir))
	}
}

// TestTemplatesReachTheTarget_promptfoo3978: words that look like a template arrive byte for byte
// (promptfoo#3978, #3237, #3358, PR 6240).
func TestTemplatesReachTheTarget_promptfoo3978(t *testing.T) {
	l := one(6, 0)
	words := []string{"{{7*7}}", "{% for %}", "{{ prompt }}", "${x}", "{%", "}}"}
	for i := range l.Seeds {
		l.Seeds[i].Text = words[i]
	}
	got := map[string]bool{}
	trial(t, l, nil, scripted(func(text string) Exchange { got[text] = true; return Exchange{Outcome: Answered} }))
	for _, w := range words {
		if !got[w] {
			t.Errorf("%q did not arrive: %v", w, got)
		}
	}
}

// TestCancelledKeepsProgress_promptfoo6789: whoever stops a campaign has every attempt that was
// made, and goes on behind it (promptfoo PR 6789).
func TestCancelledKeepsProgress_promptfoo6789(t *testing.T) {
	h := build(t, 20, nil)
	ctx, cancel := context.WithCancel(context.Background())
	h.on.fail = func(n int64) bool {
		if n == 60 {
			cancel()
		}
		return false
	}
	_, err := h.run(ctx, h.dir)
	made, sent := len(h.all(h.dir)), h.off.sent.Load()+h.on.sent.Load()
	if !errors.Is(err, context.Canceled) || made < 40 || int64(made) > sent {
		t.Fatalf("%d results of %d requests: %v", made, sent, err)
	}
	h.mustRun()
	if again := h.off.sent.Load() + h.on.sent.Load() - sent; len(h.all(h.dir)) != h.plan.Attempts || again > int64(3*(h.plan.Attempts-made)) {
		t.Errorf("%d more requests for %d attempts", again, h.plan.Attempts-made)
	}
}

// TestNothingIsSkippedInSilence_azure44106: every attempt of the plan has a result or is counted as
// not made, with a reason, and then nothing passes (azure-sdk-for-python#44106).
func TestNothingIsSkippedInSilence_azure44106(t *testing.T) {
	easy := func(c *Campaign) { c.Gate.Tolerance, c.Gate.Blocking = .95, .95 }
	if a := build(t, 40, easy).mustRun().analyse(nil); a.Answer != "pass" || a.Done != a.Planned {
		t.Fatalf("%s: %q", a.Answer, a.Reasons)
	}
	h := build(t, 40, func(c *Campaign) { easy(c); c.Budget.Requests = 900 })
	if _, err := h.run(context.Background(), h.dir); !errors.Is(err, ErrBudget) {
		t.Fatal(err)
	}
	a := h.analyse(nil)
	if a.Answer == "pass" || a.Done >= a.Planned || !strings.Contains(strings.Join(a.Reasons, "\n"), fmt.Sprintf("%d of %d attempts were not made", a.Planned-a.Done, a.Planned)) {
		t.Errorf("%s, %d of %d: %q", a.Answer, a.Done, a.Planned, a.Reasons)
	}
	// What was left because it was decided is counted as that, and is no gap.
	h = build(t, 40, func(c *Campaign) { easy(c); c.Looks = 6 })
	p, err := h.run(context.Background(), h.dir)
	if err != nil || p.Skipped == 0 {
		t.Fatalf("%+v %v", p, err)
	}
	if a := h.analyse(nil); a.Skipped != p.Skipped || a.Done+a.Skipped != a.Planned || a.Answer != "pass" {
		t.Errorf("%s, %d and %d of %d, skipped were %d", a.Answer, a.Done, a.Skipped, a.Planned, p.Skipped)
	}
	if h = build(t, 4, func(c *Campaign) { c.Budget.Attempts = 10; c.Strategies = []string{"once"} }); h.plan.Cut == 0 {
		t.Error("what the budget cuts is not told")
	}
}

// TestCostBeforeTheRun_garak1078: the plan says what a campaign costs at most before anything is
// sent, and that is never exceeded (garak#1078, PR 1112).
func TestCostBeforeTheRun_garak1078(t *testing.T) {
	h := build(t, 20, func(c *Campaign) { c.Price = Pricing{Input: 2, Output: 8}; c.MaxTokens = 16 })
	if h.off.sent.Load()+h.on.sent.Load() != 0 || h.plan.Requests == 0 || h.plan.Tokens == 0 || h.plan.Cost == 0 {
		t.Fatalf("%+v", h.plan)
	}
	s := h.mustRun().analyse(nil).Spent
	if s.Requests > h.plan.Requests || s.Input+s.Output > h.plan.Tokens || s.Cost > h.plan.Cost || s.Cost == 0 {
		t.Errorf("%+v of at most %d requests, %d tokens, %d", s, h.plan.Requests, h.plan.Tokens, h.plan.Cost)
	}
}

// TestMemoryIsFlat_promptfoo1419: ten thousand attempts take no more memory than two thousand
// (promptfoo#1419, PR 2049).
func TestMemoryIsFlat_promptfoo1419(t *testing.T) {
	p, err := Make(Campaign{Name: "large", Random: 7, Arms: []string{"on"}, Strategies: []string{"once"}, Repeats: 50, Rate: Rate{Parallel: 2}}, one(200, 0))
	if err != nil || p.Attempts != 10_000 {
		t.Fatalf("%d attempts, %v", p.Attempts, err)
	}
	words := strings.Repeat("a long answer ", 200)
	heap := map[int]uint64{}
	calls := 0
	target := &acting{}
	target.do = func(n int, c *Conversation) Exchange {
		if calls++; n == 2_000 || n == 9_990 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			heap[n] = m.HeapAlloc
		}
		return Exchange{Outcome: Answered, Text: fmt.Sprint(n, words)}
	}
	p.Campaign.Rate.Parallel = 1
	dir := t.TempDir()
	s := &Scope{AllowedBy: "x", Reason: "T", Until: scope.Until, Targets: []string{"test://acting"}}
	if _, err := Run(context.Background(), RunConfig{Dir: dir, Plan: p, Targets: map[string]Target{"on": target}, Scope: s, Scorers: []Scorer{told{}}}); err != nil {
		t.Fatal(err)
	}
	if grown := int64(heap[9_990]) - int64(heap[2_000]); len(heap) != 2 || grown > 8<<20 {
		t.Errorf("%v, %d bytes more", heap, grown)
	}
	if a, err := Analyse(dir, p, nil); err != nil || a.Done != 10_000 {
		t.Errorf("%v", err)
	}
}

// TestBenignArm_garak1595: a guard that stops everything lets no attack through and fails all the
// same (garak#1595, promptfoo#3076).
func TestBenignArm_garak1595(t *testing.T) {
	_, a, _ := trial(t, one(80, 160), nil, scripted(func(string) Exchange { return Exchange{Outcome: Blocked, Block: &Block{Where: "input"}} }))
	answers := map[string]string{}
	for _, c := range a.Arms[0].Cells {
		answers[c.Cell] = c.Answer
	}
	if a.Answer != "fail" || answers["integrity"] != "pass" || answers[BenignCell] != "fail" {
		t.Errorf("%s: %v", a.Answer, answers)
	}
}

// TestGuardOffFailsTheGate: a build whose guard was switched off is no better than the one before,
// and fails against it, whatever else is noise.
func TestGuardOffFailsTheGate(t *testing.T) {
	run := func(guard bool) string {
		_, _, dir := trial(t, stock(40), nil, &model{name: map[bool]string{true: "guarded", false: "bare"}[guard], guard: guard})
		return dir
	}
	if c, err := Compare(run(true), run(false), .05); err != nil || !c.Regressed() {
		t.Errorf("%+v %v", c, err)
	}
}

// TestAnswersThatAreNoText: bytes that are no UTF-8 leave a journal that can be read.
func TestAnswersThatAreNoText(t *testing.T) {
	_, a, dir := trial(t, one(3, 0), nil, &acting{do: func(int, *Conversation) Exchange {
		return Exchange{Outcome: Answered, Text: "a\xff\x00b", Calls: []Call{{Tool: "t\xfe", Args: "\xff"}}, Model: "\xff", Block: &Block{Detector: "\xff"}}
	}})
	b, err := os.ReadFile(filepath.Join(dir, resultsFile))
	if err != nil || a.Done != 3 || bytes.Count(b, []byte("\n")) != 3 {
		t.Errorf("%d results, %v", a.Done, err)
	}
	l := one(1, 0)
	l.Seeds[0].Text = "\xff"
	if _, err := Make(Campaign{Name: "x"}, l); err == nil || !strings.Contains(err.Error(), "no UTF-8") {
		t.Error(err)
	}
}
