package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// TestEveryDialectToTheByte: what is sent and what is answered passes as it is, apart from
// the model's name: unknown fields, digits, blanks, escapes, versions and beta headers.
func TestEveryDialectToTheByte(t *testing.T) {
	h := plainHouse(t)
	odd := `"x_new" : { "n":9007199254740993,"t":0.10,"e":1e400,"s":"\u00e9\ud83d\ude00\/" } ,`
	for _, c := range []struct{ form, path, target, body, auth string }{
		{"chat", "/v1/chat/completions", "/v1/chat/completions", `{ "model":"fast", ` + odd + `"messages":[{"role":"user","content":"hi"}]%s}`, "Authorization"},
		{"Messages", "/v1/messages?beta=true", "/v1/messages?beta=true", `{ "model":"fast", ` + odd + `"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]},"thinking":{"type":"adaptive"},"messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]}]%s}`, "X-Api-Key"},
		{"Responses", "/v1/responses", "/v1/responses", `{ "model":"fast", ` + odd + `"store" : false,"include":["reasoning.encrypted_content"],"prompt_cache_key":"k","input":"hi"%s}`, "Authorization"},
		{"embeddings", "/v1/embeddings", "/v1/embeddings", `{ "model":"fast", ` + odd + `"input":["hi"],"encoding_format":"base64"}`, "Authorization"},
		{"Azure", "/openai/deployments/fast/chat/completions?api-version=2024-10-21", "/openai/deployments/m-1/chat/completions?api-version=2024-10-21", `{ "model":"fast", ` + odd + `"messages":[{"role":"user","content":"hi"}]%s}`, "Api-Key"},
		{"Azure Responses", "/openai/v1/responses?api-version=preview", "/openai/v1/responses?api-version=preview", `{ "model":"fast", ` + odd + `"store":false,"input":"hi"%s}`, "Api-Key"},
	} {
		for _, stream := range []bool{false, true} {
			f := formNamed(t, c.form)
			if f.out == nil && stream {
				continue
			}
			body := c.body
			if strings.Contains(body, "%s") {
				body = fmt.Sprintf(body, fmt.Sprintf(`,"stream":%v`, stream))
			}
			answerAs(h, f, stream)
			if f.out != nil && !stream {
				h.up.says(strings.Replace(f.out[0].whole("fine"), `{`, `{ "x_answer":{"n":9007199254740993,"t":0.10} , `, 1))
			}
			req := h.request(http.MethodPost, c.path, body)
			if c.auth != "Authorization" {
				req.Header.Set(c.auth, h.secret)
				req.Header.Del("Authorization")
			}
			req.Header.Set("Anthropic-Beta", "one-2025-01-01,two-2025-02-02,  three")
			req.Header.Set("Anthropic-Version", "2026-10-21")
			if c.form != "Messages" {
				req.Header.Del("Anthropic-Version")
			}
			got := h.do(req)
			h.up.mu.Lock()
			head, target := h.up.heads[0], h.up.paths[0]
			h.up.mu.Unlock()
			sent := h.up.received()
			if want := strings.Replace(body, `"model":"fast"`, `"model":"m-1"`, 1); len(sent) != 1 || string(sent[0]) != want || target != c.target {
				t.Fatalf("%s: %d, %s got %s", c.form, got.status, target, sent)
			}
			if head.Get("Anthropic-Beta") != "one-2025-01-01,two-2025-02-02,  three" || head.Get(c.auth) == "" || strings.Contains(fmt.Sprint(head), h.secret) ||
				c.form == "Messages" && head.Get("Anthropic-Version") != "2026-10-21" || head.Get("Accept-Encoding") != "identity" {
				t.Errorf("%s: headers %v", c.form, head)
			}
			checkPassed(t, c.form, h, got)
		}
	}
}

