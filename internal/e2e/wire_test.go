package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestWire: the gate speaks TLS 1.2 and later, HTTP/1.1 and 2, and nothing in
// clear.
func TestWire(t *testing.T) {
	d := deploy(t, newUpstream(t), plain)
	p := d.serve()
	for name, base := range map[string]string{"gate": p.gate, "console": p.console} {
		at := strings.TrimPrefix(base, "https://")
		if status := inClear(t, at); status != http.StatusBadRequest {
			t.Errorf("%s answers plain HTTP with %d", name, status)
		}
		for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
			if c, err := tls.Dial("tcp", at, &tls.Config{RootCAs: p.roots, MinVersion: version, MaxVersion: version}); err == nil {
				_ = c.Close()
				t.Errorf("%s speaks %s", name, tls.VersionName(version))
			}
		}
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			c, err := tls.Dial("tcp", at, &tls.Config{RootCAs: p.roots, MinVersion: version, MaxVersion: version})
			if err != nil {
				t.Errorf("%s does not speak %s: %v", name, tls.VersionName(version), err)
				continue
			}
			_ = c.Close()
		}
		if _, err := tls.Dial("tcp", at, &tls.Config{}); err == nil {
			t.Errorf("%s has a certificate that the whole world trusts", name)
		}
	}
	for _, proto := range []int{1, 2} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots}, Protocols: new(http.Protocols)}
		tr.Protocols.SetHTTP1(proto == 1)
		tr.Protocols.SetHTTP2(proto == 2)
		req, err := http.NewRequest(http.MethodPost, p.gate+"/v1/chat/completions", strings.NewReader(body("hello", true)))
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+p.key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := (&http.Client{Transport: tr}).Do(req)
		must(t, err)
		b, err := io.ReadAll(resp.Body)
		must(t, err)
		_ = resp.Body.Close()
		tr.CloseIdleConnections()
		if resp.ProtoMajor != proto || !strings.HasSuffix(string(b), "data: [DONE]\n\n") {
			t.Errorf("over HTTP/%d: %s %s", proto, resp.Proto, b)
		}
	}
}

// inClear asks without TLS and returns the status, 0 where there was no answer.
func inClear(t *testing.T, at string) int {
	t.Helper()
	c, err := net.DialTimeout("tcp", at, 5*time.Second)
	must(t, err)
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = fmt.Fprintf(c, "GET /v1/models HTTP/1.1\r\nHost: %s\r\n\r\n", at)
	must(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// TestListenersAreApart: each of the three serves its own paths and nothing of the
// others.
func TestListenersAreApart(t *testing.T) {
	d := deploy(t, newUpstream(t), plain)
	p := d.serve()
	mine := map[string][]string{
		"gate":       {"/v1/models"},
		"console":    {"/login/x", "/static/style.css"},
		"operations": {"/healthz", "/readyz", "/metrics"},
	}
	bases := map[string]string{"gate": p.gate, "console": p.console, "operations": p.operations}
	asked := 0
	for listener, base := range bases {
		for owner, paths := range mine {
			for _, path := range paths {
				asked++
				a := p.get(t, base+path)
				if own := owner == listener; own && a.status == http.StatusNotFound || !own && a.status < 400 {
					t.Errorf("%s%s gives %d", listener, path, a.status)
				}
			}
		}
	}
	if asked != 18 {
		t.Errorf("%d paths were asked for", asked)
	}
	for _, path := range []string{"/api/v1/keys", "/debug/pprof/", "/exchanges", "/", "/login"} {
		if a := p.get(t, p.gate+path); a.status < 400 {
			t.Errorf("the gate serves %s: %d", path, a.status)
		}
	}
	for _, path := range []string{"/v1/chat/completions", "/debug/pprof/", "/metrics", "/readyz"} {
		if a := p.get(t, p.console+path); a.status < 400 {
			t.Errorf("the console serves %s: %d", path, a.status)
		}
	}
	for _, path := range []string{"/api/v1/keys", "/api/v1/openapi.json", "/exchanges", "/"} {
		req, err := http.NewRequest(http.MethodGet, p.console+path, nil)
		must(t, err)
		browser := *p.client
		browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		if a, err := do(&browser, req); err != nil || a.status != http.StatusUnauthorized && a.status != http.StatusSeeOther {
			t.Errorf("the console shows %s to strangers: %d %v", path, a.status, err)
		}
	}
}

// TestR15OverTLS: requests that two readers could frame differently end their connection on
// every listener, while callers who never finish a handshake keep nobody waiting.
func TestR15OverTLS(t *testing.T) {
	d := deploy(t, newUpstream(t), plain)
	p := d.serve()
	for name, base := range map[string]string{"gate": p.gate, "console": p.console} {
		at := strings.TrimPrefix(base, "https://")
		for range 50 {
			c, err := net.DialTimeout("tcp", at, 5*time.Second)
			must(t, err)
			defer c.Close()
		}
		for kind, head := range map[string]string{
			"bare LF":   "GET / HTTP/1.1\nHost: gate\n\n",
			"CL and TE": "POST / HTTP/1.1\r\nHost: gate\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"obs-fold":  "GET / HTTP/1.1\r\nHost: gate\r\nX-A: b\r\n c\r\n\r\n",
		} {
			c, err := tls.Dial("tcp", at, &tls.Config{RootCAs: p.roots, NextProtos: []string{"http/1.1"}})
			must(t, err)
			must(t, c.SetDeadline(time.Now().Add(10*time.Second)))
			_, err = io.WriteString(c, head)
			must(t, err)
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || resp.StatusCode != http.StatusBadRequest || !resp.Close {
				t.Errorf("%s, %s: %+v, %v", name, kind, resp, err)
			}
			_ = c.Close()
		}
	}
}
