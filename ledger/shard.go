package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// shard is one log with its records. There is more than one only when a backup
// was restored: a log that has lost leaves must not grow again, since it would
// sign a second history, so another one begins.
type shard struct {
	disk     disk
	dirs     *folders
	number   int
	dir      string
	origin   string
	tree     *tree
	signed   []byte // the checkpoint
	signedAt time.Time
	lengths  map[uint32]int64 // of the record segments, as far as committed
	index    file

	mu       sync.Mutex
	files    map[uint32]file
	readOnly bool // somebody else may be writing
}

// identity is what a log is known by: the name of its key, and the public key.
type identity struct{ name, vkey string }

// shardDir is the ledger's own folder for the first shard.
func shardDir(dir string, number int) string {
	if number == 1 {
		return dir
	}
	return filepath.Join(dir, fmt.Sprintf("shard-%04d", number))
}

// shardOrigin names a log. Two logs of one ledger must never share a name, or a
// reader could be shown the one for the other.
func shardOrigin(origin string, number int) string {
	if number == 1 {
		return origin
	}
	return fmt.Sprintf("%s/shard-%d", origin, number)
}

func (s *shard) logDir() string { return filepath.Join(s.dir, "log") }

func (s *shard) recordFile(month uint32) string {
	return filepath.Join(s.dir, "records", fmt.Sprintf("%06d.seg", month))
}

// openShard reads the log's edge and checks it against its checkpoint.
func openShard(d disk, dir string, number int, id identity, keys *keyring, readOnly bool) (*shard, error) {
	s := &shard{disk: d, dirs: &folders{disk: d}, number: number, dir: shardDir(dir, number), origin: shardOrigin(id.name, number),
		files: map[uint32]file{}, readOnly: readOnly}
	v, err := note.NewVerifier(id.vkey)
	if err != nil {
		return nil, err
	}
	c, msg, err := readCheckpoint(s.logDir(), v)
	if err != nil {
		return nil, err
	}
	if msg != nil && c.origin != s.origin {
		return nil, fmt.Errorf("checkpoint: it is of the log %q, not of %q", c.origin, s.origin)
	}
	s.signed = msg
	if s.tree, err = loadTree(s.logDir(), c.size, c.root); err != nil {
		return nil, err
	}
	if err := s.makeDir(s.dir); err != nil {
		return nil, err
	}
	return s, s.openIndex(keys)
}

// makeDir does nothing for those who only read.
func (s *shard) makeDir(dir string) error {
	if s.readOnly {
		return nil
	}
	return s.dirs.make(dir)
}

// mode is how the shard opens its files.
func (s *shard) mode() int {
	if s.readOnly {
		return os.O_RDONLY
	}
	return os.O_RDWR | os.O_CREATE
}

// lastSeq is the journal number that the newest leaf carries.
func (s *shard) lastSeq() (uint64, error) {
	if s.tree.size == 0 {
		return 0, nil
	}
	r, err := s.row(s.tree.size - 1)
	return r.seq, err
}

// row reads one row of the index.
func (s *shard) row(i int64) (row, error) {
	var b [rowSize]byte
	if _, err := s.index.ReadAt(b[:], i*rowSize); err != nil {
		return row{}, fmt.Errorf("ledger: reading the index: %w", err)
	}
	r, ok := parseRow(b[:])
	if !ok {
		return r, fmt.Errorf("ledger: reading the index: row %d is damaged", i)
	}
	return r, nil
}

var recordPattern = regexp.MustCompile(`^(\d{6})\.seg$`)

// months lists the record segments that exist.
func (s *shard) months() ([]uint32, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "records"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var months []uint32
	for _, e := range entries {
		if m := recordPattern.FindStringSubmatch(e.Name()); m != nil {
			n, _ := strconv.ParseUint(m[1], 10, 32) // six digits
			months = append(months, uint32(n))
		}
	}
	slices.Sort(months)
	return months, nil
}

