package ledger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/bartizan-ai/bartizan/record"
)

// Kinds of act that the ledger records of itself.
const (
	cutKind      = "ledger.cut"      // an unacknowledged write was cut off
	corruptKind  = "ledger.accept"   // somebody accepted that frames are lost
	restoredKind = "ledger.restored" // the log was behind its mark
	retainKind   = "ledger.retain"   // records or content were deleted
)

// Open reads what is there, finishes what was interrupted, and starts. A folder
// that is not there is made. A second process gets [ErrLocked]; damage to what
// was safe is [ErrCorrupt].
func Open(cfg Config) (*Ledger, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	l := &Ledger{cfg: cfg, dirs: &folders{disk: cfg.disk}, open: map[string]*item{},
		kick: make(chan struct{}, 1), closing: make(chan struct{}), projected: make(chan struct{})}
	for _, dir := range []string{cfg.Dir, cfg.KeyDir, filepath.Join(cfg.Dir, "journal")} {
		if err := l.dirs.make(dir); err != nil {
			return nil, fmt.Errorf("ledger: making the folder: %w", err)
		}
	}
	var err error
	if l.lock, err = lock(filepath.Join(cfg.Dir, "lock")); err != nil {
		return nil, err
	}
	if err := l.start(); err != nil {
		return nil, errors.Join(err, l.abandon())
	}
	return l, nil
}

// abandon lets go of everything after a start that failed.
func (l *Ledger) abandon() error {
	if l.journal != nil && l.journal.stop != nil {
		l.journal.end()
	}
	var errs []error
	for _, s := range l.shards {
		errs = append(errs, s.close())
	}
	return errors.Join(append(errs, l.lock.Close())...)
}

// start goes from what cannot change to what can: keys, logs, journal; then it writes.
func (l *Ledger) start() error {
	origin := l.cfg.Origin
	if origin == "" && !exists(filepath.Join(l.cfg.KeyDir, "log.key")) {
		origin = "ledger.invalid"
	}
	var err error
	if l.keys, err = openKeys(l.cfg.disk, l.cfg.KeyDir, origin, false); err != nil {
		return err
	}
	m, err := l.keys.readMark()
	if err != nil {
		return err
	}
	l.before = m.Before
	restored, err := l.openShards(m)
	if err != nil {
		return err
	}
	r, err := l.replay(m)
	if err != nil {
		return err
	}
	l.open, l.pending = r.open, r.pending
	if err := l.journal.start(); err != nil {
		return fmt.Errorf("ledger: starting the journal: %w", refusal(err))
	}
	if err := l.publishKey(); err != nil {
		return fmt.Errorf("ledger: writing the log's public key: %w", err)
	}
	if err := l.settleAccounts(r, m, restored); err != nil {
		return fmt.Errorf("ledger: recording what was found at the start: %w", err)
	}
	go l.project()
	l.kick <- struct{}{}
	return nil
}

// openShards opens every log. A new one is begun where the newest is behind the
// mark: it was restored from a backup, and whoever saw the leaves that are
// missing now must not be shown others in their place.
func (l *Ledger) openShards(m mark) (restored bool, err error) {
	for n := 1; n == 1 || exists(shardDir(l.cfg.Dir, n)); n++ {
		if err := l.addShard(n); err != nil {
			return false, err
		}
	}
	s := l.current()
	if s.number > m.Shard || s.number == m.Shard && s.tree.size >= m.Size {
		return false, s.settle()
	}
	return true, l.addShard(max(m.Shard, s.number) + 1)
}

// addShard opens a log, or begins one where there is none.
func (l *Ledger) addShard(number int) error {
	s, err := openShard(l.cfg.disk, l.cfg.Dir, number, identity{l.keys.signer.Name(), l.keys.vkey}, l.keys, false)
	if err != nil {
		return fmt.Errorf("%w: shard %d: %w", ErrCorrupt, number, err)
	}
	l.mu.Lock()
	l.shards = append(l.shards, s)
	l.mu.Unlock()
	return nil
}

// publishKey puts the log's public key beside the log, for whoever verifies. One
// who does not trust the folder pins the key elsewhere.
func (l *Ledger) publishKey() error {
	dir := filepath.Join(l.cfg.Dir, "log")
	if err := l.dirs.make(dir); err != nil {
		return err
	}
	name := filepath.Join(dir, "key")
	if have, err := readFile(name, 4<<10); err == nil && string(have) == l.keys.vkey+"\n" {
		return nil
	}
	return replace(l.cfg.disk, name, []byte(l.keys.vkey+"\n"))
}

// settleAccounts records what the start found: a restored backup, a cut, damage
// that somebody accepted, and exchanges that were interrupted.
func (l *Ledger) settleAccounts(r *replay, m mark, restored bool) error {
	if restored {
		old := l.shards[len(l.shards)-2]
		if err := l.note(restoredKind, "ledger", fmt.Sprintf("the log had %d leaves in shard %d and came back with %d in shard %d",
			m.Size, m.Shard, old.tree.size, old.number)); err != nil {
			return err
		}
	}
	for _, c := range r.cuts {
		if r.noted[c.String()] {
			continue // by a start that was cut off itself
		}
		if err := l.note(cutKind, "ledger", c.String()); err != nil {
			return err
		}
	}
	for _, c := range r.accepted {
		if err := l.note(corruptKind, l.cfg.AcceptCorruption, c.String()); err != nil {
			return err
		}
	}
	return l.interruptAll()
}

