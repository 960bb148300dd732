package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// VerifyConfig says what to verify and what is trusted beside it. Only Dir is
// required.
type VerifyConfig struct {
	Dir string
	// KeyDir opens the records; without it they are compared as they lie
	// sealed. "": the folder "keys" beside Dir, if there is one.
	KeyDir string
	// Key is the log's public key as known from elsewhere. "": the one beside
	// the log, which whoever could change the folder could change too.
	Key string
	// Receipt is a compact receipt or a proof: its promise must be kept.
	Receipt []byte
	// Checkpoint is an older checkpoint: the log must have grown from it.
	Checkpoint []byte
}

// Fault is one thing that is not as it should be, and where.
type Fault struct {
	File   string `json:"file"`         // relative to the ledger's folder
	Offset int64  `json:"offset"`       // byte; -1 where the whole file is meant
	Index  int64  `json:"index"`        // leaf; -1 where none is meant
	ID     string `json:"id,omitempty"` // exchange or act
	What   string `json:"what"`         // a sentence
}

// String is the line that people read.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Offset >= 0 {
		fmt.Fprintf(&b, " at byte %d", f.Offset)
	}
	if f.Index >= 0 {
		fmt.Fprintf(&b, ", leaf %d", f.Index)
	}
	if f.ID != "" {
		fmt.Fprintf(&b, " (%s)", f.ID)
	}
	return b.String() + ": " + f.What
}

// Report is what a verification found. The ledger is good when Faults is empty.
type Report struct {
	Origin      string   `json:"origin"`
	Key         string   `json:"key"`
	Pinned      bool     `json:"pinned"`    // the key came from elsewhere
	Witnessed   bool     `json:"witnessed"` // an outsider has seen the log
	Live        bool     `json:"live"`      // a process was using the ledger meanwhile
	Shards      int      `json:"shards"`
	Size        int64    `json:"size"`
	Root        string   `json:"root"`
	Exchanges   int64    `json:"exchanges"`
	Acts        int64    `json:"acts"`
	Interrupted int64    `json:"interrupted"`
	Synthetic   int64    `json:"synthetic"`
	Opened      int64    `json:"opened"`  // records whose plaintext was checked
	Sealed      int64    `json:"sealed"`  // records that could only be compared sealed
	Deleted     int64    `json:"deleted"` // by a retention act
	Frames      int64    `json:"frames"`  // of the journal
	Open        int64    `json:"open"`    // exchanges that wait in the journal
	Notes       []string `json:"notes,omitempty"`
	Faults      []Fault  `json:"faults"`
}

// OK reports whether nothing is wrong.
func (r *Report) OK() bool { return len(r.Faults) == 0 }

// faultsMax bounds a report: behind so many faults nobody reads on.
const faultsMax = 1000

// fault adds a fault, up to a bound.
func (r *Report) fault(f Fault) {
	if len(r.Faults) < faultsMax {
		r.Faults = append(r.Faults, f)
	}
}

// Verify checks a ledger's folder from the outside: that the signed checkpoint
// commits to every leaf, that every record is the one its leaf commits to, that
// what is missing was deleted by a recorded act, and that the journal is whole.
// An error means that it could not be done; what is wrong is in the report.
func Verify(ctx context.Context, cfg VerifyConfig) (Report, error) {
	if cfg.KeyDir == "" {
		cfg.KeyDir = filepath.Join(filepath.Dir(filepath.Clean(cfg.Dir)), "keys")
	}
	if _, err := os.Stat(cfg.Dir); err != nil {
		return Report{}, fmt.Errorf("ledger: verifying: %w", err)
	}
	var r Report
	var err error
	// While a process writes, files change between two looks at them. What is
	// really wrong stays wrong.
	for range 5 {
		v := &verifier{cfg: cfg, live: locked(filepath.Join(cfg.Dir, "lock")), ids: map[string]int64{}}
		if r, err = v.run(ctx); err != nil || r.OK() || !v.live {
			return r, err
		}
		select {
		case <-time.After(300 * time.Millisecond):
		case <-ctx.Done():
			return r, fmt.Errorf("ledger: verifying: %w", ctx.Err())
		}
	}
	return r, err
}

