package store

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// tableName is what may stand in a statement that takes no placeholders.
var tableName = regexp.MustCompile(`^[a-z_]{1,60}$`)

// purgeWait is how long readers may hold up a purge, and purgeStep how long it waits
// between two tries.
const (
	purgeWait = 10 * time.Second
	purgeStep = 20 * time.Millisecond
)

// Purge makes the database forget what was deleted from tables and replaced in them. On
// SQLite the write-ahead log is taken into the file, where deleted bytes are overwritten,
// and cut to nothing. On PostgreSQL the tables are written anew, which locks them for that
// long; its own write-ahead log and what was archived of it end by its settings alone.
func (s *Store) Purge(ctx context.Context, tables ...string) error {
	ctx, cancel := context.WithTimeout(ctx, purgeWait)
	defer cancel()
	if !s.postgres {
		return s.truncate(ctx)
	}
	for _, t := range tables {
		if !tableName.MatchString(t) {
			return fmt.Errorf("store: %q cannot name a table", t)
		}
		if _, err := s.write.ExecContext(ctx, "VACUUM (FULL) "+t); err != nil {
			return fmt.Errorf("store: purging %s: %w", t, err)
		}
	}
	return nil
}

// truncate checkpoints the whole write-ahead log. Whoever reads an older state holds it up.
func (s *Store) truncate(ctx context.Context) error {
	for {
		var busy, pages, done int
		if err := s.write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &done); err != nil {
			return fmt.Errorf("store: purging: %w", err)
		}
		if busy == 0 {
			return nil
		}
		select {
		case <-time.After(purgeStep):
		case <-ctx.Done():
			return errors.New("store: purging: somebody still reads what was replaced; try again")
		}
	}
}