// note records something that the ledger found out about itself.
func (l *Ledger) note(kind, by, found string) error {
	return l.act(record.Act{ID: "act_" + rand.Text(), At: l.cfg.Now(), Phase: "done", Kind: kind, By: by, Detail: map[string]string{"found": found}})
}

// interruptAll closes what a process that is gone had left open.
func (l *Ledger) interruptAll() error {
	l.mu.Lock()
	items := make([]*item, 0, len(l.open))
	for _, it := range l.open {
		items = append(items, it)
	}
	l.mu.Unlock()
	slices.SortFunc(items, func(a, b *item) int { return int(int64(a.seq) - int64(b.seq)) })
	var entries []*entry
	for _, it := range items {
		k, err := l.keys.forDay(it.day, false)
		if err != nil {
			return err
		}
		closed := it.interrupt(l.cfg.Now().UTC())
		e := l.entry(frameInterrupted, it.day, k, appendID(nil, it.id))
		e.apply = func(seq uint64) {
			closed.seq = seq
			delete(l.open, closed.id)
			l.pending = append(l.pending, closed)
		}
		if err := l.journal.finish(e); err != nil {
			return err
		}
		entries = append(entries, e)
	}
	for _, e := range entries {
		if err := e.wait(); err != nil {
			return err
		}
	}
	return nil
}

// found is damage in a segment.
type found struct {
	segment string
	damage
	what string
}

// String names the place. It is also what tells whether damage has been recorded.
func (f found) String() string {
	return fmt.Sprintf("%s at byte %d: %s (%d bytes)", f.segment, f.off, f.what, f.bytes)
}

// replay is what the journal says when it is read from the front.
type replay struct {
	open     map[string]*item
	pending  []*item
	logged   uint64 // up to here the log has everything
	noted    map[string]bool
	cuts     []found
	accepted []found
}

// replay reads the journal and prepares its continuation.
func (l *Ledger) replay(m mark) (*replay, error) {
	r := &replay{open: map[string]*item{}, noted: map[string]bool{}}
	for _, s := range l.shards {
		seq, err := s.lastSeq()
		if err != nil {
			return nil, err
		}
		r.logged = max(r.logged, seq)
	}
	j := &journal{disk: l.cfg.disk, dirs: l.dirs, dir: filepath.Join(l.cfg.Dir, "journal"), size: l.cfg.SegmentSize,
		retry: l.cfg.retry, applied: l.applied, epoch: m.Epoch, next: m.Segment + 1, seq: max(r.logged, m.Seq)}
	segments, err := readJournal(j.dir)
	if err != nil {
		return nil, err
	}
	for _, s := range segments {
		if err := l.replaySegment(r, s); err != nil {
			return nil, err
		}
		j.epoch, j.next = max(j.epoch, s.epoch), max(j.next, s.n+1)
		j.seq = max(j.seq, s.last)
		j.retired = append(j.retired, &segment{name: s.path, n: s.n, last: s.last})
	}
	j.epoch++
	l.journal = j
	return r, nil
}

// replaySegment decides about damage before it uses frames. What was never
// acknowledged is cut; what was safe once needs somebody to answer for its loss.
func (l *Ledger) replaySegment(r *replay, s *segmentData) error {
	for _, f := range s.faults {
		switch {
		case !f.middle:
			r.cuts = append(r.cuts, f)
		case l.cfg.AcceptCorruption == "":
			return fmt.Errorf("%w: journal %s", ErrCorrupt, f)
		default:
			r.accepted = append(r.accepted, f)
		}
	}
	for i := range s.frames {
		if err := l.replayFrame(r, &s.frames[i]); err != nil {
			if l.cfg.AcceptCorruption == "" {
				return fmt.Errorf("%w: journal %s, frame %d: %w", ErrCorrupt, s.name, s.frames[i].seq, err)
			}
			r.accepted = append(r.accepted, found{segment: s.name, what: fmt.Sprintf("frame %d cannot be used: %v", s.frames[i].seq, err)})
		}
	}
	return nil
}

// replayFrame opens one frame. A key that is missing is damage, unless the log has
// what the frame says: then retention has destroyed it.
func (l *Ledger) replayFrame(r *replay, f *frame) error {
	k, err := l.keys.forDay(f.day, false)
	if errors.Is(err, errNoKey) && f.seq <= r.logged {
		return nil // in the log, and deleted since
	}
	if err != nil {
		return err
	}
	plain, err := openSealed(k.journal, f.body, journalAbout(f.kind, f.day))
	if err != nil {
		return errors.New("it cannot be opened with its key")
	}
	switch f.kind {
	case frameIntent, frameCarried:
		return r.intent(plain, f)
	case frameAct:
		return r.act(plain, f)
	}
	return r.closing(plain, f, l.cfg.Now())
}

