package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// plainHouse is a gate that looks for one word in everything.
func plainHouse(t testing.TB) *house {
	return newHouse(t, houseConfig{policy: guard.Policy{Rules: []guard.Rule{{ID: "nightjar", Phrase: "Project Nightjar", Action: "block", Says: "Not with AI."}}}})
}

func TestCallIsForwardedToTheByte(t *testing.T) {
	h := plainHouse(t)
	answer := `{"id":"x","object":"chat.completion","created":1,"model":"m","x_future":{"n":9007199254740993},"choices":[{"index":0,"message":{"role":"assistant","content":"sure \u00e9","annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8,"cost":0.10}}`
	h.up.says(answer)
	body := `{ "model":"fast" , "messages":[{"role":"user","content":"hi \ud83d\ude00"}],"seed":9007199254740993,"temperature":0.10,"x_new":{"a":1e2,"keep":"me"}}`
	req := h.request(http.MethodPost, "/v1/chat/completions", body)
	req.Header.Set("X-Stainless-Lang", "js")
	req.Header.Set("OpenAI-Organization", "org") // the operator's to choose
	req.Header.Set("OpenAI-Beta", "assistants=v2")
	req.Header.Set("X-Forwarded-For", "1.2.3.4")
	req.Header.Set("Bartizan-Label", "public")
	req.Header.Set("Cookie", "a=b")
	got := h.do(req)
	if got.status != http.StatusOK || got.body != answer {
		t.Fatalf("%d %s", got.status, got.body)
	}
	h.up.mu.Lock()
	head := h.up.heads[0]
	h.up.mu.Unlock()
	if want := strings.Replace(body, `"model":"fast"`, `"model":"m-1"`, 1); string(h.up.received()[0]) != want {
		t.Errorf("the upstream got another body than was sent")
	}
	if head.Get("X-Stainless-Lang") != "js" || head.Get("Openai-Beta") != "assistants=v2" || head.Get("Openai-Organization") != "" {
		t.Errorf("end-to-end headers were lost: %v", head)
	}
	for _, k := range []string{"X-Forwarded-For", "Bartizan-Label", "Cookie"} {
		if head.Get(k) != "" {
			t.Errorf("%s reached the upstream", k)
		}
	}
	if head.Get("Authorization") != "Bearer provider-"+"canary-key" {
		t.Error("the upstream did not get the provider's credential")
	}
	r := h.record(got)
	if r.Outcome.End != "answered" || r.Outcome.Input != 3 || r.Outcome.Output != 5 || r.Intent.Candidate != "up/m-1" {
		t.Errorf("record: %+v", r.Outcome)
	}
	if r.Intent.Received.Bytes != int64(len(body)) || r.Intent.Sent.Bytes != int64(len(body)-1) || r.Outcome.Answered.Bytes != int64(len(answer)) {
		t.Errorf("digests: %+v %+v %+v", r.Intent.Received, r.Intent.Sent, r.Outcome.Answered)
	}
	if got.header.Get("Bartizan-Receipt") == "" || got.header.Get("Bartizan-Policy") != h.plan.Policies["bot"].ID() || got.header.Get("Bartizan-Decision") != "allow" {
		t.Errorf("headers: %v", got.header)
	}
}

func TestStreamIsForwardedToTheByte(t *testing.T) {
	h := plainHouse(t)
	frames := []string{
		`{"id":"","object":"","created":0,"model":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}],"choices":[]}`,
		chunk(0, `{"role":"assistant","content":"","refusal":null}`), chunk(0, `{"content":"One sentence. "}`), chunk(0, `{"content":"Another"}`),
		stopChunk(0, "stop"), `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":9,"total_tokens":16}}`, "[DONE]"}
	h.up.streams(frames...)
	got := h.chat(user("hi", true))
	want := ""
	for _, f := range frames {
		want += "data: " + f + "\n\n"
	}
	if got.body != want {
		t.Fatalf("got\n%s\nwant\n%s", got.body, want)
	}
	r := h.record(got)
	if r.Outcome.End != "answered" || r.Outcome.Input != 7 || r.Outcome.Output != 9 || r.Outcome.Answered.Bytes != int64(len(want)) {
		t.Errorf("record: %+v", r.Outcome)
	}
}

