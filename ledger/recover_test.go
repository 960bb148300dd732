package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/record"
)

// snapshot copies a running ledger's folders as a crash would leave them.
func snapshot(t testing.TB, cfg Config) Config {
	t.Helper()
	from := filepath.Dir(cfg.Dir)
	for range 100 {
		before := stand(t, from)
		dir := filepath.Join(t.TempDir(), "data[1]")
		// What moves while it is copied is no moment of the ledger: a file may be
		// renamed away between being listed and being read.
		if err := os.CopyFS(dir, os.DirFS(from)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		} else if err == nil && slices.Equal(before, stand(t, from)) {
			c := cfg
			c.Dir, c.KeyDir = filepath.Join(dir, "ledger"), filepath.Join(dir, "keys")
			return c
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the ledger never stood still long enough to be copied")
	return cfg
}

// stand lists the files of a folder with what changes when one is written.
func stand(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			all = append(all, fmt.Sprint(path, info.Size(), info.ModTime().UnixNano()))
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return all
}

// journaled returns a ledger with n exchanges in its journal and none in its log.
func journaled(t testing.TB, n int) Config {
	t.Helper()
	cfg := testConfig(t)
	cfg.CheckpointEvery, cfg.CheckpointLeaves = time.Hour, 1<<30
	l := open(t, cfg)
	for i := range n {
		exchange(t, l, fmt.Sprintf("ex_%d", i))
	}
	if _, err := l.Begin(t.Context(), intent("ex_open")); err != nil {
		t.Fatal(err)
	}
	c := snapshot(t, cfg)
	c.CheckpointEvery, c.CheckpointLeaves = 5*time.Millisecond, 0
	return c
}

// theSegment returns the only journal segment with its frames.
func theSegment(t testing.TB, cfg Config) (string, []byte, []int) {
	t.Helper()
	names, err := within(filepath.Join(cfg.Dir, "journal"), "*.j")
	if err != nil || len(names) != 1 {
		t.Fatalf("%v, %v", names, err)
	}
	data, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	_, n, _ := parseSegmentName(names[0])
	var offsets []int
	for off := segmentHeader; ; {
		_, size, ok := parseFrame(data, off, n)
		if !ok {
			return names[0], data, offsets
		}
		offsets = append(offsets, off)
		off += size
	}
}

func rewrite(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// actsOf returns what the ledger recorded of itself.
func actsOf(t testing.TB, l *Ledger, kind string) []record.Act {
	t.Helper()
	var acts []record.Act
	for _, r := range collect(t, l, record.Query{Kind: "act"}) {
		if r.Act.Kind == kind {
			acts = append(acts, *r.Act)
		}
	}
	return acts
}

func TestInterrupted(t *testing.T) {
	cfg := journaled(t, 5)
	l := open(t, cfg)
	logged(t, l, "ex_open")
	got := collect(t, l, record.Query{ID: "ex_open"})
	if len(got) != 1 || !got[0].Interrupted || got[0].Outcome != nil || got[0].Intent.Model != "fast" {
		t.Errorf("%+v", got)
	}
	if n := len(collect(t, l, record.Query{})); n != 6 {
		t.Errorf("%d records", n)
	}
	shut(t, l)
	if r := check(t, cfg); r.Interrupted != 1 || r.Exchanges != 6 {
		t.Errorf("%+v", r)
	}
	f := allLeaves(t, cfg)["ex_open"]
	if !f.Interrupted || f.End != "interrupted" {
		t.Errorf("%+v", f)
	}
}

// TestTornTail cuts the last write at every place that can be torn differently.
func TestTornTail(t *testing.T) {
	base := journaled(t, 3)
	name, data, offsets := theSegment(t, base)
	last := offsets[len(offsets)-1]
	end := last + int(frameSize(len(data[last+frameHeader:][:1]))) // at least header and a little
	for _, at := range []int{last + 4, last + 8, last + 20, last + frameHeader, end, end + 100} {
		cfg := snapshot(t, base)
		torn := append([]byte(nil), data...)
		clear(torn[at:])
		rewrite(t, strings.Replace(name, base.Dir, cfg.Dir, 1), torn)
		wantFault(t, cfg, "journal/", "torn")
		l := open(t, cfg)
		acts := actsOf(t, l, cutKind)
		if len(acts) != 1 || !strings.Contains(acts[0].Detail["found"], fmt.Sprintf("at byte %d", last)) {
			t.Errorf("cut at %d: %+v", at, acts)
		}
		shut(t, l)
		if r := check(t, cfg); r.Exchanges != 3 || r.Acts != 1 {
			t.Errorf("cut at %d: %+v", at, r)
		}
	}
}

// TestTornBatch holds that a write of several frames, of which only a later one
// reached the disk, is a torn tail and not corruption.
func TestTornBatch(t *testing.T) {
	cfg := journaled(t, 3)
	name, data, offsets := theSegment(t, cfg)
	_, n, _ := parseSegmentName(name)
	f, size, _ := parseFrame(data, offsets[len(offsets)-1], n)
	end := offsets[len(offsets)-1] + size
	f.batch = uint32(end)
	for range 3 {
		f.seq++
		frame := appendFrame(nil, n, &f)
		copy(data[end:], frame)
		end += len(frame)
	}
	data[f.batch+40] ^= 1
	rewrite(t, name, data)
	l := open(t, cfg)
	if acts := actsOf(t, l, cutKind); len(acts) != 1 {
		t.Errorf("%+v", acts)
	}
	shut(t, l)
	if r := check(t, cfg); r.Exchanges != 4 {
		t.Errorf("%+v", r)
	}
}

func TestCorruptionInTheMiddle(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(data []byte, offsets []int) []byte
	}{
		{"a flipped byte in a body", func(d []byte, o []int) []byte { d[o[2]+frameHeader+5] ^= 1; return d }},
		{"a flipped byte in a length", func(d []byte, o []int) []byte { d[o[2]+2] ^= 1; return d }},
		{"zeros", func(d []byte, o []int) []byte { clear(d[o[2]:o[3]]); return d }},
		{"frames exchanged", func(d []byte, o []int) []byte {
			a := append([]byte(nil), d[o[2]:o[4]]...)
			b := append([]byte(nil), d[o[4]:o[6]]...)
			copy(d[o[2]:], append(b, a...))
			return d
		}},
		{"the header", func(d []byte, _ []int) []byte { d[9] ^= 1; return d }},
		{"the file cut", func(d []byte, _ []int) []byte { return d[:len(d)-512] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := journaled(t, 5)
			name, data, offsets := theSegment(t, cfg)
			rewrite(t, name, c.spoil(data, offsets))
			_, err := Open(cfg)
			if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), filepath.Base(name)) {
				t.Fatalf("opening: %v", err)
			}
			cfg.AcceptCorruption = "someone@acme.example"
			l := open(t, cfg)
			acts := actsOf(t, l, corruptKind)
			if len(acts) == 0 || acts[0].By != "someone@acme.example" || !strings.Contains(acts[0].Detail["found"], filepath.Base(name)) {
				t.Errorf("%+v", acts)
			}
			exchange(t, l, "ex_after")
			shut(t, l)
			check(t, cfg)
			cfg.AcceptCorruption = ""
			shut(t, open(t, cfg))
		})
	}
}

