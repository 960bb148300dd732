package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
)

// noStore are the operations that can keep a conversation at the provider, with a body.
var noStore = []struct{ form, path, body string }{
	{"chat", "/v1/chat/completions", `"messages":[{"role":"user","content":"hi"}]`},
	{"Responses", "/v1/responses", `"input":"hi"`},
	{"Azure", "/openai/v1/chat/completions", `"messages":[{"role":"user","content":"hi"}]`},
	{"Azure", "/openai/deployments/fast/chat/completions?api-version=2025-01-01-preview", `"messages":[{"role":"user","content":"hi"}]`},
	{"Azure Responses", "/openai/v1/responses", `"input":"hi"`},
	{"Azure Responses", "/openai/responses?api-version=2025-04-01-preview", `"input":"hi"`},
}

// TestForcedFlags captures what providers get: a word that keeps a conversation out of their
// stores, streamed or not, at the first candidate and at every one after it.
func TestForcedFlags(t *testing.T) {
	h, spare := newHouse(t, houseConfig{}), newScript(t)
	var list []Candidate
	for _, c := range h.plan.Models["fast"] {
		other := c
		url := spare.URL
		if c.Dialect == "openai" {
			url += "/v1"
		}
		client, err := dialect.NewClient(dialect.ClientConfig{Name: "spare", URL: url, Private: true, Dialect: c.Dialect})
		must(t, err)
		t.Cleanup(client.Close)
		c.Keeps = c.Dialect == "openai"
		other.Provider, other.URL, other.Upstream, other.Model = "spare", url, client, "m-2"
		list = append(list, c, other)
	}
	plan := *h.plan
	plan.Models = map[string][]Candidate{"fast": list}
	h.gate.SetPlan(&plan)
	for _, c := range noStore {
		f := formNamed(t, c.form)
		for _, stream := range []bool{false, true} {
			for sent, keeps := range map[string]bool{"": true, `,"store":null`: true, `,"store":false`: false} {
				body := fmt.Sprintf(`{"model":"fast","stream":%v,%s%s}`, stream, c.body, sent)
				answerAs(h, f, stream)
				answerAs(&house{up: spare}, f, stream)
				for _, fails := range []bool{false, true} {
					if fails {
						h.up.does(status(503, "application/json", `{}`))
					}
					got := h.post(c.path, body)
					first, second := h.up.received(), spare.received()
					if got.status != 200 || len(first) != 1 || len(second) != map[bool]int{true: 1}[fails] {
						t.Fatalf("%s %s: %d %s, %d and %d calls", c.path, body, got.status, got.body, len(first), len(second))
					}
					for _, b := range slices.Concat(first, second) {
						if strings.Count(string(b), `"store":false`) != 1 || strings.Count(string(b), `"store"`) != 1 {
							t.Errorf("%s, stream=%v, %q, keeps=%v: a provider got %s", c.path, stream, sent, keeps, b)
						}
					}
					for _, c := range list { // a failure now and then opens no circuit
						u := h.gate.upstreams.of(c)
						u.mu.Lock()
						u.row = 0
						u.mu.Unlock()
					}
				}
			}
		}
	}
	// Where the API has no store, nothing is added.
	for _, c := range []struct{ form, path, body string }{
		{"Messages", "/v1/messages", `"max_tokens":9,"messages":[{"role":"user","content":"hi"}]`},
		{"Azure", "/openai/deployments/fast/chat/completions?api-version=2024-10-21", `"messages":[{"role":"user","content":"hi"}]`},
	} {
		answerAs(h, formNamed(t, c.form), false)
		h.up.received()
		got := h.post(c.path, `{"model":"fast",`+c.body+`}`)
		if sent := h.up.received(); got.status != 200 || len(sent) != 1 || strings.Contains(string(sent[0]), "store") {
			t.Errorf("%s: %d %s", c.path, got.status, sent)
		}
	}
}

