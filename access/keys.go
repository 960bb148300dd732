package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/store"
)

// Key is what is known of a credential. The secret itself is known to nobody.
type Key struct {
	ID        string    `json:"id"`
	System    string    `json:"system"`
	Hint      string    `json:"hint"` // its first letters, to tell keys apart
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by"`
	Revoked   time.Time `json:"revoked,omitzero"`
	hash      []byte
	lent      bool // to this process alone
}

// prefix begins every key, so that scanners find one that leaked.
const prefix = "bzk_"

// poll is how often other replicas' changes are looked for.
const poll = time.Second

// Keys knows every key, in memory: no call waits for the store. A key that is
// revoked here is refused from the next call on, one that is revoked elsewhere
// within seconds.
type Keys struct {
	store  *store.Store
	pepper pepper
	stale  time.Duration
	log    *slog.Logger

	mu      sync.Mutex // one loader or writer at a time
	version int64
	known   atomic.Pointer[map[string]*Key]
	fresh   atomic.Pointer[time.Time] // the last good look at the store
	now     func() time.Time
	stop    chan struct{}
	once    sync.Once
	stopped sync.WaitGroup
}

// KeysConfig is what Keys need.
type KeysConfig struct {
	Store *store.Store
	Dir   string        // folder of the key of hashes
	Stale time.Duration // how long to go on without the store; 0: 5 min
	Log   *slog.Logger
	Now   func() time.Time // nil: time.Now
}

// OpenKeys loads all keys and follows their changes until Close.
func OpenKeys(ctx context.Context, cfg KeysConfig) (*Keys, error) {
	p, err := loadPepper(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if cfg.Stale == 0 {
		cfg.Stale = 5 * time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	k := &Keys{store: cfg.Store, pepper: p, stale: cfg.Stale, log: cfg.Log, now: cfg.Now, stop: make(chan struct{})}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	if err := p.same(ctx, cfg.Store, cfg.Dir); err != nil {
		return nil, err
	}
	if err := k.load(ctx); err != nil {
		return nil, err
	}
	k.stopped.Add(1)
	go k.follow()
	return k, nil
}

// Close ends the following. It may be called twice.
func (k *Keys) Close() {
	k.once.Do(func() { close(k.stop) })
	k.stopped.Wait()
}

func (k *Keys) follow() {
	defer k.stopped.Done()
	t := time.NewTicker(poll)
	defer t.Stop()
	wrong := false
	for {
		select {
		case <-k.stop:
			return
		case <-t.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*poll)
		err := k.refresh(ctx)
		cancel()
		if (err != nil) != wrong {
			wrong = err != nil
			k.log.Warn("the store of keys", "reachable", !wrong)
		}
	}
}

// refresh loads the keys again when somebody changed them.
func (k *Keys) refresh(ctx context.Context) error {
	v, err := k.store.Version(ctx, "access.keys")
	if err != nil {
		return err
	}
	k.mu.Lock()
	same := v == k.version
	k.mu.Unlock()
	if same {
		k.looked()
		return nil
	}
	return k.load(ctx)
}

func (k *Keys) load(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, err := k.store.Version(ctx, "access.keys")
	if err != nil {
		return err
	}
	rows, err := k.store.Query(ctx, `SELECT id, system, hash, hint, created, created_by, revoked FROM access_key`)
	if err != nil {
		return err
	}
	defer rows.Close()
	known := map[string]*Key{}
	for rows.Next() {
		var key Key
		var created, revoked int64
		if err := rows.Scan(&key.ID, &key.System, &key.hash, &key.Hint, &created, &key.CreatedBy, &revoked); err != nil {
			return err
		}
		key.Created = store.Time(created)
		if revoked != 0 {
			key.Revoked = store.Time(revoked)
		}
		known[key.ID] = &key
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if was := k.known.Load(); was != nil {
		for id, key := range *was {
			if key.lent { // the store has never heard of it
				known[id] = key
			}
		}
	}
	k.version = v
	k.known.Store(&known)
	k.looked()
	return nil
}

func (k *Keys) looked() {
	t := k.now()
	k.fresh.Store(&t)
}

// change puts what was just written into memory. It asks nothing of the store, so
// that a key that is revoked there is revoked here, whatever happens next.
func (k *Keys) change(id string, f func(*Key) *Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	known := maps.Clone(*k.known.Load())
	if key := f(known[id]); key != nil {
		known[id] = key
	}
	k.known.Store(&known)
}

// Create makes a key for a system and returns it with its secret, which is never
// shown again.
func (k *Keys) Create(ctx context.Context, system, by string) (Key, string, error) {
	id, secret := "key_"+random(10), random(30)
	shown := prefix + strings.TrimPrefix(id, "key_") + "_" + secret
	key := Key{ID: id, System: system, Hint: shown[:len(prefix)+6], Created: k.now().UTC(), CreatedBy: by, hash: k.pepper.hash("key", secret)}
	err := k.store.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO access_key (id, system, hash, hint, created, created_by) VALUES (?, ?, ?, ?, ?, ?)`,
			key.ID, key.System, key.hash, key.Hint, store.Nanos(key.Created), key.CreatedBy); err != nil {
			return err
		}
		return tx.Bump(ctx, "access.keys")
	})
	if err != nil {
		return Key{}, "", err
	}
	k.change(key.ID, func(*Key) *Key { return &key })
	return key, shown, nil
}

// Revoke ends a key. Calls that are open end at their next event.
func (k *Keys) Revoke(ctx context.Context, id string) error {
	now := k.now().UTC()
	err := k.store.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE access_key SET revoked = ? WHERE id = ? AND revoked = 0`, store.Nanos(now), id)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrKey
		}
		return tx.Bump(ctx, "access.keys")
	})
	if err != nil {
		return err
	}
	k.change(id, func(key *Key) *Key {
		if key == nil {
			return nil // another replica's, not seen here yet
		}
		dead := *key
		dead.Revoked = now
		return &dead
	})
	return nil
}

