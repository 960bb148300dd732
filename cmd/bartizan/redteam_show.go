package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bartizan-ai/bartizan/app"
	"github.com/bartizan-ai/bartizan/redteam"
)

// dirFlag names the folder of a campaign.
type dirFlag struct {
	Dir string `arg:"" help:"Folder of the campaign."`
}

func (d dirFlag) open() (*redteam.Opened, error) {
	o, err := app.OpenCampaign(d.Dir)
	if err != nil {
		return nil, &exit{exitUse, err}
	}
	return o, nil
}

func (d dirFlag) analysis() (*redteam.Opened, *redteam.Analysis, error) {
	o, err := d.open()
	if err != nil {
		return nil, nil, err
	}
	a, err := redteam.Analyse(d.Dir, o.Plan, nil)
	return o, a, err
}

type redteamReport struct {
	dirFlag
	outputFlag
}

// Help is shown by -h.
func (redteamReport) Help() string { return "Example:\n  bartizan redteam report redteam/default" }

// Run implements the command.
func (c *redteamReport) Run(s *streams) error {
	o, err := c.open()
	if err != nil {
		return err
	}
	_, err = analysed(s, c.Dir, o.Plan, c.Output)
	return err
}

type redteamGate struct {
	dirFlag
	outputFlag
	Baseline string `help:"Folder of a campaign that went before: what got worse fails, too." placeholder:"DIR"`
}

// Help is shown by -h.
func (redteamGate) Help() string {
	return "Example:\n  bartizan redteam gate redteam/default --baseline redteam/last-release\n\nExit code 0: passed. 1: failed. 4: too little was seen to say."
}

// Run implements the command.
func (c *redteamGate) Run(s *streams) error {
	o, a, err := c.analysis()
	if err != nil {
		return err
	}
	var b *redteam.Comparison
	if c.Baseline != "" {
		if b, err = redteam.Compare(c.Baseline, c.Dir, o.Plan.Campaign.Gate.Alpha); err != nil {
			return &exit{exitUse, err}
		}
		if b.Regressed() {
			a.Answer = "fail"
		}
	}
	if c.Output == "json" {
		err = printJSON(s, struct {
			Answer   string              `json:"answer"`
			Reasons  []string            `json:"reasons"`
			Baseline *redteam.Comparison `json:"baseline,omitempty"`
		}{a.Answer, a.Reasons, b})
	} else {
		fmt.Fprintln(s.out, a.Answer)
		for _, r := range a.Reasons {
			fmt.Fprintln(s.out, " ", r)
		}
		if b != nil {
			printComparison(s.out, b)
		}
	}
	if code := map[string]int{"pass": exitGood, "fail": exitFound}[a.Answer]; err == nil && a.Answer != "pass" {
		if a.Answer == "inconclusive" {
			code = exitOpen
		}
		return &exit{code: code}
	}
	return err
}

type redteamCompare struct {
	First  string `arg:"" help:"Folder of the campaign that went before."`
	Second string `arg:"" help:"Folder of the one that came after."`
	outputFlag
}

// Help is shown by -h.
func (redteamCompare) Help() string {
	return "Example:\n  bartizan redteam compare redteam/last-release redteam/default\n\nExit code 1 says that a cell got worse by more than chance."
}

// Run implements the command.
func (c *redteamCompare) Run(s *streams) error {
	b, err := redteam.Compare(c.First, c.Second, .05)
	if err != nil {
		return &exit{exitUse, err}
	}
	if c.Output == "json" {
		err = printJSON(s, b)
	} else {
		printComparison(s.out, b)
	}
	if err == nil && b.Regressed() {
		return &exit{code: exitFound}
	}
	return err
}

func printComparison(w io.Writer, b *redteam.Comparison) {
	fmt.Fprintf(w, "Of the same attacks, %d got through the first alone, %d the second alone, %d both and %d none; %d seeds got better and %d worse, p %.4g.\n",
		b.Fewer, b.More, b.Both, b.Neither, b.Seeds[0], b.Seeds[1], b.P)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "CELL\tBETTER\tWORSE\tP\t")
	for _, k := range b.Cells {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.4g\t%s\n", k.Cell, k.Fewer, k.More, k.P, map[bool]string{true: "got worse"}[k.Worse])
	}
	_ = t.Flush()
}

type redteamReplay struct {
	Key string `arg:"" help:"Key of the attempt, as reports name it."`
	Dir string `help:"Folder of the campaign." default:"redteam/default" placeholder:"DIR"`

	Send    bool   `help:"Send it again, and compare."`
	Targets string `help:"With --send: file of targets by arm; left out: the demonstration." placeholder:"FILE"`
	Scope   string `help:"With --send and --targets: who allowed it." placeholder:"FILE"`
}

// Help is shown by -h.
func (redteamReplay) Help() string {
	return "Example:\n  bartizan redteam replay 3f9c… --dir redteam/default\n\nWithout --send, nothing is sent: the conversations are made again from the key, byte for byte."
}

