package access

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/record"
)

func bearer(key string) http.Header { return http.Header{"Authorization": {"Bearer " + key}} }

func testKeyIsKeptAsHash(t *testing.T, r *room) {
	k := r.keys(t)
	key, shown, err := k.Create(t.Context(), "support-bot", "local:root")
	if err != nil {
		t.Fatal(err)
	}
	secret := shown[strings.LastIndex(shown, "_")+1:]
	if len(secret) < 40 || !strings.HasPrefix(shown, prefix) || !strings.HasPrefix(shown, key.Hint) {
		t.Fatalf("the key has a secret of %d letters and the hint %s", len(secret), key.Hint)
	}
	dump := r.dump(t, "access_key")
	if bytes.Contains(dump, []byte(secret)) || bytes.Contains(dump, []byte(hex.EncodeToString([]byte(secret)))) {
		t.Error("the secret is in the store")
	}
	if len(key.Hint) > len(prefix)+6 || strings.Contains(key.Hint, secret[:6]) {
		t.Errorf("the hint %s tells of the secret", key.Hint)
	}
	p, err := k.Authenticate(bearer(shown))
	if want := (record.Principal{Kind: "key", ID: key.ID, System: "support-bot"}); err != nil || p != want {
		t.Errorf("authenticated as %+v, %v", p, err)
	}
	if list := k.List(); len(list) != 1 || list[0].ID != key.ID || list[0].CreatedBy != "local:root" || !list[0].Created.Equal(r.clock.now()) {
		t.Errorf("the list is %+v", list)
	}
	id := strings.TrimPrefix(key.ID, "key_")
	for name, wrong := range map[string]string{
		"another secret": prefix + id + "_" + strings.Repeat("a", len(secret)), "no secret": prefix + id + "_", "no separator": prefix + id,
		"another id": prefix + "aaaaaaaa_" + secret, "no prefix": id + "_" + secret, "the hash": prefix + id + "_" + string(key.hash),
		"a letter less": shown[:len(shown)-1], "a letter more": shown + "a", "upper case": strings.ToUpper(shown), "too long": shown + strings.Repeat("a", 300),
	} {
		if p, err := k.Authenticate(bearer(wrong)); err != ErrKey || p.ID != "" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func testRevokeAtOnce(t *testing.T, r *room) {
	k := r.keys(t)
	key, shown, err := k.Create(t.Context(), "a", "x")
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := k.Create(t.Context(), "a", "x")
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.Authenticate(bearer(shown))
	is(t, "before", err, nil)
	is(t, "revoking", k.Revoke(t.Context(), key.ID), nil)
	_, err = k.Authenticate(bearer(shown))
	is(t, "afterwards", err, ErrRevoked)
	is(t, "an open call", k.Live(p), ErrRevoked)
	_, err = k.Authenticate(bearer(other))
	is(t, "another key", err, nil)
	is(t, "revoking twice", k.Revoke(t.Context(), key.ID), ErrKey)
	is(t, "revoking what is not there", k.Revoke(t.Context(), "key_none"), ErrKey)
	is(t, "a principal nobody knows", k.Live(record.Principal{ID: "key_none"}), ErrKey)
	// What is revoked stays so for whoever starts afterwards.
	_, err = r.keys(t).Authenticate(bearer(shown))
	is(t, "after a restart", err, ErrRevoked)
}

// testReplica covers R48: everywhere within seconds, without a call between the
// replicas.
func testReplica(t *testing.T, r *room) {
	here, there := r.keys(t), r.keysOf(t, r.open())
	key, shown, err := here.Create(t.Context(), "a", "x")
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the new key is known there", func() bool { _, err := there.Authenticate(bearer(shown)); return err == nil })
	is(t, "revoking there", there.Revoke(t.Context(), key.ID), nil)
	until(t, "the revoked key is refused here", func() bool { _, err := here.Authenticate(bearer(shown)); return err == ErrRevoked })
	// A key of another replica can be ended before it was ever seen here.
	fresh, _, err := here.Create(t.Context(), "a", "x")
	if err != nil {
		t.Fatal(err)
	}
	is(t, "revoking unseen", there.Revoke(t.Context(), fresh.ID), nil)
}

// until waits for what another goroutine brings about.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it never happened that %s", what)
}

func testStale(t *testing.T, r *room) {
	k := r.keys(t)
	_, shown, err := k.Create(t.Context(), "a", "x")
	if err != nil {
		t.Fatal(err)
	}
	k.Close() // nobody looks at the store any more
	_, err = k.Authenticate(bearer(shown))
	is(t, "at once", err, nil)
	r.clock.pass(5 * time.Minute)
	_, err = k.Authenticate(bearer(shown))
	is(t, "after five minutes", err, nil)
	r.clock.pass(time.Second)
	_, err = k.Authenticate(bearer(shown))
	is(t, "later", err, ErrStale)
	is(t, "a look", k.refresh(t.Context()), nil)
	_, err = k.Authenticate(bearer(shown))
	is(t, "after a look", err, nil)
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	r.clock.pass(6 * time.Minute)
	if k.refresh(t.Context()) == nil {
		t.Error("a store that is gone was seen")
	}
	_, err = k.Authenticate(bearer(shown))
	is(t, "without the store", err, ErrStale)
	if _, _, err := k.Create(t.Context(), "a", "x"); err == nil {
		t.Error("a key was made without the store")
	}
}

func TestCredential(t *testing.T) {
	for _, c := range []struct {
		name string
		h    http.Header
		want string
		err  error
	}{
		{"nothing", http.Header{}, "", ErrNoKey},
		{"bearer", http.Header{"Authorization": {"Bearer k"}}, "k", nil},
		{"bearer in any case", http.Header{"Authorization": {"bEARER   k "}}, "k", nil},
		{"empty bearer", http.Header{"Authorization": {"Bearer "}}, "", ErrNoKey},
		{"no scheme", http.Header{"Authorization": {"k"}}, "", ErrKey},
		{"another scheme", http.Header{"Authorization": {"Basic k"}}, "", ErrKey},
		{"x-api-key", http.Header{"X-Api-Key": {"k"}}, "k", nil},
		{"api-key", http.Header{"Api-Key": {"k"}}, "k", nil},
		{"the same in all", http.Header{"Authorization": {"Bearer k"}, "X-Api-Key": {"k"}, "Api-Key": {"k"}}, "k", nil},
		{"an empty one beside", http.Header{"Authorization": {"Bearer k"}, "X-Api-Key": {""}}, "k", nil},
		{"two that differ", http.Header{"Authorization": {"Bearer k"}, "X-Api-Key": {"l"}}, "", ErrKey},
		{"two that differ in one header", http.Header{"Api-Key": {"k", "l"}}, "", ErrKey},
		{"another scheme beside a key", http.Header{"Authorization": {"Basic k"}, "X-Api-Key": {"k"}}, "", ErrKey},
		{"at the bound", http.Header{"Api-Key": {strings.Repeat("k", maxCredential)}}, strings.Repeat("k", maxCredential), nil},
		{"above the bound", http.Header{"Api-Key": {strings.Repeat("k", maxCredential+1)}}, "", ErrKey},
		{"another header", http.Header{"Cookie": {"k"}}, "", ErrNoKey},
	} {
		if got, err := credential(c.h); got != c.want || err != c.err {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

func FuzzCredential(f *testing.F) {
	f.Add("Bearer bzk_a_b", "", "")
	f.Add("", "bzk_a_b", "bzk_a_c")
	f.Add("Basic x", "y", "y")
	f.Fuzz(func(t *testing.T, authorization, one, two string) {
		got, err := credential(http.Header{"Authorization": {authorization}, "X-Api-Key": {one}, "Api-Key": {two}})
		if (err == nil) == (got == "") || len(got) > maxCredential {
			t.Fatalf("%q, %v", got, err)
		}
		if err == nil && one != "" && two != "" && one != two {
			t.Fatalf("of %q and %q one was taken", one, two)
		}
	})
}

// BenchmarkAuthenticate is on the way of every call.
func BenchmarkAuthenticate(b *testing.B) {
	known := map[string]*Key{}
	p := pepper(make([]byte, 32))
	for _, id := range []string{"a", "b"} {
		known["key_"+id] = &Key{ID: "key_" + id, hash: p.hash("key", "secret")}
	}
	k := &Keys{pepper: p, now: time.Now, stale: time.Hour}
	k.known.Store(&known)
	k.looked()
	h := bearer(prefix + "b_secret")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Authenticate(h); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecide asks a hundred systems' permits.
func BenchmarkDecide(b *testing.B) {
	var systems []record.System
	for i := range 100 {
		systems = append(systems, system("bot"+strings.Repeat("x", i)))
	}
	p, err := NewPermits(systems, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !p.ask("botxxx", Admit, "fast").Allowed {
			b.Fatal("denied")
		}
	}
}

// testLent: who holds a lent key is a canary of the system, here and nowhere else; the store never
// hears of it, whatever else changes there.
func testLent(t *testing.T, r *room) {
	k, other := r.keys(t), r.keysOf(t, r.open())
	shown, giveBack := k.Lend("bot", "canaries")
	p, err := k.Authenticate(bearer(shown))
	if err != nil || p.Kind != record.Canary || p.System != "bot" {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := other.Authenticate(bearer(shown)); err != ErrKey {
		t.Errorf("another replica: %v", err)
	}
	kept := 0
	if err := r.store.QueryRow(t.Context(), `SELECT count(*) FROM access_key`).Scan(&kept); err != nil || kept != 0 || len(k.List()) != 0 {
		t.Errorf("it is listed or kept: %d %+v %v", kept, k.List(), err)
	}
	if _, _, err := other.Create(t.Context(), "bot", "ada"); err != nil {
		t.Fatal(err)
	}
	if err := k.refresh(t.Context()); err != nil || len(k.List()) != 1 {
		t.Fatalf("%v %v", k.List(), err)
	}
	if err := k.Live(p); err != nil {
		t.Errorf("it ended when keys were loaded anew: %v", err)
	}
	giveBack()
	if _, err := k.Authenticate(bearer(shown)); err != ErrKey {
		t.Errorf("given back: %v", err)
	}
	if err := k.Live(p); err != ErrKey {
		t.Errorf("open calls with it go on: %v", err)
	}
	giveBack()
}
