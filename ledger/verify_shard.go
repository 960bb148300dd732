package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/bartizan-ai/bartizan/risk"
)

// shardCheck verifies one log and its records.
type shardCheck struct {
	v      *verifier
	number int
	dir    string
	origin string
	size   int64 // of the signed log
	hashes []tlog.Hash
	leaves []leafFacts
	rows   []row
}

// leafFacts is what stays in memory of a leaf.
type leafFacts struct {
	began          int64
	seq            uint64
	record, sealed [32]byte
	salted         [3][32]byte // received, sent, answered
	seen           bool        // its record was found
	off            int64       // in its bundle
	facts          row         // what the index should say, as far as the leaf knows
}

func (s *shardCheck) logDir() string { return filepath.Join(s.dir, "log") }

func (s *shardCheck) fault(path string, off, index int64, what string) {
	s.v.r.fault(Fault{File: s.v.file(path), Offset: off, Index: index, What: what})
}

// log reads every leaf and compares all hashes with the tiles and the root with
// what was signed.
func (s *shardCheck) log(ctx context.Context) error {
	name := filepath.Join(s.logDir(), "checkpoint")
	c, msg, err := readCheckpoint(s.logDir(), s.v.signer)
	if err != nil {
		s.fault(name, 0, -1, err.Error())
		return nil
	}
	if msg != nil && c.origin != s.origin {
		s.fault(name, 0, -1, fmt.Sprintf("it is of the log %q, not of %q", c.origin, s.origin))
	}
	s.size = c.size
	s.v.r.Size += c.size
	for n := int64(0); n*tileWidth < c.size; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.bundle(n, int(min(tileWidth, c.size-n*tileWidth)))
	}
	s.judgeLeaves(c)
	s.tiles()
	root := rootOf(s.hashes)
	s.v.r.Root = root.String()
	if root != c.root {
		s.fault(name, -1, -1, "the log has another root than the one that was signed")
	}
	s.strays()
	return nil
}

// judgeLeaves decides, where leaves and tiles differ, which of them is wrong: the
// one that does not lead to the signed root.
func (s *shardCheck) judgeLeaves(c checkpoint) {
	var stored []tlog.Hash
	for n := int64(0); n*tileWidth < c.size; n++ {
		data, err := readTile(s.logDir(), 0, n, int(min(tileWidth, c.size-n*tileWidth)))
		if err != nil {
			return // the tile is what is wrong, and will be named
		}
		for ; len(data) > 0; data = data[tlog.HashSize:] {
			stored = append(stored, tlog.Hash(data[:tlog.HashSize]))
		}
	}
	if rootOf(stored) != c.root {
		return
	}
	for i, h := range stored {
		if s.hashes[i] != h {
			n := int64(i) / tileWidth
			name := filepath.Join(s.logDir(), filepath.FromSlash(bundlePath(n, int(min(tileWidth, c.size-n*tileWidth)))))
			s.fault(name, s.leaves[i].off, int64(i), "the leaf is not the one that was logged")
		}
	}
	s.hashes = stored
}

// bundle reads up to 256 leaves. One that is not readable keeps its place, so
// that those behind it are still compared.
func (s *shardCheck) bundle(n int64, w int) {
	path := bundlePath(n, w)
	name := filepath.Join(s.logDir(), filepath.FromSlash(path))
	data, err := readEither(s.logDir(), path, bundlePath(n, tileWidth), bundleMax)
	if err != nil {
		s.fault(name, -1, n*tileWidth, "the leaves cannot be read: "+bare(err).Error())
	}
	leaves, rest, err := parseBundle(data, w)
	if err != nil {
		s.fault(name, -1, n*tileWidth+int64(len(leaves)), err.Error())
	} else if len(rest) > 0 && !s.v.live {
		_, _, err := parseBundle(rest, 1)
		s.left(name, int64(len(data)-len(rest)), err == nil, fmt.Sprintf("%d bytes follow the last leaf", len(rest)))
	}
	off := int64(0)
	for i := range w {
		var leaf []byte
		if i < len(leaves) {
			leaf = leaves[i]
		}
		s.leaf(name, off, leaf, i < len(leaves))
		off += int64(2 + len(leaf))
	}
}

