package gateway

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// TestFailingDetectors: a detector that errs, hangs past its deadline or panics is a
// verdict on both sides: it blocks by default, passes only where policy says so, and
// the record never says that it ran.
func TestFailingDetectors(t *testing.T) {
	for name, fail := range map[string]func(ctx context.Context) error{
		"errs":   func(context.Context) error { return errors.New("zebra-canary is what I saw") },
		"hangs":  func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"panics": func(context.Context) error { panic("zebra-canary is what I saw") },
	} {
		for policy, p := range map[string]guard.Policy{
			"closed":  {},
			"open":    {OnError: guard.OnError{Input: "flag", Output: "flag"}},
			"monitor": {Mode: "monitor", Until: "2099-01-01"},
		} {
			broken := false
			d := &phrase{id: "own/phrase@1", word: "zebra", category: risk.PromptInjection, fail: func(ctx context.Context) error {
				if broken {
					return fail(ctx)
				}
				return nil
			}}
			h := newHouse(t, houseConfig{policy: p, detectors: []guard.Detector{d}})
			if got := h.chat(user("all is well", false)); got.status != 200 {
				t.Fatalf("%s, %s: a working detector: %d %s", name, policy, got.status, got.body)
			}
			broken = true
			got := h.chat(user("a zebra-canary", false))
			r := h.record(got)
			closed := policy == "closed"
			if (got.status == 400) != closed || (len(h.up.received()) == 1) != closed {
				t.Errorf("%s, %s: status %d", name, policy, got.status)
			}
			checkFailed(t, name+", "+policy, r.Intent.Verdict)
			if logs := h.logs.String(); strings.Contains(logs, "zebra") || strings.Contains(got.body, "zebra") {
				t.Errorf("%s, %s: what it saw got out", name, policy)
			}
		}
	}
}

// TestFailingDetectorsOnAnswers: the same on the way back, where the status may have
// left already.
func TestFailingDetectorsOnAnswers(t *testing.T) {
	calls := 0
	d := &phrase{id: "own/phrase@1", word: "zebra", category: risk.PromptInjection, fail: func(context.Context) error {
		if calls++; calls > 2 { // the request, and the first sentence of the answer
			return errors.New("broken")
		}
		return nil
	}}
	h := newHouse(t, houseConfig{detectors: []guard.Detector{d}})
	long := strings.Repeat("This sentence goes on for quite a while so that it is judged alone. ", 6)
	h.up.streams(chunk(0, `{"content":`+quoted(long[:100])+`}`), chunk(0, `{"content":`+quoted(long[100:])+`}`), stopChunk(0, "stop"), "[DONE]")
	got := h.chat(user("hi", true))
	if !strings.Contains(got.body, "content_filter") || strings.Count(got.body, "This sentence") > 2 {
		t.Fatalf("%s", got.body)
	}
	r := h.record(got)
	if r.Outcome.End != "blocked" {
		t.Errorf("%+v", r.Outcome)
	}
	checkFailed(t, "answer", r.Outcome.Verdict)
}

func checkFailed(t *testing.T, what string, v risk.Verdict) {
	t.Helper()
	found := false
	for _, f := range v.Findings {
		found = found || f.Category == risk.CheckFailed
	}
	for _, c := range v.Checks {
		if c.Detector == "own/phrase@1" && (c.State == risk.Ran || len(c.Passages) > 0 || strings.Contains(c.Err, "zebra")) {
			t.Errorf("%s: the record says %+v", what, c)
		}
	}
	if !found {
		t.Errorf("%s: no finding says that a check failed: %+v", what, v)
	}
}

// panics is an upstream that fails in a way that nobody foresaw.
type panics struct{}

func (panics) Do(context.Context, *llm.Request) (*llm.Response, error) { panic("zebra-canary") }

// TestPanicsAreRecorded: a call that panics after its intent has an outcome that says so.
func TestPanicsAreRecorded(t *testing.T) {
	h := newHouse(t, houseConfig{})
	list := h.plan.Models["fast"]
	for i := range list {
		list[i].Upstream = panics{}
	}
	for _, f := range forms() {
		got := h.post(f.path, f.in[0].body("hi", false))
		r := h.record(got)
		if got.status != 500 || strings.Contains(got.body+h.logs.String(), "zebra") || r.Outcome.End != "failed" || r.Outcome.Code != "internal_error" || r.Outcome.Status != 500 {
			t.Errorf("%s: %d %s %+v", f.name, got.status, got.body, r.Outcome)
		}
	}
}
