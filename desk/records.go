package desk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/record"
)

// ErrRecord means that no record has this id.
var ErrRecord = errors.New("desk: there is no such record")

// maxPhases is how often an act can be recorded.
const maxPhases = 8

// records reads what an actor may see, or finds nothing.
func (d *Desk) records(ctx context.Context, a Actor, q record.Query) iter.Seq2[record.Record, error] {
	if d.cfg.Watch.Records == nil {
		return func(func(record.Record, error) bool) {}
	}
	return d.wall(a).see(ctx, q, d.cfg.Watch.Records.Records)
}

// Records yields what a query selects, without what policy kept of the texts. Whoever may
// read the ledger may read acts.
func (d *Desk) Records(ctx context.Context, a Actor, q record.Query) iter.Seq2[record.Record, error] {
	if err := d.May(a, RecordRead); err != nil && (q.Kind != "act" || d.May(a, LedgerRead) != nil) {
		return func(yield func(record.Record, error) bool) { yield(record.Record{}, err) }
	}
	q.Content = false
	return d.records(ctx, a, q)
}

// Record returns an exchange, or all records of an act, the newest first. Of kept texts it
// has that they are there, and no word of them.
func (d *Desk) Record(ctx context.Context, a Actor, id string) ([]record.Record, error) {
	if err := d.May(a, RecordRead); err != nil {
		return nil, err
	}
	found, err := d.find(ctx, a, id)
	for i := range found {
		if in := found[i].Intent; in != nil {
			blank := *in
			blank.Kept, found[i].Intent = wordless(in.Kept), &blank
		}
		if out := found[i].Outcome; out != nil {
			blank := *out
			blank.Kept, found[i].Outcome = wordless(out.Kept), &blank
		}
	}
	return found, err
}

func wordless(kept []record.Kept) (out []record.Kept) {
	for _, k := range kept {
		out = append(out, record.Kept{Path: k.Path, Origin: k.Origin, Kind: k.Kind, Output: k.Output})
	}
	return out
}

// find reads an exchange or an act with its texts.
func (d *Desk) find(ctx context.Context, a Actor, id string) (found []record.Record, err error) {
	if id == "" { // would select everything
		return nil, ErrRecord
	}
	for r, err := range d.records(ctx, a, record.Query{ID: id, Content: true, Limit: maxPhases}) {
		if err != nil {
			return nil, fmt.Errorf("desk: reading a record: %w", err)
		}
		found = append(found, r)
	}
	if len(found) == 0 {
		return nil, ErrRecord
	}
	return found, nil
}

// Content returns a record with the texts that policy kept of it. Reading them has a right
// and a reason of its own, and is recorded before anything is returned.
func (d *Desk) Content(ctx context.Context, a Actor, id, reason string) (found []record.Record, err error) {
	err = d.act(ctx, a, record.Act{Kind: ContentRead, Target: id, Reason: clean(reason)}, func() error {
		if strings.TrimSpace(reason) == "" {
			return fmt.Errorf("%w: reading what people wrote needs a reason", ErrInvalid)
		}
		all, err := d.find(ctx, a, id)
		if err != nil {
			return err
		}
		if err := d.opened(ctx, a, id, reason); err != nil {
			return err
		}
		found = all
		return nil
	})
	return found, err
}

// Systems are the declared systems that somebody may see, by name. Whoever shows them has
// asked for a right to what they are shown with.
func (d *Desk) Systems(a Actor) []record.System { return d.wall(a).systems() }

// InUse are the policies of the systems that somebody may see: their names and modes stand on
// pages of those who may not see the policies themselves (see [Desk.Policies]).
func (d *Desk) InUse(a Actor) []*guard.Compiled {
	if d.cfg.Policies == nil {
		return nil
	}
	return d.wall(a).policies(d.cfg.Policies())
}

// Policies returns the policies in use, to those who may see them.
func (d *Desk) Policies(a Actor) ([]*guard.Compiled, error) {
	if err := d.May(a, PolicyRead); err != nil {
		return nil, err
	}
	return d.InUse(a), nil
}

// policy finds a policy in use by its name.
func (d *Desk) policy(a Actor, name string) (*guard.Compiled, error) {
	all := d.InUse(a)
	if i := slices.IndexFunc(all, func(c *guard.Compiled) bool { return nameOf(c) == name }); i >= 0 {
		return all[i], nil
	}
	return nil, ErrUnknown
}
