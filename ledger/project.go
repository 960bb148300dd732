package ledger

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// project turns what the journal holds into records, tiles and checkpoints, a
// second after something closed or when enough has, and not more than ten times
// a second. It ends with a last run.
func (l *Ledger) project() {
	defer close(l.projected)
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	armed, last := false, time.Time{}
	for {
		select {
		case <-l.closing:
			l.finalErr = l.finalise()
			return
		case <-timer.C:
			armed, last = l.again(timer), time.Now()
		case <-l.kick:
			// Each commit syncs several files beside the journal. Under
			// load, larger ones leave the disk to those who wait for it.
			rest := l.cfg.CheckpointEvery/10 - time.Since(last)
			switch {
			case l.waiting() >= l.cfg.CheckpointLeaves && !l.isStalled() && rest <= 0:
				armed, last = l.again(timer), time.Now()
			case !armed:
				timer.Reset(l.cfg.CheckpointEvery)
				armed = true
			}
		}
	}
}

// waiting counts what is closed and not in the log.
func (l *Ledger) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pending)
}

// isStalled keeps a busy ledger from trying at every exchange what has just failed.
func (l *Ledger) isStalled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stalled != nil
}

// again runs one commit and reports whether the timer is set for another. A
// failure does not lose anything: the same bytes are written again, from memory
// or after a start from the journal.
func (l *Ledger) again(timer *time.Timer) bool {
	err := l.commit()
	l.mu.Lock()
	l.stalled = err
	l.mu.Unlock()
	if err == nil {
		timer.Stop()
		return false
	}
	timer.Reset(l.cfg.retry)
	return true
}

// finalise is the commit at stop. Where nothing is open, nothing in the journal
// is needed any more.
func (l *Ledger) finalise() error {
	err := l.commit()
	if err == nil {
		err = l.journal.free(l.lowestLive())
	}
	for _, s := range l.shards {
		err = errors.Join(err, s.close())
	}
	err = errors.Join(err, l.lock.Close())
	if err != nil {
		return fmt.Errorf("ledger: closing: %w", err)
	}
	return nil
}

func (l *Ledger) current() *shard {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shards[len(l.shards)-1]
}

// commit puts all that is closed into the log and signs a checkpoint. Until that
// is in its place, nothing else counts and the journal keeps everything.
func (l *Ledger) commit() error {
	l.mu.Lock()
	items := l.pending[:len(l.pending):len(l.pending)]
	s := l.shards[len(l.shards)-1]
	l.mu.Unlock()
	if len(items) > 0 {
		next, err := l.append(s, items)
		if err != nil {
			return fmt.Errorf("ledger: writing the log: %w", err)
		}
		before := s.tree.partials()
		l.mu.Lock()
		s.tree, s.lengths, s.signed, s.signedAt = next.tree, next.lengths, next.signed, l.cfg.Now()
		l.pending = l.pending[len(items):]
		l.mu.Unlock()
		s.sweep(before)
		if err := l.writeMark(s, items[len(items)-1].seq); err != nil {
			return fmt.Errorf("ledger: writing the mark: %w", err)
		}
	}
	err := l.journal.free(l.lowestLive())
	if err == nil && l.carry() {
		err = l.journal.free(l.lowestLive())
	}
	if err != nil {
		return fmt.Errorf("ledger: freeing the journal: %w", err)
	}
	return nil
}

// lowestLive is the lowest journal number that is still needed.
func (l *Ledger) lowestLive() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	live := lowest(nothingLive, l.pending)
	for _, it := range l.open {
		if it.durable {
			live = min(live, it.live())
		}
	}
	return live
}

// carry repeats intents that have been open for so long that they alone keep old
// segments. Where there is no room for that, they simply keep them.
func (l *Ledger) carry() (carried bool) {
	old, ok := l.journal.pinned()
	if !ok {
		return false
	}
	l.mu.Lock()
	var items []*item
	for _, it := range l.open {
		if it.durable && !it.finishing && it.pin <= old {
			items = append(items, it)
		}
	}
	l.mu.Unlock()
	for _, it := range items {
		k, err := l.keys.forDay(it.day, false)
		if err != nil {
			return false
		}
		e := l.entry(frameCarried, it.day, k, it.intent)
		e.apply = func(seq uint64) { it.pin = seq }
		if l.journal.act(e) != nil || e.wait() != nil {
			return false
		}
	}
	return len(items) > 0
}

// written is the state of a shard after a commit.
type written struct {
	tree    *tree
	lengths map[uint32]int64
	signed  []byte
}

