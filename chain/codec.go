package chain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// magic begins every model on disk; its last byte is the version of the layout.
const magic = "bzch\x00\x00\x00\x01"

// ErrFormat means that bytes are not a model that this version can read.
var ErrFormat = errors.New("chain: not a model of this version")

const header = len(magic) + 16

// AppendBinary appends the model as it lies on disk: magic, tags, width, rows, scale, moves,
// marks, weights.
func (m *Model) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, magic...)
	for _, n := range []uint32{uint32(m.tags), uint32(m.width), m.mask + 1, math.Float32bits(m.scale)} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	for _, w := range m.moves {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(w))
	}
	b = append(b, m.mark...)
	return append(b, m.rows...), nil
}

// Bounds of what is read.
const (
	maxWidth = 128
	maxRows  = 1 << 22
	heaviest = -never / 8 // what a token or a move may weigh
)

// UnmarshalBinary reads a model.
func (m *Model) UnmarshalBinary(b []byte) error {
	if len(b) < header || string(b[:len(magic)]) != magic {
		return ErrFormat
	}
	var head [4]uint32
	for i := range head {
		head[i] = binary.LittleEndian.Uint32(b[len(magic)+4*i:])
	}
	tags, width, rows, scale := head[0], head[1], head[2], math.Float32frombits(head[3])
	// What a token weighs must be little beside what may not follow.
	if most := float64(scale) * 127 * float64(width); !(0 <= most && most < heaviest) {
		return fmt.Errorf("%w: a scale of %g", ErrFormat, scale)
	}
	if tags < 3 || tags > MaxTags || tags%2 == 0 || width == 0 || width > maxWidth || rows == 0 || rows > maxRows || rows&(rows-1) != 0 || scale-scale != 0 {
		return fmt.Errorf("%w: %d tags, %d features, %d rows", ErrFormat, tags, width, rows)
	}
	moves := int(tags+1) * int(tags)
	if len(b) != header+4*moves+int(rows)+int(rows*tags) {
		return fmt.Errorf("%w: %d rows in %d bytes", ErrFormat, rows, len(b))
	}
	*m = Model{tags: int(tags), width: int(width), mask: rows - 1, scale: scale, moves: make([]float32, moves)}
	for i := range m.moves {
		w := math.Float32frombits(binary.LittleEndian.Uint32(b[header+4*i:]))
		if ok := follows(i/m.tags, i%m.tags, m.tags); ok != (w > never) || !ok && w != never || ok && !(-heaviest < w && w < heaviest) {
			return fmt.Errorf("%w: a move that no tags make", ErrFormat)
		}
		m.moves[i] = w
	}
	b = b[header+4*moves:]
	m.mark = append([]byte(nil), b[:rows]...)
	m.rows = append([]byte(nil), b[rows:]...)
	m.ready()
	return nil
}
