package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bartizan-ai/bartizan/gateway"
)

// operations serves probes and metrics.
func (a *App) operations() http.Handler {
	// Registered here: a process that only runs a command has no use for them.
	_ = a.registry.Register(collectors.NewGoCollector())
	_ = a.registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	_ = a.registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bartizan_ledger_size", Help: "Leaves in the log."},
		func() float64 { return float64(a.ledger.Status().Size) }))
	_ = a.registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bartizan_ledger_open", Help: "Exchanges without an outcome."},
		func() float64 { return float64(a.ledger.Status().Open) }))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	mux.HandleFunc("GET /readyz", a.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{}))
	// Profiles show code and no data; this listener is private.
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// ready says whether calls can be served, and what stands in the way.
func (a *App) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	parts := map[string]string{"store": "ok", "ledger": a.ledger.Status().State, "upstreams": upstreams(a.gate.Health())}
	if _, err := a.store.Version(ctx, "access.keys"); err != nil {
		parts["store"] = "cannot be reached"
	}
	if len(a.plan.Load().Models) == 0 {
		parts["upstreams"] = "none is declared"
	}
	status := http.StatusOK
	for _, p := range parts {
		if p != "ok" && p != "declared" {
			status = http.StatusServiceUnavailable
		}
	}
	answer(w, status, parts)
}

// upstreams says how providers do. A probe calls none of them: before the first
// call, that they are declared is all that is known.
func upstreams(all []gateway.Health) string {
	open, known := 0, 0
	for _, h := range all {
		if h.State == "open" {
			open++
		}
		if h.State != "unknown" {
			known++
		}
	}
	switch {
	case known == 0:
		return "declared"
	case open == len(all):
		return "all circuits open"
	}
	return "ok"
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
