package gateway

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts exchanges. A nil Metrics counts nothing. What the red team calls is counted by
// what has canary in its name alone; of what shows a state, it is in how full the gate is.
type Metrics struct {
	exchanges *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	tokens    *prometheus.CounterVec
	cost      *prometheus.CounterVec
	faults    *prometheus.CounterVec
	omitted   *prometheus.CounterVec

	canaries     *prometheus.CounterVec
	canaryTokens *prometheus.CounterVec
	canaryCost   *prometheus.CounterVec

	gate atomic.Pointer[Gate] // whose providers and queues are shown
}

// NewMetrics registers the gate's metrics. Labels are names from configuration
// and fixed words, never anything that a caller sent.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		exchanges: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bartizan_exchanges_total", Help: "Calls of users, by system, how they ended and what was decided."},
			[]string{"system", "end", "decision", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "bartizan_exchange_seconds", Help: "From the head of a user's call to the end of its answer.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 60, 300}}, []string{"system"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bartizan_tokens_total", Help: "Tokens that providers counted of users' calls."}, []string{"system", "direction"}),
		cost:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bartizan_cost_micro_total", Help: "What users' calls cost, in millionths of the currency of prices."}, []string{"system"}),
		faults: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bartizan_faults_total", Help: "Calls of users that ended with an error of the gate's own, by its code."},
			[]string{"system", "code"}),
		omitted:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bartizan_refusals_omitted_total", Help: "Calls of users refused before anything was looked at that have no record of their own."}, []string{"system"}),
		canaries:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bartizan_canary_exchanges_total", Help: "Calls that the red team made of what is deployed, by system and how they ended. Only measures with canary in their name count these calls."}, []string{"system", "end"}),
		canaryTokens: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bartizan_canary_tokens_total", Help: "Tokens that providers counted of the red team's calls."}, []string{"system", "direction"}),
		canaryCost:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bartizan_canary_cost_micro_total", Help: "What the red team's calls cost, in millionths of the currency of prices."}, []string{"system"}),
	}
	for _, c := range []prometheus.Collector{m.exchanges, m.seconds, m.tokens, m.cost, m.faults, m.omitted, m.canaries, m.canaryTokens, m.canaryCost, state{m}} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *Metrics) observe(x *exchange) {
	if m == nil {
		return
	}
	system, end := x.principal.System, x.outcome.End
	if system == "" {
		system, end = "-", "unauthenticated"
	}
	if x.canary() {
		m.canaries.WithLabelValues(system, end).Inc()
		x.spent(system, m.canaryTokens, m.canaryCost)
		return
	}
	decision := max(x.intent.Verdict.Decision, x.outcome.Verdict.Decision)
	m.exchanges.WithLabelValues(system, end, decision.String(), strconv.Itoa(x.w.status)).Inc()
	m.seconds.WithLabelValues(system).Observe(time.Since(x.began).Seconds())
	x.spent(system, m.tokens, m.cost)
	if x.fault != nil {
		m.faults.WithLabelValues(system, x.fault.Code).Inc()
	}
}

// spent counts what a call used.
func (x *exchange) spent(system string, tokens, cost *prometheus.CounterVec) {
	if x.outcome.Input+x.outcome.Output > 0 {
		tokens.WithLabelValues(system, "input").Add(float64(x.outcome.Input))
		tokens.WithLabelValues(system, "output").Add(float64(x.outcome.Output))
	}
	if x.outcome.Cost > 0 {
		cost.WithLabelValues(system).Add(float64(x.outcome.Cost))
	}
}

// omit counts a refusal that has no record of its own.
func (m *Metrics) omit(system string) {
	if m != nil {
		m.omitted.WithLabelValues(system).Inc()
	}
}

// watch shows the state of a gate from now on.
func (m *Metrics) watch(g *Gate) {
	if m != nil {
		m.gate.Store(g)
	}
}

// state shows how providers and queues are when somebody asks.
type state struct{ m *Metrics }

var (
	placesTaken    = prometheus.NewDesc("bartizan_places_taken", "Places that open calls hold, the red team's too: four a call, one an open stream.", nil, nil)
	callsWaiting   = prometheus.NewDesc("bartizan_calls_waiting", "Calls that wait for a place, or for their turn to be judged, the red team's too.", []string{"for"}, nil)
	circuits       = prometheus.NewDesc("bartizan_upstream_circuit", "1 for the state that a provider's circuit is in, by calls of users.", []string{"provider", "state"}, nil)
	upstreamCalls  = prometheus.NewDesc("bartizan_upstream_calls_total", "Calls of users that a provider got.", []string{"provider", "result"}, nil)
	upstreamHead   = prometheus.NewDesc("bartizan_upstream_head_seconds", "Until the head of an answer, over the last calls of users.", []string{"provider", "quantile"}, nil)
	upstreamTokens = prometheus.NewDesc("bartizan_upstream_tokens_total", "Tokens of users' calls that went through a provider.", []string{"provider", "direction"}, nil)
	upstreamCost   = prometheus.NewDesc("bartizan_upstream_cost_micro_total", "What users' calls of a provider cost, in millionths.", []string{"provider"}, nil)
)

// Describe implements [prometheus.Collector].
func (state) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{placesTaken, callsWaiting, circuits, upstreamCalls, upstreamHead, upstreamTokens, upstreamCost} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (s state) Collect(out chan<- prometheus.Metric) {
	g := s.m.gate.Load()
	if g == nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	taken, waiting := g.calls.load()
	_, judging := g.judges.load()
	gauge(placesTaken, float64(taken))
	gauge(callsWaiting, float64(waiting), "place")
	gauge(callsWaiting, float64(judging), "turn")
	for _, h := range g.Health() {
		gauge(circuits, 1, h.Provider, h.State)
		counter(upstreamCalls, float64(h.Calls-h.Failures), h.Provider, "ok")
		counter(upstreamCalls, float64(h.Failures), h.Provider, "failed")
		gauge(upstreamHead, h.P50.Seconds(), h.Provider, "0.5")
		gauge(upstreamHead, h.P95.Seconds(), h.Provider, "0.95")
		counter(upstreamTokens, float64(h.Input), h.Provider, "input")
		counter(upstreamTokens, float64(h.Output), h.Provider, "output")
		counter(upstreamCost, float64(h.Cost), h.Provider)
	}
}
