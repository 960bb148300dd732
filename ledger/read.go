package ledger

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// view is a shard as it was at one moment. The writer goes on beside it.
type view struct {
	shard    *shard
	tree     *tree
	signed   []byte
	signedAt time.Time
	hashes   []byte // of the leaves in tile hashesOf
	hashesOf int64
}

// views returns all shards, the newest first. The caller holds the lock.
func (l *Ledger) views() []*view {
	var all []*view
	for _, s := range slices.Backward(l.shards) {
		all = append(all, &view{shard: s, tree: s.tree, signed: s.signed, signedAt: s.signedAt})
	}
	return all
}

type rowOrError struct {
	row
	err error
}

// bounds finds the rows between q.After and q.Before by their numbers, which only
// rise: a live tail asks often, and must not read the whole index each time.
func (v *view) bounds(q *record.Query) (lo, hi int64, err error) {
	first := func(seq uint64) int64 {
		return int64(sort.Search(int(v.tree.size), func(i int) bool {
			r, rowErr := v.shard.row(int64(i))
			err = errors.Join(err, rowErr)
			return r.seq >= seq
		}))
	}
	hi = v.tree.size
	if q.After != 0 {
		lo = first(q.After + 1)
	}
	if q.Before != 0 {
		hi = first(q.Before)
	}
	return lo, max(lo, hi), err
}

// rows yields the part of the index that a query can want, in its order.
func (v *view) rows(ctx context.Context, q *record.Query) iter.Seq2[int64, rowOrError] {
	const chunk = 512
	return func(yield func(int64, rowOrError) bool) {
		lo, hi, err := v.bounds(q)
		if err != nil {
			yield(0, rowOrError{err: err})
			return
		}
		buf := make([]byte, chunk*rowSize)
		for lo < hi {
			n := min(chunk, hi-lo)
			first := hi - n
			if q.Oldest {
				first = lo
			}
			err := ctx.Err()
			if err == nil {
				_, err = v.shard.index.ReadAt(buf[:n*rowSize], first*rowSize)
			}
			if err != nil {
				yield(first, rowOrError{err: fmt.Errorf("ledger: reading the index: %w", err)})
				return
			}
			if !yieldRows(buf[:n*rowSize], first, q.Oldest, yield) {
				return
			}
			if q.Oldest {
				lo += n
			} else {
				hi -= n
			}
		}
	}
}

// yieldRows yields one chunk of the index, whose first row has the given index.
func yieldRows(buf []byte, first int64, oldest bool, yield func(int64, rowOrError) bool) bool {
	n := int64(len(buf) / rowSize)
	for k := range n {
		if !oldest {
			k = n - 1 - k
		}
		r := rowOrError{}
		var ok bool
		if r.row, ok = parseRow(buf[k*rowSize:][:rowSize]); !ok {
			r.err = fmt.Errorf("ledger: reading the index: row %d is damaged", first+k)
		}
		if !yield(first+k, r) {
			return false
		}
	}
	return true
}

// leaf returns the bytes of a leaf.
func (v *view) leaf(i int64) ([]byte, error) {
	n := i / tileWidth
	if n == v.tree.size/tileWidth {
		leaves, _, err := parseBundle(v.tree.bundle, int(v.tree.size%tileWidth))
		if err != nil {
			return nil, err
		}
		return leaves[i%tileWidth], nil
	}
	leaves, err := readBundle(v.shard.logDir(), n, tileWidth)
	if err != nil {
		return nil, fmt.Errorf("ledger: reading the log: %w", err)
	}
	return leaves[i%tileWidth], nil
}

// Records yields what a query selects, open exchanges included. It sees the
// ledger as it was when it began and holds nobody up.
func (l *Ledger) Records(ctx context.Context, q record.Query) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		l.mu.Lock()
		r := reading{keys: l.keys, dir: l.cfg.Dir, unseal: l.cfg.Unseal, recent: l.recent(&q), views: l.views()}
		l.mu.Unlock()
		r.run(ctx, &q, yield)
	}
}

// reading is one walk over what there was when it began.
type reading struct {
	keys   *keyring
	dir    string
	unseal func([]byte) ([]byte, bool, error)
	recent []item
	views  []*view
}

// run drops what the index let through by mistake, and counts to the limit.
func (rd *reading) run(ctx context.Context, q *record.Query, yield func(record.Record, error) bool) {
	left := q.Limit
	for r, err := range rd.merged(ctx, q) {
		if err == nil && !matches(q, &r) {
			continue
		}
		if !yield(r, err) || err != nil {
			return
		}
		if left--; left == 0 {
			return
		}
	}
}

