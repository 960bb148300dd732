// Package app makes components out of configuration and runs them: one short file
// per seam, and no decisions of its own about what may pass.
//
// [New] opens everything that is kept; [App.Start] listens; [App.Reload] takes in
// a changed file or keeps the old one; [App.Stop] lets open calls end.
//
// This package's API may change.
package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/gateway"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/store"
)

// Config is what an App is made of.
type Config struct {
	File *config.File
	Path string // of the file, for reloads; "": it does not change
	Log  *slog.Logger
	// Upstreams answers for providers in place of a client of their URL.
	Upstreams map[string]llm.Model
	Synthetic bool // every record is marked as not real
	Origin    string
	Version   string
	Folders   int           // of rounds of canaries that are kept of a system; 0: as many as [redteam.CanariesConfig] says
	Tick      time.Duration // between looks at whether canaries are due, the first after 30 of them; 0: 2 s
}

// App is a running Bartizan.
type App struct {
	cfg       Config
	file      atomic.Pointer[config.File]
	store     *store.Store
	ledger    *ledger.Ledger
	keys      *access.Keys
	sessions  *access.Sessions
	budgets   *access.Budgets
	profiles  *privacy.Profiles
	spoken    *privacy.Conversations
	engine    *guard.Engine
	subjects  *privacy.Subjects
	canaries  *redteam.Canaries
	desk      *desk.Desk
	gate      *gateway.Gate
	plan      atomic.Pointer[plan]
	registry  *prometheus.Registry
	changed   *prometheus.CounterVec // profiles of providers
	reloading sync.Mutex             // a signal and a change of the file may come together
	loaded    string                 // stamp of the file that the first plan was made of
	tls       *authority

	mu      sync.Mutex
	servers []*server
	stop    chan struct{}
	stopped sync.WaitGroup
	closers []func(context.Context) error
}

// New opens store, ledger and keys, and makes the first plan. Nothing listens yet.
func New(ctx context.Context, cfg Config) (*App, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &App{cfg: cfg, registry: prometheus.NewRegistry(), stop: make(chan struct{}), loaded: stamp(cfg.Path)}
	a.file.Store(cfg.File)
	for _, open := range []func(context.Context) error{a.openData, a.openLedger, a.openStore, a.openAccess, a.openPrivacy, a.openSubjects, a.eraseAgain, a.openGuard, a.openCanaries, a.openGate} {
		if err := open(ctx); err != nil {
			return nil, errors.Join(err, a.close(context.WithoutCancel(ctx)))
		}
	}
	return a, nil
}

// openData makes the folder that everything is kept in.
func (a *App) openData(context.Context) error {
	dir := a.file.Load().Data
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the data folder %s cannot be made: %w; choose another with `data:` or --data", dir, err)
	}
	f, err := os.CreateTemp(dir, ".writable")
	if err != nil {
		return fmt.Errorf("the data folder %s cannot be written: %w; give this user the right to, or choose another", dir, err)
	}
	_ = f.Close()
	return os.Remove(f.Name())
}

func (a *App) dir(name string) string { return filepath.Join(a.file.Load().Data, name) }

func (a *App) openLedger(context.Context) error {
	l, err := ledger.Open(ledger.Config{Dir: a.dir("ledger"), KeyDir: a.dir("keys"), Origin: a.cfg.Origin, Unseal: a.unseal})
	if errors.Is(err, ledger.ErrLocked) {
		return fmt.Errorf("the data folder %s is in use by another bartizan; stop that one first, or choose another folder: %w", a.file.Load().Data, err)
	}
	if err != nil {
		return err
	}
	a.ledger = l
	a.closers = append(a.closers, l.Close)
	return nil
}

func (a *App) openStore(ctx context.Context) error {
	c := store.Config{Path: a.dir("bartizan.db"), Migrations: []store.Migrations{{Room: "access", Files: access.Migrations}, {Room: "privacy", Files: privacy.Migrations}, {Room: "redteam", Files: redteam.Migrations}}}
	if s := a.file.Load().Store.Postgres; s != nil {
		dsn, err := s.Value()
		if err != nil {
			return err
		}
		c.Path, c.DSN = "", dsn
	}
	s, err := store.Open(ctx, c)
	if err != nil {
		return err
	}
	a.store = s
	a.closers = append(a.closers, func(context.Context) error { return s.Close() })
	return nil
}

func (a *App) openAccess(ctx context.Context) (err error) {
	a.keys, err = access.OpenKeys(ctx, access.KeysConfig{Store: a.store, Dir: a.dir("keys"), Stale: time.Duration(a.file.Load().Access.StaleAfter), Log: a.cfg.Log})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, func(context.Context) error { a.keys.Close(); return nil })
	a.budgets, err = access.OpenBudgets(ctx, access.BudgetsConfig{Store: a.store, Stale: time.Duration(a.file.Load().Access.StaleAfter), Log: a.cfg.Log})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, a.budgets.Close)
	a.sessions, err = access.OpenSessions(a.store, a.dir("keys"))
	return err
}

