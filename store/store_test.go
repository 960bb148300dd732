package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/bartizan-ai/bartizan/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var schema = fstest.MapFS{
	"00001_things.sql": {Data: []byte(`-- +goose Up
CREATE TABLE thing (
	id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL, at BIGINT NOT NULL, share DOUBLE PRECISION NOT NULL, raw BYTEA,
	UNIQUE (n, at));
-- +goose Down
DROP TABLE thing;
`)},
}

// suite is what both databases must do alike.
var suite = []struct {
	name string
	run  func(*testing.T, *Store, func() *Store)
}{
	{"values come back as they went in", testValues},
	{"a taken key is ErrExists, a missing row ErrNotFound", testSentinels},
	{"a failed transaction leaves nothing", testRollback},
	{"a panic leaves nothing and does not lock", testPanic},
	{"read, add, write under concurrency loses nothing", testSerial},
	{"a version counts commits and not rollbacks", testVersion},
	{"question marks in literals are text", testLiterals},
	{"opening again migrates nothing twice", testReopen},
	{"a transaction ends with its context", testCancel},
	{"a purge keeps what is there", testPurge},
}

func TestSQLite(t *testing.T) {
	dir := t.TempDir()
	runSuite(t, func(n int) Config { return Config{Path: filepath.Join(dir, fmt.Sprintf("a ?#%d.db", n))} })
}

func TestPostgreSQL(t *testing.T) {
	dsn := storetest.PostgreSQL(t)
	runSuite(t, func(n int) Config {
		ctx := t.Context()
		s, err := Open(ctx, Config{DSN: dsn})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.Exec(ctx, fmt.Sprintf("CREATE DATABASE suite%d", n)); err != nil {
			t.Fatal(err)
		}
		return Config{DSN: strings.Replace(dsn, "/postgres?", fmt.Sprintf("/suite%d?", n), 1)}
	})
}

func runSuite(t *testing.T, config func(n int) Config) {
	for i, c := range suite {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(i)
			cfg.Migrations = []Migrations{{Room: "things", Files: schema}}
			open := func() *Store {
				s, err := Open(t.Context(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
				return s
			}
			c.run(t, open(), open)
		})
	}
}

func put(ctx context.Context, e interface {
	Exec(context.Context, string, ...any) (int64, error)
}, id string, n int64) error {
	_, err := e.Exec(ctx, `INSERT INTO thing (id, n, at, share) VALUES (?, ?, ?, ?)`, id, n, 0, 0.5)
	return err
}

