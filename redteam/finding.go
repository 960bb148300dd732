package redteam

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// Migrations is the schema of this room.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Finding is an attempt that got through, and what somebody does about it. No word of an
// attack or of an answer is in it: those stay in the campaign's folder, where Evidence, the
// link of the result, finds them unchanged.
type Finding struct {
	ID       string    `json:"id"`
	Campaign string    `json:"campaign"` // its folder
	Begun    time.Time `json:"begun"`    // of that campaign
	Key      string    `json:"key"`
	Pair     string    `json:"pair"` // by which a re-test is known
	Arm      string    `json:"arm"`
	Target   string    `json:"target"`   // the system: its fingerprint
	Actor    string    `json:"actor"`    // the persona
	Refs     []string  `json:"refs"`     // techniques
	Category string    `json:"category"` // the weakness
	Strategy string    `json:"strategy"`
	Chain    string    `json:"chain"`
	Seed     string    `json:"seed"`
	Impact   string    `json:"impact"`
	Evidence string    `json:"evidence"`
	Handling
	State string    `json:"state"` // "open", "fixed": somebody says so; "closed": a re-test showed it
	Made  time.Time `json:"made"`
	By    string    `json:"by"`
	Steps []Step    `json:"steps,omitempty"` // the first first; only of one that is asked for
}

// Handling is what people say of a finding.
type Handling struct {
	Damage     string    `json:"damage"`     // one of Damages
	Likelihood string    `json:"likelihood"` // one of Likelihoods
	Mitigation string    `json:"mitigation"`
	Owner      string    `json:"owner"`
	Due        time.Time `json:"due,omitzero"`
}

// Step is one thing that was done about a finding.
type Step struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	What string    `json:"what"` // "opened", "edited", "fixed", "reopened", "closed"
	Note string    `json:"note"`
}

// The states of a finding.
const (
	FindingOpen   = "open"
	FindingFixed  = "fixed"
	FindingClosed = "closed"
)

// Damages and Likelihoods, the least first.
var (
	Damages     = []string{"low", "medium", "high", "critical"}
	Likelihoods = []string{"rare", "possible", "likely"}
)

// Severity weighs how bad it is by how likely it is.
func (h Handling) Severity() string {
	switch n := (slices.Index(Damages, h.Damage) + 1) * (slices.Index(Likelihoods, h.Likelihood) + 1); {
	case n >= 9:
		return "critical"
	case n >= 6:
		return "high"
	case n >= 3:
		return "medium"
	}
	return "low"
}

// Likely puts a measured rate among the likelihoods.
func Likely(rate float64) string {
	switch {
	case rate >= .5:
		return Likelihoods[2]
	case rate >= .1:
		return Likelihoods[1]
	}
	return Likelihoods[0]
}

// maxNote bounds what people write about a finding, in bytes.
const maxNote = 2000

// FindingError says in a sentence why something was not done to a finding.
type FindingError struct{ Why string }

func (e *FindingError) Error() string { return "redteam: " + e.Why }

// faults says what is wrong with what somebody says of a finding.
func (h Handling) faults() error {
	switch {
	case !slices.Contains(Damages, h.Damage):
		return &FindingError{"The damage is one of " + strings.Join(Damages, ", ") + "."}
	case !slices.Contains(Likelihoods, h.Likelihood):
		return &FindingError{"The likelihood is one of " + strings.Join(Likelihoods, ", ") + "."}
	case len(h.Mitigation) > maxNote || len(h.Owner) > 128:
		return &FindingError{fmt.Sprintf("A mitigation takes %d bytes and an owner 128; say it shorter.", maxNote)}
	}
	return nil
}

// Findings keeps findings.
type Findings struct {
	store *store.Store
	now   func() time.Time
}

// OpenFindings returns those of a store; now may be nil.
func OpenFindings(s *store.Store, now func() time.Time) *Findings {
	if now == nil {
		now = time.Now
	}
	return &Findings{s, now}
}

// ErrNoFinding means that there is none of this id.
var ErrNoFinding = errors.New("redteam: there is no such finding")

