package gateway

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
)

const card = "4012888888881881"

var sixteen = regexp.MustCompile(`\b\d{16}\b`)

// figureBodies are calls with a card as a number without quotes, by where it stands.
var figureBodies = map[string][2]string{
	"arguments": {"/v1/chat/completions", `{"model":"fast","messages":[{"role":"user","content":"again"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"search","arguments":"{\"card\": 4012888888881881, \"n\": 3}"}}]},{"role":"tool","tool_call_id":"c","content":"ok"}]}`},
	"input":     {"/v1/messages", `{"model":"fast","max_tokens":99,"messages":[{"role":"user","content":"again"},{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"search","input":{"n":3, "card":4012888888881881}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"ok"}]}]}`},
	"field":     {"/v1/chat/completions", `{"model":"fast","metadata":{"cards":[7, 4012888888881881]},"messages":[{"role":"user","content":"again"}]}`},
	"content":   {"/v1/chat/completions", `{"model":"fast","messages":[{"role":"user","content":4012888888881881}]}`},
}

// TestNumbersAreHidden: a value that is a number in JSON is hidden by a number of the same shape,
// which comes back in the arguments of the model's call and in what it says; everything stays JSON.
func TestNumbersAreHidden(t *testing.T) {
	h := newHouse(t, houseConfig{policy: hiding(""), detectors: everything()})
	for name, call := range figureBodies {
		for _, stream := range []bool{false, true} {
			body := strings.Replace(call[1], `{"model":"fast",`, fmt.Sprintf(`{"model":"fast","stream":%v,`, stream), 1)
			kind, fake := "tool", ""
			if call[0] == "/v1/messages" {
				kind = "Messages"
			}
			h.up.does(func(w http.ResponseWriter, _ *http.Request, b []byte) {
				if fake = sixteen.FindString(string(b)); !json.Valid(b) {
					t.Errorf("%s: the upstream got %s", name, b)
				}
				speak(w, kind, stream, `{"card": `+fake+`, "note": "card `+fake+`, paid", "n": [1,`+fake+`]}`, rand.New(rand.NewPCG(3, 1)))
			})
			got := h.post(call[0], body)
			if fake == "" || fake == card || !luhn(fake) {
				t.Errorf("%s: %q stands for the card", name, fake)
			}
			want := `{"card": ` + card + `, "note": "card ` + card + `, paid", "n": [1,` + card + `]}`
			if !slices.ContainsFunc(slices.Collect(maps.Values(heard(t, got))), func(s string) bool { return sameJSON(s, want) }) {
				t.Errorf("%s, stream=%v: %d, the caller reads %q", name, stream, got.status, heard(t, got))
			}
			if m := h.record(got).Outcome.Masked; m == nil || m.Hidden != 1 || m.Restored != 3 {
				t.Errorf("%s: %+v", name, m)
			}
		}
	}
}

// sameJSON compares values, every digit of numbers included.
func sameJSON(a, b string) bool {
	var v [2]any
	for i, s := range []string{a, b} {
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		if d.Decode(&v[i]) != nil {
			return false
		}
	}
	return reflect.DeepEqual(v[0], v[1])
}

