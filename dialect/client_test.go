package dialect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bartizan-ai/bartizan/llm"
)

// TestMain: a call that ended, however it did, leaves nothing running.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// calling runs one call of an upstream that does f, and reads the whole answer.
func calling(t *testing.T, cfg ClientConfig, r *llm.Request, f http.HandlerFunc) ([]*llm.Event, error) {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	cfg.Name, cfg.Dialect, cfg.Private = "p", "openai", true
	if r.Dialect == "" {
		r.Dialect = "openai"
	}
	if cfg.URL == "" {
		cfg.URL = s.URL + "/v1/"
	}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	resp, err := c.Do(context.Background(), r)
	if err != nil {
		return nil, err
	}
	defer resp.Stream.Close()
	var events []*llm.Event
	for {
		e, err := resp.Stream.Next()
		if err == io.EOF {
			return events, nil
		}
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
}

const fine = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"fine"},"finish_reason":"stop"}]}`

func says(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}
}

func TestNewClientRefuses(t *testing.T) {
	for url, private := range map[string]bool{"http://api.example.com/v1": false, "ftp://x/v1": true, "https://": true, "api.example.com": true, "": true,
		"https://user:pw@x/v1": true, "https://x/v1?key=1": true, "https://x/v1#a": true, "https://x y/": true} {
		_, err := NewClient(ClientConfig{Name: "p", Dialect: "openai", URL: url, Private: private})
		if err == nil || strings.Contains(err.Error(), "pw") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// TestRequestOnTheWire: what the upstream gets is what was decided, and nothing of
// the machine's own.
func TestRequestOnTheWire(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	r := ask(false)
	r.Header = http.Header{"X-Note": {"a", "b"}}
	var got *http.Request
	var body []byte
	events, err := calling(t, ClientConfig{Key: "k-" + "1"}, r, func(w http.ResponseWriter, q *http.Request) {
		got = q.Clone(context.Background())
		body, _ = io.ReadAll(q.Body)
		says("application/json", fine)(w, q)
	})
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	got.Header.Del("Content-Length")
	want := http.Header{"X-Note": {"a", "b"}, "Authorization": {"Bearer k-1"}, "Content-Type": {"application/json"}, "Accept-Encoding": {"identity"}}
	if got.Method != http.MethodPost || got.URL.Path != "/v1/chat/completions" || string(body) != `{"model":"m"}` || fmt.Sprint(got.Header) != fmt.Sprint(want) {
		t.Errorf("%s %s %v %s", got.Method, got.URL.Path, got.Header, body)
	}
}

func TestRedirectsAreNeverFollowed(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		_, err := calling(t, ClientConfig{Key: "k"}, ask(false), func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		if !errors.Is(err, ErrAnswer) {
			t.Errorf("%d: %v", status, err)
		}
	}
	if elsewhere.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// TestAnswersThatAreNone: each is refused with a kind that the gate can tell apart,
// and none of the upstream's words.
func TestAnswersThatAreNone(t *testing.T) {
	const words = "words-of-the-upstream"
	big := `{"a":"` + strings.Repeat("x", MaxAnswer) + `"}`
	for name, c := range map[string]struct {
		stream bool
		f      http.HandlerFunc
		want   error
	}{
		"HTML":                      {false, says("text/html", "<p>"+words), ErrAnswer},
		"no type":                   {false, says("", words), ErrAnswer},
		"a stream nobody asked for": {false, says("text/event-stream", "data: "+words+"\n\n"), ErrAnswer},
		"not JSON":                  {false, says("application/json", words), ErrAnswer},
		"longer than 32 MB":         {false, says("application/json", big), ErrAnswer},
		"compressed": {false, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			says("application/json", words)(w, r)
		}, ErrAnswer},
		"no head":             {false, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ErrDown},
		"half a body":         {false, half("application/json", `{"id":"`+words), io.ErrUnexpectedEOF},
		"half a stream":       {true, half("text/event-stream", "data: {\"id\":\""+words), io.ErrUnexpectedEOF},
		"a stream of nothing": {true, says("text/event-stream", ""), io.ErrUnexpectedEOF},
		"an endless line":     {true, says("text/event-stream", "data: "+strings.Repeat("x", MaxEvent)), ErrEvent},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := calling(t, ClientConfig{}, ask(c.stream), c.f)
			if !errors.Is(err, c.want) || strings.Contains(err.Error(), words) {
				t.Errorf("%v, not %v", err, c.want)
			}
		})
	}
}

// half sends the head and the beginning of a body, and breaks off.
func half(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		says(contentType, body)(w, r)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// TestErrorAnswersAreAnswers: an upstream's own errors arrive with status and
// headers; what the gate makes of a 401 is not this package's affair.
func TestErrorAnswersAreAnswers(t *testing.T) {
	for _, status := range []int{400, 401, 429, 500} {
		events, err := calling(t, ClientConfig{}, ask(true), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"error":{"message":"no","type":"t","param":null,"code":"c"}}`)
		})
		if err != nil || len(events) != 1 || !bytes.Contains(events[0].Data, []byte(`"no"`)) {
			t.Errorf("%d: %d events, %v", status, len(events), err)
		}
	}
}

func TestDeadlines(t *testing.T) {
	hang := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	const frame = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":null}]}\n\n"
	for name, c := range map[string]struct {
		stream bool
		f      http.HandlerFunc
	}{
		"first byte": {false, hang},
		"idle in a body": {false, func(w http.ResponseWriter, r *http.Request) {
			says("application/json", `{"id":`)(w, r)
			_ = http.NewResponseController(w).Flush()
			hang(w, r)
		}},
		"idle in a stream": {true, func(w http.ResponseWriter, r *http.Request) {
			says("text/event-stream", frame)(w, r)
			_ = http.NewResponseController(w).Flush()
			hang(w, r)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := calling(t, ClientConfig{FirstByte: 200 * time.Millisecond, Idle: 200 * time.Millisecond}, ask(c.stream), c.f)
			if !errors.Is(err, ErrSlow) {
				t.Errorf("%v", err)
			}
		})
	}
	// Who keeps sending is never too slow, however long it takes in all.
	events, err := calling(t, ClientConfig{Idle: 400 * time.Millisecond}, ask(true), func(w http.ResponseWriter, r *http.Request) {
		for range 12 {
			says("text/event-stream", frame)(w, r)
			_ = http.NewResponseController(w).Flush()
			time.Sleep(60 * time.Millisecond)
		}
		_, _ = io.WriteString(w, "data: [DONE]\n\n")
	})
	if err != nil || len(events) != 13 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

// TestCancelReachesTheUpstream, before the first byte and in the middle.
func TestCancelReachesTheUpstream(t *testing.T) {
	for name, begin := range map[string]bool{"before the first byte": false, "in the middle": true} {
		t.Run(name, func(t *testing.T) {
			came, left := make(chan struct{}), make(chan struct{})
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if begin {
					says("text/event-stream", ": hello\n\n")(w, r)
					_ = http.NewResponseController(w).Flush()
				}
				close(came)
				<-r.Context().Done()
				close(left)
			}))
			defer s.Close()
			c, err := NewClient(ClientConfig{Name: "p", Dialect: "openai", URL: s.URL, Private: true})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			go func() { <-came; cancel() }()
			resp, err := c.Do(ctx, ask(true))
			if err == nil {
				_, err = resp.Stream.Next()
				_ = resp.Stream.Close()
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			select {
			case <-left:
			case <-time.After(10 * time.Second):
				t.Error("the upstream was not told")
			}
		})
	}
}
