package redteam

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// Watched is what is known of a ward between its rounds.
type Watched struct {
	System   string            `json:"system"`
	Due      time.Time         `json:"due"`              // the next round that nothing else begins
	Began    time.Time         `json:"began"`            // the newest round
	Since    time.Time         `json:"since"`            // from when on rounds say what is usual
	Folder   string            `json:"folder,omitempty"` // of a round that has not ended
	Causes   []string          `json:"causes,omitempty"` // of that round
	Deployed map[string]string `json:"deployed"`
	Known    Known             `json:"-"`
	Asked    string            `json:"asked,omitempty"` // who asked for a round
	Day      time.Time         `json:"day"`
	Tokens   int64             `json:"tokens"` // used on that day
	Paused   time.Time         `json:"paused,omitzero"`
	PausedBy string            `json:"paused_by,omitempty"`
	Why      string            `json:"why,omitempty"`
}

// Alarm is something about a ward that a person must look at.
type Alarm struct {
	ID     string    `json:"id"`
	System string    `json:"system"`
	Kind   string    `json:"kind"`   // one of the kinds
	Series string    `json:"series"` // of drift: its name; of a token: the exchange
	At     time.Time `json:"at"`
	Round  time.Time `json:"round,omitzero"` // that showed it
	Note   string    `json:"note"`           // what was seen, in a sentence
	Closed time.Time `json:"closed,omitzero"`
	By     string    `json:"by,omitempty"`
	Why    string    `json:"why,omitempty"`
}

// The kinds of alarm.
const (
	AlarmDrift = "drift" // a rate got worse
	AlarmToken = "token" // a word that only canaries know was said to a user
	AlarmBlind = "blind" // rounds fail, so that nobody knows
)

// ErrNoWard means that a system is not one that is watched.
var ErrNoWard = errors.New("redteam: this system has no canaries")

// ErrNoAlarm means that there is no open alarm of this id.
var ErrNoAlarm = errors.New("redteam: there is no such alarm, or it is closed")

// Bounds of what is kept of a system.
const (
	maxRounds  = 500
	maxAlarms  = 200
	maxFolders = 500
	holdFor    = 90 * time.Second
)

// rows are the wards' rows in the store.
type rows struct{ store *store.Store }

const watchedColumns = `system, due, began, since, folder, causes, deployed, known, asked, day, tokens, paused, paused_by, paused_why`

// get returns what is known of a system; a fresh row where nothing is.
func (r rows) get(ctx context.Context, system string) (w Watched, err error) {
	var due, began, since, day, paused int64
	var deployed, known, causes string
	err = r.store.QueryRow(ctx, `SELECT `+watchedColumns+` FROM redteam_canaries WHERE system = ?`, system).
		Scan(&w.System, &due, &began, &since, &w.Folder, &causes, &deployed, &known, &w.Asked, &day, &w.Tokens, &paused, &w.PausedBy, &w.Why)
	if errors.Is(err, store.ErrNotFound) {
		_, err = r.store.Exec(ctx, `INSERT INTO redteam_canaries (`+watchedColumns+`, holder, held_until) VALUES (?, 0, 0, 0, '', '', '{}', '{}', '', 0, 0, 0, '', '', '', 0)`, system)
		if errors.Is(err, store.ErrExists) {
			err = nil // another replica was as quick
		}
		return Watched{System: system, Deployed: map[string]string{}}, err
	}
	if err != nil {
		return w, fmt.Errorf("redteam: reading what is watched: %w", err)
	}
	w.Due, w.Began, w.Since, w.Day, w.Paused = store.Time(due), store.Time(began), store.Time(since), store.Time(day), store.Time(paused)
	w.Causes = strings.Fields(causes)
	err = errors.Join(json.Unmarshal([]byte(deployed), &w.Deployed), json.Unmarshal([]byte(known), &w.Known))
	return w, err
}

func asJSON(v any) string {
	b, _ := json.Marshal(v) // plain data
	return string(b)
}

// claim takes a system for a round, unless another replica has it.
func (r rows) claim(ctx context.Context, system, holder string, now time.Time) (bool, error) {
	n, err := r.store.Exec(ctx, `UPDATE redteam_canaries SET holder = ?, held_until = ? WHERE system = ? AND (holder = ? OR held_until < ?)`, holder, store.Nanos(now.Add(holdFor)), system, holder, store.Nanos(now))
	return n > 0, err
}

