package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// flood is one HTTP/2 connection without manners.
type flood struct {
	*http2.Framer
	conn  net.Conn
	ended chan struct{} // closed when the server has hung up
}

// flooding opens a connection. Whether what the server says is read is the caller's choice.
func flooding(t testing.TB, s *httptest.Server, reads bool) *flood {
	t.Helper()
	c, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if c.ConnectionState().NegotiatedProtocol != "h2" {
		t.Fatal("the server does not speak HTTP/2")
	}
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	f := &flood{Framer: http2.NewFramer(c, c), conn: c, ended: make(chan struct{})}
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	if reads {
		go func() {
			defer close(f.ended)
			_, _ = io.Copy(io.Discard, c)
		}()
	}
	return f
}

// head is the header block of a GET.
func head(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, f := range []hpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"}, {Name: ":path", Value: "/"}, {Name: ":authority", Value: "gate"}} {
		if err := e.WriteField(f); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// until calls say until the server hangs up, n times at most, and returns how often.
func (f *flood) until(n int, say func(i int) error) (said int, cut bool) {
	for i := range n {
		if err := say(i); err != nil {
			return i, true
		}
	}
	return n, false
}

// reset opens a stream and resets it at once.
func (f *flood) reset(block []byte, i int) error {
	id := uint32(2*i + 1)
	if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndStream: true, EndHeaders: true}); err != nil {
		return err
	}
	return f.WriteRSTStream(id, http2.ErrCodeCancel)
}

// hungUp waits until the server has.
func (f *flood) hungUp(t *testing.T, frames int) {
	t.Helper()
	select {
	case <-f.ended:
	case <-time.After(20 * time.Second):
		t.Fatalf("after %d frames the connection is open", frames)
	}
}

// TestR18RapidReset: a connection that opens streams faster than they are served, and
// resets them at once, is closed; few are served before.
func TestR18RapidReset(t *testing.T) {
	var begun, open, most atomic.Int64
	release := make(chan struct{})
	s := served(t, func(c *http.Server) {
		c.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			begun.Add(1)
			n := open.Add(1)
			defer open.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			<-release // deaf to the reset
		})
	})
	defer close(release)
	f := flooding(t, s, true)
	n, _ := f.until(200_000, func(i int) error { return f.reset(head(t), i) })
	f.hungUp(t, n)
	if begun.Load() > 200 || most.Load() > 100 {
		t.Errorf("%d handlers were begun, %d at once", begun.Load(), most.Load())
	}
}

// TestR18PatientResets: one that resets each stream as soon as it is served, so that none
// gather, is closed too, and not before an honest one could be taken for it.
func TestR18PatientResets(t *testing.T) {
	var begun atomic.Int64
	s := served(t, func(c *http.Server) {
		c.Handler = countResets(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			begun.Add(1)
			<-r.Context().Done()
		}))
	})
	f := flooding(t, s, true)
	block := head(t)
	n, _ := f.until(4*maxResets, func(i int) error {
		err := f.reset(block, i)
		for err == nil && begun.Load() <= int64(i) { // until it is served
			select {
			case <-f.ended:
				return io.EOF
			case <-time.After(50 * time.Microsecond):
			}
		}
		return err
	})
	f.hungUp(t, n)
	if n := begun.Load(); n < maxResets || n > maxResets+200 {
		t.Errorf("%d streams were served", n)
	}
}

// TestR18ManyCallersOnOneConnection: what a proxy does, whose callers leave now and then, is
// no flood.
func TestR18ManyCallersOnOneConnection(t *testing.T) {
	of := &resets{}
	done := t.Context()
	gone, cancel := context.WithCancel(done)
	cancel()
	for range 5000 {
		of.count(done)
		of.count(gone)
	}
	if n := of.n.Load(); n > 1 {
		t.Errorf("%d", n)
	}
}

// TestR18Continuations: a head that goes on and on in CONTINUATION frames ends its connection
// soon after the limit of heads.
func TestR18Continuations(t *testing.T) {
	var begun atomic.Int64
	s := served(t, func(c *http.Server) {
		c.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { begun.Add(1) })
	})
	f := flooding(t, s, true)
	var b bytes.Buffer
	if err := hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: "x-long", Value: strings.Repeat("a", 4000), Sensitive: true}); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head(t)}); err != nil {
		t.Fatal(err)
	}
	n, _ := f.until(100_000, func(int) error { return f.WriteContinuation(1, false, b.Bytes()) })
	f.hungUp(t, n)
	if n > 5000 || begun.Load() != 0 {
		t.Errorf("%d frames of 4 kB were taken, %d handlers were begun", n, begun.Load())
	}
}

// TestR18ControlFloods: PING without end, by somebody who does not read what is said to
// them, ends the connection. SETTINGS does not, but nothing gathers: a server owes one
// answer at most, and others are served meanwhile.
func TestR18ControlFloods(t *testing.T) {
	s := served(t, func(*http.Server) {})
	ping := bytes.Repeat([]byte{0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}, 1000)
	f := flooding(t, s, false)
	n, cut := f.until(10_000, func(int) error {
		_, err := f.conn.Write(ping)
		return err
	})
	if !cut {
		t.Errorf("PING: %d thousand frames were taken", n)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	settings := bytes.Repeat([]byte{0, 0, 0, 4, 0, 0, 0, 0, 0}, 1000)
	f = flooding(t, s, false)
	for range 1000 {
		if _, err := f.conn.Write(settings); err != nil {
			break // better still
		}
	}
	resp, err := s.Client().Get(s.URL)
	must(t, err)
	_ = resp.Body.Close()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); resp.StatusCode != http.StatusOK || grown > 8<<20 {
		t.Errorf("SETTINGS: another caller gets %s, the heap grew by %d kB", resp.Status, grown>>10)
	}
}

// BenchmarkR18Settings is what a SETTINGS frame costs the server whose answers are read: at
// 10,000 a second, a hundredth of a second for each microsecond. Client and server share
// the processors here.
func BenchmarkR18Settings(b *testing.B) {
	s := httptest.NewUnstartedServer(nil)
	s.Config = newServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	f := flooding(b, s, true)
	for b.Loop() {
		if err := f.WriteSettings(); err != nil {
			b.Fatal(err)
		}
	}
}
