package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/bartizan-ai/bartizan/record"
)

// spareSegments is how many empty segments are kept ready. With fewer than that,
// and no room for more, nothing new is begun.
const spareSegments = 2

// outcomeRoom is what every open exchange has reserved.
var outcomeRoom = frameSize(maxOutcome + 512)

// entry is a frame on its way into the journal. done is told once, when the
// frame is durable or will never be.
type entry struct {
	frame
	// apply is called by the writer when the frame is durable, in the order of
	// numbers and before the caller wakes.
	apply func(seq uint64)
	buf   *[]byte // lent to body
	done  chan error
}

// journal makes entries durable: whoever writes takes all that waits, writes it in
// one piece and syncs once. A caller who finds nobody writing does it himself, which
// saves two switches between goroutines; what gathered meanwhile is the writer's.
type journal struct {
	disk  disk
	dirs  *folders
	dir   string
	size  int64 // of a segment
	epoch uint32
	retry time.Duration // between attempts to get a working segment
	// applied calls apply of each under the ledger's lock.
	applied func([]*entry)

	mu       sync.Mutex
	writing  bool // somebody has current, and what is written to it
	queue    []*entry
	queued   int64 // bytes
	closed   bool
	spares   []string
	starved  error      // why there are fewer spares than there should be
	broken   error      // why there is no segment to write to
	retired  []*segment // not writable any more, still needed
	current  *segment
	next     uint64 // number of the next segment
	seq      uint64 // of the last durable frame
	reserved int64

	changed    *sync.Cond // of spares, starved, closed
	work, need chan struct{}
	stop       chan struct{}
	wg         sync.WaitGroup
	buf        []byte // the writer's
}

type segment struct {
	name string
	n    uint64
	f    file
	off  int64
	last uint64 // of the frames in it
}

// start takes a fresh segment and begins to write. What the old ones hold has
// been replayed.
func (j *journal) start() error {
	j.changed = sync.NewCond(&j.mu)
	j.work, j.need, j.stop = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	if err := j.adoptSpares(); err != nil {
		return err
	}
	if err := j.rotate(); err != nil {
		return err
	}
	j.wg.Go(j.write)
	j.wg.Go(j.prepare)
	return nil
}

// begin admits an intent when there is room for it, for its outcome and for
// those of all others that are open, and queues it.
func (j *journal) begin(e *entry) error {
	return j.push(e, outcomeRoom)
}

// act admits an act.
func (j *journal) act(e *entry) error { return j.push(e, 0) }

// push queues an entry for which nothing has been reserved. It waits only while a
// spare segment is being made, which ends in a spare or in a reason.
func (j *journal) push(e *entry, reserve int64) error {
	if err := j.admit(e, reserve); err != nil {
		return err
	}
	j.lead()
	return nil
}

func (j *journal) admit(e *entry, reserve int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for {
		if j.closed {
			return fmt.Errorf("%w: it is closed", record.ErrUnavailable)
		}
		if j.starved != nil && len(j.spares) < spareSegments {
			return refusal(j.starved)
		}
		if j.room()-j.queued-j.reserved-reserve >= frameSize(len(e.body)) {
			break
		}
		if len(j.spares) >= spareSegments {
			return record.ErrFull
		}
		// A spare is being made, or will turn out not to be possible.
		j.signal(j.need)
		j.changed.Wait()
	}
	j.reserved += reserve
	j.enqueue(e)
	return nil
}

// finish queues an outcome, for which room has been reserved.
func (j *journal) finish(e *entry) error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return fmt.Errorf("%w: it is closed", record.ErrUnavailable)
	}
	j.enqueue(e)
	j.mu.Unlock()
	j.lead()
	return nil
}

// enqueue adds an entry to those that wait. The caller holds the lock, and leads
// when it has let go of it.
func (j *journal) enqueue(e *entry) {
	j.queue = append(j.queue, e)
	j.queued += frameSize(len(e.body))
}

