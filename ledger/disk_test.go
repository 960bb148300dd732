package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/record"
)

// faultDisk is the real disk until fault says otherwise.
type faultDisk struct {
	osDisk
	fault atomic.Pointer[func(op, name string) error]
}

func (d *faultDisk) set(f func(op, name string) error) {
	if f == nil {
		d.fault.Store(nil)
		return
	}
	d.fault.Store(&f)
}

func (d *faultDisk) check(op, name string) error {
	if f := d.fault.Load(); f != nil {
		return (*f)(op, filepath.Base(name))
	}
	return nil
}

func (d *faultDisk) Open(name string, flag int) (file, error) {
	if err := d.check("open", name); err != nil && flag&os.O_CREATE != 0 {
		return nil, err
	}
	f, err := d.osDisk.Open(name, flag)
	if err != nil {
		return nil, err
	}
	return &faultFile{f, d, name}, nil
}

func (d *faultDisk) Rename(from, to string) error {
	if err := d.check("rename", to); err != nil {
		return err
	}
	return d.osDisk.Rename(from, to)
}

func (d *faultDisk) SyncDir(name string) error {
	if err := d.check("syncdir", name); err != nil {
		return err
	}
	return d.osDisk.SyncDir(name)
}

type faultFile struct {
	file
	disk *faultDisk
	name string
}

// WriteAt writes half of it before it fails, as a disk does that fills up.
func (f *faultFile) WriteAt(b []byte, off int64) (int, error) {
	if err := f.disk.check("write", f.name); err != nil {
		n, _ := f.file.WriteAt(b[:len(b)/2], off)
		return n, err
	}
	return f.file.WriteAt(b, off)
}

func (f *faultFile) Sync() error {
	if err := f.disk.check("sync", f.name); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f *faultFile) Allocate(n int64) error {
	if err := f.disk.check("allocate", f.name); err != nil {
		return err
	}
	return f.file.Allocate(n)
}

func journalFile(name string) bool {
	return strings.HasSuffix(name, ".j") || strings.HasPrefix(name, "spare-")
}

// once returns a fault that strikes the first time an operation hits a file.
func once(op string, on func(string) bool, err error) func(string, string) error {
	var done atomic.Bool
	return func(o, name string) error {
		if o == op && on(name) && done.CompareAndSwap(false, true) {
			return err
		}
		return nil
	}
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 30_000 {
		if f() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("it never happened: %s", what)
}

// TestJournalFaults holds that an error while the journal is written is told to
// the caller, that the segment is not used again, that recording goes on in a new
// one, and that the log says nothing else than what callers were told.
func TestJournalFaults(t *testing.T) {
	for _, c := range []struct {
		name, op string
		err      error
		want     error
	}{
		{"sync fails", "sync", syscall.EIO, record.ErrUnavailable},
		{"write fails", "write", syscall.EIO, record.ErrUnavailable},
		{"short write on a full disk", "write", syscall.ENOSPC, record.ErrFull},
		{"sync on a full disk", "sync", syscall.ENOSPC, record.ErrFull},
		{"quota", "write", syscall.EDQUOT, record.ErrFull},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &faultDisk{}
			cfg := testConfig(t)
			cfg.disk = d
			l := open(t, cfg)
			exchange(t, l, "ex_before")
			if _, err := l.Begin(t.Context(), intent("ex_open")); err != nil {
				t.Fatal(err)
			}
			d.set(once(c.op, func(n string) bool { return strings.HasSuffix(n, ".j") || strings.HasPrefix(n, "spare") }, c.err))
			if _, err := l.Begin(t.Context(), intent("ex_failed")); !errors.Is(err, c.want) {
				t.Fatalf("begin: %v", err)
			}
			until(t, "the ledger works again", func() bool { return l.Status().State == "ok" })
			if err := l.Finish(t.Context(), outcome("ex_failed")); !errors.Is(err, ErrUnknown) {
				t.Errorf("finishing what never began: %v", err)
			}
			if err := l.Finish(t.Context(), outcome("ex_open")); err != nil {
				t.Fatalf("what was open cannot be finished: %v", err)
			}
			exchange(t, l, "ex_failed") // the caller tries again
			shut(t, l)
			check(t, cfg)
			leaves := allLeaves(t, cfg)
			for _, id := range []string{"ex_before", "ex_open", "ex_failed"} {
				if f := leaves[id]; f == nil || f.Interrupted {
					t.Errorf("%s: %+v", id, f)
				}
			}
		})
	}
}