// leaf takes one leaf in. Its hash counts even where it cannot be read, so that the
// tree keeps its shape and only this one is named.
func (s *shardCheck) leaf(name string, off int64, data []byte, there bool) {
	index := int64(len(s.hashes))
	s.hashes = append(s.hashes, tlog.RecordHash(data))
	s.leaves = append(s.leaves, leafFacts{seen: !there, off: off})
	if !there {
		return
	}
	f, err := ParseLeaf(data)
	if err != nil {
		s.fault(name, off, index, err.Error())
		s.leaves[index].seen = true
		return
	}
	if index > 0 && s.leaves[index-1].seq >= f.Seq {
		s.fault(name, off, index, "the leaves are not in the order of the journal")
	}
	s.leaves[index] = newLeafFacts(f)
	s.leaves[index].off = off
	s.v.ids[f.ID] = index
	s.v.closed = max(s.v.closed, f.Seq)
	s.count(f)
	if r, ok := parseRetention(f.Note); ok && f.Kind == "act" {
		r.shard, r.index = s.number, index
		s.v.retains = append(s.v.retains, r)
	}
}

// newLeafFacts drops the names, which for a million leaves would be most of the
// memory.
func newLeafFacts(f *Leaf) leafFacts {
	facts := facts{act: f.Kind == "act", id: f.ID, system: f.System, decision: f.Decision, synthetic: f.Synthetic, at: f.Began, seq: f.Seq}
	return leafFacts{began: f.Began.UnixNano(), seq: f.Seq, record: f.Record, sealed: f.Sealed,
		salted: [3][32]byte{f.Received, f.Sent, f.Answered}, facts: facts.row()}
}

// count adds to the figures of the report.
func (s *shardCheck) count(f *Leaf) {
	r := &s.v.r
	if f.Kind == "act" {
		r.Acts++
		return
	}
	r.Exchanges++
	if f.Interrupted {
		r.Interrupted++
	}
	if f.Synthetic {
		r.Synthetic++
	}
}

// tiles compares every tile with the hashes of the leaves.
func (s *shardCheck) tiles() {
	hashes := s.hashes
	for level := 0; len(hashes) > 0; level++ {
		var above []tlog.Hash
		for n := 0; n*tileWidth < len(hashes); n++ {
			part := hashes[n*tileWidth : min(len(hashes), (n+1)*tileWidth)]
			s.tile(level, int64(n), part)
			if len(part) == tileWidth {
				above = append(above, rootOf(part))
			}
		}
		hashes = above
	}
}

// tile compares one tile and names each hash that differs.
func (s *shardCheck) tile(level int, n int64, want []tlog.Hash) {
	path := tilePath(level, n, len(want))
	name := filepath.Join(s.logDir(), filepath.FromSlash(path))
	data, err := readEither(s.logDir(), path, tilePath(level, n, tileWidth), tileWidth*tlog.HashSize)
	if err != nil {
		s.fault(name, -1, -1, "the hashes cannot be read: "+bare(err).Error())
		return
	}
	if len(data) != len(want)*tlog.HashSize && !(s.v.live && len(data) > len(want)*tlog.HashSize) {
		s.fault(name, int64(min(len(data), len(want)*tlog.HashSize)), -1, fmt.Sprintf("the tile has %d bytes and should have %d", len(data), len(want)*tlog.HashSize))
	}
	for i, h := range want {
		if len(data) < (i+1)*tlog.HashSize {
			return
		}
		if !bytes.Equal(h[:], data[i*tlog.HashSize:][:tlog.HashSize]) {
			index := int64(-1)
			if level == 0 {
				index = n*tileWidth + int64(i)
			}
			s.fault(name, int64(i*tlog.HashSize), index, "the hash is not the one of the leaves")
		}
	}
}

