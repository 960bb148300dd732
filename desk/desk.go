// Package desk does every administrative operation, once: the command line, the
// JSON API and the console all come here.
//
// No act without right and record: an operation is permitted by a permit, is
// recorded as intended before anything changes and as done or failed afterwards.
// When it cannot be recorded, it does not happen.
//
// What people only look at is counted here too, from what [Watch] leads to, so that
// the console and the API say the same.
//
// This package's API may change.
package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// The acts. Each is the resource of an "administer" permit: Act::"key.create".
const (
	KeyCreate      = "key.create"
	KeyRevoke      = "key.revoke"
	KeyRead        = "key.read"
	LinkCreate     = "link.create"
	SessionEnd     = "session.end"
	SessionRead    = "session.read"
	RecordRead     = "record.read"
	LedgerRead     = "ledger.read"
	PolicyRead     = "policy.read"
	ContentRead    = "content.read"
	ContentApprove = "content.approve"
	SubjectFind    = "subject.find"
	SubjectExport  = "subject.export"
	SubjectErase   = "subject.erase"
	HoldAdd        = "hold.add"
	HoldLift       = "hold.lift"
	HoldRead       = "hold.read"
	ConsentAdd     = "consent.add"
	ConsentRevoke  = "consent.revoke"
	ConsentRead    = "consent.read"
	MasterRotate   = "master.rotate"
	RedteamRead    = "redteam.read"
	RedteamRun     = "redteam.run"
	RedteamDecide  = "redteam.decide"
	FindingOpen    = "finding.open"
	FindingEdit    = "finding.edit"
	FindingClose   = "finding.close"
	// ProviderApprove agrees to a changed profile of a provider.
	ProviderApprove = "provider.approve"
	// SessionBegin needs no permit: whoever brings a link was permitted when it
	// was made. It is recorded like the rest.
	SessionBegin = "session.begin"
)

// Acts lists every act that a permit can allow.
var Acts = []string{KeyCreate, KeyRevoke, KeyRead, LinkCreate, SessionEnd, SessionRead, RecordRead, ContentRead, LedgerRead, PolicyRead,
	ContentApprove, SubjectFind, SubjectExport, SubjectErase, HoldAdd, HoldLift, HoldRead, ConsentAdd, ConsentRevoke, ConsentRead, MasterRotate, ProviderApprove,
	RedteamRead, RedteamRun, RedteamDecide, FindingOpen, FindingEdit, FindingClose}

// What callers branch on, beside the errors of access and record.
var (
	// ErrDenied means that no permit allows the act.
	ErrDenied = errors.New("desk: not permitted")
	// ErrInvalid means that what was asked for makes no sense.
	ErrInvalid = errors.New("desk: not possible")
	// ErrUnrecorded means that something was done and its end is not in the
	// ledger; that it was intended is.
	ErrUnrecorded = errors.New("desk: done, but the end of it cannot be recorded")
	// ErrBusy means that something of the kind runs already.
	ErrBusy = errors.New("desk: one runs already; wait until it has ended")
	// ErrUnknown means that there is no such policy, or no such replay any more.
	ErrUnknown = errors.New("desk: there is none of this name")
)

// Roles are what people at the console can be.
var Roles = []string{"admin", "approver", "auditor", "reader"}

// Actor is who acts.
type Actor struct {
	Person string // "local:root", "ops@acme.example"
	Roles  []string
	// Teams are those that the actor is limited to (see [Actor.Whole]): what is another
	// team's is not there for them. Empty is the whole organisation.
	Teams []string
}

// Config is what a Desk works with.
type Config struct {
	Keys     *access.Keys
	Sessions *access.Sessions
	Permits  func() *access.Permits // those of now
	Recorder record.Recorder
	Policies func() []*guard.Compiled // those in use; nil: none
	Profiles *privacy.Profiles        // what was agreed with providers; nil: nothing has to be
	Watch    Watch
	Privacy  Privacy
	Attacks  Attacks
	Now      func() time.Time // nil: time.Now
}

// Desk does administrative operations.
type Desk struct {
	cfg       Config
	bills     Counted[*billed]
	traffic   [len(Spans)]Counted[*Traffic]
	flows     [len(Spans)]Counted[*Flows]
	guarded   [len(Spans)]Counted[*Guarding]
	replays   replays
	campaigns campaigns
}

// New returns a Desk.
func New(cfg Config) *Desk {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &Desk{cfg: cfg}
	d.replays.open()
	d.campaigns.open()
	return d
}

// Close ends what runs for the desk beside its callers.
func (d *Desk) Close() {
	d.replays.close()
	d.campaigns.close()
}

