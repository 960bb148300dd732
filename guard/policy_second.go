package guard

import (
	"time"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Second says which stage is asked for a second opinion, and when. Only requests ask: an
// answer would wait for it at every sentence.
type Second struct {
	Stage     string   `json:"stage,omitempty" yaml:"stage"`
	From      float64  `json:"from,omitempty" yaml:"from"`             // the grey band of probabilities; left out: .3
	To        float64  `json:"to,omitempty" yaml:"to"`                 // and below this; left out: .9
	Origins   []string `json:"origins,omitempty" yaml:"origins"`       // none: all
	Deadline  string   `json:"deadline,omitempty" yaml:"deadline"`     // of all questions of a call; left out: 800ms
	PerMinute int      `json:"per_minute,omitempty" yaml:"per_minute"` // questions; left out: 60
	// OnError is "keep", so that the first look decides where the stage gives no answer, or
	// "block". Left out, the policy's on_error.input decides, as it does when any other
	// check fails: an attacker who can make the stage fail must gain nothing by it.
	OnError string `json:"on_error,omitempty" yaml:"on_error"`
}

// The defaults of [Second], and the longest that a call may wait.
const (
	secondFrom, secondTo = .3, .9
	secondDeadline       = "800ms"
	secondPerMinute      = 60
	maxSecondDeadline    = 30 * time.Second
	maxSecondPerMinute   = 60_000
)

// on reports whether anything was said of a second stage.
func (s *Second) on() bool {
	return s.Stage != "" || s.From != 0 || s.To != 0 || s.Origins != nil || s.Deadline != "" || s.PerMinute != 0 || s.OnError != ""
}

// complete fills what was left out.
func (s *Second) complete() {
	if s.on() {
		fill(&s.From, secondFrom)
		fill(&s.To, secondTo)
		fill(&s.Deadline, secondDeadline)
		fill(&s.PerMinute, secondPerMinute)
	}
}

func (s Second) validate(f *faults) {
	if !s.on() {
		return
	}
	s.complete()
	if s.Stage == "" {
		f.add("second.stage", "is missing; name one of `stages`")
	}
	// Written so that NaN fails, too.
	if !(s.From > 0 && s.To <= 1 && s.From < s.To) {
		f.add("second", "from and to must be probabilities, from below to")
	}
	for _, o := range s.Origins {
		if _, ok := llm.ParseOrigin(o); !ok {
			f.add("second.origins", "%q is no origin", o)
		}
	}
	if d, err := time.ParseDuration(s.Deadline); err != nil || d <= 0 || d > maxSecondDeadline {
		f.add("second.deadline", "%q is not a time such as 800ms, at most %s", s.Deadline, maxSecondDeadline)
	}
	if s.PerMinute < 1 || s.PerMinute > maxSecondPerMinute {
		f.add("second.per_minute", "must be 1 to %d", maxSecondPerMinute)
	}
	f.oneOf("second.on_error", s.OnError, "keep", "block")
}

// compileSecond binds the policy's stage, where it asks one.
func (c *Compiled) compileSecond(stages []Stage) error {
	p := &c.policy.Second
	if p.Stage == "" {
		return nil
	}
	for _, one := range stages {
		if one.ID() != p.Stage {
			continue
		}
		deadline, err := time.ParseDuration(p.Deadline)
		if err != nil {
			return err
		}
		s := &staged{stage: one, from: p.From, to: p.To, deadline: deadline, budget: p.PerMinute, circuit: &circuit{now: c.engine.now}}
		for _, name := range p.Origins {
			o, _ := llm.ParseOrigin(name) // Validate has seen it
			s.origins = append(s.origins, o)
		}
		switch p.OnError {
		case "keep":
			s.failed = risk.Allow
		case "block":
			s.failed = risk.Block
		default:
			s.failed = c.policy.OnError.Input.Decision()
		}
		c.second = s
		return nil
	}
	return &Fault{"second.stage", "there is no stage \"" + p.Stage + "\"; name one of `stages`"}
}
