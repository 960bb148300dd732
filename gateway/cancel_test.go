package gateway

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/guard"
)

// storm makes n calls from a few callers at once, of which most leave at some
// moment, and returns how many got a whole answer.
func storm(h *house, seed uint64, n int) (whole int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for c := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(c)))
			for range n / 4 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rnd.IntN(12_000))*time.Microsecond)
				req := h.request(http.MethodPost, "/v1/chat/completions", user("hello there", rnd.IntN(3) > 0)).WithContext(ctx)
				if resp, err := h.server.Client().Do(req); err == nil {
					if b, err := io.ReadAll(resp.Body); err == nil && strings.Contains(string(b), "nothing else") {
						mu.Lock()
						whole++
						mu.Unlock()
					}
					_ = resp.Body.Close()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	return whole
}

// slowly answers in pieces, with pauses between them.
func slowly(w http.ResponseWriter, r *http.Request, body []byte) {
	pause := func() bool {
		select {
		case <-r.Context().Done():
			return false
		case <-time.After(time.Millisecond):
			return true
		}
	}
	if !pause() {
		return
	}
	if !strings.Contains(string(body), `"stream":true`) {
		status(200, "application/json", completion("This is all there is, and nothing else."))(w, r, body)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range 5 {
		if !pause() {
			return
		}
		_, _ = io.WriteString(w, "data: "+chunk(0, fmt.Sprintf(`{"content":"Sentence %d is long enough to leave by itself. "}`, i))+"\n\n")
		_ = http.NewResponseController(w).Flush()
	}
	_, _ = io.WriteString(w, "data: "+chunk(0, `{"content":"nothing else"}`)+"\n\ndata: "+stopChunk(0, "stop")+"\n\ndata: [DONE]\n\n")
}

// settle waits until the number of goroutines is back where it was.
func settle(t *testing.T, h *house, before int) {
	t.Helper()
	h.server.Client().CloseIdleConnections()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		n := runtime.NumGoroutine()
		if n <= before {
			return
		}
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", n, before, buf[:runtime.Stack(buf, true)])
		}
	}
}

// TestCancelStorm: callers who leave at any moment leave nothing behind, and every
// one of their calls has an outcome.
func TestCancelStorm(t *testing.T) {
	h := newHouse(t, houseConfig{policy: guard.Policy{Output: guard.Leaving{Hold: "sentence"}}})
	h.up.does(slowly)
	storm(h, 1, 20) // what is kept for later calls is there now
	h.server.Client().CloseIdleConnections()
	time.Sleep(300 * time.Millisecond)
	before := runtime.NumGoroutine() + 8 // idle connections of the upstream's side
	whole := storm(h, 2, 400)
	settle(t, h, before)
	if whole == 0 || whole == 400 {
		t.Errorf("%d of 400 calls were answered whole: the storm is no storm", whole)
	}
	closed(t, h)
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
