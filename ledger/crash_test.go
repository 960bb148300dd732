package ledger

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/record"
)

// The crash test runs this test binary again as a child that records under load
// and says on its standard output what was acknowledged.
const crashDirVariable = "BARTIZAN_LEDGER_CRASH_DIR"

func crashConfig(dir string) Config {
	return Config{Dir: filepath.Join(dir, "ledger"), KeyDir: filepath.Join(dir, "keys"), Origin: "crash.invalid",
		SegmentSize: 256 << 10, CheckpointEvery: 2 * time.Millisecond, CheckpointLeaves: 20}
}

// crashChild records until it is killed.
func crashChild(dir string) {
	l, err := Open(crashConfig(dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	var n atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				if err := crashExchange(l, fmt.Sprintf("ex_%d_%d", os.Getpid(), n.Add(1))); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(4)
				}
			}
		})
	}
	wg.Wait()
}

func crashExchange(l *Ledger, id string) error {
	ctx := context.Background()
	in := intent(id)
	if rand.IntN(10) == 0 {
		in.Kept = []record.Kept{{Path: "messages[0].content", Text: "kept"}}
	}
	r, err := l.Begin(ctx, in)
	if err != nil {
		return err
	}
	// One write of one short line: a pipe takes it whole or not at all.
	fmt.Fprintf(os.Stdout, "begun %s %s\n", id, r.Compact)
	if rand.IntN(20) == 0 {
		if err := l.Act(ctx, record.Act{ID: "act_" + id, Kind: "key.create", Phase: "done", By: "someone"}); err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "begun act_%s -\n", id)
	}
	if err := l.Finish(ctx, outcome(id)); err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "finished %s -\n", id)
	return nil
}

const crashes = 100

// TestKilledAtAnyPoint holds the ledger's promise: whatever was acknowledged is
// in the log, and the log verifies. Every other time the next start itself is
// what gets killed.
func TestKilledAtAnyPoint(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	acknowledged, checked := 0, 0
	var acked map[string]string // state of what was acknowledged in this folder
	var dir string
	for i := range crashes {
		if i%6 == 0 {
			dir, acked = t.TempDir(), map[string]string{}
		}
		for _, line := range runAndKill(t, dir, time.Duration(rng.IntN(100))*time.Millisecond) {
			state, rest, _ := strings.Cut(line, " ")
			id, receipt, _ := strings.Cut(rest, " ")
			acked[id] = state
			acknowledged++
			if receipt != "-" {
				acked["receipt"] = receipt
			}
		}
		if i%2 == 1 {
			checked += crashCheck(t, dir, acked)
		}
		if t.Failed() {
			t.Fatalf("after kill %d", i)
		}
	}
	t.Logf("%d kills, %d acknowledgements, %d ids checked", crashes, acknowledged, checked)
	if acknowledged < crashes || checked < crashes {
		t.Error("too little was acknowledged for this to mean anything")
	}
}

// runAndKill returns the lines a child managed to write. The delay runs from its
// start, so that some are killed while they recover.
func runAndKill(t *testing.T, dir string, after time.Duration) []string {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDirVariable+"="+dir)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(40*time.Millisecond+after, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
	defer kill.Stop()
	var lines []string
	for s := bufio.NewScanner(out); s.Scan(); {
		lines = append(lines, s.Text())
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		t.Fatalf("the child ended by itself: %v: %s", err, errs.String())
	}
	return lines
}

// crashCheck lets the ledger recover and looks for everything acknowledged.
func crashCheck(t *testing.T, dir string, acked map[string]string) int {
	cfg := crashConfig(dir)
	l, err := Open(cfg)
	if err != nil {
		t.Errorf("opening after a kill: %v", err)
		return 0
	}
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
	check(t, cfg, func(v *VerifyConfig) { v.Receipt = []byte(acked["receipt"]) })
	leaves := allLeaves(t, cfg)
	for id, state := range acked {
		if id == "receipt" {
			continue
		}
		f, ok := leaves[id]
		if !ok {
			t.Errorf("%s was acknowledged (%s) and has no leaf", id, state)
		} else if state == "finished" && f.Interrupted {
			t.Errorf("%s was acknowledged as finished and its leaf says interrupted", id)
		}
	}
	return len(acked)
}

// allLeaves reads every leaf of a folder.
func allLeaves(t testing.TB, cfg Config) map[string]*Leaf {
	t.Helper()
	a, err := OpenArchive(cfg.Dir, cfg.KeyDir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	leaves := map[string]*Leaf{}
	for _, v := range a.views {
		for i := range v.tree.size {
			b, err := v.leaf(i)
			if err != nil {
				t.Fatal(err)
			}
			f, err := ParseLeaf(b)
			if err != nil {
				t.Fatal(err)
			}
			if old := leaves[f.ID]; old != nil && f.Kind == "exchange" {
				t.Errorf("%s has two leaves", f.ID)
			}
			leaves[f.ID] = f
		}
	}
	return leaves
}
