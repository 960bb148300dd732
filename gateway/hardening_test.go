package gateway

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// raw opens a connection and says the head of a call with a body of n bytes.
func (h *house) raw(key string, n int, headers ...string) net.Conn {
	h.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(h.server.URL, "http://"))
	must(h.t, err)
	h.t.Cleanup(func() { _ = c.Close() })
	must(h.t, c.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n",
		key, n, strings.Join(headers, ""))
	must(h.t, err)
	return c
}

// reply reads what came, and whether the connection ended after it.
func reply(t *testing.T, c net.Conn) (status int, body string, closed bool) {
	t.Helper()
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	must(t, err)
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	_, err = r.ReadByte()
	return resp.StatusCode, string(b), err != nil && !isTimeout(err)
}

func isTimeout(err error) bool {
	ne, ok := err.(net.Error)
	return ok && ne.Timeout()
}

// trickle writes a byte now and then until nobody takes it.
func trickle(c net.Conn, every time.Duration) {
	for {
		if _, err := c.Write([]byte("x")); err != nil {
			return
		}
		time.Sleep(every)
	}
}

// TestR4SlowBodies: bodies that come at ten bytes a second end with 408 in the
// dialect, and others are served meanwhile.
func TestR4SlowBodies(t *testing.T) {
	h := newHouse(t, houseConfig{gate: Config{Grace: 400 * time.Millisecond}})
	var slow []net.Conn
	for range 16 {
		c := h.raw(h.secret, 5000)
		go trickle(c, 100*time.Millisecond)
		slow = append(slow, c)
	}
	if got := h.chat(user("hi", false)); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, c := range slow {
		if status, body, closed := reply(t, c); status != 408 || !strings.Contains(body, `"code":"request_timeout"`) || !closed {
			t.Errorf("%d %s, closed %v", status, body, closed)
		}
	}
	// Slow, but not too slow: 80 bytes each 20 ms are 4 kB a second.
	body := user(strings.Repeat("patience ", 300), false)
	c := h.raw(h.secret, len(body))
	for i := 0; i < len(body); i += 80 {
		_, err := c.Write([]byte(body[i:min(i+80, len(body))]))
		must(t, err)
		time.Sleep(20 * time.Millisecond)
	}
	must(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
	if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != 200 {
		t.Errorf("%v %v", resp, err)
	}
}

// TestR4StrangersHoldNothing: a caller without a right key who announces a body and
// never sends it is answered at once, and loses the connection soon.
func TestR4StrangersHoldNothing(t *testing.T) {
	h := newHouse(t, houseConfig{gate: Config{Grace: 200 * time.Millisecond}})
	if status, _, closed := reply(t, h.raw("bzk_a_b", 5000)); status != 401 || !closed {
		t.Errorf("%d, closed %v", status, closed)
	}
}

// TestR7BodyLimit: of a body over the limit, announced or not, little more than
// the limit is read.
func TestR7BodyLimit(t *testing.T) {
	const limit = 256 << 10
	h := newHouse(t, houseConfig{gate: Config{MaxBody: limit}})
	var read atomic.Int64
	counted := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = &countingBody{r.Body, &read}
		h.gate.ServeHTTP(w, r)
	}))
	counted.Start()
	defer counted.Close()
	for _, announced := range []bool{true, false} {
		read.Store(0)
		body := user(strings.Repeat("a", 8<<20), false)
		req := h.request(http.MethodPost, "/v1/chat/completions", body)
		req.URL.Host = strings.TrimPrefix(counted.URL, "http://")
		if !announced {
			req.ContentLength = -1
		}
		resp, err := counted.Client().Do(req)
		if err != nil {
			continue // cut while it was sent, which is what is wanted
		}
		if resp.StatusCode != 413 || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("announced %v: %d", announced, resp.StatusCode)
		}
		_ = resp.Body.Close()
		if n := read.Load(); n > limit+64<<10 || announced && n != 0 {
			t.Errorf("announced %v: %d bytes were read", announced, n)
		}
	}
}

