package privacy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bartizan-ai/bartizan/store"
	"github.com/bartizan-ai/bartizan/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// room is one store, and a clock of the test's own.
type room struct {
	store *store.Store
	open  func() *store.Store // another replica's view of the same store
	mu    sync.Mutex
	t     time.Time
}

func (r *room) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.t
}

func (r *room) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.t = r.t.Add(d)
}

// suite is what both databases must do alike.
var suite = []struct {
	name string
	run  func(*testing.T, *room)
}{
	{"a conversation keeps its highest label, over restarts and replicas", testHighest},
	{"a conversation is forgotten thirty days after its last call", testForgotten},
	{"callers who race leave the highest label", testRace},
	{"names of conversations are not in the store", testHashed},
	{"the first profile of a provider is approved, a changed one suspends", testProfiles},
	{"another replica follows an approval", testReplica},
}

func TestSQLite(t *testing.T) {
	runSuite(t, func(t *testing.T, _ int) store.Config {
		return store.Config{Path: filepath.Join(t.TempDir(), "privacy.db")}
	})
}

func TestPostgreSQL(t *testing.T) {
	dsn := storetest.PostgreSQL(t)
	runSuite(t, func(t *testing.T, n int) store.Config {
		s, err := store.Open(t.Context(), store.Config{DSN: dsn})
		must(t, err)
		defer s.Close()
		_, err = s.Exec(t.Context(), fmt.Sprintf("CREATE DATABASE privacy%d", n))
		must(t, err)
		return store.Config{DSN: strings.Replace(dsn, "/postgres?", fmt.Sprintf("/privacy%d?", n), 1)}
	})
}

