package main

import (
	"context"
	"fmt"
	"os/signal"
	"path/filepath"
	"syscall"
	"text/tabwriter"
)

type evalCommand struct {
	Guard evalGuard `cmd:"" help:"Measure the guard on labelled texts."`
}

type evalGuard struct {
	Data   string `required:"" help:"Folder with train and dev, or with files *.jsonl.gz." placeholder:"DIR"`
	Split  string `enum:"dev,train" default:"dev" help:"dev or train, where the folder has both."`
	Config string `short:"c" help:"Configuration that has the policy." placeholder:"FILE"`
	Policy string `default:"standard" help:"Name of the policy." placeholder:"NAME"`
	By     string `enum:"all,source,category,lang" default:"all" help:"Rows: all, source, category or lang."`
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Help is shown by -h.
func (evalGuard) Help() string {
	return "Example:\n  bartizan eval guard --data data/guard --by source\n\n'hits' are texts that are held or blocked (of secrets and personal data: masked, too), with the 95 % interval of their rate; 'acted' adds those that are masked, 'marked' those that are flagged."
}

// Run implements the command.
func (c *evalGuard) Run(s *streams) error {
	policy, err := (&inspectCommand{Config: c.Config, Policy: c.Policy}).policy()
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	dir := c.Data
	if isDir(filepath.Join(dir, c.Split)) {
		dir = filepath.Join(dir, c.Split)
	}
	rows, err := policy.Evaluate(ctx, dir, func(file string) { fmt.Fprintln(s.err, file) })
	if err != nil {
		return &exit{exitUse, err}
	}
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	if c.Output == "text" {
		fmt.Fprintln(w, "FILE\tLABEL\tVALUE\tN\tHITS\tRATE\t95 %\tACTED\tMARKED")
	}
	for _, r := range rows {
		if r.By != c.By {
			continue
		}
		if c.Output == "json" {
			if err := printJSON(s, r); err != nil {
				return err
			}
			continue
		}
		n := float64(r.N)
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%.2f %%\t%.2f–%.2f\t%.2f %%\t%.2f %%\n", r.File, r.Label, r.Value, r.N, r.Hits(),
			100*float64(r.Hits())/n, 100*r.Low, 100*r.High, 100*float64(r.Acted)/n, 100*float64(r.Marked)/n)
	}
	return w.Flush()
}
