package gateway

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/risk"
)

const forbidden = "Project Nightjar"

// carriers are the places of a request in which a text can stand. Each returns a
// body with the text in that place.
var carriers = []struct {
	name string
	body func(text string, stream bool) string
}{
	{"system", func(s string, st bool) string { return messages(st, `{"role":"system","content":`+quoted(s)+`}`) }},
	{"developer", func(s string, st bool) string { return messages(st, `{"role":"developer","content":`+quoted(s)+`}`) }},
	{"user", func(s string, st bool) string { return messages(st, `{"role":"user","content":`+quoted(s)+`}`) }},
	{"tool result", func(s string, st bool) string {
		return messages(st, `{"role":"tool","tool_call_id":"call_1","content":`+quoted(s)+`}`)
	}},
	{"tool description", func(s string, st bool) string {
		return fmt.Sprintf(`{"model":"fast","stream":%v,"tools":[{"type":"function","function":{"name":"search","description":%s,"parameters":{"type":"object"}}}],"messages":[{"role":"user","content":"hi"}]}`, st, quoted(s))
	}},
	{"tool arguments", func(s string, st bool) string {
		return messages(st, `{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"search","arguments":`+quoted(`{"q":`+quoted(s)+`}`)+`}}]}`)
	}},
	{"text part", func(s string, st bool) string {
		return messages(st, `{"role":"user","content":[{"type":"text","text":"one"},{"type":"text","text":`+quoted(s)+`}]}`)
	}},
	{"file text", func(s string, st bool) string {
		data := "data:text/plain;base64," + base64.StdEncoding.EncodeToString([]byte(s))
		return messages(st, `{"role":"user","content":[{"type":"file","file":{"filename":"a.txt","file_data":"`+data+`"}}]}`)
	}},
	{"unknown field", func(s string, st bool) string {
		return strings.Replace(messages(st, `{"role":"user","content":"hi"}`), `"model"`, `"x_new":{"deep":[`+quoted(s)+`]},"model"`, 1)
	}},
}

func messages(stream bool, m string) string {
	return fmt.Sprintf(`{"model":"fast","stream":%v,"messages":[{"role":"user","content":"hi"},%s]}`, stream, m)
}

// policies are what an operator may want of the same finding.
var policies = map[string]guard.Policy{
	"block":   {Rules: []guard.Rule{{ID: "nightjar", Phrase: forbidden, Action: "block"}}},
	"mask":    {Rules: []guard.Rule{{ID: "nightjar", Phrase: forbidden, Action: "mask"}}},
	"flag":    {Rules: []guard.Rule{{ID: "nightjar", Phrase: forbidden, Action: "flag"}}},
	"monitor": {Mode: "monitor", Until: "2099-01-01", Rules: []guard.Rule{{ID: "nightjar", Phrase: forbidden, Action: "block"}}},
}

var wanted = map[string]risk.Decision{"block": risk.Block, "mask": risk.Mask, "flag": risk.Flag, "monitor": risk.Flag}

