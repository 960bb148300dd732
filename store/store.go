// Package store keeps rows on SQLite or PostgreSQL behind one small API, so that
// a room writes its SQL once and one test suite holds on both.
//
// A room brings its schema as [Migrations] and speaks plain SQL with `?`
// placeholders; the store rewrites them where PostgreSQL wants `$1`. It knows no
// domain. To stay on common ground, schemas use only TEXT, BIGINT, DOUBLE
// PRECISION and BYTEA, booleans are BIGINT 0 or 1, and times are BIGINT
// nanoseconds ([Nanos], [Time]).
//
// What is deleted is overwritten on SQLite, and [Store.Purge] takes it out of the
// places where a database keeps what it replaced.
//
// Reads outside a transaction may come from another connection than writes, but
// always see what was committed before. [Store.Tx] is serialisable on both
// databases. PostgreSQL may refuse such a transaction because of another one; it
// is then run again, so the function must not have effects outside of it.
//
//	s, err := store.Open(ctx, store.Config{
//		Path:       "/var/lib/bartizan/bartizan.db",
//		Migrations: []store.Migrations{{Room: "access", Files: access.Migrations}},
//	})
//
// This package's API may change.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	_ "modernc.org/sqlite" // the "sqlite" driver
)

// ErrExists means that a row with the same unique key is there already.
var ErrExists = errors.New("store: already exists")

// ErrNotFound means that no row matched.
var ErrNotFound = errors.New("store: not found")

// Migrations is the schema of one room: goose SQL files (00001_name.sql, …) at
// the root of Files or in its directory "migrations". Each room has its own
// version table, so that rooms grow without agreeing on numbers.
type Migrations struct {
	Room  string // one lower-case word; names the version table
	Files fs.FS
}

// Config says where the rows are. Exactly one of Path and DSN is set.
type Config struct {
	Path string // SQLite file; created, readable by the owner only
	DSN  string // PostgreSQL, as URL or key=value
	// Migrations are applied in this order before Open returns.
	Migrations []Migrations
	// Busy bounds the wait for another writer of the SQLite file; 0: 10 s.
	Busy time.Duration
	// Conns bounds the connections for reading; 0: 8.
	Conns int
}

// Store is a database that is open and has the schema of every room.
type Store struct {
	write, read *sql.DB
	postgres    bool
}

//go:embed migrations/*.sql
var own embed.FS

// Validate reports what is wrong with a Config.
func (c Config) Validate() error {
	if (c.Path == "") == (c.DSN == "") {
		return errors.New("store: set either a path (SQLite) or a DSN (PostgreSQL)")
	}
	for _, m := range c.Migrations {
		if !roomName.MatchString(m.Room) || m.Room == "store" {
			return fmt.Errorf("store: %q cannot name a room", m.Room)
		}
		if m.Files == nil {
			return fmt.Errorf("store: room %s brings no files", m.Room)
		}
	}
	return nil
}

// A room's name becomes part of a table name, which no placeholder can carry.
var roomName = regexp.MustCompile(`^[a-z]{1,40}$`)

// Open connects, migrates and returns a store that is ready. Several replicas
// may open one PostgreSQL at once: a session lock lets one migrate.
func Open(ctx context.Context, c Config) (*Store, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Busy == 0 {
		c.Busy = 10 * time.Second
	}
	if c.Conns == 0 {
		c.Conns = 8
	}
	s, err := connect(c)
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx, c.Migrations); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func connect(c Config) (*Store, error) {
	if c.DSN != "" {
		db, err := sql.Open("pgx", c.DSN)
		if err != nil {
			return nil, fmt.Errorf("store: opening PostgreSQL: %w", err)
		}
		db.SetMaxOpenConns(c.Conns)
		db.SetMaxIdleConns(c.Conns)
		return &Store{write: db, read: db, postgres: true}, nil
	}
	if err := create(c.Path); err != nil {
		return nil, err
	}
	write, err := sql.Open("sqlite", sqliteDSN(c, false))
	if err != nil {
		return nil, fmt.Errorf("store: opening SQLite: %w", err)
	}
	// SQLite has one writer. Queueing for its connection here is fair and
	// silent; queueing inside SQLite is polling that can time out.
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", sqliteDSN(c, true))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: opening SQLite: %w", err), write.Close())
	}
	read.SetMaxOpenConns(c.Conns)
	read.SetMaxIdleConns(c.Conns)
	return &Store{write: write, read: read}, nil
}

// create makes the file before SQLite does, which would let everyone read it.
// The WAL takes over its mode.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("store: opening SQLite: %w", err)
	}
	return f.Close()
}

// sqliteDSN carries the pragmas, since every connection needs them.
func sqliteDSN(c Config, readOnly bool) string {
	path := c.Path
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", c.Busy.Milliseconds()),
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)",
	}}
	if readOnly {
		q.Del("_txlock")
		q.Add("_pragma", "query_only(1)")
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// migrate brings every room's schema up to date, the store's own first.
func (s *Store) migrate(ctx context.Context, rooms []Migrations) error {
	for _, m := range append([]Migrations{{Room: "store", Files: own}}, rooms...) {
		if err := s.migrateRoom(ctx, m); err != nil {
			return fmt.Errorf("store: migrating %s: %w", m.Room, err)
		}
	}
	return nil
}

func (s *Store) migrateRoom(ctx context.Context, m Migrations) error {
	files := m.Files
	if _, err := fs.Stat(files, "migrations"); err == nil {
		if files, err = fs.Sub(files, "migrations"); err != nil {
			return err
		}
	}
	opts := []goose.ProviderOption{
		goose.WithTableName("goose_" + m.Room),
		goose.WithDisableGlobalRegistry(true),
	}
	dialect := goose.DialectSQLite3
	if s.postgres {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return err
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(dialect, s.write, files, opts...)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// Close closes every connection.
func (s *Store) Close() error {
	if s.postgres {
		return s.write.Close()
	}
	return errors.Join(s.read.Close(), s.write.Close())
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.read.PingContext(ctx); err != nil {
		return fmt.Errorf("store: the database does not answer: %w", err)
	}
	return nil
}

// Nanos is how the store keeps a time; the zero time is 0.
func Nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// Time is the inverse of [Nanos], in UTC.
func Time(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
