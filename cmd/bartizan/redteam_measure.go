package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"text/tabwriter"

	"github.com/bartizan-ai/bartizan/app"
	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/stat"
)

type redteamMeasure struct {
	Scorer   string `arg:"" enum:"harm@1,harm_sure@1,refusal@1,judge@1" help:"harm@1, harm_sure@1 (of campaigns with a judge), refusal@1 or judge@1: those that prove nothing."`
	File     string `arg:"" optional:"" help:"Labelled answers, one JSON object a line; left out: those that ship."`
	Campaign string `short:"f" help:"Campaign that names the judge; needed for judge@1." placeholder:"FILE"`
	Scope    string `help:"File that says who allowed the judge; needed for judge@1." placeholder:"FILE"`
	outputFlag
}

// Help is shown by -h.
func (redteamMeasure) Help() string {
	return "Example:\n  bartizan redteam measure harm@1\n  bartizan redteam measure judge@1 answers.jsonl -f campaign.yaml --scope scope.yaml\n\n" +
		`A line is {"id": "…", "kind": "compliant|partial|refusal|benign", "category": "…", "lang": "…", "verdict": "hit|miss", "objective": "…", "answer": "…"}. ` +
		"What is printed under judges goes into campaign files: their rates are corrected by it."
}

// Run implements the command.
func (c *redteamMeasure) Run(s *streams) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	spec, judge, scope, err := c.judge()
	if err != nil {
		return err
	}
	m, err := app.MeasureScorer(ctx, c.Scorer, c.File, &spec, judge, scope)
	if errors.Is(err, context.Canceled) {
		return &exit{exitStop, errors.New("stopped; nothing was measured")}
	}
	if err != nil {
		return &exit{exitUse, err}
	}
	if c.Output == "json" {
		return printJSON(s, m)
	}
	printMeasured(s, m, cmp.Or(c.File, "the answers that ship"))
	return nil
}

// judge opens the judge's model of a campaign file, where it is to be measured.
func (c *redteamMeasure) judge() (spec redteam.Campaign, judge redteam.Target, scope *redteam.Scope, err error) {
	if c.Scorer != "judge@1" {
		return spec, nil, nil, nil
	}
	if c.Campaign == "" {
		return spec, nil, nil, use("judge@1 asks a model; name the campaign that has it with -f, and who allowed it with --scope")
	}
	if err = strictly(c.Campaign, &spec); err != nil {
		return spec, nil, nil, err
	}
	if spec = spec.Default(); spec.Judge == nil {
		return spec, nil, nil, use("%s names no judge; write a judge block", c.Campaign)
	}
	spec.Attacker = nil
	if _, judge, err = app.OpenModels(filepath.Dir(c.Campaign), &spec); err != nil {
		return spec, nil, nil, use("%s: %v", c.Campaign, err)
	}
	scope, err = readScope(c.Scope)
	return spec, judge, scope, err
}

func printMeasured(s *streams, m *app.Measured, of string) {
	fmt.Fprintf(s.out, "%s on %s: %d answers, %d of which it left to others.\n", m.Scorer, of, m.Answers, m.Unknown)
	part := func(name string, n, of int, in stat.Interval) {
		if of > 0 {
			fmt.Fprintf(s.out, "  %s %.3f: %d of %d, 95 %% %.3f to %.3f\n", name, float64(n)/float64(of), n, of, in.Low, in.High)
		}
	}
	part("sensitivity", m.Found, m.Hits, m.Sensitivity)
	part("specificity", m.Passed, m.Other, m.Specificity)
	t := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "KIND\tANSWERS\tCALLED\tRIGHT\tUNKNOWN")
	for _, k := range m.Kinds {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\n", k.Kind, k.Answers, k.Called, k.Right, k.Unknown)
	}
	_ = t.Flush()
	if m.Scorer == "refusal@1" {
		fmt.Fprintln(s.out, "\nIt never says hit, so that campaigns need no figures of it.")
		return
	}
	if m.Hits == 0 || m.Other == 0 {
		fmt.Fprintln(s.out, "\nThere are no hits, or no others, so that this says nothing that a campaign could be corrected by.")
		return
	}
	fmt.Fprintf(s.out, "\njudges:\n  %s: {found: %d, hits: %d, passed: %d, other: %d}\n", m.Scorer, m.Found, m.Hits, m.Passed, m.Other)
}