// lead writes what waits when nobody else does, once: who comes later must not make
// this caller wait. Where there is no segment, finding one is the writer's task.
func (j *journal) lead() {
	batch := j.take(false)
	if batch == nil {
		return
	}
	j.commit(batch)
	if j.done() {
		j.signal(j.work)
	}
}

// take claims the right to write and all that waits; nil when somebody else has it,
// when there is nothing, or when there is no segment and the caller wants one.
func (j *journal) take(anyhow bool) []*entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.writing || len(j.queue) == 0 {
		return nil
	}
	if j.current == nil && !anyhow {
		j.signal(j.work)
		return nil
	}
	j.writing = true
	batch := j.queue
	j.queue, j.queued = nil, 0
	return batch
}

// done gives the right to write back, and reports whether the writer is needed.
func (j *journal) done() (more bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.writing = false
	return len(j.queue) > 0 || j.closed || j.current == nil
}

// release gives the room of an exchange back that is no longer open.
func (j *journal) release() {
	j.mu.Lock()
	j.reserved -= outcomeRoom
	j.mu.Unlock()
}

// room is what is left in the current segment and the spares. The last bytes of
// each may be too few for the next frame, so they do not count.
func (j *journal) room() int64 {
	waste := frameSize(frameMax)
	room := int64(len(j.spares)) * max(0, j.size-segmentHeader-waste)
	if j.current != nil {
		room += max(0, j.size-j.current.off-waste)
	}
	return room
}

// signal wakes a goroutine that may be awake already.
func (j *journal) signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// refusal is what a caller is told: that there is no room, or that nothing can
// be written.
func refusal(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return record.ErrFull
	}
	return fmt.Errorf("%w: %w", record.ErrUnavailable, err)
}

// write is the writer.
func (j *journal) write() {
	for {
		if batch := j.take(true); batch != nil {
			j.commit(batch)
			j.done()
			continue
		}
		j.mu.Lock()
		over, lost := j.closed && !j.writing && len(j.queue) == 0, j.current == nil && !j.writing
		j.mu.Unlock()
		if over {
			return
		}
		j.idle(lost)
	}
}

// idle waits for work. Without a segment it tries for one meanwhile: who looks
// whether the ledger works again must not have to send it traffic first.
func (j *journal) idle(lost bool) {
	if !lost {
		<-j.work
		return
	}
	t := time.NewTimer(j.retry)
	defer t.Stop()
	select {
	case <-j.work:
	case <-t.C:
		j.mu.Lock()
		mine := !j.writing && j.current == nil
		j.writing = j.writing || mine
		j.mu.Unlock()
		if mine {
			// Why it failed is in the status; there is nobody else to tell.
			_ = j.restart()
			j.done()
		}
	}
}

// restart is rotate for when there is no segment, which others want to know.
func (j *journal) restart() error {
	err := j.rotate()
	j.mu.Lock()
	j.broken = err
	j.mu.Unlock()
	return err
}

// commit writes a batch, in as many pieces as it takes segments. When one fails, the
// rest fails with it: who comes later finds a new segment or a clear refusal.
func (j *journal) commit(batch []*entry) {
	for len(batch) > 0 {
		if j.current == nil {
			if err := j.restart(); err != nil {
				fail(batch, refusal(err))
				return
			}
		}
		n := j.fill(batch)
		if n == 0 {
			j.retire()
			continue
		}
		if err := j.flush(batch[:n]); err != nil {
			// What the disk holds of this write is unknown, and a second
			// sync could claim success for pages the kernel has dropped.
			j.retire()
			j.mu.Lock()
			j.broken = err
			j.mu.Unlock()
			fail(batch, refusal(fmt.Errorf("writing the journal: %w", bare(err))))
			return
		}
		j.applied(batch[:n])
		for _, e := range batch[:n] {
			e.done <- nil
		}
		batch = batch[n:]
	}
}