func (a *App) openGuard(context.Context) (err error) {
	a.engine, err = guard.New(guard.Config{Detectors: Detectors()})
	return err
}

func (a *App) openGate(ctx context.Context) error {
	p, err := a.makePlan(a.file.Load())
	if err != nil {
		return err
	}
	metrics, err := gateway.NewMetrics(a.registry)
	if err != nil {
		return err
	}
	telemetry, err := a.openTelemetry(ctx)
	if err != nil {
		return err
	}
	places := 0
	if n := a.file.Load().Gate.Places; n != nil {
		places = *n
	}
	a.gate, err = gateway.New(gateway.Config{Subjects: a.subjects, Consents: a.subjects, Mask: a.keys.Derive("mask"), Conversations: a.spoken, Profiles: a.profiles, Places: places, Telemetry: telemetry, Keys: a.keys, Budgets: a.budgets, Recorder: a.ledger, Log: a.cfg.Log, Metrics: metrics, Proofs: a.ledger.Receipt, Synthetic: a.cfg.Synthetic, Observer: sightseer{a}}, p.Plan)
	if err != nil {
		return err
	}
	a.plan.Store(p)
	a.notice(a.file.Load())
	if err := a.keepNotices(); err != nil {
		return err
	}
	a.budgets.Declare(budgets(a.file.Load()))
	a.closers = append(a.closers, func(context.Context) error { a.plan.Load().close(); return nil })
	a.desk = desk.New(desk.Config{Keys: a.keys, Profiles: a.profiles, Sessions: a.sessions, Recorder: a.ledger, Watch: a.watch(), Privacy: a.privacy(), Attacks: a.attacks(),
		Permits: func() *access.Permits { return a.plan.Load().Permits }, Policies: func() []*guard.Compiled { return a.plan.Load().list() }})
	a.closers = append(a.closers, func(context.Context) error { a.desk.Close(); return nil })
	return nil
}

// notice says what is not wrong with a file and still wants a look.
func (a *App) notice(f *config.File) {
	for _, n := range f.Notices() {
		a.cfg.Log.Warn("configuration", "notice", n.String())
	}
}

// Desk is where administrative operations are done.
func (a *App) Desk() *desk.Desk { return a.desk }

// Ledger is the ledger, for reading.
func (a *App) Ledger() *ledger.Ledger { return a.ledger }

// Gate is the handler of the data plane.
func (a *App) Gate() http.Handler { return a.gate }

// Reload takes in the file as it is now. A file with a fault changes nothing.
func (a *App) Reload(context.Context) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	f, err := config.Load(a.cfg.Path)
	if err != nil {
		return err
	}
	if old := a.file.Load(); f.Data != old.Data || f.Listen != old.Listen || !reflect.DeepEqual(f.Gate, old.Gate) || !sameStore(f.Store, old.Store) {
		return errors.New("data, listen, gate and store cannot change while running; restart to take them in")
	}
	p, err := a.makePlan(f)
	if err != nil {
		return err
	}
	if err := a.declare(context.Background(), f); err != nil {
		p.close()
		return err
	}
	old := a.plan.Swap(p)
	a.gate.SetPlan(p.Plan)
	a.budgets.Declare(budgets(f))
	a.file.Store(f)
	// Open calls go on with the old plan; its idle connections are not needed.
	old.close()
	a.cfg.Log.Info("configuration reloaded")
	a.notice(f)
	return a.keepNotices()
}

func sameStore(a, b config.Store) bool {
	return (a.Postgres == nil) == (b.Postgres == nil) && (a.Postgres == nil || *a.Postgres == *b.Postgres)
}

// Stop ends listening, lets open calls end until ctx does, and closes everything.
func (a *App) Stop(ctx context.Context) error {
	a.mu.Lock()
	servers := a.servers
	a.servers = nil
	a.mu.Unlock()
	if servers != nil {
		close(a.stop)
	}
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.shutdown(ctx))
	}
	a.stopped.Wait()
	return errors.Join(append(errs, a.close(context.WithoutCancel(ctx)))...)
}

// close closes what was opened, the last first.
func (a *App) close(ctx context.Context) error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i](ctx))
	}
	a.closers = nil
	return errors.Join(errs...)
}

// tlsFor returns the TLS configuration of a listener: its own certificate, or one
// that the local authority makes.
func (a *App) tlsFor(l config.Listener) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if l.Cert != "" {
		pair, err := tls.LoadX509KeyPair(l.Cert, l.Key)
		if err != nil {
			return nil, fmt.Errorf("the certificate %s cannot be used: %w", l.Cert, err)
		}
		c.Certificates = []tls.Certificate{pair}
		return c, nil
	}
	if a.tls == nil {
		t, err := openAuthority(a.dir("tls"))
		if err != nil {
			return nil, err
		}
		a.tls = t
	}
	c.GetCertificate = a.tls.certificate
	return c, nil
}
