// Package sdktest puts the official OpenAI SDK for Go in front of a gate that it
// does not know of: base URL, key and authority are all that is changed.
package sdktest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// deployment is what an operator would write. The names of the models choose what
// the scripted upstream does.
const deployment = `version: 1
data: data
listen: {gate: {addr: "127.0.0.1:0"}, console: {addr: "127.0.0.1:0"}, operations: {addr: "127.0.0.1:0"}}
providers:
  up: {dialect: openai, url: "%s/v1", private: true, key: {env: SDKTEST_PROVIDER_KEY}}
models:
  plain: {try: [up]}
  tools: {try: [up]}
  schema: {try: [up]}
  leaky: {try: [up]}
  limited: {try: [up]}
  cut: {try: [up]}
  endless: {try: [up]}
  others: {try: [up]}
policies:
  office: {rules: [{id: nightjar, phrase: "Project Nightjar", action: block, says: "Project Nightjar may not leave the house."}]}
systems:
  bot: {team: t, owner: o, purpose: p, environment: production, policy: office, tools: [weather],
    models: [plain, tools, schema, leaky, limited, cut, endless]}
  other: {team: t, owner: o, purpose: p, environment: production, models: [others]}
`

// house is a running gate, its upstream and a client that knows of neither.
type house struct {
	up         *upstream
	client     openai.Client
	gate       string
	operations string
	roots      *x509.CertPool
	errors     *bytes.Buffer // what the process wrote, to be read after it ended
}

// newHouse runs `bartizan serve` until the test ends.
func newHouse(t *testing.T) *house {
	t.Helper()
	bin := os.Getenv("BARTIZAN")
	if bin == "" {
		bin = "../../bin/bartizan"
	}
	bin, err := filepath.Abs(bin)
	must(t, err)
	h := &house{up: newUpstream(t), errors: &bytes.Buffer{}}
	dir := t.TempDir()
	file := filepath.Join(dir, "bartizan.yaml")
	must(t, os.WriteFile(file, fmt.Appendf(nil, deployment, h.up.URL), 0o600))
	env := append(os.Environ(), "SDKTEST_PROVIDER_KEY="+providerKey)
	serve := exec.Command(bin, "serve", "-c", file)
	serve.Dir, serve.Env = dir, env
	stderr, err := serve.StderrPipe()
	must(t, err)
	must(t, serve.Start())
	read := make(chan struct{})
	t.Cleanup(func() {
		_ = serve.Process.Signal(syscall.SIGTERM)
		<-read
		if err := serve.Wait(); err != nil {
			t.Errorf("serve: %v\n%s", err, h.errors)
		}
	})
	h.await(t, stderr, read)
	create := exec.Command(bin, "keys", "create", "--system", "bot", "-c", file, "-o", "json")
	create.Dir, create.Env = dir, env
	out, err := create.Output()
	must(t, err)
	var key struct{ Key string }
	must(t, json.Unmarshal(out, &key))
	pem, err := os.ReadFile(filepath.Join(dir, "data", "tls", "ca.crt"))
	must(t, err)
	h.roots = x509.NewCertPool()
	if !h.roots.AppendCertsFromPEM(pem) {
		t.Fatal("the authority's file holds no certificate")
	}
	h.client = h.as(t, key.Key)
	return h
}

// await reads the addresses that serve says, and goes on reading.
func (h *house) await(t *testing.T, stderr io.Reader, read chan struct{}) {
	t.Helper()
	said := make(chan [2]string, 64)
	go func() {
		defer close(read)
		in := bufio.NewScanner(stderr)
		for in.Scan() {
			fmt.Fprintln(h.errors, in.Text())
			if name, at, ok := strings.Cut(in.Text(), " "); ok {
				select {
				case said <- [2]string{name, at}:
				default:
				}
			}
		}
	}()
	late := time.After(30 * time.Second)
	for h.gate == "" || h.operations == "" {
		select {
		case s := <-said:
			switch s[0] {
			case "gate":
				h.gate = s[1]
			case "operations":
				h.operations = s[1]
			}
		case <-late:
			t.Fatal("serve did not say where it listens")
		}
	}
}

// as is a client with another key. The base URL, the key and the authority are all
// that is set.
func (h *house) as(t *testing.T, key string) openai.Client {
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: h.roots}, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return openai.NewClient(option.WithBaseURL(h.gate+"/v1"), option.WithAPIKey(key), option.WithHTTPClient(&http.Client{Transport: tr}))
}

var exchangesTotal = regexp.MustCompile(`(?m)^bartizan_exchanges_total\{.*\} (\d+)$`)