func TestMissingSegment(t *testing.T) {
	cfg := testConfig(t)
	cfg.CheckpointEvery, cfg.CheckpointLeaves = time.Hour, 1<<30
	l := open(t, cfg)
	for i := 0; l.Status().Segments < 6; i++ {
		exchange(t, l, fmt.Sprintf("ex_%d", i))
	}
	c := snapshot(t, cfg)
	names, err := within(filepath.Join(c.Dir, "journal"), "*.j")
	if err != nil || len(names) < 3 {
		t.Fatal(names, err)
	}
	if err := os.Remove(names[1]); err != nil {
		t.Fatal(err)
	}
	wantFault(t, c, "journal/", "are missing")
	if _, err := Open(c); !errors.Is(err, ErrCorrupt) {
		t.Errorf("opening: %v", err)
	}
}

// TestTwoProcesses starts a second process on the folder of this one.
func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	cfg := crashConfig(dir)
	l := open(t, cfg)
	exchange(t, l, "ex_1")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDirVariable+"="+dir)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.HasPrefix(string(out), ErrLocked.Error()) || strings.Count(string(out), "\n") != 1 {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := Open(cfg); !errors.Is(err, ErrLocked) {
		t.Errorf("a second ledger in this process: %v", err)
	}
	exchange(t, l, "ex_2")
	shut(t, l)
	check(t, cfg)
}

