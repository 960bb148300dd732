package guard

import (
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// WhatIf binds another policy to the same detectors under the same name, to see what it
// would do. It asks no stage: what is only tried is sent nowhere.
func (c *Compiled) WhatIf(p Policy) (*Compiled, error) {
	p.Second = Second{}
	name, _, _ := strings.Cut(c.id, "@")
	return c.engine.Compile(name, p)
}

// Lines returns the lines that hold for a family or category and an origin, wherever in the
// policy they are written.
func (c *Compiled) Lines(key string, o llm.Origin) Lines {
	if l, ok := c.policy.lines(key, o); ok {
		return l
	}
	return c.linesFor(risk.Category(key), o)
}

// StageState is how a policy's second stage does, in this process.
type StageState struct {
	Stage string
	Opens time.Duration // left alone for so long yet; 0: it is asked
	Spent int           // questions of this minute
}

// Stage says how the policy's second stage does; false where it has none.
func (c *Compiled) Stage() (StageState, bool) {
	if c.second == nil {
		return StageState{}, false
	}
	s, now := c.second, c.engine.now()
	out := StageState{Stage: s.stage.ID()}
	s.mu.Lock()
	if age := now.Sub(s.minute); age >= 0 && age < time.Minute {
		out.Spent = s.spent
	}
	s.mu.Unlock()
	s.circuit.mu.Lock()
	defer s.circuit.mu.Unlock()
	if s.circuit.row >= circuitLate {
		out.Opens = max(0, s.circuit.until.Sub(now))
	}
	return out, true
}
