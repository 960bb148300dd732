package app

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/record"
)

// TestBudgetsOfAFile: what a file says of budgets and prices is what holds, and
// a reload changes both.
func TestBudgetsOfAFile(t *testing.T) {
	ctx, path := context.Background(), written(t)
	change(t, path, "models: [fast]}", "models: [fast], budget: {money: 12.5/month, requests: 3/day, parallel: 2, per_key: {tokens: 1.5k/hour}, per_person: {requests: 9/minute}}}")
	change(t, path, "{try: [up]}", "{try: [up], price: {input: 0.25, output: 2}}")
	a := opened(t, path, io.Discard)
	got := budgets(a.file.Load())
	want := access.Budget{System: access.Limits{Money: access.Rate{Amount: 12_500_000, Per: access.Month}, Requests: access.Rate{Amount: 3, Per: access.Day}, Parallel: 2},
		Key: access.Limits{Tokens: access.Rate{Amount: 1500, Per: access.Hour}}, Person: access.Limits{Requests: access.Rate{Amount: 9, Per: access.Minute}}}
	if len(got) != 1 || got["bot"] != want {
		t.Errorf("%+v", got)
	}
	if p := a.plan.Load().Prices["fast"]; p == nil || *p != (access.Price{Input: 250_000, CachedInput: 250_000, Output: 2_000_000}) {
		t.Errorf("%+v", p)
	}
	enter := func() error {
		c, err := a.budgets.Enter(ctx, record.Principal{Kind: "key", ID: "k", System: "bot"})
		if err == nil {
			c.Close()
		}
		return err
	}
	for i := range 4 {
		if err := enter(); (err != nil) != (i == 3) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	change(t, path, "requests: 3/day", "requests: 3/minute")
	must(t, a.Reload(ctx))
	if err := enter(); err != nil {
		t.Errorf("after the reload: %v", err)
	}
}

// TestReadyKnowsUpstreams: a replica whose providers have all failed is not ready.
func TestReadyKnowsUpstreams(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"error":{"message":"no"}}`)
	}))
	defer up.Close()
	path := written(t)
	change(t, path, "http://127.0.0.1:1", up.URL)
	a := opened(t, path, io.Discard)
	at, err := a.Start(context.Background())
	must(t, err)
	defer http.DefaultClient.CloseIdleConnections()
	_, secret, err := a.keys.Create(context.Background(), "bot", "test")
	must(t, err)
	for range 5 {
		if status, body := get(t, at.Operations+"/readyz"); status != http.StatusOK {
			t.Errorf("%d %s", status, body)
		}
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"model":"fast","messages":[{"role":"user","content":"hi"}]}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+secret)
		w := httptest.NewRecorder()
		a.gate.ServeHTTP(w, r)
		if w.Code != http.StatusInternalServerError {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if status, body := get(t, at.Operations+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, `"upstreams":"all circuits open"`) {
		t.Errorf("%d %s", status, body)
	}
	change(t, path, "purpose: p", "purpose: q")
	must(t, a.Reload(context.Background())) // which changes nothing of the provider
	if _, body := get(t, at.Operations+"/readyz"); !strings.Contains(body, "all circuits open") {
		t.Errorf("a reload forgot: %s", body)
	}
	_, metrics := get(t, at.Operations+"/metrics")
	for _, want := range []string{`bartizan_upstream_circuit{provider="up",state="open"} 1`, `bartizan_upstream_calls_total{provider="up",result="failed"} 5`, "bartizan_places_taken 0"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics do not say %s", want)
		}
	}
}
