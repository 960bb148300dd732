package gateway

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestHangUpsAreErrors: what net/http refuses before any handler sees it is an error that
// SDKs read, on a connection that closes; nothing of the caller's is in it.
func TestHangUpsAreErrors(t *testing.T) {
	h := plainHouse(t)
	const head = "POST /v1/chat/completions HTTP/1.1\r\nHost: gate\r\nX-Canary: zebra-canary\r\n"
	certified := httptest.NewTLSServer(nil)
	certified.Close()
	for _, config := range []*tls.Config{nil, {Certificates: certified.TLS.Certificates}} {
		server := httptest.NewUnstartedServer(h.gate)
		server.Listener, server.Config.MaxHeaderBytes = Listen(server.Listener, config), 8<<10
		server.Start()
		defer server.Close()
		for name, c := range map[string]struct {
			text   string
			status int
			code   string
		}{
			"framed twice": {head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "malformed_request"},
			"no host":      {"GET /v1/models HTTP/1.1\r\nX-Canary: zebra-canary\r\n\r\n", 400, "malformed_request"},
			"two hosts":    {head + "Host: zebra-canary\r\n\r\n", 400, "malformed_request"},
			"no HTTP":      {"zebra-canary\r\n\r\n", 400, "malformed_request"},
			"a long head":  {head + "X-Long: " + strings.Repeat("zebra-canary", 1100) + "\r\n\r\n", 431, "headers_too_large"},
		} {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			must(t, err)
			if config != nil {
				conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			}
			must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
			_, _ = io.WriteString(conn, c.text) // it may hang up before it has all
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			must(t, err)
			b, err := io.ReadAll(resp.Body)
			must(t, err)
			_ = conn.Close()
			got := answered{resp.StatusCode, resp.Header, string(b), nil}
			if got.status != c.status || got.code() != c.code || !json.Valid(b) || !resp.Close || got.header.Get("Content-Type") != "application/json" ||
				got.header.Get("X-Should-Retry") != "false" || strings.Contains(got.body, "zebra") {
				t.Errorf("%s, TLS %v: %d %v %s", name, config != nil, got.status, got.header, got.body)
			}
		}
	}
}

// TestHangUpsAreToldApart: nothing but a refusal of net/http's own is said otherwise.
func TestHangUpsAreToldApart(t *testing.T) {
	const own = "HTTP/1.1 400 Bad Request" + bareHead + "400 Bad Request"
	if said, ok := hangup([]byte(own)); !ok || !strings.HasPrefix(string(said), "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n") {
		t.Errorf("%v %s", ok, said)
	}
	for name, text := range map[string]string{
		"nothing":         "",
		"a handler's":     "HTTP/1.1 400 Bad Request\r\nDate: today\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nno",
		"go on":           "HTTP/1.1 100 Continue\r\n\r\n",
		"good news":       "HTTP/1.1 200 OK" + bareHead + "fine",
		"inside a text":   "data: " + own,
		"a longer answer": own + strings.Repeat(" ", maxBare),
		"no status":       "HTTP/1.1 Bad Request" + bareHead,
	} {
		if said, ok := hangup([]byte(text)); ok {
			t.Errorf("%s: %s", name, said)
		}
	}
}
