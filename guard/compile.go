package guard

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Direction says which way the text goes.
type Direction uint8

// The directions.
const (
	Input  Direction = iota // to the model
	Output                  // from the model
)

// String returns the direction's name as rules and flags write it.
func (d Direction) String() string {
	if d == Output {
		return "output"
	}
	return "input"
}

// ParseDirection is the inverse of [Direction.String].
func ParseDirection(s string) (Direction, bool) {
	return Direction(b2i(s == "output")), s == "input" || s == "output"
}

func b2i(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// Compiled is a policy bound to an engine. It is safe for concurrent use.
type Compiled struct {
	engine   *Engine
	policy   Policy
	id       string
	rules    *rules
	allow    *allowances
	second   *staged // nil: nobody is asked
	entities map[string]Entity
	wanted   [2][]bool                              // by direction and detector: can policy act on what it finds?
	ours     func(text string, start, end int) bool // values that stand for others and are nobody's; nil: there are none
	until    time.Time                              // monitor ends then; zero: it does not
	monitor  bool
	asked    []llm.Passage // what an answer answers: see [Compiled.Answering]
	known    bool
}

// Compile binds a policy to the engine and to the stages that it may ask, or returns all
// that is wrong with it, joined: each a *[Fault].
func (e *Engine) Compile(name string, p Policy, stages ...Stage) (*Compiled, error) {
	if faults := p.Validate(); len(faults) > 0 {
		return nil, fmt.Errorf("guard: policy %s: %w", name, errors.Join(faults...))
	}
	digest, err := p.Digest()
	if err != nil {
		return nil, err
	}
	c := &Compiled{engine: e, policy: p.complete(), id: name + "@" + digest, entities: map[string]Entity{}}
	for _, ent := range p.Mask.Entities {
		if ent.Action == "" {
			ent.Action = "mask"
		}
		c.entities[ent.Name] = ent
	}
	if c.monitor = c.policy.Mode == "monitor"; c.monitor {
		day, err := time.Parse(time.DateOnly, c.policy.Until)
		if err != nil {
			return nil, fmt.Errorf("guard: policy %s: %w", name, err)
		}
		c.until = day.AddDate(0, 0, 1)
	}
	if c.rules, err = compileRules(c.policy.Rules); err != nil {
		return nil, fmt.Errorf("guard: policy %s: %w", name, err)
	}
	if c.allow, err = compileAllow(c.policy.Allow); err != nil {
		return nil, fmt.Errorf("guard: policy %s: %w", name, err)
	}
	if err := c.compileSecond(stages); err != nil {
		return nil, fmt.Errorf("guard: policy %s: %w", name, err)
	}
	for dir := range c.wanted {
		c.wanted[dir] = make([]bool, len(e.detectors))
		for i, d := range e.detectors {
			if d.follower != nil {
				c.wanted[dir][i] = Direction(dir) == Output && c.follows(d.finds)
				continue
			}
			c.wanted[dir][i] = c.wants(Direction(dir), d.finds) && !(d.weigher != nil && c.hasty(Direction(dir)))
		}
	}
	return c, nil
}

// hasty reports whether answers leave word by word: then rules alone are asked, because
// models read sentences.
func (c *Compiled) hasty(dir Direction) bool {
	return dir == Output && c.policy.Output.Hold == "prefix"
}

// ID is name@digest.
func (c *Compiled) ID() string { return c.id }

// Policy returns the policy as it holds, with what it left out filled in.
func (c *Compiled) Policy() Policy { return c.policy }

// Enforcing reports whether the policy acts, or only says what it would do.
func (c *Compiled) Enforcing() bool { return !c.monitor || !c.engine.now().Before(c.until) }

// wants reports whether anything in the categories could lead to more than
// Allow in that direction. A detector that does not say what it finds is always
// wanted.
func (c *Compiled) wants(dir Direction, finds []risk.Category) bool {
	if len(finds) == 0 {
		return true
	}
	return slices.ContainsFunc(finds, func(cat risk.Category) bool {
		if dir == Input && c.labelOf(cat, "") != "" {
			return true
		}
		for _, o := range llm.Origins() {
			if act, ok := c.fixed(dir, cat, o); ok {
				if act.Decision() > risk.Allow {
					return true
				}
				continue
			}
			if l := c.linesFor(cat, o); l.decide(1) > risk.Allow || l.observes(1) {
				return true
			}
		}
		return false
	})
}

// fixed returns the action for categories that are decided by name and not by
// probability: secrets and entities.
func (c *Compiled) fixed(dir Direction, cat risk.Category, o llm.Origin) (Action, bool) {
	switch name := string(cat); {
	case strings.HasPrefix(name, "secret."):
		if e, ok := c.entities[name]; ok {
			return e.from(o), true
		}
		if dir == Output {
			return c.policy.Secrets.Output, true
		}
		return c.policy.Secrets.Input, true
	case strings.HasPrefix(name, "pii."):
		return c.entities[name].from(o), true
	}
	return "", false
}

// from returns what follows when a value comes from an origin.
func (e Entity) from(o llm.Origin) Action {
	if a, ok := e.From[o.String()]; ok {
		return a
	}
	return e.Action
}

// Hides says what stands in the place of a masked value of a category: "placeholder", "fake"
// or "redact"; and whether it is put back into the answer.
func (c *Compiled) Hides(cat risk.Category) (as string, restore bool) {
	m := c.policy.Mask
	e := c.entities[string(cat)]
	restore = m.Restore
	if e.Restore != nil {
		restore = *e.Restore
	}
	switch {
	case e.As != "":
		as = e.As
	case m.As != "":
		as = m.As
	case restore:
		as = "placeholder"
	default:
		as = "redact"
	}
	return as, restore && as != "redact"
}

func (c *Compiled) linesFor(cat risk.Category, o llm.Origin) Lines {
	if l, ok := c.policy.lines(string(cat), o); ok {
		return l
	}
	l, _ := c.policy.lines(family(cat), o)
	return l
}

// likely is the confidence from which a secret or entity is taken for one; a
// weaker finding is at most flagged.
const likely = .5

// decide says what policy makes of a detector's finding.
func (c *Compiled) decide(dir Direction, f risk.Finding, o llm.Origin) risk.Decision {
	if a, ok := c.fixed(dir, f.Category, o); ok {
		if d := a.Decision(); f.Confidence >= likely || d < risk.Flag {
			return d
		}
		return risk.Flag
	}
	d := c.linesOf(f, o).decide(f.Confidence)
	if d == risk.Mask && (dir == Output || !slices.Contains(excisable, o)) {
		return risk.Block // lines that fell back on another origin's
	}
	return d
}

// observes reports whether a finding that leads to nothing is recorded.
func (c *Compiled) observes(f risk.Finding, o llm.Origin) bool {
	_, fixed := c.fixed(Input, f.Category, o)
	return !fixed && c.linesOf(f, o).observes(f.Confidence)
}
