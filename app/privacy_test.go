package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/record"
)

// answering is an upstream that always says the same.
func answering(t testing.TB) *httptest.Server {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"fine"},"finish_reason":"stop"}]}`)
	}))
	t.Cleanup(up.Close)
	return up
}

// called is the status and code of a call, with headers in pairs.
func called(a *App, secret string, headers ...string) (int, string) {
	r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"model":"fast","messages":[{"role":"user","content":"hi"}]}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+secret)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.gate.ServeHTTP(w, r)
	var e struct{ Error struct{ Code string } }
	_ = json.Unmarshal(w.Body.Bytes(), &e)
	return w.Code, e.Error.Code
}

// lines is a log that a test may read while others write.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestDrift: a provider whose profile changed serves nobody, over restarts too, until
// somebody approves; then it serves. That it changed is said, counted and shown.
func TestDrift(t *testing.T) {
	ctx, path, log := context.Background(), written(t), &lines{}
	change(t, path, "http://127.0.0.1:1/v1", answering(t).URL)
	a := opened(t, path, log)
	_, secret, err := a.keys.Create(ctx, "bot", "test")
	must(t, err)
	if status, code := called(a, secret); status != 200 {
		t.Fatalf("at first: %d %s", status, code)
	}
	must(t, a.Reload(ctx))
	if strings.Contains(log.String(), "profile_changed") {
		t.Error("nothing changed, and there is an alert")
	}
	change(t, path, "retention: none", "retention: 90d")
	must(t, a.Reload(ctx))
	if status, code := called(a, secret); status != 503 || code != "provider_suspended" {
		t.Errorf("changed: %d %s", status, code)
	}
	if l := log.String(); !strings.Contains(l, `"msg":"alert","event":"provider.profile_changed","provider":"up","changed":"retention"`) {
		t.Errorf("the log has no alert: %s", l)
	}
	metrics := httptest.NewRecorder()
	promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{}).ServeHTTP(metrics, httptest.NewRequest("GET", "/metrics", nil))
	if m := metrics.Body.String(); !strings.Contains(m, `bartizan_provider_suspended{provider="up"} 1`) || !strings.Contains(m, `bartizan_provider_changes_total{provider="up"} 1`) || !strings.Contains(m, `bartizan_faults_total{code="provider_suspended",system="bot"} 1`) {
		t.Error("it is not counted")
	}
	suspended := func(a *App) *desk.Provider {
		t.Helper()
		list, _, err := a.Desk().Providers(ctx, Local())
		must(t, err)
		return &list[0]
	}
	if s := suspended(a).Suspended; s == nil || len(s.Changes) != 1 || s.Changes[0].Old != "none" || s.Changes[0].New != "90d" {
		t.Errorf("the desk shows %+v", s)
	}
	// A restart forgets nothing.
	stop, cancel := context.WithTimeout(ctx, 10*time.Second)
	must(t, a.Stop(stop))
	cancel()
	a = opened(t, path, log)
	if status, code := called(a, secret); status != 503 || code != "provider_suspended" {
		t.Errorf("after a restart: %d %s", status, code)
	}
	digest := suspended(a).Suspended.Digest
	if err := a.Desk().ApproveProvider(ctx, Local(), "up", digest, ""); err == nil {
		t.Error("it was approved without a reason")
	}
	must(t, a.Desk().ApproveProvider(ctx, Local(), "up", digest, "new contract"))
	if status, code := called(a, secret); status != 200 {
		t.Errorf("approved: %d %s", status, code)
	}
	if suspended(a).Suspended != nil {
		t.Error("it is still shown as suspended")
	}
	done := 0
	for r, err := range a.ledger.Records(ctx, record.Query{Kind: "act"}) {
		must(t, err)
		if r.Act.Kind == desk.ProviderApprove && r.Act.Phase == "done" && r.Act.Reason == "new contract" && r.Act.Target == "up" && r.Act.Detail["changed"] == "retention" {
			done++
		}
	}
	if done != 1 {
		t.Errorf("%d acts are on the record", done)
	}
	// Another endpoint is another provider, as far as the contract goes; going back is a change.
	change(t, path, "retention: 90d", "retention: none")
	must(t, a.Reload(ctx))
	if status, code := called(a, secret); status != 503 || code != "provider_suspended" {
		t.Errorf("gone back: %d %s", status, code)
	}
}

// TestNothingStated: a provider of which nothing is stated gets public data, and nothing
// else.
func TestNothingStated(t *testing.T) {
	ctx, path := context.Background(), written(t)
	change(t, path, "http://127.0.0.1:1/v1", answering(t).URL)
	change(t, path, ", handling: {training: never, retention: none, ceiling: highly_confidential}", "")
	log := &lines{}
	a := opened(t, path, log)
	_, secret, err := a.keys.Create(ctx, "bot", "test")
	must(t, err)
	if status, code := called(a, secret); status != 403 || code != "label_too_high" {
		t.Errorf("%d %s", status, code)
	}
	if status, _ := called(a, secret, "Bartizan-Label", "Public"); status != 200 {
		t.Errorf("public: %d", status)
	}
	if !strings.Contains(log.String(), "does not say training, retention, ceiling") {
		t.Error("nothing was noticed")
	}
}

// TestConversationsOutliveTheProcess: the label of a conversation is known after a restart.
func TestConversationsOutliveTheProcess(t *testing.T) {
	ctx, path := context.Background(), written(t)
	change(t, path, "http://127.0.0.1:1/v1", answering(t).URL)
	change(t, path, "ceiling: highly_confidential", "ceiling: general")
	a := opened(t, path, io.Discard)
	_, secret, err := a.keys.Create(ctx, "bot", "test")
	must(t, err)
	talk := []string{"Bartizan-Conversation", "c1"}
	if status, _ := called(a, secret, talk...); status != 200 {
		t.Errorf("at first: %d", status)
	}
	if status, code := called(a, secret, append(talk, "Bartizan-Label", "Confidential")...); status != 403 || code != "label_too_high" {
		t.Errorf("%d %s", status, code)
	}
	stop, cancel := context.WithTimeout(ctx, 10*time.Second)
	must(t, a.Stop(stop))
	cancel()
	a = opened(t, path, io.Discard)
	if status, code := called(a, secret, talk...); status != 403 || code != "label_too_high" {
		t.Errorf("after a restart: %d %s", status, code)
	}
	if status, _ := called(a, secret, "Bartizan-Conversation", "c2"); status != 200 {
		t.Errorf("another conversation: %d", status)
	}
}