// fill encodes as many entries as fit into the current segment.
func (j *journal) fill(batch []*entry) int {
	j.buf = j.buf[:0]
	for i, e := range batch {
		if j.current.off+int64(len(j.buf))+frameSize(len(e.body)) > j.size {
			return i
		}
		e.seq, e.batch = j.seq+1+uint64(i), uint32(j.current.off)
		j.buf = appendFrame(j.buf, j.current.n, &e.frame)
	}
	return len(batch)
}

// flush is the moment of durability. Numbers are used up only when it succeeds, so
// there are no gaps in them.
func (j *journal) flush(batch []*entry) error {
	s := j.current
	if _, err := s.f.WriteAt(j.buf, s.off); err != nil {
		return err
	}
	if err := s.f.Sync(); err != nil {
		return err
	}
	j.mu.Lock()
	s.off += int64(len(j.buf))
	j.seq += uint64(len(batch))
	s.last = j.seq
	j.mu.Unlock()
	return nil
}

// fail tells everyone in a batch.
func fail(batch []*entry, err error) {
	for _, e := range batch {
		e.done <- err
	}
}

// retire ends the current segment. Closing cannot lose anything: all that was
// acknowledged is synced.
func (j *journal) retire() {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.current
	_ = s.f.Close()
	s.last = j.seq
	j.retired = append(j.retired, s)
	j.current = nil
}

// rotate puts a spare into service, or makes a segment where there is none.
func (j *journal) rotate() error {
	j.mu.Lock()
	var name string
	if n := len(j.spares); n > 0 {
		name, j.spares = j.spares[n-1], j.spares[:n-1]
	}
	n, last := j.next, j.seq
	j.mu.Unlock()
	defer j.signal(j.need)
	if name == "" {
		name = filepath.Join(j.dir, "spare-direct")
		if err := j.allocate(name); err != nil {
			return fmt.Errorf("making a journal segment: %w", bare(err))
		}
	}
	s, err := j.open(name, header{n: n, prevLast: last, size: uint64(j.size), epoch: j.epoch})
	if err != nil {
		// Its state is unknown; another one is made from nothing.
		return errors.Join(fmt.Errorf("starting a journal segment: %w", bare(err)), ignoreMissing(j.disk.Remove(name)))
	}
	j.mu.Lock()
	j.current, j.broken, j.next = s, nil, n+1
	j.mu.Unlock()
	return nil
}

// ignoreMissing lets a removal be repeated.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// open writes the header before the name, so that a segment with a name is whole.
func (j *journal) open(spare string, h header) (*segment, error) {
	f, err := j.disk.Open(spare, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteAt(h.bytes(), 0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	name := filepath.Join(j.dir, segmentName(h.epoch, h.n))
	if err := j.disk.Rename(spare, name); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := j.disk.SyncDir(j.dir); err != nil {
		return nil, errors.Join(err, f.Close(), j.disk.Remove(name))
	}
	return &segment{name: name, n: h.n, f: f, off: segmentHeader, last: h.prevLast}, nil
}

// free removes those of the oldest segments in which nothing is numbered live or
// above.
func (j *journal) free(live uint64) error {
	for {
		j.mu.Lock()
		if len(j.retired) == 0 || j.retired[0].last >= live {
			j.mu.Unlock()
			return nil
		}
		s := j.retired[0]
		j.mu.Unlock()
		if err := ignoreMissing(j.disk.Remove(s.name)); err != nil {
			return err
		}
		j.mu.Lock()
		j.retired = j.retired[1:]
		j.mu.Unlock()
		j.signal(j.need)
	}
}

// end writes what is queued and stops. New entries are refused.
func (j *journal) end() {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return
	}
	j.closed = true
	j.mu.Unlock()
	j.changed.Broadcast()
	j.signal(j.work)
	close(j.stop)
	j.wg.Wait()
	if j.current != nil {
		j.retire()
	}
}

// pinned returns the last number in the oldest segment when more of them wait to
// be freed than a busy journal explains.
func (j *journal) pinned() (last uint64, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.retired) < 2 || j.closed {
		return 0, false
	}
	return j.retired[0].last, true
}

// number is that of the newest segment.
func (j *journal) number() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next - 1
}
