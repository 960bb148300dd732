package gateway

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/record"
)

// hiding is a policy that masks what the tests call private, and puts it back.
func hiding(as string) guard.Policy {
	rule := func(id, phrase, entity string) guard.Rule {
		return guard.Rule{ID: id, Phrase: phrase, Entity: entity, On: []string{"input"}, Action: "mask"}
	}
	return guard.Policy{
		Mask: guard.Masking{Restore: true, As: as, Entities: []guard.Entity{{Name: "pii.email"}, {Name: "pii.iban"}, {Name: "pii.credit_card"}}},
		Rules: []guard.Rule{rule("anna", "Anna Keller", "pii.person"), rule("nightjar", forbidden, ""), rule("acme", `Acme "Works" GmbH`, "pii.organization"),
			{ID: "number", Pattern: `KD-\d{6}`, Entity: "pii.customer_number", On: []string{"input"}, Action: "mask"}},
	}
}

var stood = regexp.MustCompile(`\[[A-Z:_]+_[a-z0-9]{6}\]`)

// TestRestoreMatrix: what the caller sent comes back to the caller, in every dialect and
// place, streamed or not, wherever the placeholder is cut; and the upstream never has it.
func TestRestoreMatrix(t *testing.T) {
	h := newHouse(t, houseConfig{policy: hiding("")})
	tries := 0
	for _, f := range forms() {
		if f.out == nil {
			continue
		}
		at := slices.IndexFunc(f.in, func(c carrier) bool { return c.name == "user" || c.name == "input" || c.name == "text" })
		ask := f.in[max(at, 0)]
		h.up.says(f.out[0].whole("all is well"))
		h.post(f.path, ask.body(around, false))
		stands := stood.FindString(string(h.up.received()[0]))
		if !strings.HasPrefix(stands, "[NIGHTJAR_") {
			t.Fatalf("%s: the upstream got %q", f.name, stands)
		}
		says := strings.ReplaceAll(answerText, forbidden, stands)
		for _, p := range f.out {
			h.up.says(p.whole(says))
			checkRestored(t, h, f, p, h.post(f.path, ask.body(around, false)), stands)
			from := strings.Index(says, stands)
			for cut := from; cut <= from+len(stands); cut++ {
				tries++
				h.up.sends(p.frames(says[:cut], says[cut:])...)
				checkRestored(t, h, f, p, h.post(f.path, ask.body(around, true)), stands)
			}
			h.up.sends(p.frames(strings.Split(says, "")...)...)
			checkRestored(t, h, f, p, h.post(f.path, ask.body(around, true)), stands)
		}
	}
	if tries < 300 {
		t.Errorf("only %d cuts", tries)
	}
}

func checkRestored(t *testing.T, h *house, f form, p place, got answered, stands string) {
	t.Helper()
	for _, b := range h.up.received() {
		if strings.Contains(string(b), "Nightjar") || !strings.Contains(string(b), stands) {
			t.Fatalf("%s, %s: the upstream got %s", f.name, p.name, b)
		}
	}
	said := answerText
	if p.sealed { // what is signed stays as it is, and nothing is blocked for it
		said = strings.ReplaceAll(said, forbidden, stands)
	}
	if p.args {
		said = `{"q":` + quoted(said) + `}`
	}
	places := 0
	for _, text := range heard(t, got) {
		if text == said {
			places++
		} else if strings.Contains(text, "here we are") {
			t.Fatalf("%s, %s: a client reads %q, want %q", f.name, p.name, text, said)
		}
	}
	if places == 0 {
		t.Fatalf("%s, %s: a client does not read the text: %d %s", f.name, p.name, got.status, got.body)
	}
	m := h.record(got).Outcome.Masked
	if m == nil || m.Hidden != 1 || !p.sealed && (m.Restored == 0 || m.Withheld != 0) || p.sealed && (m.Restored != 0 || m.Withheld == 0) || m.Unknown+m.Altered != 0 {
		t.Fatalf("%s, %s: counted %+v", f.name, p.name, m)
	}
}

