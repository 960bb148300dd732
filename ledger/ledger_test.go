package ledger

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirVariable); dir != "" {
		crashChild(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// testConfig keeps segments small, so that tests see many of them, in a folder whose name would be a
// pattern if anybody took it for one.
func testConfig(t testing.TB) Config {
	dir := filepath.Join(t.TempDir(), "data[1]")
	return Config{Dir: filepath.Join(dir, "ledger"), KeyDir: filepath.Join(dir, "keys"), Origin: "test.invalid/log",
		SegmentSize: 256 << 10, CheckpointEvery: 5 * time.Millisecond, retry: 5 * time.Millisecond}
}

func open(t testing.TB, cfg Config) *Ledger {
	t.Helper()
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.WithoutCancel(t.Context())) })
	return l
}

func shut(t testing.TB, l *Ledger) {
	t.Helper()
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func intent(id string) record.Intent {
	return record.Intent{ID: id, At: time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC),
		Principal: record.Principal{Kind: "key", ID: "key_1", System: "support-bot", Team: "support"},
		Dialect:   "openai", Op: "chat", Model: "fast", Candidate: "azure/gpt-mini", Stream: true, Label: "general",
		Verdict: risk.Verdict{Decision: risk.Flag, Policy: "standard@abc",
			Findings: []risk.Finding{{Category: "pii.email", Detector: "entity/email@1", Severity: risk.Medium, Confidence: 0.75, Start: 3, End: 9,
				Refs: []risk.Ref{{Framework: "OWASP-LLM", Item: "LLM02:2026"}}, Decision: risk.Flag}},
			Checks: []risk.Check{{Detector: "entity/email@1", State: risk.Ran, Passages: []int{0}, Took: 41 * time.Microsecond},
				{Detector: "injection/override@1", State: risk.Failed, Err: "deadline"}}},
		Passages: []record.Passage{{Path: "messages[0].content", Origin: "user", Kind: "text", Bytes: 120}},
		Permits:  []record.Permit{{Point: "admit", Target: "fast", Allowed: true, Reasons: []string{"system/support-bot"}}},
		Received: record.Digest{SHA256: [32]byte{1}, Bytes: 500}, Sent: record.Digest{SHA256: [32]byte{2}, Bytes: 501},
		Steps: []record.Step{{Name: "authenticate", Took: 9 * time.Microsecond}, {Name: "guard", At: 30 * time.Microsecond, Took: 80 * time.Microsecond, Note: "12 checks"}}}
}

func outcome(id string) record.Outcome {
	return record.Outcome{ID: id, At: time.Date(2026, 3, 4, 5, 6, 8, 9, time.UTC), Status: 200, Upstream: 200, End: "answered",
		Verdict:  risk.Verdict{Decision: risk.Allow, Policy: "standard@abc", Checks: []risk.Check{{Detector: "secret@1", State: risk.Ran, Passages: []int{0}}}},
		Passages: []record.Passage{{Path: "choices[0].message.content", Origin: "model", Kind: "text", Bytes: 80}},
		Answered: record.Digest{SHA256: [32]byte{3}, Bytes: 900}, Input: 30, Output: 12, Steps: []record.Step{{Name: "upstream", Took: time.Second}}}
}

// exchange records one whole exchange.
func exchange(t testing.TB, l *Ledger, id string) record.Receipt {
	t.Helper()
	r, err := l.Begin(t.Context(), intent(id))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Finish(t.Context(), outcome(id)); err != nil {
		t.Fatal(err)
	}
	return r
}

