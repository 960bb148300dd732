package gateway

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// kept opens what the ledger keeps of a call.
func (h *house) kept(a answered) (in, out []record.Kept) {
	h.t.Helper()
	h.record(a)
	for r, err := range h.ledger.Records(context.Background(), record.Query{ID: a.header.Get("Bartizan-Exchange"), Content: true}) {
		must(h.t, err)
		return r.Intent.Kept, r.Outcome.Kept
	}
	return nil, nil
}

func TestContentIsKeptMasked(t *testing.T) {
	rules := []guard.Rule{{ID: "ticket", Pattern: `TCK-\d{6}`, Action: "mask"}, {ID: "nightjar", Phrase: "Project Nightjar", Action: "block"}, {ID: "owl", Phrase: "Project Owl", Action: "flag"}}
	p := guard.Policy{Rules: rules, Keep: guard.Keep{Content: "masked"}, Mask: guard.Masking{Entities: []guard.Entity{{Name: "pii.email", Action: "flag"}}}}
	h := newHouse(t, houseConfig{policy: p, detectors: everything()})
	h.up.says(completion("Project Owl has TCK-123456, ask bob@example.com about it."))
	in, out := h.kept(h.chat(user("é Project Owl is TCK-654321 of ann@example.com, \"so\".", false)))
	if len(in) != 1 || len(out) != 1 {
		t.Fatalf("%d texts in, %d out", len(in), len(out))
	}
	if in[0].Text != `é Project Owl is [TICKET] of [PII.EMAIL], "so".` || in[0].Path != "messages[0].content" || in[0].Origin != "user" || in[0].Output {
		t.Errorf("%+v", in[0])
	}
	if out[0].Text != "Project Owl has [TICKET], ask [PII.EMAIL] about it." || out[0].Path != "choices[0].message.content" || !out[0].Output {
		t.Errorf("%+v", out[0])
	}
	for _, k := range []record.Kept{in[0], out[0]} {
		found := map[string]bool{}
		for _, m := range k.Marks {
			found[k.Text[m.Start:m.End]] = true
		}
		if len(found) != 3 || !found["Project Owl"] || !found["[TICKET]"] || !found["[PII.EMAIL]"] {
			t.Errorf("marks: %v", found)
		}
	}
	// A blocked text is kept as well, since somebody must judge the block.
	in, out = h.kept(h.chat(user("TCK-654321 in Project Nightjar", false)))
	if len(in) != 1 || in[0].Text != "[TICKET] in Project Nightjar" || len(out) != 0 {
		t.Errorf("%+v %+v", in, out)
	}
	h.up.streams(chunk(0, `{"content":"A first sentence that is long enough. Now "}`), chunk(0, `{"content":"Project Nightjar and TCK-123456."}`), stopChunk(0, "stop"), "[DONE]")
	_, out = h.kept(h.chat(user("hi", true)))
	if len(out) != 1 || !strings.HasPrefix(out[0].Text, "A first sentence that is long enough. Now Project Nightjar") || strings.Contains(out[0].Text, "TCK-123456") {
		t.Errorf("%+v", out)
	}
}

func TestContentIsKeptOnlyByPolicy(t *testing.T) {
	for _, keep := range []string{"", "none"} {
		h := newHouse(t, houseConfig{policy: guard.Policy{Keep: guard.Keep{Content: keep}}})
		if in, out := h.kept(h.chat(user("hi", false))); in != nil || out != nil {
			t.Errorf("keep %q: %+v %+v", keep, in, out)
		}
	}
	h := newHouse(t, houseConfig{policy: guard.Policy{Keep: guard.Keep{Content: "masked"}}})
	big := strings.Repeat("all is well. ", maxKept/13+10)
	h.up.says(completion(big))
	in, out := h.kept(h.chat(user(big, false)))
	n := 0
	for _, k := range append(in, out...) {
		n += len(k.Text)
	}
	if n > 2*maxKept {
		t.Errorf("%d bytes were kept", n)
	}
}

