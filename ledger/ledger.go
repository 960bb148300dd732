// Package ledger gives an organisation a record of every exchange and every
// administrative act that nobody can rewrite unseen, that anyone can verify
// offline, and in which erasure still works.
//
// [Ledger.Begin], [Ledger.Finish] and [Ledger.Act] return when the bytes are
// safe in a journal, which is what one fdatasync costs, shared by all who wait.
// Behind it, records (sealed under a key per month), a transparency log (C2SP
// tlog-tiles, one leaf per exchange or act) and a signed checkpoint are derived
// from the journal; that can be killed anywhere and goes on from there. A receipt
// is a signed promise that a leaf will come, and [Verify] fails a promise without
// one.
//
// When the disk is full or fails, the ledger says so before anything is
// forwarded: [record.ErrFull], [record.ErrUnavailable]. Every open exchange has
// room reserved for its outcome. An exchange without an outcome, after a crash,
// becomes a leaf that says "interrupted": it may have reached the provider.
//
//	l, err := ledger.Open(ledger.Config{Dir: "/var/lib/bartizan/ledger", Origin: "bartizan.acme.example"})
//	receipt, err := l.Begin(ctx, intent)
//	err = l.Finish(ctx, outcome)
//
// [Verify], [Prove] and [Export] need the folder only, not a running ledger.
// Verification is promised API; the rest may change.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/bartizan-ai/bartizan/record"
)

// What callers branch on, beside [record.ErrFull] and [record.ErrUnavailable].
var (
	// ErrLocked means that another process has the folder.
	ErrLocked = errors.New("ledger: another process is using this ledger")
	// ErrCorrupt means that bytes which were safe are damaged or gone.
	ErrCorrupt = errors.New("ledger: corrupt")
	// ErrNotYet means that the log has no leaf of that id, so far.
	ErrNotYet = errors.New("ledger: not in the log yet")
	// ErrUnknown means that no open exchange has that id.
	ErrUnknown = errors.New("ledger: no such open exchange")
)

// Config says where a ledger is and how it works. Only Dir is required.
type Config struct {
	Dir    string
	KeyDir string // "": the folder "keys" beside Dir, so that backups of the two can differ
	// Origin names the log for ever; "": "ledger.invalid", or what it was before.
	Origin           string
	SegmentSize      int64         // of the journal; 0: 64 MiB, least 256 KiB
	CheckpointEvery  time.Duration // 0: 1 s
	CheckpointLeaves int           // 0: 256
	// AcceptCorruption names who accepts that damaged frames of the journal are
	// lost. Without it such a ledger does not open; with it, an act says so.
	AcceptCorruption string
	Now              func() time.Time // nil: time.Now
	// Unseal opens texts that lie under the key of who wrote them; nil, or an error: they
	// stay closed. erased says that the key was destroyed.
	Unseal func(sealed []byte) (text []byte, erased bool, err error)

	disk  disk
	retry time.Duration
}