// TestSentences: every way to be refused is one clear sentence in the dialect,
// with a status that SDKs understand, and nothing of it is lost or echoed.
func TestSentences(t *testing.T) {
	h := newHouse(t, houseConfig{gate: Config{MaxBody: 4096}, client: dialect.ClientConfig{FirstByte: 300 * time.Millisecond}})
	revoked, secret, err := h.keys.Create(context.Background(), "bot", "test")
	must(t, err)
	must(t, h.keys.Revoke(context.Background(), revoked.ID))
	const canary = "zebra-canary"
	good := user(canary, false)
	cases := []struct {
		name   string
		edit   func(*http.Request)
		body   string
		up     func(http.ResponseWriter, *http.Request, []byte)
		status int
		code   string
		says   string
	}{
		{name: "no key", edit: func(r *http.Request) { r.Header.Del("Authorization") }, body: good, status: 401, code: "invalid_api_key", says: "no key"},
		{name: "wrong key", edit: func(r *http.Request) { r.Header.Set("Authorization", "Bearer bzk_a_b") }, body: good, status: 401, code: "invalid_api_key", says: "not known"},
		{name: "another wrong key", edit: func(r *http.Request) { r.Header.Set("Authorization", "Basic "+h.secret) }, body: good, status: 401, code: "invalid_api_key", says: "not known"},
		{name: "two keys", edit: func(r *http.Request) { r.Header.Set("X-Api-Key", "other") }, body: good, status: 401, code: "invalid_api_key", says: "not known"},
		{name: "revoked key", edit: func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) }, body: good, status: 401, code: "invalid_api_key", says: "revoked"},
		{name: "model not allowed", body: strings.Replace(good, "fast", canary, 1), status: 404, code: "model_not_found", says: "GET /v1/models"},
		{name: "tool not allowed", body: strings.Replace(good, `"messages"`, `"tools":[{"type":"function","function":{"name":"shell"}}],"messages"`, 1), status: 400, code: "tool_not_allowed", says: "tool"},
		{name: "broken JSON", body: good + "}", status: 400, code: "invalid_json", says: "strict JSON"},
		{name: "repeated key", body: strings.Replace(good, `"model"`, `"model":"fast","model"`, 1), status: 400, code: "invalid_json", says: "repeated key"},
		{name: "case variant", body: strings.Replace(good, `"messages"`, `"Messages"`, 1), status: 400, code: "invalid_json", says: "case only"},
		{name: "not UTF-8", body: strings.Replace(good, canary, "\xff", 1), status: 400, code: "invalid_json", says: "UTF-8"},
		{name: "too deep", body: strings.Replace(good, `"messages"`, `"x":`+strings.Repeat("[", 200)+strings.Repeat("]", 200)+`,"messages"`, 1), status: 400, code: "invalid_json", says: "nesting"},
		{name: "too large", body: user(strings.Repeat("a", 5000), false), status: 413, code: "request_too_large", says: "4096 bytes"},
		{name: "too large, not announced", edit: func(r *http.Request) { r.ContentLength = -1 }, body: user(strings.Repeat("a", 5000), false), status: 413, code: "request_too_large", says: "4096 bytes"},
		{name: "media type", edit: func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, body: good, status: 415, code: "unsupported_media_type", says: "application/json"},
		{name: "compressed", edit: func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, body: good, status: 415, code: "unsupported_media_type", says: "compressed"},
		{name: "unknown route", edit: func(r *http.Request) { r.URL.Path = "/v1/files" }, body: good, status: 404, code: "unknown_operation", says: "no operation"},
		{name: "unknown method", edit: func(r *http.Request) { r.Method = http.MethodPut }, body: good, status: 404, code: "unknown_operation", says: "no operation"},
		{name: "query", edit: func(r *http.Request) { r.URL.RawQuery = "a=" + canary }, body: good, status: 400, code: "unknown_query", says: "query"},
		{name: "too many headers", edit: func(r *http.Request) {
			for i := range 120 {
				r.Header.Set(fmt.Sprintf("X-%d", i), "1")
			}
		}, body: good, status: 431, code: "headers_too_many", says: "fewer"},
		{name: "slow upstream", body: good, up: func(_ http.ResponseWriter, r *http.Request, _ []byte) {
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		}, status: 504, code: "upstream_timeout", says: "in time"},
		{name: "upstream 401", body: good, up: status(401, "application/json", `{"error":{"message":"`+canary+`"}}`), status: 502, code: "upstream_auth", says: "credential"},
		{name: "upstream HTML", body: good, up: status(502, "text/html", "<h1>"+canary), status: 502, code: "upstream_unavailable", says: "failed with status 502"},
		{name: "upstream redirect", body: good, up: func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Location", "http://169.254.169.254/")
			w.WriteHeader(302)
		}, status: 502, code: "upstream_invalid", says: "not an answer"},
		{name: "upstream broken JSON", body: good, up: status(200, "application/json", `{"choices":[`), status: 502, code: "upstream_invalid", says: "not an answer"},
		{name: "upstream compressed", body: good, up: func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", "application/json")
		}, status: 502, code: "upstream_invalid", says: "not an answer"},
		{name: "upstream drops", body: good, up: func(http.ResponseWriter, *http.Request, []byte) { panic(http.ErrAbortHandler) }, status: 502, code: "upstream_unavailable", says: "cannot be reached"},
		{name: "upstream error of the dialect", body: good, up: status(429, "application/json", `{"error":{"message":"slow down","type":"rate_limit","param":null,"code":"rate_limit_exceeded"}}`), status: 429, code: "rate_limit_exceeded", says: "slow down"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h.up.says(completion("fine"))
			if c.up != nil {
				h.up.does(c.up)
			}
			req := h.request(http.MethodPost, "/v1/chat/completions", c.body)
			if c.edit != nil {
				c.edit(req)
			}
			got := h.do(req)
			if got.status != c.status || got.code() != c.code || !strings.Contains(got.body, c.says) {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if strings.Contains(got.body, canary) {
				t.Errorf("the answer echoes: %s", got.body)
			}
			if got.header.Get("Content-Type") != "application/json" || !strings.HasPrefix(got.header.Get("Bartizan-Exchange"), "ex_") {
				t.Errorf("headers: %v", got.header)
			}
			forwarded := len(h.up.received())
			if c.up == nil && forwarded != 0 {
				t.Errorf("it reached the upstream")
			}
			if c.status == 401 || c.status == 431 { // nobody knows yet who calls
				return
			}
			if r := h.record(got); r.Outcome.Status != c.status || r.Outcome.Code != c.code && c.status != 429 {
				t.Errorf("the record says %d %s", r.Outcome.Status, r.Outcome.Code)
			}
		})
	}
}