// TestTranscript: over a whole conversation, no value is ever in what the upstream gets, what
// it got in a turn it gets again to the byte in the next, and the caller reads what the model
// meant.
func TestTranscript(t *testing.T) {
	secret := []string{"Anna Keller", "anna.keller@example.org", "DE89 3704 0044 0532 0130 00", "4012 8888 8888 1881", "KD-123456", `Acme "Works" GmbH`}
	for _, as := range []string{"placeholder", "fake"} {
		h := newHouse(t, houseConfig{policy: hiding(as), detectors: everything()})
		rng := rand.New(rand.NewPCG(5, 6))
		var history, sent []string
		for turn := range 12 {
			v, w := secret[rng.IntN(len(secret))], secret[rng.IntN(len(secret))]
			history = append(history, `{"role":"user","content":`+quoted(fmt.Sprintf("Turn %d: write to %s about (%s).", turn, v, w))+`}`)
			// The model repeats the last message it got.
			h.up.does(func(rw http.ResponseWriter, _ *http.Request, body []byte) {
				var got struct {
					Messages []struct{ Content string }
				}
				must(t, json.Unmarshal(body, &got))
				last := got.Messages[len(got.Messages)-1].Content
				rw.Header().Set("Content-Type", "text/event-stream")
				for len(last) > 0 {
					n := min(len(last), 1+rng.IntN(9))
					fmt.Fprintf(rw, "data: %s\n\n", chunk(0, `{"content":`+quoted(last[:n])+`}`))
					last = last[n:]
				}
				fmt.Fprintf(rw, "data: %s\n\ndata: [DONE]\n\n", stopChunk(0, "stop"))
			})
			got := h.chat(`{"model":"fast","stream":true,"messages":[{"role":"system","content":"Mail goes to anna.keller@example.org."},` + strings.Join(history, ",") + `]}`)
			up := string(h.up.received()[0])
			for _, s := range secret {
				if strings.Contains(up, s) || strings.Contains(up, strings.Trim(quoted(s), `"`)) {
					t.Fatalf("turn %d: the upstream got %q in %s", turn, s, up)
				}
			}
			for i, old := range sent {
				if !strings.HasPrefix(up, old) {
					t.Fatalf("turn %d differs from turn %d:\n%s\n%s", turn, i, up, old)
				}
			}
			sent = append(sent, strings.TrimSuffix(up, "]}"))
			heard := heard(t, got)
			var said string
			for _, s := range heard {
				said += s
			}
			if want := fmt.Sprintf("Turn %d: write to %s about (%s).", turn, v, w); said != want {
				t.Fatalf("%s, turn %d: the caller reads %q, want %q", as, turn, said, want)
			}
			history = append(history, `{"role":"assistant","content":`+quoted(said)+`}`)
		}
	}
}