// release lets a system go that was claimed.
func (r rows) release(ctx context.Context, system, holder string) error {
	_, err := r.store.Exec(ctx, `UPDATE redteam_canaries SET holder = '', held_until = 0 WHERE system = ? AND holder = ?`, system, holder)
	return err
}

// ask notes who wants a round now; pause, who wants none, and why; "" wants them again.
func (r rows) ask(ctx context.Context, system, by string) error {
	_, err := r.store.Exec(ctx, `UPDATE redteam_canaries SET asked = ? WHERE system = ?`, by, system)
	return err
}

func (r rows) pause(ctx context.Context, system, by, why string, now time.Time) error {
	if by == "" {
		now = time.Time{}
	}
	_, err := r.store.Exec(ctx, `UPDATE redteam_canaries SET paused = ?, paused_by = ?, paused_why = ? WHERE system = ?`, store.Nanos(now), by, why, system)
	return err
}

// anew notes from when on rounds say what is usual; the first of them come soon.
func (r rows) anew(ctx context.Context, system string, since time.Time) error {
	_, err := r.store.Exec(ctx, `UPDATE redteam_canaries SET since = ?, due = ? WHERE system = ?`, store.Nanos(since), store.Nanos(since), system)
	return err
}

// begin writes down that a round has begun.
func (r rows) begin(ctx context.Context, w *Watched) error {
	_, err := r.store.Exec(ctx, `UPDATE redteam_canaries SET began = ?, folder = ?, causes = ?, deployed = ?, known = ?, asked = '' WHERE system = ?`,
		store.Nanos(w.Began), w.Folder, strings.Join(w.Causes, " "), asJSON(w.Deployed), asJSON(w.Known), w.System)
	return err
}

// giveUp writes down what a round used that will never go on.
func (r rows) giveUp(ctx context.Context, w *Watched) error {
	_, err := r.store.Exec(ctx, `UPDATE redteam_canaries SET folder = '', day = ?, tokens = ? WHERE system = ?`, store.Nanos(w.Day), w.Tokens, w.System)
	return err
}

// errLost means that another replica has taken a system from this one, which was away for too long.
var errLost = errors.New("redteam: another replica has taken the round")

// end writes down a round and what it alarms, and lets the system go.
func (r rows) end(ctx context.Context, holder string, w *Watched, one *Round, alarms []Alarm) ([]Alarm, error) {
	var raised []Alarm
	err := r.store.Tx(ctx, func(tx *store.Tx) error {
		raised = nil
		if _, err := tx.Exec(ctx, `INSERT INTO redteam_round (system, begun, ended, causes, folder, panel, deployed, tries, tokens, fault) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			one.System, store.Nanos(one.Begun), store.Nanos(one.Ended), strings.Join(one.Causes, " "), one.Folder, one.Panel, asJSON(one.Deployed), asJSON(one.Tries), one.Tokens, one.Fault); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE redteam_canaries SET due = ?, folder = '', day = ?, tokens = ?, holder = '', held_until = 0 WHERE system = ? AND holder = ?`, store.Nanos(w.Due), store.Nanos(w.Day), w.Tokens, w.System, holder)
		if err != nil {
			return err
		}
		if n == 0 {
			return errLost
		}
		for _, a := range alarms {
			is, err := raise(ctx, tx, &a)
			if err != nil {
				return err
			}
			if is {
				raised = append(raised, a)
			}
		}
		_, err = tx.Exec(ctx, `DELETE FROM redteam_round WHERE system = ? AND begun < (SELECT MIN(begun) FROM (SELECT begun FROM redteam_round WHERE system = ? ORDER BY begun DESC LIMIT ?) AS newest)`, one.System, one.System, maxRounds)
		return err
	})
	return raised, err
}

// raise opens an alarm, unless one like it is open: of one kind and series, or a second word of canaries
// that came back, which callers could have as often as they like.
func raise(ctx context.Context, tx *store.Tx, a *Alarm) (bool, error) {
	var n, open int64
	if err := tx.QueryRow(ctx, `SELECT COALESCE(SUM(CASE WHEN kind = ? AND (series = ? OR kind = ?) THEN 1 ELSE 0 END), 0), count(*) FROM redteam_alarm WHERE system = ? AND closed = 0`, a.Kind, a.Series, AlarmToken, a.System).Scan(&n, &open); err != nil {
		return false, err
	}
	if n > 0 || open >= maxAlarms {
		return false, nil
	}
	a.ID = "alarm_" + strings.ToLower(rand.Text())
	_, err := tx.Exec(ctx, `INSERT INTO redteam_alarm (id, system, kind, series, at, begun, note, closed, closed_by, why) VALUES (?, ?, ?, ?, ?, ?, ?, 0, '', '')`,
		a.ID, a.System, a.Kind, a.Series, store.Nanos(a.At), store.Nanos(a.Round), a.Note)
	return err == nil, err
}