// collect returns what a query yields.
func collect(t testing.TB, l *Ledger, q record.Query) []record.Record {
	t.Helper()
	var all []record.Record
	for r, err := range l.Records(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// logged waits until an id is in the log.
func logged(t testing.TB, l *Ledger, id string) *Proof {
	t.Helper()
	for range 30_000 {
		p, err := l.Receipt(t.Context(), id)
		if err == nil {
			return p
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s does not get into the log: %+v", id, l.Status())
	return nil
}

func TestRecordComesBackWhole(t *testing.T) {
	cfg := testConfig(t)
	l := open(t, cfg)
	in, out := intent("ex_1"), outcome("ex_1")
	in.Kept = []record.Kept{{Path: "messages[0].content", Origin: "user", Kind: "text", Text: "asked"}}
	out.Kept = []record.Kept{{Path: "choices[0].message.content", Origin: "model", Kind: "text", Output: true, Text: "answered"}}
	if _, err := l.Begin(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	q := record.Query{ID: "ex_1", Content: true}
	want := record.Record{Seq: 1, Intent: &in, Place: record.Place{Log: cfg.Origin, Index: -1}}
	if d := cmp.Diff([]record.Record{want}, collect(t, l, q)); d != "" {
		t.Errorf("open: %s", d)
	}
	if err := l.Finish(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	want.Seq, want.Outcome = 2, &out
	p := logged(t, l, "ex_1")
	h := tlog.RecordHash(p.Leaf)
	want.Place = record.Place{Log: cfg.Origin, Leaf: hex.EncodeToString(h[:])}
	for _, when := range []string{"logged", "after a start"} {
		if d := cmp.Diff([]record.Record{want}, collect(t, l, q)); d != "" {
			t.Errorf("%s: %s", when, d)
		}
		shut(t, l)
		l = open(t, cfg)
	}
	if got := collect(t, l, record.Query{ID: "ex_1"}); got[0].Intent.Kept != nil || got[0].Outcome.Kept != nil {
		t.Error("content came without having been asked for")
	}
}

// TestNothingIsClear looks for what was recorded in every file of the ledger.
func TestNothingIsClear(t *testing.T) {
	cfg := testConfig(t)
	l := open(t, cfg)
	in := intent("ex_secret")
	in.Principal.ID, in.Purpose = "key_canary", "canary purpose"
	in.Kept = []record.Kept{{Text: "canary text"}}
	if _, err := l.Begin(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if err := l.Finish(t.Context(), outcome("ex_secret")); err != nil {
		t.Fatal(err)
	}
	if err := l.Act(t.Context(), record.Act{ID: "act_1", Kind: "key.create", By: "canary@acme.example"}); err != nil {
		t.Fatal(err)
	}
	logged(t, l, "act_1")
	if _, err := l.Begin(t.Context(), intent("ex_open_canary")); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(filepath.Dir(cfg.Dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte("canary")) {
			t.Errorf("%s holds it in clear", path)
		}
		if fi, err := d.Info(); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, fi.Mode(), err)
		}
		files++
		return err
	})
	if err != nil || files < 12 {
		t.Errorf("%d files, %v", files, err)
	}
}

func TestQueries(t *testing.T) {
	cfg := testConfig(t)
	l := open(t, cfg)
	base := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	for i := range 40 {
		in := intent(fmt.Sprintf("ex_%02d", i))
		in.At = base.Add(time.Duration(i) * time.Hour)
		in.Principal.System = []string{"support-bot", "dev-assist"}[i%2]
		in.Principal.Team = []string{"support", "it"}[i%2]
		in.Model = []string{"fast", "private", "large"}[i%3]
		if i%4 == 0 {
			in.Verdict = risk.Verdict{Decision: risk.Block, Findings: []risk.Finding{{Category: "secret.github_pat"}}}
		}
		if i%5 == 3 {
			in.Principal.Kind = record.Canary
		}
		if _, err := l.Begin(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		if i == 5 || i == 37 {
			continue // stays open
		}
		if err := l.Finish(t.Context(), outcome(in.ID)); err != nil {
			t.Fatal(err)
		}
		if i == 20 {
			if err := l.Act(t.Context(), record.Act{ID: "act_1", Kind: "key.create", At: in.At}); err != nil {
				t.Fatal(err)
			}
			logged(t, l, "act_1") // half of it is in the log, half is not
		}
	}
	for _, c := range []struct {
		name        string
		q           record.Query
		n           int
		first, last string
	}{
		{"everything", record.Query{}, 41, "ex_39", "ex_00"},
		{"oldest first", record.Query{Oldest: true}, 41, "ex_00", "ex_39"},
		{"the newest five", record.Query{Limit: 5}, 5, "ex_39", "ex_36"},
		{"one", record.Query{ID: "ex_17"}, 1, "ex_17", "ex_17"},
		{"an open one", record.Query{ID: "ex_05"}, 1, "ex_05", "ex_05"},
		{"none", record.Query{ID: "ex_none"}, 0, "", ""},
		{"a system", record.Query{System: "dev-assist"}, 20, "ex_39", "ex_01"},
		{"a team", record.Query{Teams: []string{"support"}}, 20, "ex_38", "ex_00"},
		{"several teams", record.Query{Teams: []string{"it", "none", "support"}}, 40, "ex_39", "ex_00"},
		{"a team that has none", record.Query{Teams: []string{"none"}}, 0, "", ""},
		{"a model", record.Query{Model: "large"}, 13, "ex_38", "ex_02"},
		{"acts", record.Query{Kind: "act"}, 1, "act_1", "act_1"},
		{"exchanges", record.Query{Kind: "exchange"}, 40, "ex_39", "ex_00"},
		{"users' exchanges", record.Query{Kind: "exchange", Users: true}, 32, "ex_39", "ex_00"},
		{"canaries", record.Query{Canaries: true}, 8, "ex_38", "ex_03"},
		{"the newest ten of users", record.Query{Kind: "exchange", Users: true, Limit: 10}, 10, "ex_39", "ex_29"},
		{"blocked", record.Query{Decisions: []risk.Decision{risk.Block}}, 10, "ex_36", "ex_00"},
		{"blocked or flagged", record.Query{Decisions: []risk.Decision{risk.Block, risk.Flag}}, 40, "ex_39", "ex_00"},
		{"a category", record.Query{Category: "secret.github_pat"}, 10, "ex_36", "ex_00"},
		{"a family of categories", record.Query{Category: "secret"}, 10, "ex_36", "ex_00"},
		{"half a word is no family", record.Query{Category: "secr"}, 0, "", ""},
		{"since", record.Query{Since: base.Add(30 * time.Hour)}, 10, "ex_39", "ex_30"},
		{"until", record.Query{Until: base.Add(10 * time.Hour)}, 10, "ex_09", "ex_00"},
		{"several", record.Query{System: "support-bot", Model: "fast", Decisions: []risk.Decision{risk.Block}}, 4, "ex_36", "ex_00"},
	} {
		got := collect(t, l, c.q)
		if len(got) != c.n {
			t.Errorf("%s: %d records, want %d", c.name, len(got), c.n)
			continue
		}
		if c.n > 0 && c.name != "the newest five" && (!has(got, c.first) || !has(got, c.last)) {
			t.Errorf("%s: %s to %s, want %s and %s", c.name, got[0].ID(), got[c.n-1].ID(), c.first, c.last)
		}
		for i := 1; i < len(got); i++ {
			if (got[i-1].Seq > got[i].Seq) == c.q.Oldest || got[i-1].Seq == got[i].Seq {
				t.Errorf("%s: not in order", c.name)
			}
		}
	}
}

func has(all []record.Record, id string) bool {
	return slices.ContainsFunc(all, func(r record.Record) bool { return r.ID() == id })
}

// TestPaging holds that pages join without a gap and that a tail sees what is new.
func TestPaging(t *testing.T) {
	l := open(t, testConfig(t))
	for i := range 50 {
		exchange(t, l, fmt.Sprintf("ex_%d", i))
	}
	var ids []string
	for before := uint64(0); ; {
		page := collect(t, l, record.Query{Before: before, Limit: 7})
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			ids = append(ids, r.ID())
		}
		before = page[len(page)-1].Seq
	}
	if len(ids) != 50 || ids[0] != "ex_49" || ids[49] != "ex_0" {
		t.Errorf("%v", ids)
	}
	logged(t, l, "ex_49")
	all := collect(t, l, record.Query{Oldest: true})
	for i, r := range all { // every window between two records, from both sides
		for _, oldest := range []bool{false, true} {
			if got := collect(t, l, record.Query{Before: r.Seq, Oldest: oldest}); len(got) != i {
				t.Errorf("%d records before the one at %d", len(got), i)
			}
			if got := collect(t, l, record.Query{After: r.Seq, Oldest: oldest}); len(got) != len(all)-1-i {
				t.Errorf("%d records after the one at %d", len(got), i)
			}
		}
	}
	newest := all[49].Seq
	exchange(t, l, "ex_new")
	if tail := collect(t, l, record.Query{After: newest, Oldest: true}); len(tail) != 1 || tail[0].ID() != "ex_new" {
		t.Errorf("%v", tail)
	}
}

// TestConcurrency lets many record while others read, and counts.
func TestConcurrency(t *testing.T) {
	cfg := testConfig(t)
	cfg.SegmentSize = 4 << 20
	l := open(t, cfg)
	var wg, readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				last := uint64(1) << 63
				for r, err := range l.Records(t.Context(), record.Query{Limit: 200}) {
					if err != nil || r.Seq >= last {
						t.Errorf("%d after %d, %v", r.Seq, last, err)
						return
					}
					last = r.Seq
				}
				_ = l.Status()
			}
		})
	}
	const writers, each = 32, 40
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("ex_%d_%d", w, i)
				if _, err := l.Begin(t.Context(), intent(id)); err != nil {
					t.Error(err)
				}
				if err := l.Finish(t.Context(), outcome(id)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	readers.Wait()
	if n := len(collect(t, l, record.Query{})); n != writers*each {
		t.Errorf("%d records", n)
	}
	shut(t, l)
	if r := check(t, cfg); r.Exchanges != writers*each {
		t.Errorf("%+v", r)
	}
}

func TestWrongUse(t *testing.T) {
	l := open(t, testConfig(t))
	ctx := t.Context()
	if _, err := l.Begin(ctx, intent("ex_1")); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "ex_1", "../../etc/passwd", "ex 1", "ex_\n", strings.Repeat("e", 65), "."} {
		if _, err := l.Begin(ctx, intent(id)); err == nil {
			t.Errorf("begun: %q", id)
		}
		if err := l.Act(ctx, record.Act{ID: id}); err == nil && id != "ex_1" {
			t.Errorf("recorded an act: %q", id)
		}
	}
	in := intent("ex_2")
	in.At = time.Date(1, 2, 3, 0, 0, 0, 0, time.UTC)
	if _, err := l.Begin(ctx, in); err == nil {
		t.Error("begun in the year 1")
	}
	if err := l.Finish(ctx, outcome("ex_never")); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	if err := l.Finish(ctx, outcome("ex_1")); err != nil {
		t.Error(err)
	}
	if err := l.Finish(ctx, outcome("ex_1")); !errors.Is(err, ErrUnknown) {
		t.Errorf("finished twice: %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := l.Begin(gone, intent("ex_3")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := l.Receipt(ctx, "ex_3"); !errors.Is(err, ErrNotYet) {
		t.Error(err)
	}
}

func TestConfigFaults(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"no folder":       {},
		"origin":          {Dir: dir, Origin: "two words"},
		"plus in origin":  {Dir: dir, Origin: "a+b"},
		"small segment":   {Dir: dir, SegmentSize: 1},
		"large segment":   {Dir: dir, SegmentSize: 1 << 40},
		"interval":        {Dir: dir, CheckpointEvery: -1},
		"file for folder": {Dir: filepath.Join(file, "ledger"), KeyDir: dir},
	} {
		if l, err := Open(cfg); err == nil {
			shut(t, l)
			t.Errorf("%s: opened", name)
		} else if !strings.HasPrefix(err.Error(), "ledger: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := testConfig(t)
	shut(t, open(t, cfg))
	cfg.Origin = "another.invalid"
	if l, err := Open(cfg); err == nil || !strings.Contains(err.Error(), "cannot become") {
		t.Errorf("another origin: %v %v", l, err)
	}
	cfg.Origin = ""
	l := open(t, cfg)
	if s := l.Status(); s.Origin != "test.invalid/log" || s.State != "ok" || s.Witnessed {
		t.Errorf("%+v", s)
	}
}

func TestSyntheticIsMarked(t *testing.T) {
	cfg := testConfig(t)
	l := open(t, cfg)
	in := intent("ex_demo")
	in.Synthetic = true
	if _, err := l.Begin(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if err := l.Finish(t.Context(), outcome("ex_demo")); err != nil {
		t.Fatal(err)
	}
	exchange(t, l, "ex_real")
	shut(t, l)
	leaves := allLeaves(t, cfg)
	if !leaves["ex_demo"].Synthetic || leaves["ex_real"].Synthetic {
		t.Errorf("%+v", leaves)
	}
	if r := check(t, cfg); r.Synthetic != 1 {
		t.Errorf("%+v", r)
	}
}

// BenchmarkExchange measures Begin and Finish together. "cpu-µs" is what they
// cost beside the wait for the disk.
func BenchmarkExchange(b *testing.B) {
	for _, workers := range []int{1, 64} {
		for _, kind := range []string{"disk", "no-sync"} {
			b.Run(fmt.Sprintf("%s-%d", kind, workers), func(b *testing.B) {
				cfg := testConfig(b)
				cfg.SegmentSize, cfg.CheckpointEvery = 0, time.Second
				if kind == "no-sync" {
					cfg.disk = noSync{}
				}
				benchmarkExchange(b, open(b, cfg), workers)
			})
		}
	}
}

func benchmarkExchange(b *testing.B, l *Ledger, workers int) {
	var n atomic.Int64
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
				exchange(b, l, fmt.Sprintf("ex_%d", i))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		b.Fatal(err)
	}
	cpu := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(cpu)/1e3/float64(b.N), "cpu-µs/op")
}

// noSync is a disk without the wait.
type noSync struct{ osDisk }

type noSyncFile struct{ file }

func (noSyncFile) Sync() error { return nil }

func (d noSync) Open(name string, flag int) (file, error) {
	f, err := d.osDisk.Open(name, flag)
	return noSyncFile{f}, err
}

func (noSync) SyncDir(string) error { return nil }
