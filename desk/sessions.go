package desk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/record"
)

// Link makes a token that opens one console session for a person, once. With teams, the
// session is limited to them. Those who are limited themselves make no link that leads
// further than they may go.
func (d *Desk) Link(ctx context.Context, a Actor, person string, roles, teams []string) (token string, err error) {
	detail := map[string]string{"roles": clean(strings.Join(roles, " "))}
	if len(teams) > 0 {
		detail["teams"] = clean(strings.Join(teams, ", "))
	}
	err = d.act(ctx, a, record.Act{Kind: LinkCreate, Target: person, Detail: detail}, func() (err error) {
		if person == "" || clean(person) != person {
			return fmt.Errorf("%w: a person is called by up to %d printable bytes", ErrInvalid, maxTarget)
		}
		for _, r := range roles {
			if !slices.Contains(Roles, r) {
				return fmt.Errorf("%w: %q is no role; the roles are %s", ErrInvalid, clean(r), strings.Join(Roles, ", "))
			}
		}
		if err := d.linkable(a, Actor{person, roles, teams}); err != nil {
			return err
		}
		token, err = d.cfg.Sessions.Link(ctx, person, roles, teams)
		return err
	})
	return token, err
}

// linkable holds that a link is for teams that there are, as far as the actor can see, and
// no wider than the actor.
func (d *Desk) linkable(a, guest Actor) error {
	systems := d.wall(a).systems()
	for _, t := range guest.Teams {
		if t == "" || !slices.ContainsFunc(systems, func(s record.System) bool { return s.Team == t }) {
			return refuse(http.StatusUnprocessableEntity, ErrInvalid, "No declared system is of this team; name a team that a system has in the configuration.")
		}
	}
	if a.Whole() {
		return nil
	}
	if guest.Whole() {
		return refuse(http.StatusUnprocessableEntity, ErrInvalid, "Your session is for teams, so a link that you make is too; name one of your teams.")
	}
	for _, act := range Acts {
		if d.May(guest, act) == nil && d.May(a, act) != nil {
			return refuse(http.StatusForbidden, ErrDenied, "Nobody makes a link to more than they may do themselves; choose a role that you have.")
		}
	}
	return nil
}

// Sessions lists the sessions that are open: to those limited to teams, the sessions that are
// limited to no others.
func (d *Desk) Sessions(ctx context.Context, a Actor) ([]access.Session, error) {
	if err := d.May(a, SessionRead); err != nil {
		return nil, err
	}
	list, err := d.cfg.Sessions.List(ctx)
	w := d.wall(a)
	return slices.DeleteFunc(list, func(s access.Session) bool { return !w.session(s) }), err
}

// Open redeems a link: the cookie is the session's. One that cannot be recorded
// does not stay open.
func (d *Desk) Open(ctx context.Context, link string) (*http.Cookie, error) {
	cookie, s, err := d.cfg.Sessions.Redeem(ctx, link)
	if err != nil {
		return nil, err
	}
	act := record.Act{Kind: SessionBegin, Target: s.ID, Detail: map[string]string{"roles": strings.Join(s.Roles, " ")}}
	if err := d.record(ctx, ActorOf(&s), act, func() error { return nil }); err != nil {
		return nil, errors.Join(err, d.cfg.Sessions.End(context.WithoutCancel(ctx), s.ID))
	}
	return cookie, nil
}

// EndSession ends a session, or all when id is "". Everyone may end their own.
func (d *Desk) EndSession(ctx context.Context, a Actor, own *access.Session, id string) error {
	end := func() error {
		if err := d.endable(ctx, a, id); err != nil {
			return err
		}
		return d.cfg.Sessions.End(ctx, id)
	}
	act := record.Act{Kind: SessionEnd, Target: id}
	if id == "" {
		act.Target = "all"
	}
	if own != nil && own.ID == id && id != "" {
		// Leaving must not wait for a ledger that is full.
		act = d.begin(a, act)
		act.Phase = "done"
		return errors.Join(d.cfg.Sessions.End(ctx, id), d.cfg.Recorder.Act(context.WithoutCancel(ctx), act))
	}
	return d.act(ctx, a, act, end)
}

// endable holds that a session is one that the actor may see; to end all ends everybody's.
func (d *Desk) endable(ctx context.Context, a Actor, id string) error {
	w := d.wall(a)
	if w.whole {
		return nil
	}
	if id == "" {
		return forAll()
	}
	list, err := d.cfg.Sessions.List(ctx)
	if err == nil && !slices.ContainsFunc(list, func(s access.Session) bool { return s.ID == id && w.session(s) }) {
		err = access.ErrSession
	}
	return err
}