// TestConversationsApart: the same value has another placeholder in another conversation, for
// another key, and for another system; in the instructions that all share, it has the same.
func TestConversationsApart(t *testing.T) {
	h := newHouse(t, houseConfig{policy: hiding(""), systems: []record.System{{Name: "other", Team: "else", Environment: "production", Models: []string{"fast"}}}})
	ask := func(conversation, system, text string) string {
		req := h.request("POST", "/v1/chat/completions", `{"model":"fast","messages":[{"role":"system","content":`+quoted(system)+`},{"role":"user","content":`+quoted(text)+`}]}`)
		req.Header.Set("Bartizan-Conversation", conversation)
		h.do(req)
		return stood.FindString(string(h.up.received()[0]))
	}
	one := ask("a", "Help.", "call Anna Keller")
	if again := ask("a", "Help.", "now Anna Keller again"); again != one || one == "" {
		t.Errorf("%s and %s in one conversation", one, again)
	}
	if two := ask("b", "Help.", "call Anna Keller"); two == one {
		t.Error("two conversations share a placeholder")
	}
	if a, b := ask("a", "You serve Anna Keller.", "hi"), ask("b", "You serve Anna Keller.", "who is Anna Keller?"); a != b || a == one {
		t.Errorf("instructions differ between conversations: %s and %s", a, b)
	}
	first := h.secret
	_, secret, err := h.keys.Create(t.Context(), "other", "test")
	must(t, err)
	h.secret = secret
	if other := ask("a", "You serve Anna Keller.", "hi"); other == ask("a", "Help.", "hi Anna Keller") || other == "" {
		t.Error("an empty or equal placeholder of another system")
	}
	_, second, err := h.keys.Create(t.Context(), "bot", "test")
	must(t, err)
	if h.secret = second; ask("a", "Help.", "call Anna Keller") == one {
		t.Error("two keys of a system share a placeholder")
	}
	h.secret = first
}

// TestRightToRestore: a caller to whom it is forbidden keeps the placeholder, and the record
// says who decided.
func TestRightToRestore(t *testing.T) {
	forbid := access.PermitFile{Name: "no.cedar", Text: []byte(`@id("no-names") forbid(principal, action == Action::"restore", resource == Entity::"pii.person");`)}
	h := newHouse(t, houseConfig{policy: hiding(""), permits: []access.PermitFile{forbid}, detectors: everything()})
	echo(h)
	got := h.chat(user("Anna Keller, anna.keller@example.org", false))
	if !strings.Contains(got.body, "[PERSON_") || !strings.Contains(got.body, "anna.keller@example.org") || strings.Contains(got.body, "Anna Keller") {
		t.Fatal(got.body)
	}
	r := h.record(got).Outcome
	if r.Masked == nil || *r.Masked != (record.Masked{Hidden: 2, Restored: 1, Withheld: 1}) {
		t.Errorf("%+v", r.Masked)
	}
	if i := slices.IndexFunc(r.Permits, func(p record.Permit) bool { return p.Point == "restore" && p.Target == "pii.person" }); i < 0 || r.Permits[i].Allowed || r.Permits[i].Reasons[0] != "no.cedar/no-names" {
		t.Errorf("%+v", r.Permits)
	}
	no := false
	policy := hiding("")
	policy.Mask.Entities[0].Restore = &no
	h = newHouse(t, houseConfig{policy: policy, detectors: everything()})
	echo(h)
	if got := h.chat(user("Anna Keller, anna.keller@example.org", false)); !strings.Contains(got.body, "[EMAIL]") || !strings.Contains(got.body, "Anna Keller") {
		t.Error(got.body)
	}
}

// echo makes the upstream repeat the last message.
func echo(h *house) {
	h.up.does(func(w http.ResponseWriter, _ *http.Request, body []byte) {
		var got struct {
			Messages []struct{ Content string }
		}
		_ = json.Unmarshal(body, &got)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(completion(got.Messages[len(got.Messages)-1].Content)))
	})
}

// TestEverywhere: a value that was recognised in one place is hidden in all of them, headers
// included.
func TestEverywhere(t *testing.T) {
	h := newHouse(t, houseConfig{policy: hiding(""), detectors: everything()})
	req := h.request("POST", "/v1/chat/completions", messages(false, `{"role":"user","name":"anna_keller","content":"mail anna.keller@example.org, xanna.keller@example.orgx"},`+
		`{"role":"tool","tool_call_id":"c","content":"{\"to\":\"anna.keller@example.org\"}"}`))
	req.Header.Set("X-Stainless-Note", "call of anna.keller@example.org")
	req.Header.Set("X-Stainless-Lang", "js")
	got := h.do(req)
	h.up.mu.Lock()
	heads := h.up.heads
	h.up.mu.Unlock()
	if len(heads) != 1 || heads[0].Get("X-Stainless-Note") != "" || heads[0].Get("X-Stainless-Lang") != "js" {
		t.Errorf("headers %v", heads)
	}
	up := h.up.received()
	if got.status != 200 || len(up) != 1 {
		t.Fatal(got.status, got.body)
	}
	if n := strings.Count(string(up[0]), "anna.keller@example.org"); n != 0 {
		t.Errorf("%d places are left: %s", n, up[0])
	}
}