// TestMaskedPlaces: findings lie where they lay, whatever was masked before them.
func TestMaskedPlaces(t *testing.T) {
	findings := []risk.Finding{
		{Category: "pii.email", Passage: 0, Start: 4, End: 9, Decision: risk.Allow},
		{Category: "policy_boundary", Passage: 0, Start: 10, End: 13, Decision: risk.Flag},
		{Category: "policy_boundary", Passage: 0, Start: 6, End: 12, Decision: risk.Flag}, // overlaps what was masked
		{Category: "pii.email", Passage: 1, Start: 0, End: 3},                             // another passage
		{Category: "policy_boundary", Passage: 0, Start: 14, End: 17, Decision: risk.Mask},
	}
	private := slices.DeleteFunc(slices.Clone(findings), func(f risk.Finding) bool { return !guard.Private(f) })
	k := masked("abc_email_xyz_tic_end", 0, findings, byPassage(private)[0], []keptChange{{Change: llm.Change{Start: 14, End: 17, New: "T"}}})
	if k.Text != "abc_[PII.EMAIL]_xyz_T_end" {
		t.Fatal(k.Text)
	}
	want := []string{"[PII.EMAIL]", "xyz", "[PII.EMAIL]_xy", "T"}
	for i, m := range k.Marks {
		if got := k.Text[m.Start:m.End]; got != want[i] {
			t.Errorf("finding %d is at %q, want %q", m.Finding, got, want[i])
		}
	}
	if len(k.Marks) != len(want) {
		t.Errorf("%d marks", len(k.Marks))
	}
}

// TestRecordDescribes: times, digests and the places of texts, for every end.
func TestRecordDescribes(t *testing.T) {
	h := newHouse(t, houseConfig{policy: guard.Policy{Rules: []guard.Rule{{ID: "nightjar", Phrase: "Project Nightjar", Action: "block"}}}})
	check := func(name string, got answered) {
		t.Helper()
		r := h.record(got)
		if r.Outcome.Answered != digest([]byte(got.body)) {
			t.Errorf("%s: answered %d bytes, the caller got %d", name, r.Outcome.Answered.Bytes, len(got.body))
		}
		if time.Since(r.Intent.At) > time.Minute || r.Outcome.At.Before(r.Intent.At) || len(r.Intent.Steps)+len(r.Outcome.Steps) < 5 {
			t.Errorf("%s: %v, %v, %d steps", name, r.Intent.At, r.Outcome.At, len(r.Intent.Steps)+len(r.Outcome.Steps))
		}
		for _, p := range r.Outcome.Passages {
			if p.Bytes <= 0 || p.Path == "" || p.Origin == "" {
				t.Errorf("%s: %+v", name, p)
			}
		}
	}
	check("answered", h.chat(user("hi", false)))
	check("blocked prompt", h.chat(user("Project Nightjar", false)))
	check("refused", h.chat(strings.Replace(user("hi", false), "fast", "slow", 1)))
	check("models", h.do(h.request(http.MethodGet, "/v1/models", "")))
	h.up.says(completion("Project Nightjar"))
	check("blocked answer", h.chat(user("hi", false)))
	h.up.does(status(500, "text/html", "x"))
	check("failed", h.chat(user("hi", false)))
	h.up.streams(chunk(0, `{"content":"one "}`), chunk(1, `{"content":"two"}`), chunk(0, `{"content":"three"}`), stopChunk(0, "stop"), stopChunk(1, "stop"), "[DONE]")
	got := h.chat(user("hi", true))
	check("streamed", got)
	p := slices.DeleteFunc(h.record(got).Outcome.Passages, func(p record.Passage) bool { return p.Path == "(words)" })
	if len(p) != 2 || p[0].Bytes != len("one three") || p[1].Bytes != len("two") {
		t.Errorf("%+v", p)
	}
}

