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

// policies are what an operator may want of the same finding.
var policies = map[string]guard.Policy{
	"block":   {Rules: []guard.Rule{{ID: "nightjar", Phrase: forbidden, Action: "block"}}},
	"mask":    {Rules: []guard.Rule{{ID: "nightjar", Phrase: forbidden, Action: "mask"}}},
	"flag":    {Rules: []guard.Rule{{ID: "nightjar", Phrase: forbidden, Action: "flag"}}},
	"monitor": {Mode: "monitor", Until: "2099-01-01", Rules: []guard.Rule{{ID: "nightjar", Phrase: forbidden, Action: "block"}}},
}

var wanted = map[string]risk.Decision{"block": risk.Block, "mask": risk.Mask, "flag": risk.Flag, "monitor": risk.Flag}

// TestMatrix: one text, one verdict, one first finding and the same edits, in every
// dialect, wherever it stands, streamed or not, and however a streamed answer is cut.
// What comes out is the table that is published.
func TestMatrix(t *testing.T) {
	var rows []ConformanceRow
	for _, f := range forms() {
		for _, c := range f.in {
			rows = append(rows, ConformanceRow{Dialect: f.name, Side: "request", Place: c.name})
		}
		for _, p := range f.out {
			rows = append(rows, ConformanceRow{Dialect: f.name, Side: "answer", Place: p.name})
		}
	}
	for _, action := range []string{"block", "mask", "flag", "monitor"} {
		h := newHouse(t, houseConfig{policy: policies[action]})
		at := 0
		for _, f := range forms() {
			for _, c := range f.in {
				rows[at].Cells = append(rows[at].Cells, tryCarrier(t, h, f, c, action, false), tryCarrier(t, h, f, c, action, true))
				at++
			}
			for _, p := range f.out {
				whole, first := tryWhole(t, h, f, p, action)
				rows[at].Cells = append(rows[at].Cells, whole, tryCuts(t, h, f, p, action, first))
				at++
			}
		}
	}
	publish(t, rows)
}

const around = "it is about " + forbidden + " \u00e9 \"so\" it says"

// tryCarrier sends a forbidden text in one place of a request.
func tryCarrier(t *testing.T, h *house, f form, c carrier, action string, stream bool) ConformanceCell {
	t.Helper()
	cell := fmt.Sprintf("%s, %s, %s, stream=%v", f.name, c.name, action, stream)
	out := ConformanceCell{Action: action, Stream: stream, Result: results[action], Tries: 1}
	if f.out == nil && stream {
		return ConformanceCell{Action: action, Stream: true, Result: "none"}
	}
	answerAs(h, f, stream)
	h.up.received()
	got := h.post(f.path, c.body(around, stream))
	up := h.up.received()
	r := h.record(got)
	want := wanted[action]
	if c.sealed && action == "mask" { // what is signed cannot be edited
		want, out.Result = risk.Block, "blocked"
	}
	v := r.Intent.Verdict
	if v.Decision != want || len(v.Findings) != 1 || !strings.Contains(v.Findings[0].Detector, "nightjar") {
		t.Fatalf("%s: %d verdict %v with %d findings: %s", cell, got.status, v.Decision, len(v.Findings), got.body)
	}
	if x := v.Findings[0]; x.Start != 12+c.offset || x.End-x.Start != len(forbidden) {
		t.Errorf("%s: found at [%d,%d)", cell, x.Start, x.End)
	}
	if blocked := want == risk.Block; (len(up) == 0) != blocked || (got.status == http.StatusBadRequest) != blocked {
		t.Errorf("%s: %d, and %d calls reached the upstream: %s", cell, got.status, len(up), got.body)
	}
	if out.Result == "masked" {
		checkMasked(t, cell, up[0])
	}
	for _, k := range v.Checks {
		if k.State == risk.Ran && len(k.Passages) != len(r.Intent.Passages) {
			t.Errorf("%s: %s claims %d of %d passages", cell, k.Detector, len(k.Passages), len(r.Intent.Passages))
		}
	}
	return out
}

// results is what becomes of a forbidden text.
var results = map[string]string{"block": "blocked", "mask": "masked", "flag": "flagged", "monitor": "recorded"}

// answerAs makes the upstream say something harmless in a form.
func answerAs(h *house, f form, stream bool) {
	if f.out == nil {
		h.up.says(`{"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":"AACAPw=="}],"usage":{"prompt_tokens":1,"total_tokens":1}}`)
		return
	}
	if stream {
		h.up.sends(f.out[0].frames("all is well")...)
		return
	}
	h.up.says(f.out[0].whole("all is well"))
}

const answerText = "So here we are. It is about " + forbidden + ", and about more. "

