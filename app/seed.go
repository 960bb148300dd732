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
	{"support-bot", "support", "fast", .45, .04},
	{"dev-assist", "it", "code", .35, .02},
	{"hr-helper", "people", "fast", .12, .07},
	{"contract-reader", "legal", "long", .08, .05},
}

// seedFinding is something that is found now and then.
type seedFinding struct {
	category risk.Category
	detector string
	decision risk.Decision
	output   bool
	weight   int
}

var seedFindings = []seedFinding{
	{risk.PromptInjection, "injection/override@1", risk.Block, false, 5},
	{risk.IndirectInjection, "injection/override@1", risk.Block, false, 2},
	{"pii.email", "pii/email@1", risk.Mask, false, 9},
	{"secret.generic_api_key", "secret@1", risk.Mask, false, 4},
	{risk.HiddenText, "hidden_text@1", risk.Flag, false, 3},
	{risk.UnsafeMarkup, "unsafe_markup@1", risk.Flag, true, 3},
	{"secret.private_key", "secret@1", risk.Block, true, 1},
	{risk.PolicyBoundary, "rule/project-nightjar", risk.Block, false, 2},
}

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
		Verdict:   risk.Verdict{Policy: "standard@synthetic", Checks: []risk.Check{{Detector: "injection/override@1", State: risk.Ran, Passages: []int{0}, Took: 40 * time.Microsecond}}},
		Passages:  []record.Passage{{Path: "messages[0].content", Origin: "user", Kind: "text", Bytes: size}},
		Received:  record.Digest{Bytes: int64(size + 200)}, Sent: record.Digest{Bytes: int64(size + 200)},
		Permits: []record.Permit{{Point: "admit", Target: s.model, Allowed: true, Reasons: []string{"system/" + s.name + "/models"}}},
		Steps:   []record.Step{{Name: "guard", At: 200 * time.Microsecond, Took: 60 * time.Microsecond}}}
	out := record.Outcome{ID: id, At: at.Add(took), Status: 200, Upstream: 200, End: "answered", Verdict: risk.Verdict{Policy: in.Verdict.Policy},
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
		v := &in.Verdict
		if f.output {
			v = &out.Verdict
		}
		v.Decision = f.decision
		v.Findings = []risk.Finding{{Category: f.category, Detector: f.detector, Severity: risk.High, Confidence: .9 + .1*rnd.Float64(),
			Start: 10, End: 60, Decision: f.decision}}
		if f.decision == risk.Block {
			out.End, out.Code = "blocked", "content_filter"
			if !f.output {
				out.Status, out.Upstream, out.Input, out.Output = 400, 0, 0, 0
			}
		}
		return
	}
}
