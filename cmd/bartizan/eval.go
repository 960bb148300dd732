package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/guard/train"
)

type evalCommand struct {
	Guard    evalGuard    `cmd:"" help:"Measure the guard on labelled texts."`
	Entities evalEntities `cmd:"" help:"Measure what is found of personal data in labelled texts."`
}

type evalGuard struct {
	Data   string `required:"" help:"Folder with train and dev, or with files *.jsonl.gz." placeholder:"DIR"`
	Split  string `enum:"dev,train" default:"dev" help:"dev or train, where the folder has both."`
	Config string `short:"c" help:"Configuration that has the policy." placeholder:"FILE"`
	Policy string `default:"standard" help:"Name of the policy." placeholder:"NAME"`
	By     string `enum:"all,source,category,lang,origin" default:"all" help:"Rows: all, source, category, lang or origin."`
	Quick  bool   `help:"Leave out the measurement on unseen sources, which learns six models (about a minute)."`
	HTML   string `name:"html" help:"Write a page with plots, too." placeholder:"FILE"`
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Help is shown by -h.
func (evalGuard) Help() string {
	return "Example:\n  bartizan eval guard --data data/guard --by source --html guard.html\n\nThree parts. 'policy': what the policy does with the texts of the split; 'hits' are texts that are held or blocked (of secrets and personal data: masked, too), with the 95 % interval of their rate. 'unseen sources': what models say of texts when they have learnt from no text of the same source, at the lines that 1 %, .3 % and .1 % of harmless texts exceed. The split: what the shipped models say of its texts at the same lines."
}

// measured is what the command prints as JSON.
type measured struct {
	Policy  []guard.Tally  `json:"policy"`
	Reports []train.Report `json:"reports"`
	// Shipped says whether learning from the data gave the file that this program holds; null
	// where it was not tried.
	Shipped *bool `json:"shipped_reproduced"`
}

// Run implements the command.
func (c *evalGuard) Run(s *streams) error {
	policy, err := (&inspectCommand{Config: c.Config, Policy: c.Policy}).policy(s)
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	tell := progress(s)
	dir := split(c.Data, c.Split)
	var out measured
	if out.Policy, err = policy.Evaluate(ctx, dir, func(file string) { tell("judging "+file, 0, 1) }); err != nil {
		return stopped(err)
	}
	learnt, err := train.Shipped()
	if err != nil {
		return err
	}
	if from := split(c.Data, "train"); !c.Quick {
		o, err := train.Guard(ctx, train.Config{Data: from, Progress: tell})
		if err != nil {
			return stopped(err)
		}
		same, err := o.Same(learnt)
		if err != nil {
			return err
		}
		out.Shipped = &same
		out.Reports = append(out.Reports, train.Measure("unseen sources", o.Texts, o.Model.Card.Lines))
	}
	scored, err := train.Score(ctx, train.Config{Data: dir, Progress: tell}, learnt)
	if err != nil {
		return stopped(err)
	}
	out.Reports = append(out.Reports, train.Measure(c.Split, scored, learnt.Card.Lines))
	if c.HTML != "" {
		if err := c.page(&out); err != nil {
			return err
		}
	}
	if c.Output == "json" {
		return printJSON(s, out)
	}
	return c.text(s, &out)
}

// page writes the reports as a page that needs nothing else.
func (c *evalGuard) page(out *measured) error {
	f, err := os.Create(c.HTML)
	if err != nil {
		return use("%s cannot be written: %v", c.HTML, err)
	}
	return errors.Join(train.Page(f, out.Reports), f.Close())
}

func (c *evalGuard) text(s *streams, out *measured) error {
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "policy %s on %s\n\nFILE\tLABEL\tVALUE\tN\tHITS\tRATE\t95 %%\tACTED\tMARKED\n", c.Policy, c.Split)
	for _, r := range out.Policy {
		if r.By != c.By {
			continue
		}
		n := float64(r.N)
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%.2f %%\t%.2f–%.2f\t%.2f %%\t%.2f %%\n", r.File, r.Label, r.Value, r.N, r.Hits(),
			100*float64(r.Hits())/n, 100*r.Low, 100*r.High, 100*float64(r.Acted)/n, 100*float64(r.Marked)/n)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i := range out.Reports {
		if err := out.Reports[i].Text(s.out, c.By); err != nil {
			return err
		}
	}
	if out.Shipped != nil {
		fmt.Fprintf(s.out, "\nlearning from these texts gives the file that is shipped: %v\n", *out.Shipped)
	}
	return nil
}
