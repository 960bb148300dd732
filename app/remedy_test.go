package app

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/redteam"
)

// TestRemedy: a miss becomes a rule that stops it and nothing harmless; with the rule in the
// policy, the same attempt is stopped.
func TestRemedy(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	p := ranged(t, func(c *redteam.Campaign) {
		c.Strategies, c.Chains, c.Seeds.Langs, c.Seeds.Personas = []string{"single"}, nil, []string{"en", "de", "zh"}, []string{"adversarial"}
	})
	r, err := OpenPipelines()
	must(t, err)
	scorers, err := Scorers(nil)
	must(t, err)
	_, err = redteam.Run(ctx, redteam.RunConfig{Dir: dir, Plan: p, Targets: r.Targets, Scope: r.Scope, Scorers: scorers})
	must(t, err)
	o, err := OpenCampaign(dir)
	must(t, err)
	var through []redteam.Result
	must(t, redteam.Results(dir, func(one *redteam.Result) error {
		if one.Arm == armOn && one.Score.Verdict == redteam.Hit {
			through = append(through, *one)
		}
		return nil
	}))
	rules, none := []guard.Rule{}, 0
	for i := range through {
		m, err := Remedied(ctx, o, &through[i])
		if err != nil {
			none++
			continue
		}
		if !m.Stops || m.Harmless > 0 || m.Of < 100 || !strings.HasPrefix(m.Case, "-- ") || !strings.Contains(m.Case, " category=") {
			t.Errorf("%s: %+v", through[i].Seed, m)
		}
		if !slices.ContainsFunc(rules, func(r guard.Rule) bool { return r.Phrase == m.Rule.Phrase }) && len(rules) < 40 {
			rules = append(rules, m.Rule)
		}
	}
	t.Logf("%d got through, %d have no words of their own", len(through), none)
	if len(through) < 50 || none > len(through)/10 {
		t.Errorf("%d got through, %d have no remedy", len(through), none)
	}
	engine, err := guard.New(guard.Config{Detectors: Detectors()})
	must(t, err)
	policy := arms()[armOn]
	policy.Rules = append(policy.Rules, rules...)
	c, err := engine.Compile(armOn, policy)
	must(t, err)
	fixed := *r.Targets[armOn].(*pipeline)
	fixed.policy = c
	for i := range through[:min(len(through), len(rules))] {
		got, err := redteam.Replay(ctx, dir, o.Plan, through[i].Key, &fixed, r.Scope, scorers)
		must(t, err)
		if has := slices.ContainsFunc(rules, func(r guard.Rule) bool { return r.ID == "rt-"+through[i].Key[:12] }); has && got.After.Outcome != redteam.Blocked {
			t.Errorf("%s: %s with its rule", through[i].Seed, got.After.Outcome)
		}
	}
}
