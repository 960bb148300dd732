package gateway

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/guard"
)

// storm makes n calls from a few callers at once, in every dialect, streamed and not.
// One in four stays to the end; the others leave after some bytes of the answer, or at
// some moment if those do not come. It returns how many stayed, and how many of them
// got the whole answer.
func storm(h *house, seed uint64, n int) (stayed, whole int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	list := forms()
	for c := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(c)))
			for range n / 4 {
				i, stays := rnd.IntN(len(list)), rnd.IntN(4) == 0
				word := "leaving"
				if stays {
					word = "staying"
				}
				body := list[i].in[0].body(fmt.Sprintf("%s form-%d", word, i), rnd.IntN(3) > 0)
				req := h.request(http.MethodPost, list[i].path, body)
				said := visit(h, req, stays, rnd.IntN(600), time.Duration(rnd.IntN(20_000))*time.Microsecond)
				mu.Lock()
				if stays {
					stayed++
				}
				if strings.Contains(said, "nothing else") || strings.Contains(said, "AACAPw==") {
					whole++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return stayed, whole
}

// visit makes one call and leaves after some bytes or some time, whichever comes first.
func visit(h *house, req *http.Request, stays bool, bytes int, after time.Duration) string {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var said io.Reader
	if !stays {
		defer time.AfterFunc(after, cancel).Stop()
	}
	resp, err := h.server.Client().Do(req.WithContext(ctx))
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	if said = resp.Body; !stays {
		said = io.LimitReader(resp.Body, int64(bytes))
	}
	b, _ := io.ReadAll(said)
	return string(b)
}

// slowly answers in pieces, with pauses between them, to those who stay. For those who
// leave it works on until it is stopped; overdue counts those whom nobody stopped.
func slowly(overdue *atomic.Int64) func(w http.ResponseWriter, r *http.Request, body []byte) {
	list := forms()
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		_, rest, _ := bytes.Cut(body, []byte("form-"))
		if len(rest) == 0 {
			return // cut off before it was sent whole
		}
		f := list[rest[0]-'0']
		stream := bytes.Contains(body, []byte(`"stream":true`)) && f.out != nil
		last := len(list) // of the pieces that those who leave may get
		var pieces []string
		switch {
		case stream:
			w.Header().Set("Content-Type", "text/event-stream")
			pieces, last = f.out[0].frames(long, long, "This is all, and nothing else."), 3
		case f.out == nil:
			pieces = []string{`{"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":"AACAPw=="}],"usage":{"prompt_tokens":1,"total_tokens":1}}`}
		default:
			pieces = []string{f.out[0].whole("This is all, and nothing else.")}
		}
		if !stream {
			w.Header().Set("Content-Type", "application/json")
			last = 0
		}
		for i, p := range pieces {
			if bytes.Contains(body, []byte("leaving")) && i == last {
				select {
				case <-r.Context().Done():
				case <-time.After(20 * time.Second):
					overdue.Add(1)
				}
				return
			}
			time.Sleep(500 * time.Microsecond)
			_, _ = io.WriteString(w, p)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// settle waits until no goroutine is left but those that were there.
func settle(t *testing.T, h *house, before int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		n := quiet(h)
		if n <= before {
			return
		}
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", n, before, buf[:runtime.Stack(buf, true)])
		}
	}
}

// quiet counts goroutines without those of connections that nobody uses.
func quiet(h *house) int {
	h.server.Client().CloseIdleConnections()
	h.closeIdle()
	return runtime.NumGoroutine()
}

// TestR26CancelStorm: a thousand callers in every dialect who leave at any byte leave
// nothing behind: no goroutine, no call of an upstream that goes on, no exchange
// without an outcome. Those who stay get all of their answer.
func TestR26CancelStorm(t *testing.T) {
	h := newHouse(t, houseConfig{policy: guard.Policy{Output: guard.Leaving{Hold: "sentence"}}})
	before := quiet(h)
	var overdue atomic.Int64
	h.up.does(slowly(&overdue))
	stayed, whole := storm(h, 2, 1334)
	if left := 1332 - stayed; left < 900 || stayed < 200 || whole != stayed {
		t.Errorf("%d callers left, and %d of %d who stayed got the whole answer", left, whole, stayed)
	}
	closed(t, h)
	settle(t, h, before)
	if n := overdue.Load(); n != 0 {
		t.Errorf("%d calls of the upstream went on without a caller", n)
	}
}

// closed waits until every exchange has its outcome.
func closed(t *testing.T, h *house) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); h.ledger.Status().Open != 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d exchanges stay open", h.ledger.Status().Open)
		}
	}
}