func runSuite(t *testing.T, config func(t *testing.T, n int) store.Config) {
	for i, c := range suite {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(t, i)
			cfg.Migrations = []store.Migrations{{Room: "privacy", Files: Migrations}}
			open := func() *store.Store {
				s, err := store.Open(context.Background(), cfg)
				must(t, err)
				t.Cleanup(func() { _ = s.Close() })
				return s
			}
			c.run(t, &room{store: open(), open: open, t: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)})
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (r *room) conversations(t *testing.T, s *store.Store) *Conversations {
	t.Helper()
	c, err := NewConversations(ConversationsConfig{Store: s, Key: []byte("0123456789abcdef"), Now: r.now})
	must(t, err)
	return c
}

func highest(t *testing.T, what string, c *Conversations, id ConversationID, want Label) {
	t.Helper()
	got, err := c.Highest(t.Context(), id)
	must(t, err)
	if got != want {
		t.Errorf("%s: %d, want %d", what, got, want)
	}
}

func testHighest(t *testing.T, r *room) {
	here, there := r.conversations(t, r.store), r.conversations(t, r.open())
	id, other := here.ID("bot", "key", "key_1", "c1"), here.ID("bot", "key", "key_1", "c2")
	highest(t, "at first", here, id, Public)
	highest(t, "at first, there", there, id, Public)
	must(t, here.Raise(t.Context(), id, Confidential))
	highest(t, "raised", here, id, Confidential)
	must(t, here.Raise(t.Context(), id, General))
	highest(t, "never lowered", here, id, Confidential)
	r.pass(3 * time.Second)
	highest(t, "on another replica", there, id, Confidential)
	must(t, there.Raise(t.Context(), id, HighlyConfidential))
	r.pass(3 * time.Second)
	highest(t, "raised there", here, id, HighlyConfidential)
	highest(t, "another conversation", here, other, Public)
	highest(t, "after a restart", r.conversations(t, r.open()), id, HighlyConfidential)
	// A replica that has not looked yet takes nothing away.
	must(t, r.conversations(t, r.open()).Raise(t.Context(), id, General))
	highest(t, "after a lower one", r.conversations(t, r.open()), id, HighlyConfidential)
}

func testForgotten(t *testing.T, r *room) {
	c := r.conversations(t, r.store)
	id, idle := c.ID("a"), c.ID("b")
	must(t, c.Raise(t.Context(), id, Confidential))
	must(t, c.Raise(t.Context(), idle, Confidential))
	for range 3 { // whoever goes on talking is remembered
		r.pass(20 * 24 * time.Hour)
		highest(t, "in use", c, id, Confidential)
	}
	highest(t, "idle", c, idle, Public)
	must(t, c.Raise(t.Context(), idle, General))
	highest(t, "begun anew", r.conversations(t, r.open()), idle, General)
	r.pass(31 * 24 * time.Hour)
	must(t, c.Raise(t.Context(), c.ID("c"), General))
	var n int64
	must(t, r.store.QueryRow(t.Context(), `SELECT COUNT(*) FROM privacy_conversation`).Scan(&n))
	if n != 1 {
		t.Errorf("%d conversations are kept", n)
	}
}

func testRace(t *testing.T, r *room) {
	all := []*Conversations{r.conversations(t, r.store), r.conversations(t, r.open())}
	id := all[0].ID("x")
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			c := all[i%2]
			if _, err := c.Highest(context.Background(), id); err != nil {
				t.Error(err)
			}
			if err := c.Raise(context.Background(), id, Label(i%4)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	highest(t, "after the race", r.conversations(t, r.open()), id, HighlyConfidential)
}

func testHashed(t *testing.T, r *room) {
	c := r.conversations(t, r.store)
	must(t, c.Raise(t.Context(), c.ID("bot", "key", "key_1", "merger-with-acme"), Confidential))
	var hash []byte
	must(t, r.store.QueryRow(t.Context(), `SELECT hash FROM privacy_conversation`).Scan(&hash))
	if bytes.Contains(hash, []byte("merger")) || len(hash) != 32 {
		t.Errorf("the store has %x", hash)
	}
	other, err := NewConversations(ConversationsConfig{Store: r.store, Key: []byte("another key of 16")})
	must(t, err)
	if c.ID("a", "bc") == c.ID("ab", "c") || c.ID("a") == other.ID("a") {
		t.Error("two conversations are one")
	}
}

func (r *room) profiles(t *testing.T, s *store.Store, log *slog.Logger) *Profiles {
	t.Helper()
	p, err := OpenProfiles(t.Context(), ProfilesConfig{Store: s, Log: log, Now: r.now})
	must(t, err)
	t.Cleanup(p.Close)
	return p
}

var first = Profile{URL: "https://api.example.com", Dialect: "openai", Training: "never", Retention: "30d", Region: "eu", Highest: "general"}

func testProfiles(t *testing.T, r *room) {
	p := r.profiles(t, r.store, nil)
	list, err := p.Declare(t.Context(), map[string]Profile{"a": first})
	must(t, err)
	if len(list) != 0 || !p.Holds("a", first.Digest()) || p.Holds("b", first.Digest()) || p.Holds("b", "") && first.Digest() == "" {
		t.Fatalf("%+v", list)
	}
	changed := first
	changed.Region, changed.Retention = "us", "60d"
	list, err = p.Declare(t.Context(), map[string]Profile{"a": changed, "b": first})
	must(t, err)
	if len(list) != 1 || list[0].Provider != "a" || fmt.Sprint(list[0].Changes) != "[{retention 30d 60d} {region eu us}]" || p.Holds("a", changed.Digest()) || !p.Holds("b", first.Digest()) {
		t.Fatalf("%+v", list)
	}
	// It stays so after a restart.
	again := r.profiles(t, r.open(), nil)
	list, err = again.Declare(t.Context(), map[string]Profile{"a": changed, "b": first})
	must(t, err)
	if len(list) != 1 {
		t.Fatalf("after a restart: %+v", list)
	}
	if err := p.Approve(t.Context(), "c", "x", "ann", "r"); !errors.Is(err, ErrProvider) {
		t.Errorf("an unknown one: %v", err)
	}
	if err := p.Approve(t.Context(), "a", first.Digest(), "ann", "r"); !errors.Is(err, ErrOther) {
		t.Errorf("one that was not shown: %v", err)
	}
	must(t, p.Approve(t.Context(), "a", changed.Digest(), "ann", "the new contract"))
	if !p.Holds("a", changed.Digest()) || len(p.Suspended()) != 0 {
		t.Error("it is still suspended")
	}
	// What was agreed to once and left is not agreed to for ever.
	list, err = p.Declare(t.Context(), map[string]Profile{"a": first})
	must(t, err)
	if len(list) != 1 || p.Holds("a", first.Digest()) {
		t.Errorf("going back: %+v", list)
	}
}

func testReplica(t *testing.T, r *room) {
	here, there := r.profiles(t, r.store, nil), r.profiles(t, r.open(), nil)
	changed := first
	changed.URL = "https://other.example.com"
	for _, p := range []*Profiles{here, there} {
		_, err := p.Declare(t.Context(), map[string]Profile{"a": first})
		must(t, err)
		_, err = p.Declare(t.Context(), map[string]Profile{"a": changed})
		must(t, err)
	}
	must(t, here.Approve(t.Context(), "a", changed.Digest(), "ann", "moved"))
	for range 1000 {
		if there.Holds("a", changed.Digest()) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the other replica never knew")
}

// TestStoreAway: without the store a conversation that is not known has no label to go by.
func TestStoreAway(t *testing.T) {
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "db"), Migrations: []store.Migrations{{Room: "privacy", Files: Migrations}}})
	must(t, err)
	c, err := NewConversations(ConversationsConfig{Store: s, Key: make([]byte, 32)})
	must(t, err)
	now := time.Now()
	c.now = func() time.Time { return now }
	must(t, c.Raise(t.Context(), c.ID("known"), HighlyConfidential))
	must(t, c.Raise(t.Context(), c.ID("seen"), General))
	must(t, s.Close())
	now = now.Add(time.Minute)
	highest(t, "what was read a minute ago", c, c.ID("seen"), General)
	if err := c.Raise(t.Context(), c.ID("seen"), Confidential); err == nil {
		t.Error("it rose, and nobody knows")
	}
	now = now.Add(5 * time.Minute)
	if _, err := c.Highest(t.Context(), c.ID("seen")); err == nil {
		t.Error("what was read long ago holds")
	}
	highest(t, "what can rise no more", c, c.ID("known"), HighlyConfidential)
	if _, err := c.Highest(t.Context(), c.ID("x")); err == nil {
		t.Error("it knows")
	}
	if err := c.Raise(t.Context(), c.ID("x"), General); err == nil {
		t.Error("it keeps")
	}
	if _, err := NewConversations(ConversationsConfig{Store: s, Key: nil}); err == nil {
		t.Error("no key was taken")
	}
}

// TestConversationsAreBounded: memory does not grow with those who make names up.
func TestConversationsAreBounded(t *testing.T) {
	c := &Conversations{held: map[ConversationID]held{}}
	for i := range maxConversations + 10 {
		c.hold(c.ID(fmt.Sprint(i)), held{})
		c.forget(c.ID(fmt.Sprint(-i)), time.Now())
	}
	if len(c.held) > maxConversations {
		t.Errorf("%d are held", len(c.held))
	}
}
