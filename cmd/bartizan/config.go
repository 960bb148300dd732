package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/bartizan-ai/bartizan/app"
	"github.com/bartizan-ai/bartizan/app/config"
)

type configCommand struct {
	Init   configInit   `cmd:"" help:"Write a commented file to start from."`
	Check  configCheck  `cmd:"" help:"Check a file: all faults at once, with their lines."`
	Schema configSchema `cmd:"" help:"Print the JSON Schema of the file."`
}

type configInit struct {
	configFlag
}

// Help is shown by -h.
func (configInit) Help() string { return "Example:\n  bartizan config init -c bartizan.yaml" }

// Run implements the command.
func (c *configInit) Run(s *streams) error {
	f, err := os.OpenFile(c.Config, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return use("%s is there already; name another file with -c", c.Config)
	}
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", c.Config, err)
	}
	if _, err := f.Write(config.Starter()); err != nil {
		return errors.Join(err, f.Close())
	}
	fmt.Fprintf(s.err, "%s is written. Set OPENAI_API_KEY, then: bartizan config check -c %s\n", c.Config, c.Config)
	return f.Close()
}

type configCheck struct {
	configFlag
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Help is shown by -h.
func (configCheck) Help() string { return "Example:\n  bartizan config check -c bartizan.yaml" }

// Run implements the command.
func (c *configCheck) Run(s *streams) error {
	f, err := config.Load(c.Config)
	if err == nil {
		_, err = app.Permits(f)
	}
	var faults *config.Error
	if c.Output == "json" && errors.As(err, &faults) {
		for _, one := range faults.Faults {
			if err := printJSON(s, one); err != nil {
				return err
			}
		}
		return &exit{code: exitUse}
	}
	if err != nil {
		return &exit{exitUse, err}
	}
	for _, n := range f.Notices() {
		fmt.Fprintf(s.err, "%s: notice: %s\n", c.Config, n)
	}
	if c.Output == "json" {
		return nil
	}
	_, err = fmt.Fprintf(s.out, "%s is good. Systems: %d, models: %d, providers: %d.\n", c.Config, len(f.Systems), len(f.Models), len(f.Providers))
	return err
}

type configSchema struct{}

// Help is shown by -h.
func (configSchema) Help() string {
	return "Example:\n  bartizan config schema > bartizan.schema.json"
}

// Run implements the command.
func (configSchema) Run(s *streams) error {
	schema, err := config.Schema()
	if err != nil {
		return err
	}
	e := json.NewEncoder(s.out)
	e.SetIndent("", "  ")
	return e.Encode(schema)
}
