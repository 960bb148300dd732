package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const watchful = `version: 1
data: data
listen: {gate: {addr: "127.0.0.1:0"}, console: {addr: "127.0.0.1:0"}, operations: {addr: "127.0.0.1:0"}}
providers:
  up: {dialect: openai, url: "UPSTREAM/v1", private: true, key: {env: PROVIDER_KEY}, handling: {training: never, retention: none, ceiling: highly_confidential}}
  dead: {dialect: openai, url: "DEAD/v1", private: true, handling: {training: never, retention: none, ceiling: highly_confidential}}
  claude: {dialect: anthropic, url: "UPSTREAM", private: true, key: {env: PROVIDER_KEY}, handling: {training: never, retention: none, ceiling: highly_confidential}}
  azure: {dialect: azure, url: "UPSTREAM", private: true, key: {env: PROVIDER_KEY}, handling: {training: never, retention: none, ceiling: highly_confidential}}
models: {fast: {try: [up, claude, azure], price: {input: 1, output: 2}}, gone: {try: [dead]}}
telemetry: {otlp: "COLLECTOR", private: true}
policies:
  office: {secrets: {input: mask, output: block}, keep: {content: KEEP}}
systems:
  bot: {team: t, owner: o, purpose: p, environment: production, policy: office, models: [fast, gone], budget: {tokens: 1M/day}}
`

// canaries are strings that must be found nowhere but where they were sent.
type canaries map[string]string

// plant makes them. None of them is live, and none stands in this file whole.
func plant(d *deployment) canaries {
	return canaries{
		"the caller's key":       d.key,
		"the provider's key":     providerKey,
		"a wrong key":            "bzk_" + "canarywrongkey_0af3",
		"the prompt":             "zeppelin" + "-canary-4471",
		"a secret in the prompt": "ghp_" + "Zq7Rk2Vw9Xb4Nc6Md1Lf8Hs3Jt5Pg0Ya1Ue2",
		"a secret in the answer": "ghp_" + "Kd4Tn8Wy2Qs6Vb1Xz7Mh3Rf9Lc5Jp0Ga8Eu1",
		"a header":               "header" + "-canary-9c2e",
		"a query":                "query" + "-canary-77d0",
		"a path":                 "path" + "-canary-1f64",
		"a name in the body":     "name" + "-canary-e3b8",
		"the desk's input":       "desk" + "-canary-60aa",
	}
}

// collect is a collector of traces and measures that keeps every byte.
func collect(t *testing.T) (bytes func() []byte, url string) {
	t.Helper()
	var mu sync.Mutex
	var all []byte
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, b...)
	}))
	t.Cleanup(s.Close)
	return func() []byte {
		mu.Lock()
		defer mu.Unlock()
		return all
	}, s.URL
}