// Run implements the command.
func (c *redteamReplay) Run(s *streams) error {
	o, err := dirFlag{c.Dir}.open()
	if err != nil {
		return err
	}
	before, err := redteam.Find(c.Dir, c.Key)
	if err != nil {
		return &exit{exitUse, err}
	}
	if !c.Send {
		sent, err := redteam.Remade(o.Plan, before)
		if err != nil {
			return err
		}
		e := json.NewEncoder(s.out)
		e.SetEscapeHTML(false)
		for i := range sent {
			if err := e.Encode(&sent[i]); err != nil {
				return err
			}
		}
		fmt.Fprintf(s.err, "It ended as %s; %s says %s.\n", before.Outcome, before.Score.Scorer, before.Score.Verdict)
		if before.Error != "" {
			fmt.Fprintln(s.err, "Our own side ended it:", before.Error)
		}
		return nil
	}
	ctx := context.Background()
	targets, scope, closing, err := opened(ctx, o.Plan, ground{c.Targets, c.Scope, strings.HasPrefix(o.Targets[before.Arm], "inside://policy/")})
	if err != nil {
		return err
	}
	defer closing()
	base, err := redteam.ReadBaseline(c.Dir)
	if err != nil {
		return err
	}
	scorers, err := app.ScorersOf(&o.Plan.Campaign, base)
	if err != nil {
		return err
	}
	got, err := redteam.Replay(ctx, c.Dir, o.Plan, before.Key, targets[before.Arm], scope, scorers)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "before: %s, %s\nnow:    %s, %s\n", got.Before.Outcome, got.Before.Score.Verdict, got.After.Outcome, got.After.Score.Verdict)
	if !got.Same {
		return &exit{code: exitFound}
	}
	return nil
}

type redteamRescore struct {
	dirFlag
	outputFlag
}

// Help is shown by -h.
func (redteamRescore) Help() string {
	return "Example:\n  bartizan redteam rescore redteam/default\n\nExit code 1 says that something is judged otherwise now."
}

// Run implements the command.
func (c *redteamRescore) Run(s *streams) error {
	o, err := c.open()
	if err != nil {
		return err
	}
	base, err := redteam.ReadBaseline(c.Dir)
	if err != nil {
		return err
	}
	scorers, err := app.ScorersOf(&o.Plan.Campaign, base)
	if err != nil {
		return err
	}
	r, err := redteam.Rescore(context.Background(), c.Dir, o.Plan, scorers)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		err = printJSON(s, r)
	} else {
		fmt.Fprintf(s.out, "%d attempts, %d of which are judged otherwise now.\n", r.Attempts, len(r.Changed))
		for _, k := range r.Changed {
			fmt.Fprintf(s.out, "%s  %s, now %s by %s\n", k.Key, k.Before, k.After, k.Scorer)
		}
	}
	if err == nil && len(r.Changed) > 0 {
		return &exit{code: exitFound}
	}
	return err
}

type redteamDecide struct {
	dirFlag
	Key     string `arg:"" help:"Key of the attempt."`
	Verdict string `arg:"" enum:"hit,miss,unknown" help:"hit, miss or unknown."`
	Reason  string `required:"" help:"Why." placeholder:"TEXT"`
}

// Help is shown by -h.
func (redteamDecide) Help() string {
	return "Example:\n  bartizan redteam decide redteam/default 3f9c… miss --reason \"quotes the question\""
}

// Run implements the command.
func (c *redteamDecide) Run(s *streams) error {
	r, err := redteam.Find(c.Dir, c.Key)
	if err != nil {
		return &exit{exitUse, err}
	}
	by := "somebody"
	if u, err := user.Current(); err == nil {
		by = u.Username
	}
	if err := redteam.Decide(c.Dir, redteam.Dispute{Key: r.Key, Verdict: redteam.Verdict(c.Verdict), By: by, Reason: c.Reason, At: time.Now().UTC()}); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "%s is a %s now; it was a %s.\n", r.Key, c.Verdict, r.Score.Verdict)
	return nil
}

type redteamImport struct {
	Files  []string `arg:"" help:"Files of other tools."`
	Format string   `help:"Which format; left out: found out." placeholder:"FORMAT"`
	Out    string   `help:"File to write; - is standard output." default:"-" placeholder:"FILE"`
}

// Help is shown by -h.
func (redteamImport) Help() string {
	return "Example:\n  bartizan redteam import harmbench.csv --out seeds.jsonl\n  bartizan redteam run --seeds seeds.jsonl\n\nFormats: " + strings.Join(app.ImportFormats, ", ")
}

