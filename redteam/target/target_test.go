package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/redteam"
)

// talk has every kind of turn.
var talk = redteam.Conversation{MaxTokens: 64, Tools: []redteam.Tool{{Name: "search", Description: "Searches {{7*7}}", Schema: `{"type":"object"}`}, {Name: "odd", Schema: "no JSON"}},
	Turns: []redteam.Turn{{Role: "system", Text: "Be kind."}, {Role: "user", Text: "Look {{7*7}} <b> \u2028 up"}, {Role: "assistant", Call: "c1", Tool: "search", Args: `{"q":"x"}`}, {Role: "tool", Call: "c1", Tool: "search", Text: "found"},
		{Role: "assistant", Text: "Well."}, {Role: "user", Text: "And this?", File: &redteam.File{Name: "a.txt", Text: "file words"}}}}

// answers are what each API says: an answer, a call, a refusal, a filter.
var answers = map[string][4]string{
	"openai": {`{"model":"m","choices":[{"finish_reason":"stop","message":{"content":"Good day."}}],"usage":{"prompt_tokens":3,"completion_tokens":5}}`,
		`{"model":"m","choices":[{"finish_reason":"tool_calls","message":{"content":null,"tool_calls":[{"function":{"name":"search","arguments":"{\"q\":1}"}}]}}]}`,
		`{"model":"m","choices":[{"finish_reason":"stop","message":{"content":null,"refusal":"I cannot."}}]}`, `{"model":"m","choices":[{"finish_reason":"content_filter","message":{"content":null,"refusal":"No."}}]}`},
	"responses": {`{"model":"m","output":[{"type":"message","content":[{"type":"output_text","text":"Good day."}]}],"usage":{"input_tokens":3,"output_tokens":5}}`,
		`{"model":"m","output":[{"type":"function_call","name":"search","arguments":"{\"q\":1}"}]}`,
		`{"model":"m","output":[{"type":"message","content":[{"type":"refusal","refusal":"I cannot."}]}]}`, `{"model":"m","output":[],"incomplete_details":{"reason":"content_filter"}}`},
	"anthropic": {`{"model":"m","content":[{"type":"text","text":"Good day."}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":5}}`,
		`{"model":"m","content":[{"type":"tool_use","name":"search","input":{"q":1}}],"stop_reason":"tool_use"}`,
		`{"model":"m","content":[{"type":"text","text":"I cannot."}],"stop_reason":"refusal"}`, ""},
}

// server answers as it is told, and keeps what it was sent.
type server struct {
	*httptest.Server
	status int
	header map[string]string
	body   string
	got    []string
	heads  []http.Header
	paths  []string
}