func TestFinishMayBeTriedAgain(t *testing.T) {
	d := &faultDisk{}
	cfg := testConfig(t)
	cfg.disk = d
	l := open(t, cfg)
	if _, err := l.Begin(t.Context(), intent("ex_1")); err != nil {
		t.Fatal(err)
	}
	d.set(once("sync", journalFile, syscall.EIO))
	if err := l.Finish(t.Context(), outcome("ex_1")); !errors.Is(err, record.ErrUnavailable) {
		t.Fatal(err)
	}
	if err := l.Finish(t.Context(), outcome("ex_1")); err != nil {
		t.Fatal(err)
	}
	shut(t, l)
	check(t, cfg)
	if f := allLeaves(t, cfg)["ex_1"]; f == nil || f.Interrupted || f.End != "answered" {
		t.Errorf("%+v", f)
	}
}

// TestBrokenForGood holds that nothing is acknowledged while no segment can be
// synced, and that the ledger recovers by itself when the disk does.
func TestBrokenForGood(t *testing.T) {
	d := &faultDisk{}
	cfg := testConfig(t)
	cfg.disk = d
	l := open(t, cfg)
	exchange(t, l, "ex_0")
	d.set(func(op, name string) error {
		if op == "sync" && journalFile(name) {
			return syscall.EIO
		}
		return nil
	})
	for i := range 5 {
		if _, err := l.Begin(t.Context(), intent(fmt.Sprintf("ex_b%d", i))); !errors.Is(err, record.ErrUnavailable) {
			t.Fatalf("begin %d: %v", i, err)
		}
	}
	if s := l.Status(); s.State != "failed" || s.Reason == "" {
		t.Errorf("%+v", s)
	}
	d.set(nil)
	until(t, "the ledger works again", func() bool { return l.Status().State == "ok" })
	exchange(t, l, "ex_1")
	shut(t, l)
	check(t, cfg)
}

// fullDisk lets nothing grow. What is allocated can be written.
func fullDisk(op, name string) error {
	if op == "allocate" || op == "open" || op == "write" && !strings.HasSuffix(name, ".j") && !strings.HasPrefix(name, "spare") {
		return syscall.ENOSPC
	}
	return nil
}

