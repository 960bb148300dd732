package app

import (
	"context"
	"errors"
	"time"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/privacy"
)

// openSubjects opens the keys of those whom kept texts are about.
func (a *App) openSubjects(ctx context.Context) (err error) {
	a.subjects, err = privacy.OpenSubjects(ctx, privacy.Config{Store: a.store, Dir: a.dir("keys"), Index: a.keys.Derive("subjects"), Log: a.cfg.Log})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, func(context.Context) error { a.subjects.Close(); return nil })
	return nil
}

// unseal opens kept texts for the ledger, which is open before there are keys of subjects.
func (a *App) unseal(sealed []byte) (text []byte, erased bool, err error) {
	if a.subjects == nil {
		return nil, false, errors.New("the keys of subjects are not open")
	}
	text, err = a.subjects.Open(sealed)
	if errors.Is(err, privacy.ErrErased) {
		return nil, true, nil
	}
	return text, false, err
}

// privacy is what the desk does for subjects.
func (a *App) privacy() desk.Privacy {
	return desk.Privacy{Subjects: a.subjects, Certify: a.ledger.Certify, Proof: a.ledger.Receipt, Rules: func() desk.Rules {
		p := a.file.Load().Privacy
		backups, _ := days(p.KeyBackups)
		return desk.Rules{KeyBackups: backups, TwoPeople: p.BreakGlass == "two_people"}
	}}
}

// heldBack moves the day before which retention deletes to what legal holds leave. Nothing
// goes where it is zero.
func (a *App) heldBack(ctx context.Context, before time.Time, records bool) (time.Time, error) {
	first, all, err := a.subjects.HeldFrom(ctx)
	if err != nil || records && all {
		return time.Time{}, err
	}
	if !first.IsZero() && first.Before(before) {
		return first, nil
	}
	return before, nil
}