// checkPassed: the caller got what the upstream says, to the byte.
func checkPassed(t *testing.T, name string, h *house, got answered) {
	t.Helper()
	w := &recorder{header: http.Header{}}
	h.up.mu.Lock()
	reply := h.up.reply
	h.up.mu.Unlock()
	reply(w, nil, nil)
	if got.status != 200 || got.body != w.String() || got.header.Get("X-Request-Id") == "" || got.header.Get("Request-Id") == "" {
		t.Errorf("%s: %d %v\n%s\nwant\n%s", name, got.status, got.header, got.body, w)
	}
}

type recorder struct {
	bytes.Buffer
	header http.Header
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(int)     {}

func formNamed(t *testing.T, name string) form {
	t.Helper()
	for _, f := range forms() {
		if f.name == name {
			return f
		}
	}
	t.Fatalf("no form %s", name)
	return form{}
}

// TestBetasThatAProviderTakes: a list on the provider withholds the others, and says so.
func TestBetasThatAProviderTakes(t *testing.T) {
	h := newHouse(t, houseConfig{})
	list := h.plan.Models["fast"]
	for i := range list {
		list[i].Betas = []string{"two"}
	}
	h.up.says(messagesPlaces()[0].whole("fine"))
	req := h.request(http.MethodPost, "/v1/messages", message(`{"role":"user","content":"x"}`)("", false))
	req.Header.Set("Anthropic-Beta", "one,two, three")
	got := h.do(req)
	if head := h.up.heads[0]; got.status != 200 || head.Get("Anthropic-Beta") != "two" || got.header.Get("Bartizan-Betas-Withheld") != "2" {
		t.Errorf("%d %v %v", got.status, head, got.header)
	}
}

// TestProviderState: what makes a provider keep a conversation, or go on from one, is
// refused by name or allowed by policy; nothing is stripped in silence.
func TestProviderState(t *testing.T) {
	refuse, allow := newHouse(t, houseConfig{}), newHouse(t, houseConfig{policy: guard.Policy{ProviderState: "allow"}})
	f := formNamed(t, "Responses")
	for field, value := range map[string]string{"store": "true", "background": "true", "previous_response_id": `"resp_1"`, "conversation": `"c"`, "prompt": `{"id":"p"}`} {
		body := fmt.Sprintf(`{"model":"fast","input":"hi",%q:%s}`, field, value)
		got := refuse.post(f.path, body)
		if got.status != 400 || got.code() != "provider_state_refused" || !strings.Contains(got.body, "The field "+field+" ") || len(refuse.up.received()) != 0 {
			t.Errorf("%s: %d %s", field, got.status, got.body)
		}
		answerAs(allow, f, false)
		got = allow.post(f.path, body)
		if sent := allow.up.received(); got.status != 200 || len(sent) != 1 || string(sent[0]) != strings.Replace(body, "fast", "m-1", 1) {
			t.Errorf("%s allowed: %d %s", field, got.status, sent)
		}
	}
	got := refuse.post(f.path, `{"model":"fast","input":[{"type":"item_reference","id":"msg_1"}]}`)
	if got.status != 400 || !strings.Contains(got.body, "item_reference") {
		t.Errorf("a reference: %d %s", got.status, got.body)
	}
	got = refuse.chat(strings.Replace(user("hi", false), `"model"`, `"store":true,"model"`, 1))
	if got.status != 400 || got.code() != "provider_state_refused" {
		t.Errorf("chat: %d %s", got.status, got.body)
	}
	answerAs(refuse, f, false)
	for sent, want := range map[string]string{
		`{"model":"fast","input":"hi"}`:               `{"store":false,"model":"m-1","input":"hi"}`,
		`{"model":"fast","input":"hi","store":null}`:  `{"model":"m-1","input":"hi","store":false}`,
		`{"model":"fast","input":"hi","store":false}`: `{"model":"m-1","input":"hi","store":false}`,
	} {
		got := refuse.post(f.path, sent)
		if up := refuse.up.received(); got.status != 200 || len(up) != 1 || string(up[0]) != want {
			t.Errorf("%s: %d, the upstream got %s", sent, got.status, up)
		}
	}
}

// TestBlocksInEveryDialect: a blocked prompt is spoken as policy says, in words that the
// caller's SDK knows and does not send again; nothing reaches the provider.
func TestBlocksInEveryDialect(t *testing.T) {
	for _, as := range []string{"error", "answer"} {
		h := newHouse(t, houseConfig{policy: guard.Policy{BlockAs: as, Rules: []guard.Rule{{ID: "nightjar", Phrase: forbidden, Action: "block", Says: "Not with AI."}}}})
		for _, f := range forms() {
			for _, stream := range []bool{false, true} {
				got := h.post(f.path, f.in[0].body(forbidden, stream))
				cell := fmt.Sprintf("%s as %s, stream=%v: %d %s", f.name, as, stream, got.status, got.body)
				if len(h.up.received()) != 0 || strings.Contains(got.body, forbidden) {
					t.Errorf("%s: it passed", cell)
				}
				id := got.header.Get("Bartizan-Exchange")
				if !strings.Contains(got.body, "Policy "+h.plan.Policies["bot"].ID()) || !strings.Contains(got.body, "Not with AI. Rephrase it") || !strings.Contains(got.body, id) {
					t.Errorf("%s: it does not say what happened", cell)
				}
				if r := h.record(got); r.Outcome.End != "blocked" || r.Decision() != risk.Block {
					t.Errorf("%s: %+v", cell, r.Outcome)
				}
				if as == "error" || f.out == nil { // vectors have no shape for it
					if got.status != 400 || got.header.Get("X-Should-Retry") != "false" || !strings.Contains(got.body, errorShapes[f.name]) || !json.Valid([]byte(got.body)) {
						t.Errorf("%s", cell)
					}
				} else if got.status != 200 || !f.refusal(got.body) || strings.HasPrefix(got.header.Get("Content-Type"), "text/event-stream") != stream {
					t.Errorf("%s", cell)
				}
			}
		}
	}
}

// errorShapes is how the error of a blocked prompt can be told in each dialect.
var errorShapes = map[string]string{
	"chat": `"code":"content_filter"`, "embeddings": `"code":"content_filter"`, "Messages": `{"type":"error","error":{"type":"invalid_request_error","message":"`,
	"Responses": `"code":"invalid_prompt"`, "Azure": `"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{`, "Azure Responses": `"code":"ResponsibleAIPolicyViolation"`,
}

const long = "A sentence that is long enough to leave by itself. "

// TestStoppedAfterText: an answer that is stopped after some of it has left ends as the
// dialect ends one: open blocks are closed, numbers go on.
func TestStoppedAfterText(t *testing.T) {
	h := plainHouse(t)
	for _, f := range forms() {
		if f.out == nil {
			continue
		}
		h.up.sends(f.out[0].frames(long, "Now "+forbidden, " comes. ")...)
		got := h.post(f.path, f.in[0].body("hi", true))
		if !strings.Contains(got.body, "long enough") || strings.Contains(got.body, "Nightjar") || !f.refusal(got.body) {
			t.Fatalf("%s: %s", f.name, got.body)
		}
		for _, want := range map[string][]string{
			"chat":      {`"finish_reason":"content_filter"`, "data: [DONE]\n\n"},
			"Azure":     {`"content_filter_results":{"custom_blocklists":{"filtered":true`, "data: [DONE]\n\n"},
			"Messages":  {"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\n", `"stop_reason":"refusal"`, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"},
			"Responses": {"event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":3,\"response\":{\"id\":\"resp_1\"", `"error":{"code":"invalid_prompt","message":"Policy `},
		}[f.name] {
			if !strings.Contains(got.body, want) {
				t.Errorf("%s: %s lacks %s", f.name, got.body, want)
			}
		}
		if r := h.record(got); r.Outcome.End != "blocked" || r.Outcome.Answered.Bytes != int64(len(got.body)) {
			t.Errorf("%s: %+v", f.name, r.Outcome)
		}
	}
}

// TestR24BrokenInEveryDialect: a stream that breaks off is an error that SDKs raise, never
// an end; before the first byte it is a status.
func TestR24BrokenInEveryDialect(t *testing.T) {
	h := newHouse(t, houseConfig{})
	signs := map[string]string{"chat": `data: {"error":{"message":"The provider broke off`, "Azure": `data: {"error":{"message":"The provider broke off`,
		"Messages":  "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"The provider broke off",
		"Responses": "event: response.failed\n", "Azure Responses": "event: response.failed\n"}
	for _, f := range forms() {
		if f.out == nil {
			continue
		}
		frames := f.out[0].frames(long, long)
		for name, sent := range map[string][]string{"no terminal event": frames[:len(frames)-1], "cut inside an event": {strings.Join(frames[:len(frames)-1], ""), "event: x\ndata: {\"a"}} {
			if f.name == "chat" || f.name == "Azure" {
				sent = append(frames[:len(frames)-2:len(frames)-2], sent[1:]...)
			}
			h.up.sends(sent...)
			got := h.post(f.path, f.in[0].body("hi", true))
			if !strings.Contains(got.body, signs[f.name]) || !strings.Contains(got.body, "long enough") {
				t.Errorf("%s, %s: %s", f.name, name, got.body)
			}
			if r := h.record(got); r.Outcome.End != "failed" || r.Outcome.Code != "upstream_interrupted" {
				t.Errorf("%s, %s: %+v", f.name, name, r.Outcome)
			}
		}
		h.up.does(status(http.StatusTooManyRequests, "application/json", `{"type":"error","error":{"type":"rate_limit_error","message":"Slow down"}}`))
		if got := h.post(f.path, f.in[0].body("hi", true)); got.status != http.StatusTooManyRequests || !strings.Contains(got.body, "Slow down") {
			t.Errorf("%s: %d %s", f.name, got.status, got.body)
		}
	}
}

// TestLateErrorsInEveryDialect: what fails after the first sign of life is said inside the
// stream, in an event that SDKs of the dialect raise.
func TestLateErrorsInEveryDialect(t *testing.T) {
	h := newHouse(t, houseConfig{gate: Config{Beat: 20 * time.Millisecond}})
	for _, f := range forms() {
		if f.out == nil {
			continue
		}
		h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
			time.Sleep(100 * time.Millisecond)
			status(http.StatusInternalServerError, "application/json", `{"type":"error","error":{"type":"api_error","message":"Sorry for that"}}`)(w, r, b)
		})
		got := h.post(f.path, f.in[0].body("hi", true))
		want := map[string]string{"Messages": "event: error\ndata: {\"type\":\"error\"", "Responses": "event: response.failed\n", "Azure Responses": "event: response.failed\n"}[f.name]
		if got.status != 200 || !strings.Contains(got.body, "Sorry for that") || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s", f.name, got.status, got.body)
		}
		if r := h.record(got); r.Outcome.End != "failed" {
			t.Errorf("%s: %+v", f.name, r.Outcome)
		}
	}
}

