package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// Row is the answer to a query for one row.
type Row struct {
	row *sql.Row
}

// Scan copies the columns, or returns [ErrNotFound] when there was no row.
func (r *Row) Scan(dest ...any) error {
	return translate("reading", r.row.Scan(dest...))
}

// Query reads rows; the caller closes them. It must not be used to write: on
// SQLite it runs on a connection that cannot.
func (s *Store) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := s.read.QueryContext(ctx, s.bind(query), args...)
	return rows, translate("querying", err)
}

// QueryRow reads one row.
func (s *Store) QueryRow(ctx context.Context, query string, args ...any) *Row {
	return &Row{s.read.QueryRowContext(ctx, s.bind(query), args...)}
}

// Exec writes outside a transaction and returns how many rows it touched.
func (s *Store) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	return exec(ctx, s.write, s.bind(query), args)
}

// Version counts what changed under a name: see [Tx.Bump]. A name that nobody
// bumped is at 0. Replicas poll it to learn that a cache is stale.
func (s *Store) Version(ctx context.Context, name string) (int64, error) {
	var v int64
	err := s.QueryRow(ctx, `SELECT version FROM store_version WHERE name = ?`, name).Scan(&v)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return v, err
}

// Tx is a transaction. It may read and write.
type Tx struct {
	tx       *sql.Tx
	postgres bool
}

// Query reads rows; the caller closes them before the next statement.
func (t *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := t.tx.QueryContext(ctx, rewrite(query, t.postgres), args...)
	return rows, translate("querying", err)
}

// QueryRow reads one row, of a SELECT or of a statement with RETURNING.
func (t *Tx) QueryRow(ctx context.Context, query string, args ...any) *Row {
	return &Row{t.tx.QueryRowContext(ctx, rewrite(query, t.postgres), args...)}
}

// Exec writes and returns how many rows it touched.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	return exec(ctx, t.tx, rewrite(query, t.postgres), args)
}

// Bump raises the version of a name, visible to others once t commits.
func (t *Tx) Bump(ctx context.Context, name string) error {
	_, err := t.Exec(ctx, `INSERT INTO store_version (name, version) VALUES (?, 1)
		ON CONFLICT (name) DO UPDATE SET version = store_version.version + 1`, name)
	return err
}

// attempts bounds how often a transaction is run again because of others, and maxWait how long
// each waits before it: together about two seconds, so that many beside a long one get through.
const (
	attempts = 16
	maxWait  = 256 * time.Millisecond
)

// Tx runs f in a serialisable transaction and commits it when f returns nil. f's
// own error comes back as it is.
func (s *Store) Tx(ctx context.Context, f func(*Tx) error) error {
	for i := 1; ; i++ {
		err := s.once(ctx, f)
		if err == nil || i == attempts || !s.refused(err) {
			return err
		}
		// Those that collided must not collide again in step.
		wait := rand.N(min(time.Millisecond<<i, maxWait)) + time.Millisecond
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("store: in a transaction: %w", ctx.Err())
		}
	}
}

func (s *Store) once(ctx context.Context, f func(*Tx) error) error {
	opts := &sql.TxOptions{}
	if s.postgres {
		opts.Isolation = sql.LevelSerializable
	}
	tx, err := s.write.BeginTx(ctx, opts)
	if err != nil {
		return translate("beginning", err)
	}
	// A panic in f must not leave SQLite's only writer in a transaction.
	// After a commit this does nothing.
	defer tx.Rollback()
	if err := f(&Tx{tx: tx, postgres: s.postgres}); err != nil {
		return err
	}
	return translate("committing", tx.Commit())
}

// refused reports whether PostgreSQL gave up on a transaction because of
// another one: serialization failure or deadlock.
func (s *Store) refused(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

type execer interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}

func exec(ctx context.Context, e execer, query string, args []any) (int64, error) {
	res, err := e.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, translate("writing", err)
	}
	n, err := res.RowsAffected()
	return n, translate("writing", err)
}

// SQLite's extended codes for a unique key that is taken.
const (
	sqlitePrimaryKey = 1555
	sqliteUnique     = 2067
	sqliteRowID      = 2579
)

// translate names what the callers branch on and says what was being done.
func translate(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() {
		case sqlitePrimaryKey, sqliteUnique, sqliteRowID:
			return fmt.Errorf("%w: %w", ErrExists, err)
		}
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return fmt.Errorf("%w: %w", ErrExists, err)
	}
	return fmt.Errorf("store: %s: %w", doing, err)
}

func (s *Store) bind(query string) string { return rewrite(query, s.postgres) }

// rewrite numbers the placeholders for PostgreSQL. Question marks in strings,
// quoted names and comments are text.
func rewrite(query string, postgres bool) string {
	if !postgres || !strings.Contains(query, "?") {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 8)
	for i, n := 0, 0; i < len(query); {
		if end := literal(query, i); end > i {
			b.WriteString(query[i:end])
			i = end
			continue
		}
		if query[i] == '?' {
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		} else {
			b.WriteByte(query[i])
		}
		i++
	}
	return b.String()
}

// literal returns the end of the string, quoted name or comment that starts at
// i, or i when none does. A doubled quote ends one and starts the next, which
// comes to the same.
func literal(q string, i int) int {
	closing, skip := "", 1
	switch {
	case q[i] == '\'', q[i] == '"':
		closing = q[i : i+1]
	case strings.HasPrefix(q[i:], "--"):
		closing, skip = "\n", 2
	case strings.HasPrefix(q[i:], "/*"):
		closing, skip = "*/", 2
	default:
		return i
	}
	end := strings.Index(q[i+skip:], closing)
	if end < 0 {
		return len(q)
	}
	return i + skip + end + len(closing)
}
