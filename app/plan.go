package app

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/gateway"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// plan is a gateway's plan with what must be closed when it is replaced.
type plan struct {
	*gateway.Plan
	file     *config.File               // that it is made of
	compiled map[string]*guard.Compiled // by policy name
	clients  []*dialect.Client
	stages   []guard.Stage
	idle     []*http.Transport // of stages
}

func (p *plan) close() {
	for _, c := range p.clients {
		c.Close()
	}
	for _, t := range p.idle {
		t.CloseIdleConnections()
	}
}

// list returns the policies in use, by name.
func (p *plan) list() []*guard.Compiled {
	out := make([]*guard.Compiled, 0, len(p.compiled))
	for _, c := range p.compiled {
		out = append(out, c)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID() < out[j].ID() })
	return out
}

// makePlan makes everything that a file says ready to use.
func (a *App) makePlan(f *config.File) (*plan, error) {
	labels, err := f.Classes()
	if err != nil {
		return nil, err
	}
	p := &plan{Plan: &gateway.Plan{Policies: map[string]*guard.Compiled{}, Models: map[string][]gateway.Candidate{}, Prices: prices(f), Labels: labels}, compiled: map[string]*guard.Compiled{}, file: f}
	if p.Permits, err = Permits(f); err != nil {
		return nil, err
	}
	if err := a.stages(f, p); err != nil {
		return nil, err
	}
	if err := a.policies(f, p); err != nil {
		return nil, err
	}
	upstreams, err := a.upstreams(f, p)
	if err != nil {
		return nil, err
	}
	for name, m := range f.Models {
		for _, try := range m.Try {
			provider, model := config.Candidate(try, name)
			p.Models[name] = append(p.Models[name], candidate(provider, model, f.Providers[provider], labels, upstreams[provider]))
		}
	}
	return p, nil
}

// candidate is an upstream model with what the gate must know of its provider.
func candidate(provider, model string, v config.Provider, labels *privacy.Labels, up llm.Model) gateway.Candidate {
	profile := v.Profile()
	return gateway.Candidate{Provider: provider, URL: v.URL, Model: model, Dialect: v.Dialect, Betas: v.Betas, LeaveUsage: v.Usage == "leave", Keeps: keeps(v.URL),
		Ceiling: profile.Ceiling(labels), Terms: profile, Profile: profile.Digest(), Upstream: up}
}

// policies compiles every policy that a system uses. Its text is kept by digest,
// so that old records stay explainable.
func (a *App) policies(f *config.File, p *plan) error {
	for name, s := range f.Systems {
		policy := s.Policy
		if policy == "" {
			policy = "standard"
		}
		if p.compiled[policy] == nil {
			c, err := a.engine.Compile(policy, f.Policies[policy], p.stages...)
			if err != nil {
				return err
			}
			if err := a.keepPolicy(c); err != nil {
				return err
			}
			p.compiled[policy] = c
		}
		p.Policies[name] = p.compiled[policy]
	}
	return nil
}

func (a *App) keepPolicy(c *guard.Compiled) error {
	path := a.dir(filepath.Join("policies", c.ID()+".json"))
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	b, err := json.MarshalIndent(c.Policy(), "", "  ")
	if err != nil {
		return fmt.Errorf("keeping policy %s: %w", c.ID(), err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keeping policy %s: %w", c.ID(), err)
	}
	return os.WriteFile(path, append(b, '\n'), 0o600)
}

// upstreams makes a client for every provider.
func (a *App) upstreams(f *config.File, p *plan) (map[string]llm.Model, error) {
	out := map[string]llm.Model{}
	for name, v := range f.Providers {
		if m := a.cfg.Upstreams[name]; m != nil {
			out[name] = m
			continue
		}
		cfg := dialect.ClientConfig{Name: name, Dialect: v.Dialect, URL: v.URL, Private: v.Private,
			Connect: time.Duration(v.Timeouts.Connect), FirstByte: time.Duration(v.Timeouts.FirstByte), Idle: time.Duration(v.Timeouts.Idle)}
		var err error
		if v.Key != nil {
			if cfg.Key, err = v.Key.Value(); err != nil {
				return nil, fmt.Errorf("provider %s: %w", name, err)
			}
		}
		if v.CA != "" {
			if cfg.TLS, err = authorities(v.CA); err != nil {
				return nil, fmt.Errorf("provider %s: %w", name, err)
			}
		}
		c, err := dialect.NewClient(cfg)
		if err != nil {
			return nil, err
		}
		p.clients = append(p.clients, c)
		out[name] = c
	}
	return out, nil
}

// authorities trusts a file of certificates and nobody else: whoever names an
// authority for a provider means to pin it.
func authorities(path string) (*tls.Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s holds no certificate", path)
	}
	return &tls.Config{RootCAs: pool}, nil
}

// Permits makes the permits that a file says.
func Permits(f *config.File) (*access.Permits, error) {
	var systems []record.System
	for name, s := range f.Systems {
		policy := s.Policy
		if policy == "" {
			policy = "standard"
		}
		systems = append(systems, record.System{Name: name, Team: s.Team, Owner: s.Owner, Purpose: s.Purpose, Purposes: s.Purposes, Environment: s.Environment,
			Status: "active", Policy: policy, Models: s.Models, Tools: s.Tools.Names, AnyTool: s.Tools.Any, MaxLabel: s.MaxLabel})
	}
	var files []access.PermitFile
	for _, glob := range f.Access.Permits {
		paths, err := filepath.Glob(glob)
		if err != nil {
			return nil, fmt.Errorf("access.permits: %w", err)
		}
		sort.Strings(paths)
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("access.permits: %w", err)
			}
			files = append(files, access.PermitFile{Name: path, Text: b})
		}
	}
	return access.NewPermits(systems, files)
}

// keeps reports whether whoever answers at a URL keeps chat completions by default: OpenAI
// itself does for new accounts, and says so in its guide to the Responses API.
func keeps(base string) bool {
	u, err := url.Parse(base)
	return err == nil && (u.Hostname() == "openai.com" || strings.HasSuffix(u.Hostname(), ".openai.com"))
}