func status(code int, media, body string) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", media)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func TestDeadUpstream(t *testing.T) {
	h := plainHouse(t)
	h.up.Close()
	got := h.chat(user("hi", false))
	if got.status != 502 || got.code() != "upstream_unavailable" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if r := h.record(got); r.Outcome.End != "failed" || r.Intent.Candidate != "up/m-1" {
		t.Errorf("%+v", r.Outcome)
	}
}

func TestNextCandidateIsTried(t *testing.T) {
	h := plainHouse(t)
	dead, err := dialect.NewClient(dialect.ClientConfig{Name: "dead", URL: "http://127.0.0.1:9/v1", Private: true, Dialect: "openai", Connect: time.Second})
	must(t, err)
	second := h.plan.Models["fast"][0]
	h.gate.SetPlan(&Plan{Permits: h.plan.Permits, Policies: h.plan.Policies, Models: map[string][]Candidate{
		"fast": {{Provider: "dead", Model: "d", Dialect: "openai", Ceiling: privacy.HighlyConfidential, Upstream: dead}, second}}})
	got := h.chat(user("hi", false))
	if got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if b := h.up.received(); len(b) != 1 || !bytes.Contains(b[0], []byte(`"model":"m-1"`)) {
		t.Fatalf("the second upstream got %s", b)
	} else if r := h.record(got); r.Intent.Candidate != "dead/d" || len(r.Outcome.Tries) != 1 || r.Outcome.Tries[0] != fmt.Sprintf("up/m-1 sha256:%x", digest(b[0]).SHA256) {
		t.Errorf("the record says %s, then %v", r.Intent.Candidate, r.Outcome.Tries)
	}
}

