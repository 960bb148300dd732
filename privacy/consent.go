package privacy

import (
	"context"
	"fmt"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// Consent is what a person agreed to, or the owner of a system for those who use it: to what,
// for which purpose, until when. Whose it is is kept as the name of a subject, and goes when
// that is erased.
type Consent struct {
	ID        string    `json:"id"`
	Subject   string    `json:"subject,omitempty"` // sub_…; "": of a system
	System    string    `json:"system,omitempty"`
	What      string    `json:"what"` // a use: see [CheckUse]
	Purpose   string    `json:"purpose"`
	Until     time.Time `json:"until,omitzero"` // zero: until it is revoked
	Made      time.Time `json:"made"`
	By        string    `json:"by"`
	Revoked   time.Time `json:"revoked,omitzero"`
	RevokedBy string    `json:"revoked_by,omitempty"`
}

// State says whether a consent counts: it "holds", has "ended", or was "revoked".
func (c Consent) State(now time.Time) string {
	switch {
	case !c.Revoked.IsZero():
		return "revoked"
	case !c.Until.IsZero() && !c.Until.After(now):
		return "ended"
	}
	return "holds"
}

// AddConsent notes a consent.
func (s *Subjects) AddConsent(ctx context.Context, c Consent) (Consent, error) {
	c.ID, c.Made = newID("consent"), s.now().UTC()
	if _, err := s.store.Exec(ctx, `INSERT INTO privacy_consent (id, subject, system, what, purpose, until, made, made_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		c.ID, c.Subject, c.System, c.What, c.Purpose, store.Nanos(c.Until), store.Nanos(c.Made), c.By); err != nil {
		return c, fmt.Errorf("privacy: adding a consent: %w", err)
	}
	return c, nil
}

// RevokeConsent ends a consent; it stays on the list.
func (s *Subjects) RevokeConsent(ctx context.Context, id, by string) error {
	n, err := s.store.Exec(ctx, `UPDATE privacy_consent SET revoked = ?, revoked_by = ? WHERE id = ? AND revoked = 0`, store.Nanos(s.now()), by, id)
	if err == nil && n == 0 {
		err = ErrNone
	}
	if err != nil {
		return fmt.Errorf("privacy: revoking a consent: %w", err)
	}
	return nil
}

// Consents lists the consents of a subject, or of all when subject is "", the newest first.
func (s *Subjects) Consents(ctx context.Context, subject string) ([]Consent, error) {
	rows, err := s.store.Query(ctx, `SELECT id, subject, system, what, purpose, until, made, made_by, revoked, revoked_by FROM privacy_consent
		WHERE ? = '' OR subject = ? ORDER BY made DESC, id LIMIT 1000`, subject, subject)
	if err != nil {
		return nil, fmt.Errorf("privacy: listing consents: %w", err)
	}
	defer rows.Close()
	out := []Consent{}
	for rows.Next() {
		var c Consent
		var until, made, revoked int64
		if err := rows.Scan(&c.ID, &c.Subject, &c.System, &c.What, &c.Purpose, &until, &made, &c.By, &revoked, &c.RevokedBy); err != nil {
			return nil, fmt.Errorf("privacy: listing consents: %w", err)
		}
		c.Until, c.Made, c.Revoked = store.Time(until), store.Time(made), store.Time(revoked)
		out = append(out, c)
	}
	return out, rows.Err()
}