// Add opens a finding. An attempt has one at most: a second one is the first.
func (f *Findings) Add(ctx context.Context, one Finding) (Finding, error) {
	if err := one.faults(); err != nil {
		return one, err
	}
	one.ID, one.State, one.Made = "find_"+strings.ToLower(rand.Text()), FindingOpen, f.now().UTC()
	err := f.store.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO redteam_finding (id, campaign, begun, attempt, pair, arm, target, actor, refs, category, strategy, chain, seed, impact, evidence, damage, likelihood, mitigation, owner, due, state, made, made_by)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			one.ID, one.Campaign, store.Nanos(one.Begun), one.Key, one.Pair, one.Arm, one.Target, one.Actor, strings.Join(one.Refs, " "), one.Category, one.Strategy, one.Chain, one.Seed, one.Impact, one.Evidence,
			one.Damage, one.Likelihood, one.Mitigation, one.Owner, store.Nanos(one.Due), one.State, store.Nanos(one.Made), one.By); err != nil {
			return err
		}
		return f.step(ctx, tx, one.ID, one.By, "opened", "")
	})
	if errors.Is(err, store.ErrExists) {
		return one, &FindingError{"This attempt has a finding already; change that one."}
	}
	if err != nil {
		return one, fmt.Errorf("redteam: opening a finding: %w", err)
	}
	return one, nil
}

// step writes down what was done.
func (f *Findings) step(ctx context.Context, tx *store.Tx, id, by, what, note string) error {
	var n int64
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM redteam_step WHERE finding = ?`, id).Scan(&n); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO redteam_step (finding, n, at, by_whom, what, note) VALUES (?, ?, ?, ?, ?, ?)`, id, n, store.Nanos(f.now().UTC()), by, what, note)
	return err
}

// Edit changes what people say of a finding, and whether they say that it is fixed. Nobody
// edits one shut: see [Findings.Close].
func (f *Findings) Edit(ctx context.Context, id string, h Handling, fixed bool, by string) error {
	if err := h.faults(); err != nil {
		return err
	}
	if fixed && strings.TrimSpace(h.Mitigation) == "" {
		return &FindingError{"What is fixed was fixed by something; say what in the mitigation."}
	}
	return f.change(ctx, id, func(tx *store.Tx, was string) error {
		state, what := FindingOpen, "edited"
		if fixed {
			state = FindingFixed
		}
		switch {
		case fixed && was != FindingFixed:
			what = "fixed"
		case !fixed && was == FindingFixed:
			what = "reopened"
		}
		if _, err := tx.Exec(ctx, `UPDATE redteam_finding SET damage = ?, likelihood = ?, mitigation = ?, owner = ?, due = ?, state = ? WHERE id = ?`, h.Damage, h.Likelihood, h.Mitigation, h.Owner, store.Nanos(h.Due), state, id); err != nil {
			return err
		}
		return f.step(ctx, tx, id, by, what, h.Mitigation)
	})
}

// change does something to a finding that is not closed.
func (f *Findings) change(ctx context.Context, id string, do func(tx *store.Tx, state string) error) error {
	err := f.store.Tx(ctx, func(tx *store.Tx) error {
		var state string
		err := tx.QueryRow(ctx, `SELECT state FROM redteam_finding WHERE id = ?`, id).Scan(&state)
		if errors.Is(err, store.ErrNotFound) {
			return ErrNoFinding
		}
		if err != nil {
			return err
		}
		if state == FindingClosed {
			return &FindingError{"This finding is closed, because a re-test showed that it holds; what comes after is a finding of its own."}
		}
		return do(tx, state)
	})
	var said *FindingError
	if err != nil && !errors.As(err, &said) && !errors.Is(err, ErrNoFinding) {
		return fmt.Errorf("redteam: changing a finding: %w", err)
	}
	return err
}

// Retest is a campaign in which the attempt of a finding was made again.
type Retest struct {
	Campaign string    `json:"campaign"`
	Begun    time.Time `json:"begun"`
	Key      string    `json:"key"`
	Outcome  Outcome   `json:"outcome"`
	Verdict  Verdict   `json:"verdict"`
	Through  bool      `json:"through"`
	Held     bool      `json:"held"`
}

// Close closes a finding by its newest re-test, which must have held; nothing else closes one.
func (f *Findings) Close(ctx context.Context, id string, again []Retest, by string) error {
	return f.change(ctx, id, func(tx *store.Tx, _ string) error {
		var begun int64
		if err := tx.QueryRow(ctx, `SELECT begun FROM redteam_finding WHERE id = ?`, id).Scan(&begun); err != nil {
			return err
		}
		var last *Retest
		for i := range again {
			if r := &again[i]; store.Nanos(r.Begun) > begun && (last == nil || r.Begun.After(last.Begun)) {
				last = r
			}
		}
		switch {
		case last == nil:
			return &FindingError{"No later campaign has tried this attack on this system: run the campaign again, and close the finding when it holds."}
		case last.Through:
			return &FindingError{"It got through again in the newest re-test, " + last.Campaign + ": fix it, run the campaign once more, and close it then."}
		case !last.Held:
			return &FindingError{"The newest re-test, " + last.Campaign + ", does not say whether it held: judge that attempt, or run the campaign once more."}
		}
		if _, err := tx.Exec(ctx, `UPDATE redteam_finding SET state = ? WHERE id = ?`, FindingClosed, id); err != nil {
			return err
		}
		return f.step(ctx, tx, id, by, FindingClosed, "held in the re-test "+last.Campaign)
	})
}

