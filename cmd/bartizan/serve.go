package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bartizan-ai/bartizan/app"
	"github.com/bartizan-ai/bartizan/app/config"
)

// drain is how long open calls may go on after a signal to stop.
const drain = 60 * time.Second

// configFlag is the flag that most commands share.
type configFlag struct {
	Config string `short:"c" default:"bartizan.yaml" help:"Configuration file." placeholder:"FILE"`
}

// load reads the configuration; faults come out one a line.
func (c configFlag) load() (*config.File, error) {
	f, err := config.Load(c.Config)
	if err != nil {
		return nil, &exit{exitUse, err}
	}
	return f, nil
}

type serveCommand struct {
	configFlag
}

// Help is shown by -h.
func (serveCommand) Help() string {
	return "Example:\n  bartizan config init && bartizan serve -c bartizan.yaml\n\nSIGHUP or a change of the file takes in a new configuration; SIGTERM lets open calls end, 60 s at most."
}

// Run implements the command.
func (c *serveCommand) Run(s *streams) error {
	path, err := filepath.Abs(c.Config) // a reload must find the same folders
	if err != nil {
		return err
	}
	c.Config = path
	f, err := c.load()
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	tuneMemory()
	log, soon := newLog(s)
	defer soon.flush()
	a, err := app.New(ctx, app.Config{File: f, Path: path, Log: log, Version: version()})
	if err != nil {
		return err
	}
	at, err := a.Start(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "gate %s\nconsole %s\noperations %s\n", at.Gate, at.Console, at.Operations)
	if at.NewCA {
		fmt.Fprintf(s.err, "A local authority was made; clients must trust %s.\n", at.CAFile)
	}
	return wait(ctx, a, s)
}

// wait runs until a signal, and takes in the configuration again on SIGHUP.
func wait(ctx context.Context, a *app.App, s *streams) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-hup:
			if err := a.Reload(ctx); err != nil {
				fmt.Fprintln(s.err, "bartizan: the configuration was refused, the old one stays:", err)
			}
			continue
		case <-ctx.Done():
		}
		end, cancel := context.WithTimeout(context.Background(), drain)
		defer cancel()
		return a.Stop(end)
	}
}

// printJSON writes one object on one line.
func printJSON(s *streams, v any) error {
	e := json.NewEncoder(s.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
