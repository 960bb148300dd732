package main

import (
	"context"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/bartizan-ai/bartizan/app"
	"github.com/bartizan-ai/bartizan/redteam"
)

type redteamRemedy struct {
	dirFlag
	Key string `arg:"" help:"Key of an attempt that got through."`
	As  string `enum:"rule,case" default:"rule" help:"rule: for the operator's policy; case: for the tests of a detector."`
}

// Help is shown by -h.
func (redteamRemedy) Help() string {
	return "Example:\n  bartizan redteam remedy redteam/default 3f9c…\n\nThe rule knows the words of this attack and no others: it holds until a detector knows the kind."
}

// Run implements the command.
func (c *redteamRemedy) Run(s *streams) error {
	o, err := c.open()
	if err != nil {
		return err
	}
	r, err := redteam.Find(c.Dir, c.Key)
	if err != nil {
		return &exit{exitUse, err}
	}
	if r.Score.Verdict != redteam.Hit {
		return use("the attempt %s did not get through: it ended as %s, and %s says %s", r.Key, r.Outcome, r.Score.Scorer, r.Score.Verdict)
	}
	m, err := app.Remedied(context.Background(), o, r)
	if err != nil {
		return &exit{exitFound, err}
	}
	if c.As == "case" {
		_, err = fmt.Fprint(s.out, m.Case)
		return err
	}
	b, err := yaml.Marshal(map[string]any{"rules": []map[string]any{{"id": m.Rule.ID, "phrase": m.Rule.Phrase, "on": m.Rule.On, "action": "block", "says": m.Rule.Says}}})
	if err != nil {
		return err
	}
	if _, err := s.out.Write(b); err != nil {
		return err
	}
	stops := "stops this attempt as it was sent"
	if !m.Stops {
		stops = "does not stop this attempt, because its words were disguised when they were sent"
	}
	fmt.Fprintf(s.err, "The rule %s, and %d of %d harmless texts. Put it under the policy, and run the campaign again.\n", stops, m.Harmless, m.Of)
	if !m.Stops || m.Harmless > 0 {
		return &exit{code: exitFound}
	}
	return nil
}
