package redteam

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Baseline is what the harmless question of each scene costs, so that what attacks on
// availability cost can be compared with it.
type Baseline map[string]Exchange

const baselineFile = "baseline.json"

// Of returns what the question of a scene cost.
func (b Baseline) Of(scene string) (Exchange, bool) {
	e, ok := b[scene]
	return e, ok && e.Outcome == Answered
}

// ReadBaseline reads what was measured for a campaign; nothing where nothing was.
func ReadBaseline(dir string) (Baseline, error) {
	b, err := os.ReadFile(filepath.Join(dir, baselineFile))
	if errors.Is(err, os.ErrNotExist) {
		return Baseline{}, nil
	}
	out := Baseline{}
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		return nil, fmt.Errorf("redteam: reading what scenes cost: %w", err)
	}
	return out, nil
}

// measured are the scenes in which something is to be amplified.
func (p *Plan) measured() (out []*Scene) {
	seen := map[string]bool{}
	for _, one := range p.plays {
		d := &p.lib.Seeds[one.seed]
		scene := p.lib.scene(d.Scene)
		if d.Effect.Kind == "amplify" && !seen[scene.ID] {
			seen[scene.ID] = true
			out = append(out, scene)
		}
	}
	return out
}

// question is the harmless question of a scene.
func (p *Plan) question(scene *Scene) Conversation {
	return Conversation{MaxTokens: p.Campaign.MaxTokens, Tools: scene.Tools, Turns: []Turn{{Role: "system", Text: strings.ReplaceAll(scene.System, Canary, canaryWords[0])}, {Role: "user", Text: scene.Ask}}}
}

// questions is what these questions cost at most. They are part of what a campaign costs.
func (p *Plan) questions(scenes []*Scene) (u Usage) {
	for _, s := range scenes {
		c := p.question(s)
		u = u.plus(Usage{1, c.Tokens(), int64(p.Campaign.MaxTokens)}, 1)
	}
	return u
}

// usage is what they did cost.
func (b Baseline) usage() (u Usage) {
	for _, e := range b {
		u = u.plus(Usage{1, believable(e.Input), believable(e.Output)}, 1)
	}
	return u
}

// Measure asks a target the harmless question of every scene in which something is to be
// amplified, once for a campaign. It is part of what the scope must allow.
func Measure(ctx context.Context, cfg RunConfig) (Baseline, error) {
	cfg = cfg.ready()
	had, err := ReadBaseline(cfg.Dir)
	if err != nil || len(had) > 0 {
		return had, err
	}
	if err := cfg.allowedAll(); err != nil {
		return nil, err
	}
	scenes := cfg.Plan.measured()
	if what := cfg.Plan.Campaign.exceeds(bound{target: cfg.Plan.questions(scenes)}); what != "" {
		return nil, fmt.Errorf("%w: what scenes cost without an attack could cost more than is left of %s", ErrBudget, what)
	}
	target := cfg.Targets[cfg.Plan.Campaign.Arms[0]]
	for _, scene := range scenes {
		c := cfg.Plan.question(scene)
		if err := cfg.allowed(); err != nil {
			return nil, err
		}
		e, err := target.Send(ctx, &c)
		if err != nil {
			return nil, err
		}
		e.clean()
		e.count(&c)
		had[scene.ID] = e
	}
	if len(had) == 0 {
		return had, nil
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("redteam: %w", err)
	}
	return had, keep(cfg.Dir, baselineFile, had)
}
