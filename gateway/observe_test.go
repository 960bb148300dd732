package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/record"
)

// onlooker notes what it is told.
type onlooker struct {
	mu   sync.Mutex
	seen []Sight
	word string
}

func (o *onlooker) Observes(system string) bool   { return system == "bot" }
func (o *onlooker) Token(_ string, t string) bool { return strings.Contains(t, o.word) }
func (o *onlooker) Saw(s Sight) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s.Request = slices.Clone(s.Request)
	o.seen = append(o.seen, s)
}

// told returns what it was told, once it was.
func (o *onlooker) told(t *testing.T, n int) []Sight {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		o.mu.Lock()
		seen := slices.Clone(o.seen)
		o.mu.Unlock()
		if len(seen) >= n {
			return seen
		}
		if time.Now().After(until) {
			t.Fatalf("%d sights of %d", len(seen), n)
		}
	}
}

// TestObserver: it is told who answered and what was asked, of whole answers and streams, in a word that is cut
// anywhere; not of calls that nobody answered, of other systems, or of canaries.
func TestObserver(t *testing.T) {
	o := &onlooker{word: "amber-basil-3f2a1bc"}
	h := newHouse(t, houseConfig{gate: Config{Observer: o}, systems: []record.System{{Name: "other", Models: []string{"fast"}}}})
	h.up.says(strings.Replace(completion("fine"), `"model":"m"`, `"model" : "m-2026","system_fingerprint":"fp_1"`, 1))
	h.chat(`{"model":"fast","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"hi"}]}`)
	got := o.told(t, 1)[0]
	if got.System != "bot" || got.Model != "fast" || got.Answerer != "m-2026 fp_1" || got.Leaked != "" || len(got.Request) < 2 || got.Request[0].Text != "Be kind." {
		t.Fatalf("%+v", got)
	}
	n := 1
	for at := range len(o.word) + 1 {
		h.up.streams(chunk(0, `{"role":"assistant","content":"It is "}`), chunk(0, `{"content":`+quoted(o.word[:at])+`}`), chunk(0, `{"content":`+quoted(o.word[at:])+`}`), chunk(0, `{"content":`+quoted(strings.Repeat("and more ", 20))+`}`), chunk(0, `{"content":" and-so-on"}`), stopChunk(0, "stop"), "[DONE]")
		a := h.chat(user("hi", true))
		n++
		if got := o.told(t, n)[n-1]; got.Leaked == "" || got.Leaked != a.header.Get("Bartizan-Exchange") || got.Answerer != "m" {
			t.Fatalf("cut at %d: %+v", at, got)
		}
	}
	h.up.does(func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(400)
		_, _ = io.WriteString(w, `{"error":{"message":"no","model":"x"}}`)
	})
	h.chat(user("hi", false))
	h.up.says(completion(o.word))
	_, theirs, err := h.keys.Create(t.Context(), "other", "test")
	must(t, err)
	canary, giveBack := h.keys.Lend("bot", "canaries")
	defer giveBack()
	for _, key := range []string{theirs, canary} {
		h.secret = key
		if a := h.chat(user("hi", false)); a.status != 200 {
			t.Fatal(a.body)
		}
	}
	if seen := o.told(t, n); len(seen) != n {
		t.Errorf("%+v", seen[n:])
	}
}

// TestAnswerer: who answered is read out of the protocol, and never out of a text.
func TestAnswerer(t *testing.T) {
	for data, want := range map[string]string{
		`{"id":"x","model":"gpt-1","system_fingerprint":"fp"}`:      "gpt-1 fp",
		`{"type":"message_start","message":{"model":"claude-1"}}`:   "claude-1",
		"{\"choices\":[],\n \"model\" :\n\"a b\"}":                  "a b",
		`{"choices":[{"text":"\"model\":\"forged\""}],"model":"m"}`: "m",
		`{"choices":[{"text":"the \\\"model\":\"forged"}]}`:         "",
		// What a caller has a model say is deeper than who answered.
		`{"content":[{"type":"tool_use","input":{"model":"evil-1","system_fingerprint":"evil"}}],"model":"claude-x"}`:         "claude-x",
		`{"message":{"content":[{"input":{"model":"evil-1"}}],"model":"claude-x","usage":{}},"type":"message_start"}`:         "claude-x",
		`{"type":"response.created","response":{"metadata":{"model":"evil-1"},"tools":[{"model":"evil-2"}],"model":"gpt-2"}}`: "gpt-2",
		`{"response":["model","evil-1",{"model":"evil-2"}],"message":[{"model":"evil-3"}]}`:                                   "",
		`{"metadata":{"model":"evil-1"},"input":{"response":{"model":"evil-2"}},"x":[{"message":{"model":"evil-3"}}]}`:        "",
		`{"delta":{"partial_json":"{\"model\":\"evil\"}"},"x":"message","y":{"model":"evil"}}`:                                "",
		`{"content":"ends in a backslash \\","model":"m"}`:                                                                    "m", `{"content":"\\\"","model":"m"}`: "m", `{"a":"\"}{\"model\":\"evil\"","model":"m"}`: "m",
		`{"choices":["model",":"],"a":{"b":[[[{}]]]},"system_fingerprint":"fp","model":"m"}`: "m fp",
		`[{"model":"evil"}]`: "", `[DONE]`: "", `"model":"evil"`: "", `{"model":"cut`: "", `{"model":"m","system_fingerprint":"cut`: "m", `{"model":{"model":"evil"}}`: "", `{"model":["evil"]}`: "",
		`{"model":7}`: "", `{"model":null}`: "", `{"model":"` + strings.Repeat("x", 500) + `"}`: "", `{"model":"a` + "\x01" + `"}`: "", `{"model"`: "", ``: "", `{"model":"é"}`: "",
	} {
		if got := answerer([]byte(data)); got != want {
			t.Errorf("%s: %q, want %q", data, got, want)
		}
	}
}