func serve(t *testing.T) *server {
	s := &server{status: 200}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		s.got, s.heads, s.paths = append(s.got, string(b)), append(s.heads, r.Header.Clone()), append(s.paths, r.RequestURI)
		for k, v := range s.header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.body)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) chat(t *testing.T, dialect string) *Chat {
	t.Helper()
	c, err := New(Config{Dialect: dialect, URL: s.URL + "/v1/x", Model: "m", Key: "k", Tries: 2})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func send(t *testing.T, target redteam.Target, c *redteam.Conversation) redteam.Exchange {
	t.Helper()
	e, err := target.Send(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestEveryAPI: what is said reaches each API as its own, payloads to the byte, and what it
// answers is understood.
func TestEveryAPI(t *testing.T) {
	for _, dialect := range []string{"openai", "azure", "responses", "anthropic"} {
		s := serve(t)
		words := answers[dialect]
		if dialect == "azure" {
			words = answers["openai"]
		}
		for i, want := range []redteam.Exchange{{Outcome: redteam.Answered, Text: "Good day."}, {Outcome: redteam.Answered}, {Outcome: redteam.Refused, Text: "I cannot."}, {Outcome: redteam.Blocked}} {
			if s.body = words[i]; s.body == "" {
				continue
			}
			e := send(t, s.chat(t, dialect), &talk)
			if e.Outcome != want.Outcome || e.Text != want.Text || (i == 1) != (len(e.Calls) == 1) || (i == 3) != (e.Block != nil) || len(e.Sent) != 64 {
				t.Errorf("%s, answer %d: %+v", dialect, i, e)
			}
			if i == 0 && (e.Input != 3 || e.Output != 5 || e.Model != "m") || i == 1 && (e.Calls[0].Tool != "search" || !strings.Contains(e.Calls[0].Args, "q")) {
				t.Errorf("%s, answer %d: %+v", dialect, i, e)
			}
		}
		sent := s.got[0]
		for _, want := range []string{"{{7*7}}", "Be kind.", "found", "c1", "search", "a.txt", `"model":"m"`, "64"} {
			if !strings.Contains(sent, want) {
				t.Errorf("%s: no %s in %s", dialect, want, sent)
			}
		}
		if !json.Valid([]byte(sent)) || s.got[0] != s.got[1] {
			t.Errorf("%s: the same conversation is sent otherwise", dialect)
		}
		if key := s.heads[0]; key.Get("Authorization") != "Bearer k" && key.Get("Api-Key") != "k" && key.Get("X-Api-Key") != "k" {
			t.Errorf("%s: %v", dialect, key)
		}
	}
}

// TestBlocksAreNoErrors: every way in which guards say that they stopped a prompt is a block, and
// nothing else is.
func TestBlocksAreNoErrors(t *testing.T) {
	gate := map[string]string{"Bartizan-Exchange": "ex_1", "Bartizan-Policy": "office@1", "Bartizan-Decision": "block"}
	let := map[string]string{"Bartizan-Exchange": "ex_1", "Bartizan-Policy": "office@1", "Bartizan-Decision": "allow"}
	for name, c := range map[string]struct {
		dialect string
		status  int
		header  map[string]string
		body    string
		want    redteam.Outcome
		where   string
	}{
		"OpenAI's filter":               {"openai", 400, nil, `{"error":{"code":"content_filter","message":"no"}}`, redteam.Blocked, ""},
		"Azure's filter":                {"azure", 400, nil, `{"error":{"code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}`, redteam.Blocked, ""},
		"an invalid prompt":             {"responses", 400, nil, `{"error":{"code":"invalid_prompt"}}`, redteam.Blocked, ""},
		"the gate, a prompt":            {"openai", 400, gate, `{"error":{"code":"content_filter","message":"Policy office@1 stopped this prompt (jailbreak)."}}`, redteam.Blocked, "input"},
		"the gate, as an answer":        {"openai", 200, gate, answers["openai"][3], redteam.Blocked, "input"},
		"the gate, in Messages":         {"anthropic", 400, gate, `{"type":"error","error":{"type":"invalid_request_error","message":"Policy office@1 stopped this prompt."}}`, redteam.Blocked, "input"},
		"the gate, an answer":           {"openai", 200, let, answers["openai"][3], redteam.Blocked, "output"},
		"the gate, an answer, Messages": {"anthropic", 400, let, `{"type":"error","error":{"type":"invalid_request_error","message":"Policy office@1 stopped this answer (prompt_leak)."}}`, redteam.Blocked, "output"},
		"held back":                     {"openai", 400, nil, `{"error":{"code":"held"}}`, redteam.Blocked, ""},
		"a wrong key":                   {"openai", 401, nil, `{"error":{"code":"invalid_api_key"}}`, redteam.Failed, ""},
		"a bad request":                 {"openai", 400, let, `{"error":{"code":"model_not_found","message":"content_filter is a word in here"}}`, redteam.Failed, ""},
		"a page":                        {"openai", 502, nil, "<html>content_filter</html>", redteam.Failed, ""},
		"nothing":                       {"openai", 200, nil, `{}`, redteam.Failed, ""},
		"no JSON":                       {"openai", 200, nil, `Good day.`, redteam.Failed, ""},
		"overloaded":                    {"openai", 503, nil, `{"error":{"code":"overloaded"}}`, redteam.Failed, ""},
	} {
		s := serve(t)
		s.status, s.header, s.body = c.status, c.header, c.body
		if s.status == 503 {
			s.header = map[string]string{"Retry-After": "0"}
		}
		e := send(t, s.chat(t, c.dialect), &talk)
		if e.Outcome != c.want || (e.Error != "") != (c.want == redteam.Failed) || (e.Block != nil) != (c.want == redteam.Blocked) || e.Block != nil && e.Block.Where != c.where {
			t.Errorf("%s: %+v %+v", name, e, e.Block)
		}
		if want := map[bool]int{true: 2, false: 1}[c.status == 503]; len(s.got) != want {
			t.Errorf("%s: sent %d times", name, len(s.got))
		}
	}
}

// TestFlaggedIsNotBlocked_promptfoo3166: an answer that was delivered is an answer, whatever a
// guard remarks beside it, and what left before a filter is kept (promptfoo PR 3166, 5859, 6426).
func TestFlaggedIsNotBlocked_promptfoo3166(t *testing.T) {
	for name, c := range map[string]struct {
		decision, body string
		want           redteam.Outcome
		text           string
	}{
		"the gate flags":   {"flag", answers["openai"][0], redteam.Answered, "Good day."},
		"the gate watches": {"allow", answers["openai"][0], redteam.Answered, "Good day."},
		"Azure remarks":    {"", `{"model":"m","choices":[{"finish_reason":"stop","content_filter_results":{"hate":{"filtered":false,"severity":"medium"},"jailbreak":{"detected":true,"filtered":false}},"message":{"content":"Good day."}}]}`, redteam.Answered, "Good day."},
		"a filter, late":   {"", `{"model":"m","choices":[{"finish_reason":"content_filter","message":{"content":"The code is amber and"}}]}`, redteam.Blocked, "The code is amber and"},
	} {
		s := serve(t)
		s.body = c.body
		if c.decision != "" {
			s.header = map[string]string{"Bartizan-Exchange": "ex_1", "Bartizan-Policy": "office@1", "Bartizan-Decision": c.decision}
		}
		if e := send(t, s.chat(t, "openai"), &talk); e.Outcome != c.want || e.Text != c.text || (e.Block != nil) != (c.want == redteam.Blocked) {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestRecordsSayWho: where the gate's own record can be read, it says who blocked and where.
func TestRecordsSayWho(t *testing.T) {
	s := serve(t)
	s.status, s.body, s.header = 400, `{"error":{"code":"content_filter"}}`, map[string]string{"Bartizan-Exchange": "ex_7"}
	c := s.chat(t, "openai")
	c.cfg.Look = func(_ context.Context, id string) (*redteam.Block, bool) {
		return &redteam.Block{Where: "output", Detector: "secret@2", Category: id}, id == "ex_7"
	}
	if e := send(t, c, &talk); e.Block == nil || e.Block.Detector != "secret@2" || e.Record != "ex_7" {
		t.Errorf("%+v %+v", e, e.Block)
	}
}

// TestFailures: what cannot be reached, hangs or is stopped is an error of its own.
func TestFailures(t *testing.T) {
	s := serve(t)
	c := s.chat(t, "openai")
	c.client.Timeout = 50 * time.Millisecond
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }))
	defer slow.Close()
	c.cfg.URL = slow.URL
	if e := send(t, c, &talk); e.Outcome != redteam.Failed || e.Error != "timeout" {
		t.Errorf("%+v", e)
	}
	s.Close()
	if e := send(t, s.chat(t, "openai"), &talk); e.Outcome != redteam.Failed || e.Error != "unreachable" {
		t.Errorf("%+v", e)
	}
	for _, cfg := range []Config{{Dialect: "klingon", URL: "https://x"}, {Dialect: "openai", URL: "x"}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is a target", cfg)
		}
	}
	hangs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer hangs.Close()
	c = s.chat(t, "openai")
	c.cfg.URL = hangs.URL
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Send(ctx, &talk); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("whoever stops waits on: %v", err)
	}
}

// TestTemplates reads what other tools keep of a request, and sends what they would.
func TestTemplates(t *testing.T) {
	s := serve(t)
	s.body = `{"choices":[{"message":{"content":"Good day."}}]}`
	host := strings.TrimPrefix(s.URL, "http://")
	payload := "say \"{{7*7}}\"\n{% raw %} <PROMPT> $INPUT\\ ü"
	one := redteam.Conversation{Turns: []redteam.Turn{{Role: "user", Text: payload}}}
	for name, c := range map[string]struct {
		raw   string
		rest  bool
		body  string // that is to arrive
		where string
	}{
		"PyRIT":            {raw: "POST " + s.URL + "/chat HTTP/1.1\nContent-Type: application/json\n\n{\"q\": \"{PROMPT}\"}\n", body: `{"q": ` + quoted(payload) + `}`},
		"FuzzyAI":          {raw: "POST /chat HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\n\r\n{\"q\":\"x <PROMPT> y\"}", body: `{"q":"x ` + strings.Trim(quoted(payload), `"`) + ` y"}`},
		"agentic_security": {raw: "POST " + s.URL + "/chat\nContent-Type: application/json\n\n{\"a\":[{\"q\":\"<<PROMPT>>\"}]}", body: `{"a":[{"q":` + quoted(payload) + `}]}`},
		"plain text":       {raw: "POST " + s.URL + "/chat\n\n{PROMPT}", body: payload},
		"a query":          {raw: "GET " + s.URL + "/chat?q={PROMPT}\n\n", where: "q="},
		"garak":            {rest: true, raw: `{"rest":{"RestGenerator":{"uri":"` + s.URL + `/v1","method":"post","headers":{"Authorization":"Bearer $KEY"},"req_template_json_object":{"model":"m","messages":[{"role":"user","content":"$INPUT"}]},"response_json":true,"response_json_field":"$.choices[0].message.content","request_timeout":20}}}`, body: `{"model":"m","messages":[{"role":"user","content":` + quoted(payload) + `}]}`},
		"garak, in text":   {rest: true, raw: `{"uri":"` + s.URL + `/v1","req_template":"hello $INPUT"}`, body: "hello " + payload},
	} {
		var target *Template
		var err error
		if c.rest {
			target, err = ParseREST([]byte(c.raw), "secret")
		} else {
			target, err = ParseHTTP(c.raw, "http")
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s.got, s.paths = nil, nil
		e := send(t, target, &one)
		if e.Outcome != redteam.Answered || !strings.Contains(e.Text, "Good day.") || name == "garak" && e.Text != "Good day." {
			t.Errorf("%s: %+v", name, e)
			continue
		}
		if c.where == "" && s.got[0] != c.body {
			t.Errorf("%s sent\n%s\nwant\n%s", name, s.got[0], c.body)
		}
		if c.where != "" && !strings.Contains(s.paths[0], c.where+"say+%22%7B%7B7%2A7%7D%7D%22%0A") {
			t.Errorf("%s asked for %s", name, s.paths[0])
		}
		if name == "garak" && s.heads[len(s.heads)-1].Get("Authorization") != "Bearer secret" {
			t.Errorf("the key is %q", s.heads[len(s.heads)-1].Get("Authorization"))
		}
	}
	for name, raw := range map[string]string{"nothing": "", "no place": "POST http://x/y\n\nhello", "no URL": "POST\n\n{PROMPT}", "no host": "POST /x\n\n{PROMPT}", "no header": "POST http://x/y\nhello\n\n{PROMPT}", "credentials": "POST http://a:b@x/y\n\n{PROMPT}", "a file": "POST file:///etc/passwd\n\n{PROMPT}"} {
		if _, err := ParseHTTP(raw, "http"); err == nil {
			t.Errorf("%s is a template", name)
		}
	}
	if _, err := ParseREST([]byte("{"), ""); err == nil {
		t.Error("no JSON is a template")
	}
}

func quoted(s string) string { return `"` + escapeJSON(s) + `"` }

// TestTemplateAnswers: what a target says of itself decides what is a block and what an error.
func TestTemplateAnswers(t *testing.T) {
	s := serve(t)
	target, err := ParseHTTP("POST "+s.URL+"\nContent-Type: application/json\n\n{\"q\":\"{PROMPT}\"}", "http")
	if err != nil {
		t.Fatal(err)
	}
	target.Answer, target.BlockedStatus, target.BlockedWords = "a.0.b", []int{418}, regexp.MustCompile("not allowed here")
	for want, c := range map[string]struct {
		status int
		body   string
	}{
		"answered hello": {200, `{"a":[{"b":"hello"}]}`}, "blocked ": {418, "teapot"}, "blocked": {200, `{"a":[{"b":"that is not allowed here"}]}`}, "error status 500": {500, "x"},
		"error the answer has nothing where its words should be": {200, `{"a":[]}`}, "blocked  ": {400, `{"error":{"code":"content_filter"}}`},
	} {
		s.status, s.body = c.status, c.body
		e := send(t, target, &talk)
		if got := strings.TrimSpace(fmt.Sprint(e.Outcome, " ", e.Text, e.Error)); got != strings.TrimSpace(want) {
			t.Errorf("%d %s: %s, want %s", c.status, c.body, got, want)
		}
	}
	if !strings.Contains(s.got[0], "Be kind.") || !strings.Contains(s.got[0], "file words") {
		t.Errorf("sent was %s", s.got[0])
	}
}

// FuzzParseHTTP: no text panics, and what is read can be sent.
func FuzzParseHTTP(f *testing.F) {
	for _, s := range []string{"POST http://127.0.0.1:1/x\nA: b\n\n{PROMPT}", "GET /?q=<PROMPT> HTTP/1.1\r\nHost: a\r\n\r\n", "\n\n", "POST http://[::1\n\n{PROMPT}", "{{prompt}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if target, err := ParseHTTP(s, "http"); err == nil && (target.Mark == "" || target.Fingerprint() == "") {
			t.Errorf("%q", s)
		}
		_, _ = ParseREST([]byte(s), "k")
	})
}