func TestSmallPrint(t *testing.T) {
	h := newHouse(t, houseConfig{gate: Config{MaxBody: 2048}})
	for charset, ok := range map[string]bool{"; charset=utf-8": true, "; charset=UTF-8": true, "; charset=latin1": false} {
		req := h.request(http.MethodPost, "/v1/chat/completions", user("hi", false))
		req.Header.Set("Content-Type", "application/json"+charset)
		if got := h.do(req); (got.status == 200) != ok {
			t.Errorf("%q: %d", charset, got.status)
		}
	}
	if got := h.chat(user(strings.Repeat("a", 4000), false)); got.status != 413 || got.err != nil {
		t.Errorf("%d", got.status)
	}
	got := h.chat(messages(false, `{"role":"user","content":"cut \ud83d here"}`))
	if got.header.Get("Bartizan-Decision") != "flag" || h.record(got).Intent.Verdict.Decision != risk.Flag {
		t.Errorf("half a character is not flagged: %v", got.header)
	}
	h.up.Close()
	if got := h.chat(user("hi", false)); got.header.Get("X-Should-Retry") != "" {
		t.Error("a provider that is down says: never again")
	}
	// The same name, an address that no provider may have.
	meta, err := dialect.NewClient(dialect.ClientConfig{Name: "meta", URL: "http://169.254.169.254/v1", Private: true, Dialect: "openai", Connect: time.Second})
	must(t, err)
	h.gate.SetPlan(&Plan{Permits: h.plan.Permits, Policies: h.plan.Policies, Models: map[string][]Candidate{"fast": {{Provider: "meta", Model: "m", Dialect: "openai", Ceiling: privacy.HighlyConfidential, Upstream: meta}}}})
	if got := h.chat(user("hi", false)); got.status != 502 || got.code() != "upstream_address" || !strings.Contains(got.body, "not one that this gate may call") || strings.Contains(got.body, "169") {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, path := range []string{"/bartizan/v1/exchanges//receipt", "/bartizan/v1/exchanges/a/b/receipt", "/bartizan/v1/exchanges/ex_1"} {
		if got := h.do(h.request(http.MethodGet, path, "")); got.status != 404 || got.code() != "unknown_operation" {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

// TestR5SlowReader: a caller who does not read is cut off, and the upstream stops.
func TestR5SlowReader(t *testing.T) {
	h := newHouse(t, houseConfig{gate: Config{Write: 300 * time.Millisecond}})
	gone := make(chan struct{})
	h.up.does(func(w http.ResponseWriter, r *http.Request, _ []byte) {
		defer close(gone)
		w.Header().Set("Content-Type", "text/event-stream")
		line := []byte("data: " + chunk(0, `{"content":`+quoted(strings.Repeat("All of this is harmless. ", 400))+`}`) + "\n\n")
		for r.Context().Err() == nil {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	})
	conn, err := net.Dial("tcp", h.server.Listener.Addr().String())
	must(t, err)
	defer conn.Close()
	must(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	body := user("hi", true)
	_, err = conn.Write([]byte("POST /v1/chat/completions HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer " + h.secret +
		"\r\nContent-Type: application/json\r\nContent-Length: " + lengthOf(body) + "\r\n\r\n" + body))
	must(t, err)
	select {
	case <-gone:
	case <-time.After(20 * time.Second):
		t.Fatal("the upstream still sends to a caller who does not read")
	}
	closed(t, h)
	for r, err := range h.ledger.Records(context.Background(), record.Query{Kind: "exchange", Limit: 1}) {
		must(t, err)
		if r.Outcome == nil || r.Outcome.End != "cancelled" {
			t.Errorf("%+v", r.Outcome)
		}
	}
}

// late is a recorder that takes more than a second to keep an outcome.
type late struct{ record.Recorder }

func (l late) Finish(ctx context.Context, out record.Outcome) error {
	time.Sleep(1100 * time.Millisecond)
	return l.Recorder.Finish(ctx, out)
}

// TestRefusalIsSentAsRecorded: a refusal in the shape of an answer says when it was made,
// so it is made once, however long its record takes.
func TestRefusalIsSentAsRecorded(t *testing.T) {
	h := newHouse(t, houseConfig{policy: guard.Policy{BlockAs: "answer", Rules: []guard.Rule{{ID: "nightjar", Phrase: "Project Nightjar", Action: "block"}}},
		recorder: func(r record.Recorder) record.Recorder { return late{r} }})
	for _, c := range []struct{ path, body string }{
		{"/v1/chat/completions", user("Project Nightjar", false)},
		{"/v1/chat/completions", user("Project Nightjar", true)},
		{"/v1/responses", `{"model":"fast","input":"Project Nightjar"}`},
	} {
		got := h.post(c.path, c.body)
		if o := h.record(got).Outcome; got.status != 200 || o.Status != 200 || o.End != "blocked" || o.Answered != digest([]byte(got.body)) {
			t.Errorf("%s: %d, %+v, the caller got %s", c.path, got.status, o, got.body)
		}
	}
}

// TestNothingWasSent: a call that no provider got names none on its record, and no bytes
// that one was sent; its caller is told what was decided in the end.
func TestNothingWasSent(t *testing.T) {
	p := guard.Policy{Rules: []guard.Rule{{ID: "ticket", Pattern: `TCK-\d{6}`, Action: "mask"}, {ID: "nightjar", Phrase: "Project Nightjar", Action: "block"}}}
	h := newHouse(t, houseConfig{policy: p, budget: access.Budget{System: access.Limits{Tokens: access.Rate{Amount: 2000, Per: access.Month}}}})
	thought := `{"model":"fast","max_tokens":10,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"TCK-123456","signature":"c2ln"}]},{"role":"user","content":"go on"}]}`
	for name, c := range map[string]struct {
		path, body, end, decision string
		status                    int
	}{
		"blocked":             {"/v1/chat/completions", user("Project Nightjar", false), "blocked", "block", 400},
		"cannot be masked":    {"/v1/messages", thought, "blocked", "block", 400},
		"no budget":           {"/v1/chat/completions", user(strings.Repeat("word ", 3000), false), "refused", "allow", 429},
		"no budget, masked":   {"/v1/chat/completions", user("TCK-123456"+strings.Repeat(" word", 3000), false), "refused", "mask", 429},
		"an unknown model":    {"/v1/chat/completions", strings.Replace(user("hi", false), "fast", "slow", 1), "refused", "", 404},
		"a stream, no budget": {"/v1/chat/completions", user(strings.Repeat("word ", 3000), true), "refused", "allow", 429},
	} {
		got := h.post(c.path, c.body)
		r := h.record(got)
		if got.status != c.status || got.header.Get("Bartizan-Decision") != c.decision || r.Outcome.End != c.end {
			t.Errorf("%s: %d, %q, %s: %s", name, got.status, got.header.Get("Bartizan-Decision"), r.Outcome.End, got.body)
		}
		if r.Intent.Candidate != "" || r.Intent.Sent != (record.Digest{}) {
			t.Errorf("%s: the record says that %s was sent %d bytes", name, r.Intent.Candidate, r.Intent.Sent.Bytes)
		}
	}
	if n := len(h.up.received()); n != 0 {
		t.Errorf("%d calls were forwarded", n)
	}
}

// TestKeptTextHidesEveryValue: a verdict names the first few values that are alike, and all of
// them are masked in what is kept, whatever policy makes of the call; what nobody has judged
// behind a stop is not kept.
func TestKeptTextHidesEveryValue(t *testing.T) {
	var many strings.Builder
	for i := range 60 {
		fmt.Fprintf(&many, "Write to p%d@example.com, please. ", i)
	}
	for _, policy := range []guard.Policy{{Mode: "monitor", Until: "2999-01-01", Mask: guard.Masking{Entities: []guard.Entity{{Name: "pii.email", Action: "mask"}}}},
		{Mask: guard.Masking{Entities: []guard.Entity{{Name: "pii.email", Action: "flag"}}}}, {Mask: guard.Masking{Entities: []guard.Entity{{Name: "pii.email", Action: "block"}}}}} {
		policy.Keep.Content = "masked"
		h := newHouse(t, houseConfig{policy: policy, detectors: everything(), subjects: true})
		in, _ := h.kept(h.chat(user(many.String(), false)))
		h.up.says(completion(many.String()))
		_, out := h.kept(h.chat(user("hi", false)))
		if len(in) != 1 || len(out) != 1 {
			t.Fatalf("%+v: %d texts in, %d out", policy.Mask, len(in), len(out))
		}
		for _, k := range []record.Kept{in[0], out[0]} {
			if k.Text == "" || strings.Contains(k.Text, "@") || !strings.Contains(k.Text, "[PII.EMAIL]") {
				t.Errorf("%s %+v: %s", policy.Mode, policy.Mask, k.Text)
			}
		}
		if len(in[0].Values) != 60 {
			t.Errorf("%s %+v: %d values lie beside the text", policy.Mode, policy.Mask, len(in[0].Values))
		}
	}
}