func TestBlockedPrompt(t *testing.T) {
	for _, as := range []string{"error", "answer"} {
		for _, stream := range []bool{false, true} {
			h := newHouse(t, houseConfig{policy: guard.Policy{BlockAs: as, Rules: []guard.Rule{{ID: "nightjar", Phrase: "Project Nightjar", Action: "block", Says: "Not with AI."}}}})
			got := h.chat(user("tell me of Project  nightjar", stream))
			if len(h.up.received()) != 0 {
				t.Fatalf("%s %v: it was forwarded", as, stream)
			}
			if !strings.Contains(got.body, ": Not with AI. Rephrase") || !strings.Contains(got.body, got.header.Get("Bartizan-Exchange")) || strings.Contains(got.body, "nightjar\"") {
				t.Errorf("%s %v: %s", as, stream, got.body)
			}
			switch {
			case as == "error" && (got.status != 400 || got.code() != "content_filter" || got.header.Get("X-Should-Retry") != "false"):
				t.Errorf("error, stream=%v: %d %s %v", stream, got.status, got.body, got.header)
			case as == "answer" && !stream && (got.status != 200 || !strings.Contains(got.body, `"content":null`) || !strings.Contains(got.body, `"finish_reason":"content_filter"`)):
				t.Errorf("answer: %d %s", got.status, got.body)
			case as == "answer" && stream && (got.status != 200 || !strings.HasSuffix(got.body, "data: [DONE]\n\n") || got.header.Get("Content-Type") != "text/event-stream"):
				t.Errorf("answer, streamed: %d %s", got.status, got.body)
			}
			r := h.record(got)
			if r.Outcome.End != "blocked" || r.Decision() != risk.Block || got.header.Get("Bartizan-Decision") != "block" {
				t.Errorf("%s %v: record %+v", as, stream, r.Outcome)
			}
		}
	}
}

func TestBlockedAnswer(t *testing.T) {
	h := plainHouse(t)
	h.up.says(completion("well, Project Nightjar is"))
	got := h.chat(user("hi", false))
	if got.status != 200 || strings.Contains(got.body, "Nightjar") || !strings.Contains(got.body, `"finish_reason":"content_filter"`) {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if r := h.record(got); r.Outcome.End != "blocked" || r.Outcome.Verdict.Decision != risk.Block || len(r.Outcome.Verdict.Findings) == 0 {
		t.Errorf("%+v", r.Outcome)
	}
	h.up.streams(chunk(0, `{"content":"The first sentence is long enough. "}`), chunk(0, `{"content":"Project Night"}`), chunk(0, `{"content":"jar"}`), stopChunk(0, "stop"), "[DONE]")
	got = h.chat(user("hi", true))
	if strings.Contains(got.body, "Night") || !strings.Contains(got.body, "The first sentence is long enough. ") || !strings.HasSuffix(got.body, "data: [DONE]\n\n") ||
		strings.Count(got.body, "content_filter") != 1 {
		t.Fatalf("%s", got.body)
	}
	if r := h.record(got); r.Outcome.End != "blocked" || r.Outcome.Status != 200 {
		t.Errorf("%+v", r.Outcome)
	}
}

func TestBrokenStreams(t *testing.T) {
	h := newHouse(t, houseConfig{client: dialect.ClientConfig{Idle: 300 * time.Millisecond}})
	for name, c := range map[string]struct {
		code string
		up   func(http.ResponseWriter, *http.Request, []byte)
	}{
		"clean end without a terminal event": {"upstream_interrupted", sends("data: " + chunk(0, `{"content":"A sentence that is long enough to leave by itself. "}`) + "\n\n")},
		"reset": {"upstream_interrupted", func(w http.ResponseWriter, r *http.Request, b []byte) {
			sends("data: "+chunk(0, `{"content":"A sentence that is long enough to leave by itself. "}`)+"\n\n")(w, r, b)
			panic(http.ErrAbortHandler)
		}},
		"cut inside an event": {"upstream_interrupted", sends("data: " + chunk(0, `{"content":"A sentence that is long enough to leave by itself. "}`) + "\n\ndata: {\"cho")},
		"not JSON":            {"upstream_invalid", sends("data: " + chunk(0, `{"content":"A sentence that is long enough to leave by itself. "}`) + "\n\ndata: hello\n\n")},
		"an event of 5 MB":    {"upstream_invalid", sends("data: " + chunk(0, `{"content":"A sentence that is long enough to leave by itself. "}`) + "\n\ndata: " + strings.Repeat("x", 5<<20))},
		"text after the end":  {"upstream_invalid", sends("data: " + stopped("A sentence that is long enough to leave by itself. ") + "\n\ndata: " + chunk(0, `{"content":"more"}`) + "\n\ndata: [DONE]\n\n")},
		"silence": {"upstream_timeout", func(w http.ResponseWriter, r *http.Request, b []byte) {
			sends("data: "+chunk(0, `{"content":"A sentence that is long enough to leave by itself. "}`)+"\n\n")(w, r, b)
			<-r.Context().Done()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h.up.does(c.up)
			got := h.chat(user("hi", true))
			last := got.body[strings.LastIndex(got.body, "data: ")+6:]
			if e := (answered{body: last}); e.code() != c.code || strings.Contains(got.body, "[DONE]") {
				t.Fatalf("%s", got.body)
			}
			if r := h.record(got); r.Outcome.End != "failed" || r.Outcome.Code != c.code || r.Outcome.Answered.Bytes != int64(len(got.body)) {
				t.Errorf("%+v, %d bytes", r.Outcome, len(got.body))
			}
		})
	}
}

func stopped(text string) string {
	return strings.Replace(chunk(0, `{"content":`+quoted(text)+`}`), `"finish_reason":null`, `"finish_reason":"stop"`, 1)
}

func sends(raw string) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, raw)
		_ = http.NewResponseController(w).Flush()
	}
}