// strays names files in the log that do not belong there.
func (s *shardCheck) strays() {
	if s.v.live {
		return
	}
	root := s.logDir()
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what is missing has been said already
		}
		rel, err := filepath.Rel(root, path)
		if err == nil && rel != "checkpoint" && rel != "key" && !s.belongs(filepath.ToSlash(rel)) {
			s.v.r.Notes = append(s.v.r.Notes, s.v.file(path)+": not part of the signed log (left by a stop in the middle of a write)")
		}
		return nil
	})
}

// belongs reports whether the log of this size has a file of that name.
func (s *shardCheck) belongs(rel string) bool {
	rest, ok := strings.CutPrefix(rel, "tile/")
	if !ok {
		return false
	}
	level, number, _ := strings.Cut(rest, "/")
	size := s.size
	if level != "entries" {
		if len(level) != 1 || level[0] < '0' || level[0] > '7' {
			return false
		}
		size >>= tileHeight * int(level[0]-'0')
	}
	width := tileWidth
	number, partial, isPartial := strings.Cut(number, ".p/")
	n := int64(0)
	for part := range strings.SplitSeq(number, "/") {
		d := int64(0)
		if _, err := fmt.Sscanf(strings.TrimPrefix(part, "x"), "%03d", &d); err != nil {
			return false
		}
		n = n*1000 + d
	}
	if isPartial {
		if _, err := fmt.Sscanf(partial, "%d", &width); err != nil {
			return false
		}
	}
	return isPartial && n == size/tileWidth && int64(width) == size%tileWidth || !isPartial && n < size/tileWidth
}

