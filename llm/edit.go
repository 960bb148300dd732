package llm

import (
	"errors"
	"fmt"
	"slices"
)

// ErrOverlap means that two edits want the same bytes.
var ErrOverlap = errors.New("llm: overlapping edits")

// ErrStructure means that an edit would reach out of the string it was asked
// for, into the JSON around it.
var ErrStructure = errors.New("llm: edit reaches into the structure around the text")

// Splice returns raw with the edits applied, or raw itself when there are none.
// Edits may come in any order; those that overlap or lie outside raw are an
// error. Two insertions at one place keep their order.
func Splice(raw []byte, edits []Edit) ([]byte, error) {
	if len(edits) == 0 {
		return raw, nil
	}
	if !slices.IsSortedFunc(edits, byStart) {
		edits = slices.Clone(edits)
		slices.SortStableFunc(edits, byStart)
	}
	size, at := len(raw), 0
	for _, e := range edits {
		if e.Start < at {
			return nil, fmt.Errorf("%w: by %s at %d", ErrOverlap, e.By, e.Start)
		}
		if e.End < e.Start || e.End > len(raw) {
			return nil, fmt.Errorf("llm: edit by %s of [%d,%d) lies outside %d bytes", e.By, e.Start, e.End, len(raw))
		}
		size += len(e.New) - (e.End - e.Start)
		at = e.End
	}
	out := make([]byte, 0, size)
	at = 0
	for _, e := range edits {
		out = append(out, raw[at:e.Start]...)
		out = append(out, e.New...)
		at = e.End
	}
	return append(out, raw[at:]...), nil
}

func byStart(a, b Edit) int { return a.Start - b.Start }

// Map leads from offsets in a passage's Text to offsets in the raw bytes. It
// knows how many layers of JSON string each part lies in, so that an edit comes
// out escaped for its place. The zero Map is the identity, in plain bytes.
type Map struct {
	runs   []run // at least two when not the identity; the last is the end
	base   int   // raw offset of Text[0] when runs is empty
	layers uint8
	nested bool // text lies inside JSON that lies inside a string: only the strings may be edited
}

// run is a stretch of text: byte for byte the same in raw, or one escape.
type run struct {
	text, raw int32
	layers    uint8
	atom      bool // an escape: no offset inside it has a place of its own
}

// Linear returns the map of a text that stands in raw at base as it is, inside
// the given number of JSON strings.
func Linear(base, layers int) Map { return Map{base: base, layers: uint8(layers)} }

// Raw returns the raw range of Text[start:end]. An offset inside an escape
// widens to the whole escape.
func (m *Map) Raw(start, end int) (int, int) {
	if len(m.runs) == 0 {
		return m.base + start, m.base + end
	}
	if start == end {
		at := m.at(start, false)
		return at, at
	}
	return m.at(start, false), m.at(end, true)
}

func (m *Map) at(off int, isEnd bool) int {
	i := m.find(off, isEnd)
	r := m.runs[i]
	if off == int(r.text) && !isEnd {
		return int(r.raw)
	}
	if r.atom {
		return int(m.runs[i+1].raw)
	}
	return int(r.raw) + off - int(r.text)
}

// find returns the run that holds byte off, or, for an end, byte off-1.
func (m *Map) find(off int, isEnd bool) int {
	if isEnd {
		off--
	}
	i, ok := slices.BinarySearchFunc(m.runs, off, func(r run, o int) int { return int(r.text) - o })
	if ok {
		// Runs of no text (an escaped quote of the structure) share an offset:
		// take the last of them, which holds the byte.
		for i+1 < len(m.runs) && int(m.runs[i+1].text) == off {
			i++
		}
		return i
	}
	return i - 1
}

// Edit returns the raw edit that puts text in the place of Text[start:end],
// escaped once for each layer of JSON that it lies in.
func (m *Map) Edit(start, end int, text, by string) (Edit, error) {
	layers := m.layers
	if len(m.runs) > 0 {
		last := start
		if end > start {
			last = end - 1
		}
		first := m.find(start, false)
		layers = m.runs[first].layers
		for i := first; i < len(m.runs)-1 && int(m.runs[i].text) <= last; i++ {
			if m.runs[i].layers != layers {
				return Edit{}, ErrStructure
			}
		}
		if m.nested && layers <= m.layers {
			return Edit{}, ErrStructure
		}
	}
	s, e := m.Raw(start, end)
	return Edit{Start: s, End: e, New: AppendEscaped(nil, text, int(layers)), By: by}, nil
}

// AppendEscaped appends text as it must stand inside that many JSON strings.
// It escapes only what JSON demands, so plain text stays readable.
func AppendEscaped(dst []byte, text string, layers int) []byte {
	if layers == 0 {
		return append(dst, text...)
	}
	for range layers - 1 {
		text = string(appendJSON(nil, text))
	}
	return appendJSON(dst, text)
}

const hex = "0123456789abcdef"

func appendJSON(dst []byte, s string) []byte {
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(dst, s[from:]...)
}