func count(t *testing.T, s *Store) (n int) {
	t.Helper()
	if err := s.QueryRow(t.Context(), `SELECT count(*) FROM thing`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func testValues(t *testing.T, s *Store, _ func() *Store) {
	ctx := t.Context()
	at := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	raw := []byte{0, 1, 255}
	n, err := s.Exec(ctx, `INSERT INTO thing (id, n, at, share, raw) VALUES (?, ?, ?, ?, ?)`, "é'?", int64(1)<<62, Nanos(at), 0.1, raw)
	if err != nil || n != 1 {
		t.Fatalf("%d rows, %v", n, err)
	}
	var (
		id        string
		big, when int64
		share     float64
		got       []byte
	)
	if err := s.QueryRow(ctx, `SELECT id, n, at, share, raw FROM thing WHERE id = ?`, "é'?").Scan(&id, &big, &when, &share, &got); err != nil {
		t.Fatal(err)
	}
	if id != "é'?" || big != 1<<62 || !Time(when).Equal(at) || share != 0.1 || string(got) != string(raw) {
		t.Errorf("came back as %q %d %v %v %v", id, big, Time(when), share, got)
	}
	if Nanos(time.Time{}) != 0 || !Time(0).IsZero() {
		t.Error("the zero time does not survive")
	}
}

func testSentinels(t *testing.T, s *Store, _ func() *Store) {
	ctx := t.Context()
	if err := put(ctx, s, "a", 1); err != nil {
		t.Fatal(err)
	}
	if err := put(ctx, s, "a", 2); !errors.Is(err, ErrExists) {
		t.Errorf("same primary key: %v", err)
	}
	if err := put(ctx, s, "b", 1); !errors.Is(err, ErrExists) {
		t.Errorf("same unique columns: %v", err)
	}
	var n int
	if err := s.QueryRow(ctx, `SELECT n FROM thing WHERE id = ?`, "none").Scan(&n); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing row: %v", err)
	}
	if _, err := s.Exec(ctx, `INSERT INTO nowhere VALUES (?)`, 1); err == nil || errors.Is(err, ErrExists) {
		t.Errorf("missing table: %v", err)
	}
	if _, err := s.Query(ctx, `SELEC 1`); err == nil {
		t.Error("bad SQL passed")
	}
}

func testRollback(t *testing.T, s *Store, _ func() *Store) {
	ctx, mine := t.Context(), errors.New("mine")
	err := s.Tx(ctx, func(tx *Tx) error {
		if err := put(ctx, tx, "a", 1); err != nil {
			return err
		}
		return mine
	})
	if err != mine {
		t.Errorf("got %v", err)
	}
	if n := count(t, s); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func testPanic(t *testing.T, s *Store, _ func() *Store) {
	ctx := t.Context()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = s.Tx(ctx, func(tx *Tx) error {
			if err := put(ctx, tx, "a", 1); err != nil {
				t.Error(err)
			}
			panic("in the middle")
		})
	}()
	if err := put(ctx, s, "b", 2); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s); n != 1 {
		t.Errorf("%d rows, want the one after the panic", n)
	}
}

