package access

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
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

// room is one store with the folder of its key, and a clock of the test's own.
type room struct {
	store *store.Store
	dir   string
	open  func() *store.Store // another replica's view of the same store
	clock *clock
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// suite is what both databases must do alike.
var suite = []struct {
	name string
	run  func(*testing.T, *room)
}{
	{"a key is shown once and kept as a hash", testKeyIsKeptAsHash},
	{"a revoked key is refused from the next call on", testRevokeAtOnce},
	{"a key that is lent lives in one process, and ends with its use", testLent},
	{"another replica sees a new and a revoked key", testReplica},
	{"a store that is out of reach is believed for a while", testStale},
	{"a link opens one session once", testLinkOnce},
	{"two browsers that race for a link get one session", testLinkRace},
	{"a link ends after a quarter of an hour", testLinkEnds},
	{"a session keeps the teams of its link", testTeams},
	{"sessions from before there were teams are for the whole organisation", testBeforeTeams},
	{"a session ends by idleness", testIdle},
	{"a session ends by age, however busy", testLife},
	{"a session is ended by its id, and all at once", testEnd},
	{"form tokens belong to one session", testFormTokens},
	{"a sweep forgets what ended long ago and nothing else", testSweep},
	{"a store refuses a key of hashes that is not its own", testForeignPepper},
	{"a call is counted before it is made and settled by what it used", testReserveAndSettle},
	{"requests, tokens and money hold for system, key and person", testScopes},
	{"what was spent survives a restart, what was leased survives a crash", testSpentSurvives},
	{"replicas that race never admit more requests than the limit", testReplicasShare},
	{"R74: without the store, leases go on until they are spent or stale", testWithoutStore},
	{"a period that begins anew is open again", testPeriods},
	{"an answer that outgrows its slice is extended, or ends", testExtend},
	{"R75: what is admitted beyond a limit is bounded and is paid back", testDebt},
	{"what systems used is known over days and replicas", testUsage},
	{"idle leases go back to the other replicas", testIdleLease},
	{"what was spent is reported while a lease is under way", testReportedWhileLeasing},
	{"a debt is paid before anything else", testDebtIsPaid},
	{"what the store did not take in is reported again", testReportedAgain},
	{"one limit that refuses takes nothing of the others", testNothingTaken},
	{"a call that outlasts a period is charged to each for its part", testAcrossPeriods},
}

func TestSQLite(t *testing.T) {
	runSuite(t, func(t *testing.T, n int) store.Config {
		return store.Config{Path: filepath.Join(t.TempDir(), "access.db")}
	})
}

func TestPostgreSQL(t *testing.T) {
	dsn := storetest.PostgreSQL(t)
	runSuite(t, func(t *testing.T, n int) store.Config {
		s, err := store.Open(t.Context(), store.Config{DSN: dsn})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.Exec(t.Context(), fmt.Sprintf("CREATE DATABASE access%d", n)); err != nil {
			t.Fatal(err)
		}
		return store.Config{DSN: strings.Replace(dsn, "/postgres?", fmt.Sprintf("/access%d?", n), 1)}
	})
}

func runSuite(t *testing.T, config func(t *testing.T, n int) store.Config) {
	for i, c := range suite {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(t, i)
			cfg.Migrations = []store.Migrations{{Room: "access", Files: Migrations}}
			open := func() *store.Store {
				s, err := store.Open(context.Background(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				return s
			}
			c.run(t, &room{store: open(), dir: filepath.Join(t.TempDir(), "keys"), open: open,
				clock: &clock{t: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}})
		})
	}
}

func (r *room) keys(t *testing.T) *Keys {
	t.Helper()
	return r.keysOf(t, r.store)
}

func (r *room) keysOf(t *testing.T, s *store.Store) *Keys {
	t.Helper()
	k, err := OpenKeys(t.Context(), KeysConfig{Store: s, Dir: r.dir, Now: r.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func (r *room) sessions(t *testing.T) *Sessions {
	t.Helper()
	s, err := OpenSessions(r.store, r.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.now = r.clock.now
	return s
}

// dump returns all that the store holds of a table, as text and as bytes.
func (r *room) dump(t *testing.T, table string) []byte {
	t.Helper()
	rows, err := r.store.Query(t.Context(), "SELECT * FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if b, ok := (*v.(*any)).([]byte); ok {
				out.Write(b)
			} else {
				fmt.Fprint(&out, *v.(*any))
			}
			out.WriteByte('\n')
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if out.Len() == 0 {
		t.Fatalf("%s is empty", table)
	}
	return out.Bytes()
}

func testForeignPepper(t *testing.T, r *room) {
	r.keys(t)
	r.sessions(t) // the same folder is the same key
	other := filepath.Join(t.TempDir(), "keys")
	if _, err := OpenKeys(t.Context(), KeysConfig{Store: r.store, Dir: other}); err == nil || !strings.Contains(err.Error(), "another replica") {
		t.Errorf("another key of hashes was taken: %v", err)
	}
	if _, err := OpenSessions(r.store, other); err == nil {
		t.Error("sessions took another key of hashes")
	}
}

func TestPepper(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	var wg sync.WaitGroup
	made := make([]pepper, 8)
	for i := range made {
		wg.Go(func() {
			p, err := loadPepper(dir)
			if err != nil {
				t.Error(err)
			}
			made[i] = p
		})
	}
	wg.Wait()
	for _, p := range made {
		if len(p) != 32 || !bytes.Equal(p, made[0]) {
			t.Fatal("those who came at once got different keys")
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Fatalf("the folder holds %v, %v", left, err)
	}
	if info, _ := left[0].Info(); info.Mode().Perm() != 0o600 {
		t.Errorf("the key has mode %v", info.Mode())
	}
	if err := os.WriteFile(filepath.Join(dir, "access.key"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadPepper(dir); err == nil || !strings.Contains(err.Error(), "restore") {
		t.Errorf("a damaged key of hashes gives %v", err)
	}
	if bytes.Equal(made[0].hash("key", "x"), made[0].hash("link", "x")) {
		t.Error("a hash does not depend on its purpose")
	}
}

func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || (want == nil) != (err == nil) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}
