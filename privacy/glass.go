package privacy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// Glass is a request to read what is kept, which a second person must approve before it
// counts, once.
type Glass struct {
	ID       string    `json:"id"`
	Asker    string    `json:"asker"`
	Target   string    `json:"target"`
	Reason   string    `json:"reason"`
	Made     time.Time `json:"made"`
	Approved time.Time `json:"approved,omitzero"`
	By       string    `json:"approved_by,omitempty"`
}

// GlassLife is how long a request waits for the second person, and how long the answer
// then counts.
const GlassLife = time.Hour

// Ask makes a request, or returns the one that waits already.
func (s *Subjects) Ask(ctx context.Context, asker, target, reason string) (g Glass, err error) {
	now := s.now().UTC()
	err = s.store.Tx(ctx, func(tx *store.Tx) error {
		g = Glass{Asker: asker, Target: target}
		var made int64
		err := tx.QueryRow(ctx, `SELECT id, reason, made FROM privacy_glass WHERE asker = ? AND target = ? AND used = 0 AND approved = 0 AND made > ? ORDER BY made DESC LIMIT 1`,
			asker, target, store.Nanos(now.Add(-GlassLife))).Scan(&g.ID, &g.Reason, &made)
		if err == nil {
			g.Made = store.Time(made)
			return nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		g.ID, g.Reason, g.Made = newID("glass"), reason, now
		_, err = tx.Exec(ctx, `INSERT INTO privacy_glass (id, asker, target, reason, made) VALUES (?, ?, ?, ?, ?)`, g.ID, asker, target, reason, store.Nanos(now))
		return err
	})
	if err != nil {
		return g, fmt.Errorf("privacy: asking for a second person: %w", err)
	}
	return g, nil
}

// ErrSame means that somebody would approve a request of their own.
var ErrSame = errors.New("privacy: a second person is somebody else than the first")

// Approve lets the asker read once. Nobody approves a request of their own.
func (s *Subjects) Approve(ctx context.Context, id, by string) error {
	now := s.now()
	err := s.store.Tx(ctx, func(tx *store.Tx) error {
		var asker string
		err := tx.QueryRow(ctx, `SELECT asker FROM privacy_glass WHERE id = ? AND approved = 0 AND used = 0 AND made > ?`, id, store.Nanos(now.Add(-GlassLife))).Scan(&asker)
		if errors.Is(err, store.ErrNotFound) {
			return ErrNone
		}
		if err != nil {
			return err
		}
		if asker == by {
			return ErrSame
		}
		_, err = tx.Exec(ctx, `UPDATE privacy_glass SET approved = ?, approved_by = ? WHERE id = ?`, store.Nanos(now), by, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("privacy: approving a request: %w", err)
	}
	return nil
}

// Break uses an approval up; ok is false where there is none.
func (s *Subjects) Break(ctx context.Context, asker, target string) (ok bool, err error) {
	now := s.now()
	n, err := s.store.Exec(ctx, `UPDATE privacy_glass SET used = ? WHERE used = 0 AND id =
		(SELECT id FROM privacy_glass WHERE asker = ? AND target = ? AND used = 0 AND approved > ? ORDER BY approved LIMIT 1)`,
		store.Nanos(now), asker, target, store.Nanos(now.Add(-GlassLife)))
	if err != nil {
		return false, fmt.Errorf("privacy: using an approval: %w", err)
	}
	return n == 1, nil
}

// Asked lists the requests that wait, the newest first.
func (s *Subjects) Asked(ctx context.Context) ([]Glass, error) {
	rows, err := s.store.Query(ctx, `SELECT id, asker, target, reason, made FROM privacy_glass WHERE approved = 0 AND used = 0 AND made > ? ORDER BY made DESC, id LIMIT 1000`,
		store.Nanos(s.now().Add(-GlassLife)))
	if err != nil {
		return nil, fmt.Errorf("privacy: listing requests: %w", err)
	}
	defer rows.Close()
	out := []Glass{}
	for rows.Next() {
		var g Glass
		var made int64
		if err := rows.Scan(&g.ID, &g.Asker, &g.Target, &g.Reason, &made); err != nil {
			return nil, fmt.Errorf("privacy: listing requests: %w", err)
		}
		g.Made = store.Time(made)
		out = append(out, g)
	}
	return out, rows.Err()
}
