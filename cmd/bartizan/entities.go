package main

import (
	"context"
	"encoding"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/bartizan-ai/bartizan/mask/train"
)

type trainEntities struct {
	Data   string `required:"" help:"Folder with train, or with files *.jsonl.gz." placeholder:"DIR"`
	Out    string `required:"" help:"File to write." placeholder:"FILE"`
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Help is shown by -h.
func (trainEntities) Help() string {
	return "Example:\n  bartizan train entities --data data/guard --out names/names.model\n\nThe same texts give the same bytes. What it is worth, `bartizan eval entities` says."
}

// Run implements the command.
func (c *trainEntities) Run(s *streams) error {
	var out *train.Outcome
	n, err := learn(c.Out, func(ctx context.Context) (m encoding.BinaryMarshaler, err error) {
		if out, err = train.Names(ctx, train.Config{Data: split(c.Data, "train"), Progress: progress(s)}); err != nil {
			return nil, err
		}
		return out.Model, nil
	})
	if err != nil {
		return err
	}
	if c.Output == "json" {
		return printJSON(s, map[string]any{"file": c.Out, "bytes": n, "data": out.Data})
	}
	fmt.Fprintf(s.out, "%s: %d bytes, of texts %s\n", c.Out, n, out.Data)
	return nil
}

type evalEntities struct {
	Data   string `required:"" help:"Folder with train and dev, or with files *.jsonl.gz." placeholder:"DIR"`
	Split  string `enum:"dev,train" default:"dev" help:"dev or train, where the folder has both."`
	By     string `enum:"kind,lang,source" default:"kind" help:"Rows: kind, or each kind by lang or source."`
	Quick  bool   `help:"Leave out the measurement on texts that were not learnt from, which learns five models (a few minutes)."`
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Help is shown by -h.
func (evalEntities) Help() string {
	return "Example:\n  bartizan eval entities --data data/guard --by lang\n\nTwo parts. 'unseen texts': names as models find them that have not seen the text, nor any text of its source. The split: what this program finds in its texts, by shape and by the shipped recogniser. A value counts as found when half of it is covered by a find of its kind; EXACT are those found to the byte, COVERED those under finds of any kind. Harmless texts are those in which there is nothing to find."
}

// found is what the command prints as JSON.
type found struct {
	Reports []train.Report `json:"reports"`
	// Shipped says whether learning from the data gave the file that this program holds; null
	// where it was not tried.
	Shipped *bool `json:"shipped_reproduced"`
}

// Run implements the command.
func (c *evalEntities) Run(s *streams) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	learnt, err := train.Shipped()
	if err != nil {
		return err
	}
	var out found
	if !c.Quick {
		cfg := train.Config{Data: split(c.Data, "train"), Progress: progress(s)}
		unseen, err := train.Unseen(ctx, cfg)
		if err != nil {
			return stopped(err)
		}
		out.Reports = append(out.Reports, train.MakeReport("unseen texts", unseen))
		o, err := train.Names(ctx, cfg)
		if err != nil {
			return stopped(err)
		}
		same, err := o.Same(learnt)
		if err != nil {
			return err
		}
		out.Shipped = &same
	}
	texts, err := train.Load(split(c.Data, c.Split))
	if err != nil {
		return stopped(err)
	}
	out.Reports = append(out.Reports, train.MakeReport(c.Split, train.Score(texts, learnt)))
	if c.Output == "json" {
		return printJSON(s, out)
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