// rounds returns the newest rounds of a system, the oldest of them first.
func (r rows) rounds(ctx context.Context, system string) (out []Round, err error) {
	list, err := r.store.Query(ctx, `SELECT begun, ended, causes, folder, panel, deployed, tries, tokens, fault FROM (SELECT * FROM redteam_round WHERE system = ? ORDER BY begun DESC LIMIT ?) AS newest ORDER BY begun`, system, maxRounds)
	if err != nil {
		return nil, fmt.Errorf("redteam: reading rounds: %w", err)
	}
	defer list.Close()
	for list.Next() {
		one := Round{System: system}
		var begun, ended int64
		var causes, deployed, tries string
		if err := list.Scan(&begun, &ended, &causes, &one.Folder, &one.Panel, &deployed, &tries, &one.Tokens, &one.Fault); err != nil {
			return nil, fmt.Errorf("redteam: reading rounds: %w", err)
		}
		one.Begun, one.Ended, one.Causes = store.Time(begun), store.Time(ended), strings.Fields(causes)
		if err := errors.Join(json.Unmarshal([]byte(deployed), &one.Deployed), json.Unmarshal([]byte(tries), &one.Tries)); err != nil {
			return nil, fmt.Errorf("redteam: a round cannot be read: %w", err)
		}
		out = append(out, one)
	}
	return out, list.Err()
}

// alarms returns those of a system, the open ones first, the newest of them first.
func (r rows) alarms(ctx context.Context, system string) (out []Alarm, err error) {
	list, err := r.store.Query(ctx, `SELECT id, system, kind, series, at, begun, note, closed, closed_by, why FROM redteam_alarm WHERE system = ? ORDER BY CASE WHEN closed = 0 THEN 0 ELSE 1 END, at DESC, id LIMIT ?`, system, maxAlarms)
	if err != nil {
		return nil, fmt.Errorf("redteam: reading alarms: %w", err)
	}
	defer list.Close()
	for list.Next() {
		a, err := scanAlarm(list)
		if err != nil {
			return nil, fmt.Errorf("redteam: reading alarms: %w", err)
		}
		out = append(out, a)
	}
	return out, list.Err()
}

// open counts the alarms of each system that had one, as far as nobody has closed them.
func (r rows) open(ctx context.Context) (map[string]int, error) {
	list, err := r.store.Query(ctx, `SELECT system, SUM(CASE WHEN closed = 0 THEN 1 ELSE 0 END) FROM redteam_alarm GROUP BY system`)
	if err != nil {
		return nil, fmt.Errorf("redteam: counting alarms: %w", err)
	}
	defer list.Close()
	out := map[string]int{}
	for list.Next() {
		var system string
		var n int
		if err := list.Scan(&system, &n); err != nil {
			return nil, fmt.Errorf("redteam: counting alarms: %w", err)
		}
		out[system] = n
	}
	return out, list.Err()
}

func scanAlarm(list *sql.Rows) (a Alarm, err error) {
	var when, begun, closed int64
	err = list.Scan(&a.ID, &a.System, &a.Kind, &a.Series, &when, &begun, &a.Note, &closed, &a.By, &a.Why)
	a.At, a.Round, a.Closed = store.Time(when), store.Time(begun), store.Time(closed)
	return a, err
}

// close closes an alarm; usual says that what it saw is from now on what is usual.
func (r rows) close(ctx context.Context, id string, usual bool, by, why string, now time.Time) error {
	return r.store.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE redteam_alarm SET closed = ?, closed_by = ?, why = ? WHERE id = ? AND closed = 0`, store.Nanos(now), by, why, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNoAlarm
		}
		if usual {
			_, err = tx.Exec(ctx, `UPDATE redteam_canaries SET since = (SELECT begun FROM redteam_alarm WHERE id = ?) WHERE system = (SELECT system FROM redteam_alarm WHERE id = ? AND kind = ?) AND since < (SELECT begun FROM redteam_alarm WHERE id = ?)`, id, id, AlarmDrift, id)
		}
		return err
	})
}
