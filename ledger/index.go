package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// The index has one row of fixed width per leaf: where its record lies, and
// enough of what is in it to answer most of a query. It is derived: whatever is
// wrong with it, it is made again from the log and the records.
const rowSize = 64

const (
	rowAct = 1 << iota
	rowSynthetic
	rowInterrupted
)

// row is an index entry. length is 0 where there is no record (any more).
type row struct {
	seq, at, off, id, categories uint64
	length, system, team, model  uint32
	decision, flags              byte
}

// row hashes the names. Where two names share a hash, the record itself decides.
func (f *facts) row() row {
	r := row{seq: f.seq, at: nanos(f.at), id: hash64(f.id), categories: f.categories,
		system: hash32(f.system), team: hash32(f.team), model: hash32(f.model), decision: byte(f.decision)}
	if f.act {
		r.flags |= rowAct
	}
	if f.synthetic {
		r.flags |= rowSynthetic
	}
	return r
}

// append writes a row with its own checksum: the index is not synced, and after a
// power cut any page of it may be old.
func (r *row) append(b []byte) []byte {
	start := len(b)
	for _, v := range []uint64{r.seq, r.at, r.off, r.id, r.categories} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	for _, v := range []uint32{r.length, r.system, r.team, r.model} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	b = append(b, r.decision, r.flags, 0, 0)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// parseRow is the inverse of append; ok is false for a damaged row.
func parseRow(b []byte) (r row, ok bool) {
	if crc32.Checksum(b[:rowSize-4], castagnoli) != binary.BigEndian.Uint32(b[rowSize-4:]) {
		return r, false
	}
	for i, v := range []*uint64{&r.seq, &r.at, &r.off, &r.id, &r.categories} {
		*v = binary.BigEndian.Uint64(b[8*i:])
	}
	for i, v := range []*uint32{&r.length, &r.system, &r.team, &r.model} {
		*v = binary.BigEndian.Uint32(b[40+4*i:])
	}
	r.decision, r.flags = b[56], b[57]
	return r, true
}

// month is where the row's record lies.
func (r *row) month() uint32 { return day(fromNanos(r.at)) / 100 }

// may reports whether a record can match a query, from its row alone. A yes is
// to be checked against the record: the row holds hashes.
func (r *row) may(q *record.Query) bool {
	switch {
	case q.Before != 0 && r.seq >= q.Before, q.After != 0 && r.seq <= q.After,
		q.ID != "" && r.id != hash64(q.ID),
		q.System != "" && r.system != hash32(q.System),
		len(q.Teams) > 0 && !slices.ContainsFunc(q.Teams, func(t string) bool { return r.team == hash32(t) }),
		q.Model != "" && r.model != hash32(q.Model),
		q.Kind == "act" && r.flags&rowAct == 0, q.Kind == "exchange" && r.flags&rowAct != 0,
		!q.Since.IsZero() && r.at < nanos(q.Since), !q.Until.IsZero() && r.at >= nanos(q.Until):
		return false
	}
	if q.Category != "" {
		if bit := uint64(1) << (hash64(string(q.Category)) % 64); r.categories&bit == 0 {
			return false
		}
	}
	return wants(q, risk.Decision(r.decision))
}

// wants reports whether a query asks for a decision.
func wants(q *record.Query, d risk.Decision) bool {
	for _, want := range q.Decisions {
		if d == want {
			return true
		}
	}
	return len(q.Decisions) == 0
}

// readRows checks the whole index of a log and returns how long the records of
// each month are. It fails when the index is not the one of this log.
func readRows(f file, size int64) (map[uint32]int64, error) {
	lengths := map[uint32]int64{}
	buf := make([]byte, 1024*rowSize)
	var last uint64
	for i := int64(0); i < size; {
		n := min(1024, size-i)
		if _, err := f.ReadAt(buf[:n*rowSize], i*rowSize); err != nil {
			return nil, err
		}
		for k := range n {
			r, ok := parseRow(buf[k*rowSize:][:rowSize])
			if !ok || r.seq <= last {
				return nil, fmt.Errorf("row %d is damaged", i+k)
			}
			last = r.seq
			if r.length > 0 {
				lengths[r.month()] = max(lengths[r.month()], int64(r.off)+int64(r.length))
			}
		}
		i += n
	}
	return lengths, nil
}

// rebuild makes the index from the log and from those records that are there and
// can be opened.
func (s *shard) rebuild(keys *keyring) (rows []byte, err error) {
	places, err := s.findRecords()
	if err != nil {
		return nil, err
	}
	for n := int64(0); n*tileWidth < s.tree.size; n++ {
		leaves, err := readBundle(s.logDir(), n, int(min(tileWidth, s.tree.size-n*tileWidth)))
		if err != nil {
			return nil, err
		}
		for i, b := range leaves {
			leaf, err := ParseLeaf(b)
			if err != nil {
				return nil, err
			}
			r, err := s.rebuildRow(leaf, n*tileWidth+int64(i), places, keys)
			if err != nil {
				return nil, err
			}
			rows = r.append(rows)
		}
	}
	return rows, nil
}

type place struct {
	off    int64
	length uint32
}

// findRecords walks the record segments of the log.
func (s *shard) findRecords() (map[int64]place, error) {
	places := map[int64]place{}
	months, err := s.months()
	if err != nil {
		return nil, err
	}
	for _, month := range months {
		f, err := s.segment(month)
		if err != nil {
			return nil, err
		}
		for off := int64(0); ; {
			h, err := readRecordHeader(f, off)
			if err != nil || h.index >= s.tree.size {
				break // the rest was never committed
			}
			places[h.index] = place{off, uint32(h.size())}
			off += h.size()
		}
	}
	return places, nil
}

// rebuildRow takes from the record what it can. Where the key is gone the leaf must
// do, so such a row finds less.
func (s *shard) rebuildRow(leaf *Leaf, index int64, places map[int64]place, keys *keyring) (row, error) {
	f := facts{act: leaf.Kind == "act", id: leaf.ID, system: leaf.System, decision: leaf.Decision,
		synthetic: leaf.Synthetic, at: leaf.Began, seq: leaf.Seq}
	p, ok := places[index]
	if !ok {
		return f.row(), nil
	}
	it, err := s.open(keys, leaf.Began, index, p)
	switch {
	case err == nil:
		at, seq := f.at, f.seq
		if err := it.learn(); err != nil {
			return row{}, err
		}
		f = it.facts
		f.at, f.seq = at, seq
	case !errors.Is(err, errNoKey):
		return row{}, err
	}
	r := f.row()
	r.off, r.length = uint64(p.off), p.length
	return r, nil
}

// learn fills the facts in from the record.
func (it *item) learn() error {
	r, err := it.record(nil)
	if err != nil {
		return err
	}
	if r.Act != nil {
		it.facts = facts{act: true, id: r.Act.ID, at: r.Act.At}
		return nil
	}
	it.intentFacts(r.Intent)
	if r.Outcome != nil {
		it.verdictFacts(&r.Outcome.Verdict)
	}
	return nil
}

// openIndex opens the index, made anew where it is missing or damaged, and learns
// the committed length of each month.
func (s *shard) openIndex(keys *keyring) error {
	name := filepath.Join(s.dir, "index")
	f, err := s.disk.Open(name, s.mode())
	if err == nil {
		if s.lengths, err = readRows(f, s.tree.size); err == nil {
			s.index = f
			return nil
		}
		if err := f.Close(); err != nil {
			return err
		}
	} else if !s.readOnly {
		return err
	}
	rows, err := s.rebuild(keys)
	if err != nil {
		return fmt.Errorf("making the index anew: %w", err)
	}
	if s.readOnly {
		s.index = memory(rows)
	} else {
		if err := replace(s.disk, name, rows); err != nil {
			return err
		}
		if s.index, err = s.disk.Open(name, s.mode()); err != nil {
			return err
		}
	}
	s.lengths, err = readRows(s.index, s.tree.size)
	return err
}

// memory is an index that is not on the disk, for readers that may not write.
type memory []byte

// ReadAt reads as from a file.
func (m memory) ReadAt(b []byte, off int64) (int, error) {
	return bytes.NewReader(m).ReadAt(b, off)
}
func (m memory) WriteAt([]byte, int64) (int, error) { return 0, fs.ErrPermission }
func (m memory) Sync() error                        { return nil }
func (m memory) Truncate(int64) error               { return fs.ErrPermission }
func (m memory) Allocate(int64) error               { return fs.ErrPermission }
func (m memory) Size() (int64, error)               { return int64(len(m)), nil }
func (m memory) Close() error                       { return nil }