// Run implements the command.
func (c *redteamImport) Run(s *streams) error {
	w := s.out
	if c.Out != "-" {
		f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		w = f
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	n := 0
	for _, name := range c.Files {
		list, err := app.ImportSeeds(c.Format, name)
		if err != nil {
			return &exit{exitUse, err}
		}
		for i := range list {
			if err := e.Encode(&list[i]); err != nil {
				return err
			}
		}
		n += len(list)
	}
	fmt.Fprintf(s.err, "%d seeds. Check the licence of each source before you share them.\n", n)
	return nil
}

type redteamExport struct {
	dirFlag
	Format string `required:"" help:"jsonl, html, junit, sarif, pyrit, promptfoo or csv." placeholder:"FORMAT"`
	Out    string `help:"File to write; - is standard output." default:"-" placeholder:"FILE"`
	Full   bool   `help:"With the words of attacks and answers, which are left out otherwise."`
}

// Help is shown by -h.
func (redteamExport) Help() string {
	return "Example:\n  bartizan redteam export redteam/default --format sarif --out redteam.sarif"
}

// Run implements the command.
func (c *redteamExport) Run(s *streams) (err error) {
	o, a, err := c.analysis()
	if err != nil {
		return err
	}
	w := s.out
	if c.Out != "-" {
		f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		w = f
	}
	if err := app.ExportCampaign(c.Format, w, c.Dir, o.Plan, a, c.Full, version()); err != nil {
		return &exit{exitUse, err}
	}
	return nil
}

func printPlan(s *streams, p *redteam.Plan) {
	c := p.Campaign
	arms := "arms"
	if len(c.Arms) == 1 {
		arms = "arm"
	}
	fmt.Fprintf(s.out, "Campaign %s: %d attempts, %s %s; at most %d requests and %d tokens", c.Name, p.Attempts, arms, strings.Join(c.Arms, ", "), p.Requests, p.Tokens)
	for _, m := range []struct {
		name  string
		takes redteam.Usage
	}{{"attacker", p.Attacker}, {"judge", p.Judge}} {
		if m.takes.Requests > 0 {
			fmt.Fprintf(s.out, ", of these %d and %d for the %s", m.takes.Requests, m.takes.Input+m.takes.Output, m.name)
		}
	}
	if p.Cost > 0 {
		fmt.Fprintf(s.out, ", %.4f in money", float64(p.Cost)/1e6)
	}
	if p.Takes > 0 {
		fmt.Fprintf(s.out, ", at least %s", p.Takes.Round(time.Second))
	}
	fmt.Fprintln(s.out, ".")
	if p.Cut > 0 {
		fmt.Fprintf(s.out, "%d attempts are left out, because the budget is for fewer.\n", p.Cut)
	}
	if _, known := c.Judges["judge@1"]; c.Judge != nil && !known {
		fmt.Fprintln(s.out, "Nothing says how often the judge errs, so that its verdicts count as if it never did; measure it with bartizan redteam measure judge@1.")
	}
	t := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "CELL\tATTEMPTS\tSEEDS\tLIMIT\tSHOWN AT BEST\tSEEN FROM\tSEEDS TO PASS")
	for _, k := range p.Cells {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.1f %%\t%.1f %%\t%.1f %%\t%d\n", k.Cell, k.Attempts, k.Seeds, 100*k.Limit, 100*k.Bound, 100*k.Detectable, k.Needed)
	}
	_ = t.Flush()
}

func printAnalysis(s *streams, a *redteam.Analysis) {
	for _, m := range a.Arms {
		fmt.Fprintf(s.out, "\n%s: %d of %d attacks got through (%.1f %%, %.1f to %.1f); %d blocked, %d refused, %d unknown, %d failed\n", m.Arm, m.Attacks.Hits, m.Attacks.Tries(), 100*m.Attacks.Rate, 100*m.Attacks.Low, 100*m.Attacks.High,
			m.Attacks.Blocked, m.Attacks.Refused, m.Attacks.Unknown, m.Attacks.Errors)
		t := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
		for _, c := range m.Cells {
			fmt.Fprintf(t, "  %s\t%d of %d\t%.1f %%\t%.1f to %.1f\t%s\n", c.Cell, c.Hits, c.Tries(), 100*c.Rate, 100*c.Low, 100*c.High, c.Answer)
		}
		_ = t.Flush()
	}
	if p := a.Pairs; p != nil {
		fmt.Fprintf(s.out, "\nThe same attacks: %d got through %s alone, %d through %s alone, %d both, %d none; p %.4g over seeds.\n", p.Fewer, p.First, p.More, p.Last, p.Both, p.Neither, p.P)
	}
	if why := a.Failing(); len(why) > 0 {
		fmt.Fprintf(s.out, "\n%s\n", strings.Join(why, "\n"))
	}
	fmt.Fprintf(s.out, "\nGate: %s\n", a.Answer)
	for _, r := range a.Reasons {
		fmt.Fprintln(s.out, " ", r)
	}
	if n := len(a.Waiting); n > 0 {
		fmt.Fprintf(s.out, "%d attempts wait for a person: bartizan redteam decide\n", n)
	}
}