// verifier holds what one run has learnt.
type verifier struct {
	cfg     VerifyConfig
	live    bool
	keys    *keyring // nil: records stay sealed
	vkey    string
	signer  note.Verifier
	r       Report
	shards  []*shardCheck
	retains []retention
	ids     map[string]int64 // of the leaves, to their index
	closed  uint64           // the highest journal number in a leaf
	content map[string][32]byte
	mark    mark
	waiting bool    // the journal has frames that the log has not
	left    []Fault // what follows the log's own bytes in its files
}

// run goes from what is signed to what hangs from it: a fault further up explains
// those below, and is listed before them.
func (v *verifier) run(ctx context.Context) (Report, error) {
	v.r = Report{Live: v.live, Faults: []Fault{}}
	v.content = map[string][32]byte{}
	if !v.openKeys() {
		return v.r, nil
	}
	v.readMark() // first: the log may grow meanwhile, and never be behind it
	for n := 1; n == 1 || exists(shardDir(v.cfg.Dir, n)); n++ {
		s := &shardCheck{v: v, number: n, dir: shardDir(v.cfg.Dir, n), origin: shardOrigin(v.signer.Name(), n)}
		v.shards = append(v.shards, s)
		v.r.Shards = n
		if err := s.log(ctx); err != nil {
			return v.r, fmt.Errorf("ledger: verifying: %w", err)
		}
	}
	for _, s := range v.shards {
		if err := s.records(ctx); err != nil {
			return v.r, fmt.Errorf("ledger: verifying: %w", err)
		}
		s.index()
	}
	v.contents()
	v.journal()
	v.leftovers()
	v.progress()
	v.receipt()
	v.trusted()
	return v.r, nil
}

// file names a file the way a report does.
func (v *verifier) file(path string) string {
	if rel, err := filepath.Rel(v.cfg.Dir, path); err == nil {
		return filepath.ToSlash(rel)
	}
	return path
}

// openKeys finds the public key, and the secret ones where they are here.
func (v *verifier) openKeys() bool {
	beside := filepath.Join(v.cfg.Dir, "log", "key")
	text, err := readFile(beside, 4<<10)
	published, whole := strings.CutSuffix(string(text), "\n")
	v.vkey, v.r.Pinned = strings.TrimSpace(v.cfg.Key), v.cfg.Key != ""
	if v.vkey == "" {
		v.vkey = published
	}
	if err != nil || !whole || published != v.vkey {
		v.r.fault(Fault{File: v.file(beside), Offset: -1, Index: -1, What: "the public key beside the log is missing or is not the trusted one"})
	}
	if v.signer, err = note.NewVerifier(v.vkey); err != nil {
		v.r.fault(Fault{File: v.file(beside), Offset: 0, Index: -1, What: "the log's public key is damaged"})
		return false
	}
	v.r.Key, v.r.Origin = v.vkey, v.signer.Name()
	if !exists(v.cfg.KeyDir) {
		v.r.Notes = append(v.r.Notes, "the keys are not here: records were compared sealed, content and the journal's bodies were not read")
		return true
	}
	keys, err := openKeys(osDisk{}, v.cfg.KeyDir, "", true)
	switch {
	case err != nil:
		v.r.fault(Fault{File: v.file(v.cfg.KeyDir), Offset: -1, Index: -1, What: err.Error()})
	case keys.vkey != v.vkey:
		v.r.fault(Fault{File: v.file(beside), Offset: -1, Index: -1, What: "the log's public key is not the one of the signing key"})
	default:
		v.keys = keys
	}
	return true
}

// journal checks every segment, and that nothing closed is missing in the log.
func (v *verifier) journal() {
	dir := filepath.Join(v.cfg.Dir, "journal")
	segments, err := readJournal(dir)
	if err != nil {
		v.r.fault(Fault{File: v.file(dir), Offset: -1, Index: -1, What: err.Error()})
		return
	}
	open := map[string]bool{}
	for i, s := range segments {
		for _, f := range s.faults {
			// The writer may be in the middle of a write, or have left a
			// torn one behind that a later act speaks of.
			if !f.middle && (v.live || i < len(segments)-1) {
				continue
			}
			v.r.fault(Fault{File: v.file(s.path), Offset: f.off, Index: -1, What: f.what})
		}
		for k := range s.frames {
			v.frame(s, &s.frames[k], open)
		}
	}
	v.r.Open = int64(len(open))
	if !v.live {
		v.spares(dir)
	}
}