const findingColumns = `id, campaign, begun, attempt, pair, arm, target, actor, refs, category, strategy, chain, seed, impact, evidence, damage, likelihood, mitigation, owner, due, state, made, made_by`

func scanFinding(rows *sql.Rows) (one Finding, err error) {
	var refs string
	var begun, due, made int64
	err = rows.Scan(&one.ID, &one.Campaign, &begun, &one.Key, &one.Pair, &one.Arm, &one.Target, &one.Actor, &refs, &one.Category, &one.Strategy, &one.Chain, &one.Seed, &one.Impact, &one.Evidence,
		&one.Damage, &one.Likelihood, &one.Mitigation, &one.Owner, &due, &one.State, &made, &one.By)
	one.Refs, one.Begun, one.Due, one.Made = strings.Fields(refs), store.Time(begun), store.Time(due), store.Time(made)
	return one, err
}

// maxFindings bounds a list.
const maxFindings = 1000

// List lists findings, those that are not closed first, and of each the newest first.
func (f *Findings) List(ctx context.Context) ([]Finding, error) {
	return f.find(ctx, `SELECT `+findingColumns+` FROM redteam_finding ORDER BY CASE WHEN state = 'closed' THEN 1 ELSE 0 END, made DESC, id LIMIT ?`, maxFindings)
}

// Evidence names the campaigns that findings which are not closed were found in: their folders are to
// stay.
func (f *Findings) Evidence(ctx context.Context) (map[string]bool, error) {
	list, err := f.store.Query(ctx, `SELECT DISTINCT campaign FROM redteam_finding WHERE state <> ?`, FindingClosed)
	if err != nil {
		return nil, fmt.Errorf("redteam: reading what was found: %w", err)
	}
	defer list.Close()
	out := map[string]bool{}
	for list.Next() {
		var name string
		if err := list.Scan(&name); err != nil {
			return nil, fmt.Errorf("redteam: reading what was found: %w", err)
		}
		out[name] = true
	}
	return out, list.Err()
}

// Of returns the findings of a pair with what was done about them, the newest first.
func (f *Findings) Of(ctx context.Context, pair string) ([]Finding, error) {
	list, err := f.find(ctx, `SELECT `+findingColumns+` FROM redteam_finding WHERE pair = ? ORDER BY made DESC, id`, pair)
	for i := range list {
		if err == nil {
			list[i].Steps, err = f.steps(ctx, list[i].ID)
		}
	}
	return list, err
}

// Get returns one finding with what was done about it.
func (f *Findings) Get(ctx context.Context, id string) (Finding, error) {
	list, err := f.find(ctx, `SELECT `+findingColumns+` FROM redteam_finding WHERE id = ?`, id)
	if err != nil {
		return Finding{}, err
	}
	if len(list) == 0 {
		return Finding{}, ErrNoFinding
	}
	list[0].Steps, err = f.steps(ctx, id)
	return list[0], err
}

func (f *Findings) find(ctx context.Context, query string, args ...any) ([]Finding, error) {
	rows, err := f.store.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("redteam: reading findings: %w", err)
	}
	defer rows.Close()
	out := []Finding{}
	for rows.Next() {
		one, err := scanFinding(rows)
		if err != nil {
			return nil, fmt.Errorf("redteam: reading findings: %w", err)
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

func (f *Findings) steps(ctx context.Context, id string) (out []Step, err error) {
	rows, err := f.store.Query(ctx, `SELECT at, by_whom, what, note FROM redteam_step WHERE finding = ? ORDER BY n`, id)
	if err != nil {
		return nil, fmt.Errorf("redteam: reading what was done: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s Step
		var at int64
		if err := rows.Scan(&at, &s.By, &s.What, &s.Note); err != nil {
			return nil, fmt.Errorf("redteam: reading what was done: %w", err)
		}
		s.At = store.Time(at)
		out = append(out, s)
	}
	return out, rows.Err()
}