// tryWhole gets a forbidden text in one place of an answer that is not streamed.
func tryWhole(t *testing.T, h *house, f form, p place, action string) (ConformanceCell, risk.Verdict) {
	t.Helper()
	cell := fmt.Sprintf("%s, %s, %s, whole", f.name, p.name, action)
	out := ConformanceCell{Action: action, Result: results[action], Tries: 1}
	h.up.says(p.whole(answerText))
	got := h.post(f.path, f.in[0].body("hi", false))
	v := h.record(got).Outcome.Verdict
	checkAnswer(t, cell, f, p, action, &out, got, v)
	return out, v
}

// tryCuts gets the same text streamed, cut in two at every byte.
func tryCuts(t *testing.T, h *house, f form, p place, action string, first risk.Verdict) ConformanceCell {
	t.Helper()
	out := ConformanceCell{Action: action, Stream: true, Result: results[action]}
	for cut := 1; cut < len(answerText); cut++ {
		cell := fmt.Sprintf("%s, %s, %s, cut at %d", f.name, p.name, action, cut)
		h.up.sends(p.frames(answerText[:cut], answerText[cut:])...)
		got := h.post(f.path, f.in[0].body("hi", true))
		v := h.record(got).Outcome.Verdict
		checkAnswer(t, cell, f, p, action, &out, got, v)
		a, b := first.Findings[0], v.Findings[0]
		if v.Decision != first.Decision || a.Start != b.Start || a.End != b.End || a.Detector != b.Detector {
			t.Fatalf("%s: verdict %+v, whole %+v", cell, v, first)
		}
		out.Tries++
	}
	return out
}

// checkAnswer: the verdict is what policy says, and the client got the text as it should.
func checkAnswer(t *testing.T, cell string, f form, p place, action string, out *ConformanceCell, got answered, v risk.Verdict) {
	t.Helper()
	want := wanted[action]
	if p.sealed && action == "mask" {
		want, out.Result = risk.Block, "blocked"
	}
	if v.Decision != want || len(v.Findings) == 0 {
		t.Fatalf("%s: verdict %v with %d findings: %s", cell, v.Decision, len(v.Findings), got.body)
	}
	if want == risk.Block {
		if strings.Contains(got.body, "Nightjar") || strings.Contains(got.body, "Project N") || !f.refusal(got.body) {
			t.Fatalf("%s: %d %s", cell, got.status, got.body)
		}
		return
	}
	said := answerText
	if action == "mask" {
		said = strings.ReplaceAll(said, forbidden, "[NIGHTJAR]")
	}
	if p.args {
		said = `{"q":` + quoted(said) + `}`
	}
	places := 0
	for _, text := range heard(t, got) {
		if text == said {
			places++
		} else if strings.Contains(text, "here we are") {
			t.Fatalf("%s: a client reads %q, want %q", cell, text, said)
		}
	}
	// Responses says a streamed text four times: piece by piece, whole, in its item and
	// in the response.
	if least := map[bool]int{true: 4, false: 1}[strings.Contains(got.body, "response.completed")]; places < least {
		t.Fatalf("%s: a client reads the text %d times: %s", cell, places, got.body)
	}
}

// TestHolds: what is held back, and for how long, changes nothing of it.
func TestHolds(t *testing.T) {
	tries := 0
	for _, hold := range []string{"prefix", "all"} {
		for _, action := range []string{"block", "mask"} {
			policy := policies[action]
			policy.Output.Hold = hold
			h := newHouse(t, houseConfig{policy: policy})
			for _, f := range forms() {
				for _, p := range f.out[:min(1, len(f.out))] {
					_, first := tryWhole(t, h, f, p, action)
					tries += tryCuts(t, h, f, p, action, first).Tries
				}
			}
		}
	}
	if tries < 2*2*5*40 {
		t.Fatalf("only %d tries", tries)
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

// TestR29OneByteAtATime: the smallest frames of all, in every dialect and place: nothing
// of the forbidden text leaves but what could have begun any other.
func TestR29OneByteAtATime(t *testing.T) {
	h := newHouse(t, houseConfig{policy: policies["block"]})
	places := 0
	for _, f := range forms() {
		for _, p := range f.out {
			places++
			h.up.sends(p.frames(strings.Split("It is said that "+forbidden+" flies. ", "")...)...)
			got := h.post(f.path, f.in[0].body("hi", true))
			said := ""
			for _, text := range heard(t, got) {
				said += text
			}
			if strings.Contains(said, "Proj") || !f.refusal(got.body) {
				t.Errorf("%s, %s: a client reads %q of %s", f.name, p.name, said, got.body)
			}
		}
	}
	if places < 18 {
		t.Errorf("only %d places", places)
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