// frame compares one frame with the log. A frame is removed only after its leaf is
// in a checkpoint, so one that closed before the newest leaf must have one.
func (v *verifier) frame(s *segmentData, f *frame, open map[string]bool) {
	v.r.Frames++
	v.waiting = v.waiting || f.seq > v.closed
	if v.keys == nil {
		return
	}
	fault := func(what string) {
		v.r.fault(Fault{File: v.file(s.path), Offset: -1, Index: -1, What: fmt.Sprintf("frame %d: %s", f.seq, what)})
	}
	k, err := v.keys.forDay(f.day, false)
	if errors.Is(err, errNoKey) {
		return
	}
	if err != nil {
		fault(err.Error())
		return
	}
	plain, err := openSealed(k.journal, f.body, journalAbout(f.kind, f.day))
	if err != nil {
		fault("it cannot be opened with its key")
		return
	}
	id, _, err := cutID(plain, 0)
	if err != nil {
		fault(err.Error())
		return
	}
	switch f.kind {
	case frameIntent, frameCarried:
		open[id] = true
		return
	case frameOutcome, frameInterrupted:
		delete(open, id)
	}
	if _, ok := v.ids[id]; !ok && f.seq <= v.closed {
		fault(fmt.Sprintf("%s was closed before the newest leaf and has none", id))
	} else if !ok && !v.live {
		v.r.Notes = append(v.r.Notes, fmt.Sprintf("%s waits in the journal: the ledger was not closed, and its next start will log it", id))
	}
}

// leftovers judges what was written and not signed. Where the journal still holds
// what the log has not, a stop in the middle of a write left it, and the next start
// cuts it off; in a ledger that was closed, nobody but a stranger can have.
func (v *verifier) leftovers() {
	for _, f := range v.left {
		if v.waiting {
			v.r.Notes = append(v.r.Notes, f.String()+" (left by a stop in the middle of a write)")
			continue
		}
		v.r.fault(f)
	}
}

// spares must be empty.
func (v *verifier) spares(dir string) {
	names, _ := within(dir, "spare-*") // the pattern is good
	for _, name := range names {
		data, err := readFile(name, segmentMax)
		if err != nil {
			v.r.fault(Fault{File: v.file(name), Offset: -1, Index: -1, What: bare(err).Error()})
			continue
		}
		if len(data)%segmentUnit != 0 {
			v.r.fault(Fault{File: v.file(name), Offset: int64(len(data)), Index: -1, What: fmt.Sprintf("%d bytes are not the size of a segment", len(data))})
		}
		if i := slices.IndexFunc(data, func(b byte) bool { return b != 0 }); i >= 0 {
			v.r.fault(Fault{File: v.file(name), Offset: int64(i), Index: -1, What: "an empty segment is not empty"})
		}
	}
}

// readMark also finds a mark that somebody has set back.
func (v *verifier) readMark() {
	if v.keys == nil {
		return
	}
	var err error
	if v.mark, err = v.keys.readMark(); err != nil {
		v.r.fault(Fault{File: v.file(markFile(v.cfg.KeyDir)), Offset: -1, Index: -1, What: "the mark is damaged or not this ledger's"})
	}
}

// progress compares the log with how far it had come.
func (v *verifier) progress() {
	m, last := v.mark, v.shards[len(v.shards)-1]
	if m.Shard > last.number || m.Shard == last.number && m.Size > last.size {
		v.r.fault(Fault{File: v.file(filepath.Join(last.dir, "log", "checkpoint")), Offset: -1, Index: -1, What: fmt.Sprintf(
			"the log had %d leaves in shard %d and has %d in shard %d: leaves were cut off or a backup was restored", m.Size, m.Shard, last.size, last.number)})
	}
	if v.keys != nil && !v.live && m.Shard == last.number && m.Size < last.size {
		v.r.Notes = append(v.r.Notes, "the log is ahead of its mark: the ledger was not closed")
	}
}