// booking is one exchange of the comparison below.
type booking struct{ name, mail, card, iban, customer, firm string }

// TestToolsAndSchemas: 300 exchanges with tools and with answers by schema, through a model
// that echoes values, puts them into sentences and splits them over frames. What the caller
// gets equals what it gets without masking, and everything the model says holds the schema.
func TestToolsAndSchemas(t *testing.T) {
	masked := newHouse(t, houseConfig{policy: hiding(""), detectors: everything()})
	plain := newHouse(t, houseConfig{policy: guard.Policy{Mask: guard.Masking{Entities: []guard.Entity{{Name: "pii.email", Action: "allow"}}}}, detectors: everything()})
	rng := rand.New(rand.NewPCG(7, 8))
	n := 0
	for i := range 300 {
		b := booking{"Anna Keller", fmt.Sprintf("user%d@example.org", i), "4012 8888 8888 1881", "DE89 3704 0044 0532 0130 00", fmt.Sprintf("KD-%06d", rng.IntN(1e6)), `Acme "Works" GmbH`}
		kind, stream, seed := []string{"tool", "schema", "Messages"}[i%3], i/3%2 == 0, rng.Uint64()
		path, body := b.request(kind, stream, i%2 == 0)
		var said [2]string
		for k, h := range []*house{masked, plain} {
			h.up.does(b.model(t, kind, stream, seed, i%2 == 0))
			got := h.post(path, body)
			texts := heard(t, got)
			for _, s := range texts {
				if strings.HasPrefix(s, "{") {
					said[k] = s
				}
			}
			if got.status != 200 || !json.Valid([]byte(said[k])) {
				t.Fatalf("%d, %s, stream=%v: %d %q of %s", i, kind, stream, got.status, said[k], got.body)
			}
			for _, up := range h.up.received() {
				if h == masked && (strings.Contains(string(up), "Keller") || strings.Contains(string(up), b.mail) || strings.Contains(string(up), b.customer)) {
					t.Fatalf("the upstream got %s", up)
				}
			}
		}
		if said[0] != said[1] {
			t.Fatalf("%d, %s, stream=%v: masked and plain differ:\n%s\n%s", i, kind, stream, said[0], said[1])
		}
		n++
	}
	t.Logf("%d exchanges", n)
}

// request asks for a booking by tool or by schema. shaped schemas demand formats.
func (b *booking) request(kind string, stream, shaped bool) (path, body string) {
	mail := `{"type":"string"}`
	if shaped {
		mail = `{"type":"string","format":"email"}`
	}
	schema := `{"type":"object","properties":{"mail":` + mail + `,"customer":{"type":"string"},"firm":{"enum":[` + quoted(b.firm) + `,"other"]},"note":{"type":"string"}},"required":["mail","customer","firm","note"]}`
	text := quoted(fmt.Sprintf("Book for <%s> mail <%s> card <%s> account <%s> customer <%s> firm <%s>.", b.name, b.mail, b.card, b.iban, b.customer, b.firm))
	switch kind {
	case "tool":
		return "/v1/chat/completions", fmt.Sprintf(`{"model":"fast","stream":%v,"tools":[{"type":"function","function":{"name":"search","parameters":%s}}],"messages":[{"role":"user","content":%s}]}`, stream, schema, text)
	case "Messages":
		return "/v1/messages", fmt.Sprintf(`{"model":"fast","max_tokens":99,"stream":%v,"tools":[{"name":"search","input_schema":%s}],"messages":[{"role":"user","content":%s}]}`, stream, schema, text)
	}
	return "/v1/chat/completions", fmt.Sprintf(`{"model":"fast","stream":%v,"response_format":{"type":"json_schema","json_schema":{"name":"b","strict":true,"schema":%s}},"messages":[{"role":"user","content":%s}]}`, stream, schema, text)
}