// TestSignsOfLife: a stream that waits gets comments, before the first byte too,
// and what fails afterwards is said inside the stream.
func TestSignsOfLife(t *testing.T) {
	h := newHouse(t, houseConfig{gate: Config{Beat: 50 * time.Millisecond}})
	h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
		time.Sleep(250 * time.Millisecond)
		sends("data: "+chunk(0, `{"content":"This comes late, and is long enough to leave by itself. "}`)+"\n\n")(w, r, b)
		time.Sleep(250 * time.Millisecond)
		sends("data: "+stopChunk(0, "stop")+"\n\ndata: [DONE]\n\n")(w, r, b)
	})
	got := h.chat(user("hi", true))
	before, after, ok := strings.Cut(got.body, "This comes late")
	if !ok || strings.Count(before, ": keep-alive\n\n") < 2 || strings.Count(after, ": keep-alive\n\n") < 2 || !strings.HasSuffix(got.body, "data: [DONE]\n\n") {
		t.Fatalf("%q", got.body)
	}
	if r := h.record(got); r.Outcome.Answered.Bytes != int64(len(strings.ReplaceAll(got.body, ": keep-alive\n\n", ""))) {
		t.Errorf("comments are no part of the answer: %+v", r.Outcome.Answered)
	}
	h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
		time.Sleep(200 * time.Millisecond)
		status(500, "application/json", `{"error":{"message":"sorry","code":"server_error"}}`)(w, r, b)
	})
	if got = h.chat(user("hi", true)); got.status != 200 || !strings.HasSuffix(got.body, "data: {\"error\":{\"message\":\"sorry\",\"code\":\"server_error\"}}\n\n") {
		t.Fatalf("%d %q", got.status, got.body)
	}
	h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
		time.Sleep(200 * time.Millisecond)
		status(200, "application/json", completion("whole"))(w, r, b)
	})
	if got = h.chat(user("hi", false)); strings.Contains(got.body, "keep-alive") {
		t.Fatalf("a JSON answer got comments: %q", got.body)
	}
}

// TestCancelReachesTheUpstream: a caller who leaves stops the work, before the
// first byte and after it, and the record says what they really got.
func TestCancelReachesTheUpstream(t *testing.T) {
	h := newHouse(t, houseConfig{})
	for _, stream := range []bool{false, true} {
		for _, first := range []bool{false, true} {
			if first && !stream {
				continue
			}
			gone, started := make(chan time.Time, 1), make(chan struct{})
			h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
				if first {
					sends("data: "+chunk(0, `{"content":"Sentence one is long enough to leave by itself. "}`)+"\n\n")(w, r, b)
				}
				close(started)
				<-r.Context().Done()
				gone <- time.Now()
			})
			ctx, cancel := context.WithCancel(context.Background())
			req := h.request(http.MethodPost, "/v1/chat/completions", user("hi", stream)).WithContext(ctx)
			done := make(chan string, 1)
			go func() {
				resp, err := h.server.Client().Do(req)
				if err != nil {
					done <- ""
					return
				}
				_, _ = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				done <- resp.Header.Get("Bartizan-Exchange")
			}()
			<-started
			if first {
				time.Sleep(50 * time.Millisecond)
			}
			left := time.Now()
			cancel()
			select {
			case at := <-gone:
				if at.Sub(left) > time.Second {
					t.Errorf("stream=%v first=%v: the upstream worked on for %v", stream, first, at.Sub(left))
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("stream=%v first=%v: the upstream never learnt of it", stream, first)
			}
			if id := <-done; id != "" {
				if r := h.record(answered{header: http.Header{"Bartizan-Exchange": {id}}}); r.Outcome.End != "cancelled" {
					t.Errorf("stream=%v first=%v: %+v", stream, first, r.Outcome)
				}
			}
		}
	}
}