// receipt checks that a promise was kept.
func (v *verifier) receipt() {
	text := strings.TrimSpace(string(v.cfg.Receipt))
	if text == "" {
		return
	}
	fault := func(id, what string) { v.r.fault(Fault{File: "receipt", Offset: -1, Index: -1, ID: id, What: what}) }
	if strings.HasPrefix(text, "{") {
		v.proof([]byte(text), fault)
		return
	}
	p, err := ParseReceipt(text)
	if err == nil {
		err = p.Verify(v.vkey)
	}
	if err != nil {
		fault("", err.Error())
		return
	}
	if _, ok := v.ids[p.Exchange]; !ok {
		fault(p.Exchange, fmt.Sprintf("promised at %s, and the log has no leaf of it", p.At.Format(time.RFC3339Nano)))
	}
}

// proof checks a proof on its own and against the log that is here.
func (v *verifier) proof(text []byte, fault func(id, what string)) {
	p, err := ParseProof(text)
	if err != nil {
		fault("", err.Error())
		return
	}
	leaf, err := p.Verify(v.vkey)
	if err != nil {
		fault("", err.Error())
		return
	}
	for _, s := range v.shards {
		if s.origin != p.Origin {
			continue
		}
		if p.Index >= int64(len(s.hashes)) || s.hashes[p.Index] != tlog.RecordHash(p.Leaf) {
			fault(leaf.ID, "the proof is good, and the log that is here has another leaf in its place, or none")
		}
		return
	}
	fault(leaf.ID, "the proof is of a log that is not here")
}

// trusted checks that the log has grown from an older checkpoint.
func (v *verifier) trusted() {
	if len(v.cfg.Checkpoint) == 0 {
		return
	}
	fault := func(what string) { v.r.fault(Fault{File: "trusted checkpoint", Offset: -1, Index: -1, What: what}) }
	c, err := openCheckpoint(v.cfg.Checkpoint, v.signer)
	if err != nil {
		fault("it cannot be read: " + err.Error())
		return
	}
	for _, s := range v.shards {
		if s.origin != c.origin {
			continue
		}
		if c.size > int64(len(s.hashes)) {
			fault(fmt.Sprintf("the log had %d leaves then and has %d now", c.size, len(s.hashes)))
		} else if rootOf(s.hashes[:c.size]) != c.root {
			fault(fmt.Sprintf("the first %d leaves are not the ones of then: the log was rewritten", c.size))
		}
		return
	}
	fault(fmt.Sprintf("the log %q is not here", c.origin))
}

// rootOf computes a root from the leaves alone, without using what is verified.
func rootOf(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 0 {
		return emptyRoot
	}
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := 1
	for half*2 < len(hashes) {
		half *= 2
	}
	return tlog.NodeHash(rootOf(hashes[:half]), rootOf(hashes[half:]))
}

// contents checks every file of kept content against the record that names it.
func (v *verifier) contents() {
	if v.keys == nil {
		return
	}
	root := filepath.Join(v.cfg.Dir, "content")
	names, _ := within(root, "*/*") // the pattern is good
	for _, name := range names {
		sum, ok := v.content[name]
		delete(v.content, name)
		if !ok {
			if !v.live {
				v.r.Notes = append(v.r.Notes, v.file(name)+": no record in the log names it; its exchange was never acknowledged or is not logged yet")
			}
			continue
		}
		data, err := readFile(name, contentMax+64)
		if err != nil {
			v.r.fault(Fault{File: v.file(name), Offset: -1, Index: -1, What: bare(err).Error()})
		} else if sha256.Sum256(data) != sum {
			v.r.fault(Fault{File: v.file(name), Offset: -1, Index: -1, What: "the content is not what was recorded"})
		}
	}
	for name := range v.content {
		if !v.deleted("content", dayOfContent(name), nothingLive) {
			v.r.fault(Fault{File: v.file(name), Offset: -1, Index: -1, What: "the content is missing, and no act says that it was deleted"})
		}
	}
}

// expectContent notes what a record says about content.
func (v *verifier) expectContent(it *item) error {
	if it.intent == nil {
		return nil
	}
	d := day(it.at)
	p, err := parseIntentPlain(it.intent)
	if err != nil {
		return err
	}
	if p.content != [32]byte{} {
		v.content[contentFile(v.cfg.Dir, d, p.id, "in")] = p.content
	}
	if it.outcome == nil {
		return nil
	}
	o, err := parseOutcomePlain(it.outcome)
	if err == nil && o.content != [32]byte{} {
		v.content[contentFile(v.cfg.Dir, d, p.id, "out")] = o.content
	}
	return err
}
