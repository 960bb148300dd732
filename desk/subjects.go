package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// Privacy is what the desk needs for the rights of subjects. Without Subjects, none of it
// can be done.
type Privacy struct {
	Subjects *privacy.Subjects
	Rules    func() Rules // those of now; nil: the zero Rules
	Certify  func(statement []byte) ([]byte, error)
	Proof    func(ctx context.Context, id string) (*ledger.Proof, error)
}

// Rules is what configuration says of privacy.
type Rules struct {
	KeyBackups time.Duration // how long backups of keys live; 0: nobody has said
	TwoPeople  bool          // reading what is kept needs a second person
}

// Refusal is an error that says to everybody what is wrong and what to do, without a word of
// what was asked.
type Refusal struct {
	status int
	public string
	err    error
}

func (r *Refusal) Error() string { return "desk: " + r.public }

// Unwrap returns what callers branch on.
func (r *Refusal) Unwrap() error { return r.err }

// Public is what may be shown.
func (r *Refusal) Public() string { return r.public }

// Status is what says it in HTTP.
func (r *Refusal) Status() int { return r.status }

func refuse(status int, err error, format string, args ...any) error {
	return &Refusal{status, fmt.Sprintf(format, args...), err}
}

// ErrSecond means that a second person has to approve it first.
var ErrSecond = errors.New("desk: a second person has to approve it")

// subjects returns the keys of subjects, where there are any.
func (d *Desk) subjects() (*privacy.Subjects, error) {
	if d.cfg.Privacy.Subjects == nil {
		return nil, fmt.Errorf("%w: no keys of subjects are kept here", ErrInvalid)
	}
	return d.cfg.Privacy.Subjects, nil
}

func (d *Desk) rules() Rules {
	if d.cfg.Privacy.Rules == nil {
		return Rules{}
	}
	return d.cfg.Privacy.Rules()
}

// explained turns what the room says into what everybody may be told.
func explained(err error) error {
	var held *privacy.HeldError
	switch {
	case errors.As(err, &held):
		return refuse(http.StatusConflict, err, "Nothing was erased, because the subject or a system that has its data is under legal hold %s; lift that hold first, where the law allows it.", held.ID)
	case errors.Is(err, privacy.ErrNone):
		return refuse(http.StatusNotFound, err, "There is none of this id, or it has ended; the list has those that there are.")
	case errors.Is(err, privacy.ErrSame):
		return refuse(http.StatusConflict, err, "A second person is somebody else than the one who asks; let a colleague approve it.")
	}
	return err
}

// about holds that a subject is named and, where it must be, a reason that does not say who
// it is: it goes into the ledger, where nothing is erased.
func about(subject, reason string, needed bool) error {
	if strings.TrimSpace(subject) == "" || len(subject) > maxSubject {
		return refuse(http.StatusUnprocessableEntity, ErrInvalid, "Name a subject in 1 to %d bytes: a value such as an e-mail address, key:key_…, or sub_….", maxSubject)
	}
	return reasoned(subject, reason, needed)
}

// maxSubject bounds how a subject is named.
const maxSubject = 1024

func reasoned(subject, reason string, needed bool) error {
	if needed && strings.TrimSpace(reason) == "" {
		return refuse(http.StatusUnprocessableEntity, ErrInvalid, "This needs a reason, which is recorded; give the number of a ticket.")
	}
	if subject != "" && privacy.Mentions(reason, subject) {
		return refuse(http.StatusUnprocessableEntity, ErrInvalid, "The reason says who the subject is, and reasons are recorded for good; give the number of a ticket instead.")
	}
	return nil
}

// onSubject does an act about one subject, which is recorded by its hash alone; a reason
// that says more is not recorded either.
func (d *Desk) onSubject(ctx context.Context, a Actor, act record.Act, subject string, needed bool, do func(s *privacy.Subjects, id string) error) error {
	s, err := d.subjects()
	if err == nil {
		if err = about(subject, act.Reason, needed); err == nil {
			act.Target = s.Named(subject)
		}
	}
	if err != nil {
		act.Reason = ""
	}
	act.Reason = clean(act.Reason)
	return d.act(ctx, a, act, func() error {
		if err != nil {
			return err
		}
		return explained(do(s, act.Target))
	})
}

// Findings is where a subject's data lies.
type Findings struct {
	Subject string             `json:"subject"`
	Places  []privacy.Location `json:"places"`
	More    bool               `json:"more,omitempty"` // there are more than are listed
}

// FindSubject says where a subject's data lies, and nothing of what it is.
func (d *Desk) FindSubject(ctx context.Context, a Actor, subject, kind string) (f Findings, err error) {
	err = d.onSubject(ctx, a, record.Act{Kind: SubjectFind}, subject, false, func(s *privacy.Subjects, id string) (err error) {
		f.Subject = id
		f.Places, err = s.Find(ctx, id, kind)
		f.More = len(f.Places) == privacy.MaxFound
		return err
	})
	return f, err
}