// TestRevokedKeyEndsOpenStreams at their next event.
func TestRevokedKeyEndsOpenStreams(t *testing.T) {
	h := newHouse(t, houseConfig{})
	h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
		sends("data: "+chunk(0, `{"content":"Sentence one is long enough to leave by itself. "}`)+"\n\n")(w, r, b)
		must(t, h.keys.Revoke(context.Background(), h.key.ID))
		sends("data: "+chunk(0, `{"content":"Sentence two is long enough to leave by itself. "}`)+"\n\ndata: "+stopChunk(0, "stop")+"\n\ndata: [DONE]\n\n")(w, r, b)
	})
	got := h.chat(user("hi", true))
	if strings.Contains(got.body, "Sentence two") || !strings.Contains(got.body, "invalid_api_key") || strings.Contains(got.body, "[DONE]") {
		t.Fatalf("%s", got.body)
	}
	if got = h.chat(user("hi", false)); got.status != 401 {
		t.Fatalf("%d", got.status)
	}
}

// TestModelToolCalls: a call that the model makes is authorised before it leaves.
func TestModelToolCalls(t *testing.T) {
	h := newHouse(t, houseConfig{})
	call := func(name string) string {
		return `{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"` + name + `","arguments":"{}"}}]}`
	}
	for _, c := range []struct {
		tool string
		ok   bool
	}{{"search", true}, {"shell", false}} {
		h.up.streams(chunk(0, call(c.tool)), stopChunk(0, "tool_calls"), "[DONE]")
		got := h.chat(user("hi", true))
		if strings.Contains(got.body, `"`+c.tool+`"`) != c.ok || strings.Contains(got.body, "tool_not_allowed") == c.ok {
			t.Errorf("streamed %s: %s", c.tool, got.body)
		}
		h.up.says(strings.Replace(completion(""), `"content":""`, `"content":null,`+call(c.tool)[1:len(call(c.tool))-1], 1))
		got = h.chat(user("hi", false))
		if (got.status == 200) != c.ok || strings.Contains(got.body, `"`+c.tool+`"`) != c.ok {
			t.Errorf("whole %s: %d %s", c.tool, got.status, got.body)
		}
		r := h.record(got)
		if n := len(r.Outcome.Permits); n != 1 || r.Outcome.Permits[0].Allowed != c.ok {
			t.Errorf("%s: permits %+v", c.tool, r.Outcome.Permits)
		}
	}
}

