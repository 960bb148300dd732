package privacy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// Hold keeps what is of a subject or of a system from being erased or deleted, until it is
// lifted.
type Hold struct {
	ID       string    `json:"id"`
	Subject  string    `json:"subject,omitempty"` // sub_…
	System   string    `json:"system,omitempty"`
	Reason   string    `json:"reason"`
	Made     time.Time `json:"made"`
	By       string    `json:"by"`
	Lifted   time.Time `json:"lifted,omitzero"`
	LiftedBy string    `json:"lifted_by,omitempty"`
}

// HeldError names the hold that forbids something. It is [ErrHeld].
type HeldError struct{ ID string }

func (e *HeldError) Error() string {
	return "privacy: under legal hold " + e.ID + "; lift it first, where the law allows that"
}

// Is implements what [errors.Is] asks.
func (e *HeldError) Is(target error) bool { return target == ErrHeld }

func newID(prefix string) string { return prefix + "_" + strings.ToLower(rand.Text()) }

// AddHold puts a subject or a system under legal hold.
func (s *Subjects) AddHold(ctx context.Context, h Hold) (Hold, error) {
	if (h.Subject == "") == (h.System == "") {
		return h, errors.New("privacy: a hold is on a subject or on a system; name one of the two")
	}
	h.ID, h.Made = newID("hold"), s.now().UTC()
	if _, err := s.store.Exec(ctx, `INSERT INTO privacy_hold (id, subject, system, reason, made, made_by) VALUES (?, ?, ?, ?, ?, ?)`,
		h.ID, h.Subject, h.System, h.Reason, store.Nanos(h.Made), h.By); err != nil {
		return h, fmt.Errorf("privacy: adding a hold: %w", err)
	}
	return h, nil
}

// LiftHold ends a hold; it stays on the list.
func (s *Subjects) LiftHold(ctx context.Context, id, by string) error {
	n, err := s.store.Exec(ctx, `UPDATE privacy_hold SET lifted = ?, lifted_by = ? WHERE id = ? AND lifted = 0`, store.Nanos(s.now()), by, id)
	if err == nil && n == 0 {
		err = ErrNone
	}
	if err != nil {
		return fmt.Errorf("privacy: lifting a hold: %w", err)
	}
	return nil
}

// Holds lists holds, the newest first.
func (s *Subjects) Holds(ctx context.Context) ([]Hold, error) {
	rows, err := s.store.Query(ctx, `SELECT id, subject, system, reason, made, made_by, lifted, lifted_by FROM privacy_hold ORDER BY made DESC, id LIMIT 1000`)
	if err != nil {
		return nil, fmt.Errorf("privacy: listing holds: %w", err)
	}
	defer rows.Close()
	out := []Hold{}
	for rows.Next() {
		var h Hold
		var made, lifted int64
		if err := rows.Scan(&h.ID, &h.Subject, &h.System, &h.Reason, &made, &h.By, &lifted, &h.LiftedBy); err != nil {
			return nil, fmt.Errorf("privacy: listing holds: %w", err)
		}
		h.Made, h.Lifted = store.Time(made), store.Time(lifted)
		out = append(out, h)
	}
	return out, rows.Err()
}

// heldBy returns the hold on a subject, or on a system that has something of it.
func heldBy(ctx context.Context, tx *store.Tx, subject string) error {
	var id string
	err := tx.QueryRow(ctx, `SELECT id FROM privacy_hold WHERE lifted = 0 AND (subject = ?
		OR system <> '' AND EXISTS (SELECT 1 FROM privacy_place WHERE privacy_place.subject = ? AND privacy_place.system = privacy_hold.system))
		ORDER BY made LIMIT 1`, subject, subject).Scan(&id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return &HeldError{id}
}

// HeldFrom says what retention must leave: the first day of which a text is under hold
// (zero: none is), and whether records must stay, as those of a system under hold do.
func (s *Subjects) HeldFrom(ctx context.Context) (first time.Time, records bool, err error) {
	var day, systems int64
	err = s.store.QueryRow(ctx, `SELECT coalesce(min(p.day), 0) FROM privacy_hold h JOIN privacy_place p
		ON h.subject = p.subject OR h.system = p.system WHERE h.lifted = 0`).Scan(&day)
	if err == nil {
		err = s.store.QueryRow(ctx, `SELECT count(*) FROM privacy_hold WHERE lifted = 0 AND system <> ''`).Scan(&systems)
	}
	if err != nil {
		return first, false, fmt.Errorf("privacy: reading the holds: %w", err)
	}
	if day != 0 {
		first = time.Date(int(day/10000), time.Month(day/100%100), int(day%100), 0, 0, 0, 0, time.UTC)
	}
	return first, systems > 0, nil
}