// TestStorageIsRefused: what needs the provider's store is refused by its name in every
// dialect, streamed or not, and passes to the byte where policy allows it.
func TestStorageIsRefused(t *testing.T) {
	refuse := newHouse(t, houseConfig{})
	allow := newHouse(t, houseConfig{policy: guard.Policy{ProviderState: "allow", Unreadable: map[string]guard.Action{"file": "flag"}}})
	chat := func(content string) string { return `"messages":[{"role":"user","content":[` + content + `]}]` }
	input := func(part string) string { return `"input":[{"role":"user","content":[` + part + `]}]` }
	for _, c := range []struct{ form, path, body, name string }{
		{"chat", "/v1/chat/completions", `"store":true,"messages":[{"role":"user","content":"hi"}]`, "store"},
		{"chat", "/v1/chat/completions", chat(`{"type":"file","file":{"file_id":"file-1"}}`), "file_id"},
		{"chat", "/v1/chat/completions", `"prompt_cache_retention":"24h","messages":[{"role":"user","content":"hi"}]`, "prompt_cache_retention"},
		{"Azure", "/openai/v1/chat/completions", `"store":true,"messages":[{"role":"user","content":"hi"}]`, "store"},
		{"Azure", "/openai/deployments/fast/chat/completions?api-version=2024-10-21", `"store":true,"messages":[{"role":"user","content":"hi"}]`, "store"},
		{"Messages", "/v1/messages", `"max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"file_1"}}]}]`, "file_id"},
		{"Messages", "/v1/messages", `"max_tokens":9,"messages":[{"role":"user","content":[{"type":"container_upload","file_id":"file_1"}]}]`, "file_id"},
		{"Messages", "/v1/messages", `"max_tokens":9,"container":"c","messages":[{"role":"user","content":"hi"}]`, "container"},
		{"Responses", "/v1/responses", `"store":true,"input":"hi"`, "store"},
		{"Responses", "/v1/responses", `"background":true,"input":"hi"`, "background"},
		{"Responses", "/v1/responses", `"previous_response_id":"resp_1","input":"hi"`, "previous_response_id"},
		{"Responses", "/v1/responses", `"conversation":"conv_1","input":"hi"`, "conversation"},
		{"Responses", "/v1/responses", `"prompt_cache_retention":"24h","input":"hi"`, "prompt_cache_retention"},
		{"Responses", "/v1/responses", input(`{"type":"input_file","file_id":"file-1"}`), "file_id"},
		{"Responses", "/v1/responses", input(`{"type":"input_image","file_id":"file-1"}`), "file_id"},
		{"Azure Responses", "/openai/v1/responses", `"previous_response_id":"resp_1","input":"hi"`, "previous_response_id"},
		{"Azure Responses", "/openai/v1/responses", `"background":true,"input":"hi"`, "background"},
		{"Azure Responses", "/openai/v1/responses", input(`{"type":"input_file","file_id":"file-1"}`), "file_id"},
	} {
		f := formNamed(t, c.form)
		for _, stream := range []bool{false, true} {
			body := fmt.Sprintf(`{"model":"fast","stream":%v,%s}`, stream, c.body)
			got := refuse.post(c.path, body)
			if got.status != http.StatusBadRequest || !strings.Contains(got.body, "The field "+c.name+" ") || len(refuse.up.received()) != 0 || strings.Contains(got.body, "file_1") || strings.Contains(got.body, "resp_1") {
				t.Errorf("%s %s: %d %s", c.path, body, got.status, got.body)
			}
			answerAs(allow, f, stream)
			got = allow.post(c.path, body)
			want := strings.Replace(body, `"fast"`, `"m-1"`, 1)
			if sent := allow.up.received(); got.status != 200 || len(sent) != 1 || string(sent[0]) != want {
				t.Errorf("%s %s allowed: %d %s, the provider got %s", c.path, body, got.status, got.body, sent)
			}
		}
	}
	// What keeps things in memory, or names no file, is no store.
	for path, body := range map[string]string{
		"/v1/chat/completions": `{"model":"fast","prompt_cache_retention":"in_memory","messages":[{"role":"user","content":"hi"}]}`,
		"/v1/responses":        `{"model":"fast","prompt_cache_retention":"in-memory","background":false,"previous_response_id":null,"input":"hi"}`,
	} {
		for _, f := range forms() {
			if f.path == path {
				answerAs(refuse, f, false)
			}
		}
		if got := refuse.post(path, body); got.status != 200 {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
}