var (
	given   = regexp.MustCompile(`<([^<>]*)>`)
	address = regexp.MustCompile(`^[a-z0-9.]+@[a-z0-9.]+$`)
)

// model answers from what it was sent, as a model that reads well would.
func (b *booking) model(t *testing.T, kind string, stream bool, seed uint64, shaped bool) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, _ *http.Request, body []byte) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var in struct {
			Messages []struct{ Content string }
		}
		if err := json.Unmarshal(body, &in); err != nil {
			t.Error(err)
		}
		var v []string
		for _, m := range given.FindAllStringSubmatch(in.Messages[0].Content, -1) {
			v = append(v, m[1])
		}
		if len(v) != 6 {
			t.Errorf("the model reads %q", in.Messages[0].Content)
			return
		}
		if shaped && !address.MatchString(v[1]) {
			t.Errorf("%q would not hold the schema", v[1])
		}
		if !strings.Contains(string(body), `"enum":[`+quoted(v[5])+`,`) {
			t.Errorf("%q is not what the schema lists: %s", v[5], body)
		}
		out := fmt.Sprintf(`{"mail":%s,"customer":%s,"firm":%s,"note":%s}`, quoted(v[1]), quoted(v[4]), quoted(v[5]),
			quoted(fmt.Sprintf("%s of %s (%s) pays\nwith %s, then %s; %s's \"own\" words", v[0], v[5], v[1], v[2], v[3], v[0])))
		speak(w, kind, stream, out, rng)
	}
}

// speak sends a JSON text as tool arguments or as an answer, in one piece or in many.
func speak(w http.ResponseWriter, kind string, stream bool, out string, rng *rand.Rand) {
	w.Header().Set("Content-Type", "application/json")
	if stream {
		w.Header().Set("Content-Type", "text/event-stream")
	}
	var pieces []string
	for rest := out; rest != ""; {
		n := min(len(rest), 1+rng.IntN(12))
		pieces, rest = append(pieces, rest[:n]), rest[n:]
	}
	var b strings.Builder
	switch {
	case kind == "schema" && !stream:
		b.WriteString(completion(out))
	case kind == "schema":
		for _, p := range pieces {
			b.WriteString("data: " + chunk(0, `{"content":`+quoted(p)+`}`) + "\n\n")
		}
		b.WriteString("data: " + stopChunk(0, "stop") + "\n\ndata: [DONE]\n\n")
	case kind == "tool" && !stream:
		b.WriteString(`{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"t","type":"function","function":{"name":"search","arguments":` + quoted(out) + `}}]},"finish_reason":"tool_calls"}]}`)
	case kind == "tool":
		b.WriteString("data: " + chunk(0, `{"tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":"search","arguments":""}}]}`) + "\n\n")
		for _, p := range pieces {
			b.WriteString("data: " + chunk(0, `{"tool_calls":[{"index":0,"function":{"arguments":`+quoted(p)+`}}]}`) + "\n\n")
		}
		b.WriteString("data: " + stopChunk(0, "tool_calls") + "\n\ndata: [DONE]\n\n")
	case !stream:
		b.WriteString(`{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"tool_use","id":"t","name":"search","input":` + out + `}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}}`)
	default:
		b.WriteString("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n")
		b.WriteString("event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"search\",\"input\":{}}}\n\n")
		for _, p := range pieces {
			b.WriteString("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":" + quoted(p) + "}}\n\n")
		}
		b.WriteString("event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n")
		b.WriteString("event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":1}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
	}
	_, _ = w.Write([]byte(b.String()))
}

