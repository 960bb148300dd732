package desk

import (
	"context"
	"fmt"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/record"
)

// MaxTry bounds a text that is tried, in bytes.
const MaxTry = 32 << 10

// Try is a text to judge, as if it came through the gate.
type Try struct {
	Text      string
	Role      string // "user", "document" …; "": a user's, or the model's in answers
	Policy    string // its name
	Direction string // "input" or "output"
}

// TryPolicy says what a policy makes of a text, and why. That somebody tried is recorded;
// the text is not, it is no exchange, and no stage is asked.
func (d *Desk) TryPolicy(ctx context.Context, a Actor, t Try) (e guard.Explanation, err error) {
	err = d.act(ctx, a, record.Act{Kind: PolicyRead, Target: "try of policy " + t.Policy}, func() error {
		c, err := d.policy(a, t.Policy)
		if err != nil {
			return err
		}
		direction, ok := guard.ParseDirection(t.Direction)
		if !ok || t.Text == "" || len(t.Text) > MaxTry {
			return fmt.Errorf("%w: a try needs a text of at most %d bytes and a direction", ErrInvalid, MaxTry)
		}
		if c, err = c.WhatIf(c.Policy()); err != nil {
			return fmt.Errorf("desk: trying a policy: %w", err)
		}
		e, err = (&guard.Inspector{Compiled: c, Direction: direction}).Explain(ctx, t.Text, t.Role)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		return nil
	})
	return e, err
}
