package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/risk"
)

// TestR17ForgedHeaders: in every dialect, what only a proxy may say, what is ours to say,
// names that servers read two ways and headers of one hop stay here, and change nothing
// about who calls.
func TestR17ForgedHeaders(t *testing.T) {
	h := newHouse(t, houseConfig{})
	forged := []string{"X_App", "X_api_key", "X-Real_Ip", "X-Forwarded_For", "Authorization_", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Client-Cert", "X-Real-Ip", "Forwarded",
		"Bartizan-System", "Bartizan-Decision", "X-Bartizan-System", "X-Bartizan-Principal", "X-Hop", "Proxy-Authorization", "Cookie", "X-Original-Url", "X-Http-Method-Override"}
	for _, f := range forms() {
		answerAs(h, f, false)
		req := h.request(http.MethodPost, f.path, f.in[0].body("hi", false))
		for _, name := range forged {
			req.Header[name] = []string{"forged"}
		}
		req.Header["X-App"] = []string{"fine"}
		req.Header["Connection"] = []string{"x-hop, x-api-key, api-key, authorization"}
		got := h.do(req)
		h.up.mu.Lock()
		heads := slices.Clone(h.up.heads)
		h.up.mu.Unlock()
		h.up.received()
		if got.status != 200 || len(heads) != 1 {
			t.Fatalf("%s: %d %s", f.name, got.status, got.body)
		}
		key := 0
		for name, values := range heads[0] {
			if v := strings.Join(values, ","); strings.Contains(v, "forged") || strings.Contains(v, h.secret) || name == "Connection" {
				t.Errorf("%s: the upstream got %s: %s", f.name, name, v)
			} else if strings.Contains(v, "provider-canary-key") {
				key++
			}
		}
		if key != 1 || heads[0].Get("X-App") != "fine" {
			t.Errorf("%s: the upstream got %v", f.name, heads[0])
		}
		if p := h.record(got).Intent.Principal; p.System != "bot" || p.ID != h.key.ID {
			t.Errorf("%s: called as %+v", f.name, p)
		}
		if strings.Contains(fmt.Sprint(got.header), "forged") {
			t.Errorf("%s: answered with %v", f.name, got.header)
		}
	}
}

