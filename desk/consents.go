package desk

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// Given is a consent as somebody brings it: of a subject or of a system, one of the two.
type Given struct {
	Subject, System string
	What, Purpose   string
	Days            int // how long it holds; 0: until it is revoked
}

// maxDays bounds how long a consent can be made to hold: a century.
const maxDays = 36500

// AddConsent notes what a subject agreed to, or the owner of a system for those who use it.
func (d *Desk) AddConsent(ctx context.Context, a Actor, g Given) (c privacy.Consent, err error) {
	add := func(s *privacy.Subjects, id string) (err error) {
		if err := d.givable(g); err != nil {
			return err
		}
		c = privacy.Consent{Subject: id, System: g.System, What: g.What, Purpose: g.Purpose, By: a.Person}
		if g.Days > 0 {
			c.Until = d.cfg.Now().UTC().AddDate(0, 0, g.Days)
		}
		c, err = s.AddConsent(ctx, c)
		return err
	}
	act := record.Act{Kind: ConsentAdd, Reason: clean(g.What) + ": " + clean(g.Purpose)}
	if g.Subject != "" && g.System == "" {
		err = d.onSubject(ctx, a, act, g.Subject, true, add)
		return c, err
	}
	act.Target = "system " + g.System
	err = d.act(ctx, a, act, func() error {
		s, err := d.subjects()
		if err != nil {
			return err
		}
		if _, err := d.cfg.Permits().System(g.System); err != nil || g.Subject != "" {
			return refuse(http.StatusUnprocessableEntity, ErrInvalid, "A consent is of a subject or of a declared system; name one of the two.")
		}
		return add(s, "")
	})
	return c, err
}

// givable refuses what would be kept and never be found: a use that nobody makes, and a purpose
// that no system has.
func (d *Desk) givable(g Given) error {
	if err := privacy.CheckUse(g.What); err != nil {
		return refuse(http.StatusUnprocessableEntity, ErrInvalid, "What was agreed to is no use of data; the uses are %s.", strings.Join(privacy.Uses, ", "))
	}
	purposes := d.purposes(g.System)
	if !slices.Contains(purposes, g.Purpose) {
		return refuse(http.StatusUnprocessableEntity, ErrInvalid, "No system serves this purpose; the purposes are %s.", strings.Join(purposes, ", "))
	}
	if g.Days < 0 || g.Days > maxDays {
		return refuse(http.StatusUnprocessableEntity, ErrInvalid, "A consent holds for 1 to %d days, or until it is revoked when the number is left out.", maxDays)
	}
	return nil
}

// purposes are those of a system, or of all when it is "", in order.
func (d *Desk) purposes(system string) (out []string) {
	for _, s := range d.cfg.Permits().Systems() {
		if system == "" || s.Name == system {
			out = append(out, s.Serves()...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// RevokeConsent ends a consent.
func (d *Desk) RevokeConsent(ctx context.Context, a Actor, id string) error {
	return d.act(ctx, a, record.Act{Kind: ConsentRevoke, Target: id}, func() error {
		s, err := d.subjects()
		if err != nil {
			return err
		}
		return explained(s.RevokeConsent(ctx, id, a.Person))
	})
}

// Consents lists the consents of a subject, or all when it is "", the newest first. Who looks
// for somebody is recorded; the list of all says nobody's name.
func (d *Desk) Consents(ctx context.Context, a Actor, subject string) (out []privacy.Consent, err error) {
	list := func(s *privacy.Subjects, id string) (err error) {
		out, err = s.Consents(ctx, id)
		return err
	}
	if subject != "" {
		err = d.onSubject(ctx, a, record.Act{Kind: ConsentRead}, subject, false, list)
		return out, err
	}
	s, err := d.subjects()
	if err := cmp.Or(d.May(a, ConsentRead), err); err != nil {
		return nil, err
	}
	err = list(s, "")
	return out, err
}
