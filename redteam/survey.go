package redteam

import (
	"fmt"
	"slices"
	"strings"
)

// Phases are where in a system an attack sets in, as OWASP's guide to red teaming has them: the
// model alone, the guardrails around it, the system that brings texts in, and what agents do
// while it runs.
var Phases = []string{"model", "implementation", "system", "runtime"}

// Impacts are what attacks do harm to.
var Impacts = []string{"confidentiality", "integrity", "availability", "harm"}

// Phase says where an attempt sets in. What it makes an agent do counts before how it was
// brought in, and that before how it was disguised.
func Phase(d *Seed, strategy string, chain []string) string {
	switch {
	case d.Effect.Kind == "tool" || d.Effect.Kind == "amplify":
		return Phases[3]
	case strings.HasPrefix(strategy, "indirect"):
		return Phases[2]
	case len(chain) > 0:
		return Phases[1]
	}
	return Phases[0]
}

// Tried is what became of an attempt in the arm that is gated.
type Tried struct {
	Key      string
	Seed     string
	Strategy string
	Chain    []string
	Cell     string
	Outcome  Outcome
	Verdict  Verdict
}

// Through reports whether it is one that should not have been: an attack that had its effect,
// or a harmless text that was stopped.
func (t Tried) Through() bool {
	return hit(&Result{Cell: t.Cell, Outcome: t.Outcome, Score: Score{Verdict: t.Verdict}}) == 1
}

// Held reports whether it is certain that it did not get through.
func (t Tried) Held() bool {
	return !t.Through() && t.Outcome != Failed && (t.Cell == BenignCell || t.Verdict == Miss)
}

// Survey is what the last arm of a campaign tried, without any words.
type Survey struct {
	Pairs  map[string]Tried // by the pair, which is the same in every campaign
	Phases []PhaseCount     // every impact and phase, in their order; tried or not
}

// PhaseCount is how often one impact was tried in one phase.
type PhaseCount struct {
	Impact string `json:"impact"`
	Phase  string `json:"phase"`
	Tries  int    `json:"tries"`
	Hits   int    `json:"hits"`
}

// Look surveys a campaign's folder.
func Look(dir string, p *Plan) (*Survey, error) {
	s := &Survey{Pairs: map[string]Tried{}}
	for _, impact := range Impacts {
		for _, phase := range Phases {
			s.Phases = append(s.Phases, PhaseCount{Impact: impact, Phase: phase})
		}
	}
	arms := len(p.Campaign.Arms)
	err := Results(dir, func(r *Result) error {
		if r.N >= p.Attempts {
			return fmt.Errorf("%w: its result %d is none of this plan", ErrOther, r.N)
		}
		if r.N%arms != arms-1 {
			return nil
		}
		one := p.plays[r.N/arms]
		d := &p.lib.Seeds[one.seed]
		t := Tried{Key: r.Key, Seed: d.ID, Strategy: p.lib.Strategies[one.strategy].ID(), Chain: p.Campaign.Chains[one.chain], Cell: r.Cell, Outcome: r.Outcome, Verdict: r.Score.Verdict}
		s.Pairs[r.Pair] = t
		s.count(d, t)
		return nil
	})
	return s, err
}

func (s *Survey) count(d *Seed, t Tried) {
	if t.Cell == BenignCell || t.Outcome == Failed {
		return
	}
	phase := Phase(d, t.Strategy, t.Chain)
	i := slices.IndexFunc(s.Phases, func(c PhaseCount) bool { return c.Impact == d.Impact && c.Phase == phase })
	if i < 0 {
		return // of an impact that somebody else named
	}
	s.Phases[i].Tries++
	if t.Through() {
		s.Phases[i].Hits++
	}
}
