package gateway

import (
	"errors"
	"hash"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/record"
)

// errWrite means that the caller does not take what is written.
var errWrite = errors.New("gateway: the caller does not read")

// writer answers the caller. On a stream it gives signs of life while nothing
// else is said; the status is held back until there is something to say, or until
// the first sign of life.
type writer struct {
	http.ResponseWriter
	limit time.Duration // for one write
	every time.Duration
	sum   hash.Hash // of what was written, comments aside

	mu       sync.Mutex
	timer    *time.Timer
	status   int
	n        int64
	deadline time.Time
	buf      []byte // what is to be written next
	err      error
	stopped  bool
}

func newWriter(w http.ResponseWriter, limit, every time.Duration, sum hash.Hash) *writer {
	return &writer{ResponseWriter: w, limit: limit, every: every, sum: sum}
}

// live begins to give signs of life.
func (w *writer) live() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(w.every, w.beat)
}

// stop ends them.
func (w *writer) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// beat writes a comment, which every SDK passes over, between two events.
func (w *writer) beat() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped || w.err != nil {
		return
	}
	if w.open(nil); len(w.buf) == 0 {
		_ = w.write([]byte(": keep-alive\n\n"), false)
	}
	w.timer.Reset(w.every)
}

// opened reports whether the status has left.
func (w *writer) opened() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status != 0
}

// openStream sends the head of a stream, once.
func (w *writer) openStream(h http.Header) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open(h)
}

func (w *writer) open(h http.Header) {
	if w.status != 0 {
		return
	}
	merge(w.Header(), h)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	identify(w.Header())
	w.status = http.StatusOK
	w.WriteHeader(http.StatusOK)
}

// maxTogether bounds the events that leave in one piece, in bytes.
const maxTogether = 32 << 10

// event writes one event of a stream. Events of which more are there already leave
// together with those: each piece costs a system call and a TLS record.
func (w *writer) event(name string, data []byte, more bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = dialect.AppendEvent(w.buf, name, data)
	if more && len(w.buf) < maxTogether {
		return w.err
	}
	return w.flush()
}

// end writes the frames that end a stream. Nothing follows them, no sign of life either.
func (w *writer) end(b []byte) {
	w.stop()
	w.frame(b)
}

// frame writes what is framed already.
func (w *writer) frame(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = append(w.buf, b...)
	_ = w.flush()
}

func (w *writer) flush() error {
	if len(w.buf) == 0 {
		return w.err
	}
	err := w.write(w.buf, true)
	if w.buf = w.buf[:0]; cap(w.buf) > maxTogether {
		w.buf = nil // an event of a megabyte is no reason to keep one
	}
	return err
}

// answered is the digest of all that was written, and of one more event that is
// about to be.
func (w *writer) answered(name string, data []byte) record.Digest {
	return w.answeredWith(dialect.AppendEvent(nil, name, data))
}

// answeredWith is the digest of all that was written, and of frames that are about
// to be.
func (w *writer) answeredWith(frames []byte) record.Digest {
	w.mu.Lock()
	defer w.mu.Unlock()
	frames = append(w.buf[:len(w.buf):len(w.buf)], frames...)
	d := record.Digest{Bytes: w.n + int64(len(frames))}
	copy(d.SHA256[:], sumWith(w.sum, frames))
	return d
}

// sumWith returns the sum of what h has seen and b, and leaves h as it was.
func sumWith(h hash.Hash, b []byte) []byte {
	c, err := h.(hash.Cloner).Clone()
	if err != nil {
		return nil
	}
	c.Write(b)
	return c.Sum(nil)
}

func (w *writer) write(b []byte, counts bool) error {
	if w.err != nil {
		return w.err
	}
	rc := http.NewResponseController(w.ResponseWriter)
	if now := time.Now(); w.deadline.Sub(now) < w.limit/2 {
		w.deadline = now.Add(w.limit)
		_ = rc.SetWriteDeadline(w.deadline)
	}
	n, err := w.ResponseWriter.Write(b)
	if counts {
		w.sum.Write(b[:n])
		w.n += int64(n)
	}
	if err == nil {
		err = rc.Flush()
	}
	if err != nil {
		w.err = errWrite
		return w.err
	}
	if w.timer != nil && counts {
		w.timer.Reset(w.every)
	}
	return nil
}

// reply writes a whole answer. Once a sign of life has opened the status, it can
// only be said as a frame, which the caller's SDK reads as an error.
func (w *writer) reply(status int, h http.Header, body []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status != 0 {
		w.buf = dialect.AppendEvent(w.buf, "", body)
		_ = w.flush()
		return
	}
	merge(w.Header(), h)
	if w.Header().Get("Content-Type") != "text/event-stream" {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	identify(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	w.status = status
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.limit))
	w.WriteHeader(status)
	n, _ := w.ResponseWriter.Write(body)
	w.n += int64(n)
}

// identify gives SDKs a request id under both names that they know, where the provider
// gave none: people quote it when they ask for help.
func identify(h http.Header) {
	for _, name := range []string{"X-Request-Id", "Request-Id"} {
		if h.Get(name) == "" && h.Get("Bartizan-Exchange") != "" {
			h.Set(name, h.Get("Bartizan-Exchange"))
		}
	}
}

// merge adds headers that the gate has not set itself.
func merge(dst, src http.Header) {
	for k, v := range src {
		if _, ours := dst[k]; !ours {
			dst[k] = v
		}
	}
}