// recent copies what is not in the log yet: newest first unless the query wants
// the oldest. The caller holds the lock.
func (l *Ledger) recent(q *record.Query) []item {
	var items []item
	keep := func(it *item) {
		if r := it.facts.row(); r.may(q) {
			items = append(items, *it)
		}
	}
	for _, it := range l.pending {
		keep(it)
	}
	for _, it := range l.open {
		if it.durable {
			keep(it)
		}
	}
	slices.SortFunc(items, func(a, b item) int {
		if q.Oldest {
			return cmp.Compare(a.seq, b.seq)
		}
		return cmp.Compare(b.seq, a.seq)
	})
	return items
}

// merged yields the recent items and the log in one order. An exchange that is
// open can be older than much of the log.
func (rd *reading) merged(ctx context.Context, q *record.Query) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		recent, views, open, stopped := rd.recent, rd.views, rd.opener(q), false
		emit := func(upTo uint64) {
			for len(recent) > 0 && !stopped && (q.Oldest && recent[0].seq < upTo || !q.Oldest && recent[0].seq > upTo) {
				r, err := recent[0].record(open)
				recent = recent[1:]
				r.Place.Log = views[0].shard.origin
				stopped = !yield(r, wrapRead(err))
			}
		}
		if q.Oldest {
			views = slices.Clone(views)
			slices.Reverse(views)
		}
		for _, v := range views {
			for i, row := range v.rows(ctx, q) {
				if row.err == nil && !row.may(q) {
					continue
				}
				if emit(row.seq); stopped {
					return
				}
				r, err := v.read(rd.keys, i, row, open)
				if errors.Is(err, errNoKey) {
					continue // deleted: the leaf is all that is left
				}
				if !yield(r, wrapRead(err)) || err != nil {
					return
				}
			}
		}
		if q.Oldest {
			emit(nothingLive)
		} else {
			emit(0)
		}
	}
}

// wrapRead says what was being done.
func wrapRead(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ledger: reading records: %w", err)
}

// read opens the record of one row.
func (v *view) read(keys *keyring, i int64, row rowOrError, open contentOpener) (record.Record, error) {
	if row.err != nil {
		return record.Record{}, row.err
	}
	if row.length == 0 {
		return record.Record{}, errNoKey
	}
	it, err := v.shard.open(keys, fromNanos(row.at), i, place{int64(row.off), row.length})
	if err != nil {
		return record.Record{}, err
	}
	it.seq = row.seq
	r, err := it.record(open)
	if err != nil {
		return r, err
	}
	h, err := v.leafHash(i)
	r.Place = record.Place{Log: v.shard.origin, Index: i, Leaf: hex.EncodeToString(h)}
	return r, err
}

// leafHash reads the hash from its tile, which the view keeps for the next one.
func (v *view) leafHash(i int64) ([]byte, error) {
	n := i / tileWidth
	switch {
	case n == v.tree.size/tileWidth:
		v.hashes, v.hashesOf = v.tree.levels[0], n
	case v.hashes == nil || v.hashesOf != n:
		var err error
		if v.hashes, err = readTile(v.shard.logDir(), 0, n, tileWidth); err != nil {
			return nil, err
		}
		v.hashesOf = n
	}
	return v.hashes[i%tileWidth*tlog.HashSize:][:tlog.HashSize], nil
}

// matches decides what the index could only guess from hashes.
func matches(q *record.Query, r *record.Record) bool {
	var system, team, model string
	if r.Intent != nil {
		system, team, model = r.Intent.Principal.System, r.Intent.Principal.Team, r.Intent.Model
	}
	if q.Users && r.Canary() || q.Canaries && !r.Canary() {
		return false
	}
	return (q.ID == "" || q.ID == r.ID()) && (q.System == "" || q.System == system) && (len(q.Teams) == 0 || slices.Contains(q.Teams, team)) &&
		(q.Model == "" || q.Model == model) && (q.Category == "" || hasCategory(r, q.Category)) && wants(q, r.Decision())
}

// hasCategory takes a dotted parent for all of its children.
func hasCategory(r *record.Record, want risk.Category) bool {
	in := func(v *risk.Verdict) bool {
		return slices.ContainsFunc(v.Findings, func(f risk.Finding) bool {
			return f.Category == want || len(f.Category) > len(want) && f.Category[:len(want)] == want && f.Category[len(want)] == '.'
		})
	}
	return r.Intent != nil && in(&r.Intent.Verdict) || r.Outcome != nil && in(&r.Outcome.Verdict)
}

// opener returns what opens the content of a record, where a query wants it.
func (rd *reading) opener(q *record.Query) contentOpener {
	if !q.Content {
		return nil
	}
	return func(day uint32, id, side string, sum [32]byte) ([]record.Kept, error) {
		kept, err := readKept(rd.keys, rd.dir, day, id, side, sum)
		if err != nil {
			return nil, err
		}
		return kept, unseal(kept, rd.unseal)
	}
}