// May reports whether an actor may do something, without doing it.
func (d *Desk) May(a Actor, act string) error {
	p := d.cfg.Permits().Decide(access.Ask{
		Principal: record.Principal{Kind: "person", ID: a.Person}, Roles: a.Roles, Teams: a.Teams, Point: access.Administer, Target: act})
	switch {
	case !p.Allowed:
		return fmt.Errorf("%w: %s may not do %s; ask somebody with the role admin", ErrDenied, a.Person, act)
	case !a.Whole() && !slices.Contains(withinTeams, act):
		return forAll()
	}
	return nil
}

// act permits, records and does one operation. A refusal and an end are recorded
// even for a caller who has gone.
func (d *Desk) act(ctx context.Context, a Actor, act record.Act, do func() error) error {
	if err := d.May(a, act.Kind); err != nil {
		act = d.begin(a, act)
		act.Phase = "refused"
		return errors.Join(err, d.cfg.Recorder.Act(context.WithoutCancel(ctx), act))
	}
	return d.record(ctx, a, act, do)
}

// begin fills in what all acts have.
func (d *Desk) begin(a Actor, act record.Act) record.Act {
	act.ID, act.At, act.By, act.Teams = cmp.Or(act.ID, newActID()), d.cfg.Now().UTC(), a.Person, a.Teams
	act.Target = clean(act.Target)
	return act
}

func newActID() string { return "act_" + strings.ReplaceAll(uuid.NewString(), "-", "") }

// maxTarget bounds what is recorded of a target that does not exist.
const maxTarget = 128

// clean bounds what somebody sent, so that it can be recorded.
func clean(s string) string {
	if len(s) > maxTarget {
		s = s[:maxTarget]
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// record does one operation between two records of it.
func (d *Desk) record(ctx context.Context, a Actor, act record.Act, do func() error) error {
	act = d.begin(a, act)
	act.Phase = "intended"
	if err := d.cfg.Recorder.Act(ctx, act); err != nil {
		return fmt.Errorf("desk: %s was not done, because it cannot be recorded: %w", act.Kind, err)
	}
	err := do()
	act.Phase, act.At = "done", d.cfg.Now().UTC()
	if err != nil {
		act.Phase = "failed"
	}
	if e := d.cfg.Recorder.Act(context.WithoutCancel(ctx), act); e != nil {
		// The recorder's own error would say that nothing was done.
		err = errors.Join(err, fmt.Errorf("%w: %s: %v", ErrUnrecorded, act.Kind, e))
	}
	return err
}

// CreateKey makes a key for a declared system and returns its secret, which is
// shown once.
func (d *Desk) CreateKey(ctx context.Context, a Actor, system string) (key access.Key, secret string, err error) {
	err = d.act(ctx, a, record.Act{Kind: KeyCreate, Target: system}, func() (err error) {
		if _, err := d.wall(a).declared(system); err != nil {
			return fmt.Errorf("%w; declare it under systems in the configuration", err)
		}
		key, secret, err = d.cfg.Keys.Create(ctx, system, a.Person)
		return err
	})
	return key, secret, err
}

// RevokeKey ends a key at once.
func (d *Desk) RevokeKey(ctx context.Context, a Actor, id string) error {
	return d.act(ctx, a, record.Act{Kind: KeyRevoke, Target: id}, func() error {
		if !d.wall(a).key(id) {
			return access.ErrKey
		}
		return d.cfg.Keys.Revoke(ctx, id)
	})
}

// Keys lists keys, newest first; of one system, or of all when system is "".
func (d *Desk) Keys(a Actor, system string) ([]access.Key, error) {
	if err := d.May(a, KeyRead); err != nil {
		return nil, err
	}
	w := d.wall(a)
	list := slices.DeleteFunc(d.cfg.Keys.List(), func(k access.Key) bool { return system != "" && k.System != system || !w.system(k.System) })
	slices.SortFunc(list, func(x, y access.Key) int { return y.Created.Compare(x.Created) })
	return list, nil
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
	w := d.wall(a)
	if _, err := w.declared(system); err != nil {
		return Explanation{}, err
	}
	return Explain(w.permits, system, point, target, nil)
}

// Explain answers without a running server. At release, about says what permits may look at.
func Explain(p *access.Permits, system, point, target string, about map[string]string) (Explanation, error) {
	if point != access.Admit && point != access.UseTool && (point != access.Release || about == nil) {
		return Explanation{}, fmt.Errorf("%w: %q is no point of decision; use %s or %s", ErrInvalid, clean(point), access.Admit, access.UseTool)
	}
	if _, err := p.System(system); err != nil {
		return Explanation{}, err
	}
	e := Explanation{System: system, Permits: map[string]string{}}
	e.Permit = p.Decide(access.Ask{Principal: record.Principal{Kind: "key", System: system}, Point: point, Target: target, Op: "chat", Context: about})
	for _, id := range e.Permit.Reasons {
		e.Permits[id] = p.Explain(id)
	}
	return e, nil
}
