package app

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// openSubjects opens the keys of those whom kept texts are about.
func (a *App) openSubjects(ctx context.Context) (err error) {
	a.subjects, err = privacy.OpenSubjects(ctx, privacy.Config{Store: a.store, Dir: a.dir("keys"), Index: a.keys.Derive("subjects")})
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

// eraseAgain erases whoever the ledger says was erased and a restored backup of the store
// has brought back. The store knows up to where it has seen the log, and an older one knows
// less.
func (a *App) eraseAgain(ctx context.Context) error {
	log := a.ledger.Status().Key
	seen, err := a.subjects.Seen(ctx, log)
	if err != nil {
		return err
	}
	last, begun := seen, map[string]time.Time{}
	for r, err := range a.ledger.Records(ctx, record.Query{Kind: "act", After: seen, Oldest: true}) {
		if err != nil {
			return err
		}
		last = max(last, r.Seq)
		if r.Act.Kind != desk.SubjectErase {
			continue
		}
		if r.Act.Phase == "intended" {
			begun[r.Act.ID] = r.Act.At
		}
		// Who came again while the act ended has a key that was made after it began.
		at, known := begun[r.Act.ID]
		if r.Act.Phase != "done" || !known {
			continue
		}
		again, err := a.subjects.EraseAgain(ctx, r.Act.Target, at)
		if err != nil {
			return err
		}
		if !again {
			continue
		}
		act := record.Act{ID: "act_" + rand.Text(), Kind: desk.SubjectErase, Phase: "done", By: "restored backup", Target: r.Act.Target, Reason: "erased by " + r.Act.ID}
		if err := a.ledger.Act(ctx, act); err != nil {
			return err
		}
		a.cfg.Log.Warn("a restored backup of the store had a subject that was erased; it was erased again", "subject", r.Act.Target, "act", r.Act.ID)
	}
	if last == seen {
		return nil
	}
	return a.subjects.See(ctx, log, last)
}
