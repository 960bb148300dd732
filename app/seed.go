package app

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/practice"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// seedDays and seedCalls are the size of the month that Seed writes.
const (
	seedDays  = 30
	seedCalls = 1500
)

// seedProvider is who served the month, and the price of it per token in millionths,
// as in the demo.
const (
	seedProvider          = practice.Name + "-openai"
	seedInput, seedOutput = .25, 2.
)

// seedSystem is an imagined system with its habits.
type seedSystem struct {
	name, team, model string
	share             float64 // of all calls
	risky             float64 // of its calls with something found
}

var seedSystems = []seedSystem{
	{"support-bot", "support", "fast", .45, .09},
	{"dev-assist", "it", "code", .35, .07},
	{"hr-helper", "people", "fast", .12, .14},
	{"contract-reader", "legal", "long", .08, .11},
}

// seedFinding is something that is found now and then. What lines decide about has a
// probability somewhere around odds, and follows from it.
type seedFinding struct {
	category risk.Category
	detector string
	origin   string  // of the passage
	odds     float64 // log-odds, on the average; 0: certain
	decision risk.Decision
	weight   int
}

var seedFindings = []seedFinding{
	{risk.PromptInjection, "injection/override@1", "user", 5.5, 0, 12},
	{risk.PromptInjection, "attack/model@1", "user", 1.5, 0, 26},
	{risk.Jailbreak, "injection/jailbreak@1", "user", 3.5, 0, 8},
	{risk.PromptLeak, "injection/prompt_leak@1", "user", 3, 0, 6},
	{risk.IndirectInjection, "injection/addressed@1", "retrieved", 3.5, 0, 8},
	{risk.IndirectInjection, "attack/model@1", "retrieved", .5, 0, 18},
	{"nonviolent_crime", "harm/model@1", "user", .5, 0, 16},
	{"specialized_advice", "harm/model@1", "model", 0, 0, 8},
	{"pii.email", "pii/email@2", "user", 0, risk.Mask, 24},
	{"secret.generic_api_key", "secret@2", "user", 0, risk.Mask, 10},
	{risk.HiddenText, "hidden_text@1", "user", 2.8, 0, 5},
	{risk.UnsafeMarkup, "unsafe_markup@1", "model", 1, 0, 8},
	{"secret.private_key", "secret@2", "model", 0, risk.Block, 2},
	{risk.PolicyBoundary, "rule/project-nightjar", "user", 0, risk.Block, 5},
}

// seedChecks are the checks of a call; now and then one does not do its work.
var seedChecks = []string{"injection/override@1", "injection/prompt_leak@1", "injection/addressed@1", "injection/jailbreak@1", "hidden_text@1", "unsafe_markup@1", "secret@2", "model@1", "pii/shapes@2"}

