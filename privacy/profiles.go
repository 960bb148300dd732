package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// What callers branch on.
var (
	// ErrProvider means that no provider of this name is configured.
	ErrProvider = errors.New("privacy: no such provider is configured")
	// ErrOther means that the profile to be approved is not the one that is configured now.
	ErrOther = errors.New("privacy: the profile is not the one that was shown; look at it again")
)

// poll is how often other replicas' approvals are looked for.
const poll = time.Second

// name of the version that is bumped when a profile is approved.
const version = "privacy.providers"

// Profiles know which profile of each provider was agreed to. The first one of a name is;
// another one has to be approved before its provider serves anybody.
type Profiles struct {
	store *store.Store
	log   *slog.Logger
	now   func() time.Time

	mu       sync.Mutex // one loader or writer at a time
	version  int64
	approved atomic.Pointer[map[string]approved]
	declared atomic.Pointer[map[string]Profile] // as configured here
	stop     chan struct{}
	once     sync.Once
	stopped  sync.WaitGroup
}

type approved struct {
	digest  string
	profile Profile
}

// ProfilesConfig is what Profiles need.
type ProfilesConfig struct {
	Store *store.Store
	Log   *slog.Logger
	Now   func() time.Time // nil: time.Now
}

// OpenProfiles loads what was approved and follows other replicas until Close.
func OpenProfiles(ctx context.Context, cfg ProfilesConfig) (*Profiles, error) {
	p := &Profiles{store: cfg.Store, log: cfg.Log, now: cfg.Now, stop: make(chan struct{})}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.now == nil {
		p.now = time.Now
	}
	p.declared.Store(&map[string]Profile{})
	if err := p.load(ctx); err != nil {
		return nil, err
	}
	p.stopped.Add(1)
	go p.follow()
	return p, nil
}

// Close ends the following. It may be called twice.
func (p *Profiles) Close() {
	p.once.Do(func() { close(p.stop) })
	p.stopped.Wait()
}

func (p *Profiles) follow() {
	defer p.stopped.Done()
	t := time.NewTicker(poll)
	defer t.Stop()
	wrong := false
	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*poll)
		err := p.refresh(ctx)
		cancel()
		if (err != nil) != wrong {
			wrong = err != nil
			p.log.Warn("the store of approvals", "reachable", !wrong)
		}
	}
}

// refresh loads the approvals again when somebody changed them.
func (p *Profiles) refresh(ctx context.Context) error {
	v, err := p.store.Version(ctx, version)
	if err != nil {
		return err
	}
	p.mu.Lock()
	same := v == p.version
	p.mu.Unlock()
	if same {
		return nil
	}
	return p.load(ctx)
}

func (p *Profiles) load(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, err := p.store.Version(ctx, version)
	if err != nil {
		return err
	}
	rows, err := p.store.Query(ctx, `SELECT name, digest, profile FROM privacy_provider`)
	if err != nil {
		return err
	}
	defer rows.Close()
	all := map[string]approved{}
	for rows.Next() {
		var name, text string
		var a approved
		if err := rows.Scan(&name, &a.digest, &text); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(text), &a.profile); err != nil {
			return fmt.Errorf("privacy: the approved profile of %s cannot be read: %w", name, err)
		}
		all[name] = a
	}
	if err := rows.Err(); err != nil {
		return err
	}
	p.version = v
	p.approved.Store(&all)
	return nil
}

// Declare takes in the profiles that are configured now. The first one of a name counts as
// approved: whoever wrote it into the configuration agreed to it. It returns those that are
// suspended, by name.
func (p *Profiles) Declare(ctx context.Context, declared map[string]Profile) ([]Suspension, error) {
	known := *p.approved.Load()
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		if _, ok := known[name]; ok {
			continue
		}
		if err := p.put(ctx, name, declared[name], "configuration", "the first one of this name", false); err != nil && !errors.Is(err, store.ErrExists) {
			return nil, err
		}
	}
	if err := p.load(ctx); err != nil {
		return nil, err
	}
	p.declared.Store(&declared)
	return p.Suspended(), nil
}

// Approve agrees to the profile that is configured for a provider now, which digest names.
func (p *Profiles) Approve(ctx context.Context, name, digest, by, reason string) error {
	profile, ok := (*p.declared.Load())[name]
	if !ok {
		return fmt.Errorf("%w: %s", ErrProvider, name)
	}
	if profile.Digest() != digest {
		return ErrOther
	}
	if err := p.put(ctx, name, profile, by, reason, true); err != nil {
		return err
	}
	return p.load(ctx)
}

// put writes an approval.
func (p *Profiles) put(ctx context.Context, name string, profile Profile, by, reason string, over bool) error {
	text, err := json.Marshal(profile)
	if err != nil {
		return fmt.Errorf("privacy: writing the profile of %s: %w", name, err)
	}
	return p.store.Tx(ctx, func(tx *store.Tx) error {
		if over {
			if _, err := tx.Exec(ctx, `DELETE FROM privacy_provider WHERE name = ?`, name); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO privacy_provider (name, digest, profile, approved, by_whom, reason) VALUES (?, ?, ?, ?, ?, ?)`,
			name, profile.Digest(), string(text), store.Nanos(p.now()), by, reason); err != nil {
			return err
		}
		return tx.Bump(ctx, version)
	})
}

// Holds reports whether a profile of a provider is the one that was agreed to.
func (p *Profiles) Holds(name, digest string) bool {
	return (*p.approved.Load())[name].digest == digest
}

// Suspension is a provider whose profile changed, and nobody agreed to it yet.
type Suspension struct {
	Provider string   `json:"provider"`
	Digest   string   `json:"digest"`   // of the profile that is configured
	Approved string   `json:"approved"` // of the one that was agreed to
	Changes  []Change `json:"changes"`
}

// Suspended lists the providers of this configuration that serve nobody until somebody
// approves, by name.
func (p *Profiles) Suspended() (out []Suspension) {
	known := *p.approved.Load()
	for name, profile := range *p.declared.Load() {
		if digest := profile.Digest(); known[name].digest != digest {
			out = append(out, Suspension{name, digest, known[name].digest, known[name].profile.Changes(profile)})
		}
	}
	slices.SortFunc(out, func(a, b Suspension) int {
		if a.Provider < b.Provider {
			return -1
		}
		return 1
	})
	return out
}