// TestDiskFull holds that every exchange that was begun can be finished on a full
// disk, that none is begun, and that all of it is in the log once there is room.
func TestDiskFull(t *testing.T) {
	d := &faultDisk{}
	cfg := testConfig(t)
	cfg.disk = d
	l := open(t, cfg)
	exchange(t, l, "ex_before") // makes the month's key
	until(t, "spares are there", func() bool { return l.Status().Segments >= 3 })
	d.set(fullDisk)
	var begun []string
	for i := range 500 {
		id := fmt.Sprintf("ex_%d", i)
		_, err := l.Begin(t.Context(), intent(id))
		if errors.Is(err, record.ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		begun = append(begun, id)
	}
	if len(begun) == 0 || len(begun) == 500 {
		t.Fatalf("%d were begun on a full disk", len(begun))
	}
	if s := l.Status(); s.State != "full" {
		t.Errorf("%+v", s)
	}
	big := outcome("")
	for i := range 20_000 {
		big.Passages = append(big.Passages, record.Passage{Path: fmt.Sprintf("choices[%d].%x", i, i*i*7919), Bytes: i})
	}
	for _, id := range begun {
		big.ID = id
		if err := l.Finish(t.Context(), big); err != nil {
			t.Fatalf("%s has no room for its outcome: %v", id, err)
		}
	}
	if _, err := l.Begin(t.Context(), intent("ex_no")); !errors.Is(err, record.ErrFull) {
		t.Errorf("begin on a full disk: %v", err)
	}
	d.set(nil)
	until(t, "there is room again", func() bool { return l.Status().State == "ok" })
	exchange(t, l, "ex_after")
	logged(t, l, "ex_after")
	shut(t, l)
	if r := check(t, cfg); r.Exchanges != int64(len(begun)+2) || r.Interrupted != 0 {
		t.Errorf("%d exchanges, %d interrupted, %d were begun", r.Exchanges, r.Interrupted, len(begun))
	}
	t.Logf("%d exchanges were begun and finished on a full disk", len(begun))
}

// TestProjectionFaults makes each operation of a commit fail once, at each file,
// and wants the log whole afterwards.
func TestProjectionFaults(t *testing.T) {
	for _, c := range []struct{ op, file string }{
		{"write", "202603.seg"}, {"sync", "202603.seg"}, {"write", "index"}, {"write", "checkpoint.next"}, {"sync", "checkpoint.next"},
		{"rename", "checkpoint"}, {"syncdir", "log"}, {"write", "1"}, {"sync", "1"}, {"syncdir", "000.p"}, {"open", "1"},
		{"write", "ledger.mark.next"}, {"rename", "ledger.mark"},
	} {
		t.Run(c.op+" "+c.file, func(t *testing.T) {
			d := &faultDisk{}
			cfg := testConfig(t)
			cfg.disk = d
			l := open(t, cfg)
			struck := make(chan struct{})
			var o sync.Once
			d.set(func(op, name string) error {
				var err error
				if op == c.op && name == c.file {
					o.Do(func() { err = syscall.EIO; close(struck) })
				}
				return err
			})
			exchange(t, l, "ex_1")
			select {
			case <-struck:
			case <-time.After(5 * time.Second):
				t.Fatal("the fault never struck")
			}
			logged(t, l, "ex_1")
			// The leaf may be there before the fault is known: wait for that too.
			for end := time.Now().Add(300 * time.Millisecond); l.Status().State == "ok" && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			until(t, "the ledger works again", func() bool { return l.Status().State == "ok" })
			for i := range 300 {
				exchange(t, l, fmt.Sprintf("ex_more%d", i))
			}
			shut(t, l)
			if r := check(t, cfg); r.Size != 301 {
				t.Errorf("%d leaves", r.Size)
			}
		})
	}
}

// TestOpenFaults holds that a start that fails leaves nothing running and nothing
// damaged.
func TestOpenFaults(t *testing.T) {
	cfg := testConfig(t)
	l := open(t, cfg)
	for i := range 10 {
		exchange(t, l, fmt.Sprintf("ex_%d", i))
	}
	if _, err := l.Begin(t.Context(), intent("ex_open")); err != nil {
		t.Fatal(err)
	}
	shut(t, l)
	failed := 0
	for n := range 60 {
		d := &faultDisk{}
		var at atomic.Int64
		d.set(func(op, name string) error {
			if at.Add(1) == int64(n+1) {
				return syscall.EIO
			}
			return nil
		})
		c := cfg
		c.disk = d
		l, err := Open(c)
		if err != nil {
			failed++
			continue
		}
		d.set(nil)
		shut(t, l)
	}
	if failed == 0 {
		t.Error("no start failed")
	}
	l = open(t, cfg)
	shut(t, l)
	r := check(t, cfg)
	if r.Exchanges != 11 || r.Interrupted != 1 {
		t.Errorf("%+v", r)
	}
}

func TestClosedLedgerRefuses(t *testing.T) {
	l := open(t, testConfig(t))
	if _, err := l.Begin(t.Context(), intent("ex_open")); err != nil {
		t.Fatal(err)
	}
	shut(t, l)
	if _, err := l.Begin(t.Context(), intent("ex_1")); !errors.Is(err, record.ErrUnavailable) {
		t.Errorf("begin: %v", err)
	}
	if err := l.Finish(t.Context(), outcome("ex_open")); !errors.Is(err, record.ErrUnavailable) {
		t.Errorf("finish: %v", err)
	}
	if err := l.Act(t.Context(), record.Act{ID: "act_1"}); !errors.Is(err, record.ErrUnavailable) {
		t.Errorf("act: %v", err)
	}
	if err := l.Close(context.Background()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}
