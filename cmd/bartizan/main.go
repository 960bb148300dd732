// Command bartizan lets an organisation use generative AI safely: a gate between
// people, apps and agents on one side and any model on the other, with a ledger
// that nobody can rewrite and a console that shows why.
//
//	bartizan demo                          everything embedded, nothing to configure
//	bartizan serve -c bartizan.yaml        the gate, admin API and console
//
// Exit codes: 0 done and good, 1 done and something was found, 2 wrong use or bad
// input, 3 could not finish, 4 inconclusive.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitGood  = 0
	exitFound = 1
	exitUse   = 2
	exitStop  = 3
	exitOpen  = 4 // a gate that cannot say
)

// commands is the command line.
type commands struct {
	Demo   demoCommand   `cmd:"" help:"Run everything embedded, with a sample system and the practice model."`
	Serve  serveCommand  `cmd:"" help:"Run the gate, the admin API and the console."`
	Config configCommand `cmd:"" help:"Write, check or describe a configuration."`
	Keys   keysCommand   `cmd:"" help:"Make, list and revoke the credentials of systems."`

	Providers providersCommand `cmd:"" help:"List what providers do with data, and approve what changed."`
	Access    accessCommand    `cmd:"" help:"Say why a system may or may not do something."`
	Console   consoleCommand   `cmd:"" help:"Make a one-time link to the console."`
	Inspect   inspectCommand   `cmd:"" help:"Look at text with the guard."`
	Eval      evalCommand      `cmd:"" help:"Measure detection on labelled texts."`
	Train     trainCommand     `cmd:"" help:"Learn the models that ship with the guard."`
	Ledger    ledgerCommand    `cmd:"" help:"Verify, prove and export the ledger."`
	Privacy   privacyCommand   `cmd:"" help:"Find, export and erase a subject's data; holds, consents, keys and notices."`
	Redteam   redteamCommand   `cmd:"" help:"Attack a system that you may attack, and measure how often it fails."`
	Version   versionCommand   `cmd:"" help:"Say what this binary is."`
}

// streams is where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// exit is an error that chose its exit code. Silent ones were said already.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// use says that a command was used wrongly.
func use(format string, args ...any) error { return &exit{exitUse, fmt.Errorf(format, args...)} }

func main() { os.Exit(run(os.Args[1:], &streams{os.Stdin, os.Stdout, os.Stderr})) }

// run runs one command line and returns its exit code.
func run(args []string, s *streams) (code int) {
	var c commands
	ended := -1
	k, err := kong.New(&c, kong.Name("bartizan"), kong.Description("Use any generative AI safely."), kong.UsageOnError(),
		kong.Writers(s.out, s.err), kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Exit(func(code int) { ended = code; panic(parsed{}) }), kong.Bind(s))
	if err != nil {
		fmt.Fprintln(s.err, "bartizan:", err)
		return exitStop
	}
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(parsed); !ok {
				panic(p)
			}
			code = ended
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	ctx, err := k.Parse(args)
	if err != nil {
		fmt.Fprintf(s.err, "bartizan: %s; see `bartizan %s-h`\n", err, command(args))
		return exitUse
	}
	return report(s, ctx.Run(s))
}

// parsed unwinds after help was printed.
type parsed struct{}

// command is the part of a command line that names the command.
func command(args []string) string {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		for _, known := range []string{"demo", "serve", "config", "keys", "providers", "access", "console", "inspect", "eval", "train", "ledger", "privacy", "redteam", "version"} {
			if args[0] == known {
				return known + " "
			}
		}
	}
	return ""
}

// report says an error once and returns the exit code.
func report(s *streams, err error) int {
	if err == nil {
		return exitGood
	}
	var e *exit
	if errors.As(err, &e) {
		if e.err != nil {
			fmt.Fprintln(s.err, "bartizan:", e.err)
		}
		return e.code
	}
	fmt.Fprintln(s.err, "bartizan:", err)
	return exitStop
}
