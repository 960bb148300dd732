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
	target := cfg.Targets[cfg.Plan.Campaign.Arms[0]]
	for _, one := range cfg.Plan.plays {
		d := &cfg.Plan.lib.Seeds[one.seed]
		scene := cfg.Plan.lib.scene(d.Scene)
		if d.Effect.Kind != "amplify" || had[scene.ID].Outcome != "" {
			continue
		}
		c := Conversation{MaxTokens: cfg.Plan.Campaign.MaxTokens, Tools: scene.Tools, Turns: []Turn{{Role: "system", Text: strings.ReplaceAll(scene.System, Canary, canaryWords[0])}, {Role: "user", Text: scene.Ask}}}
		e, err := target.Send(ctx, &c)
		if err != nil {
			return nil, err
		}
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