// TestCancelInEveryDialect: a caller who leaves stops the upstream, streamed or not,
// before the first byte and after it.
func TestCancelInEveryDialect(t *testing.T) {
	h := newHouse(t, houseConfig{})
	for _, f := range forms() {
		for _, mode := range []string{"whole", "before the first byte", "in the middle"} {
			if f.out == nil && mode != "whole" {
				continue
			}
			gone, started := make(chan struct{}), make(chan struct{})
			h.up.does(func(w http.ResponseWriter, r *http.Request, _ []byte) {
				if mode == "in the middle" {
					w.Header().Set("Content-Type", "text/event-stream")
					frames := f.out[0].frames(long, long)
					_, _ = io.WriteString(w, strings.Join(frames[:len(frames)-2], ""))
					_ = http.NewResponseController(w).Flush()
				}
				close(started)
				<-r.Context().Done()
				close(gone)
			})
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan string, 1)
			req := h.request(http.MethodPost, f.path, f.in[0].body("hi", mode != "whole")).WithContext(ctx)
			go func() {
				id := ""
				if resp, err := h.server.Client().Do(req); err == nil {
					_, _ = io.ReadAll(resp.Body)
					_ = resp.Body.Close()
					id = resp.Header.Get("Bartizan-Exchange")
				}
				done <- id
			}()
			<-started
			if mode == "in the middle" {
				time.Sleep(20 * time.Millisecond)
			}
			cancel()
			select {
			case <-gone:
			case <-time.After(time.Second): // the promise itself
				t.Errorf("%s, %s: the upstream worked on", f.name, mode)
			}
			if id := <-done; id != "" {
				if r := h.record(answered{header: http.Header{"Bartizan-Exchange": {id}}}); r.Outcome.End != "cancelled" {
					t.Errorf("%s, %s: %+v", f.name, mode, r.Outcome)
				}
			}
		}
	}
}

