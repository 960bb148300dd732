package main

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/bartizan-ai/bartizan/app"
	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/record"
)

type accessCommand struct {
	Explain accessExplain `cmd:"" help:"Say why a system may or may not use a model or a tool."`
}

type accessExplain struct {
	configFlag
	System string `required:"" help:"Name of the system." placeholder:"NAME"`
	Model  string `help:"A model: may the system call it?" placeholder:"NAME" xor:"target"`
	Tool   string `help:"A tool: may the system offer it, and the model call it?" placeholder:"NAME" xor:"target"`

	Provider string `help:"A provider: may it have a call of the system?" placeholder:"NAME" xor:"target"`
	Label    string `help:"With --provider: how the call is labelled; left out: the second label." placeholder:"LABEL"`

	Purpose string `help:"With --provider: what the call is for; left out: the first purpose of the system." placeholder:"WORD"`

	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Help is shown by -h.
func (accessExplain) Help() string {
	return "Example:\n  bartizan access explain --system support-bot --model fast\n\nExit code 1 says that it is not allowed."
}

// Run implements the command.
func (c *accessExplain) Run(s *streams) error {
	point, target := "admit", c.Model
	if c.Tool != "" {
		point, target = "use_tool", c.Tool
	}
	if c.Provider != "" {
		point, target = "release", c.Provider
	}
	if target == "" {
		return use("name what is asked for with --model, --tool or --provider")
	}
	f, err := c.load()
	if err != nil {
		return err
	}
	about, err := c.about(f)
	if err != nil {
		return err
	}
	permits, err := app.Permits(f)
	if err != nil {
		return &exit{exitUse, err}
	}
	e, err := desk.Explain(permits, c.System, point, target, about)
	if err != nil {
		return &exit{exitUse, err}
	}
	if c.Output == "json" {
		err = printJSON(s, e)
	} else {
		printExplanation(s, e)
	}
	if err == nil && !e.Permit.Allowed {
		return &exit{code: exitFound}
	}
	return err
}

// about is what permits may look at when a provider is to have a call.
func (c *accessExplain) about(f *config.File) (map[string]string, error) {
	if c.Provider == "" {
		return nil, nil
	}
	p, ok := f.Providers[c.Provider]
	if !ok {
		return nil, use("there is no provider %s in the configuration", c.Provider)
	}
	label := f.Order()[1]
	if c.Label != "" {
		l, err := f.Classes()
		if err != nil {
			return nil, &exit{exitUse, err}
		}
		named, ok := l.Parse(c.Label)
		if !ok {
			return nil, use("--label is none; the labels are %s", strings.Join(f.Order(), ", "))
		}
		label = l.Name(named)
	}
	purpose := c.Purpose
	if sys := (record.System{Purpose: f.Systems[c.System].Purpose, Purposes: f.Systems[c.System].Purposes}); purpose == "" {
		purpose = sys.Serves()[0]
	} else if !slices.Contains(sys.Serves(), purpose) {
		return nil, use("--purpose is none that the system serves; it serves %s", strings.Join(sys.Serves(), ", "))
	}
	return map[string]string{"label": label, "region": p.Handling.Region, "training": p.Handling.Training, "purpose": purpose}, nil
}

func printExplanation(s *streams, e desk.Explanation) {
	verb := "may not"
	if e.Permit.Allowed {
		verb = "may"
	}
	fmt.Fprintf(s.out, "%s %s %s %s.\n", e.System, verb, e.Permit.Point, e.Permit.Target)
	if len(e.Permit.Reasons) == 0 {
		fmt.Fprintln(s.out, "No permit allows it, and what no permit allows is denied.")
	}
	ids := e.Permit.Reasons
	sort.Strings(ids)
	for _, id := range ids {
		fmt.Fprintf(s.out, "\n%s\n%s\n", id, e.Permits[id])
	}
	for _, err := range e.Permit.Errors {
		fmt.Fprintf(s.out, "\nA permit erred, which denies: %s\n", err)
	}
}
