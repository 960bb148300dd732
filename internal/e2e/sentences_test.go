package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const wrongs = `version: 1
data: data
listen: {gate: {addr: "127.0.0.1:0"}, console: {addr: "127.0.0.1:0"}, operations: {addr: "127.0.0.1:0"}}
providers:
  up: {dialect: openai, url: "UPSTREAM/v1", private: true, key: {env: PROVIDER_KEY}, timeouts: {first_byte: 400ms}, handling: {training: never, retention: none, ceiling: highly_confidential}}
  dead: {dialect: openai, url: "DEAD/v1", private: true, handling: {training: never, retention: none, ceiling: highly_confidential}}
models: {fast: {try: [up]}, gone: {try: [dead]}, others: {try: [up]}}
systems:
  bot: {team: t, owner: o, purpose: p, environment: production, models: [fast, gone]}
  other: {team: t, owner: o, purpose: p, environment: production, models: [others]}
`

// sentence checks that a caller is told one thing, clearly.
func sentence(t *testing.T, name, text string) {
	t.Helper()
	if text == "" || strings.Contains(text, "\n") || !strings.HasSuffix(text, ".") && !strings.Contains(text, "; ") || len(text) > 300 {
		t.Errorf("%s: that is no clear sentence: %q", name, text)
	}
}

// TestSentences: what goes wrong for a caller is said in one clear sentence, with
// the status and code that SDKs understand, and is on record where anybody is known.
func TestSentences(t *testing.T) {
	up := newUpstream(t)
	d := deploy(t, up, wrongs)
	p := d.serve()
	hang := func(_ http.ResponseWriter, r *http.Request) { // a server sees that its caller left once it has read the body
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	var revoked struct{ ID, Key string }
	must(t, json.Unmarshal([]byte(d.run("keys", "create", "--system", "bot", "-c", d.file, "-o", "json")), &revoked))
	d.run("keys", "revoke", revoked.ID, "-c", d.file)
	bearer := func(key string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Del("Authorization")
			if key != "" {
				r.Header.Set("Authorization", "Bearer "+key)
			}
		}
	}
	chat := func(model string) string {
		return `{"model":"` + model + `","messages":[{"role":"user","content":"hello"}]}`
	}
	for _, c := range []struct {
		name, path, body string
		change           func(*http.Request)
		up               http.HandlerFunc
		status           int
		code, says       string
		known            bool // who calls, so there must be a record
	}{
		{"no key", "", chat("fast"), bearer(""), nil, 401, "invalid_api_key", "brings no key", false},
		{"wrong key", "", chat("fast"), bearer("bzk_" + "nobody"), nil, 401, "invalid_api_key", "not known here", false},
		{"revoked key", "", chat("fast"), bearer(revoked.Key), nil, 401, "invalid_api_key", "was revoked", false},
		{"unknown model", "", chat("nosuch"), nil, nil, 404, "model_not_found", "GET /v1/models", true},
		{"model of another system", "", chat("others"), nil, nil, 404, "model_not_found", "GET /v1/models", true},
		{"broken JSON", "", `{"model":"fast","messages":[`, nil, nil, 400, "", "byte", true},
		{"repeated key", "", `{"model":"fast","model":"x","messages":[]}`, nil, nil, 400, "", "repeated key", true},
		{"oversize", "", `{"x":"` + strings.Repeat("x", 32<<20) + `"}`, nil, nil, 413, "request_too_large", "33554432 bytes", true},
		{"another media type", "", "hello", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, nil, 415, "unsupported_media_type", "application/json", true},
		{"unknown path", "/v1/fortunes", chat("fast"), nil, nil, 404, "unknown_operation", "no operation of this gate", true},
		{"dead upstream", "", chat("gone"), nil, nil, 502, "upstream_unavailable", "cannot be reached", true},
		{"slow upstream", "", chat("fast"), nil, hang, 504, "upstream_timeout", "in time", true},
		{"an upstream that refuses the gate's key", "", chat("fast"), nil, saying(401, `{"error":{"message":"no"}}`), 502, "upstream_auth", "own credential", true},
		{"an upstream that talks HTML", "", chat("fast"), nil, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, 502, "upstream_invalid", "not an answer", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.up == nil {
				c.up = answering("fine")
			}
			up.does(c.up)
			if c.path == "" {
				c.path = "/v1/chat/completions"
			}
			a, err := p.send(http.MethodPost, c.path, c.body, c.change)
			must(t, err)
			code, message := a.fault()
			if a.status != c.status || c.code != "" && code != c.code || !strings.Contains(message, c.says) {
				t.Errorf("%d %s %q", a.status, code, message)
			}
			if !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || a.exchange() == "" {
				t.Errorf("headers %v", a.header)
			}
			sentence(t, c.name, message)
			if c.known {
				deadline := time.Now().Add(10 * time.Second)
				for time.Now().Before(deadline) {
					if r := d.records()[a.exchange()]; r.Outcome != nil {
						if r.Outcome.Status != c.status {
							t.Errorf("the record says %d", r.Outcome.Status)
						}
						return
					}
					time.Sleep(200 * time.Millisecond)
				}
				t.Errorf("%s is not on record", a.exchange())
			}
		})
	}
}