// settle cuts off what was written and never committed. A segment that is
// shorter than what the log commits to has lost records.
func (s *shard) settle() error {
	months, err := s.months()
	if err != nil {
		return err
	}
	for _, month := range months {
		f, err := s.segment(month)
		if err != nil {
			return err
		}
		size, err := f.Size()
		if err != nil {
			return err
		}
		if want := s.lengths[month]; size < want {
			return fmt.Errorf("%w: %s has %d bytes of %d", ErrCorrupt, s.recordFile(month), size, want)
		} else if size > want {
			if err := errors.Join(f.Truncate(want), f.Sync()); err != nil {
				return err
			}
		}
	}
	return nil
}

// segment returns the open record segment of a month.
func (s *shard) segment(month uint32) (file, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.files[month]; f != nil {
		return f, nil
	}
	name := s.recordFile(month)
	if err := s.makeDir(filepath.Dir(name)); err != nil {
		return nil, err
	}
	f, err := s.disk.Open(name, s.mode())
	if err != nil {
		return nil, err
	}
	if !s.readOnly {
		if err := s.disk.SyncDir(filepath.Dir(name)); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	s.files[month] = f
	return f, nil
}

func (s *shard) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	clear(s.files)
	if s.index != nil {
		errs = append(errs, s.index.Close())
	}
	return errors.Join(errs...)
}

// A record segment is a sequence of headers and sealed records. The header holds
// length, checksum, index of the leaf, day of the keys.
const recordHeaderSize = 24

type recordHeader struct {
	length, sum uint32
	index       int64
	day         uint32
}

func (h recordHeader) size() int64 { return recordHeaderSize + int64(h.length) }

// beginRecord appends a header without length and checksum, for endRecord.
func beginRecord(b []byte, index int64, day uint32) []byte {
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(index))
	b = binary.BigEndian.AppendUint32(b, day)
	return append(b, 0, 0, 0, 0)
}

// endRecord fills in what is known once the record has been sealed in place.
func endRecord(whole []byte) {
	binary.BigEndian.PutUint32(whole, uint32(len(whole)-recordHeaderSize))
	binary.BigEndian.PutUint32(whole[4:], recordSum(whole))
}

func recordSum(whole []byte) uint32 {
	return crc32.Update(crc32.Checksum(whole[:4], castagnoli), castagnoli, whole[8:])
}

// sealedMax bounds a sealed record.
const sealedMax = maxIntent + maxOutcome + 2048

// parseRecordHeader bounds the length before anyone allocates by it.
func parseRecordHeader(b []byte) (h recordHeader, err error) {
	h = recordHeader{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), int64(binary.BigEndian.Uint64(b[8:])), binary.BigEndian.Uint32(b[16:])}
	if h.length == 0 || h.length > sealedMax || h.index < 0 || binary.BigEndian.Uint32(b[20:]) != 0 {
		return h, errors.New("a damaged record header")
	}
	return h, nil
}

func readRecordHeader(f file, off int64) (recordHeader, error) {
	var b [recordHeaderSize]byte
	if _, err := f.ReadAt(b[:], off); err != nil {
		return recordHeader{}, err
	}
	return parseRecordHeader(b[:])
}

// about binds a sealed record to its place in its log.
func (s *shard) about(index int64) []byte {
	return fmt.Appendf(nil, "record %s %d", s.origin, index)
}

// seal appends the record's bytes for the disk and returns its leaf. The same item
// gives the same bytes each time: a projection that was cut off is simply done
// again.
func (s *shard) seal(b []byte, keys *keyring, it *item, index int64) ([]byte, *Leaf, error) {
	k, err := keys.forDay(it.day, true)
	if err != nil {
		return nil, nil, err
	}
	salt := k.derive("salt "+s.origin, binary.BigEndian.AppendUint64(nil, it.seq), []byte(it.id))
	buf := scratch.Get().(*[]byte)
	plain := it.plain(*buf, salt)
	defer putScratch(buf, plain)
	plainSum := sha256.Sum256(plain)
	nonce := k.derive("nonce "+s.origin, binary.BigEndian.AppendUint64(nil, uint64(index)), plainSum[:])[:12]
	start := len(b)
	b = append(beginRecord(b, index, it.day), nonce...)
	b = k.record.Seal(b, nonce, plain, s.about(index))
	endRecord(b[start:])
	return b, it.leaf(salt, plainSum, sha256.Sum256(b[start+recordHeaderSize:])), nil
}

