package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/bartizan-ai/bartizan/risk"
)

// LeafMax bounds the size of a leaf.
const LeafMax = 400

// What a leaf is about.
const (
	leafExchange = 1
	leafAct      = 2
)

const (
	flagInterrupted = 1 << iota
	flagSynthetic
)

// ends are the ways an exchange can end that a leaf knows by number. One that is
// not listed is still in the record.
var ends = []string{"", "answered", "blocked", "refused", "failed", "cancelled", "interrupted"}

// Leaf is what the log commits to for one exchange or one act. It holds no
// personal data and outlives the record: the hashes are salted, so that they
// tell nothing once the record is gone.
type Leaf struct {
	Kind        string // "exchange" or "act"
	ID          string
	System      string // of an exchange
	Note        string // of an act: its kind and phase; of a deletion also what it covers
	Decision    risk.Decision
	End         string
	Interrupted bool // no outcome: may have reached the provider
	Synthetic   bool
	Begin, Seq  uint64 // journal numbers of the intent and of what closed it
	Began, At   time.Time
	Record      [32]byte // SHA-256 of salt and record
	Sealed      [32]byte // SHA-256 of the record as it lies on the disk
	Received    [32]byte // salted SHA-256 of what the caller sent
	Sent        [32]byte // … of what the upstream got
	Answered    [32]byte // … of what the caller got
}

const leafVersion = 1

// nameMax bounds each of the names in a leaf.
const nameMax = 64

// Bytes returns the leaf as it stands in the log.
func (f *Leaf) Bytes() []byte {
	b := make([]byte, 0, LeafMax)
	kind, flags, end := byte(leafExchange), byte(0), byte(0)
	if f.Kind == "act" {
		kind = leafAct
	}
	if f.Interrupted {
		flags |= flagInterrupted
	}
	if f.Synthetic {
		flags |= flagSynthetic
	}
	for i, name := range ends {
		if name == f.End {
			end = byte(i)
		}
	}
	b = append(b, leafVersion, kind, flags, byte(f.Decision), end)
	for _, n := range []uint64{f.Begin, f.Seq, nanos(f.Began), nanos(f.At)} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	for _, h := range f.hashes() {
		b = append(b, h[:]...)
	}
	for _, s := range []string{f.ID, f.System, f.Note} {
		b = appendID(b, fit(s))
	}
	return b
}

// hashes lists the commitments in the order in which they are written.
func (f *Leaf) hashes() []*[32]byte {
	return []*[32]byte{&f.Record, &f.Sealed, &f.Received, &f.Sent, &f.Answered}
}

// fit keeps a name that is too long for a leaf recognisable by its digest.
func fit(s string) string {
	if len(s) <= nameMax {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(sum[:16])
}

// nanos writes a time; 0 stands for none.
func nanos(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixNano())
}

// fromNanos is the inverse of nanos, in UTC.
func fromNanos(n uint64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(n)).UTC()
}

// ParseLeaf reads a leaf back. Bytes it does not understand are an error: a leaf
// has one form.
func ParseLeaf(b []byte) (*Leaf, error) {
	const fixed = 5 + 4*8 + 5*32
	if len(b) < fixed+3 || len(b) > LeafMax {
		return nil, fmt.Errorf("ledger: a leaf of %d bytes", len(b))
	}
	if b[0] != leafVersion {
		return nil, fmt.Errorf("ledger: a leaf of version %d", b[0])
	}
	if b[1] != leafExchange && b[1] != leafAct || b[2] > flagInterrupted|flagSynthetic || b[3] > byte(risk.Block) || int(b[4]) >= len(ends) {
		return nil, errors.New("ledger: a leaf with values that do not exist")
	}
	f := &Leaf{Kind: "exchange", Decision: risk.Decision(b[3]), End: ends[b[4]]}
	if b[1] == leafAct {
		f.Kind = "act"
	}
	f.Interrupted, f.Synthetic = b[2]&flagInterrupted != 0, b[2]&flagSynthetic != 0
	u64 := func(i int) uint64 { return binary.BigEndian.Uint64(b[5+8*i:]) }
	f.Begin, f.Seq, f.Began, f.At = u64(0), u64(1), fromNanos(u64(2)), fromNanos(u64(3))
	for i, h := range f.hashes() {
		copy(h[:], b[37+32*i:])
	}
	rest := b[fixed:]
	for _, s := range []*string{&f.ID, &f.System, &f.Note} {
		var err error
		if *s, rest, err = cutID(rest, 0); err != nil || len(*s) > nameMax {
			return nil, errors.New("ledger: a leaf with a broken name")
		}
	}
	if len(rest) != 0 {
		return nil, errors.New("ledger: a leaf with bytes after its end")
	}
	return f, nil
}

// saltedHash binds a digest to a record without letting anyone who can guess the
// text confirm the guess.
func saltedHash(what string, salt []byte, digest [32]byte) (h [32]byte) {
	if digest == h {
		return h // nothing was received, sent or answered
	}
	s := sha256.New()
	s.Write([]byte(what))
	s.Write(salt)
	s.Write(digest[:])
	s.Sum(h[:0])
	return h
}