// TestRestoredBackup puts an old copy of the folder back, beside keys that know
// better.
func TestRestoredBackup(t *testing.T) {
	cfg := testConfig(t)
	l := open(t, cfg)
	for i := range 10 {
		exchange(t, l, fmt.Sprintf("ex_old%d", i))
	}
	shut(t, l)
	backup := copyTree(t, cfg.Dir)
	l = open(t, cfg)
	exchange(t, l, "ex_lost")
	seen := []byte(logged(t, l, "ex_lost").Checkpoint)
	shut(t, l)
	if err := os.RemoveAll(cfg.Dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(cfg.Dir, os.DirFS(backup)); err != nil {
		t.Fatal(err)
	}
	wantFault(t, cfg, "log/checkpoint", "a backup was restored")
	l = open(t, cfg)
	exchange(t, l, "ex_new")
	logged(t, l, "ex_new")
	acts := actsOf(t, l, restoredKind)
	if len(acts) != 1 || !strings.Contains(acts[0].Detail["found"], "11 leaves in shard 1 and came back with 10") {
		t.Errorf("%+v", acts)
	}
	all := collect(t, l, record.Query{})
	if len(all) != 12 || all[0].ID() != "ex_new" || all[11].ID() != "ex_old0" || all[0].Place.Log != "test.invalid/log/shard-2" {
		t.Errorf("%d records, %s first", len(all), all[0].ID())
	}
	if p := logged(t, l, "ex_old3"); p.Origin != "test.invalid/log" {
		t.Errorf("%+v", p)
	}
	shut(t, l)
	if r := check(t, cfg); r.Shards != 2 || r.Size != 12 {
		t.Errorf("%+v", r)
	}
	wantFault(t, cfg, "trusted checkpoint", "had 11 leaves then and has 10 now", func(v *VerifyConfig) { v.Checkpoint = seen })
	l = open(t, cfg)
	exchange(t, l, "ex_again")
	shut(t, l)
	if r := check(t, cfg); r.Shards != 2 || r.Size != 13 {
		t.Errorf("%+v", r)
	}
}

func TestIndexIsMadeAgain(t *testing.T) {
	cfg, _ := filled(t)
	before, err := os.ReadFile(filepath.Join(cfg.Dir, "index"))
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() []byte{
		"missing": nil,
		"empty":   func() []byte { return nil },
		"damaged": func() []byte { b := append([]byte(nil), before...); b[len(b)/2] ^= 1; return b },
		"short":   func() []byte { return before[:len(before)/2] },
		"old rows twice": func() []byte {
			return append(append([]byte(nil), before[:len(before)/2]...), before[:len(before)/2]...)
		},
	} {
		c := snapshot(t, cfg)
		index := filepath.Join(c.Dir, "index")
		if spoil == nil {
			if err := os.Remove(index); err != nil {
				t.Fatal(err)
			}
		} else {
			rewrite(t, index, spoil())
		}
		a, err := OpenArchive(c.Dir, "")
		if err != nil {
			t.Fatalf("%s: reading only: %v", name, err)
		}
		n := 0
		for _, err := range a.Records(t.Context(), record.Query{System: "support-bot", Category: "pii"}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if err := a.Close(); err != nil || n != 300 {
			t.Errorf("%s: an archive reads %d records, %v", name, n, err)
		}
		shut(t, open(t, c))
		check(t, c)
	}
}

// TestLongExchangeFreesTheJournal holds that one exchange that stays open does
// not keep every segment behind it.
func TestLongExchangeFreesTheJournal(t *testing.T) {
	cfg := testConfig(t)
	l := open(t, cfg)
	if _, err := l.Begin(t.Context(), intent("ex_long")); err != nil {
		t.Fatal(err)
	}
	for i := range 1500 {
		exchange(t, l, fmt.Sprintf("ex_%d", i))
	}
	logged(t, l, "ex_1499")
	until(t, "old segments go", func() bool { return l.Status().Segments <= 6 })
	c := snapshot(t, cfg)
	if err := l.Finish(t.Context(), outcome("ex_long")); err != nil {
		t.Fatal(err)
	}
	shut(t, l)
	check(t, cfg)
	if f := allLeaves(t, cfg)["ex_long"]; f == nil || f.Interrupted {
		t.Errorf("%+v", f)
	}
	shut(t, open(t, c))
	check(t, c)
	if f := allLeaves(t, c)["ex_long"]; f == nil || !f.Interrupted {
		t.Errorf("after a crash: %+v", f)
	}
}

func TestRetention(t *testing.T) {
	cfg, _ := filled(t)
	l := open(t, cfg)
	r := Retention{Class: "content", Before: time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC), Policy: "standard@abc", By: "retention"}
	if err := l.Retain(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	check(t, cfg)
	kept := 0
	for _, r := range collect(t, l, record.Query{Kind: "exchange", Content: true}) {
		kept += len(r.Intent.Kept)
	}
	if kept != 0 {
		t.Errorf("%d passages are left", kept)
	}
	r.Class, r.Before = "records", time.Date(2026, 4, 15, 0, 0, 0, 0, time.UTC)
	if err := l.Retain(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for _, r := range collect(t, l, record.Query{Kind: "exchange"}) {
		if r.Intent.At.Month() == time.March {
			t.Fatal("a record of March is left")
		}
	}
	if _, err := os.Stat(filepath.Join(cfg.KeyDir, "month-202603.key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("March's key: %v", err)
	}
	if p := logged(t, l, "ex_0"); p.Index != 0 {
		t.Errorf("%+v", p)
	}
	shut(t, l)
	if rep := check(t, cfg); rep.Deleted != 151 || rep.Acts != 5 {
		t.Errorf("%+v", rep)
	}
	again := open(t, cfg)
	if _, err := again.Begin(t.Context(), intent("ex_late")); err == nil {
		t.Error("a record was begun in a month that is deleted")
	}
	shut(t, again)
	check(t, cfg)
	if err := os.Remove(filepath.Join(cfg.Dir, "records", "202604.seg")); err != nil {
		t.Fatal(err)
	}
	wantFault(t, cfg, "records/202604.seg", "no act says that it was deleted")
	if err := l.Retain(context.Background(), Retention{Class: "everything"}); err == nil {
		t.Error("an unknown class was deleted")
	}
}
