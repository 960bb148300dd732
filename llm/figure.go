package llm

import (
	"errors"
	"strings"
)

// Numbers of JSON stand outside strings, where nothing may be edited but they themselves: a
// number may take the place of a number.

// Member is the map of a text that ends with a number of JSON, which stands at raw[start:end] in
// no string and has n bytes; what is before it in the text is its key, at raw offset key.
func Member(text, n, key, start, end int) Map {
	return Map{runs: []run{{raw: int32(key)}, {text: int32(text - n), raw: int32(start)}, {text: int32(text), raw: int32(end)}}}
}

// Quoted reports whether text may take the place of Text[start:end]: whether it lies in one
// string, or in text that is no JSON.
func (m *Map) Quoted(start, end int) bool {
	return m.base64 || len(m.runs) == 0 || m.within(start, end)
}

// String returns the string that Text[at] lies in, as offsets of Text; ok is false where it lies
// in none, or in a text that is none of JSON.
func (m *Map) String(at int) (start, end int, ok bool) {
	if m == nil || len(m.runs) == 0 {
		return 0, 0, false
	}
	i := m.run(at)
	if !m.runs[i].quoted {
		return 0, 0, false
	}
	from, to := i, i+1
	for from > 0 && m.runs[from-1].quoted {
		from--
	}
	for to < len(m.runs)-1 && m.runs[to].quoted {
		to++
	}
	return int(m.runs[from].text), int(m.runs[to].text), true
}

// EditIn is [Map.Edit] of a text whose structure may be edited in one way: a number that stands
// there by itself may become another one.
func (m *Map) EditIn(text string, start, end int, new, by string) (Edit, error) {
	e, err := m.Edit(start, end, new, by)
	if !errors.Is(err, ErrStructure) || m.Quoted(start, end) || !m.placed() || !IsNumber(new) || !Figure(text, start, end) {
		return e, err
	}
	from, to := m.Raw(start, end)
	return Edit{Start: from, End: to, New: []byte(new), By: by}, nil
}

// placed reports whether the text has a place on the wire.
func (m *Map) placed() bool {
	for ; m != nil; m = m.outer {
		if m.nowhere {
			return false
		}
	}
	return true
}

// Figure reports whether text[start:end] is a number that stands where a value of JSON may, with
// nothing of it left out. Whether that is inside a string, the text around it does not say.
func Figure(text string, start, end int) bool {
	if !IsNumber(text[start:end]) {
		return false
	}
	before := strings.TrimRight(text[max(0, start-maxBlanks):start], blanks)
	after := strings.TrimLeft(text[end:min(len(text), end+maxBlanks)], blanks)
	return (before == "" && start == 0 || before != "" && strings.IndexByte(":[,", before[len(before)-1]) >= 0) &&
		(after == "" && end == len(text) || after != "" && strings.IndexByte(",]}", after[0]) >= 0)
}

const (
	blanks    = " \t\r\n"
	maxBlanks = 256 // between a number and the mark before or behind it
)

// IsNumber reports whether s is a number as JSON writes it (RFC 8259 section 6).
func IsNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole := digits(s)
	if whole == 0 || whole > 1 && s[0] == '0' {
		return false
	}
	if s = s[whole:]; s != "" && s[0] == '.' {
		n := digits(s[1:])
		if n == 0 {
			return false
		}
		s = s[1+n:]
	}
	if s != "" && s[0]|0x20 == 'e' {
		if s = s[1:]; s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		n := digits(s)
		return n > 0 && n == len(s)
	}
	return s == ""
}

// digits returns how many digits s begins with.
func digits(s string) (n int) {
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// StructureError says whose change would have reached into the structure around a text.
type StructureError struct {
	By  string // who asked for it
	Err error
}

func (e *StructureError) Error() string { return e.Err.Error() }

func (e *StructureError) Unwrap() error { return e.Err }
