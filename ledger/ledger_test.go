package ledger

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

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

// testConfig keeps segments small, so that tests see many of them.
func testConfig(t testing.TB) Config {
	dir := t.TempDir()
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
	for range 2000 {
		p, err := l.Receipt(t.Context(), id)
		if err == nil {
			return p
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s does not get into the log: %+v", id, l.Status())
	return nil
}

func TestSmoke(t *testing.T) {
	cfg := testConfig(t)
	l := open(t, cfg)
	for i := range 600 {
		exchange(t, l, fmt.Sprintf("ex_%d", i))
	}
	logged(t, l, "ex_599")
	if n := len(collect(t, l, record.Query{})); n != 600 {
		t.Errorf("%d records", n)
	}
	shut(t, l)
	l = open(t, cfg)
	if n := len(collect(t, l, record.Query{})); n != 600 {
		t.Errorf("%d records", n)
	}
	t.Logf("%+v", l.Status())
}
