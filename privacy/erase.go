package privacy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// Location is a place in which something of a subject lies.
type Location struct {
	Exchange string    `json:"exchange"`
	At       time.Time `json:"at"`
	System   string    `json:"system"`
	Kind     string    `json:"kind"` // "text": what the subject wrote, or was answered
	Path     string    `json:"path"`
	Output   bool      `json:"output,omitempty"`
}

// MaxFound bounds what one look finds.
const MaxFound = 10_000

// Find returns where a subject's data lies, the newest first; of one kind, or of all when
// kind is "". A kind may be written without its family: "email".
func (s *Subjects) Find(ctx context.Context, subject, kind string) ([]Location, error) {
	rows, err := s.store.Query(ctx, `SELECT exchange, at, system, kind, path, output FROM privacy_place
		WHERE subject = ? AND (? = '' OR kind = ? OR kind = ?) ORDER BY at DESC, exchange, output, path LIMIT ?`, subject, kind, kind, "pii."+kind, MaxFound)
	if err != nil {
		return nil, fmt.Errorf("privacy: finding a subject: %w", err)
	}
	defer rows.Close()
	out := []Location{}
	for rows.Next() {
		var f Location
		var at, output int64
		if err := rows.Scan(&f.Exchange, &at, &f.System, &f.Kind, &f.Path, &output); err != nil {
			return nil, fmt.Errorf("privacy: finding a subject: %w", err)
		}
		f.At, f.Output = store.Time(at), output != 0
		out = append(out, f)
	}
	return out, rows.Err()
}

// Erased counts what an erasure reached. All zeros: there was nothing, or it was done before.
type Erased struct {
	Keys      int `json:"keys"`
	Values    int `json:"values"` // places of values that were masked
	Texts     int `json:"texts"`  // that the subject wrote or was answered
	Exchanges int `json:"exchanges"`
	Rows      int `json:"rows"` // of the index
	Consents  int `json:"consents"`
}

// Erase destroys the key of a subject and everything that leads to it, in one transaction,
// and makes the store forget the bytes. It refuses with [ErrHeld] what a legal hold keeps.
// An error after the destruction says so; to repeat an erasure does no harm.
func (s *Subjects) Erase(ctx context.Context, subject string) (e Erased, err error) {
	err = s.store.Tx(ctx, func(tx *store.Tx) error {
		e = Erased{}
		if err := heldBy(ctx, tx, subject); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT count(*), count(CASE WHEN kind = 'text' THEN 1 END), count(DISTINCT exchange) FROM privacy_place WHERE subject = ?`, subject).
			Scan(&e.Rows, &e.Texts, &e.Exchanges); err != nil {
			return err
		}
		e.Values = e.Rows - e.Texts
		for table, n := range map[string]*int{"privacy_key": &e.Keys, "privacy_place": &e.Rows, "privacy_consent": &e.Consents} {
			gone, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE subject = ?`, subject)
			if err != nil {
				return err
			}
			*n = int(gone)
		}
		return nil
	})
	if err != nil {
		return Erased{}, fmt.Errorf("privacy: erasing: %w", err)
	}
	if err := s.store.Purge(ctx, "privacy_key", "privacy_place", "privacy_consent"); err != nil {
		return e, fmt.Errorf("privacy: the key was destroyed, and its bytes may still be in the database's files; erase once more: %w", err)
	}
	return e, nil
}

// Forget removes what leads to texts of before a day, which retention has deleted, and keys
// that nothing is sealed under any more.
func (s *Subjects) Forget(ctx context.Context, before time.Time) error {
	gone := int64(0)
	err := s.store.Tx(ctx, func(tx *store.Tx) (err error) {
		if gone, err = tx.Exec(ctx, `DELETE FROM privacy_place WHERE day < ?`, day(before)); err != nil || gone == 0 {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM privacy_key WHERE NOT EXISTS (SELECT 1 FROM privacy_place WHERE privacy_place.subject = privacy_key.subject)
			AND NOT EXISTS (SELECT 1 FROM privacy_consent WHERE privacy_consent.subject = privacy_key.subject)`)
		return err
	})
	if err == nil && gone > 0 {
		err = s.store.Purge(ctx, "privacy_key", "privacy_place")
	}
	if err != nil {
		return fmt.Errorf("privacy: forgetting what retention deleted: %w", err)
	}
	return nil
}

// EraseAgain erases what a subject had before a time, at which the ledger says that it was
// erased: a restored backup of the store has brought it back. Legal holds do not count,
// since it was gone before.
func (s *Subjects) EraseAgain(ctx context.Context, subject string, at time.Time) (again bool, err error) {
	err = s.store.Tx(ctx, func(tx *store.Tx) error {
		again = false
		for _, q := range []string{`DELETE FROM privacy_key WHERE subject = ? AND made < ?`, `DELETE FROM privacy_place WHERE subject = ? AND at < ?`, `DELETE FROM privacy_consent WHERE subject = ? AND made < ?`} {
			n, err := tx.Exec(ctx, q, subject, store.Nanos(at))
			if err != nil {
				return err
			}
			again = again || n > 0
		}
		return nil
	})
	if err == nil && again {
		err = s.store.Purge(ctx, "privacy_key", "privacy_place", "privacy_consent")
	}
	if err != nil {
		return again, fmt.Errorf("privacy: erasing again: %w", err)
	}
	return again, nil
}

// Seen is up to which number of a log the store has seen erasures; 0: none.
func (s *Subjects) Seen(ctx context.Context, log string) (uint64, error) {
	var seq int64
	err := s.store.QueryRow(ctx, `SELECT seq FROM privacy_seen WHERE log = ?`, log).Scan(&seq)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, fmt.Errorf("privacy: reading what was seen of the log: %w", err)
	}
	return uint64(seq), nil
}

// See notes that erasures up to a number of a log are in the store.
func (s *Subjects) See(ctx context.Context, log string, seq uint64) error {
	if _, err := s.store.Exec(ctx, `INSERT INTO privacy_seen (log, seq) VALUES (?, ?) ON CONFLICT (log) DO UPDATE SET seq = excluded.seq`, log, int64(seq)); err != nil {
		return fmt.Errorf("privacy: noting what was seen of the log: %w", err)
	}
	return nil
}
