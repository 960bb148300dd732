package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/privacy"
)

// openPrivacy opens what is remembered of conversations and of agreements with providers.
func (a *App) openPrivacy(ctx context.Context) (err error) {
	a.spoken, err = privacy.NewConversations(privacy.ConversationsConfig{Store: a.store, Key: a.keys.Derive("conversations"), Stale: time.Duration(a.file.Load().Access.StaleAfter)})
	if err != nil {
		return err
	}
	if a.profiles, err = privacy.OpenProfiles(ctx, privacy.ProfilesConfig{Store: a.store, Log: a.cfg.Log}); err != nil {
		return err
	}
	a.closers = append(a.closers, func(context.Context) error { a.profiles.Close(); return nil })
	a.changed = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bartizan_provider_changes_total", Help: "Profiles of providers that changed and suspend them, as often as they were seen."}, []string{"provider"})
	for _, c := range []prometheus.Collector{a.changed, suspensions{a.profiles}} {
		if err := a.registry.Register(c); err != nil {
			return fmt.Errorf("counting changes of providers: %w", err)
		}
	}
	return a.declare(ctx, a.file.Load())
}

// declare takes in the profiles of a file, and alerts to those that changed.
func (a *App) declare(ctx context.Context, f *config.File) error {
	profiles := map[string]privacy.Profile{}
	for name, p := range f.Providers {
		profiles[name] = p.Profile()
	}
	suspended, err := a.profiles.Declare(ctx, profiles)
	if err != nil {
		return fmt.Errorf("taking in what providers do with data: %w", err)
	}
	for _, s := range suspended {
		keys := make([]string, len(s.Changes))
		for i, c := range s.Changes {
			keys[i] = c.Key
		}
		a.changed.WithLabelValues(s.Provider).Inc()
		a.cfg.Log.Warn("alert", "event", "provider.profile_changed", "provider", s.Provider, "changed", strings.Join(keys, ","), "was", s.Approved, "is", s.Digest,
			"effect", "no call goes there until somebody approves", "do", "bartizan providers approve "+s.Provider)
	}
	return nil
}

var suspendedProviders = prometheus.NewDesc("bartizan_provider_suspended", "1 for a provider whose profile changed and waits for approval.", []string{"provider"}, nil)

// suspensions shows which providers wait for approval when somebody asks.
type suspensions struct{ of *privacy.Profiles }

// Describe implements [prometheus.Collector].
func (suspensions) Describe(out chan<- *prometheus.Desc) { out <- suspendedProviders }

// Collect implements [prometheus.Collector].
func (s suspensions) Collect(out chan<- prometheus.Metric) {
	for _, one := range s.of.Suspended() {
		out <- prometheus.MustNewConstMetric(suspendedProviders, prometheus.GaugeValue, 1, one.Provider)
	}
}