// calls is how many calls the gate has counted: what an SDK really tried.
func (h *house) calls(t *testing.T) int {
	t.Helper()
	resp, err := http.Get(h.operations + "/metrics")
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	total := 0
	for _, m := range exchangesTotal.FindAllSubmatch(b, -1) {
		n, err := strconv.Atoi(string(m[1]))
		must(t, err)
		total += n
	}
	return total
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var providerKey = "provider-" + "only-for-tests"

// upstream is an OpenAI-compatible server that does what the model's name says.
type upstream struct {
	*httptest.Server
	mu   sync.Mutex
	hits map[string]int
	left chan struct{} // the endless answer's reader is gone
}

// asked is what the upstream looks at in a request.
type asked struct {
	Model    string
	Stream   bool
	N        int
	Messages []struct {
		Role       string
		Content    string
		ToolCallID string `json:"tool_call_id"`
	}
	Format struct {
		Type   string
		Schema struct{ Name string } `json:"json_schema"`
	} `json:"response_format"`
	StreamOptions struct {
		Usage bool `json:"include_usage"`
	} `json:"stream_options"`
}

func newUpstream(t *testing.T) *upstream {
	u := &upstream{hits: map[string]int{}, left: make(chan struct{}, 1)}
	u.Server = httptest.NewServer(http.HandlerFunc(u.serve))
	t.Cleanup(u.Close)
	return u
}

// count returns how often a model was called.
func (u *upstream) count(model string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.hits[model]
}

func (u *upstream) serve(w http.ResponseWriter, r *http.Request) {
	var a asked
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil || r.Header.Get("Authorization") != "Bearer "+providerKey {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTeapot)
		return
	}
	u.mu.Lock()
	u.hits[a.Model]++
	n := u.hits[a.Model]
	u.mu.Unlock()
	last := a.Messages[len(a.Messages)-1]
	switch a.Model {
	case "limited":
		if n == 1 {
			w.Header().Set("Retry-After", "1")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error":{"message":"slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}`)
			return
		}
		a.reply(w, "at last")
	case "tools":
		if last.Role == "tool" {
			a.reply(w, last.ToolCallID+" says "+last.Content)
			return
		}
		a.toolCall(w)
	case "schema":
		a.reply(w, fmt.Sprintf(`{"asked":%q,"name":%q}`, a.Format.Type, a.Format.Schema.Name))
	case "leaky":
		a.reply(w, "It is well known that Project Nightjar is late. Nobody likes it.")
	case "cut":
		a.begin(w, "This is the first half of a sentence. And this is ")
		panic(http.ErrAbortHandler)
	case "endless":
		for r.Context().Err() == nil {
			a.begin(w, "More and more of the same. ")
			time.Sleep(5 * time.Millisecond)
		}
		u.left <- struct{}{}
	default:
		a.reply(w, "Heard: "+last.Content)
	}
}

func frame(w http.ResponseWriter, choices string, rest string) {
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[%s]%s}\n\n", choices, rest)
	_ = http.NewResponseController(w).Flush()
}

// begin writes words of an answer that has no end yet.
func (a asked) begin(w http.ResponseWriter, text string) {
	for _, word := range strings.SplitAfter(text, " ") {
		frame(w, fmt.Sprintf(`{"index":0,"delta":{"role":"assistant","content":%q},"finish_reason":null}`, word), "")
	}
}

// reply answers, n times, streamed or not.
func (a asked) reply(w http.ResponseWriter, text string) {
	n := max(a.N, 1)
	const usage = `,"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}`
	if !a.Stream {
		var choices []string
		for i := range n {
			choices = append(choices, fmt.Sprintf(`{"index":%d,"message":{"role":"assistant","content":%q,"refusal":null},"logprobs":null,"finish_reason":"stop"}`, i, text))
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[%s]%s}`, strings.Join(choices, ","), usage)
		return
	}
	for _, word := range strings.SplitAfter(text, " ") {
		for i := range n {
			frame(w, fmt.Sprintf(`{"index":%d,"delta":{"role":"assistant","content":%q},"finish_reason":null}`, i, word), "")
		}
	}
	for i := range n {
		frame(w, fmt.Sprintf(`{"index":%d,"delta":{},"finish_reason":"stop"}`, i), "")
	}
	if a.StreamOptions.Usage {
		frame(w, "", usage)
	}
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

// toolCall calls a tool, its arguments in pieces when streamed.
func (a asked) toolCall(w http.ResponseWriter) {
	if !a.Stream {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,`+
			`"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Riga\"}"}}]},"finish_reason":"tool_calls"}]}`)
		return
	}
	frame(w, `{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"weather","arguments":""}}]},"finish_reason":null}`, "")
	for _, piece := range []string{`{\"ci`, `ty\":`, `\"Riga\"}`} {
		frame(w, `{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"`+piece+`"}}]},"finish_reason":null}`, "")
	}
	frame(w, `{"index":0,"delta":{},"finish_reason":"tool_calls"}`, "")
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

// background is a context that ends when something hangs.
func background(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