// TestR19StrictJSON: what two parsers could read differently is 400 in every dialect and
// never forwarded; half a character is mended, and the mending recorded.
func TestR19StrictJSON(t *testing.T) {
	h := newHouse(t, houseConfig{})
	for _, f := range forms() {
		good := f.in[0].body("say MARK", false)
		first := strings.Index(good, `"model"`)
		if first < 0 || !strings.Contains(good, "MARK") {
			t.Fatalf("%s: %s", f.name, good)
		}
		fold := `"\u017ftream":true,` // a long s, which some readers take for the letter
		if f.out == nil {
			fold = `"u\u017fer":"other",`
		}
		before := func(s string) string { return good[:first] + s + good[first:] }
		for name, body := range map[string]string{
			"invalid UTF-8":           strings.Replace(good, "MARK", "\xff", 1),
			"a surrogate in bytes":    strings.Replace(good, "MARK", "\xed\xa0\xbd", 1),
			"overlong":                strings.Replace(good, "MARK", "\xc0\xaf", 1),
			"a byte order mark":       "\xEF\xBB\xBF" + good,
			"UTF-16":                  "\xff\xfe{\x00}\x00",
			"a repeated key":          before(`"model":"other",`),
			"a key repeated escaped":  before(`"\u006dodel":"other",`),
			"a repeated key, inside":  before(`"x_new":{"a":1,"a":2},`),
			"a case variant":          before(`"Model":"other",`),
			"another case variant":    before(`"MODEL":"other",`),
			"a variant by folding":    before(fold),
			"a NUL":                   strings.Replace(good, "MARK", "\x00", 1),
			"a comment":               before(`/* */`),
			"a second value":          good + good,
			"a trailing comma":        strings.TrimSuffix(good, "}") + ",}",
			"single quotes":           before(`'x':1,`),
			"depth":                   before(`"x_new":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + ","),
			"an escape of no meaning": strings.Replace(good, "MARK", `\x41`, 1),
		} {
			got := h.post(f.path, body)
			if up := h.up.received(); got.status != 400 || len(up) != 0 || !json.Valid([]byte(got.body)) || strings.Contains(got.body, "other") {
				t.Errorf("%s, %s: %d %s; %d calls reached the upstream", f.name, name, got.status, got.body, len(up))
			}
		}
		answerAs(h, f, false)
		got := h.post(f.path, strings.Replace(good, "MARK", `\ud83d!`, 1))
		up := h.up.received()
		if got.status != 200 || len(up) != 1 || !strings.Contains(string(up[0]), "say \uFFFD!") {
			t.Fatalf("%s, half a character: %d %s %s", f.name, got.status, got.body, up)
		}
		if v := h.record(got).Intent.Verdict; v.Decision != risk.Flag || !slices.ContainsFunc(v.Findings, func(x risk.Finding) bool { return strings.HasPrefix(x.Detector, dialect.Repairer) }) {
			t.Errorf("%s, half a character: %+v", f.name, v)
		}
	}
}

// endings is how a stream that broke off can be told in each dialect.
var endings = map[string]string{"chat": `data: {"error":{"message":"`, "Azure": `data: {"error":{"message":"`,
	"Messages": "event: error\ndata: {\"type\":\"error\",\"error\":{", "Responses": "event: response.failed\n", "Azure Responses": "event: response.failed\n"}

// endsWell are the signs of a stream that ended as it should.
var endsWell = []string{"[DONE]", `"message_stop"`, `"response.completed"`}

// brokeOff checks that a stream ended with an error of its dialect, and with a reason.
func brokeOff(t *testing.T, h *house, f form, got answered, code string) {
	t.Helper()
	for _, sign := range endsWell {
		if strings.Contains(got.body, sign) {
			t.Errorf("%s: it ends well, with %s", f.name, sign)
		}
	}
	if got.status != 200 || !strings.Contains(got.body, endings[f.name]) {
		t.Errorf("%s: %d %.600s", f.name, got.status, got.body)
	}
	if r := h.record(got); r.Outcome.End != "failed" || r.Outcome.Code != code {
		t.Errorf("%s: %+v, want %s", f.name, r.Outcome, code)
	}
}

// opening is what a stream of a form begins with, and its first frame that has text.
func opening(t *testing.T, f form) (begin []string, text string) {
	t.Helper()
	frames := f.out[0].frames(long, long)
	i := slices.IndexFunc(frames, func(s string) bool { return strings.Contains(s, "long enough") })
	if i < 0 {
		t.Fatalf("%s has no text", f.name)
	}
	return frames[:i], frames[i]
}

// TestR21EndlessLines: a line of an upstream that does not end is cut at 4 MB, as an error
// of the dialect, however much of it would follow.
func TestR21EndlessLines(t *testing.T) {
	h := newHouse(t, houseConfig{})
	junk := strings.Repeat("x", 64<<10)
	for _, f := range forms() {
		if f.out == nil {
			continue
		}
		begin, text := opening(t, f)
		for _, line := range []string{"data: ", "event: ", ": ", "junk", "data: a\ndata: "} {
			var sent atomic.Int64
			h.up.does(func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, strings.Join(begin, "")+text+line)
				for sent.Load() < 1<<30 {
					n, err := io.WriteString(w, junk)
					sent.Add(int64(n))
					if err != nil {
						return
					}
				}
			})
			brokeOff(t, h, f, h.post(f.path, f.in[0].body("hi", true)), "upstream_invalid")
			if n := sent.Load(); n > 32<<20 { // 4 MB, and what lies between two programs
				t.Errorf("%s, %q: %d MB were taken", f.name, line, n>>20)
			}
		}
	}
}

// TestR22FloodsInEveryDialect: while a caller does not read, an upstream that sends events
// without end is held back, and nothing gathers.
func TestR22FloodsInEveryDialect(t *testing.T) {
	h := newHouse(t, houseConfig{})
	for _, f := range forms() {
		if f.out == nil {
			continue
		}
		begin, text := opening(t, f)
		var sent atomic.Int64
		gone := make(chan struct{})
		h.up.does(func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			defer close(gone)
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, strings.Join(begin, ""))
			for sent.Load() < 1<<30 {
				n, err := io.WriteString(w, text)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
		resp, err := h.server.Client().Do(h.request(http.MethodPost, f.path, f.in[0].body("hi", true)))
		must(t, err)
		for last := int64(-1); last != sent.Load(); time.Sleep(150 * time.Millisecond) {
			last = sent.Load() // until it stands still
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		if n := sent.Load(); n > 64<<20 || m.HeapInuse > 64<<20 {
			t.Errorf("%s: nobody reads, %d MB were taken and %d MB are on the heap", f.name, n>>20, m.HeapInuse>>20)
		}
		_ = resp.Body.Close()
		<-gone
	}
}

// TestR23Stalls: while an upstream is silent, in any dialect, its caller gets signs of
// life; when that lasts too long, an error and not an end.
func TestR23Stalls(t *testing.T) {
	h := newHouse(t, houseConfig{gate: Config{Beat: 50 * time.Millisecond}, client: dialect.ClientConfig{FirstByte: 400 * time.Millisecond, Idle: 400 * time.Millisecond}})
	for _, f := range forms() {
		if f.out == nil {
			continue
		}
		begin, text := opening(t, f)
		for name, said := range map[string]string{"at once": "", "after text": strings.Join(begin, "") + text, "inside an event": strings.Join(begin, "") + text + "data: {"} {
			h.up.does(func(w http.ResponseWriter, r *http.Request, _ []byte) {
				if said != "" {
					sends(said)(w, r, nil)
				}
				<-r.Context().Done()
			})
			got := h.post(f.path, f.in[0].body("hi", true))
			brokeOff(t, h, f, got, "upstream_timeout")
			if n := strings.Count(got.body, ": keep-alive\n\n"); n < 2 {
				t.Errorf("%s, %s: %d signs of life", f.name, name, n)
			}
		}
	}
}

// TestR24Resets: a reset in the middle of an answer is an error, streamed or not.
func TestR24Resets(t *testing.T) {
	h := newHouse(t, houseConfig{})
	for _, f := range forms() {
		if f.out == nil {
			continue
		}
		begin, text := opening(t, f)
		h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
			sends(strings.Join(begin, "")+text)(w, r, b)
			panic(http.ErrAbortHandler)
		})
		got := h.post(f.path, f.in[0].body("hi", true))
		brokeOff(t, h, f, got, "upstream_interrupted")
		if !strings.Contains(got.body, "long enough") {
			t.Errorf("%s: what came before is gone: %s", f.name, got.body)
		}
		h.up.does(func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, f.out[0].whole("half")[:40])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
		if got := h.post(f.path, f.in[0].body("hi", false)); got.status != 502 || strings.Contains(got.body, "half") {
			t.Errorf("%s, half a body: %d %s", f.name, got.status, got.body)
		}
		h.gate.upstreams.keep(&Plan{}) // this is not about circuits
		h.gate.SetPlan(h.plan)
	}
}

// TestR25NoAnswers: pages, other media and redirects of an upstream are 502 in the
// caller's dialect, without a word of theirs; no redirect is followed.
func TestR25NoAnswers(t *testing.T) {
	h := newHouse(t, houseConfig{})
	var visits atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		visits.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, completion("hello from elsewhere"))
	}))
	defer elsewhere.Close()
	moved := func(code int) func(http.ResponseWriter, *http.Request, []byte) {
		return func(w http.ResponseWriter, r *http.Request, b []byte) {
			w.Header().Set("Location", elsewhere.URL+r.URL.Path)
			status(code, "text/html", "<p>page-words</p>")(w, r, b)
		}
	}
	for _, f := range forms() {
		for name, reply := range map[string]func(http.ResponseWriter, *http.Request, []byte){
			"a page with 502":    status(502, "text/html", "<html>page-words</html>"),
			"a page with 200":    status(200, "text/html", "<html>page-words</html>"),
			"text with 200":      status(200, "text/plain", "page-words"),
			"no type":            status(200, "", "page-words"),
			"JSON that is none":  status(200, "application/json", "page-words"),
			"moved for good":     moved(301),
			"found":              moved(302),
			"temporarily":        moved(307),
			"permanently":        moved(308),
			"not modified":       status(304, "", ""),
			"nothing at all":     status(204, "", ""),
			"a switch of worlds": status(206, "application/octet-stream", "page-words"),
		} {
			for _, stream := range []bool{false, true} {
				if f.out == nil && stream {
					continue
				}
				h.up.does(reply)
				got := h.post(f.path, f.in[0].body("hi", stream))
				if got.status != 502 || !json.Valid([]byte(got.body)) || got.header.Get("Content-Type") != "application/json" || strings.Contains(got.body, "page-words") ||
					!strings.Contains(got.body, `"error":{`) || (f.name == "Messages") != strings.HasPrefix(got.body, `{"type":"error"`) {
					t.Errorf("%s, %s, stream=%v: %d %v %s", f.name, name, stream, got.status, got.header, got.body)
				}
			}
			h.gate.upstreams.keep(&Plan{}) // none of these is about circuits
			h.gate.SetPlan(h.plan)
		}
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// TestR27Policies: with the policy on, off and only watching, what is harmless passes to the
// byte in every dialect; what is forbidden is blocked, passed, or passed and recorded.
func TestR27Policies(t *testing.T) {
	for mode, p := range map[string]guard.Policy{"on": policies["block"], "off": {}, "monitor": policies["monitor"]} {
		h := newHouse(t, houseConfig{policy: p})
		for _, f := range forms() {
			for _, stream := range []bool{false, true} {
				if f.out == nil && stream {
					continue
				}
				for _, text := range []string{"hi", forbidden} {
					answerAs(h, f, stream)
					body := f.in[0].body(text, stream)
					got := h.post(f.path, body)
					up := h.up.received()
					cell := fmt.Sprintf("%s, %s, stream=%v, %q", mode, f.name, stream, text)
					if blocked := mode == "on" && text == forbidden; blocked {
						if got.status != 400 || len(up) != 0 {
							t.Errorf("%s: %d, %d calls reached the upstream", cell, got.status, len(up))
						}
						continue
					}
					wanted := strings.Replace(body, `"fast"`, `"m-1"`, 1)
					if strings.Contains(f.name, "Responses") && !strings.Contains(body, `"store"`) {
						wanted = `{"store":false,` + wanted[1:] // says what the provider may keep
					}
					if len(up) != 1 || string(up[0]) != wanted {
						t.Errorf("%s: the upstream got %s", cell, up)
					}
					checkPassed(t, cell, h, got)
					want := risk.Allow
					if mode == "monitor" && text == forbidden {
						want = risk.Flag
					}
					if v := h.record(got).Intent.Verdict; v.Decision != want {
						t.Errorf("%s: %+v", cell, v)
					}
				}
			}
		}
	}
}