// intent opens an exchange. One that was carried forward is known already, where
// its first segment is still there.
func (r *replay) intent(plain []byte, f *frame) error {
	it, err := restoreIntent(plain, f)
	if err != nil {
		return err
	}
	if old := r.open[it.id]; old != nil {
		old.pin = f.seq
		return nil
	}
	if f.kind == frameCarried && f.seq <= r.logged {
		// Its outcome may be in the log already, with the intent's first
		// segment gone: then the closing frame follows and removes it.
		it.begin = f.seq
	}
	r.open[it.id] = it
	return nil
}

// act takes note of what an earlier start has recorded, and leaves the rest to the
// log.
func (r *replay) act(plain []byte, f *frame) error {
	_, body, err := cutID(plain, 0)
	if err != nil {
		return err
	}
	var act record.Act
	if err := decodeBody(body, &act); err != nil {
		return err
	}
	if act.Kind == cutKind {
		r.noted[act.Detail["found"]] = true
	}
	if f.seq > r.logged {
		it := actItem(plain, &act, f.day)
		it.seq, it.begin = f.seq, f.seq
		r.pending = append(r.pending, it)
	}
	return nil
}

// closing joins an outcome to its intent, or drops both where the log has them.
func (r *replay) closing(plain []byte, f *frame, now time.Time) error {
	id, _, err := cutID(plain, 0)
	if err != nil {
		return err
	}
	it := r.open[id]
	delete(r.open, id)
	if f.seq <= r.logged {
		return nil
	}
	if it == nil {
		return errors.New("it closes an exchange that the journal does not have")
	}
	closed := it.interrupt(now.UTC())
	if f.kind == frameOutcome {
		o, err := parseOutcomePlain(plain)
		if err != nil {
			return err
		}
		out, err := o.decode()
		if err != nil {
			return err
		}
		closed = it.close(plain, out, o.answered)
	}
	closed.seq = f.seq
	r.pending = append(r.pending, closed)
	return nil
}

// segmentData is a segment as it was read back.
type segmentData struct {
	path, name string
	n          uint64
	epoch      uint32
	last       uint64
	prevLast   uint64
	whole      bool // the header is good
	frames     []frame
	faults     []found
}

// readJournal reads all segments and judges each by the one after it, which says
// with which number it ended. Frames behind that were never acknowledged.
func readJournal(dir string) ([]*segmentData, error) {
	names, err := within(dir, "*.j")
	if err != nil {
		return nil, err
	}
	var all []*segmentData
	for _, path := range names {
		s, err := readSegment(path)
		if err != nil {
			return nil, fmt.Errorf("ledger: reading the journal: %w", err)
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *segmentData) int { return int(int64(a.n) - int64(b.n)) })
	for i, s := range all {
		if i+1 < len(all) && all[i+1].whole {
			s.endAt(all[i+1].prevLast)
		}
	}
	return all, nil
}

const segmentMax = 1<<30 + 1

// readSegment reads all of a segment and never stops at the first fault: what can be
// read behind it decides what it was.
func readSegment(path string) (*segmentData, error) {
	s := &segmentData{path: path, name: filepath.Base(path)}
	var ok bool
	if s.epoch, s.n, ok = parseSegmentName(path); !ok {
		return nil, fmt.Errorf("%w: %s is not the name of a segment", ErrCorrupt, s.name)
	}
	data, err := readFile(path, segmentMax)
	if err != nil {
		return nil, err
	}
	h, err := parseHeader(data)
	s.whole, s.prevLast, s.last = err == nil, h.prevLast, h.prevLast
	switch {
	case err != nil:
		s.fault(0, segmentHeader, true, err.Error())
	case h.n != s.n || h.epoch != s.epoch:
		s.fault(0, segmentHeader, true, "the header belongs to another segment")
	case h.size != uint64(len(data)):
		s.fault(min(int64(h.size), int64(len(data))), int64(len(data))-int64(h.size), true, fmt.Sprintf("the file has %d bytes and should have %d", len(data), h.size))
	}
	frames, faults := scan(data, s.n)
	s.frames = frames
	for _, f := range faults {
		what := "a write that was never acknowledged is torn"
		if f.middle {
			what = "frames are damaged, and good ones follow"
		}
		s.fault(f.off, f.bytes, f.middle, what)
	}
	if len(frames) > 0 {
		s.last = frames[len(frames)-1].seq
	}
	return s, nil
}

// fault notes damage with its place.
func (s *segmentData) fault(off, bytes int64, middle bool, what string) {
	s.faults = append(s.faults, found{s.name, damage{off, bytes, middle}, what})
}

// endAt drops frames behind the last acknowledged one, and finds those missing
// before it.
func (s *segmentData) endAt(last uint64) {
	for len(s.frames) > 0 && s.frames[len(s.frames)-1].seq > last {
		s.frames = s.frames[:len(s.frames)-1]
	}
	s.last = s.prevLast
	if n := len(s.frames); n > 0 {
		s.last = s.frames[n-1].seq
	}
	if s.last < last {
		s.fault(0, 0, true, fmt.Sprintf("frames %d to %d are missing", s.last+1, last))
		s.last = last
	}
}
