package app

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/framework"
	"github.com/bartizan-ai/bartizan/redteam"
)

// Campaigns is the folder of a data folder in which campaigns lie.
const Campaigns = "redteam"

// attacks is what the desk shows of the red team, and begins.
func (a *App) attacks() desk.Attacks {
	return desk.Attacks{Dir: a.dir(Campaigns), Open: OpenCampaign, Run: a.attack, Findings: redteam.OpenFindings(a.store, nil), Canaries: a.canaries, ToCover: toCover()}
}

// attack runs a campaign for the desk. Why one failed is for the log, not for pages.
func (a *App) attack(ctx context.Context, dir string, allowed redteam.Scope, tell func(redteam.Progress)) error {
	err := a.attackInside(ctx, dir, allowed, tell)
	if err != nil && ctx.Err() == nil {
		a.cfg.Log.Error("a campaign of the red team failed", "error", err.Error())
	}
	return err
}

// toCover is what attacks are held against.
func toCover() (out []desk.Framework) {
	for _, l := range framework.Lists() {
		f := desk.Framework{Name: l.Name}
		for _, i := range l.Items {
			f.Items = append(f.Items, i.ID)
		}
		out = append(out, f)
	}
	return out
}

// insideParallel is how many attempts a server makes at a time beside its own work.
const insideParallel = 2

// attackInside runs the default campaign in a folder, or goes on with the one that is there,
// against a range of its own in this process: nothing that the server serves is attacked.
func (a *App) attackInside(ctx context.Context, dir string, allowed redteam.Scope, tell func(redteam.Progress)) (err error) {
	p, err := planInside(dir)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "bartizan-redteam-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	r, err := OpenRange(ctx, tmp, a.cfg.Version)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close(context.WithoutCancel(ctx))) }()
	cfg := redteam.RunConfig{Dir: dir, Plan: p, Targets: r.Targets, Scope: &allowed, Progress: tell}
	base, err := redteam.Measure(ctx, cfg)
	if err != nil {
		return err
	}
	if cfg.Scorers, err = Scorers(base); err != nil {
		return err
	}
	_, err = redteam.Run(ctx, cfg)
	return err
}

// planInside is the plan of a campaign that is there, or of a new one.
func planInside(dir string) (*redteam.Plan, error) {
	o, err := OpenCampaign(dir)
	if err == nil {
		if slices.ContainsFunc(o.Plan.Campaign.Arms, func(arm string) bool { return arm != armOff && arm != armOn }) {
			return nil, redteam.ErrOther
		}
		return o.Plan, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	lib, err := AttackLibrary(nil)
	if err != nil {
		return nil, err
	}
	c := DefaultCampaign()
	c.Rate.Parallel = insideParallel
	return redteam.Make(c, lib)
}
