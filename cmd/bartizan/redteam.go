package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v3"

	"github.com/bartizan-ai/bartizan/app"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/redteam"
)

type redteamCommand struct {
	Plan    redteamPlan    `cmd:"" help:"Say what a campaign would send, what it costs at most and what it can show. Nothing is sent."`
	Run     redteamRun     `cmd:"" help:"Run a campaign, or go on with one that was stopped."`
	Report  redteamReport  `cmd:"" help:"Say what a campaign showed."`
	Gate    redteamGate    `cmd:"" help:"Pass, fail or leave open what a campaign showed: exit code 0, 1 or 4."`
	Compare redteamCompare `cmd:"" help:"Compare two campaigns, attempt by attempt."`
	Replay  redteamReplay  `cmd:"" help:"Show an attempt again from its key, and send it again if asked to."`
	Rescore redteamRescore `cmd:"" help:"Judge what was answered with the scorers of this version. Nothing is sent."`
	Remedy  redteamRemedy  `cmd:"" help:"Turn an attempt that got through into a rule, or into a case for a detector."`
	Decide  redteamDecide  `cmd:"" help:"Judge an attempt yourself, in place of a scorer."`
	Measure redteamMeasure `cmd:"" help:"Measure how well a scorer that proves nothing judges labelled answers."`
	Library redteamLibrary `cmd:"" help:"List what campaigns are made of: strategies, converters and scorers."`
	Import  redteamImport  `cmd:"" help:"Turn the attacks that other tools keep into seeds."`
	Export  redteamExport  `cmd:"" help:"Write a campaign for people, build servers and other tools."`
}

// campaignFlags say which campaign.
type campaignFlags struct {
	Campaign string   `short:"f" help:"File of the campaign; left out: the default one." placeholder:"FILE"`
	Seeds    []string `help:"Seeds that bartizan redteam import wrote, beside those that ship; may be repeated." placeholder:"FILE"`
	Targets  string   `help:"File of targets by arm; left out: the demonstration, inside this process." placeholder:"FILE"`
}

// campaign reads the campaign, and plans it.
func (c *campaignFlags) plan() (*redteam.Plan, error) {
	spec := app.DefaultCampaign()
	if c.Campaign != "" {
		spec = redteam.Campaign{}
		if err := strictly(c.Campaign, &spec); err != nil {
			return nil, err
		}
	}
	var more []redteam.Seed
	for _, name := range c.Seeds {
		list, err := app.ImportSeeds("", name)
		if err != nil {
			return nil, &exit{exitUse, err}
		}
		more = append(more, list...)
	}
	lib, err := app.AttackLibrary(more)
	if err != nil {
		return nil, err
	}
	p, err := redteam.Make(spec, lib)
	if err != nil {
		return nil, &exit{exitUse, err}
	}
	return p, nil
}

// strictly reads a YAML file in which every word is known.
func strictly(name string, into any) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return use("%v; name a file that can be read", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	err = d.Decode(into)
	var wrong *yaml.TypeError
	if errors.As(err, &wrong) {
		for i, w := range wrong.Errors {
			wrong.Errors[i] = notFound.ReplaceAllString(w, "there is no field $1 here")
		}
		return use("%s: %s", name, strings.Join(wrong.Errors, "; "))
	}
	if err != nil {
		return use("%s: %v", name, err)
	}
	return nil
}

// notFound is how the YAML reader says that it knows no such field: with the name of a Go type,
// which says nothing to whoever wrote the file.
var notFound = regexp.MustCompile(`field (\S+) not found in type \S+`)

type redteamPlan struct {
	campaignFlags
	outputFlag
}

// Help is shown by -h.
func (redteamPlan) Help() string {
	return "Example:\n  bartizan redteam plan\n  bartizan redteam plan -f campaign.yaml -o json"
}

// Run implements the command.
func (c *redteamPlan) Run(s *streams) error {
	p, err := c.plan()
	if err != nil {
		return err
	}
	if c.Output == "json" {
		return printJSON(s, p)
	}
	printPlan(s, p)
	return nil
}

type redteamRun struct {
	campaignFlags
	Fast  bool   `help:"Without --targets: the policy alone, without a gate and its ledger around it; many times faster."`
	Dir   string `help:"Folder of the campaign; the same one goes on with it. Left out: redteam/NAME." placeholder:"DIR" xor:"where"`
	Data  string `help:"Data folder of a server, which then shows the campaign; it lies in DIR/redteam/NAME." placeholder:"DIR" xor:"where"`
	Scope string `help:"File that says who allowed it, on what and until when; needed with --targets, and for the models that a campaign names." placeholder:"FILE"`
	outputFlag
}

// Help is shown by -h.
func (redteamRun) Help() string {
	return "Example:\n  bartizan redteam run\n  bartizan redteam run -f campaign.yaml --targets targets.yaml --scope scope.yaml --dir nightly\n\nCtrl-C stops it at once, and so does the end of the scope; the same command goes on where it was."
}

