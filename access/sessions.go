package access

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// How long a session lasts (OWASP ASVS 5.0, V7.3) and a link may be used.
const (
	sessionIdle = 30 * time.Minute
	sessionLife = 12 * time.Hour
	linkLife    = 15 * time.Minute
)

// Cookie names the session's cookie. The prefix makes browsers insist on HTTPS,
// on this host alone and on the whole path.
const Cookie = "__Host-bartizan"

// Session is a person at the console.
type Session struct {
	ID      string    `json:"id"`
	Person  string    `json:"person"`
	Roles   []string  `json:"roles"`
	Teams   []string  `json:"teams,omitempty"` // whose things they see; none: those of the whole organisation
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"`
	// Token goes into every form (see [Sessions.CheckToken]).
	Token string `json:"-"`
}

// Sessions opens and ends sessions. Tokens are kept as keyed hashes.
type Sessions struct {
	store  *store.Store
	pepper pepper
	now    func() time.Time
}

// OpenSessions returns the sessions of a store; dir holds the key of hashes.
func OpenSessions(s *store.Store, dir string) (*Sessions, error) {
	p, err := loadPepper(dir)
	if err != nil {
		return nil, err
	}
	if err := p.same(context.Background(), s, dir); err != nil {
		return nil, err
	}
	return &Sessions{store: s, pepper: p, now: time.Now}, nil
}

// Link makes a token that opens one session, once, within a quarter of an hour. Without
// teams the session is for the whole organisation.
// Whoever makes one sweeps, so that what ended does not gather.
func (s *Sessions) Link(ctx context.Context, person string, roles, teams []string) (string, error) {
	token, about := random(30), holder{person: person, roles: strings.Join(roles, " ")}
	if len(teams) > 0 {
		names, err := json.Marshal(teams) // a name may hold whatever a list could be cut at
		if err != nil {
			return "", fmt.Errorf("access: making a link: %w", err)
		}
		about.teams = string(names)
	}
	return token, s.store.Tx(ctx, func(tx *store.Tx) error {
		if err := s.sweep(ctx, tx); err != nil {
			return err
		}
		return s.insert(ctx, tx, "link", "lnk_"+random(10), token, about, linkLife)
	})
}

// holder is whose a link or a session is, as the store has it.
type holder struct{ person, roles, teams string }

// fill takes it over into a session. Teams that cannot be read are an error: no teams would
// mean all of them.
func (h holder) fill(out *Session) error {
	out.Person, out.Roles = h.person, strings.Fields(h.roles)
	if h.teams == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(h.teams), &out.Teams); err != nil || len(out.Teams) == 0 {
		return fmt.Errorf("access: the teams of a session of %s cannot be read; end the session and make a new link", h.person)
	}
	return nil
}

func (s *Sessions) insert(ctx context.Context, tx *store.Tx, kind, id, token string, h holder, life time.Duration) error {
	now := s.now()
	_, err := tx.Exec(ctx, `INSERT INTO access_session (hash, id, kind, person, roles, teams, created, seen, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		s.pepper.hash(kind, token), id, kind, h.person, h.roles, h.teams, store.Nanos(now), store.Nanos(now), store.Nanos(now.Add(life)))
	return err
}

// Redeem ends a link and opens the session it stands for. The session has a token
// of its own, so what was in an address bar is worth nothing afterwards.
func (s *Sessions) Redeem(ctx context.Context, link string) (*http.Cookie, Session, error) {
	token := random(30)
	opened := Session{ID: "ses_" + random(10), Created: s.now().UTC()}
	opened.Seen = opened.Created
	now := store.Nanos(opened.Created)
	err := s.store.Tx(ctx, func(tx *store.Tx) error {
		hash := s.pepper.hash("link", link)
		row := tx.QueryRow(ctx, `SELECT person, roles, teams FROM access_session WHERE hash = ? AND kind = 'link' AND ended = 0 AND expires > ?`, hash, now)
		var h holder
		if err := row.Scan(&h.person, &h.roles, &h.teams); err != nil {
			return err
		}
		if err := h.fill(&opened); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE access_session SET ended = ? WHERE hash = ? AND ended = 0`, now, hash)
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrNotFound
		}
		return s.insert(ctx, tx, "session", opened.ID, token, h, sessionLife)
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, Session{}, ErrSession
	}
	if err != nil {
		return nil, Session{}, err
	}
	return &http.Cookie{Name: Cookie, Value: token, Path: "/", Secure: true, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, MaxAge: int(sessionLife.Seconds())}, opened, nil
}