type countingBody struct {
	io.ReadCloser
	n *atomic.Int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}

// TestR8Bombs: what is compressed is refused unread, so nothing unfolds.
func TestR8Bombs(t *testing.T) {
	h := plainHouse(t)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 200 {
		_, err := z.Write(zeros)
		must(t, err)
	}
	must(t, z.Close())
	for _, encoding := range []string{"gzip", "br", "zstd", "deflate", "gzip, gzip", "GZIP"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", bytes.NewReader(bomb.Bytes()))
		r.Header.Set("Authorization", "Bearer "+h.secret)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Content-Encoding", encoding)
		h.gate.ServeHTTP(w, r)
		runtime.ReadMemStats(&after)
		if w.Code != http.StatusUnsupportedMediaType || after.TotalAlloc-before.TotalAlloc > 8<<20 {
			t.Errorf("%s: %d, %d bytes allocated", encoding, w.Code, after.TotalAlloc-before.TotalAlloc)
		}
	}
	// An upstream is asked for nothing compressed.
	h.chat(user("hi", false))
	h.up.mu.Lock()
	defer h.up.mu.Unlock()
	if got := h.up.heads[0].Get("Accept-Encoding"); got != "identity" {
		t.Errorf("the upstream was asked for %q", got)
	}
}

// TestR9HugeShapes: depth, members and strings without end are refused, or read
// for what they are, and take no memory beyond a multiple of themselves.
func TestR9HugeShapes(t *testing.T) {
	h := plainHouse(t)
	var keys strings.Builder
	for i := range 300_000 {
		fmt.Fprintf(&keys, `,"k%d":0`, i)
	}
	for name, body := range map[string]string{
		"depth":         strings.Replace(user("hi", false), `"messages"`, `"x":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`,"messages"`, 1),
		"unclosed":      `{"model":"fast","messages":` + strings.Repeat(`[{"a":`, 100_000),
		"repeated keys": strings.Replace(user("hi", false), `{"model"`, `{"k7":1`+keys.String()+`,"model"`, 1),
	} {
		if got := h.chat(body); got.status != 400 || got.code() != "invalid_json" {
			t.Errorf("%s: %d %.200s", name, got.status, got.body)
		}
	}
	if len(h.up.received()) != 0 {
		t.Error("something was forwarded")
	}
}

// TestR22EventFloods: an upstream that sends events as fast as it can is held back by
// a caller who does not read, and nothing gathers in between; then all of it comes.
func TestR22EventFloods(t *testing.T) {
	h := plainHouse(t)
	const events = 150_000
	frame := "data: " + chunk(0, `{"content":"A sentence that is long enough to leave by itself. "}`) + "\n\n"
	var sent atomic.Int64
	h.up.does(func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range events {
			n, err := io.WriteString(w, frame)
			if err != nil {
				return
			}
			sent.Add(int64(n))
		}
		_, _ = io.WriteString(w, "data: "+stopChunk(0, "stop")+"\n\ndata: [DONE]\n\n")
	})
	resp, err := h.server.Client().Do(h.request(http.MethodPost, "/v1/chat/completions", user("hi", true)))
	must(t, err)
	defer resp.Body.Close()
	last := int64(-1)
	eventually(t, func() bool { // until it stands still
		before := last
		last = sent.Load()
		time.Sleep(200 * time.Millisecond)
		return last == before
	})
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if total := int64(events * len(frame)); last > total/2 || m.HeapInuse > 64<<20 {
		t.Errorf("nobody reads, and %d of %d bytes were taken; %d MB are on the heap", last, total, m.HeapInuse>>20)
	}
	b, err := io.ReadAll(resp.Body)
	if got := bytes.Count(b, []byte("A sentence")); err != nil || got != events || !bytes.HasSuffix(b, []byte("data: [DONE]\n\n")) {
		t.Errorf("%d events came, %v", got, err)
	}
}
