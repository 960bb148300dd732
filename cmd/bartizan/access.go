package main

import (
	"fmt"
	"sort"

	"github.com/bartizan-ai/bartizan/app"
	"github.com/bartizan-ai/bartizan/desk"
)

type accessCommand struct {
	Explain accessExplain `cmd:"" help:"Say why a system may or may not use a model or a tool."`
}

type accessExplain struct {
	configFlag
	System string `required:"" help:"Name of the system." placeholder:"NAME"`
	Model  string `help:"A model: may the system call it?" placeholder:"NAME" xor:"target"`
	Tool   string `help:"A tool: may the system offer it, and the model call it?" placeholder:"NAME" xor:"target"`
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
	if target == "" {
		return use("name what is asked for with --model or --tool")
	}
	f, err := c.load()
	if err != nil {
		return err
	}
	permits, err := app.Permits(f)
	if err != nil {
		return &exit{exitUse, err}
	}
	e, err := desk.Explain(permits, c.System, point, target)
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
