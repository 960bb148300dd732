package app

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/desk"
)

// TestWatch: what the desk shows is what the configuration says and the gate saw,
// and a provider that was never called is there too.
func TestWatch(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"error":{"message":"no"}}`)
	}))
	defer up.Close()
	ctx, path := context.Background(), written(t)
	change(t, path, `url: "http://127.0.0.1:1/v1", private: true, handling: {training: never, retention: none, ceiling: highly_confidential}}`, `url: "`+up.URL+`", private: true, handling: {training: never, retention: 30d, region: eu, ceiling: general}}, idle: {dialect: anthropic, url: "http://127.0.0.1:1", private: true}, spare: {dialect: openai, url: "http://127.0.0.1:1/v1", private: true, handling: {training: never, retention: none, ceiling: highly_confidential}}`)
	change(t, path, "{try: [up]}", "{try: [up/small, idle, spare]}, slow: {try: [up]}")
	change(t, path, "models: [fast]}", "models: [fast], budget: {requests: 6/month, money: 2.5/day}}")
	change(t, path, "slow: {try: [up]}", "slow: {try: [up], price: {input: 1, output: 1}}")
	change(t, path, "[up/small, idle, spare]}", "[up/small, idle, spare], price: {input: 1, output: 1}}")
	a := opened(t, path, io.Discard)
	_, secret, err := a.keys.Create(ctx, "bot", "test")
	must(t, err)
	for range 5 {
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"model":"fast","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+secret)
		a.gate.ServeHTTP(httptest.NewRecorder(), r)
	}
	must(t, a.budgets.Flush(ctx))
	list, whole, err := a.Desk().Providers(ctx, Local())
	must(t, err)
	if len(list) != 3 || !whole {
		t.Fatalf("%+v, whole %v", list, whole)
	}
	idle, spare, failing := list[0], list[1], list[2]
	if failing.Name != "up" || failing.State != "open" || failing.Opens <= 0 || failing.Calls != 5 || failing.Failures != 5 || len(failing.Failed) != 5 || failing.Failed[0].Class != "status 503" ||
		!reflect.DeepEqual(failing.Handling, desk.Handling{Training: "never", Retention: "30d", Region: "eu", Ceiling: "general"}) {
		t.Errorf("%+v", failing)
	}
	if len(failing.Uses) != 2 || failing.Uses[0] != (desk.Use{Model: "fast", As: "small", Place: 1, Of: 2}) || failing.Uses[1] != (desk.Use{Model: "slow", As: "slow", Place: 1, Of: 1}) {
		t.Errorf("%+v", failing.Uses)
	}
	if idle.State != "unknown" || idle.Dialect != "anthropic" || len(idle.Uses) != 1 || idle.Uses[0] != (desk.Use{Model: "fast", As: "fast", Place: 1, Of: 1}) || spare.State != "open" || spare.Failed[0].Class != "unreachable" || len(spare.Uses) != 1 || spare.Uses[0].Place != 2 {
		t.Errorf("%+v %+v", idle, spare)
	}
	s, err := a.Desk().Spending(ctx, Local(), "bot")
	must(t, err)
	if len(s.Allowances) != 2 || s.Allowances[0].Counts != "requests" || s.Allowances[0].Limit != 6 || s.Allowances[0].Left() != 1 || s.Allowances[0].Ends.IsZero() ||
		s.Allowances[1].Limit != 2_500_000 || s.Allowances[1].Per != "day" {
		t.Errorf("%+v", s.Allowances)
	}
	traffic, err := a.Desk().Traffic(ctx, Local(), "hour")
	must(t, err)
	if traffic.Total.Calls != 5 || traffic.Total.Failed != 5 || len(traffic.Systems) != 1 || traffic.Systems[0].Team != "t" {
		t.Errorf("%+v", traffic.Total)
	}
	places, err := a.Desk().Conformance(Local())
	if err != nil || len(places) < 50 || len(places[0].Cells) != 8 || places[0].Cells[0].Result == "" {
		t.Errorf("%d places: %v", len(places), err)
	}
}

// BenchmarkPages makes the pages of a seeded demo, as somebody at a browser asks for
// them.
func BenchmarkPages(b *testing.B) {
	ctx := context.Background()
	d, err := Demo(ctx, DemoConfig{Data: b.TempDir(), Gate: "127.0.0.1:0", Console: "127.0.0.1:0", Seed: true})
	must(b, err)
	b.Cleanup(func() { must(b, d.App.Stop(ctx)) })
	pages, err := d.App.consoleHandler(&d.At)
	must(b, err)
	link, err := d.App.sessions.Link(ctx, "ada", []string{"reader"}, nil)
	must(b, err)
	cookie, _, err := d.App.sessions.Redeem(ctx, link)
	must(b, err)
	for _, path := range []string{"/traffic?range=month", "/traffic", "/providers", "/conformance", "/exchanges"} {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				r, w := httptest.NewRequest(http.MethodGet, path, nil), httptest.NewRecorder()
				r.AddCookie(cookie)
				if pages.ServeHTTP(w, r); w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
				b.ReportMetric(float64(w.Body.Len()), "bytes")
			}
		})
	}
}
