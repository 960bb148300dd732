package gateway

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// failsAtAttacks answers what is harmless.
func failsAtAttacks(w http.ResponseWriter, _ *http.Request, b []byte) {
	w.Header().Set("Content-Type", "application/json")
	if strings.Contains(string(b), "attack") {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"error":{"message":"no"}}`)
		return
	}
	_, _ = io.WriteString(w, completion("hello"))
}

// TestCanariesMoveNoCircuit: a provider that fails at attacks alone stays open to users; one whose circuit
// users opened is closed to canaries too, and what they see of it neither closes the circuit nor is the probe.
func TestCanariesMoveNoCircuit(t *testing.T) {
	f := newFleet(t, 1)
	f.ups[0].does(failsAtAttacks)
	mine := f.secret
	canary, giveBack := f.keys.Lend("bot", "canaries")
	defer giveBack()
	says := func(key, text string, want int) {
		t.Helper()
		f.secret = key
		if a := f.chat(user(text, false)); a.status != want {
			t.Fatalf("%s: %d %s, want %d", text, a.status, a.body, want)
		}
	}
	for range circuitFailures {
		says(canary, "attack", http.StatusInternalServerError)
	}
	if s := f.state(0); s.State != "unknown" || s.LastError != "" || len(s.Last) > 0 || s.Calls > 0 {
		t.Errorf("after attacks that fail: %+v", s)
	}
	for range circuitFailures {
		says(mine, "hi", http.StatusOK)
	}
	for i := range circuitFailures {
		says(mine, "attack", http.StatusInternalServerError)
		if i < circuitFailures-1 {
			says(canary, "hi", http.StatusOK) // a success between them is none of a user's
		}
	}
	f.calls()
	says(canary, "hi", http.StatusServiceUnavailable)
	if f.calls() != [5]int{} {
		t.Error("an open circuit lets canaries through")
	}
	f.pass(circuitOpen)
	says(canary, "hi", http.StatusOK)
	if s := f.state(0); s.State != "half_open" {
		t.Errorf("a canary closed the circuit: %+v", s)
	}
	says(canary, "attack", http.StatusInternalServerError)
	if s := f.state(0); s.State != "half_open" {
		t.Errorf("a canary opened the circuit: %+v", s)
	}
	u := f.gate.upstreams.of(f.plan.Models["fast"][0])
	if probe, ok := u.begin(false); probe || !ok {
		t.Error("who decides nothing is the probe, or is kept away until a user comes")
	}
	if probe, ok := u.begin(true); !probe || !ok {
		t.Error("a canary took a user's place as the probe")
	}
	if _, ok := u.begin(false); ok {
		t.Error("while a user's call decides, others are let through")
	}
	u.end(true, left, "", 0)
	says(mine, "hi", http.StatusOK)
	if s := f.state(0); s.State != "closed" {
		t.Errorf("a user's call did not close the circuit: %+v", s)
	}
}

// asks is a stage that asks a system of the gate itself, as a user of it would.
type asks struct {
	h   *house
	key string
}

func (*asks) ID() string                { return "asks" }
func (*asks) Judges(risk.Category) bool { return true }
func (s *asks) Ask(ctx context.Context, _ guard.Question) (guard.Answer, error) {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/chat/completions", strings.NewReader(user("is it?", false)))
	r.Header.Set("Authorization", "Bearer "+s.key)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.h.gate.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return guard.Answer{}, fmt.Errorf("%d %s", w.Code, w.Body)
	}
	return guard.Answer{}, nil
}

// measures are all figures that the gate shows, by name and labels.
func measures(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	got, err := r.Gather()
	must(t, err)
	out := map[string]float64{}
	for _, f := range got {
		for _, m := range f.GetMetric() {
			out[f.GetName()+fmt.Sprint(m.GetLabel())] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return out
}

// TestCanariesAreInNoFigure: after answers, errors, streams that break off, refusals and calls of a second stage
// that were all the red team's, whatever is measured is as at the start, but what has canary in its name; spans
// say whose they are.
func TestCanariesAreInNoFigure(t *testing.T) {
	registry, reader, spans := prometheus.NewRegistry(), metric.NewManualReader(), tracetest.NewInMemoryExporter()
	m, err := NewMetrics(registry)
	must(t, err)
	telemetry, err := NewTelemetry(trace.NewTracerProvider(trace.WithSyncer(spans)), metric.NewMeterProvider(metric.WithReader(reader)))
	must(t, err)
	stage := &asks{}
	h := newHouse(t, houseConfig{price: aDollar(), gate: Config{Metrics: m, Telemetry: telemetry}, stages: []guard.Stage{stage}, systems: []record.System{{Name: "judge", Models: []string{"fast"}}},
		detectors: []guard.Detector{&phrase{id: "doubt@1", word: "doubtful", category: risk.Jailbreak, score: .5}},
		policy: guard.Policy{Second: guard.Second{Stage: "asks", From: .3, To: .9}, Rules: []guard.Rule{{ID: "no", Phrase: "ignore all of that", Action: "block"}},
			Thresholds: map[string]map[string]guard.Lines{"attack": {"user": {Flag: .4, Block: .95}}}}})
	plan := *h.plan
	plan.Stages = map[string]Stage{"asks": {Ceiling: privacy.HighlyConfidential}}
	h.gate.SetPlan(&plan)
	stage.h = h
	_, stage.key, err = h.keys.Create(t.Context(), "judge", "test")
	must(t, err)
	mine, before, health := h.secret, measures(t, registry), h.gate.Health()
	canary, giveBack := h.keys.Lend("bot", "canaries")
	defer giveBack()
	h.secret = canary
	round := func() {
		h.up.does(failsAtAttacks)
		for _, text := range []string{"hi", "attack", "ignore all of that", "a doubtful text"} {
			h.chat(user(text, false))
		}
		h.chat(strings.Replace(user("hi", false), "fast", "none", 1))
		h.up.streams(chunk(0, `{"content":"It is "}`)) // and no end
		h.chat(user("hi", true))
	}
	round()
	after := measures(t, registry)
	for name, want := range map[string]float64{"bartizan_canary_tokens_total": 1, "bartizan_canary_cost_micro_total": 1, "bartizan_canary_exchanges_total": 7} {
		sum := 0.
		for k, v := range after {
			if strings.HasPrefix(k, name) {
				sum += v
			}
		}
		if sum < want {
			t.Errorf("%s is %v", name, sum)
		}
	}
	maps.DeleteFunc(after, func(k string, _ float64) bool { return strings.HasPrefix(k, "bartizan_canary_") })
	if !maps.Equal(before, after) {
		t.Errorf("measures were\n%v, and are\n%v", before, after)
	}
	if now := h.gate.Health(); !reflect.DeepEqual(now, health) {
		t.Errorf("providers were %+v, and are %+v", health, now)
	}
	var data metricdata.ResourceMetrics
	must(t, reader.Collect(t.Context(), &data))
	if len(data.ScopeMetrics) > 0 {
		t.Errorf("%+v", data.ScopeMetrics)
	}
	for _, s := range spans.GetSpans() {
		if a := attributes(s); a["bartizan.canary"] != "true" || a["bartizan.synthetic"] != "true" {
			t.Errorf("span %s has %v", s.Name, a)
		}
	}
	for r, err := range h.ledger.Records(t.Context(), record.Query{Kind: "exchange", Users: true}) {
		must(t, err)
		t.Errorf("on record as a user's is %+v", r.Intent.Principal)
	}
	spans.Reset()
	h.secret = mine // what a user does is in all of them
	round()
	users := measures(t, registry)
	for _, name := range []string{"bartizan_exchanges_total", "bartizan_tokens_total", "bartizan_cost_micro_total", "bartizan_faults_total", "bartizan_upstream_calls_total", "bartizan_upstream_tokens_total", "bartizan_upstream_cost_micro_total"} {
		sum := 0.
		for k, v := range users {
			if strings.HasPrefix(k, name) {
				sum += v
			}
		}
		if sum == 0 {
			t.Errorf("%s counts no user", name)
		}
	}
	for _, s := range spans.GetSpans() {
		if a := attributes(s); a["bartizan.canary"] != "" {
			t.Errorf("span %s of a user has %v", s.Name, a)
		}
	}
}

// TestRefusedCanariesCrowdNobody: canaries for which there is no place are no refusals of users, whether they are
// on record or only counted.
func TestRefusedCanariesCrowdNobody(t *testing.T) {
	registry := prometheus.NewRegistry()
	m, err := NewMetrics(registry)
	must(t, err)
	h := newHouse(t, houseConfig{gate: Config{Metrics: m, Places: weightCall, Wait: time.Millisecond}})
	at := time.Now()
	h.gate.tally.now = func() time.Time { return at }
	place, err := h.gate.calls.enter(t.Context(), "bot", weightCall)
	must(t, err)
	defer place.leave()
	mine := h.secret
	canary, giveBack := h.keys.Lend("bot", "canaries")
	defer giveBack()
	h.secret = canary
	for range recorded + 5 {
		if a := h.chat(user("hi", false)); a.status != http.StatusServiceUnavailable {
			t.Fatal(a.status, a.body)
		}
	}
	for k, v := range measures(t, registry) {
		if strings.HasPrefix(k, "bartizan_refusals_omitted_total") && v > 0 {
			t.Errorf("%s is %v", k, v)
		}
	}
	h.secret = mine
	if a := h.chat(user("hi", false)); a.header.Get("Bartizan-Receipt") == "" || h.record(a).Outcome.Omitted != 0 {
		t.Errorf("a user's refusal has no record of its own, or stands for canaries: %v", a.header)
	}
}
