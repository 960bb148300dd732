package app

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// served runs the server that every listener has around a handler that says fine.
func served(t *testing.T, edit func(*http.Server)) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.Config = newServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fine") }), slog.New(slog.DiscardHandler))
	edit(s.Config)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func dial(t *testing.T, s *httptest.Server) net.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, NextProtos: []string{"http/1.1"}})
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	must(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	return c
}

// TestR3SlowHeads: heads that come byte by byte end at their deadline, which is ten
// seconds, however many there are; others are served meanwhile.
func TestR3SlowHeads(t *testing.T) {
	s := served(t, func(c *http.Server) {
		if c.ReadHeaderTimeout != 10*time.Second {
			t.Errorf("a head may take %s", c.ReadHeaderTimeout)
		}
		c.ReadHeaderTimeout = 300 * time.Millisecond
	})
	var slow []net.Conn
	for range 100 {
		c := dial(t, s)
		go func() {
			for _, b := range []byte("GET / HTTP/1.1\r\nHost: gate\r\nX-Slow: " + strings.Repeat("a", 10_000)) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}()
		slow = append(slow, c)
	}
	for range 10 {
		resp, err := s.Client().Get(s.URL)
		must(t, err)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s", resp.Status)
		}
	}
	for _, c := range slow {
		if b, err := io.ReadAll(c); len(b) > 200 || err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%q, %v", b, err)
		}
	}
}

// TestR6HeaderFloods: a head of more than 12 kB is refused with 431, over HTTP/1.1
// and HTTP/2, and one of usual size is not.
func TestR6HeaderFloods(t *testing.T) {
	s := served(t, func(*http.Server) {})
	c := dial(t, s)
	_, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: gate\r\nX-Long: %s\r\n\r\n", strings.Repeat("a", 16<<10))
	must(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	must(t, err)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge || !resp.Close {
		t.Errorf("%s, close %v", resp.Status, resp.Close)
	}
	for size, want := range map[int]int{6 << 10: 200, 16 << 10: 431} {
		req, err := http.NewRequest(http.MethodGet, s.URL, nil)
		must(t, err)
		req.Header.Set("X-Long", strings.Repeat("a", size))
		resp, err := s.Client().Do(req)
		if err != nil {
			if want == 200 || !strings.Contains(err.Error(), "header list") && !strings.Contains(err.Error(), "GOAWAY") { // the client heard what the server takes, or that it hangs up
				t.Errorf("%d bytes: %v", size, err)
			}
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want || resp.ProtoMajor != 2 {
			t.Errorf("%d bytes: %s over %s", size, resp.Status, resp.Proto)
		}
	}
}