// Seed writes a month of plausible traffic into the ledger. Every record of it is
// marked synthetic, so it never counts as evidence. The same month comes out each
// time, ending now.
func (a *App) Seed(ctx context.Context, progress io.Writer) error {
	rnd := rand.New(rand.NewPCG(7, 11))
	now := time.Now().UTC()
	times := make([]time.Time, 0, seedCalls)
	for len(times) < seedCalls {
		at := now.Add(-time.Duration(rnd.Float64() * seedDays * 24 * float64(time.Hour)))
		if rnd.Float64() < busy(at) {
			times = append(times, at)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	for i, at := range times {
		if err := a.seedOne(ctx, rnd, i, at); err != nil {
			return fmt.Errorf("writing synthetic traffic: %w", err)
		}
		if (i+1)%500 == 0 && progress != nil {
			fmt.Fprintf(progress, "synthetic traffic: %d of %d calls\n", i+1, seedCalls)
		}
	}
	return nil
}

// busy is how likely a call is at a time: offices by day, little at night and on
// weekends.
func busy(at time.Time) float64 {
	hour := float64(at.Hour()) + float64(at.Minute())/60
	day := math.Exp(-math.Pow(hour-13.5, 2) / 18)
	if wd := at.Weekday(); wd == time.Saturday || wd == time.Sunday {
		day *= .15
	}
	return .05 + .95*day
}

func (a *App) seedOne(ctx context.Context, rnd *rand.Rand, n int, at time.Time) error {
	s := pick(rnd)
	id := fmt.Sprintf("ex_%032x", sha256.Sum256(fmt.Appendf(nil, "%d %d", n, at.UnixNano())))[:35]
	size, took := 300+rnd.IntN(6000), time.Duration(300+rnd.ExpFloat64()*900)*time.Millisecond
	in := record.Intent{ID: id, At: at, Synthetic: true, Dialect: "openai", Op: "chat", Model: s.model, Candidate: seedProvider + "/" + s.model, Stream: rnd.IntN(3) > 0,
		Principal: record.Principal{Kind: "key", ID: "key_synthetic", System: s.name, Team: s.team},
		Verdict:   risk.Verdict{Policy: "demo@synthetic", Checks: seedRan(rnd, []int{0, 1})},
		Passages:  []record.Passage{{Path: "messages[0].content", Origin: "user", Kind: "text", Bytes: size}, {Path: "messages[1].content", Origin: "retrieved", Kind: "text", Bytes: 2 * size}},
		Received:  record.Digest{Bytes: int64(size + 200)}, Sent: record.Digest{Bytes: int64(size + 200)},
		Permits: []record.Permit{{Point: "admit", Target: s.model, Allowed: true, Reasons: []string{"system/" + s.name + "/models"}}},
		Steps:   []record.Step{{Name: "guard", At: 200 * time.Microsecond, Took: 60 * time.Microsecond}}}
	out := record.Outcome{ID: id, At: at.Add(took), Status: 200, Upstream: 200, End: "answered", Verdict: risk.Verdict{Policy: in.Verdict.Policy, Checks: seedRan(rnd, []int{0})},
		Passages: []record.Passage{{Path: "choices[0].message.content", Origin: "model", Kind: "text", Bytes: 2 * size}},
		Answered: record.Digest{Bytes: int64(400 + rnd.IntN(4000))}, Input: size / 4, Output: 80 + rnd.IntN(900),
		Steps: []record.Step{{Name: "upstream", At: time.Millisecond, Took: took}}}
	if rnd.Float64() < s.risky {
		seedRisk(rnd, &in, &out)
	} else if rnd.Float64() < .01 {
		out.Status, out.Upstream, out.End, out.Code, out.Input, out.Output = 504, 0, "failed", "upstream_timeout", 0, 0
	}
	out.Cost = int64(math.Round(float64(out.Input)*seedInput + float64(out.Output)*seedOutput))
	if _, err := a.ledger.Begin(ctx, in); err != nil {
		return err
	}
	return a.ledger.Finish(ctx, out)
}

func pick(rnd *rand.Rand) seedSystem {
	p := rnd.Float64()
	for _, s := range seedSystems {
		if p -= s.share; p < 0 {
			return s
		}
	}
	return seedSystems[0]
}

// seedRan are checks over passages, one in a thousand of which failed or came too late.
func seedRan(rnd *rand.Rand, passages []int) []risk.Check {
	out := make([]risk.Check, len(seedChecks))
	for i, id := range seedChecks {
		out[i] = risk.Check{Detector: id, State: risk.Ran, Passages: passages, Took: time.Duration(20+rnd.IntN(60)) * time.Microsecond}
		switch n := rnd.IntN(10_000); {
		case n == 0:
			out[i].State, out[i].Passages, out[i].Err = risk.Failed, nil, "returned an error"
		case n == 1:
			out[i].State, out[i].Passages, out[i].Err = risk.Late, nil, "overran its deadline"
		}
	}
	return out
}

// seedRisk adds a finding and what follows from it.
func seedRisk(rnd *rand.Rand, in *record.Intent, out *record.Outcome) {
	total := 0
	for _, f := range seedFindings {
		total += f.weight
	}
	n := rnd.IntN(total)
	for _, f := range seedFindings {
		if n -= f.weight; n >= 0 {
			continue
		}
		one := risk.Finding{Category: f.category, Detector: f.detector, Severity: risk.High, Confidence: 1, Start: 10, End: 60, Decision: f.decision}
		if f.decision == risk.Allow {
			seedScore(rnd, &f, &one)
		}
		v := &in.Verdict
		if f.origin == "model" {
			v = &out.Verdict
		} else if f.origin == "retrieved" {
			one.Passage = 1
		}
		v.Decision, v.Findings = one.Decision, []risk.Finding{one}
		if one.Decision == risk.Block {
			out.End, out.Code = "blocked", "content_filter"
			if f.origin != "model" {
				out.Status, out.Upstream, out.Input, out.Output = 400, 0, 0, 0
				out.Passages, out.Verdict.Checks = nil, nil
			}
		}
		return
	}
}

// seedScore draws a probability, and says what the lines of the demo make of it.
func seedScore(rnd *rand.Rand, f *seedFinding, one *risk.Finding) {
	for one.Confidence = 0; one.Confidence < demoObserves; {
		one.Confidence = 1 / (1 + math.Exp(-(f.odds + 1.8*rnd.NormFloat64())))
	}
	line := guard.Standard().Thresholds[guard.Family(f.category)][f.origin]
	switch p := one.Confidence; {
	case line.Block > 0 && p >= line.Block && f.detector == "injection/addressed@1" && rnd.IntN(3) == 0:
		one.Allowed = demoEntry
	case line.Block > 0 && p >= line.Block:
		one.Decision = risk.Block
	case line.Flag > 0 && p >= line.Flag:
		one.Decision = risk.Flag
	}
}
