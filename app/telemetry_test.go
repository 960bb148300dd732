package app

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestTelemetryArrives: a collector gets, before the stop has ended, what the gate did,
// with its own credential; a caller's credential and text are not in it.
func TestTelemetryArrives(t *testing.T) {
	var mu sync.Mutex
	got := map[string][]byte{}
	keys := map[string]bool{}
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		keys[r.Header.Get("Authorization")+" "+r.Header.Get("Content-Type")] = true
		got[r.URL.Path] = append(got[r.URL.Path], b...)
	}))
	defer collector.Close()
	path := written(t)
	key := filepath.Join(filepath.Dir(path), "key")
	must(t, os.WriteFile(key, []byte("collector-"+"canary\n"), 0o600))
	change(t, path, "version: 1\n", "version: 1\ntelemetry: {otlp: \""+collector.URL+"\", private: true, key: {file: "+key+"}}\n")
	a := opened(t, path, io.Discard)
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/v1/messages", strings.NewReader(`{"model":"zebra-canary"}`))
	r.RequestURI, r.URL.Host = "", ""
	r.Header.Set("Authorization", "Bearer caller-"+"canary")
	a.gate.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	must(t, a.Stop(ctx))
	mu.Lock()
	defer mu.Unlock()
	if b := got["/v1/traces"]; !bytes.Contains(b, []byte("bartizan.exchange")) || !bytes.Contains(b, []byte("gen_ai.operation.name")) || bytes.Contains(b, []byte("zebra")) || bytes.Contains(b, []byte("canary")) {
		t.Errorf("traces: %d bytes, %q", len(b), b)
	}
	if len(keys) != 1 || !keys["Bearer collector-"+"canary application/x-protobuf"] {
		t.Errorf("keys %v", keys)
	}
}
