package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCommand struct {
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Help is shown by -h.
func (versionCommand) Help() string { return "Example:\n  bartizan version -o json" }

// release is set when a release is built.
var release = "dev"

func version() string { return release }

// Run implements the command.
func (c *versionCommand) Run(s *streams) error {
	commit, modified := "unknown", false
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, b := range info.Settings {
			switch b.Key {
			case "vcs.revision":
				commit = b.Value
			case "vcs.modified":
				modified = b.Value == "true"
			}
		}
	}
	if c.Output == "json" {
		return printJSON(s, map[string]any{"version": release, "commit": commit, "modified": modified, "go": runtime.Version()})
	}
	_, err := fmt.Fprintf(s.out, "bartizan %s, commit %s, %s\n", release, commit, runtime.Version())
	return err
}