// AddHold puts a subject or a system under legal hold; one of the two is named.
func (d *Desk) AddHold(ctx context.Context, a Actor, subject, system, reason string) (h privacy.Hold, err error) {
	add := func(s *privacy.Subjects, id string) (err error) {
		h, err = s.AddHold(ctx, privacy.Hold{Subject: id, System: clean(system), Reason: clean(reason), By: a.Person})
		return err
	}
	if subject != "" {
		if system != "" {
			return h, refuse(http.StatusUnprocessableEntity, ErrInvalid, "A hold is on a subject or on a system; name one of the two.")
		}
		err = d.onSubject(ctx, a, record.Act{Kind: HoldAdd, Reason: reason}, subject, true, add)
		return h, err
	}
	err = d.act(ctx, a, record.Act{Kind: HoldAdd, Target: "system " + system, Reason: clean(reason)}, func() error {
		s, err := d.subjects()
		if err != nil {
			return err
		}
		if system == "" {
			return refuse(http.StatusUnprocessableEntity, ErrInvalid, "A hold is on a subject or on a system; name one of the two.")
		}
		if err := reasoned("", reason, true); err != nil {
			return err
		}
		return add(s, "")
	})
	return h, err
}

// LiftHold ends a hold.
func (d *Desk) LiftHold(ctx context.Context, a Actor, id, reason string) error {
	return d.act(ctx, a, record.Act{Kind: HoldLift, Target: id, Reason: clean(reason)}, func() error {
		s, err := d.subjects()
		if err = cmp.Or(err, reasoned("", reason, true)); err != nil {
			return err
		}
		return explained(s.LiftHold(ctx, id, a.Person))
	})
}

// Holds lists holds, the newest first.
func (d *Desk) Holds(ctx context.Context, a Actor) ([]privacy.Hold, error) {
	s, err := d.subjects()
	if err := cmp.Or(d.May(a, HoldRead), err); err != nil {
		return nil, err
	}
	return s.Holds(ctx)
}

// RotateMaster makes a new master key of subjects while calls go on.
func (d *Desk) RotateMaster(ctx context.Context, a Actor) (r privacy.Rotated, err error) {
	detail := map[string]string{}
	err = d.act(ctx, a, record.Act{Kind: MasterRotate, Target: "subjects", Detail: detail}, func() error {
		s, err := d.subjects()
		if err != nil {
			return err
		}
		// Who asked may go; half a rotation is of no use to anybody.
		r, err = s.Rotate(context.WithoutCancel(ctx))
		detail["generation"], detail["rewrapped"] = fmt.Sprint(r.Generation), fmt.Sprint(r.Rewrapped)
		return err
	})
	return r, err
}

// opened holds that a second person has approved reading, where policy wants that. The
// first try makes the request.
func (d *Desk) opened(ctx context.Context, a Actor, target, reason string) error {
	if !d.rules().TwoPeople {
		return nil
	}
	s, err := d.subjects()
	if err != nil {
		return err
	}
	target = clean(target)
	if ok, err := s.Break(ctx, a.Person, target); err != nil || ok {
		return err
	}
	g, err := s.Ask(ctx, a.Person, target, clean(reason))
	if err != nil {
		return err
	}
	return refuse(http.StatusConflict, ErrSecond, "A second person has to approve this within an hour: let a colleague approve request %s (page Subjects, or `bartizan privacy approve`), then ask again; it then counts once.", g.ID)
}

// ApproveContent lets somebody else read what they asked for, once.
func (d *Desk) ApproveContent(ctx context.Context, a Actor, id string) error {
	return d.act(ctx, a, record.Act{Kind: ContentApprove, Target: id}, func() error {
		list, err := d.waiting(ctx, a)
		if err != nil {
			return err
		}
		if !a.Whole() && !slices.ContainsFunc(list, func(g privacy.Glass) bool { return g.ID == id }) {
			return explained(privacy.ErrNone)
		}
		return explained(d.cfg.Privacy.Subjects.Approve(ctx, id, a.Person))
	})
}

// Asked lists the requests that wait for a second person.
func (d *Desk) Asked(ctx context.Context, a Actor) ([]privacy.Glass, error) {
	if err := d.May(a, ContentApprove); err != nil {
		return nil, err
	}
	return d.waiting(ctx, a)
}

// waiting are the requests that somebody may see: those to read a record that they see, and
// to replay what they could replay themselves.
func (d *Desk) waiting(ctx context.Context, a Actor) ([]privacy.Glass, error) {
	s, err := d.subjects()
	if err != nil {
		return nil, err
	}
	list, err := s.Asked(ctx)
	if a.Whole() || err != nil {
		return list, err
	}
	theirs := []privacy.Glass{}
	for _, g := range list {
		seen := slices.ContainsFunc(d.InUse(a), func(c *guard.Compiled) bool { return replayTarget(a, nameOf(c)) == g.Target })
		for _, err := range d.records(ctx, a, record.Query{ID: g.Target, Kind: "exchange", Limit: 1}) {
			if err != nil {
				return nil, err
			}
			seen = g.Target != ""
		}
		if seen {
			theirs = append(theirs, g)
		}
	}
	return theirs, nil
}