// TestMatrixIn: one text, one verdict, wherever it stands in a request and however
// the answer is asked for.
func TestMatrixIn(t *testing.T) {
	cells := 0
	for name, p := range policies {
		h := newHouse(t, houseConfig{policy: p})
		for _, c := range carriers {
			for _, stream := range []bool{false, true} {
				cells++
				cell := fmt.Sprintf("%s, %s, stream=%v", name, c.name, stream)
				answerBoth(h, stream, "all is well")
				got := h.chat(c.body("it is about "+forbidden+" \u00e9 \"so\" it says", stream))
				up := h.up.received()
				v := h.record(got).Intent.Verdict
				if v.Decision != wanted[name] || len(v.Findings) != 1 || v.Findings[0].Detector != "rule/nightjar" && !strings.Contains(v.Findings[0].Detector, "nightjar") {
					t.Errorf("%s: verdict %v with %d findings", cell, v.Decision, len(v.Findings))
					continue
				}
				if f := v.Findings[0]; f.Start != 12 && c.name != "tool arguments" || f.End-f.Start != len(forbidden) {
					t.Errorf("%s: found at [%d,%d)", cell, f.Start, f.End)
				}
				if (len(up) == 0) != (name == "block") {
					t.Errorf("%s: %d calls reached the upstream", cell, len(up))
				}
				if name == "mask" {
					checkMasked(t, cell, up[0])
				}
				for _, k := range v.Checks {
					if k.State == risk.Ran && len(k.Passages) != len(h.record(got).Intent.Passages) {
						t.Errorf("%s: %s claims %d of %d passages", cell, k.Detector, len(k.Passages), len(h.record(got).Intent.Passages))
					}
				}
			}
		}
	}
	if want := len(policies) * len(carriers) * 2; cells != want || cells < 72 {
		t.Fatalf("%d cells of %d", cells, want)
	}
}

// checkMasked: the body is still JSON and the phrase is nowhere in it, under no
// encoding.
func checkMasked(t *testing.T, cell string, body []byte) {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Errorf("%s: the masked body is not JSON: %v", cell, err)
	}
	text := string(body)
	if i := strings.Index(text, "base64,"); i >= 0 {
		b, err := base64.StdEncoding.DecodeString(text[i+7 : i+7+strings.IndexByte(text[i+7:], '"')])
		if err != nil {
			t.Errorf("%s: %v", cell, err)
		}
		text += string(b)
	}
	if strings.Contains(text, "Nightjar") || !strings.Contains(text, "it is about") || !strings.Contains(text, "it says") {
		t.Errorf("%s: the upstream got %s", cell, text)
	}
}

func answerBoth(h *house, stream bool, text string) {
	if stream {
		h.up.streams(chunk(0, `{"role":"assistant","content":`+quoted(text)+`}`), stopChunk(0, "stop"), "[DONE]")
		return
	}
	h.up.says(completion(text))
}

// said reads an answer as a client does: the text of each choice and the
// arguments of its tool call.
func said(t *testing.T, a answered) map[string]string {
	t.Helper()
	out := map[string]string{}
	type piece struct {
		Content, Refusal, ReasoningContent *string
		ToolCalls                          []struct {
			Function struct{ Arguments string }
		} `json:"tool_calls"`
	}
	read := func(data string) {
		var v struct {
			Choices []struct {
				Index          int
				Message, Delta piece
				FinishReason   *string `json:"finish_reason"`
			}
		}
		if err := json.Unmarshal([]byte(data), &v); err != nil {
			t.Fatalf("a client cannot read %s", data)
		}
		for _, c := range v.Choices {
			for _, p := range []piece{c.Message, c.Delta} {
				if p.Content != nil {
					out[fmt.Sprint("text", c.Index)] += *p.Content
				}
				for _, call := range p.ToolCalls {
					out[fmt.Sprint("args", c.Index)] += call.Function.Arguments
				}
			}
			if c.FinishReason != nil {
				out[fmt.Sprint("end", c.Index)] = *c.FinishReason
			}
		}
	}
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
		read(a.body)
		return out
	}
	for frame := range strings.SplitSeq(strings.TrimSuffix(a.body, "\n\n"), "\n\n") {
		if data := strings.TrimPrefix(frame, "data: "); data != "[DONE]" {
			read(data)
		}
	}
	return out
}