func TestModels(t *testing.T) {
	h := newHouse(t, houseConfig{system: record.System{Name: "bot", Team: "team", Models: []string{"fast", "gone"}}})
	got := h.do(h.request(http.MethodGet, "/v1/models", ""))
	if got.status != 200 || !strings.Contains(got.body, `"id":"fast"`) || strings.Contains(got.body, "gone") {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if r := h.record(got); r.Intent.Op != "list" || r.Outcome.End != "answered" {
		t.Errorf("%+v", r.Intent)
	}
}

// TestErringPermitDenies: Cedar alone would skip it.
func TestErringPermitDenies(t *testing.T) {
	h := newHouse(t, houseConfig{permits: []access.PermitFile{{Name: "x.cedar", Text: []byte(`@id("night") forbid(principal, action, resource) when { context.nothing > 3 };`)}}})
	got := h.chat(user("hi", false))
	if got.status != 404 || got.code() != "model_not_found" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if r := h.record(got); len(r.Intent.Permits) != 1 || len(r.Intent.Permits[0].Errors) != 1 || !strings.Contains(r.Intent.Permits[0].Errors[0], "night") {
		t.Errorf("%+v", r.Intent.Permits)
	}
}

// failing is a recorder whose parts fail on demand.
type failing struct {
	record.Recorder
	begin, finish error
}

func (f *failing) Begin(ctx context.Context, in record.Intent) (record.Receipt, error) {
	if f.begin != nil {
		return record.Receipt{}, f.begin
	}
	return f.Recorder.Begin(ctx, in)
}

func (f *failing) Finish(ctx context.Context, out record.Outcome) error {
	if f.finish != nil {
		return f.finish
	}
	return f.Recorder.Finish(ctx, out)
}

// TestNothingUnrecordedPasses: without a durable intent nothing is forwarded, and
// without a durable outcome no answer ends well.
func TestNothingUnrecordedPasses(t *testing.T) {
	f := &failing{}
	h := newHouse(t, houseConfig{recorder: func(r record.Recorder) record.Recorder { f.Recorder = r; return f }})
	for _, err := range []error{record.ErrFull, record.ErrUnavailable, errors.New("other")} {
		f.begin = err
		got := h.chat(user("hi", false))
		if got.status != 503 || got.header.Get("Retry-After") == "" || len(h.up.received()) != 0 {
			t.Errorf("%v: %d %s", err, got.status, got.body)
		}
	}
	f.begin, f.finish = nil, record.ErrUnavailable
	if got := h.chat(user("hi", false)); got.status != 503 || strings.Contains(got.body, "fine") {
		t.Errorf("whole: %d %s", got.status, got.body)
	}
	h.up.streams(chunk(0, `{"content":"Sentence one is long enough to leave by itself. "}`), stopChunk(0, "stop"), "[DONE]")
	if got := h.chat(user("hi", true)); !strings.Contains(got.body, "ledger_unavailable") || strings.Contains(got.body, "[DONE]") {
		t.Errorf("streamed: %s", got.body)
	}
}

// TestPlanStaysForOpenCalls: a reload in the middle of an answer changes nothing
// for it.
func TestPlanStaysForOpenCalls(t *testing.T) {
	h := newHouse(t, houseConfig{})
	h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
		sends("data: "+chunk(0, `{"content":"Sentence one is long enough to leave by itself. "}`)+"\n\n")(w, r, b)
		h.gate.SetPlan(&Plan{Permits: h.plan.Permits})
		sends("data: "+chunk(0, `{"content":"Sentence two is long enough to leave by itself. "}`)+"\n\ndata: "+stopChunk(0, "stop")+"\n\ndata: [DONE]\n\n")(w, r, b)
	})
	if got := h.chat(user("hi", true)); !strings.Contains(got.body, "Sentence two") || !strings.HasSuffix(got.body, "[DONE]\n\n") {
		t.Fatalf("%s", got.body)
	}
	if got := h.chat(user("hi", true)); got.status != 503 || got.code() != "no_policy" {
		t.Fatalf("%d %s", got.status, got.body)
	}
}

// TestPanicsSayNothing: a detector or an upstream that panics with the caller's
// text in hand leaves none of it anywhere.
func TestPanicsSayNothing(t *testing.T) {
	h := newHouse(t, houseConfig{recorder: func(r record.Recorder) record.Recorder { return panicking{r} }})
	got := h.chat(user("zebra-canary", false))
	if got.status != 500 || got.code() != "internal_error" || strings.Contains(got.body, "zebra") {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if logs := h.logs.String(); strings.Contains(logs, "zebra") || !strings.Contains(logs, `"panic"`) {
		t.Fatalf("%s", logs)
	}
}

type panicking struct{ record.Recorder }

func (panicking) Begin(_ context.Context, in record.Intent) (record.Receipt, error) {
	panic("with zebra-canary in hand: " + in.Model)
}

// TestReceipts: the promise that came with an answer is kept in the log, and
// others' exchanges do not exist for a caller.
func TestReceipts(t *testing.T) {
	h := newHouse(t, houseConfig{})
	got := h.chat(user("hi", false))
	id := got.header.Get("Bartizan-Exchange")
	var proof answered
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if proof = h.do(h.request(http.MethodGet, "/bartizan/v1/exchanges/"+id+"/receipt", "")); proof.status == 200 || time.Now().After(deadline) {
			break
		}
	}
	p, err := ledger.ParseProof([]byte(proof.body))
	must(t, err)
	leaf, err := p.Verify(p.Key)
	if err != nil || leaf.ID != id || leaf.System != "bot" {
		t.Fatalf("%+v %v", leaf, err)
	}
	_, other, err := h.keys.Create(context.Background(), "other", "test")
	must(t, err)
	for _, secret := range []string{other, "bzk_x_y"} {
		req := h.request(http.MethodGet, "/bartizan/v1/exchanges/"+id+"/receipt", "")
		req.Header.Set("Authorization", "Bearer "+secret)
		if got := h.do(req); got.status != 404 && got.status != 401 || strings.Contains(got.body, "checkpoint") {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
}
