package desk

import (
	"context"
	"fmt"
	"time"

	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// Keeping is what the configuration keeps, and how long. Records of all systems lie together,
// so the longest time holds for all of them.
type Keeping struct {
	Records  Kept         `json:"records"` // calls, without their words
	Content  Kept         `json:"content"` // their words, masked and sealed
	Policies []PolicyKeep `json:"policies"`
	Backups  string       `json:"key_backups,omitempty"` // how long copies of keys live; "": nobody has said
}

// Kept is how long something stays.
type Kept struct {
	For    time.Duration `json:"for_ns"`           // 0: for ever, or not at all where None
	None   bool          `json:"none,omitempty"`   // it is not kept
	Policy string        `json:"policy,omitempty"` // that wants it longest
}

// PolicyKeep is what one policy wants.
type PolicyKeep struct {
	Policy  string   `json:"policy"`
	Systems []string `json:"systems"`
	Records string   `json:"records"`
	Content string   `json:"content"`
}

// Retention is what stays, what holds it longer, and what went.
type Retention struct {
	Keeping
	// Back is where each goes back to, with what legal holds keep of it; zero: to the beginning.
	RecordsBack time.Time      `json:"records_back,omitzero"`
	ContentBack time.Time      `json:"content_back,omitzero"`
	Holds       []privacy.Hold `json:"holds"`
	Deleted     []record.Act   `json:"deleted"` // by retention, the newest first
}

// maxDeleted bounds what is told of deletions.
const maxDeleted = 50

// deletion is the kind of act by which the ledger forgets.
const deletion = "ledger.retain"

// Retention says what is kept, how far back, and what was deleted.
func (d *Desk) Retention(ctx context.Context, a Actor) (out Retention, err error) {
	if out.Holds, err = d.Holds(ctx, a); err != nil {
		return out, err
	}
	if d.cfg.Watch.Keeping != nil {
		out.Keeping = d.cfg.Watch.Keeping()
	}
	first, all := time.Time{}, false
	if s := d.cfg.Privacy.Subjects; s != nil {
		if first, all, err = s.HeldFrom(ctx); err != nil {
			return out, err
		}
	}
	now := d.cfg.Now().UTC()
	out.RecordsBack, out.ContentBack = back(now, out.Records, time.Time{}, all), back(now, out.Content, first, false)
	out.Deleted = []record.Act{}
	for r, err := range d.records(ctx, a, record.Query{Kind: "act", Limit: MaxRead}) {
		if err != nil {
			return out, fmt.Errorf("desk: reading what was deleted: %w", err)
		}
		if r.Act != nil && r.Act.Kind == deletion && r.Act.Phase != "intended" {
			out.Deleted = append(out.Deleted, *r.Act)
		}
		if len(out.Deleted) == maxDeleted {
			break
		}
	}
	return out, nil
}

// back is the time from which on something is there.
func back(now time.Time, k Kept, held time.Time, all bool) time.Time {
	if all || k.For == 0 || k.None {
		return time.Time{}
	}
	from := now.Add(-k.For)
	if !held.IsZero() && held.Before(from) {
		return held
	}
	return from
}