// TestMatrixOut: a forbidden text in an answer gets the same decision, the same
// first finding and the same edits, whole or cut at any byte, in the text, in a
// tool's arguments and in the second of two answers; and it never leaves whole.
func TestMatrixOut(t *testing.T) {
	text := "So here we are. It is about " + forbidden + ", and about more. "
	cells := 0
	for name, p := range policies {
		for _, hold := range []string{"sentence", "prefix", "all"} {
			p.Output.Hold = hold
			h := newHouse(t, houseConfig{policy: p})
			for _, where := range []string{"text", "n=2", "tool arguments"} {
				h.up.says(whole(where, text))
				base := h.chat(user("hi", false))
				first := h.record(base).Outcome.Verdict
				if first.Decision != wanted[name] {
					t.Fatalf("%s %s %s: whole answer gets %v", name, hold, where, first.Decision)
				}
				wantSaid := said(t, base)
				for cut := 1; cut < len(text); cut++ {
					cells++
					h.up.streams(pieces(where, text[:cut], text[cut:])...)
					got := h.chat(user("hi", true))
					v := h.record(got).Outcome.Verdict
					if v.Decision != first.Decision || len(v.Findings) == 0 || v.Findings[0].Start != first.Findings[0].Start ||
						v.Findings[0].End != first.Findings[0].End || v.Findings[0].Detector != first.Findings[0].Detector {
						t.Fatalf("%s %s %s cut %d: verdict %+v, whole %+v", name, hold, where, cut, v, first)
					}
					have := said(t, got)
					for k, want := range wantSaid {
						if name != "block" && have[k] != want {
							t.Fatalf("%s %s %s cut %d: %s is %q, whole %q", name, hold, where, cut, k, have[k], want)
						}
					}
					if name == "block" && (strings.Contains(got.body, "Nightjar") || strings.Contains(got.body, "Project N") || !strings.Contains(got.body, "content_filter")) {
						t.Fatalf("%s %s %s cut %d: %s", name, hold, where, cut, got.body)
					}
				}
			}
		}
	}
	t.Logf("%d cells", cells)
	if cells < 4*3*3*40 {
		t.Fatalf("only %d cells", cells)
	}
}

// whole is an answer that is not streamed, with the text in some place.
func whole(where, text string) string {
	message := func(i int, s string) string {
		return fmt.Sprintf(`{"index":%d,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}`, i, quoted(s))
	}
	choices := message(0, text)
	switch where {
	case "n=2":
		choices = message(0, "harmless, this one. ") + "," + message(1, text)
	case "tool arguments":
		choices = `{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"search","arguments":` +
			quoted(`{"q":`+quoted(text)+`}`) + `}}]},"finish_reason":"tool_calls"}`
	}
	return `{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[` + choices + `],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`
}

// pieces is the same answer in frames.
func pieces(where, a, b string) []string {
	content := func(s string) string { return `{"content":` + quoted(s) + `}` }
	switch where {
	case "n=2":
		return []string{chunk(0, content("harmless, ")), chunk(1, content(a)), chunk(0, content("this one. ")), chunk(1, content(b)), stopChunk(0, "stop"), stopChunk(1, "stop"), "[DONE]"}
	case "tool arguments":
		args := quoted(`{"q":` + quoted(a+b) + `}`)
		args = args[1 : len(args)-1]
		at := min(len(args)-1, 10+len(a))
		for at > 1 && args[at-1] == '\\' {
			at--
		}
		call := func(head, s string) string { return `{"tool_calls":[{"index":0,` + head + `"function":{` + s + `}}]}` }
		return []string{chunk(0, call(`"id":"c1","type":"function",`, `"name":"search","arguments":"`+args[:at]+`"`)), chunk(0, call("", `"arguments":"`+args[at:]+`"`)), stopChunk(0, "tool_calls"), "[DONE]"}
	}
	return []string{chunk(0, content(a)), chunk(0, content(b)), stopChunk(0, "stop"), "[DONE]"}
}

// TestOneByteAtATime: the smallest frames of all, in reasoning and refusal texts
// too.
func TestOneByteAtATime(t *testing.T) {
	for _, field := range []string{"content", "refusal", "reasoning_content"} {
		h := newHouse(t, houseConfig{policy: policies["block"]})
		frames := []string{}
		for _, c := range "It is said that " + forbidden + " flies. " {
			frames = append(frames, chunk(0, `{"`+field+`":`+quoted(string(c))+`}`))
		}
		h.up.streams(append(frames, stopChunk(0, "stop"), "[DONE]")...)
		got := h.chat(user("hi", true))
		if strings.Contains(strings.ReplaceAll(got.body, "\n", ""), `"N"`) || !strings.Contains(got.body, "content_filter") {
			t.Errorf("%s: %s", field, got.body)
		}
	}
}