// speaking answers in the dialect of the path that is called.
func speaking(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		item := `{"type":"message","id":"m","role":"assistant","status":"completed","content":[{"type":"output_text","text":` + quoted(text) + `,"annotations":[]}]}`
		body := ""
		switch {
		case strings.HasSuffix(r.URL.Path, "/messages"):
			body = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":` + quoted(text) + `}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":5}}`
		case strings.HasSuffix(r.URL.Path, "/responses"):
			body = `{"id":"resp_1","object":"response","status":"completed","output":[` + item + `],"usage":{"input_tokens":3,"output_tokens":5,"total_tokens":8}}`
		case strings.HasSuffix(r.URL.Path, "/embeddings"):
			body = `{"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":3,"total_tokens":3}}`
		default:
			answering(text)(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
}

// found names the canaries that stand in b, in clear or in base64.
func (c canaries) found(b []byte) (names []string) {
	for name, v := range c {
		if bytes.Contains(b, []byte(v)) || bytes.Contains(b, []byte(base64.StdEncoding.EncodeToString([]byte(v)))) {
			names = append(names, name)
		}
	}
	return names
}

// TestCanaries sends secrets through every way that a call can end, and then looks
// for them everywhere else.
func TestCanaries(t *testing.T) {
	for _, keep := range []string{"none", "masked"} {
		t.Run(keep, func(t *testing.T) {
			up := newUpstream(t)
			up.Config.ErrorLog = nil
			collected, collector := collect(t)
			d := deploy(t, up, strings.NewReplacer("KEEP", keep, "COLLECTOR", collector).Replace(watchful))
			c := plant(d)
			p := d.serve()
			looked := c.calls(t, up, p)
			looked += c.desk(t, d, p, keep)
			for _, path := range []string{"/metrics", "/readyz", "/healthz", "/debug/pprof/", "/debug/pprof/goroutine?debug=2", "/nothing"} {
				a := p.get(t, p.operations+path)
				looked++
				if names := c.found([]byte(a.body)); names != nil {
					t.Errorf("%s shows %v", path, names)
				}
			}
			looked += c.files(t, d.data())
			must(t, p.stop())
			looked += c.files(t, d.data())
			if traces := collected(); !bytes.Contains(traces, []byte("bartizan.exchange")) || !bytes.Contains(traces, []byte("gen_ai.client.token.usage")) {
				t.Errorf("%d bytes of traces and measures came", len(traces))
			}
			for name, b := range map[string][]byte{"traces and measures": collected(), "standard output": p.stdout.Bytes(), "the log": []byte(p.errors()), "the export": []byte(d.run("ledger", "export", "--data", d.data()))} {
				looked++
				if name == "the export" { // acts name what they were about
					b = bytes.ReplaceAll(b, []byte(c["the desk's input"]), nil)
				}
				if names := c.found(b); names != nil {
					t.Errorf("%s holds %v", name, names)
				}
			}
			if !strings.Contains(p.errors(), `"end":"answered"`) || looked < 60 {
				t.Errorf("only %d places were looked at, or nothing was logged", looked)
			}
		})
	}
}

// calls makes the calls and looks at every error that callers are told.
func (c canaries) calls(t *testing.T, up *upstream, p *process) (looked int) {
	prompt := "The word of the day is " + c["the prompt"] + " and the token is " + c["a secret in the prompt"] + ". Thank you."
	sent := ""
	echo := func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		sent += string(b) + fmt.Sprint(r.Header)
		r.Body = io.NopCloser(bytes.NewReader(b))
		speaking("Noted, all of it.")(w, r)
	}
	leak := speaking("The token is " + c["a secret in the answer"] + " and nobody knows.")
	abort := func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }
	cut := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, chunk("So far ", "null"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	denied := saying(401, `{"error":{"message":"Incorrect API key provided: `+c["the provider's key"]+`","type":"x","code":"invalid_api_key","param":null}}`)
	const chat = "/v1/chat/completions"
	for _, call := range []struct {
		name, path, body string
		up               http.HandlerFunc
		change           func(*http.Request)
		status           int
	}{
		{"answered", chat, body(prompt, false), echo, nil, 200},
		{"streamed", chat, body(prompt, true), echo, nil, 200},
		{"blocked", chat, body(attack+" "+prompt, false), echo, nil, 400},
		{"blocked answer", chat, body(prompt, false), leak, nil, 200},
		{"blocked answer, streamed", chat, body(prompt, true), leak, nil, 200},
		{"broken JSON", chat, body(prompt, false)[:80] + `"` + c["a name in the body"] + `":}`, echo, nil, 400},
		{"repeated key", chat, `{"` + c["a name in the body"] + `":1,"` + c["a name in the body"] + `":2}`, echo, nil, 400},
		{"unknown role", chat, `{"model":"fast","messages":[{"role":"` + c["a name in the body"] + `","content":7}]}`, echo, nil, 0},
		{"unknown model", chat, strings.Replace(body(prompt, false), "fast", "nosuch", 1), echo, nil, 404},
		{"oversize", chat, body(prompt+strings.Repeat("x", 33<<20), false), echo, nil, 413},
		{"unknown path", "/v1/" + c["a path"], body(prompt, false), echo, nil, 404},
		{"query", chat + "?key=" + c["a query"], body(prompt, false), echo, nil, 400},
		{"dead upstream", chat, strings.Replace(body(prompt, false), "fast", "gone", 1), echo, nil, 502},
		{"upstream aborts", chat, body(prompt, false), abort, nil, 502},
		{"stream cut", chat, body(prompt, true), cut, nil, 502}, // nothing of it had left
		{"upstream refuses the gate", chat, body(prompt, false), denied, nil, 502},
		{"upstream talks HTML", chat, body(prompt, false), func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "<html>"+c["the provider's key"])
		}, nil, 502},
		{"Messages", "/v1/messages?beta=true", `{"model":"fast","messages":[{"role":"user","content":` + quoted(prompt) + `}],"metadata":{"user_id":` + quoted(c["a name in the body"]) + `}}`, echo, nil, 200},
		{"Messages, blocked", "/v1/messages", `{"model":"fast","messages":[{"role":"user","content":` + quoted(attack+" "+prompt) + `}]}`, echo, nil, 400},
		{"Messages, blocked answer", "/v1/messages", `{"model":"fast","messages":[{"role":"user","content":"hi"}]}`, leak, nil, 200},
		{"Messages, unknown model", "/v1/messages", `{"model":"nosuch","` + c["a name in the body"] + `":1,"messages":[{"role":"user","content":` + quoted(prompt) + `}]}`, echo, nil, 404},
		{"Messages, query", "/v1/messages?" + c["a query"] + "=1", `{"model":"fast","messages":[{"role":"user","content":"hi"}]}`, echo, nil, 400},
		{"Responses", "/v1/responses", `{"model":"fast","instructions":` + quoted(prompt) + `,"input":"hi"}`, echo, nil, 200},
		{"Responses, state", "/v1/responses", `{"model":"fast","previous_response_id":` + quoted(c["a name in the body"]) + `,"input":"hi"}`, echo, nil, 400},
		{"Responses, blocked answer", "/v1/responses", `{"model":"fast","input":"hi"}`, leak, nil, 200},
		{"embeddings", "/v1/embeddings", `{"model":"fast","input":[` + quoted(prompt) + `]}`, echo, nil, 200},
		{"Azure", "/openai/deployments/fast/chat/completions?api-version=2024-10-21", strings.Replace(body(prompt, false), `"model":"fast",`, "", 1), echo, nil, 200},
		{"Azure, unknown deployment", "/openai/deployments/nosuch/chat/completions?api-version=2024-10-21", body(prompt, false), echo, nil, 404},
		{"wrong key", chat, body(prompt, false), echo, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+c["a wrong key"]) }, 401},
		{"two keys", chat, body(prompt, false), echo, func(r *http.Request) { r.Header.Set("X-Api-Key", c["a wrong key"]) }, 0},
		{"key as basic", chat, body(prompt, false), echo, func(r *http.Request) { r.SetBasicAuth("x", c["a wrong key"]) }, 401},
	} {
		up.does(call.up)
		a, err := p.send(http.MethodPost, call.path, call.body, func(r *http.Request) {
			r.Header.Set("X-Note", c["a header"])
			r.Header.Set("Cookie", "session="+c["a header"])
			r.Header.Set("Bartizan-Unknown", c["a header"])
			if call.change != nil {
				call.change(r)
			}
		})
		if err != nil {
			t.Fatalf("%s: %v", call.name, err)
		}
		if call.status != 0 && a.status != call.status {
			t.Errorf("%s: %d %s", call.name, a.status, a.body)
		}
		looked++
		if names := c.found([]byte(a.body + fmt.Sprint(a.header))); names != nil {
			t.Errorf("%s: the caller is told %v: %s", call.name, names, a.body)
		}
	}
	// The provider gets the prompt, its own key and the header, and neither the
	// caller's key nor what policy masks.
	for _, name := range []string{"the prompt", "the provider's key", "a header"} {
		if !strings.Contains(sent, c[name]) {
			t.Errorf("%s did not reach the provider: the canaries prove nothing", name)
		}
	}
	for _, name := range []string{"the caller's key", "a secret in the prompt"} {
		if strings.Contains(sent, c[name]) {
			t.Errorf("%s reached the provider", name)
		}
	}
	return looked
}

