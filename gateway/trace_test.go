package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// observed is a gate whose traces and measures a test can read.
func observed(t *testing.T) (*house, *tracetest.InMemoryExporter, *metric.ManualReader) {
	t.Helper()
	spans, reader := tracetest.NewInMemoryExporter(), metric.NewManualReader()
	telemetry, err := NewTelemetry(trace.NewTracerProvider(trace.WithSyncer(spans)), metric.NewMeterProvider(metric.WithReader(reader)))
	must(t, err)
	return newHouse(t, houseConfig{policy: policies["block"], gate: Config{Telemetry: telemetry}}), spans, reader
}

func attributes(s tracetest.SpanStub) map[string]string {
	out := map[string]string{}
	for _, a := range s.Attributes {
		out[string(a.Key)] = a.Value.String()
	}
	return out
}

// TestTraces: one span of the exchange with its steps, one of the upstream's call, under
// the names of the conventions; the caller's trace goes on to the provider.
func TestTraces(t *testing.T) {
	h, spans, reader := observed(t)
	const canary = "zebra-canary"
	for _, c := range []struct{ form, provider string }{{"chat", "openai"}, {"Messages", "anthropic"}, {"Responses", "openai"}, {"Azure", "azure.ai.openai"}} {
		spans.Reset()
		f := formNamed(t, c.form)
		h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
			time.Sleep(3 * time.Millisecond) // steps of microseconds have no span of their own
			sends(strings.Join(f.out[0].frames(canary, " and more. "), ""))(w, r, b)
		})
		req := h.request(http.MethodPost, f.path, f.in[0].body(canary, true))
		req.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		if got := h.do(req); got.status != 200 {
			t.Fatalf("%s: %d %s", c.form, got.status, got.body)
		}
		h.up.mu.Lock()
		parent := h.up.heads[0].Get("Traceparent")
		h.up.mu.Unlock()
		h.up.received()
		var root, client tracetest.SpanStub
		var steps []string
		for _, s := range spans.GetSpans() {
			if s.SpanContext.TraceID().String() != "0af7651916cd43dd8448eb211c80319c" || strings.Contains(fmt.Sprint(s), canary) {
				t.Errorf("%s: span %+v", c.form, s)
			}
			switch s.SpanKind.String() {
			case "server":
				root = s
			case "client":
				client = s
			default:
				steps = append(steps, s.Name)
			}
		}
		if root.Name != "chat fast" || root.Parent.SpanID().String() != "b7ad6b7169203331" || !strings.Contains(parent, client.SpanContext.SpanID().String()) {
			t.Errorf("%s: root %q below %v, the upstream saw %s", c.form, root.Name, root.Parent.SpanID(), parent)
		}
		for _, step := range []string{"upstream"} {
			if !slices.Contains(steps, step) {
				t.Errorf("%s: no span of the step %s in %v", c.form, step, steps)
			}
		}
		for name, want := range map[string]string{"gen_ai.operation.name": "chat", "gen_ai.provider.name": c.provider, "gen_ai.request.model": "fast", "gen_ai.request.stream": "true",
			"bartizan.system": "bot", "bartizan.end": "answered", "bartizan.decision": "allow", "http.response.status_code": "200"} {
			if got := attributes(root)[name]; got != want {
				t.Errorf("%s: %s is %q, want %q", c.form, name, got, want)
			}
		}
		if a := attributes(client); a["gen_ai.request.model"] != "m-1" || a["bartizan.provider"] != "up" {
			t.Errorf("%s: client span %v", c.form, a)
		}
	}
	var data metricdata.ResourceMetrics
	must(t, reader.Collect(context.Background(), &data))
	seen := map[string]int{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Histogram[float64]:
				seen[m.Name] = len(d.DataPoints)
			case metricdata.Histogram[int64]:
				seen[m.Name] = len(d.DataPoints)
			}
		}
	}
	// A point for each provider; tokens have two, in and out.
	for name, want := range map[string]int{"gen_ai.client.operation.duration": 3, "gen_ai.client.operation.time_to_first_chunk": 3, "gen_ai.client.token.usage": 6} {
		if seen[name] != want {
			t.Errorf("%s has %d points, want %d: %v", name, seen[name], want, seen)
		}
	}
}

// TestTracesOfErrors: what was refused or failed says so, and never what was said.
func TestTracesOfErrors(t *testing.T) {
	h, spans, _ := observed(t)
	if got := h.chat(user("tell me of "+forbidden, false)); got.status != 400 {
		t.Fatal(got.status)
	}
	root := spans.GetSpans()[len(spans.GetSpans())-1]
	if a := attributes(root); a["bartizan.decision"] != "block" || a["error.type"] != "content_filter" || root.Status.Code == codes.Error {
		t.Errorf("a block is no error of the gate: %v %v", a, root.Status)
	}
	spans.Reset()
	h.up.does(status(http.StatusBadGateway, "text/html", "<html>"))
	h.chat(user("hi", false))
	failed := 0
	for _, s := range spans.GetSpans() {
		if s.Status.Code == codes.Error {
			failed++
		}
	}
	if failed != 2 {
		t.Errorf("%d spans say that it failed, want the exchange and the upstream", failed)
	}
	spans.Reset()
	h.chat(strings.Replace(user("hi", false), "fast", "zebra-canary", 1))
	if s := fmt.Sprint(spans.GetSpans()); strings.Contains(s, "zebra") || strings.Contains(s, h.secret) {
		t.Errorf("a name that nobody declared is in %s", s)
	}
}