// records walks the record segments: each record must be the one that its leaf
// commits to, and each leaf must have one unless an act deleted it.
func (s *shardCheck) records(ctx context.Context) error {
	s.rows = make([]row, len(s.leaves))
	entries, err := os.ReadDir(filepath.Join(s.dir, "records"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(s.dir, "records", e.Name())
		m := recordPattern.FindStringSubmatch(e.Name())
		if m == nil {
			s.fault(name, -1, -1, "not the name of a record segment")
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.segment(name, m[1]); err != nil {
			return err
		}
	}
	for i := range s.leaves {
		f := &s.leaves[i]
		if f.seen {
			continue
		}
		began := time.Unix(0, f.began).UTC()
		if s.v.deleted("records", day(began), position(s.number, int64(i))) {
			s.v.r.Deleted++
			continue
		}
		s.fault(filepath.Join(s.dir, "records", fmt.Sprintf("%06d.seg", day(began)/100)), -1, int64(i), "the record is missing, and no act says that it was deleted")
	}
	return nil
}

// segment reads one record segment from front to back.
func (s *shardCheck) segment(name, month string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	head := make([]byte, recordHeaderSize)
	for off := int64(0); off < fi.Size(); {
		if fi.Size()-off < recordHeaderSize {
			s.tail(name, off, fi.Size()-off, false)
			return nil
		}
		if _, err := f.ReadAt(head, off); err != nil {
			return err
		}
		h, err := parseRecordHeader(head)
		if err != nil || h.index >= s.size || off+h.size() > fi.Size() {
			// Committed records come first: what is left was not yet.
			s.tail(name, off, fi.Size()-off, err == nil && h.index >= s.size)
			return nil
		}
		data := make([]byte, h.size())
		if _, err := f.ReadAt(data, off); err != nil {
			return err
		}
		s.record(name, month, off, h, data)
		off += h.size()
	}
	return nil
}

// tail names what follows the last record. While a process writes, that is simply
// the next commit.
func (s *shardCheck) tail(name string, off, n int64, whole bool) {
	if !s.v.live {
		s.left(name, off, whole, fmt.Sprintf("the last %d bytes are not records of the log", n))
	}
}

// left notes what follows the log's own bytes. Where it begins like the next commit,
// the journal will tell whether it can be that.
func (s *shardCheck) left(path string, off int64, like bool, what string) {
	if !like {
		s.fault(path, off, -1, what)
		return
	}
	s.v.left = append(s.v.left, Fault{File: s.v.file(path), Offset: off, Index: -1, What: what})
}

// record goes from the outside in: place, checksum, sealed bytes, plaintext. The
// first that is wrong is what is reported.
func (s *shardCheck) record(name, month string, off int64, h recordHeader, data []byte) {
	leaf := &s.leaves[h.index]
	fault := func(what string) { s.fault(name, off, h.index, what) }
	if leaf.seen {
		fault("the leaf has another record already")
		return
	}
	leaf.seen = true
	if recordSum(data) != h.sum {
		fault("the checksum is wrong")
		return
	}
	sealed := data[recordHeaderSize:]
	if sha256.Sum256(sealed) != leaf.sealed {
		fault("the record is not the one that the leaf commits to")
		return
	}
	if fmt.Sprintf("%06d", day(time.Unix(0, leaf.began))/100) != month {
		fault("the record lies in the segment of another month")
	}
	s.rows[h.index] = leaf.facts
	s.rows[h.index].off, s.rows[h.index].length = uint64(off), uint32(len(data))
	if s.v.keys == nil {
		s.v.r.Sealed++
		return
	}
	plain, err := openRecord(s.v.keys, h, sealed, fmt.Appendf(nil, "record %s %d", s.origin, h.index))
	if errors.Is(err, errNoKey) {
		s.v.r.Sealed++
		return
	}
	if err != nil {
		fault(err.Error())
		return
	}
	if what := s.plain(h.index, leaf, plain); what != "" {
		fault(what)
	}
	s.v.r.Opened++
}

// plain compares the plaintext with all that the leaf says.
func (s *shardCheck) plain(index int64, leaf *leafFacts, plain []byte) string {
	if sha256.Sum256(plain) != leaf.record {
		return "the plaintext is not the one that the leaf commits to"
	}
	it, err := parsePlain(plain)
	if err != nil {
		return err.Error()
	}
	if err := it.learn(); err != nil {
		return err.Error()
	}
	if it.intent != nil {
		if p, err := parseIntentPlain(it.intent); err == nil {
			it.received, it.sent = p.received, p.sent
		}
	}
	if it.outcome != nil {
		if p, err := parseOutcomePlain(it.outcome); err == nil {
			it.answered = p.answered
		}
	}
	salt := plain[:saltSize]
	if leaf.salted != [3][32]byte{saltedHash("received", salt, it.received), saltedHash("sent", salt, it.sent), saltedHash("answered", salt, it.answered)} {
		return "the digests of what was received, sent and answered are not those of the leaf"
	}
	if it.decision != risk.Decision(leaf.facts.decision) || !it.at.Equal(time.Unix(0, leaf.began)) {
		return "the leaf says something else than the record"
	}
	r := &s.rows[index]
	full := it.facts
	full.at, full.seq = time.Unix(0, leaf.began), leaf.seq
	off, length := r.off, r.length
	*r = full.row()
	r.off, r.length = off, length
	if err := s.v.expectContent(it); err != nil {
		return err.Error()
	}
	return ""
}

// index compares the derived index. Without the keys only the places of records
// can be compared.
func (s *shardCheck) index() {
	name := filepath.Join(s.dir, "index")
	data, err := readFile(name, 1<<40)
	if err != nil {
		s.fault(name, -1, -1, bare(err).Error()+"; it is made again at the next start")
		return
	}
	if extra := len(data) - len(s.rows)*rowSize; extra > 0 && !s.v.live {
		s.left(name, int64(len(s.rows)*rowSize), extra >= rowSize, fmt.Sprintf("the index has %d bytes and should have %d", len(data), len(s.rows)*rowSize))
	} else if extra < 0 {
		s.fault(name, int64(min(len(data), len(s.rows)*rowSize)), -1, fmt.Sprintf("the index has %d bytes and should have %d", len(data), len(s.rows)*rowSize))
	}
	for i := range s.rows {
		if len(data) < (i+1)*rowSize {
			return
		}
		got, ok := parseRow(data[i*rowSize:][:rowSize])
		if !ok {
			s.fault(name, int64(i*rowSize), int64(i), "the row is damaged; the index is made again at the next start")
		} else if want := s.rows[i]; want.length > 0 && (got.off != want.off || got.length != want.length || got.seq != want.seq || got.id != want.id) {
			s.fault(name, int64(i*rowSize), int64(i), "the row is not that of the record")
		}
	}
}