// TestModelsInBothShapes: one path, two shapes, told apart by the version that every
// client of Anthropic's sends; one model by its name, slashes escaped.
func TestModelsInBothShapes(t *testing.T) {
	h := newHouse(t, houseConfig{system: record.System{Name: "bot", Team: "team", Models: []string{"fast", "meta/llama"}}})
	h.plan.Models["meta/llama"] = h.plan.Models["fast"]
	get := func(path, version string) answered {
		req := h.request(http.MethodGet, path, "")
		if version != "" {
			req.Header.Set("Anthropic-Version", version)
		}
		return h.do(req)
	}
	for _, c := range []struct {
		path, version string
		status        int
		says          string
	}{
		{"/v1/models", "", 200, `{"object":"list","data":[{"id":"fast","object":"model"`},
		{"/v1/models/meta%2Fllama", "", 200, `{"id":"meta/llama","object":"model"`},
		{"/v1/models/none", "", 404, `"code":"model_not_found"`},
		{"/v1/models", "2023-06-01", 200, `{"data":[{"type":"model","id":"fast","display_name":"fast","created_at":"1970-01-01T00:00:00Z","lifecycle":"active"`},
		{"/v1/models?limit=20", "2026-10-21", 200, `"has_more":false,"first_id":"fast","last_id":"meta/llama"}`},
		{"/v1/models/meta%2Fllama", "2023-06-01", 200, `{"type":"model","id":"meta/llama"`},
		{"/v1/models/none", "2023-06-01", 404, `{"type":"error","error":{"type":"not_found_error"`},
		{"/openai/v1/models", "", 200, `"object":"list"`},
		{"/openai/models?api-version=2024-10-21", "", 200, `"object":"list"`},
	} {
		if got := get(c.path, c.version); got.status != c.status || !strings.Contains(got.body, c.says) {
			t.Errorf("%s %s: %d %s", c.path, c.version, got.status, got.body)
		}
	}
}