// TestUnreadableIsSkipped: what no detector can read is never called checked.
func TestUnreadableIsSkipped(t *testing.T) {
	for kind, part := range map[string]string{
		"image": `{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}`,
		"audio": `{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}`,
		"file":  `{"type":"file","file":{"file_data":"data:application/pdf;base64,AAAA","filename":"a.pdf"}}`,
	} {
		h := newHouse(t, houseConfig{detectors: everything()})
		got := h.chat(messages(false, `{"role":"user","content":[{"type":"text","text":"look"},`+part+`]}`))
		r := h.record(got)
		want := map[string]risk.Decision{"image": risk.Flag, "audio": risk.Block, "file": risk.Block}[kind]
		if r.Intent.Verdict.Decision != want || (got.status == 200) != (want == risk.Flag) {
			t.Errorf("%s: %d %v", kind, got.status, r.Intent.Verdict.Decision)
		}
		media := -1
		for i, p := range r.Intent.Passages {
			if p.Kind == "media" {
				media = i
			}
		}
		for _, c := range r.Intent.Verdict.Checks {
			for _, i := range c.Passages {
				if c.State == risk.Ran && i == media {
					t.Errorf("%s: %s claims to have read it", kind, c.Detector)
				}
			}
		}
	}
}

// TestLoneSurrogate: half a character is spliced to U+FFFD, so that guard and
// model read the same, and the record says so.
func TestLoneSurrogate(t *testing.T) {
	h := newHouse(t, houseConfig{policy: policies["mask"]})
	got := h.chat(messages(false, `{"role":"user","content":"cut \ud83d here, `+forbidden+` \udc00"}`))
	up := h.up.received()
	if got.status != 200 || len(up) != 1 || !strings.Contains(string(up[0]), "cut \uFFFD here, ") || strings.Contains(string(up[0]), `\ud`) {
		t.Fatalf("%d %s", got.status, up)
	}
	found := false
	for _, f := range h.record(got).Intent.Verdict.Findings {
		found = found || strings.HasPrefix(f.Detector, "gate/lone_surrogate")
	}
	if !found {
		t.Error("no finding says so")
	}
}

// TestControlsHideNothing: characters that draw nothing split no word.
func TestControlsHideNothing(t *testing.T) {
	h := newHouse(t, houseConfig{policy: policies["block"]})
	for _, c := range []string{"\x00", "\x01", "\x7f", "\u200b", "\u00ad"} {
		if got := h.chat(user("tell me of Project Night"+c+"jar please", false)); got.status != 400 {
			t.Errorf("%q: %d", c, got.status)
		}
	}
}

// TestClientsReadEveryEnd: whatever ends a stream, what a client has read until
// then is whole frames.
func TestClientsReadEveryEnd(t *testing.T) {
	h := newHouse(t, houseConfig{policy: policies["block"]})
	h.up.does(func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "\xEF\xBB\xBF: hello\r\nretry: 5\r\nid: 7\r\ndata: "+chunk(0, `{"content":"Sentence one is long enough to leave by itself. "}`)+"\r\n\r\nevent: x\r\n\r\ndata: "+stopChunk(0, "stop")+"\r\rdata: [DONE] \n\n")
	})
	got := h.chat(user("hi", true))
	want := "data: " + chunk(0, `{"content":"Sentence one is long enough to leave by itself. "}`) + "\n\ndata: " + stopChunk(0, "stop") + "\n\ndata: [DONE]\n\n"
	if got.body != want {
		t.Fatalf("%q", got.body)
	}
}
