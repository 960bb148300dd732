package desk

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/redteam"
)

// findings returns where findings are kept, where they are.
func (d *Desk) findings() (*redteam.Findings, error) {
	if d.cfg.Attacks.Findings == nil {
		return nil, refuse(http.StatusUnprocessableEntity, ErrInvalid, "No findings are kept here.")
	}
	return d.cfg.Attacks.Findings, nil
}

// Findings lists findings, those that are not closed first.
func (d *Desk) Findings(ctx context.Context, a Actor) ([]redteam.Finding, error) {
	if err := d.May(a, RedteamRead); err != nil {
		return nil, err
	}
	if d.cfg.Attacks.Findings == nil {
		return []redteam.Finding{}, nil
	}
	return d.cfg.Attacks.Findings.List(ctx)
}

// OpenFinding opens a finding of an attempt that got through.
func (d *Desk) OpenFinding(ctx context.Context, a Actor, id, key string, h redteam.Handling) (one redteam.Finding, err error) {
	err = d.act(ctx, a, record.Act{Kind: FindingOpen, Target: attemptTarget(id, key)}, func() error {
		f, err := d.findings()
		if err != nil {
			return err
		}
		t, err := d.Attempt(ctx, a, id, key)
		if err != nil {
			return err
		}
		switch {
		case !t.Through || !t.Gated:
			return refuse(http.StatusConflict, ErrInvalid, "This attempt did not get through the arm that is gated, so there is nothing to fix.")
		case t.Open() != nil:
			return refuse(http.StatusConflict, ErrInvalid, "This attack has a finding already that is not closed; change that one.")
		}
		var campaign redteam.Retest
		for _, try := range t.Tries {
			if try.Campaign == id {
				campaign = try
			}
		}
		one, err = f.Add(ctx, redteam.Finding{Campaign: id, Begun: campaign.Begun, Key: key, Pair: t.Result.Pair, Arm: t.Result.Arm, Target: t.Target, Actor: string(t.Persona), Refs: t.Refs, Category: t.Category,
			Strategy: t.Result.Strategy, Chain: strings.Join(t.Result.Chain, " > "), Seed: t.Result.Seed, Impact: t.Impact, Evidence: t.Result.Link, Handling: h, By: a.Person})
		return told(err)
	})
	return one, err
}

// EditFinding changes what people say of a finding; fixed says that they did something about it.
func (d *Desk) EditFinding(ctx context.Context, a Actor, finding string, h redteam.Handling, fixed bool) error {
	return d.act(ctx, a, record.Act{Kind: FindingEdit, Target: finding}, func() error {
		f, err := d.findings()
		if err != nil {
			return err
		}
		return told(f.Edit(ctx, finding, h, fixed, a.Person))
	})
}

// CloseFinding closes a finding, where the newest campaign that tried the same attack on the
// same system again, after the one that it was found in, stopped it.
func (d *Desk) CloseFinding(ctx context.Context, a Actor, finding string) error {
	return d.act(ctx, a, record.Act{Kind: FindingClose, Target: finding}, func() error {
		f, err := d.findings()
		if err != nil {
			return err
		}
		one, err := f.Get(ctx, finding)
		if err != nil {
			return told(err)
		}
		return told(f.Close(ctx, finding, d.tries(one.Pair, one.Arm, one.Target), a.Person))
	})
}

// told turns what the room says into what everybody may be told.
func told(err error) error {
	var said *redteam.FindingError
	switch {
	case errors.As(err, &said):
		return refuse(http.StatusConflict, ErrInvalid, "%s", said.Why)
	case errors.Is(err, redteam.ErrNoFinding):
		return refuse(http.StatusNotFound, ErrUnknown, "There is no such finding. The page Red team has those that there are.")
	}
	return err
}