// TestDoorsThatStayShut: probes are answered at once, upgrades refused at once, paths of
// no operation are errors in the dialect that their caller reads.
func TestDoorsThatStayShut(t *testing.T) {
	h := newHouse(t, houseConfig{})
	if got := h.do(h.request(http.MethodHead, "/", "")); got.status != 200 {
		t.Errorf("HEAD /: %d", got.status)
	}
	up := h.request(http.MethodGet, "/v1/responses", "")
	up.Header.Set("Connection", "Upgrade")
	up.Header.Set("Upgrade", "websocket")
	if got := h.do(up); got.status != http.StatusUpgradeRequired || got.code() != "upgrade_refused" {
		t.Errorf("upgrade: %d %s", got.status, got.body)
	}
	for _, c := range []struct{ method, path, says string }{
		{http.MethodGet, "/v1/responses/resp_1", `"code":"unknown_operation"`},
		{http.MethodDelete, "/v1/responses/resp_1", `"code":"unknown_operation"`},
		{http.MethodPost, "/v1/messages/batches", `{"type":"error","error":{"type":"not_found_error"`},
		{http.MethodPost, "/openai/deployments/fast/images/generations", `"code":"unknown_operation"`},
		{http.MethodPost, "/openai/deployments//chat/completions", `"code":"unknown_operation"`},
		{http.MethodPost, "/openai/deployments/a/b/chat/completions", `"code":"unknown_operation"`},
	} {
		if got := h.do(h.request(c.method, c.path, "")); got.status != 404 || !strings.Contains(got.body, c.says) {
			t.Errorf("%s %s: %d %s", c.method, c.path, got.status, got.body)
		}
	}
	for path, body := range map[string]string{"/v1/messages?beta=true&x=1": message(`{"role":"user","content":"x"}`)("", false), "/v1/messages?beta=a+b": message(`{"role":"user","content":"x"}`)("", false),
		"/openai/deployments/fast/chat/completions?api-version=1&api-key=2": `{"messages":[{"role":"user","content":"x"}]}`} {
		if got := h.post(path, body); got.status != 400 || !strings.Contains(got.body, "may hold") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if len(h.up.received()) != 0 {
		t.Error("something reached the upstream")
	}
}

// TestToolsInEveryDialect: a tool that the system may not use is refused when it is
// offered and when the model calls it, wherever the dialect puts it.
func TestToolsInEveryDialect(t *testing.T) {
	h := newHouse(t, houseConfig{})
	for path, body := range map[string]string{
		"/v1/messages":          `{"model":"fast","tools":[{"name":"shell","input_schema":{}}],"messages":[{"role":"user","content":"x"}]}`,
		"/v1/messages?beta":     `{"model":"fast","mcp_servers":[{"type":"url","url":"https://x.example"}],"messages":[{"role":"user","content":"x"}]}`,
		"/v1/messages?beta=":    `{"model":"fast","tools":[{"type":"bash_20250124","name":"bash"}],"messages":[{"role":"user","content":"x"}]}`,
		"/v1/responses":         `{"model":"fast","store":false,"tools":[{"type":"namespace","name":"n","tools":[{"type":"function","name":"shell"}]}],"input":"x"}`,
		"/openai/v1/responses":  `{"model":"fast","store":false,"input":[{"type":"additional_tools","tools":[{"type":"local_shell"}]}]}`,
		"/openai/responses":     `{"model":"fast","store":false,"tools":[{"type":"web_search"}],"input":"x"}`,
		"/v1/responses/compact": `{"model":"fast","tools":[{"type":"mcp","server_label":"s"}],"input":"x"}`,
	} {
		if got := h.post(path, body); got.status != 400 || got.code() != "tool_not_allowed" {
			t.Errorf("%s %s: %d %s", path, body, got.status, got.body)
		}
	}
	for _, name := range []string{"Messages", "Responses"} {
		f := formNamed(t, name)
		for _, stream := range []bool{false, true} {
			p := f.out[2]
			h.up.says(strings.ReplaceAll(p.whole("x"), `"search"`, `"shell"`))
			if stream {
				h.up.sends(strings.ReplaceAll(strings.Join(p.frames("x", "y"), ""), `"search"`, `"shell"`))
			}
			got := h.post(f.path, f.in[0].body("hi", stream))
			if strings.Contains(got.body, "shell") || !strings.Contains(got.body, "may not use") || stream == (got.status == http.StatusBadGateway) {
				t.Errorf("%s, stream=%v: %d %s", name, stream, got.status, got.body)
			}
		}
	}
}

// TestUsageIsAsked: the cost of a stream is known although its caller does not ask for it,
// and nothing of that shows; who asks gets what was asked for.
func TestUsageIsAsked(t *testing.T) {
	h := newHouse(t, houseConfig{})
	h.plan.Prices = map[string]*access.Price{"fast": {Input: 1_000_000, Output: 2_000_000}}
	const usage = `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":30,"completion_tokens":50,"total_tokens":80}}`
	frames := []string{chunk(0, `{"content":"fine"}`), stopChunk(0, "stop"), usage, "[DONE]"}
	for _, c := range []struct {
		options, sent string
		shown         bool
	}{
		{``, `"stream_options":{"include_usage":true},`, false},
		{`"stream_options":null,`, `"stream_options":{"include_usage":true},`, false},
		{`"stream_options":{},`, `"stream_options":{"include_usage":true},`, false},
		{`"stream_options":{"x":1},`, `"stream_options":{"include_usage":true,"x":1},`, false},
		{`"stream_options":{"include_usage":false},`, `"stream_options":{"include_usage":true},`, false},
		{`"stream_options":{"include_usage":true},`, `"stream_options":{"include_usage":true},`, true},
	} {
		h.up.streams(frames...)
		got := h.chat(strings.Replace(user("hi", true), `{`, `{`+c.options, 1))
		sent := string(h.up.received()[0])
		if !strings.HasPrefix(sent, `{`+c.sent) || strings.Contains(got.body, "prompt_tokens") != c.shown || !strings.HasSuffix(got.body, "data: [DONE]\n\n") {
			t.Errorf("%q: the upstream got %s, the caller %s", c.options, sent, got.body)
		}
		if r := h.record(got); r.Outcome.Input != 30 || r.Outcome.Output != 50 || r.Outcome.Cost == 0 || r.Outcome.Answered.Bytes != int64(len(got.body)) {
			t.Errorf("%q: %+v", c.options, r.Outcome)
		}
	}
	list := h.plan.Models["fast"]
	for i := range list {
		list[i].LeaveUsage = true
	}
	h.up.streams(frames...)
	if got := h.chat(user("hi", true)); strings.Contains(string(h.up.received()[0]), "include_usage") || !strings.Contains(got.body, "prompt_tokens") {
		t.Errorf("a provider that is to be left alone was asked: %s", got.body)
	}
}

// TestConversationsOfAgents: what a coding agent calls its session is on the record.
func TestConversationsOfAgents(t *testing.T) {
	h := newHouse(t, houseConfig{})
	for name, want := range map[string]string{"Bartizan-Conversation": "c-1", "X-Claude-Code-Session-Id": "c-2", "Session-Id": "c-3", "Thread-Id": "c-4"} {
		req := h.request(http.MethodPost, "/v1/chat/completions", user("hi", false))
		req.Header.Set(name, want)
		if r := h.record(h.do(req)); r.Intent.Conversation != want {
			t.Errorf("%s: %q", name, r.Intent.Conversation)
		}
	}
	req := h.request(http.MethodPost, "/v1/chat/completions", user("hi", false))
	req.Header.Set("Session-Id", strings.Repeat("x", 200))
	if r := h.record(h.do(req)); !strings.HasPrefix(r.Intent.Conversation, "sha256:") || len(r.Intent.Conversation) > 40 {
		t.Errorf("a long one: %q", r.Intent.Conversation)
	}
}

// flushes counts how often something is sent.
type flushes struct {
	recorder
	n int
}

func (f *flushes) Flush() { f.n++ }

// TestReadyFramesLeaveTogether: frames that are released at once are sent at once, each
// still a frame of its own, and those that are not are not waited for.
func TestReadyFramesLeaveTogether(t *testing.T) {
	h := newHouse(t, houseConfig{})
	sentence := strings.SplitAfter("This sentence of many words is long enough to leave by itself. ", " ")
	for _, f := range forms() {
		if f.out == nil {
			continue
		}
		frames := f.out[0].frames(append(sentence, sentence...)...)
		h.up.sends(frames...)
		w := &flushes{recorder: recorder{header: http.Header{}}}
		req := h.request(http.MethodPost, f.path, f.in[0].body("hi", true))
		req.RequestURI, req.URL.Host, req.URL.Scheme = "", "", ""
		h.gate.ServeHTTP(w, req)
		if w.String() != strings.Join(frames, "") {
			t.Errorf("%s: %s", f.name, w)
		}
		if w.n < 2 || w.n > len(frames)/2 {
			t.Errorf("%s: %d frames were sent in %d pieces", f.name, len(frames), w.n)
		}
	}
}
