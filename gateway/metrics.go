package gateway

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts exchanges. A nil Metrics counts nothing.
type Metrics struct {
	exchanges *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	tokens    *prometheus.CounterVec
}

// NewMetrics registers the gate's metrics. Labels are names from configuration
// and fixed words, never anything that a caller sent.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		exchanges: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bartizan_exchanges_total", Help: "Calls, by system, how they ended and what was decided."},
			[]string{"system", "end", "decision", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "bartizan_exchange_seconds", Help: "From the head of a call to the end of its answer.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 60, 300}}, []string{"system"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bartizan_tokens_total", Help: "Tokens that providers counted."}, []string{"system", "direction"}),
	}
	for _, c := range []prometheus.Collector{m.exchanges, m.seconds, m.tokens} {
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
	decision := max(x.intent.Verdict.Decision, x.outcome.Verdict.Decision)
	m.exchanges.WithLabelValues(system, end, decision.String(), strconv.Itoa(x.w.status)).Inc()
	m.seconds.WithLabelValues(system).Observe(time.Since(x.began).Seconds())
	if x.outcome.Input+x.outcome.Output > 0 {
		m.tokens.WithLabelValues(system, "input").Add(float64(x.outcome.Input))
		m.tokens.WithLabelValues(system, "output").Add(float64(x.outcome.Output))
	}
}
