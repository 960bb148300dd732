package gateway

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/record"
)

// weighs fails when a record has grown with what somebody sent, or holds it.
func (h *house) weighs(name string, got answered, canary string) record.Record {
	h.t.Helper()
	r := h.record(got)
	b, err := json.Marshal(r)
	must(h.t, err)
	if len(b) > 32<<10 || strings.Contains(string(b), canary) {
		h.t.Errorf("%s: the record has %d bytes, %d permits: %.300s", name, len(b), len(r.Intent.Permits)+len(r.Outcome.Permits), b)
	}
	return r
}

// TestNamesThatNobodyDeclared: the names of models and tools are a caller's or a model's
// own text unless they are declared, so the record has them only where they are short
// and plain.
func TestNamesThatNobodyDeclared(t *testing.T) {
	const canary = "zebra-canary"
	erring := []access.PermitFile{{Name: "x.cedar", Text: []byte(`forbid(principal, action, resource) when { resource.nothing > 3 };`)}}
	for name, permits := range map[string][]access.PermitFile{"denied": nil, "a permit that errs": erring} {
		h := newHouse(t, houseConfig{permits: permits})
		for kind, text := range map[string]string{"long": strings.Repeat(canary, 400_000), "a sentence": "the " + canary + " is out"} {
			tool := `{"model":"fast","tools":[{"type":"function","function":{"name":` + quoted(text) + `}}],"messages":[{"role":"user","content":"hi"}]}`
			r := h.weighs(name+", the model, "+kind, h.chat(strings.Replace(user("hi", false), `"fast"`, quoted(text), 1)), canary)
			if r.Intent.Model != "*" || r.Intent.Permits[0].Target != fmt.Sprintf("(not declared, %d bytes)", len(text)) {
				t.Errorf("%s, %s: %q, %+v", name, kind, r.Intent.Model, r.Intent.Permits)
			}
			h.weighs(name+", a tool, "+kind, h.chat(tool), canary)
			if name != "denied" {
				continue
			}
			h.up.says(strings.Replace(completion(""), `"content":""`, `"content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":`+quoted(text)+`,"arguments":"{}"}}]`, 1))
			if got := h.chat(user("hi", false)); got.status != 502 || got.code() != "tool_not_allowed" {
				t.Errorf("an answer's tool, %s: %d %.200s", kind, got.status, got.body)
			} else if r := h.weighs("an answer's tool, "+kind, got, canary); len(r.Outcome.Permits) != 1 || r.Outcome.Permits[0].Allowed {
				t.Errorf("%s: %+v", kind, r.Outcome.Permits)
			}
		}
	}
	h := newHouse(t, houseConfig{})
	r := h.record(h.chat(strings.Replace(user("hi", false), "fast", "vendor/slow-1.5:latest", 1)))
	if r.Intent.Model != "vendor/slow-1.5:latest" || r.Intent.Permits[0].Target != r.Intent.Model {
		t.Errorf("a short plain name is not on record: %+v", r.Intent)
	}
}

// TestPermitsAreBounded: a tool is asked for and recorded once, however often an answer
// calls it, and calls of many tools are recorded only so far; what was denied always is.
func TestPermitsAreBounded(t *testing.T) {
	h := newHouse(t, houseConfig{system: record.System{Name: "bot", Team: "team", Models: []string{"fast"}, AnyTool: true},
		permits: []access.PermitFile{{Name: "x.cedar", Text: []byte(`forbid(principal, action, resource == Tool::"shell");`)}}})
	answer := func(names ...string) answered {
		calls := make([]string, len(names))
		for i, n := range names {
			calls[i] = fmt.Sprintf(`{"id":"c","type":"function","function":{"name":%q,"arguments":"{}"}}`, n)
		}
		h.up.says(strings.Replace(completion(""), `"content":""`, `"content":null,"tool_calls":[`+strings.Join(calls, ",")+`]`, 1))
		return h.chat(user("hi", false))
	}
	if r := h.weighs("one tool", answer(slices.Repeat([]string{"search"}, 150)...), "zebra"); r.Outcome.Status != 200 || len(r.Outcome.Permits) != 1 {
		t.Errorf("%d, %d permits", r.Outcome.Status, len(r.Outcome.Permits))
	}
	var many []string
	for i := range 150 {
		many = append(many, fmt.Sprint("tool_", i))
	}
	if r := h.weighs("many tools", answer(many...), "zebra"); r.Outcome.Status != 200 || len(r.Outcome.Permits) != maxPermits {
		t.Errorf("%d, %d permits", r.Outcome.Status, len(r.Outcome.Permits))
	}
	r := h.weighs("one too many", answer(append(many, "shell")...), "zebra")
	if n := len(r.Outcome.Permits); r.Outcome.Status != 502 || n != maxPermits+1 || r.Outcome.Permits[n-1].Target != "shell" || r.Outcome.Permits[n-1].Allowed {
		t.Errorf("%d, %d permits", r.Outcome.Status, n)
	}
	// The same in frames, where Messages repeat a call.
	begin := `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"search","input":{}}}`
	h.up.sends("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n",
		strings.Repeat("event: content_block_start\ndata: "+begin+"\n\n", 3000), "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
	r = h.weighs("a call in every frame", h.post("/v1/messages", `{"model":"fast","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}`), "zebra")
	if len(r.Outcome.Permits) != 1 || !r.Outcome.Permits[0].Allowed {
		t.Errorf("%s: %d permits", r.Outcome.Code, len(r.Outcome.Permits))
	}
}
