package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"regexp"
	"strconv"
)

// A journal segment is a preallocated file: a header, frames one after the other,
// zeros. A segment is written once, from front to back, and never reopened for
// writing: after a crash or an error the journal goes on in the next one, whose
// header says with which number the one before ended.
//
// Frames of one write share the offset at which it began. That is what tells a
// torn tail from damage: writes follow one another only after a sync, so behind
// a bad frame there can be good ones of the same write, but never of a later one.
const (
	segmentMagic  = "BRTZJ01\n"
	segmentHeader = 64
	segmentUnit   = 4096 // sizes are multiples of it
	frameHeader   = 32
	frameAlign    = 16
	// frameMax bounds the body of a frame, with room for sealing.
	frameMax = maxIntent + 1024
)

// The kinds of frame.
const (
	frameIntent byte = 1 + iota
	frameOutcome
	frameAct
	frameInterrupted // closes an intent whose outcome never came
	frameCarried     // repeats an open intent, so that its old segment can go
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type header struct {
	n, prevLast, size uint64
	epoch             uint32
}

// bytes writes the header, which fills its place with zeros for what may come.
func (h header) bytes() []byte {
	b := make([]byte, 0, segmentHeader)
	b = append(b, segmentMagic...)
	b = binary.BigEndian.AppendUint64(b, h.n)
	b = binary.BigEndian.AppendUint64(b, h.prevLast)
	b = binary.BigEndian.AppendUint64(b, h.size)
	b = binary.BigEndian.AppendUint32(b, h.epoch)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return append(b, make([]byte, segmentHeader-len(b))...)
}

// parseHeader accepts exactly what bytes writes.
func parseHeader(b []byte) (h header, err error) {
	if len(b) < segmentHeader {
		return h, errors.New("the header is cut short")
	}
	h = header{n: binary.BigEndian.Uint64(b[8:]), prevLast: binary.BigEndian.Uint64(b[16:]),
		size: binary.BigEndian.Uint64(b[24:]), epoch: binary.BigEndian.Uint32(b[32:])}
	if !bytes.Equal(b[:segmentHeader], h.bytes()) {
		return h, errors.New("the header is damaged")
	}
	return h, nil
}

// frame is one entry of the journal. body is sealed.
type frame struct {
	seq        uint64
	batch, day uint32
	kind       byte
	body       []byte
}

// frameSize is what a body of n bytes takes in a segment.
func frameSize(n int) int64 {
	return int64(frameHeader+n+frameAlign-1) / frameAlign * frameAlign
}

// appendFrame writes length, checksum, number, start of write, day, kind, zeros,
// body, zeros up to the next frame. The checksum covers the segment's number, so
// that no frame is good in another segment.
func appendFrame(b []byte, n uint64, f *frame) []byte {
	start := len(b)
	b = binary.BigEndian.AppendUint32(b, uint32(len(f.body)))
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint64(b, f.seq)
	b = binary.BigEndian.AppendUint32(b, f.batch)
	b = binary.BigEndian.AppendUint32(b, f.day)
	b = append(b, f.kind, 0, 0, 0, 0, 0, 0, 0)
	b = append(b, f.body...)
	var zeros [frameAlign]byte
	b = append(b, zeros[:start+int(frameSize(len(f.body)))-len(b)]...)
	binary.BigEndian.PutUint32(b[start+4:], frameSum(n, b[start:]))
	return b
}

// frameSum leaves the place of the checksum itself out.
func frameSum(n uint64, whole []byte) uint32 {
	var salt [8]byte
	binary.BigEndian.PutUint64(salt[:], n)
	sum := crc32.Update(0, castagnoli, salt[:])
	sum = crc32.Update(sum, castagnoli, whole[:4])
	return crc32.Update(sum, castagnoli, whole[8:])
}

// parseFrame reads the frame at off, if there is a good one.
func parseFrame(seg []byte, off int, n uint64) (f frame, size int, ok bool) {
	if off < segmentHeader || off+frameHeader > len(seg) {
		return f, 0, false
	}
	b := seg[off:]
	length := binary.BigEndian.Uint32(b)
	f = frame{seq: binary.BigEndian.Uint64(b[8:]), batch: binary.BigEndian.Uint32(b[16:]), day: binary.BigEndian.Uint32(b[20:]), kind: b[24]}
	size = int(frameSize(int(min(length, frameMax))))
	if length == 0 || length > frameMax || size > len(b) || f.kind < frameIntent || f.kind > frameCarried || f.batch > uint32(off) {
		return f, 0, false
	}
	if frameSum(n, b[:size]) != binary.BigEndian.Uint32(b[4:]) {
		return f, 0, false
	}
	f.body = b[frameHeader : frameHeader+length]
	return f, size, true
}

// damage is a place in a segment where frames should be and are not.
type damage struct {
	off    int64
	bytes  int64 // up to the next good frame, or to the last byte that is not zero
	middle bool  // good frames of a later write follow: this was safe once
}

// scan returns the good frames of a segment and what is damaged. Of frames
// behind a torn write, those of the same write are not good: nobody was told
// that they are safe.
func scan(seg []byte, n uint64) (frames []frame, faults []damage) {
	off := segmentHeader
	for {
		f, size, ok := parseFrame(seg, off, n)
		if ok && (len(frames) == 0 || f.seq > frames[len(frames)-1].seq) {
			frames = append(frames, f)
			off += size
			continue
		}
		rest := bytes.TrimRight(seg[min(off, len(seg)):], "\x00")
		if len(rest) == 0 {
			return frames, faults
		}
		next := laterWrite(seg, off, n)
		if next < 0 {
			return frames, append(faults, damage{off: int64(off), bytes: int64(len(rest))})
		}
		faults = append(faults, damage{off: int64(off), bytes: int64(next - off), middle: true})
		off = next
	}
}

// laterWrite finds the first good frame whose write began behind off.
func laterWrite(seg []byte, off int, n uint64) int {
	for at := off + frameAlign; at < len(seg); at += frameAlign {
		if f, _, ok := parseFrame(seg, at, n); ok && f.batch > uint32(off) {
			return at
		}
	}
	return -1
}

// segmentName orders by n; the epoch tells starts of the ledger apart.
func segmentName(epoch uint32, n uint64) string { return fmt.Sprintf("%06d-%010d.j", epoch, n) }

var segmentPattern = regexp.MustCompile(`^(\d{6,10})-(\d{10,20})\.j$`)

// parseSegmentName is the inverse of segmentName.
func parseSegmentName(name string) (epoch uint32, n uint64, ok bool) {
	m := segmentPattern.FindStringSubmatch(filepath.Base(name))
	if m == nil {
		return 0, 0, false
	}
	e, err1 := strconv.ParseUint(m[1], 10, 32)
	n, err2 := strconv.ParseUint(m[2], 10, 64)
	return uint32(e), n, err1 == nil && err2 == nil
}
