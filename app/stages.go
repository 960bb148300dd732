package app

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/gateway"
	"github.com/bartizan-ai/bartizan/guard/second"
	"github.com/bartizan-ai/bartizan/privacy"
)

// stages makes those that policies may ask for a second opinion.
func (a *App) stages(f *config.File, p *plan) error {
	p.Stages = map[string]gateway.Stage{}
	for name, s := range f.Stages {
		c := second.Config{Name: name, Kind: s.Kind, URL: s.URL, Model: s.Model, Policy: s.Policy, Judges: s.Judges, Score: s.Score, Label: s.Label, Bad: s.Bad}
		var err error
		if s.Key != nil {
			if c.Key, err = s.Key.Value(); err != nil {
				return fmt.Errorf("stage %s: %w", name, err)
			}
		}
		if s.System != "" {
			c.URL, c.Transport = "https://gate.invalid/v1", inside{a}
			p.Stages[name] = gateway.Stage{Ceiling: privacy.HighlyConfidential} // who answers there has a ceiling of its own
		} else if c.Transport, err = outside(p, name, s); err != nil {
			return err
		} else {
			profile := f.StageProfile(s)
			p.Stages[name] = gateway.Stage{Ceiling: profile.Ceiling(p.Labels), Terms: &profile}
		}
		stage, err := second.New(c)
		if err != nil {
			return err
		}
		p.stages = append(p.stages, stage)
	}
	return nil
}

// outside calls a stage that stands somewhere else, at an address that it may have.
func outside(p *plan, name string, s config.Stage) (http.RoundTripper, error) {
	cfg := dialect.ClientConfig{Private: s.Private, Connect: 2 * time.Second}
	if s.CA != "" {
		var err error
		if cfg.TLS, err = authorities(s.CA); err != nil {
			return nil, fmt.Errorf("stage %s: %w", name, err)
		}
	}
	t := dialect.NewTransport(cfg)
	p.idle = append(p.idle, t)
	return t, nil
}

// inside makes a call through the gate of this very process, so that a stage which asks a
// model is authenticated, permitted, paid for and recorded like anybody else.
type inside struct{ app *App }

// RoundTrip implements [http.RoundTripper].
func (i inside) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &inner{header: http.Header{}, status: http.StatusOK}
	r = r.Clone(r.Context())
	if label := gateway.AskedFor(r.Context()); label != "" {
		r.Header.Set("Bartizan-Label", label)
	}
	// A server sees a path alone.
	r.Host, r.RequestURI, r.RemoteAddr = r.URL.Host, r.URL.RequestURI(), "127.0.0.1:0"
	r.URL.Scheme, r.URL.Host = "", ""
	i.app.Gate().ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}, nil
}

// maxInside bounds an answer: those that stages read are far shorter.
const maxInside = 1 << 20

// inner keeps what the gate writes.
type inner struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (w *inner) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *inner) WriteHeader(status int) {
	if !w.wrote && status >= 200 {
		w.status, w.wrote = status, true
	}
}

// Write implements [http.ResponseWriter].
func (w *inner) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.body.Len()+len(b) > maxInside {
		return 0, io.ErrShortBuffer
	}
	return w.body.Write(b)
}

// Flush implements [http.Flusher]: nobody waits for a part.
func (w *inner) Flush() {}