// Lend makes a key for a system that lives in this process alone, until it is given back: the
// red team tries what is deployed with it. It is kept nowhere and listed nowhere, and calls with
// it are those of a principal of kind [record.Canary].
func (k *Keys) Lend(system, by string) (secret string, giveBack func()) {
	id, part := "key_"+random(10), random(30)
	key := &Key{ID: id, System: system, Created: k.now().UTC(), CreatedBy: by, hash: k.pepper.hash("key", part), lent: true}
	k.change(id, func(*Key) *Key { return key })
	return prefix + strings.TrimPrefix(id, "key_") + "_" + part, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		known := maps.Clone(*k.known.Load())
		delete(known, id)
		k.known.Store(&known)
	}
}

// List returns all keys that were made for somebody, in no order.
func (k *Keys) List() []Key {
	known := *k.known.Load()
	out := make([]Key, 0, len(known))
	for _, key := range known {
		if !key.lent {
			out = append(out, *key)
		}
	}
	return out
}

// Authenticate finds out whose key a call brings. It reads every header that an
// SDK puts a key in, and refuses two that differ.
func (k *Keys) Authenticate(h http.Header) (record.Principal, error) {
	shown, err := credential(h)
	if err != nil {
		return record.Principal{}, err
	}
	rest, ours := strings.CutPrefix(shown, prefix)
	id, secret, whole := strings.Cut(rest, "_")
	key := (*k.known.Load())["key_"+id]
	found := key != nil
	if !found {
		key = &nobody
	}
	// Every credential takes the same way to here, known or not.
	same := subtle.ConstantTimeCompare(k.pepper.hash("key", secret), key.hash) == 1
	if !ours || !whole || !found || !same {
		return record.Principal{}, ErrKey
	}
	p := record.Principal{Kind: "key", ID: key.ID, System: key.System}
	if key.lent {
		p.Kind = record.Canary
	}
	return p, k.Live(p)
}

// Live reports whether a principal that was known may go on.
func (k *Keys) Live(p record.Principal) error {
	if k.now().Sub(*k.fresh.Load()) > k.stale {
		return ErrStale
	}
	key := (*k.known.Load())[p.ID]
	if key == nil {
		return ErrKey
	}
	if !key.Revoked.IsZero() {
		return ErrRevoked
	}
	return nil
}

// nobody is what credentials that are not known are compared with.
var nobody = Key{hash: make([]byte, sha256.Size)}

// maxCredential bounds a credential, in bytes; ours have 70.
const maxCredential = 256

// credential returns the one credential of a call. Two headers may hold the same
// one, as some SDKs send it.
func credential(h http.Header) (string, error) {
	found := ""
	for _, name := range []string{"Authorization", "X-Api-Key", "Api-Key"} {
		for _, v := range h[name] {
			if name == "Authorization" {
				scheme, rest, _ := strings.Cut(v, " ")
				if !strings.EqualFold(scheme, "Bearer") {
					return "", ErrKey
				}
				v = strings.TrimSpace(rest)
			}
			if v == "" || v == found {
				continue
			}
			if found != "" || len(v) > maxCredential {
				return "", ErrKey
			}
			found = v
		}
	}
	if found == "" {
		return "", ErrNoKey
	}
	return found, nil
}

// Derive returns a key of its own for a purpose, which every replica with the same keys
// derives alike (the extract step of HKDF, RFC 5869).
func (k *Keys) Derive(purpose string) []byte {
	h := hmac.New(sha256.New, k.pepper)
	h.Write([]byte("bartizan derived key\x00" + purpose))
	return h.Sum(nil)
}
