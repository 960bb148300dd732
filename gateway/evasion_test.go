package gateway

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/risk"
)

// ticketPolicy blocks a phrase and masks a pattern, in both directions.
var ticketPolicy = guard.Policy{Rules: []guard.Rule{{ID: "nightjar", Phrase: forbidden, Action: "block"}, {ID: "ticket", Pattern: `TCK-\d{6}`, Action: "mask"}}}

// TestBrokenArguments: what is no JSON, as an answer that was cut off is none, hides
// nothing: programs mend it and read the rest.
func TestBrokenArguments(t *testing.T) {
	h := newHouse(t, houseConfig{policy: ticketPolicy})
	for name, args := range map[string]string{
		"cut off":            `{"a":"Project \u004eightjar","b":"unfin`,
		"cut in an escape":   `{"a":"Project \u004eightjar","b":"x\`,
		"a wrong escape":     `{"z":"bad \q","a":"Project \u004eightjar"}`,
		"a line break":       "{\"z\":\"two\nlines\",\"a\":\"Project \\u004eightjar\"}",
		"no quotes":          `{a:'Project \u004eightjar'}`,
		"the text cut off":   `{"a":"Project \u004eightjar`,
		"an escaped blank":   `{"a":"Project\u0020Nightjar"}`,
		"after two brackets": `[["x", {"q":"Project \u004eightjar"`,
	} {
		if got := h.chat(messages(false, `{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"search","arguments":`+quoted(args)+`}}]}`)); got.status != 400 {
			t.Errorf("%s, sent: %d", name, got.status)
		}
		for _, form := range []string{"chat", "Messages", "Responses"} {
			f := formNamed(t, form)
			frames := f.out[2].frames("PLACE", "HOLDER")
			h.up.sends(strings.ReplaceAll(strings.ReplaceAll(strings.Join(frames, ""), quoted(`{"q":"PLACE`), quoted(args[:5])), quoted(`HOLDER"}`), quoted(args[5:])))
			if got := h.post(f.path, f.in[0].body("hi", true)); !f.refusal(got.body) || strings.Contains(got.body, "004eightjar") {
				t.Errorf("%s, answered in %s: %s", name, form, got.body)
			}
		}
	}
	h.up.streams(chunk(0, `{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"search","arguments":`+quoted(`{"a":"see TCK-\u003123456, unfin`)+`}}]}`), stopChunk(0, "length"), "[DONE]")
	if got := h.chat(user("hi", true)); !strings.Contains(got.body, `see [TICKET], unfin`) {
		t.Errorf("masked: %s", got.body)
	}
}

// TestTextBegunEarly: a text may begin in the frame that announces it.
func TestTextBegunEarly(t *testing.T) {
	h := newHouse(t, houseConfig{policy: ticketPolicy})
	f := formNamed(t, "Responses")
	end := `{"type":"response.completed","sequence_number":9,"response":` + respond("completed", "") + `}`
	for name, begin := range map[string]string{
		"part": `{"type":"response.content_part.added","sequence_number":2,"item_id":"i","output_index":0,"content_index":0,"part":{"type":"output_text","text":"It is about Project ","annotations":[]}}`,
		"item": `{"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"i","type":"message","role":"assistant","content":[{"type":"output_text","text":"It is about Project "}]}}`,
	} {
		h.up.sends(events(`{"type":"response.created","sequence_number":0,"response":`+respond("in_progress", "")+`}`, begin,
			`{"type":"response.output_text.delta","sequence_number":3,"item_id":"i","output_index":0,"content_index":0,"delta":"Nightjar."}`, end)...)
		if got := h.post(f.path, f.in[0].body("hi", true)); !f.refusal(got.body) || strings.Contains(got.body, "Nightjar.") {
			t.Errorf("%s: %s", name, got.body)
		}
	}
}

// TestOpaqueFields: fields that hold what a provider sealed are passed over when they hold
// that; words in them are words.
func TestOpaqueFields(t *testing.T) {
	h := newHouse(t, houseConfig{policy: guard.Policy{Rules: []guard.Rule{{ID: "ticket", Pattern: `TCK-\d{6}`, Action: "block"}, {ID: "nightjar", Phrase: "Nightjar", Action: "block"}}}})
	for _, word := range []string{"TCK-123456", "Nightjar"} {
		for name, send := range map[string]func(string) answered{
			"signature": func(s string) answered {
				return h.post("/v1/messages", message(`{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":`+quoted(s)+`}]}`)("", false))
			},
			"redacted": func(s string) answered {
				return h.post("/v1/messages", message(`{"role":"assistant","content":[{"type":"redacted_thinking","data":`+quoted(s)+`}]}`)("", false))
			},
			"image": func(s string) answered {
				return h.post("/v1/messages", message(`{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":`+quoted(s)+`}}]}`)("", false))
			},
			"encrypted": func(s string) answered {
				return h.post("/v1/responses", `{"model":"fast","store":false,"input":[{"type":"reasoning","id":"r","summary":[],"encrypted_content":`+quoted(s)+`}]}`)
			},
			"made up": func(s string) answered {
				return h.chat(messages(false, `{"role":"user","content":"hi","encrypted_content":`+quoted(s)+`}`))
			},
			"media type": func(s string) answered {
				return h.chat(messages(false, `{"role":"user","content":[{"type":"image_url","image_url":{"url":`+quoted("data:"+s+";base64,AAAA")+`}}]}`))
			},
		} {
			if v := h.record(send(word)).Intent.Verdict; v.Decision < risk.Mask || len(v.Findings) == 0 {
				t.Errorf("%s in %s: %v", word, name, v.Decision)
			}
		}
	}
	for name, text := range map[string]string{
		"long, and no seal":    strings.Repeat("kZq7Rk2Vw9X", 20) + "TCK-123456" + strings.Repeat("kZq7Rk2Vw9X", 20),
		"a seal that is short": "gAAAAAB-TCK-123456",
		"a sign that is none":  "gAAAAAB" + strings.Repeat("kZq7Rk2Vw9X", 20) + ".TCK-123456",
	} {
		if got := h.post("/v1/responses", `{"model":"fast","store":false,"input":[{"type":"reasoning","id":"r","summary":[],"encrypted_content":`+quoted(text)+`}]}`); got.status != 400 {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	sealed := "gAAAAAB" + strings.Repeat("k-Zq_7Rk2V", 30)
	if got := h.post("/v1/responses", `{"model":"fast","store":false,"input":[{"type":"reasoning","id":"r","summary":[],"encrypted_content":`+quoted(sealed)+`}]}`); h.record(got).Intent.Verdict.Decision > risk.Flag {
		t.Errorf("what is sealed is stopped: %s", got.body)
	}
}

// TestHeadersAreJudged: what travels on in headers is read like everything else, on the way
// in and out.
func TestHeadersAreJudged(t *testing.T) {
	h := newHouse(t, houseConfig{policy: ticketPolicy})
	for _, name := range []string{"User-Agent", "X-Title", "Idempotency-Key", "Anthropic-Beta", "X-Codex-Turn-Metadata"} {
		req := h.request(http.MethodPost, "/v1/chat/completions", user("hi", false))
		req.Header.Set(name, "about "+forbidden)
		if got := h.do(req); got.status != 400 || got.code() != "content_filter" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	for _, stream := range []bool{false, true} {
		h.up.does(func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("X-Request-Id", "TCK-123456")
			if stream {
				sends(strings.Join(chatPlaces()[0].frames("fine"), ""))(w, nil, nil)
				return
			}
			status(200, "application/json", completion("fine"))(w, nil, nil)
		})
		if got := h.chat(user("hi", stream)); got.header.Get("X-Request-Id") == "TCK-123456" {
			t.Errorf("stream=%v: %v", stream, got.header)
		}
	}
}

// TestHeadersAreNoPeople: agents name people in headers and tracers write long numbers;
// neither stops a call, and an answer loses such a header and nothing else.
func TestHeadersAreNoPeople(t *testing.T) {
	policy := ticketPolicy
	policy.Mask = guard.Masking{Entities: []guard.Entity{{Name: "pii.email", Action: "mask"}, {Name: "pii.credit_card", Action: "mask"}}}
	h := newHouse(t, houseConfig{policy: policy, detectors: everything()})
	h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
		w.Header().Set("X-Request-Id", "TCK-123456")
		status(200, "application/json", completion("fine"))(w, r, b)
	})
	for name, value := range map[string]string{"User-Agent": "bot/1.0 (ops@acme.example)", "X-Datadog-Trace-Id": "4111111111111111", "X-User-Email": "jane@acme.example"} {
		req := h.request(http.MethodPost, "/v1/chat/completions", user("hi", false))
		req.Header.Set(name, value)
		if got := h.do(req); got.status != 200 || !strings.Contains(got.body, "fine") || got.header.Get("X-Request-Id") == "TCK-123456" {
			t.Errorf("%s: %d %s %v", name, got.status, got.body, got.header)
		}
	}
}

// TestStateByOtherWords: state of a provider is refused under every name it has.
func TestStateByOtherWords(t *testing.T) {
	h := newHouse(t, houseConfig{})
	for body, path := range map[string]string{
		`{"model":"fast","input":[{"id":"msg_abc"}]}`:                                                       "/v1/responses",
		`{"model":"fast","input":[{"type":null,"id":"msg_abc"}]}`:                                           "/openai/v1/responses",
		`{"model":"fast","container":"container_1","messages":[{"role":"user","content":"hi"}]}`:            "/v1/messages",
		`{"model":"fast","container":{"id":"container_1"},"messages":[{"role":"user","content":"hi"}]}`:     "/v1/messages",
		`{"model":"fast","store":true,"messages":[{"role":"user","content":"hi"}]}`:                         "/v1/chat/completions",
		`{"model":"fast","store":false,"input":[{"role":"user","content":"hi"},{"type":"item_reference"}]}`: "/v1/responses",
	} {
		if got := h.post(path, body); got.status != 400 || got.code() != "provider_state_refused" {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	list := h.plan.Models["fast"]
	for i := range list {
		list[i].Keeps = true
	}
	h.plan.Prices = map[string]*access.Price{"fast": {Input: 1, Output: 1}} // another edit in the same place
	h.up.streams(chunk(0, `{"content":"fine"}`), stopChunk(0, "stop"), "[DONE]")
	got := h.chat(user("hi", true))
	if sent := string(h.up.received()[0]); got.status != 200 || !strings.Contains(sent, `"store":false`) || !strings.Contains(sent, `"include_usage":true`) {
		t.Errorf("a provider that keeps by default got %s", sent)
	}
}

// TestToolsByOtherWords: whatever makes a provider or a program run something is asked
// about, whatever it is called.
func TestToolsByOtherWords(t *testing.T) {
	h := newHouse(t, houseConfig{})
	for _, body := range []string{`"search_parameters":{"mode":"on"}`, `"enable_search":true`, `"models":["other"],"route":"fallback"`, `"plugins":[{"id":"web"}]`} {
		if got := h.chat(strings.Replace(user("hi", false), `"messages"`, body+`,"messages"`, 1)); got.status != 400 || got.code() != "tool_not_allowed" {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	for body, path := range map[string]string{
		`{"model":"fast","container":{"skills":[{"type":"anthropic","skill_id":"pdf"}]},"messages":[{"role":"user","content":"hi"}]}`: "/v1/messages",
		`{"model":"fast","store":false,"tools":[{"type":"function","name":"search","function":{"name":"shell"}}],"input":"hi"}`:       "/v1/responses",
	} {
		if got := h.post(path, body); got.status != 400 || got.code() != "tool_not_allowed" {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	for path, rest := range map[string]string{"/v1/responses": `"store":false,"input":"hi"`, "/v1/messages": `"messages":[{"role":"user","content":"hi"}]`} {
		for _, option := range []string{`"models":["other"]`, `"plugins":[{"id":"web"}]`, `"fallbacks":["other"]`} {
			if got := h.post(path, `{"model":"fast",`+option+`,`+rest+`}`); got.status != 400 || got.code() != "tool_not_allowed" {
				t.Errorf("%s %s: %d %s", path, option, got.status, got.body)
			}
		}
	}
	h.up.says(completion("fine"))
	for _, off := range []string{`"enable_search":false`, `"web_search_options":null`, `"search_parameters":{"mode":"off"}`, `"models":[]`, `"plugins":[]`, `"mcp_servers":[]`} {
		if got := h.chat(strings.Replace(user("hi", false), `"messages"`, off+`,"messages"`, 1)); got.status != 200 {
			t.Errorf("%s asks for nothing: %d %s", off, got.status, got.body)
		}
	}
	h.up.says(strings.Replace(completion(""), `"content":""`, `"content":null,"tool_calls":[{"id":"c","type":"function","function":{"arguments":"{}"}}]`, 1))
	if got := h.chat(user("hi", false)); got.status != 502 {
		t.Errorf("a call without a name: %d %s", got.status, got.body)
	}
	h.up.streams(chunk(0, `{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"arguments":"{}"}}]}`), stopChunk(0, "tool_calls"), "[DONE]")
	if got := h.chat(user("hi", true)); !strings.Contains(got.body, "tool_not_allowed") {
		t.Errorf("a call without a name, streamed: %s", got.body)
	}
	f := formNamed(t, "Responses")
	h.up.sends(strings.Replace(strings.Join(f.out[2].frames("a", "b"), ""), `function_call_arguments.done","sequence_number":4,`, `function_call_arguments.done","sequence_number":4,"name":"shell",`, 1))
	if got := h.post(f.path, f.in[0].body("hi", true)); strings.Contains(got.body, "shell") {
		t.Errorf("a name that comes late: %s", got.body)
	}
	// A path that names the deployment leaves nothing to the body.
	h.up.says(completion("fine"))
	h.up.received()
	h.post("/openai/deployments/fast/chat/completions?api-version=1", `{"model":"other","messages":[{"role":"user","content":"hi"}]}`)
	if sent := h.up.received(); len(sent) != 1 || strings.Contains(string(sent[0]), "other") {
		t.Errorf("another model: %s", sent)
	}
}

// TestCarriersOfFiles: a file is one whatever its carrier calls it.
func TestCarriersOfFiles(t *testing.T) {
	h := newHouse(t, houseConfig{})
	pdf := "data:application/pdf;base64," + base64.StdEncoding.EncodeToString([]byte("%PDF-1.7"))
	for part, path := range map[string]string{
		`{"type":"image_url","image_url":{"url":"` + pdf + `"}}`:                                   "/v1/chat/completions",
		`{"type":"image_url","image_url":{"url":"data:audio/wav;base64,AAAA"}}`:                    "/v1/chat/completions",
		`{"type":"video_url","video_url":{"url":"https://x.example/v.mp4"}}`:                       "/v1/chat/completions",
		`{"type":"audio_url","audio_url":{"url":"https://x.example/v.mp3"}}`:                       "/v1/chat/completions",
		`{"type":"file","file":{"file_url":"https://x.example/v.pdf"}}`:                            "/v1/chat/completions",
		`{"type":"document","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}`:    "/v1/messages",
		`{"type":"image","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"}}`: "/v1/messages",
	} {
		if got := h.post(path, messages(false, `{"role":"user","content":[`+part+`]}`)); h.record(got).Intent.Verdict.Decision != risk.Block {
			t.Errorf("%s: %d", part, got.status)
		}
	}
	if got := h.post("/v1/responses", `{"model":"fast","store":false,"input":[{"type":"input_file","file_data":"`+pdf+`","filename":"a.pdf"}]}`); got.status != 400 {
		t.Errorf("a part where an item belongs: %d %s", got.status, got.body)
	}
	masked := newHouse(t, houseConfig{policy: ticketPolicy})
	text := base64.StdEncoding.EncodeToString([]byte("hello TCK-123456, and more"))
	got := masked.chat(messages(false, `{"role":"user","content":[{"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain;charset=utf-8;base64,`+text+`"}}]}`))
	sent := string(masked.up.received()[0])
	_, data, ok := strings.Cut(sent, "data:text/plain;charset=utf-8;base64,")
	plain, err := base64.StdEncoding.DecodeString(strings.SplitN(data, `"`, 2)[0])
	if got.status != 200 || !ok || err != nil || !strings.Contains(string(plain), "hello [TICKET]") || strings.Contains(string(plain), "123456") {
		t.Errorf("a text with a charset: %d %s %q %v", got.status, sent, plain, err)
	}
}

// TestEndsThatSDKsRead: odd ends of an upstream are ends or errors of the dialect.
func TestEndsThatSDKsRead(t *testing.T) {
	h := newHouse(t, houseConfig{policy: ticketPolicy})
	h.up.streams(strings.Replace(chunk(0, `{"content":"Hello. "}`), `"choices"`, `"error":null,"choices"`, 1), chunk(0, `{"content":"More. "}`), stopChunk(0, "stop"), "[DONE]")
	if got := h.chat(user("hi", true)); !strings.HasSuffix(got.body, "data: [DONE]\n\n") || !strings.Contains(got.body, "More. ") {
		t.Errorf("an error that is none: %s", got.body)
	}
	for _, f := range forms() {
		if f.out == nil {
			continue
		}
		h.up.says(f.out[0].whole("fine"))
		if got := h.post(f.path, f.in[0].body("hi", true)); got.status != 502 || !strings.Contains(got.body, "did not stream") {
			t.Errorf("%s, not streamed: %d %s", f.name, got.status, got.body)
		}
		h.up.does(status(422, "application/json", `{"detail":[{"msg":"field required"}]}`))
		got := h.post(f.path, f.in[0].body("hi", false))
		if got.status != 422 || !strings.Contains(got.body, `"error"`) || !strings.Contains(got.body, "status 422") {
			t.Errorf("%s, an error of another shape: %d %s", f.name, got.status, got.body)
		}
	}
	ping := events(`{"type":"ping"}`)[0]
	messages := formNamed(t, "Messages")
	frames := messages.out[0].frames(forbidden, " it is. ")
	h.up.sends(append([]string{ping}, frames...)...)
	got := h.post(messages.path, messages.in[0].body("hi", true))
	if _, rest, _ := strings.Cut(got.body, ping); !strings.HasPrefix(rest, "event: message_start\n") || strings.Count(got.body, "event: message_start\n") != 1 || !messages.refusal(got.body) {
		t.Errorf("blocked after a ping: %s", got.body)
	}
	beat := events(`{"type":"keepalive","sequence_number":0}`)[0]
	responses := formNamed(t, "Responses")
	h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
		sends(beat)(w, r, b)
		time.Sleep(30 * time.Millisecond)
		panic(http.ErrAbortHandler)
	})
	got = h.post(responses.path, responses.in[0].body("hi", true))
	if got.body != beat && (!strings.Contains(got.body, "event: response.created\n") || !strings.Contains(got.body, `"sequence_number":2`) || !strings.Contains(got.body, "event: response.failed\n")) {
		t.Errorf("broken after a sign of life: %s", fmt.Sprint(got.body))
	}
}

// TestStrayTexts: texts in places of a stream that nobody knows are judged as they are read,
// joined; labels beside them hold nothing back.
func TestStrayTexts(t *testing.T) {
	h := newHouse(t, houseConfig{policy: ticketPolicy})
	for name, delta := range map[string]string{
		"details":  `{"reasoning_details":[{"type":"reasoning.text","format":"some-v1","text":$}]}`,
		"thinking": `{"thinking":$}`,
		"parts":    `{"content":[{"type":"thinking","thinking":[{"type":"text","text":$}]}]}`,
		"text":     `{"content":[{"type":"text","text":$}]}`,
	} {
		piece := func(s string) string { return chunk(0, strings.ReplaceAll(delta, "$", quoted(s))) }
		h.up.streams(piece("It is about Project "), piece("Nightjar, it says. "), stopChunk(0, "stop"), "[DONE]")
		if got := h.chat(user("hi", true)); strings.Contains(got.body, "Nightjar") || !strings.Contains(got.body, "content_filter") {
			t.Errorf("%s: %s", name, got.body)
		}
		frames := []string{piece(long), piece("and more. "), stopChunk(0, "stop"), "[DONE]"}
		h.up.streams(frames...)
		if got := h.chat(user("hi", true)); got.body != "data: "+strings.Join(frames, "\n\ndata: ")+"\n\n" {
			t.Errorf("%s, harmless: %s", name, got.body)
		}
	}
	f := formNamed(t, "Responses")
	h.up.sends(events(`{"type":"response.created","sequence_number":0,"response":`+respond("in_progress", "")+`}`,
		`{"type":"response.reasoning.delta","sequence_number":1,"output_index":0,"delta":{"text":"It is about Project "}}`,
		`{"type":"response.reasoning.delta","sequence_number":2,"output_index":0,"delta":{"text":"Nightjar. "}}`,
		`{"type":"response.completed","sequence_number":3,"response":`+respond("completed", "")+`}`)...)
	if got := h.post(f.path, f.in[0].body("hi", true)); strings.Contains(got.body, "Nightjar") || !f.refusal(got.body) {
		t.Errorf("an object: %s", got.body)
	}
}

// TestWordsOfOddErrors: an error of another shape keeps its words and its hint.
func TestWordsOfOddErrors(t *testing.T) {
	h := newHouse(t, houseConfig{})
	for _, f := range forms() {
		for body, says := range map[string]string{`{"object":"error","message":"too long a context"}`: "too long a context", `{"error":"busy now"}`: "busy now", `{"detail":"no such field"}`: "no such field"} {
			h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
				w.Header().Set("Retry-After", "20")
				status(429, "application/json", body)(w, r, b)
			})
			got := h.post(f.path, f.in[0].body("hi", false))
			if got.status != 429 || !strings.Contains(got.body, says) || got.header.Get("Retry-After") != "20" || got.header.Get("X-Should-Retry") != "" {
				t.Errorf("%s: %d %s %v", f.name, got.status, got.body, got.header)
			}
		}
	}
	for _, nothing := range []string{`{}`, `""`, `false`, `null`} {
		h.up.streams(strings.Replace(chunk(0, `{"content":"Hello. "}`), `"choices"`, `"error":`+nothing+`,"choices"`, 1), stopChunk(0, "stop"), "[DONE]")
		if got := h.chat(user("hi", true)); !strings.HasSuffix(got.body, "data: [DONE]\n\n") {
			t.Errorf("error %s: %s", nothing, got.body)
		}
	}
	two := []string{`{"tool_calls":[{"index":0,"id":"a","type":"function"}]}`, `{"tool_calls":[{"index":0,"function":{"name":"search","arguments":""}}]}`,
		`{"tool_calls":[{"index":0,"id":"b","type":"function","function":{"name":"data_sources","arguments":"{}"}}]}`}
	h.up.streams(chunk(0, two[0]), chunk(0, two[1]), chunk(0, two[2]), stopChunk(0, "tool_calls"), "[DONE]")
	if got := h.chat(user("hi", true)); !strings.HasSuffix(got.body, "data: [DONE]\n\n") {
		t.Errorf("calls that share an index: %s", got.body)
	}
}

// TestLabelsCostNothing: where a provider does not count, what its answer says counts, and
// not the labels beside it.
func TestLabelsCostNothing(t *testing.T) {
	h := newHouse(t, houseConfig{})
	h.up.says(`{"id":"` + strings.Repeat("x", 100) + `","object":"chat.completion","x_note":"` + strings.Repeat("a label of theirs ", 50) +
		`","choices":[{"index":0,"message":{"role":"assistant","content":"fine"},"finish_reason":"stop"}]}`)
	if o := h.record(h.chat(user("hi", false))).Outcome; o.Output != 1 || !o.Estimated {
		t.Errorf("%d tokens, estimated %v", o.Output, o.Estimated)
	}
}
