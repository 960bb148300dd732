package admin

import (
	"context"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/guard"
)

type (
	guardBody struct{ Body *desk.Guarding }
	tryInput  struct {
		Body struct {
			Text      string `json:"text" minLength:"1" maxLength:"32768" doc:"Neither recorded nor logged."`
			Role      string `json:"role,omitempty" enum:"user,system,developer,tool,document,model" doc:"Left out: user, and model in answers."`
			Policy    string `json:"policy" minLength:"1" maxLength:"64"`
			Direction string `json:"direction,omitempty" enum:"input,output" default:"input"`
		}
	}
	tryBody     struct{ Body Tried }
	replayInput struct {
		Body struct {
			Policy string      `json:"policy" minLength:"1" maxLength:"64"`
			Over   string      `json:"over,omitempty" enum:"kept,samples" default:"kept" doc:"What policy told the ledger to keep (the samples where it kept nothing), or texts that come with the program."`
			Range  string      `json:"range,omitempty" enum:"hour,day,week,month" default:"week"`
			Reason string      `json:"reason" minLength:"1" maxLength:"128" doc:"Why; it is recorded, as for reading what is kept."`
			Edits  []desk.Edit `json:"edits" minItems:"1" maxItems:"16"`
		}
	}
	replayBody struct{ Body *desk.Replay }
)

// Tried is what a policy makes of a text.
type Tried struct {
	Decision string  `json:"decision"`
	Policy   string  `json:"policy"`
	Origin   string  `json:"origin"`
	Findings []Found `json:"findings"`
	Passes   *string `json:"passes_as,omitempty" doc:"Where policy lets the text pass otherwise than it came."`
}

// Found is one finding, explained.
type Found struct {
	Category   string   `json:"category"`
	What       string   `json:"what"`
	Detector   string   `json:"detector"`
	Severity   string   `json:"severity"`
	Confidence float64  `json:"confidence"`
	Start      int      `json:"start"`
	End        int      `json:"end"`
	Decision   string   `json:"decision"`
	Line       string   `json:"line" doc:"The probability against the lines of the policy."`
	Why        []string `json:"why"`
	Allow      []string `json:"allow" doc:"Ways to let it pass; entries for the allow list were tried."`
	Refs       []string `json:"refs"`
}

func newTried(e *guard.Explanation) Tried {
	t := Tried{Decision: e.Verdict.Decision.String(), Policy: e.Verdict.Policy, Origin: e.Origin.String(), Findings: []Found{}}
	if e.Changed {
		t.Passes = &e.Passes
	}
	for _, f := range e.Findings {
		one := Found{Category: string(f.Category), What: f.What, Detector: f.Detector, Severity: f.Severity.String(), Confidence: f.Confidence, Start: f.Start, End: f.End,
			Decision: f.Decision.String(), Line: f.Line, Why: append([]string{}, f.Why...), Allow: append([]string{}, f.Allow...), Refs: []string{}}
		for _, r := range f.Refs {
			one.Refs = append(one.Refs, r.String())
		}
		t.Findings = append(t.Findings, one)
	}
	return t
}

func (a *api) guard(ctx context.Context, in *trafficInput) (*guardBody, error) {
	g, err := a.cfg.Desk.Guard(ctx, actor(ctx), in.Range)
	return &guardBody{Body: g}, a.problem(err)
}

func (a *api) try(ctx context.Context, in *tryInput) (*tryBody, error) {
	b := &in.Body
	e, err := a.cfg.Desk.TryPolicy(ctx, actor(ctx), desk.Try{Text: b.Text, Role: b.Role, Policy: b.Policy, Direction: b.Direction})
	return &tryBody{Body: newTried(&e)}, a.problem(err)
}

func (a *api) startReplay(ctx context.Context, in *replayInput) (*replayBody, error) {
	b := &in.Body
	r, err := a.cfg.Desk.StartReplay(ctx, actor(ctx), desk.ReplayAsk{Policy: b.Policy, Over: b.Over, Span: b.Range, Reason: b.Reason, Edits: b.Edits})
	return &replayBody{Body: r}, a.problem(err)
}

func (a *api) replay(ctx context.Context, in *idInput) (*replayBody, error) {
	r, err := a.cfg.Desk.Replay(actor(ctx), in.ID)
	return &replayBody{Body: r}, a.problem(err)
}
