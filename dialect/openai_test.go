package dialect

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/llm"
)

func TestFaults(t *testing.T) {
	f := &Fault{Status: 400, Type: "invalid_request_error", Code: "content_filter", Message: "a \"quoted\" <message>"}
	if got := string((OpenAI{}).Fault(f)); got != `{"error":{"message":"a \"quoted\" <message>","type":"invalid_request_error","param":null,"code":"content_filter"}}` {
		t.Error(got)
	}
	if f.Header().Get("X-Should-Retry") != "false" || f.Header().Get("Retry-After") != "" {
		t.Error(f.Header())
	}
	f = &Fault{Status: 503, Retry: true, After: 7}
	if f.Header().Get("X-Should-Retry") != "" || f.Header().Get("Retry-After") != "7" {
		t.Error(f.Header())
	}
	b := Refusal{ID: "ex_1", Model: "m", Message: "no", Choices: []int{0, 2}, Created: 5}
	var v struct {
		Choices []struct {
			Index        int
			Message      struct{ Content, Refusal *string }
			FinishReason string `json:"finish_reason"`
		}
	}
	if err := json.Unmarshal((OpenAI{}).Refusal(&llm.Request{Op: llm.OpChat}, b), &v); err != nil || len(v.Choices) != 2 || v.Choices[1].Index != 2 ||
		v.Choices[0].Message.Content != nil || *v.Choices[0].Message.Refusal != "no" || v.Choices[0].FinishReason != "content_filter" {
		t.Errorf("%+v %v", v, err)
	}
	frames := string((OpenAI{}).RefusalFrames(nil, b))
	if !strings.HasSuffix(frames, "\n\ndata: [DONE]\n\n") || strings.Count(frames, "data: ") != 2 {
		t.Error(frames)
	}
	if s := describeStream(OpenAI{}.Frames(nil, io.NopCloser(strings.NewReader(frames)))); !strings.Contains(s, `refusal "no"`) || !strings.HasSuffix(s, "EOF\n") {
		t.Error(s)
	}
}

// TestRefusalContinuesTheStream: the chunk that refuses is one of the answer it ends.
func TestRefusalContinuesTheStream(t *testing.T) {
	b := Refusal{ID: "ex_1", Model: "fast", Message: "no", Created: 5}
	for last, want := range map[*llm.Event]string{
		nil: `"id":"ex_1","object":"chat.completion.chunk","created":5,"model":"fast"`,
		{Data: []byte(`{"id":"c7","object":"chat.completion.chunk","created":9,"model":"m-2","choices":[]}`)}: `"id":"c7","object":"chat.completion.chunk","created":9,"model":"m-2"`,
		{Data: []byte(`{"id":"","model":"","choices":[],"prompt_filter_results":[]}`)}:                        `"id":"ex_1","object":"chat.completion.chunk","created":5,"model":"fast"`,
	} {
		b.Last = last
		for _, d := range []Dialect{OpenAI{}, azure()[0]} {
			if got := string(d.RefusalFrames(nil, b)); !strings.Contains(got, want) {
				t.Errorf("%s: %s", d.ID(), got)
			}
		}
	}
}

// TestFaultsInAStreamAreRaised: an SDK finds the error where it looks for one, and a
// block is no error to it.
func TestFaultsInAStreamAreRaised(t *testing.T) {
	r := &llm.Request{Op: llm.OpChat, Model: "fast"}
	for _, d := range []Dialect{OpenAI{}, Responses{}, Anthropic{}} {
		frames := string(d.FaultFrames(r, &Fault{Status: 502, Code: "broken", Message: "it broke", Retry: true}, nil))
		_, last, _ := strings.Cut(frames[strings.LastIndex(frames, "data: "):], " ")
		var v struct{ Error struct{ Message string } }
		if err := json.Unmarshal([]byte(last), &v); err != nil || v.Error.Message != "it broke" {
			t.Errorf("%s: %v in %s", d.ID(), err, last)
		}
	}
	if s := string((Responses{}).RefusalFrames(r, Refusal{ID: "ex_1", Message: "no"})); strings.Contains(s, `}},"error":`) || !strings.Contains(s, `"code":"invalid_prompt","message":"no"`) {
		t.Errorf("a block is raised: %s", s)
	}
}

// TestRefusalsThatAreShown: a client that hides refusals is told in words it shows,
// behind a whole block.
func TestRefusalsThatAreShown(t *testing.T) {
	b := Refusal{ID: "ex_1", Message: "Policy p stopped this answer.", Last: &llm.Event{After: &messagePlace{begun: true, open: 0, next: 1}}}
	for header, want := range map[string]string{
		"X-Other": `"stop_details":{"type":"refusal","category":null,"explanation":"Policy p stopped this answer."}`,
		"X-Claude-Code-Session-Id": "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n" +
			"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Policy p stopped this answer.\"",
	} {
		r := &llm.Request{Op: llm.OpChat, Header: http.Header{header: {"1"}}}
		got := string((Anthropic{}).RefusalFrames(r, b))
		if !strings.Contains(got, want) || !strings.HasPrefix(got, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n") {
			t.Errorf("%s: %s", header, got)
		}
	}
}