// Run implements the command.
func (c *redteamRun) Run(s *streams) error {
	p, err := c.plan()
	if err != nil {
		return err
	}
	if c.Data != "" && !desk.CampaignName.MatchString(p.Campaign.Name) {
		return use("the console cannot show a campaign of the name %q; name it with letters, digits, dots, hyphens and underscores", p.Campaign.Name)
	}
	if c.Dir == "" {
		c.Dir = filepath.Join(c.Data, app.Campaigns, p.Campaign.Name)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	targets, scope, closing, err := opened(ctx, p, ground{c.Targets, c.Scope, c.Fast})
	if err != nil {
		return err
	}
	defer closing()
	cfg := redteam.RunConfig{Dir: c.Dir, Plan: p, Targets: targets, Scope: scope}
	if err := c.models(&cfg); err != nil {
		return err
	}
	base, err := redteam.Measure(ctx, cfg)
	if errors.Is(err, redteam.ErrScope) {
		return &exit{exitUse, err}
	}
	if err != nil {
		return err
	}
	if cfg.Scorers, err = app.ScorersOf(&p.Campaign, base); err != nil {
		return err
	}
	if c.Output != "json" {
		printPlan(s, p)
	}
	tell := progress(s)
	cfg.Progress = func(g redteam.Progress) {
		tell(fmt.Sprintf("%d got through, %d blocked, %d failed", g.Hits, g.Blocked, g.Errors), g.Done, g.Of)
	}
	made, err := redteam.Run(ctx, cfg)
	switch {
	case errors.Is(err, context.Canceled):
		return &exit{exitStop, fmt.Errorf("stopped; what was done is in %s, and the same command goes on", c.Dir)}
	case errors.Is(err, redteam.ErrScope) && made.Of > 0: // it had begun
		return &exit{exitStop, fmt.Errorf("%w; what was done is in %s", err, c.Dir)}
	case errors.Is(err, redteam.ErrScope), errors.Is(err, redteam.ErrOther):
		return &exit{exitUse, err}
	case err != nil && !errors.Is(err, redteam.ErrBudget):
		return err
	}
	if _, failed := analysed(s, c.Dir, p, c.Output); failed != nil || err == nil {
		return failed
	}
	return &exit{exitStop, fmt.Errorf("%w; what was done is in %s, and a larger budget needs a folder of its own", err, c.Dir)}
}

// analysed writes the report beside the results, and says what they show.
func analysed(s *streams, dir string, p *redteam.Plan, output string) (*redteam.Analysis, error) {
	a, err := redteam.Analyse(dir, p, nil)
	if err != nil {
		return nil, err
	}
	page := filepath.Join(dir, "report.html")
	var b bytes.Buffer
	if err := app.ExportCampaign("html", &b, dir, p, a, false, version()); err != nil {
		return nil, err
	}
	if err := os.WriteFile(page, b.Bytes(), 0o600); err != nil {
		return nil, err
	}
	if output == "json" {
		return a, printJSON(s, a)
	}
	printAnalysis(s, a)
	fmt.Fprintln(s.out, "\nReport:", page)
	return a, nil
}

// ground is where a campaign is played.
type ground struct {
	Targets string // file of targets by arm; "": the demonstration
	Scope   string // file of who allowed it
	Fast    bool   // of the demonstration, the policy alone
}

// opened makes the targets of a campaign: those of a file, or the demonstration.
func opened(ctx context.Context, p *redteam.Plan, f ground) (map[string]redteam.Target, *redteam.Scope, func(), error) {
	if f.Targets == "" {
		return demonstration(ctx, p, f.Fast)
	}
	var arms struct {
		Arms map[string]app.Arm `yaml:"arms"`
	}
	if err := strictly(f.Targets, &arms); err != nil {
		return nil, nil, nil, err
	}
	out := map[string]redteam.Target{}
	for name, arm := range arms.Arms {
		t, err := app.OpenArm(filepath.Dir(f.Targets), arm)
		if err != nil {
			return nil, nil, nil, use("%s: arms.%s: %v", f.Targets, name, err)
		}
		out[name] = t
	}
	scope, err := readScope(f.Scope)
	return out, scope, func() {}, err
}

// readScope reads who allowed it; nil where no file says so.
func readScope(name string) (*redteam.Scope, error) {
	if name == "" {
		return nil, nil
	}
	scope := &redteam.Scope{}
	return scope, strictly(name, scope)
}

// demonstration opens the arms off and on, inside this process.
func demonstration(ctx context.Context, p *redteam.Plan, fast bool) (map[string]redteam.Target, *redteam.Scope, func(), error) {
	dir, err := os.MkdirTemp("", "bartizan-redteam-")
	if err != nil {
		return nil, nil, nil, err
	}
	open := func() (*app.Range, error) { return app.OpenRange(ctx, dir, version()) }
	if fast {
		open = app.OpenPipelines
	}
	r, err := open()
	if err != nil {
		return nil, nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	closing := func() { _, _ = r.Close(context.WithoutCancel(ctx)), os.RemoveAll(dir) }
	for _, arm := range p.Campaign.Arms {
		if r.Targets[arm] == nil {
			closing()
			return nil, nil, nil, use("the demonstration has the arms off and on, and the campaign wants %q; name --targets", arm)
		}
	}
	return r.Targets, r.Scope, closing, nil
}

// models opens those on the red team's own side. A campaign on the demonstration, which needs nobody's
// leave, still needs a scope for them.
func (c *redteamRun) models(cfg *redteam.RunConfig) (err error) {
	campaign := &cfg.Plan.Campaign
	if campaign.Attacker == nil && campaign.Judge == nil {
		return nil
	}
	if cfg.Attacker, cfg.Judge, err = app.OpenModels(filepath.Dir(c.Campaign), campaign); err != nil {
		return use("%s: %v", c.Campaign, err)
	}
	if c.Targets == "" {
		inside := cfg.Scope.Targets
		if cfg.Scope, err = readScope(c.Scope); cfg.Scope != nil {
			cfg.Scope.Targets = append(cfg.Scope.Targets, inside...)
		}
	}
	return err
}