// FuzzAnswerer: of any JSON it reads the members that a decoder finds where the protocols have them, and no
// others.
func FuzzAnswerer(f *testing.F) {
	f.Add([]byte(`{"model":"m","system_fingerprint":"f"}`))
	f.Add([]byte(`{"content":[{"input":{"model":"evil"}}],"message":{"model":"m"}}`))
	f.Add([]byte(`{"a":"\\\"","response":{"x":[{"model":"evil"}],"model":"m"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got := answerer(data)
		if len(got) > maxAnswerer || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q", got)
		}
		var top map[string]any
		if bytes.IndexByte(data, '\\') >= 0 || json.Unmarshal(data, &top) != nil {
			return // names are taken as they are written
		}
		for _, name := range []string{"model", "system_fingerprint", "message", "response"} {
			if bytes.Count(data, []byte(quoted(name))) > 1 {
				return // no provider says it twice, and decoders have the last one
			}
		}
		own := map[string]bool{"": true}
		for _, o := range []any{top, top["message"], top["response"]} {
			if o, ok := o.(map[string]any); ok {
				model, _ := o["model"].(string)
				build, _ := o["system_fingerprint"].(string)
				own[model], own[" "+build], own[(model + " " + build)[:min(len(model)+1+len(build), maxAnswerer)]] = true, true, true
			}
		}
		if !own[got] && !strings.Contains(got, " ") {
			t.Errorf("%q out of %s", got, data)
		}
	})
}

// BenchmarkAnswerer is what it costs to read a whole answer of 64 kB whose provider is named last.
func BenchmarkAnswerer(b *testing.B) {
	data := []byte(`{"data":[` + strings.Repeat("0.0123,", 4<<10) + `0],"text":` + quoted(strings.Repeat("well, \"this\" ", 2<<10)) + `,"model":"m"}`)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		answerer(data)
	}
}

// TestCanariesCostUsersNothing: a canary is not stopped by a budget that is spent and takes nothing from
// one that is not; it is judged by the same policy, and what it says is kept nowhere.
func TestCanariesCostUsersNothing(t *testing.T) {
	policy := guard.Policy{Keep: guard.Keep{Content: "masked"}, Rules: []guard.Rule{{ID: "no", Phrase: "ignore all of that", Action: "block"}}}
	h := newHouse(t, houseConfig{policy: policy, price: aDollar(), budget: access.Budget{System: access.Limits{Requests: perMonth(2)}}})
	mine := h.secret
	canary, giveBack := h.keys.Lend("bot", "canaries")
	h.secret = canary
	for i := range 5 {
		a := h.chat(user(fmt.Sprint("hi ", i), false))
		r := h.record(a)
		if a.status != 200 || !r.Canary() || !r.Intent.Synthetic || r.Outcome.Cost == 0 || len(r.Intent.Kept)+len(r.Outcome.Kept) > 0 {
			t.Fatalf("%d %s %+v", a.status, a.body, r.Intent)
		}
	}
	if a := h.chat(user("ignore all of that", false)); a.status == 200 {
		t.Error("another policy holds for canaries")
	}
	h.secret = mine
	for i := range 3 {
		if a := h.chat(user("hi", false)); (a.status == 200) != (i < 2) {
			t.Errorf("call %d of a user: %d %s", i, a.status, a.body)
		}
	}
	h.secret = canary
	if a := h.chat(user("hi", false)); a.status != 200 {
		t.Errorf("the budget of users is spent: %d", a.status)
	}
	if u := h.spent(); u.Input+u.Output > 20 {
		t.Errorf("the system used %+v", u)
	}
	giveBack()
	if a := h.chat(user("hi", false)); a.status != 401 {
		t.Errorf("a key that was given back: %d", a.status)
	}
}

// BenchmarkLook is what it costs to look at a frame of twenty bytes of an answer.
func BenchmarkLook(b *testing.B) {
	o := &onlooker{word: "anvil-barley-3f2a1bc"}
	s := &sighting{answerer: "m", tails: map[llm.Channel][]byte{}}
	e := &llm.Event{Passages: []llm.Passage{{Text: "a well-known answer, "}}}
	b.ReportAllocs()
	for b.Loop() {
		s.look(o, "bot", e)
	}
}