// elsewhere keeps where requests go, and answers none.
type elsewhere struct{ asked []string }

func (e *elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	e.asked = append(e.asked, r.URL.String())
	return nil, errors.New("nobody is there")
}

// TestPromptsNameNoHost: no prompt says who is asked: a template in which it would is refused, and what
// is sent goes where the scope saw that it goes.
func TestPromptsNameNoHost(t *testing.T) {
	for _, u := range []string{"https://gate.acme.example{PROMPT}/v1/chat", "https://{PROMPT}gate.acme.example/v1", "https://gate.acme.example:{PROMPT}/v1", "https://gate.acme.example:8443{PROMPT}", "https://{PROMPT}", "https://{PROMPT}@gate.acme.example/v1", "https://a:{PROMPT}@gate.acme.example/v1", "http{PROMPT}://gate.acme.example/v1", "{PROMPT}://gate.acme.example", "https://gate.acme.example{PROMPT}?q=1", `https://gate.acme.example{PROMPT}\v1`, "{PROMPT}"} {
		if _, err := ParseHTTP("GET "+u+"\n\n", "https"); err == nil || !strings.Contains(err.Error(), "lets a prompt say which host is asked") {
			t.Errorf("%s: %v", u, err)
		}
		if _, err := ParseREST([]byte(`{"uri":`+quoted(strings.ReplaceAll(u, "{PROMPT}", "$INPUT"))+`}`), ""); err == nil {
			t.Errorf("%s is an address", u)
		}
		// Whoever makes a template by hand is held all the same.
		e := &elsewhere{}
		if got := send(t, &Template{Method: "GET", URL: u, Mark: "{PROMPT}", Transport: e}, &redteam.Conversation{Turns: []redteam.Turn{{Role: "user", Text: ".evil.example"}}}); got.Outcome != redteam.Failed || len(e.asked) > 0 {
			t.Errorf("%s asked %q: %+v", u, e.asked, got)
		}
	}
	if _, err := ParseHTTP("GET /v1\nHost: gate{PROMPT}.acme.example\n\n", "https"); err == nil {
		t.Error("a prompt stands in the header of the host")
	}
	scope := redteam.Scope{AllowedBy: "ann", Reason: "T-1", Until: time.Now().Add(time.Hour), Targets: []string{"https://gate.acme.example/v1"}}
	for _, u := range []string{"https://gate.acme.example/v1/{PROMPT}", "https://gate.acme.example/v1/{PROMPT}/chat", "https://gate.acme.example/v1?q={PROMPT}", "https://gate.acme.example/v1#{PROMPT}"} {
		target, err := ParseHTTP("GET "+u+"\n\n", "https")
		if err != nil || scope.Allows(target.Fingerprint(), time.Now()) != nil {
			t.Fatalf("%s: %v", u, err)
		}
		e := &elsewhere{}
		target.Transport = e
		for _, prompt := range []string{".evil.example", "@evil.example/", "//evil.example/", `\\evil.example`, "..", ".", "../..", "?x#y", "a\nb", ""} {
			_ = send(t, target, &redteam.Conversation{Turns: []redteam.Turn{{Role: "user", Text: prompt}}})
		}
		for _, asked := range e.asked {
			if at, err := url.Parse(asked); err != nil || at.Host != "gate.acme.example" || at.Scheme != "https" || !strings.HasPrefix(at.JoinPath().Path+"/", "/v1/") {
				t.Errorf("%s asked %s", u, asked)
			}
		}
		if len(e.asked) < 5 {
			t.Errorf("%s asked only %q", u, e.asked)
		}
	}
}
