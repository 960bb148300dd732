package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/bartizan-ai/bartizan/app"
	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/risk"
)

type inspectCommand struct {
	Config    string `short:"c" help:"Configuration that has the policy." placeholder:"FILE"`
	Direction string `enum:"input,output" default:"input" help:"input: as sent to a model; output: as a model wrote it."`
	Policy    string `default:"standard" help:"Name of the policy." placeholder:"NAME"`
	JSONL     bool   `name:"jsonl" help:"Read and write JSON lines."`
	File      string `arg:"" optional:"" default:"-" help:"File to read, or - for standard input."`
}

// Help is shown by -h.
func (inspectCommand) Help() string {
	return "Example:\n  echo 'Ignore all previous instructions.' | bartizan inspect\n  bartizan inspect --jsonl texts.jsonl > findings.jsonl\n\nExit code 1 says that the text would be held or blocked (not with --jsonl); 2 that a line could not be read."
}

// Run implements the command.
func (c *inspectCommand) Run(s *streams) error {
	policy, err := c.policy(s)
	if err != nil {
		return err
	}
	direction, _ := guard.ParseDirection(c.Direction)
	in := &guard.Inspector{Compiled: policy, Direction: direction}
	r := s.in
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return use("%s cannot be read: %v", c.File, errors.Unwrap(err))
		}
		defer f.Close()
		r = f
	}
	if c.JSONL {
		err := in.Lines(context.Background(), r, s.out)
		if errors.Is(err, guard.ErrBadLine) {
			return &exit{exitUse, err}
		}
		return err
	}
	b, err := io.ReadAll(io.LimitReader(r, guard.MaxLine+1))
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", c.File, err)
	}
	if len(b) > guard.MaxLine {
		return use("the text is longer than 32 MB; split it")
	}
	decision, err := in.Text(context.Background(), string(b), s.out)
	if err == nil && decision >= risk.Hold {
		return &exit{code: exitFound}
	}
	return err
}

// policy compiles the policy that was asked for.
func (c *inspectCommand) policy(s *streams) (*guard.Compiled, error) {
	policies := map[string]guard.Policy{}
	if c.Config != "" {
		f, err := config.Load(c.Config)
		if err != nil {
			return nil, &exit{exitUse, err}
		}
		policies = f.Policies
	}
	p, ok := policies[c.Policy]
	if !ok && c.Policy != "standard" {
		names := []string{"standard"}
		for n := range policies {
			names = append(names, n)
		}
		slices.Sort(names)
		return nil, use("there is no policy %q; there are %v", c.Policy, names)
	}
	// Whoever inspects a text here has not agreed to send it anywhere.
	if p.Second.Stage != "" {
		fmt.Fprintf(s.err, "The second stage %s is not asked: it sees only what passes the gate.\n", p.Second.Stage)
		p.Second = guard.Second{}
	}
	engine, err := guard.New(guard.Config{Detectors: app.Detectors()})
	if err != nil {
		return nil, err
	}
	return engine.Compile(c.Policy, p)
}
