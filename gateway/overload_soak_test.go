//go:build soak

package gateway

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/privacy"
)

// instant is an upstream that costs nothing: it answers at once, in memory.
type instant struct{}

type onlyEvent struct{ e *llm.Event }

func (o *onlyEvent) Close() error { return nil }

func (o *onlyEvent) Next() (*llm.Event, error) {
	e := o.e
	if o.e = nil; e == nil {
		return nil, io.EOF
	}
	return e, nil
}

func (instant) Do(_ context.Context, r *llm.Request) (*llm.Response, error) {
	e, err := dialect.OpenAI{}.Answer(r, http.StatusOK, []byte(completion("The meeting decided three things.")))
	return &llm.Response{Status: http.StatusOK, Header: http.Header{}, Stream: &onlyEvent{e}}, err
}

// figures are what a stretch of load gave.
type figures struct {
	served, refused int
	took, refusal   []time.Duration
	length          time.Duration
}

func (f *figures) rate() float64 { return float64(f.served) / f.length.Seconds() }

func percentile(d []time.Duration, p int) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[min(len(d)-1, len(d)*p/100)]
}

// pressed calls the gate at a steady rate, or as fast as callers can for a rate of 0.
func pressed(h *house, length time.Duration, callers int, rate float64) *figures {
	f := &figures{}
	body := user(strings.Repeat("Please summarise the minutes of the meeting. ", 20), false)
	var mu sync.Mutex
	var wg sync.WaitGroup
	one := func(due time.Time) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+h.secret)
		r.Header.Set("Content-Type", "application/json")
		h.gate.ServeHTTP(w, r)
		took := time.Since(due)
		mu.Lock()
		defer mu.Unlock()
		if w.Code == http.StatusOK {
			f.served++
			f.took = append(f.took, took)
		} else {
			f.refused++
			f.refusal = append(f.refusal, took)
		}
	}
	began := time.Now()
	for i := range callers {
		wg.Go(func() {
			for n := 0; time.Since(began) < length; n++ {
				due := time.Now()
				if rate > 0 {
					due = began.Add(time.Duration(float64(n*callers+i) / rate * float64(time.Second)))
					time.Sleep(time.Until(due))
					due = time.Now()
				}
				one(due)
			}
		})
	}
	wg.Wait()
	f.length = time.Since(began)
	return f
}

// TestSoakR1Overload: at four times the rate that saturates it a gate goes on
// serving, and refuses the rest quickly. Load and gate share the processors here,
// so the figures are a floor.
func TestSoakR1Overload(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		length = 10 * time.Minute
	}
	h := newHouse(t, houseConfig{detectors: everything()})
	h.plan.Models["fast"] = []Candidate{{Provider: "practice", Model: "m", Dialect: "openai", Ceiling: privacy.HighlyConfidential, Upstream: instant{}}}
	h.gate.SetPlan(h.plan)
	pressed(h, time.Second, 8, 0)
	idle := pressed(h, length/20+time.Second, 1, 0)
	peak := pressed(h, length/10+time.Second, 16, 0)
	over := pressed(h, length, 2000, 4*peak.rate())
	t.Logf("idle: p99 %s; peak: %.0f a second; over: %.0f served and %.0f refused a second, p50 %s and p99 %s of those served, p99 %s of those refused",
		percentile(idle.took, 99), peak.rate(), over.rate(), float64(over.refused)/over.length.Seconds(),
		percentile(over.took, 50), percentile(over.took, 99), percentile(over.refusal, 99))
	if over.served == 0 || over.refused == 0 {
		t.Error("it was no overload, or nothing was served")
	}
	closed(t, h)
}
