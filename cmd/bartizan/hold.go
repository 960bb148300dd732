package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/privacy"
)

type holdCommand struct {
	Add  holdAdd  `cmd:"" help:"Keep what is of a subject or a system from being erased or deleted."`
	List holdList `cmd:"" help:"List legal holds."`
	Lift holdLift `cmd:"" help:"Lift a legal hold."`
}

type holdAdd struct {
	configFlag
	Subject string `help:"A value such as an e-mail address, key:key_… or sub_…." placeholder:"VALUE"`
	System  string `help:"Name of a system." placeholder:"NAME"`
	Reason  string `required:"" help:"Why; it is recorded, and must not say who the subject is." placeholder:"TEXT"`
}

// Help is shown by -h.
func (holdAdd) Help() string {
	return "Example:\n  bartizan privacy hold add --subject ann@example.com --reason CASE-7"
}

// Run implements the command.
func (c *holdAdd) Run(s *streams) error {
	h, err := ask(c.configFlag, http.MethodPost, "/holds", map[string]string{"subject": c.Subject, "system": c.System, "reason": c.Reason}, func(ctx context.Context, d *desk.Desk, a desk.Actor) (privacy.Hold, error) {
		return d.AddHold(ctx, a, c.Subject, c.System, c.Reason)
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, h.ID)
	return err
}

type holdList struct {
	configFlag
	outputFlag
}

// Run implements the command.
func (c *holdList) Run(s *streams) error {
	list, err := ask(c.configFlag, http.MethodGet, "/holds", nil, func(ctx context.Context, d *desk.Desk, a desk.Actor) ([]privacy.Hold, error) {
		return d.Holds(ctx, a)
	})
	if err != nil || c.Output == "json" {
		return cmpErr(err, func() error { return printJSON(s, list) })
	}
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "HOLD\tON\tSINCE\tBY\tREASON\tSTATE")
	for _, h := range list {
		on, state := h.Subject, "holds"
		if on == "" {
			on = "system " + h.System
		}
		if !h.Lifted.IsZero() {
			state = "lifted " + h.Lifted.UTC().Format(time.DateTime) + " by " + h.LiftedBy
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", h.ID, on, h.Made.UTC().Format(time.DateTime), h.By, h.Reason, state)
	}
	return w.Flush()
}

type holdLift struct {
	configFlag
	ID     string `arg:"" help:"Id of the hold (hold_…)."`
	Reason string `required:"" help:"Why; it is recorded." placeholder:"TEXT"`
}

// Run implements the command.
func (c *holdLift) Run(s *streams) error {
	_, err := ask(c.configFlag, http.MethodPost, "/holds/"+url.PathEscape(c.ID)+"/lift", map[string]string{"reason": c.Reason}, func(ctx context.Context, d *desk.Desk, a desk.Actor) (none, error) {
		return nothing(d.LiftHold(ctx, a, c.ID, c.Reason))
	})
	if err == nil {
		fmt.Fprintf(s.err, "%s is lifted.\n", c.ID)
	}
	return err
}

type consentCommand struct {
	Add    consentAdd    `cmd:"" help:"Note what a subject agreed to."`
	List   consentList   `cmd:"" help:"List consents."`
	Revoke consentRevoke `cmd:"" help:"Revoke a consent."`
}

type consentAdd struct {
	configFlag
	Subject string `help:"Who agreed: a value such as an e-mail address, key:key_…, sub_…, or - to read it from the input." placeholder:"VALUE"`
	System  string `help:"The system whose owner agreed for those who use it, in place of a subject." placeholder:"NAME"`
	What    string `required:"" help:"To which use of data: training, sharing, human_review, retention, sub_processors, provider:NAME or region:NAME." placeholder:"USE"`
	Purpose string `required:"" help:"For which purpose of a system." placeholder:"WORD"`
	Days    int    `help:"How long it holds; 0: until it is revoked." placeholder:"N"`
}

// Help is shown by -h.
func (consentAdd) Help() string {
	return "Example:\n  bartizan privacy consent add --subject ann@example.com --what region:us --purpose support --days 365"
}

// Run implements the command.
func (c *consentAdd) Run(s *streams) error {
	who := c.Subject
	if c.System == "" {
		var err error
		if who, err = (subjectFlag{Subject: c.Subject}).read(s); err != nil {
			return err
		}
	}
	in := map[string]any{"subject": who, "system": c.System, "what": c.What, "purpose": c.Purpose, "days": c.Days}
	out, err := ask(c.configFlag, http.MethodPost, "/consents", in, func(ctx context.Context, d *desk.Desk, a desk.Actor) (privacy.Consent, error) {
		return d.AddConsent(ctx, a, desk.Given{Subject: who, System: c.System, What: c.What, Purpose: c.Purpose, Days: c.Days})
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, out.ID)
	return err
}

type consentList struct {
	configFlag
	Subject string `help:"Only of this subject." placeholder:"VALUE"`
	outputFlag
}

// Run implements the command.
func (c *consentList) Run(s *streams) error {
	list, err := ask(c.configFlag, http.MethodPost, "/consents/list", map[string]string{"subject": c.Subject}, func(ctx context.Context, d *desk.Desk, a desk.Actor) ([]privacy.Consent, error) {
		return d.Consents(ctx, a, c.Subject)
	})
	if err != nil || c.Output == "json" {
		return cmpErr(err, func() error { return printJSON(s, list) })
	}
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "CONSENT\tOF\tWHAT\tPURPOSE\tUNTIL\tSTATE")
	for _, x := range list {
		until, state := "it is revoked", x.State(time.Now())
		if !x.Until.IsZero() {
			until = x.Until.UTC().Format(time.DateOnly)
		}
		if !x.Revoked.IsZero() {
			state += " " + x.Revoked.UTC().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", x.ID, cmp.Or(x.Subject, "system "+x.System), x.What, x.Purpose, until, state)
	}
	return w.Flush()
}

type consentRevoke struct {
	configFlag
	ID string `arg:"" help:"Id of the consent (consent_…)."`
}

// Run implements the command.
func (c *consentRevoke) Run(s *streams) error {
	_, err := ask(c.configFlag, http.MethodDelete, "/consents/"+url.PathEscape(c.ID), nil, func(ctx context.Context, d *desk.Desk, a desk.Actor) (none, error) {
		return nothing(d.RevokeConsent(ctx, a, c.ID))
	})
	if err == nil {
		fmt.Fprintf(s.err, "%s is revoked.\n", c.ID)
	}
	return err
}