func saying(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// TestCommandSentences: what goes wrong for an operator is said once, on the error
// stream, with what to do.
func TestCommandSentences(t *testing.T) {
	d := deploy(t, newUpstream(t), plain)
	broken := filepath.Join(d.dir, "broken.yaml")
	must(t, os.WriteFile(broken, []byte("version: 1\ndata: data\nlisten:\n  gate: {adr: \":1\"}\nproviders:\n  up: {dialect: openai, url: \"http://x/v1\"}\nmodels: {fast: {try: [down]}}\nsystems: {}\nidentity: []\n"), 0o600))
	held, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer held.Close()
	busy := filepath.Join(d.dir, "busy.yaml")
	config, err := os.ReadFile(d.file)
	must(t, err)
	must(t, os.WriteFile(busy, bytes.Replace(config, []byte("127.0.0.1:0"), []byte(held.Addr().String()), 1), 0o600))
	for _, c := range []struct {
		name string
		args []string
		code int
		says []string
		many bool // faults, one a line
	}{
		{"config faults", []string{"serve", "-c", broken}, 2, []string{"broken.yaml: line 4: listen.gate.adr", `did you mean "addr"`, "broken.yaml: line 6", "private: true", "down", "identity", "not supported yet"}, true},
		{"port in use", []string{"serve", "-c", busy}, 3, []string{"listen.gate", held.Addr().String() + " is in use", "change the address"}, false},
		{"a folder that cannot be made", []string{"demo", "--data", "/proc/nowhere"}, 3, []string{"/proc/nowhere cannot be made", "--data"}, false},
		{"no such file", []string{"serve", "-c", "nowhere.yaml"}, 2, []string{"nowhere.yaml"}, false},
		{"unknown flag", []string{"serve", "--prot", "1"}, 2, []string{"--prot", "bartizan serve -h"}, false},
		{"unknown command", []string{"sevre"}, 2, []string{"sevre"}, false},
		{"no ledger", []string{"ledger", "verify", "--data", filepath.Join(d.dir, "nothing")}, 2, []string{"no ledger"}, false},
		{"unknown system", []string{"keys", "create", "--system", "nosuch", "-c", d.file}, 3, []string{"nosuch"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, errs := d.fails(c.args...)
			for _, want := range c.says {
				if !strings.Contains(errs, want) {
					t.Errorf("it does not say %q: %s", want, errs)
				}
			}
			if code != c.code || strings.Contains(errs, "goroutine ") || !c.many && strings.Count(errs, "\n") != 1 {
				t.Errorf("exit %d, and it said\n%s", code, errs)
			}
		})
	}
}

// TestOneFolderOneProcess: the second is refused and changes nothing.
func TestOneFolderOneProcess(t *testing.T) {
	d := deploy(t, newUpstream(t), plain)
	p := d.serve()
	code, errs := d.fails("serve", "-c", d.file)
	if code != 3 || !strings.Contains(errs, "is in use by another bartizan") {
		t.Errorf("exit %d: %s", code, errs)
	}
	a, err := p.chat(body("still here?", false))
	if err != nil || !a.whole() {
		t.Errorf("the first gave %v %d", err, a.status)
	}
	// The local socket of the first still works.
	if out := d.run("keys", "list", "-c", d.file, "-o", "json"); !strings.Contains(out, `"bot"`) {
		t.Errorf("keys: %s", out)
	}
}
