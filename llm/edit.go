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

// AppendEscaped appends text as it must stand inside a JSON string. It escapes
// only what JSON demands, so plain text stays readable.
func AppendEscaped(dst []byte, s string) []byte {
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
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(dst, s[from:]...)
}

const hexDigits = "0123456789abcdef"