// luhn reports whether a number passes the check of cards.
func luhn(s string) bool {
	sum := 0
	for i := range len(s) {
		v := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// TestNumbersAreStopped: where policy stops a kind, or where nothing can take the place of a
// number, the call goes no further, and the sentence says of what kind it is.
func TestNumbersAreStopped(t *testing.T) {
	policy := func(e guard.Entity, as string) guard.Policy {
		return guard.Policy{Mask: guard.Masking{Restore: true, As: as, Entities: []guard.Entity{e}}}
	}
	for how, p := range map[string]guard.Policy{
		"block":  policy(guard.Entity{Name: "pii.credit_card", Action: "block"}, ""),
		"redact": policy(guard.Entity{Name: "pii.credit_card"}, "redact"),
	} {
		h := newHouse(t, houseConfig{policy: p, detectors: everything()})
		for name, call := range figureBodies {
			got := h.post(call[0], call[1])
			if got.status != http.StatusBadRequest || !strings.Contains(got.body, "pii.credit_card") || strings.Contains(got.body, card) || len(h.up.received()) != 0 {
				t.Errorf("%s, %s: %d %s", how, name, got.status, got.body)
			}
			if how == "redact" && !strings.Contains(got.body, "because that cannot be masked where it stands") {
				t.Errorf("%s: %s", name, got.body)
			}
			v := h.record(got).Intent.Verdict
			if f, ok := v.First(); !ok || f.Category != "pii.credit_card" {
				t.Errorf("%s, %s: %+v", how, name, v)
			}
		}
	}
	// What the model itself writes as a number cannot be told from what its tool wants.
	h := newHouse(t, houseConfig{policy: policy(guard.Entity{Name: "pii.credit_card"}, ""), detectors: everything()})
	for _, stream := range []bool{false, true} {
		h.up.does(func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			speak(w, "tool", stream, `{"mail":"anna@example.org","card":5555555555554444}`, rand.New(rand.NewPCG(4, 1)))
		})
		if got := h.chat(user("pay", stream)); !strings.Contains(got.body, "pii.credit_card") || strings.Contains(got.body, "5555555555554444") {
			t.Errorf("stream=%v: %d %s", stream, got.status, got.body)
		}
	}
}

// TestJSONTextStaysJSON: in a text that is JSON, what takes the place of a number is a string.
func TestJSONTextStaysJSON(t *testing.T) {
	text := `{"card": 4012888888881881, "note": "card: 4012888888881881, \"4012888888881881\"", "list": [1, 4012888888881881 ], "s": "4012888888881881"}`
	for as, want := range map[string]int{"": 5, "redact": 0, "fake": 0} {
		h := newHouse(t, houseConfig{policy: hiding(as), detectors: everything()})
		echo(h)
		got := h.chat(messages(false, `{"role":"user","content":"look"},{"role":"tool","tool_call_id":"c","content":`+quoted(text)+`}`))
		var up struct{ Messages []struct{ Content string } }
		if err := json.Unmarshal(h.up.received()[0], &up); err != nil {
			t.Fatal(err)
		}
		sent := up.Messages[len(up.Messages)-1].Content
		if !json.Valid([]byte(sent)) || strings.Contains(sent, card) || len(stood.FindAllString(sent, -1)) != want {
			t.Errorf("%q: the upstream got %s", as, sent)
		}
		if said := slices.Collect(maps.Values(heard(t, got))); as == "fake" && !slices.Contains(said, text) {
			t.Errorf("the caller reads %q", said)
		}
	}
}

// TestNumbersLeftAlone: numbers that only look like something pass to the byte.
func TestNumbersLeftAlone(t *testing.T) {
	p := guard.Policy{}
	for _, d := range everything() {
		if f, ok := d.(guard.Finder); ok && strings.HasPrefix(d.ID(), "pii/") {
			for _, c := range f.Finds() {
				p.Mask.Entities = append(p.Mask.Entities, guard.Entity{Name: string(c)})
			}
		}
	}
	h := newHouse(t, houseConfig{policy: p, detectors: everything()})
	for _, members := range []string{
		`"created":1732600000,"updated_at":1732600000123,"ts":1732600000123456`, `"order_id":4815162342,"order":20240501123,"invoice":4820194737`,
		`"price":129900000,"total":1234567.89,"amount":10000000,"views":1234567`, `"lat":52.5200066,"lon":13.4049540,"bbox":[1340495.4,52520006.6]`,
		`"size":1073741824,"offset":9007199254740991,"max":9223372036854775807,"mask":4294967295`, `"id":1234567890123456789,"parent":987654321098765432,"ids":[1234567,7654321,20240501]`,
		`"seed":4012888888881882,"version":20240501,"build":202405011230,"hash":1361946373`, `"population":8336817,"elapsed_ns":158263748291,"pid":1048576,"zip":1234567`,
		`"duration":86400000,"epoch":1700000000,"expires":1893456000,"nonce":8253749102837465`,
	} {
		body := `{"model":"fast",` + strings.ReplaceAll(members, `"seed"`, `"seeds"`) + `,"messages":[{"role":"user","content":"look"},{"role":"assistant","content":null,"tool_calls":[` +
			`{"id":"c","type":"function","function":{"name":"search","arguments":` + quoted("{"+members+"}") + `}}]},{"role":"tool","tool_call_id":"c","content":` + quoted("{"+members+"}") + `}]}`
		got := h.chat(body)
		up := h.up.received()
		if got.status != 200 || len(up) != 1 || !strings.Contains(string(up[0]), body[len(`{"model":"fast",`):len(body)-1]) {
			t.Errorf("%s: %d %s: the upstream got %s", members, got.status, got.body, up)
		}
	}
}

// TestSignedAndNestedNumbers: with a sign before it, and in JSON inside a string of arguments, a
// number is hidden so that everything stays JSON, at every depth.
func TestSignedAndNestedNumbers(t *testing.T) {
	h := newHouse(t, houseConfig{policy: hiding(""), detectors: everything()})
	for name, c := range map[string]struct {
		body string
		dig  func(map[string]any) string // the JSON inside
	}{
		"a sign, in text that is JSON": {`{"model":"fast","messages":[{"role":"user","content":"{\"card\": -4012888888881881, \"n\": 1}"}]}`, func(m map[string]any) string {
			return m["messages"].([]any)[0].(map[string]any)["content"].(string)
		}},
		"JSON in a string of arguments": {`{"model":"fast","messages":[{"role":"user","content":"again"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"search","arguments":"{\"x\":\"{\\\"card\\\":4012888888881881}\"}"}}]},{"role":"tool","tool_call_id":"c","content":"ok"}]}`, func(m map[string]any) string {
			call := m["messages"].([]any)[1].(map[string]any)["tool_calls"].([]any)[0].(map[string]any)
			var args map[string]string
			if err := json.Unmarshal([]byte(call["function"].(map[string]any)["arguments"].(string)), &args); err != nil {
				return err.Error()
			}
			return args["x"]
		}},
	} {
		got := h.chat(c.body)
		sent := h.up.received()
		var m map[string]any
		if len(sent) != 1 || json.Unmarshal(sent[0], &m) != nil || strings.Contains(string(sent[0]), card) {
			t.Errorf("%s: %d, sent was %s", name, got.status, sent)
			continue
		}
		if inside := c.dig(m); !json.Valid([]byte(inside)) {
			t.Errorf("%s: inside is %s", name, inside)
		}
	}
}