func testSerial(t *testing.T, s *Store, _ func() *Store) {
	ctx := t.Context()
	if err := put(ctx, s, "sum", 0); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := int64(0)
	for range 4 {
		wg.Go(func() {
			for range 10 {
				err := s.Tx(ctx, func(tx *Tx) error { return increment(ctx, tx) })
				if err == nil {
					mu.Lock()
					done++
					mu.Unlock()
				} else if !s.refused(err) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var n int64
	if err := s.QueryRow(ctx, `SELECT n FROM thing WHERE id = 'sum'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	if n != done || done == 0 {
		t.Errorf("%d increments were acknowledged, %d are there", done, n)
	}
}

// increment reads first and writes what it read plus one: only a serialisable
// transaction keeps that right.
func increment(ctx context.Context, tx *Tx) error {
	var n int64
	if err := tx.QueryRow(ctx, `SELECT n FROM thing WHERE id = ?`, "sum").Scan(&n); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE thing SET n = ? WHERE id = ?`, n+1, "sum")
	return err
}

func testVersion(t *testing.T, s *Store, open func() *Store) {
	ctx, other := t.Context(), open()
	want := func(v int64) {
		t.Helper()
		if got, err := other.Version(ctx, "keys"); err != nil || got != v {
			t.Errorf("version %d, %v; want %d", got, err, v)
		}
	}
	want(0)
	for i := range int64(2) {
		if err := s.Tx(ctx, func(tx *Tx) error { return tx.Bump(ctx, "keys") }); err != nil {
			t.Fatal(err)
		}
		want(i + 1)
	}
	_ = s.Tx(ctx, func(tx *Tx) error { return errors.Join(tx.Bump(ctx, "keys"), errors.New("no")) })
	want(2)
}

func testLiterals(t *testing.T, s *Store, _ func() *Store) {
	var a, c string
	err := s.QueryRow(t.Context(), `SELECT 'it''s ?' AS "a?", CAST(? AS TEXT) -- why ?
		/* and ? */`, "x").Scan(&a, &c)
	if err != nil || a != "it's ?" || c != "x" {
		t.Errorf("%q %q %v", a, c, err)
	}
}

func testReopen(t *testing.T, s *Store, open func() *Store) {
	if err := put(t.Context(), s, "a", 1); err != nil {
		t.Fatal(err)
	}
	again := open()
	if n := count(t, again); n != 1 {
		t.Errorf("%d rows after opening again", n)
	}
	if err := again.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func testCancel(t *testing.T, s *Store, _ func() *Store) {
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Tx(ctx, func(tx *Tx) error {
		if err := put(ctx, tx, "a", 1); err != nil {
			return err
		}
		cancel()
		return nil
	})
	if err == nil {
		t.Error("a cancelled transaction committed")
	}
	if n := count(t, s); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func TestConfigFaults(t *testing.T) {
	for name, c := range map[string]Config{
		"neither":    {},
		"both":       {Path: "a", DSN: "b"},
		"room name":  {Path: "a", Migrations: []Migrations{{Room: "a; DROP", Files: schema}}},
		"own room":   {Path: "a", Migrations: []Migrations{{Room: "store", Files: schema}}},
		"no files":   {Path: "a", Migrations: []Migrations{{Room: "a"}}},
		"no folder":  {Path: filepath.Join(t.TempDir(), "none", "a.db")},
		"bad DSN":    {DSN: "postgres://%zz"},
		"no server":  {DSN: "postgres://u:" + "hidden" + "word@127.0.0.1:1/x?connect_timeout=1"},
		"broken SQL": {Path: filepath.Join(t.TempDir(), "a.db"), Migrations: []Migrations{{Room: "bad", Files: fstest.MapFS{"00001_x.sql": {Data: []byte("-- +goose Up\nCREATE NONSENSE;\n")}}}}},
	} {
		s, err := Open(t.Context(), c)
		if err == nil {
			s.Close()
			t.Errorf("%s: opened", name)
			continue
		}
		if !strings.HasPrefix(err.Error(), "store: ") || strings.Contains(err.Error(), "hidden"+"word") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSQLiteFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, p := range []string{path, path + "-wal"} {
		fi, err := os.Stat(p)
		if err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", p, fi, err)
		}
	}
}

func TestReadersCannotWrite(t *testing.T) {
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "a.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var n int
	err = s.QueryRow(t.Context(), `INSERT INTO store_version VALUES ('x', 1) RETURNING version`).Scan(&n)
	if err == nil {
		t.Error("a read wrote")
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add(`SELECT '?' FROM "a?" WHERE b = ? -- ?`)
	f.Add(`/* ? */ '`)
	f.Fuzz(func(t *testing.T, q string) {
		if got := rewrite(q, false); got != q {
			t.Errorf("SQLite's text changed to %q", got)
		}
		got := rewrite(q, true)
		// Only question marks may have gone, each for a dollar and digits.
		if strings.Count(got, "$")-strings.Count(q, "$") != strings.Count(q, "?")-strings.Count(got, "?") {
			t.Errorf("%q became %q", q, got)
		}
	})
}

func testPurge(t *testing.T, s *Store, _ func() *Store) {
	ctx := t.Context()
	for i := range 3 {
		if err := put(ctx, s, fmt.Sprint("row", i), int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Exec(ctx, `DELETE FROM thing WHERE id = ?`, "row1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(ctx, "thing"); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s); n != 2 {
		t.Errorf("%d rows are left", n)
	}
	if err := s.Purge(ctx, "thing; DROP TABLE thing"); (err == nil) != !s.postgres {
		t.Error(err)
	}
}

// TestDeletedIsGone: after a purge no byte of what was deleted or replaced is in SQLite's
// files.
func TestDeletedIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s, err := Open(t.Context(), Config{Path: path, Migrations: []Migrations{{Room: "things", Files: schema}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	found := func() (n int) {
		for _, name := range []string{path, path + "-wal"} {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			n += strings.Count(string(b), "plover")
		}
		return n
	}
	for i := range 400 {
		if err := put(t.Context(), s, fmt.Sprintf("plover %d %s", i, strings.Repeat("x", 50)), int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if found() < 400 {
		t.Fatalf("only %d are found before", found())
	}
	if _, err := s.Exec(t.Context(), `UPDATE thing SET id = 'replaced' WHERE n = 7`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Exec(t.Context(), `DELETE FROM thing WHERE n <> 7`); err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := found(); n != 0 {
		t.Errorf("%d are still found", n)
	}
}
