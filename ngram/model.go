package ngram

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Model is a table of weights of one byte each, for one question. It never changes and is
// safe for concurrent use.
type Model struct {
	table []int8
	mask  uint32
	bias  float32
	scale float32
}

func (m *Model) weight(id uint32) float32 { return float32(m.table[id&m.mask]) * m.scale }

// Score returns the log-odds of a window.
func (m *Model) Score(ids []uint32, values []float32) float32 {
	var s float32
	for i, id := range ids {
		s += float32(float32(m.table[id&m.mask]) * values[i])
	}
	return m.bias + float32(s*m.scale)
}

// magic begins every model on disk; its last byte is the version of the features.
const magic = "bzng\x00\x00\x00\x01"

// ErrFormat means that bytes are not a model that this version can read.
var ErrFormat = errors.New("ngram: not a model of this version")

// AppendBinary appends the model as it lies on disk: magic, bits, bias, scale, weights.
func (m *Model) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.table)))
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(m.bias))
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(m.scale))
	for _, w := range m.table {
		b = append(b, byte(w))
	}
	return b, nil
}

const header = len(magic) + 12

// maxTable bounds a table that is read.
const maxTable = 1 << 24

// UnmarshalBinary reads a model.
func (m *Model) UnmarshalBinary(b []byte) error {
	if len(b) < header || string(b[:len(magic)]) != magic {
		return ErrFormat
	}
	n := binary.LittleEndian.Uint32(b[len(magic):])
	if n == 0 || n > maxTable || n&(n-1) != 0 || len(b) != header+int(n) {
		return fmt.Errorf("%w: a table of %d weights in %d bytes", ErrFormat, n, len(b))
	}
	bias, scale := math.Float32frombits(binary.LittleEndian.Uint32(b[len(magic)+4:])), math.Float32frombits(binary.LittleEndian.Uint32(b[len(magic)+8:]))
	if !finite(bias) || !finite(scale) {
		return fmt.Errorf("%w: bias or scale is not a number", ErrFormat)
	}
	m.table, m.mask, m.bias, m.scale = make([]int8, n), n-1, bias, scale
	for i, w := range b[header:] {
		m.table[i] = int8(w)
	}
	return nil
}

func finite(f float32) bool { return f-f == 0 }