// TestSpelt: a value is hidden where a tool wrote it as JSON does, too.
func TestSpelt(t *testing.T) {
	policy := hiding("")
	policy.Rules = append(policy.Rules, guard.Rule{ID: "jm", Pattern: "Jürgen Müller", Entity: "pii.person", On: []string{"input"}, Action: "mask"})
	h := newHouse(t, houseConfig{policy: policy, detectors: everything()})
	h.chat(messages(false, `{"role":"user","content":"My colleague Jürgen Müller of Acme \"Works\" GmbH called."},`+
		`{"role":"tool","tool_call_id":"c","content":`+quoted(`{"owner": "J\u00fcrgen M\u00fcller", "firm": "Acme \"Works\" GmbH"}`)+`}`))
	up := string(h.up.received()[0])
	if strings.Contains(up, "rgen") || strings.Contains(up, "Works") || strings.Count(up, "[PERSON_") != 2 || strings.Count(up, "[ORGANIZATION_") != 2 {
		t.Errorf("the upstream got %s", up)
	}
}

// TestOverlaps: a value that another kind claims with more right is hidden all the same, and
// what policy or permits say of any of its kinds holds.
func TestOverlaps(t *testing.T) {
	no := false
	only := func(e ...guard.Entity) guard.Policy {
		return guard.Policy{Mask: guard.Masking{Restore: true, Entities: e}}
	}
	for text, policy := range map[string]guard.Policy{
		"open https://x.org/?q=anna.keller@example.org now": only(guard.Entity{Name: "pii.email"}),
		"see https://x.org/?tel=+4915123456789":             only(guard.Entity{Name: "pii.phone"}),
		"account number 4012 8888 8888 1881":                only(guard.Entity{Name: "pii.credit_card"}),
	} {
		h := newHouse(t, houseConfig{policy: policy, detectors: everything()})
		echo(h)
		h.chat(user(text, false))
		if up := string(h.up.received()[0]); strings.Contains(up, "anna.keller") || strings.Contains(up, "4915123456789") || strings.Contains(up, "1881") {
			t.Errorf("%s: the upstream got %s", text, up)
		}
		blocking := policy
		blocking.Mask.Entities = []guard.Entity{{Name: policy.Mask.Entities[0].Name, Action: "block"}}
		h = newHouse(t, houseConfig{policy: blocking, detectors: everything()})
		if got := h.chat(user(text, false)); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d", text, got.status)
		}
	}
	h := newHouse(t, houseConfig{policy: only(guard.Entity{Name: "pii.bank_account"}, guard.Entity{Name: "pii.credit_card", Restore: &no}), detectors: everything()})
	echo(h)
	if got := h.chat(user("account number 4012 8888 8888 1881", false)); strings.Contains(got.body, "1881") {
		t.Errorf("the caller gets %s", got.body)
	}
	// What never comes back needs nothing that tells it from others.
	if up := string(h.up.received()[0]); stood.MatchString(up) || !strings.Contains(up, "[") {
		t.Errorf("the upstream got %s", up)
	}
}

// TestManyMessages: thousands of messages with values cost what they are long.
func TestManyMessages(t *testing.T) {
	h := newHouse(t, houseConfig{policy: hiding(""), detectors: everything()})
	var list []string
	for i := range 3000 {
		list = append(list, `{"role":"user","content":`+quoted(fmt.Sprintf("u%d@example.org hi", i))+`}`)
	}
	got := h.chat(`{"model":"fast","messages":[` + strings.Join(list, ",") + `]}`)
	if up := h.up.received(); got.status != 200 || len(up) != 1 || strings.Contains(string(up[0]), "@example.org") {
		t.Errorf("%d, %d calls", got.status, len(up))
	}
	if m := h.record(got).Outcome.Masked; m == nil || m.Hidden != 3000 {
		t.Errorf("%+v", m)
	}
}