// desk looks at pages and at the API that people use.
func (c canaries) desk(t *testing.T, d *deployment, p *process, keep string) (looked int) {
	link := strings.TrimSpace(d.run("console", "link", "-c", d.file))
	pages := signIn(t, p, link)
	paths := []string{"/", "/exchanges", "/systems", "/policies", "/ledger", "/api/v1/openapi.json", "/api/v1/keys"}
	for id := range d.records() {
		paths = append(paths, "/exchanges/"+id)
	}
	kept := canaries{}
	for name, v := range c {
		if keep == "none" || name != "the prompt" { // policy keeps it for people to read
			kept[name] = v
		}
	}
	for _, path := range paths {
		looked++
		if names := kept.found([]byte(pages(path))); names != nil {
			t.Errorf("%s shows %v", path, names)
		}
	}
	base := link[:strings.Index(link, "/login/")]
	for _, text := range []string{`{"system":"bot","` + c["the desk's input"] + `":"` + c["the desk's input"] + `"}`, `{"system":{"a":"` + c["the desk's input"] + `"}}`, c["the desk's input"]} {
		req, err := http.NewRequest(http.MethodPost, base+"/api/v1/keys", strings.NewReader(text))
		must(t, err)
		req.Header.Set("Content-Type", "application/json")
		a, err := do(p.client, req)
		must(t, err)
		looked++
		if names := c.found([]byte(a.body)); names != nil || a.status < 400 {
			t.Errorf("the API answers %d with %v", a.status, names)
		}
	}
	return looked + c.socket(t, d)
}

// files looks into everything that is kept.
func (c canaries) files(t *testing.T, dir string) (looked int) {
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		looked++
		if names := c.found(b); names != nil {
			t.Errorf("%s holds %v", path, names)
		}
		return nil
	}))
	return looked
}