// withDefaults fills in what was left zero.
func (c Config) withDefaults() Config {
	if c.KeyDir == "" {
		c.KeyDir = filepath.Join(filepath.Dir(filepath.Clean(c.Dir)), "keys")
	}
	if c.SegmentSize == 0 {
		c.SegmentSize = 64 << 20
	}
	c.SegmentSize = (c.SegmentSize + segmentUnit - 1) / segmentUnit * segmentUnit
	if c.CheckpointEvery == 0 {
		c.CheckpointEvery = time.Second
	}
	if c.CheckpointLeaves == 0 {
		c.CheckpointLeaves = tileWidth
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.disk == nil {
		c.disk = osDisk{}
	}
	if c.retry == 0 {
		c.retry = 500 * time.Millisecond
	}
	return c
}

// originPattern is what a signed note allows as the name of a key, less what
// would be confusing to read.
var originPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9./:_-]{0,99}$`)

// Validate reports what is wrong with a Config.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return errors.New("ledger: set a folder")
	case c.Origin != "" && !originPattern.MatchString(c.Origin):
		return fmt.Errorf("ledger: %q cannot name a log", c.Origin)
	case c.SegmentSize != 0 && c.SegmentSize < 256<<10 || c.SegmentSize > 1<<30:
		return errors.New("ledger: a journal segment has between 256 KiB and 1 GiB")
	case c.CheckpointEvery < 0 || c.CheckpointLeaves < 0:
		return errors.New("ledger: checkpoints cannot come in less than no time")
	}
	return nil
}

// Ledger is an open ledger. It implements [record.Recorder] and [record.Reader].
type Ledger struct {
	cfg     Config
	keys    *keyring
	lock    *os.File
	dirs    *folders
	journal *journal

	mu      sync.Mutex
	open    map[string]*item
	pending []*item // closed, not in a checkpoint yet; in the order of numbers
	shards  []*shard
	stalled error // why the journal cannot be turned into a log
	closed  bool
	before  uint32 // day: older records have been deleted, and none may follow

	kick, closing, projected chan struct{}
	finalErr                 error
}

var (
	_ record.Recorder = (*Ledger)(nil)
	_ record.Reader   = (*Ledger)(nil)
)

// Ids become names of files and parts of signed messages.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// Begin makes an intent durable and returns a receipt. It does not give up
// half-way: once the intent is queued it waits for the disk, whatever ctx does.
func (l *Ledger) Begin(ctx context.Context, in record.Intent) (record.Receipt, error) {
	none := record.Receipt{}
	if err := ctx.Err(); err != nil {
		return none, fmt.Errorf("ledger: beginning: %w", err)
	}
	it, err := l.newExchange(&in)
	if err != nil {
		return none, fmt.Errorf("ledger: beginning %s: %w", clip(in.ID, 0), err)
	}
	if err := l.register(it); err != nil {
		return none, fmt.Errorf("ledger: beginning %s: %w", it.id, err)
	}
	receipt, err := l.begin(it)
	if err != nil {
		l.mu.Lock()
		delete(l.open, it.id)
		l.mu.Unlock()
		return none, fmt.Errorf("ledger: beginning %s: %w", it.id, err)
	}
	return receipt, nil
}

// newExchange prepares everything that needs no lock and no disk. What is kept is
// sealed here, since its digest goes into the record.
func (l *Ledger) newExchange(in *record.Intent) (*item, error) {
	if !idPattern.MatchString(in.ID) {
		return nil, errors.New("its id is not a name")
	}
	at, err := l.sane(in.At)
	if err != nil {
		return nil, err
	}
	in.At = at
	buf := scratch.Get().(*[]byte)
	body, err := packIntent(*buf, in)
	if err != nil {
		return nil, err
	}
	defer putScratch(buf, body)
	it := &item{day: day(in.At), received: in.Received.SHA256, sent: in.Sent.SHA256}
	it.intentFacts(in)
	p := intentPlain{id: in.ID, received: it.received, sent: it.sent, body: body}
	if len(in.Kept) > 0 {
		sealed, sum, err := l.sealKept(it, "in", in.Kept)
		if err != nil {
			return nil, err
		}
		it.kept, p.content = sealed, sum
	}
	it.intent = p.append(make([]byte, 0, 128+len(in.ID)+len(body)))
	return it, nil
}

// sane fills in a missing time and refuses one that no calendar month fits, or
// whose month has been deleted with its key.
func (l *Ledger) sane(at time.Time) (time.Time, error) {
	if at.IsZero() {
		at = l.cfg.Now()
	}
	if y := at.UTC().Year(); y < 2000 || y > 2199 {
		return at, fmt.Errorf("its time is in the year %d", y)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if day(at) < l.before {
		return at, errors.New("its time is before what retention keeps")
	}
	return at.UTC().Round(0), nil
}

// register takes the id. The item is not visible to readers until it is durable.
func (l *Ledger) register(it *item) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stalled != nil {
		return refusal(l.stalled)
	}
	if l.open[it.id] != nil {
		return errors.New("an exchange of that id is open")
	}
	l.open[it.id] = it
	return nil
}

// begin writes what is kept, then the intent: the journal never refers to a file
// that may be missing after a crash.
func (l *Ledger) begin(it *item) (record.Receipt, error) {
	none := record.Receipt{}
	k, err := l.keys.forDay(it.day, true)
	if err != nil {
		return none, refusal(err)
	}
	if err := l.writeKept(it, "in"); err != nil {
		return none, refusal(err)
	}
	e := l.entry(frameIntent, it.day, k, it.intent)
	e.apply = func(seq uint64) {
		it.seq, it.begin, it.pin, it.durable = seq, seq, seq, true
	}
	if err := l.journal.begin(e); err != nil {
		return none, err
	}
	// The signature is made while the disk works.
	receipt := record.Receipt{Exchange: it.id, Compact: l.keys.promise(it.id, l.cfg.Now())}
	if err := e.wait(); err != nil {
		l.journal.release()
		return none, err
	}
	return receipt, nil
}

// entry seals a plaintext for the journal, under a random nonce: the same intent may
// be written twice.
func (l *Ledger) entry(kind byte, day uint32, k *dayKeys, plain []byte) *entry {
	buf := scratch.Get().(*[]byte)
	body := sealRandom(k.journal, *buf, plain, journalAbout(kind, day))
	return &entry{frame: frame{kind: kind, day: day, body: body}, buf: buf, done: make(chan error, 1)}
}

// wait returns what became of an entry. The journal is done with its bytes then.
func (e *entry) wait() error {
	err := <-e.done
	putScratch(e.buf, e.body)
	return err
}

// journalAbout binds a sealed body to its kind. A carried intent is an intent.
func journalAbout(kind byte, day uint32) []byte {
	if kind == frameCarried {
		kind = frameIntent
	}
	return []byte{'j', kind, byte(day >> 24), byte(day >> 16), byte(day >> 8), byte(day)}
}

// Finish makes the outcome of an open exchange durable. When it fails with
// [record.ErrUnavailable] it may be called again.
func (l *Ledger) Finish(ctx context.Context, out record.Outcome) error {
	if err := l.finish(ctx, &out); err != nil {
		return fmt.Errorf("ledger: finishing %s: %w", clip(out.ID, 0), err)
	}
	return nil
}

// finish keeps the exchange open until its outcome is durable, so that a failure
// can be followed by another attempt.
func (l *Ledger) finish(ctx context.Context, out *record.Outcome) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if out.At, err = l.sane(out.At); err != nil {
		return err
	}
	it, now, err := l.take(out.ID)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			l.mu.Lock()
			it.finishing = false
			l.mu.Unlock()
		}
	}()
	closed, err := l.outcome(&now, out)
	if err != nil {
		return err
	}
	k, err := l.keys.forDay(it.day, true)
	if err != nil {
		return refusal(err)
	}
	e := l.entry(frameOutcome, it.day, k, closed.outcome)
	e.apply = func(seq uint64) {
		closed.seq = seq
		closed.pin = it.pin // it may have been carried meanwhile
		delete(l.open, it.id)
		l.pending = append(l.pending, closed)
	}
	if err := l.journal.finish(e); err != nil {
		return err
	}
	if err := e.wait(); err != nil {
		return err
	}
	l.journal.release()
	return nil
}

// take claims an open exchange, so that only one outcome is written, and returns
// it with a copy that the writer cannot change.
func (l *Ledger) take(id string) (*item, item, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := l.open[id]
	if it == nil || !it.durable {
		return nil, item{}, ErrUnknown
	}
	if it.finishing {
		return nil, item{}, errors.New("it is being finished")
	}
	it.finishing = true
	return it, *it, nil
}

// outcome joins an outcome to its intent. Where the disk has no room for what
// policy keeps, the outcome is recorded without it, and says so.
func (l *Ledger) outcome(it *item, out *record.Outcome) (*item, error) {
	p := outcomePlain{id: out.ID, answered: out.Answered.SHA256}
	closed := it.close(nil, out, p.answered)
	if len(out.Kept) > 0 {
		sealed, sum, err := l.sealKept(it, "out", out.Kept)
		if err != nil {
			return nil, err
		}
		closed.kept, p.content = sealed, sum
		if err := l.writeKept(closed, "out"); err != nil {
			p.content = [32]byte{}
			out.Steps = append(out.Steps[:len(out.Steps):len(out.Steps)], record.Step{Name: "keep", Note: "the content could not be kept: " + bare(err).Error()})
		}
	}
	buf := scratch.Get().(*[]byte)
	var err error
	if p.body, err = packOutcome(*buf, out); err != nil {
		return nil, err
	}
	defer putScratch(buf, p.body)
	closed.outcome = p.append(make([]byte, 0, 96+len(p.id)+len(p.body)))
	return closed, nil
}

// Act makes one phase of an administrative operation durable.
func (l *Ledger) Act(ctx context.Context, act record.Act) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("ledger: recording an act: %w", err)
	}
	l.mu.Lock()
	stalled := l.stalled
	l.mu.Unlock()
	if stalled != nil {
		return fmt.Errorf("ledger: recording an act: %w", refusal(stalled))
	}
	if err := l.act(act); err != nil {
		return fmt.Errorf("ledger: recording an act: %w", err)
	}
	return nil
}

// act is what the ledger itself uses too, while it starts and nobody else can.
func (l *Ledger) act(act record.Act) (err error) {
	if !idPattern.MatchString(act.ID) {
		return errors.New("its id is not a name")
	}
	if act.At, err = l.sane(act.At); err != nil {
		return err
	}
	body, err := packAct(&act)
	if err != nil {
		return err
	}
	it := actItem(append(appendID(nil, act.ID), body...), &act, day(act.At))
	k, err := l.keys.forDay(it.day, true)
	if err != nil {
		return refusal(err)
	}
	e := l.entry(frameAct, it.day, k, it.act)
	e.apply = func(seq uint64) {
		it.seq, it.begin = seq, seq
		l.pending = append(l.pending, it)
	}
	if err := l.journal.act(e); err != nil {
		return err
	}
	return e.wait()
}

// applied runs in the journal's writer, so the order of pending is the order of
// the journal.
func (l *Ledger) applied(batch []*entry) {
	l.mu.Lock()
	for _, e := range batch {
		e.apply(e.seq)
	}
	n := len(l.pending)
	l.mu.Unlock()
	if n > 0 {
		select {
		case l.kick <- struct{}{}:
		default:
		}
	}
}

// Close makes what is closed part of the log, signs a last checkpoint and frees
// the folder. Exchanges that are still open stay so, and the next start calls
// them interrupted.
func (l *Ledger) Close(ctx context.Context) error {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	l.mu.Unlock()
	if first {
		go func() {
			l.journal.end()
			close(l.closing)
		}()
	}
	select {
	case <-l.projected:
		return l.finalErr
	case <-ctx.Done():
		return fmt.Errorf("ledger: closing: %w", ctx.Err())
	}
}