// The forms of a record's plaintext, behind the salt.
const (
	plainAct byte = 1 + iota
	plainInterrupted
	plainExchange
)

// plain writes the record's plaintext. The salt comes first: disclosing salt and
// record proves that record and tells nothing of others.
func (it *item) plain(b, salt []byte) []byte {
	b = append(b, salt...)
	switch {
	case it.facts.act:
		return append(append(b, plainAct), it.act...)
	case it.outcome == nil:
		return append(append(b, plainInterrupted), it.intent...)
	}
	b = binary.BigEndian.AppendUint32(append(b, plainExchange), uint32(len(it.intent)))
	return append(append(b, it.intent...), it.outcome...)
}

const saltSize = 32

// parsePlain is the inverse of plain, but for what only leaf and index know.
func parsePlain(b []byte) (*item, error) {
	if len(b) < saltSize+1 {
		return nil, errShort
	}
	it, rest := new(item), b[saltSize+1:]
	switch b[saltSize] {
	case plainAct:
		it.facts.act, it.act = true, rest
	case plainInterrupted:
		it.interrupted, it.intent = true, rest
	case plainExchange:
		if len(rest) < 4 || uint64(len(rest)-4) < uint64(binary.BigEndian.Uint32(rest)) {
			return nil, errShort
		}
		n := binary.BigEndian.Uint32(rest)
		it.intent, it.outcome = rest[4:4+n], rest[4+n:]
	default:
		return nil, errors.New("a record of unknown form")
	}
	return it, nil
}

// open reads a record from the disk.
func (s *shard) open(keys *keyring, at time.Time, index int64, p place) (*item, error) {
	if keys == nil {
		return nil, errNoKey
	}
	// Retention destroys the key before the file is gone from every reader.
	if _, err := keys.forDay(day(at), false); err != nil {
		return nil, err
	}
	f, err := s.segment(day(at) / 100)
	if err != nil {
		return nil, err
	}
	if p.length < recordHeaderSize || p.length > recordHeaderSize+sealedMax {
		return nil, fmt.Errorf("%w: the index gives record %d a false length", ErrCorrupt, index)
	}
	b := make([]byte, p.length)
	if _, err := f.ReadAt(b, p.off); errors.Is(err, os.ErrClosed) {
		return nil, errNoKey
	} else if err != nil {
		return nil, fmt.Errorf("%w: %s at byte %d: %w", ErrCorrupt, s.recordFile(day(at)/100), p.off, err)
	}
	h, err := parseRecordHeader(b)
	if err != nil || h.index != index || h.size() != int64(p.length) || recordSum(b) != h.sum {
		return nil, fmt.Errorf("%w: %s at byte %d", ErrCorrupt, s.recordFile(day(at)/100), p.off)
	}
	plain, err := openRecord(keys, h, b[recordHeaderSize:], s.about(index))
	if err != nil {
		return nil, err
	}
	it, err := parsePlain(plain)
	if err != nil {
		return nil, fmt.Errorf("%w: record %d: %w", ErrCorrupt, index, err)
	}
	return it, nil
}

// openRecord opens a sealed record. Bound to its log and index, it opens nowhere
// else.
func openRecord(keys *keyring, h recordHeader, sealed, about []byte) ([]byte, error) {
	k, err := keys.forDay(h.day, false)
	if err != nil {
		return nil, err
	}
	plain, err := openSealed(k.record, sealed, about)
	if err != nil {
		return nil, fmt.Errorf("%w: record %d cannot be opened with its key", ErrCorrupt, h.index)
	}
	return plain, nil
}