// append writes records, then the log, then the checkpoint, each durable before
// the next. It works on copies, and at fixed offsets, so it can be repeated.
func (l *Ledger) append(s *shard, items []*item) (*written, error) {
	w := &written{tree: s.tree.clone(), lengths: map[uint32]int64{}}
	for m, n := range s.lengths {
		w.lengths[m] = n
	}
	records := map[uint32][]byte{}
	room := 0 // growing piece by piece would copy every record several times
	for _, it := range items {
		room += len(it.intent) + len(it.outcome) + len(it.act) + 256
	}
	var rows []byte
	var files []tileFile
	for _, it := range items {
		r := it.facts.row()
		if it.interrupted {
			r.flags |= rowInterrupted
		}
		month := r.month()
		if records[month] == nil {
			records[month] = make([]byte, 0, room)
		}
		before := len(records[month])
		data, leaf, err := s.seal(records[month], l.keys, it, w.tree.size)
		if err != nil {
			return nil, err
		}
		records[month] = data
		r.off, r.length = uint64(w.lengths[month]), uint32(len(data)-before)
		w.lengths[month] += int64(r.length)
		rows = r.append(rows)
		files = append(files, w.tree.add(leaf.Bytes())...)
	}
	for month, data := range records {
		if err := s.writeRecords(month, data, w.lengths[month]-int64(len(data))); err != nil {
			return nil, err
		}
	}
	if err := s.writeLog(append(files, w.tree.newPartials(s.tree)...)); err != nil {
		return nil, err
	}
	// The index is derived: a start checks it, so it need not be synced.
	if _, err := s.index.WriteAt(rows, s.tree.size*rowSize); err != nil {
		return nil, err
	}
	var err error
	if w.signed, err = s.sign(w.tree, l.keys.signer); err != nil {
		return nil, err
	}
	return w, replace(s.disk, filepath.Join(s.logDir(), "checkpoint"), w.signed)
}

// writeRecords writes at the place where the last commit ended. What a failed one
// left there is overwritten with the same bytes.
func (s *shard) writeRecords(month uint32, data []byte, off int64) error {
	f, err := s.segment(month)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(data, off); err != nil {
		return err
	}
	return f.Sync()
}

// writeLog writes tiles and bundles and syncs the folders they are in.
func (s *shard) writeLog(files []tileFile) error {
	touched := map[string]bool{}
	for _, t := range files {
		name := filepath.Join(s.logDir(), filepath.FromSlash(t.path))
		if err := s.makeDir(filepath.Dir(name)); err != nil {
			return err
		}
		if err := write(s.disk, name, t.data); err != nil {
			return err
		}
		touched[filepath.Dir(name)] = true
	}
	for dir := range touched {
		if err := s.disk.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// sign makes the checkpoint of a tree.
func (s *shard) sign(t *tree, signer note.Signer) ([]byte, error) {
	root, err := t.root()
	if err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: checkpoint{s.origin, t.size, root}.text()}, signer)
}

// sweep removes partial tiles that a newer checkpoint has made useless. One that
// stays is harmless, so failures do not matter.
func (s *shard) sweep(before []tileFile) {
	now := map[string]bool{}
	for _, t := range s.tree.partials() {
		now[t.path] = true
	}
	for _, t := range before {
		if !now[t.path] {
			name := filepath.Join(s.logDir(), filepath.FromSlash(t.path))
			_ = s.disk.Remove(name)
			_ = s.disk.Remove(filepath.Dir(name)) // the folder, once it is empty
			s.dirs.forget(filepath.Dir(name))
		}
	}
}

// mark is how far the ledger has come, kept beside the keys. A ledger that is
// behind its mark was restored from a backup.
type mark struct {
	Shard   int    `json:"shard"`
	Size    int64  `json:"size"`
	Seq     uint64 `json:"seq"`
	Segment uint64 `json:"segment"`
	Epoch   uint32 `json:"epoch"`
	Before  uint32 `json:"before,omitempty"` // day: older records have been deleted
}

func markFile(keyDir string) string { return filepath.Join(keyDir, "ledger.mark") }

// writeMark follows the checkpoint and never leads it, so that a crash between the
// two does not look like a restored backup.
func (l *Ledger) writeMark(s *shard, seq uint64) error {
	l.mu.Lock()
	m := mark{Shard: s.number, Size: s.tree.size, Seq: seq, Segment: l.journal.number(), Epoch: l.journal.epoch, Before: l.before}
	l.mu.Unlock()
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return replace(l.cfg.disk, markFile(l.cfg.KeyDir), fmt.Appendf(nil, "%s %x\n", text, l.keys.markSum(text)))
}

// readMark returns the zero mark where there is none yet. A mark that is damaged
// could hide that leaves are missing, so it is an error.
func (k *keyring) readMark() (m mark, err error) {
	line, err := readFile(markFile(k.dir), 4<<10)
	if errors.Is(err, os.ErrNotExist) {
		return m, nil
	}
	text, _, _ := bytes.Cut(line, []byte(" "))
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil || !hmac.Equal(line, fmt.Appendf(nil, "%s %x\n", text, k.markSum(text))) {
		return m, fmt.Errorf("%w: %s cannot be read; it says how far the ledger had come", ErrCorrupt, markFile(k.dir))
	}
	return m, nil
}

// markSum authenticates the mark with the log's own key: who can forge it can sign a
// log that fits.
func (k *keyring) markSum(text []byte) []byte {
	h := hmac.New(sha256.New, k.private.Seed())
	h.Write([]byte("bartizan ledger mark "))
	h.Write(text)
	return h.Sum(nil)
}