// Session returns who a request comes from, and notes that they were seen.
func (s *Sessions) Session(ctx context.Context, r *http.Request) (*Session, error) {
	c, err := r.Cookie(Cookie)
	if err != nil {
		return nil, ErrSession
	}
	hash, now := s.pepper.hash("session", c.Value), s.now()
	var out Session
	var h holder
	var created, seen int64
	err = s.store.QueryRow(ctx, `SELECT id, person, roles, teams, created, seen FROM access_session
		WHERE hash = ? AND kind = 'session' AND ended = 0 AND expires > ? AND seen > ?`,
		hash, store.Nanos(now), store.Nanos(now.Add(-sessionIdle))).Scan(&out.ID, &h.person, &h.roles, &h.teams, &created, &seen)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrSession
	}
	if err == nil {
		err = h.fill(&out)
	}
	if err != nil {
		return nil, err
	}
	out.Created, out.Seen = store.Time(created), store.Time(seen)
	out.Token = hex.EncodeToString(s.pepper.hash("form", c.Value))
	if now.Sub(out.Seen) > time.Minute {
		if _, err := s.store.Exec(ctx, `UPDATE access_session SET seen = ? WHERE hash = ?`, store.Nanos(now), hash); err != nil {
			return nil, err
		}
	}
	return &out, nil
}

// CheckToken reports whether a form was made for this session.
func (s *Session) CheckToken(token string) bool {
	return s.Token != "" && hmac.Equal([]byte(token), []byte(s.Token))
}

// Has reports whether the person has a role.
func (s *Session) Has(role string) bool {
	for _, r := range s.Roles {
		if r == role {
			return true
		}
	}
	return false
}

// List returns the sessions that are open.
func (s *Sessions) List(ctx context.Context) ([]Session, error) {
	now := s.now()
	rows, err := s.store.Query(ctx, `SELECT id, person, roles, teams, created, seen FROM access_session
		WHERE kind = 'session' AND ended = 0 AND expires > ? AND seen > ? ORDER BY created`,
		store.Nanos(now), store.Nanos(now.Add(-sessionIdle)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Session
	for rows.Next() {
		var one Session
		var h holder
		var created, seen int64
		if err := rows.Scan(&one.ID, &h.person, &h.roles, &h.teams, &created, &seen); err != nil {
			return nil, err
		}
		if err := h.fill(&one); err != nil {
			return nil, err
		}
		one.Created, one.Seen = store.Time(created), store.Time(seen)
		out = append(out, one)
	}
	return out, rows.Err()
}

// End ends one session, or all when id is "": those that are open, and those that
// links would still open.
func (s *Sessions) End(ctx context.Context, id string) error {
	n, err := s.store.Exec(ctx, `UPDATE access_session SET ended = ? WHERE (id = ? AND kind = 'session' OR ? = '') AND ended = 0`,
		store.Nanos(s.now()), id, id)
	if err == nil && n == 0 && id != "" {
		err = ErrSession
	}
	return err
}

// Sweep forgets links and sessions that ended long ago.
func (s *Sessions) Sweep(ctx context.Context) error {
	return s.store.Tx(ctx, func(tx *store.Tx) error { return s.sweep(ctx, tx) })
}

func (s *Sessions) sweep(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Exec(ctx, `DELETE FROM access_session WHERE expires < ?`, store.Nanos(s.now().Add(-24*time.Hour)))
	return err
}
