// Package desk does every administrative operation, once: the command line, the
// JSON API and the console all come here.
//
// No act without right and record: an operation is permitted by a permit, is
// recorded as intended before anything changes and as done or failed afterwards.
// When it cannot be recorded, it does not happen.
//
// This package's API may change.
package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/record"
)

// The acts. Each is the resource of an "administer" permit: Act::"key.create".
const (
	KeyCreate   = "key.create"
	KeyRevoke   = "key.revoke"
	KeyRead     = "key.read"
	LinkCreate  = "link.create"
	SessionEnd  = "session.end"
	SessionRead = "session.read"
	RecordRead  = "record.read"
	LedgerRead  = "ledger.read"
	PolicyRead  = "policy.read"
)

// ErrDenied means that no permit allows the act.
var ErrDenied = errors.New("desk: not permitted")

// Roles are what people at the console can be.
var Roles = []string{"admin", "approver", "auditor", "reader"}

// Actor is who acts.
type Actor struct {
	Person string // "local:root", "ops@acme.example"
	Roles  []string
}

// Config is what a Desk works with.
type Config struct {
	Keys     *access.Keys
	Sessions *access.Sessions
	Permits  func() *access.Permits // those of now
	Recorder record.Recorder
	Now      func() time.Time // nil: time.Now
}

// Desk does administrative operations.
type Desk struct{ cfg Config }

// New returns a Desk.
func New(cfg Config) *Desk {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Desk{cfg}
}

// May reports whether an actor may do something, without doing it.
func (d *Desk) May(a Actor, act string) error {
	p := d.cfg.Permits().Decide(access.Ask{
		Principal: record.Principal{Kind: "person", ID: a.Person}, Roles: a.Roles, Point: access.Administer, Target: act})
	if p.Allowed {
		return nil
	}
	return fmt.Errorf("%w: %s may not do %s; ask somebody with the role admin", ErrDenied, a.Person, act)
}

// act permits, records and does one operation.
func (d *Desk) act(ctx context.Context, a Actor, kind, target string, detail map[string]string, do func() error) error {
	act := record.Act{ID: "act_" + strings.ReplaceAll(uuid.NewString(), "-", ""), At: d.cfg.Now().UTC(), Kind: kind, By: a.Person, Target: target, Detail: detail}
	if err := d.May(a, kind); err != nil {
		act.Phase = "refused"
		return errors.Join(err, d.cfg.Recorder.Act(ctx, act))
	}
	act.Phase = "intended"
	if err := d.cfg.Recorder.Act(ctx, act); err != nil {
		return fmt.Errorf("desk: %s was not done, because it cannot be recorded: %w", kind, err)
	}
	err := do()
	act.Phase, act.At = "done", d.cfg.Now().UTC()
	if err != nil {
		act.Phase = "failed"
	}
	return errors.Join(err, d.cfg.Recorder.Act(context.WithoutCancel(ctx), act))
}

// CreateKey makes a key for a declared system and returns its secret, which is
// shown once.
func (d *Desk) CreateKey(ctx context.Context, a Actor, system string) (key access.Key, secret string, err error) {
	if _, err := d.cfg.Permits().System(system); err != nil {
		return key, "", fmt.Errorf("%w; declare it under systems in the configuration", err)
	}
	err = d.act(ctx, a, KeyCreate, system, nil, func() (err error) {
		key, secret, err = d.cfg.Keys.Create(ctx, system, a.Person)
		return err
	})
	return key, secret, err
}

// RevokeKey ends a key at once.
func (d *Desk) RevokeKey(ctx context.Context, a Actor, id string) error {
	return d.act(ctx, a, KeyRevoke, id, nil, func() error { return d.cfg.Keys.Revoke(ctx, id) })
}

// Keys lists keys, newest first; of one system, or of all when system is "".
func (d *Desk) Keys(a Actor, system string) ([]access.Key, error) {
	if err := d.May(a, KeyRead); err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(d.cfg.Keys.List(), func(k access.Key) bool { return system != "" && k.System != system })
	slices.SortFunc(list, func(x, y access.Key) int { return y.Created.Compare(x.Created) })
	return list, nil
}

// Link makes a token that opens one console session for a person, once.
func (d *Desk) Link(ctx context.Context, a Actor, person string, roles []string) (token string, err error) {
	for _, r := range roles {
		if !slices.Contains(Roles, r) {
			return "", fmt.Errorf("desk: %q is no role; the roles are %s", r, strings.Join(Roles, ", "))
		}
	}
	err = d.act(ctx, a, LinkCreate, person, map[string]string{"roles": strings.Join(roles, " ")}, func() (err error) {
		token, err = d.cfg.Sessions.Link(ctx, person, roles)
		return err
	})
	return token, err
}

// Sessions lists the sessions that are open.
func (d *Desk) Sessions(ctx context.Context, a Actor) ([]access.Session, error) {
	if err := d.May(a, SessionRead); err != nil {
		return nil, err
	}
	return d.cfg.Sessions.List(ctx)
}

// EndSession ends a session. Everyone may end their own.
func (d *Desk) EndSession(ctx context.Context, a Actor, own *access.Session, id string) error {
	end := func() error { return d.cfg.Sessions.End(ctx, id) }
	if own != nil && own.ID == id {
		return end()
	}
	return d.act(ctx, a, SessionEnd, id, nil, end)
}

// Explanation says whether something is allowed, and by which permits.
type Explanation struct {
	System  string            `json:"system"`
	Permit  record.Permit     `json:"permit"`
	Permits map[string]string `json:"permits,omitempty"` // text of those that decided
}

// Explain says why a principal may or may not do something.
func (d *Desk) Explain(a Actor, system, point, target string) (Explanation, error) {
	if err := d.May(a, PolicyRead); err != nil {
		return Explanation{}, err
	}
	return Explain(d.cfg.Permits(), system, point, target)
}

// Explain answers without a running server.
func Explain(p *access.Permits, system, point, target string) (Explanation, error) {
	if point != access.Admit && point != access.UseTool {
		return Explanation{}, fmt.Errorf("desk: %q is no point of decision; use %s or %s", point, access.Admit, access.UseTool)
	}
	if _, err := p.System(system); err != nil {
		return Explanation{}, err
	}
	e := Explanation{System: system, Permits: map[string]string{}}
	e.Permit = p.Decide(access.Ask{Principal: record.Principal{Kind: "key", System: system}, Point: point, Target: target, Op: "chat"})
	for _, id := range e.Permit.Reasons {
		e.Permits[id] = p.Explain(id)
	}
	return e, nil
}
