package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bartizan-ai/bartizan/ledger"
)

type ledgerCommand struct {
	Verify ledgerVerify `cmd:"" help:"Verify a ledger offline: nothing lost, nothing rewritten."`
	Prove  ledgerProve  `cmd:"" help:"Prove that one exchange or act is in the log."`
	Export ledgerExport `cmd:"" help:"Write the records out, without content."`
}

// dataFlag names a data folder; it may be read while a server is using it.
type dataFlag struct {
	Data string `required:"" help:"Data folder of the deployment, or a copy of it." placeholder:"DIR"`
}

// ledger returns the ledger's folder and that of the keys, "" where there is none.
func (d dataFlag) ledger() (dir, keys string, err error) {
	dir = filepath.Join(d.Data, "ledger")
	if _, err := os.Stat(dir); err != nil {
		if _, err := os.Stat(filepath.Join(d.Data, "journal")); err != nil {
			return "", "", use("there is no ledger in %s; name the data folder that holds one", d.Data)
		}
		dir = d.Data
	}
	if keys = filepath.Join(filepath.Dir(dir), "keys"); !isDir(keys) {
		keys = ""
	}
	return dir, keys, nil
}

func isDir(path string) bool {
	i, err := os.Stat(path)
	return err == nil && i.IsDir()
}

type ledgerVerify struct {
	dataFlag
	Receipt    string `help:"A receipt or a proof: its promise must be kept." placeholder:"FILE" type:"existingfile"`
	Checkpoint string `help:"An older checkpoint: the log must have grown from it." placeholder:"FILE" type:"existingfile"`
	Key        string `help:"The log's public key, as known from elsewhere." placeholder:"KEY"`
	Output     string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Help is shown by -h.
func (ledgerVerify) Help() string {
	return "Example:\n  bartizan ledger verify --data /var/lib/bartizan\n\nExit code 1 says that something is wrong; the report says where."
}

// Run implements the command.
func (c *ledgerVerify) Run(s *streams) error {
	dir, keys, err := c.ledger()
	if err != nil {
		return err
	}
	cfg := ledger.VerifyConfig{Dir: dir, KeyDir: keys, Key: c.Key}
	for file, to := range map[string]*[]byte{c.Receipt: &cfg.Receipt, c.Checkpoint: &cfg.Checkpoint} {
		if file == "" {
			continue
		}
		if *to, err = os.ReadFile(file); err != nil {
			return fmt.Errorf("%s cannot be read: %w", file, err)
		}
	}
	r, err := ledger.Verify(context.Background(), cfg)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		err = printJSON(s, r)
	} else {
		printReport(s, &r)
	}
	if err == nil && !r.OK() {
		return &exit{code: exitFound}
	}
	return err
}

func printReport(s *streams, r *ledger.Report) {
	for _, f := range r.Faults {
		fmt.Fprintln(s.out, f)
	}
	verdict := "verified"
	if !r.OK() {
		verdict = "NOT verified"
	}
	witness := "unwitnessed: only an outside witness could show that the whole log was not replaced"
	if r.Witnessed {
		witness = "witnessed"
	}
	fmt.Fprintf(s.out, "%s: %d leaves of log %s, %d exchanges (%d interrupted, %d synthetic), %d acts, %d records opened, %d compared sealed\n",
		verdict, r.Size, r.Origin, r.Exchanges, r.Interrupted, r.Synthetic, r.Acts, r.Opened, r.Sealed)
	fmt.Fprintln(s.out, witness)
	for _, n := range r.Notes {
		fmt.Fprintln(s.out, n)
	}
}

type ledgerProve struct {
	dataFlag
	ID string `arg:"" help:"Id of an exchange (ex_…) or act (act_…)."`
}

// Help is shown by -h.
func (ledgerProve) Help() string {
	return "Example:\n  bartizan ledger prove --data /var/lib/bartizan ex_0197… > proof.json\n  bartizan ledger verify --data /var/lib/bartizan --receipt proof.json"
}

// Run implements the command.
func (c *ledgerProve) Run(s *streams) error {
	dir, _, err := c.ledger()
	if err != nil {
		return err
	}
	p, err := ledger.Prove(context.Background(), dir, c.ID)
	if errors.Is(err, ledger.ErrNotYet) {
		return &exit{exitFound, fmt.Errorf("%s is not in the log; a call that just ended is within a second", c.ID)}
	}
	if err != nil {
		return err
	}
	return printJSON(s, p)
}

type ledgerExport struct {
	dataFlag
	Format string `enum:"jsonl,ocsf,ecs,cef" default:"jsonl" help:"jsonl, ocsf, ecs or cef."`
}

// Help is shown by -h.
func (ledgerExport) Help() string {
	return "Example:\n  bartizan ledger export --data /var/lib/bartizan --format ecs > records.jsonl"
}

// Run implements the command.
func (c *ledgerExport) Run(s *streams) error {
	dir, _, err := c.ledger()
	if err != nil {
		return err
	}
	return ledger.Export(context.Background(), dir, c.Format, s.out)
}
