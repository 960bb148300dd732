package main

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bartizan-ai/bartizan/guard/train"
)

type trainCommand struct {
	Guard    trainGuard    `cmd:"" help:"Learn the guard's models of labelled texts."`
	Entities trainEntities `cmd:"" help:"Learn the recogniser of names of labelled texts."`
}

type trainGuard struct {
	Data   string `required:"" help:"Folder with train, or with files *.jsonl.gz." placeholder:"DIR"`
	Out    string `required:"" help:"File to write." placeholder:"FILE"`
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Help is shown by -h.
func (trainGuard) Help() string {
	return "Example:\n  bartizan train guard --data data/guard --out guard/detect/guard.model\n\nThe same texts give the same bytes. The report is of models that had not seen the source of a text."
}

// Run implements the command.
func (c *trainGuard) Run(s *streams) error {
	var out *train.Outcome
	n, err := learn(c.Out, func(ctx context.Context) (m encoding.BinaryMarshaler, err error) {
		if out, err = train.Guard(ctx, train.Config{Data: split(c.Data, "train"), Progress: progress(s)}); err != nil {
			return nil, err
		}
		return out.Model, nil
	})
	if err != nil {
		return err
	}
	r := train.Measure("unseen sources", out.Texts, out.Model.Card.Lines)
	if c.Output == "json" {
		return printJSON(s, r)
	}
	fmt.Fprintf(s.out, "%s: %d bytes\n", c.Out, n)
	return r.Text(s.out, "all")
}

// learn writes what is learnt to a file, and returns how large it is. Somebody may stop it.
func learn(path string, from func(context.Context) (encoding.BinaryMarshaler, error)) (int, error) {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	// Beside the old file, which stays until the new one is whole; and before the work, so
	// that a folder nobody may write to is said at once.
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return 0, use("%s cannot be written: %v", path, err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	model, err := from(ctx)
	if err != nil {
		return 0, stopped(err)
	}
	b, err := model.MarshalBinary()
	if err != nil {
		return 0, err
	}
	if err := place(f, b, path); err != nil {
		return 0, fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return len(b), nil
}

// place writes a file whole and puts it where it belongs.
func place(f *os.File, b []byte, path string) error {
	_, err := f.Write(b)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// stopped says what ended a long measurement: somebody, or the data.
func stopped(err error) error {
	if errors.Is(err, context.Canceled) {
		return &exit{exitStop, errors.New("stopped before it was done; nothing was written")}
	}
	return &exit{exitUse, err}
}

// split returns the folder of a split, or the folder itself where it has none.
func split(dir, name string) string {
	if isDir(filepath.Join(dir, name)) {
		return filepath.Join(dir, name)
	}
	return dir
}

// progress tells what is going on: on one line of a terminal, or a line a step.
func progress(s *streams) func(step string, done, total int) {
	var last time.Time
	bar := isTerminal(s.err)
	said := ""
	return func(step string, done, total int) {
		if done < total && step == said && (!bar || time.Since(last) < 100*time.Millisecond) {
			return
		}
		last = time.Now()
		switch {
		case bar && done < total:
			fmt.Fprintf(s.err, "\r\x1b[K%s  %d of %d", step, done, total)
		case bar:
			fmt.Fprintf(s.err, "\r\x1b[K")
		default:
			fmt.Fprintf(s.err, "%s: %d of %d\n", step, done, total)
		}
		said = step
	}
}

// isTerminal reports whether somebody watches.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}
