package dialect

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/llm"
)

// heardOf reads a response to a request and returns what of it is judged.
func heardOf(t *testing.T, request string, edits func(*llm.Request), answer string) string {
	t.Helper()
	r, err := Responses{}.Decode(Route{Op: llm.OpChat, Path: "/responses"}, []byte(request))
	if err != nil {
		t.Fatal(err)
	}
	if edits != nil {
		edits(r)
	}
	e, err := Responses{}.Answer(r, http.StatusOK, []byte(answer))
	if err != nil {
		t.Fatal(err)
	}
	s := Responses{}.Frames(r, io.NopCloser(strings.NewReader("data: {\"type\":\"response.completed\",\"response\":"+answer+"}\n\n")))
	streamed, err := s.Next()
	if err != nil {
		t.Fatal(err)
	}
	var texts [2][]string
	for i, passages := range [][]llm.Passage{e.Passages, streamed.Passages} {
		for _, p := range passages {
			texts[i] = append(texts[i], p.Text)
		}
	}
	if a, b := strings.Join(texts[0], "|"), strings.Join(texts[1], "|"); a != b {
		t.Errorf("whole %q, streamed %q", a, b)
	}
	return strings.Join(texts[0], "|")
}

// TestEchoes: what a response repeats of its request was judged when it came; anything
// that differs from it was not.
func TestEchoes(t *testing.T) {
	const request = `{"model":"m","store":false,"instructions":"The secret plan is blue","input":"hi","metadata":{"a long key of theirs":"their own words"}}`
	if got := heardOf(t, request, nil, `{"id":"r","instructions":"The secret plan is blue","metadata":{"a long key of theirs":"their own words"},"output":[]}`); got != "r | " {
		t.Errorf("an echo is judged again: %q", got)
	}
	got := heardOf(t, request, nil, `{"id":"r","instructions":"The secret plan is red","metadata":{"another long key":"their own words!"},"output":[]}`)
	for _, want := range []string{"The secret plan is red", "another long key", "their own words!"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not judged: %q", want, got)
		}
	}
	// What was sent counts, not what came: a masked text comes back masked.
	masked := func(r *llm.Request) {
		for i := range r.Passages {
			if p := &r.Passages[i]; p.Text == "The secret plan is blue" {
				e, err := p.Map.Edit(19, 23, "[COLOUR]", "test")
				if err != nil {
					t.Fatal(err)
				}
				r.Edits = append(r.Edits, e)
			}
		}
	}
	if got := heardOf(t, request, masked, `{"id":"r","instructions":"The secret plan is [COLOUR]","output":[]}`); got != "r | " {
		t.Errorf("a masked echo is judged again: %q", got)
	}
	if got := heardOf(t, request, masked, `{"id":"r","instructions":"The secret plan is blue","output":[]}`); !strings.Contains(got, "blue") {
		t.Errorf("what was masked came back unjudged: %q", got)
	}
	if got := heardOf(t, request, nil, `{"id":"r","output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"The secret plan is blue"}]}]}`); !strings.Contains(got, "blue") {
		t.Errorf("an answer is no echo: %q", got)
	}
}

// TestEndsInEveryDialect: errors have the type that goes with their status, and streams
// that have not begun begin before they end.
func TestEndsInEveryDialect(t *testing.T) {
	for status, want := range map[int]string{400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error",
		408: "invalid_request_error", 413: "request_too_large", 429: "rate_limit_error", 500: "api_error", 502: "api_error", 503: "overloaded_error", 504: "timeout_error"} {
		got := string(Anthropic{}.Fault(&Fault{Status: status, Code: "c", Message: "m", ID: "ex_1"}))
		if got != `{"type":"error","error":{"type":"`+want+`","message":"m","code":"c"},"request_id":"ex_1"}` {
			t.Errorf("%d: %s", status, got)
		}
	}
	r := &llm.Request{Op: llm.OpChat, Model: "m"}
	for code, f := range map[string]*Fault{"rate_limit_exceeded": {Status: 429, Retry: true}, "server_error": {Status: 502, Retry: true}, "invalid_prompt": {Status: 502}} {
		got := string(Responses{}.FaultFrames(r, f, nil))
		if !strings.HasPrefix(got, "event: response.created\n") || !strings.Contains(got, `"sequence_number":1`) || !strings.Contains(got, `"code":"`+code+`"`) {
			t.Errorf("%s: %s", code, got)
		}
		last := &llm.Event{After: &responsePlace{seq: 41, id: "resp_9"}}
		if got = string(Responses{}.FaultFrames(r, f, last)); strings.Contains(got, "created\n") || !strings.Contains(got, `"sequence_number":42`) || !strings.Contains(got, `"id":"resp_9"`) {
			t.Errorf("%s: %s", code, got)
		}
	}
	for _, d := range All() {
		if d.Refusal(&llm.Request{Op: llm.OpCount}, Refusal{}) != nil {
			t.Errorf("%s refuses to count in a shape that counts do not have", d.ID())
		}
	}
}
