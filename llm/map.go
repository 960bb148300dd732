package llm

import (
	"encoding/base64"
	"sort"
)

// Map leads from offsets in a passage's Text to offsets in the raw bytes, and
// turns a change of the text into an [Edit] that is escaped for its place. Maps
// nest: the strings inside a tool call's arguments are mapped to the arguments,
// and those to the frame. The zero Map is the identity, in plain bytes.
type Map struct {
	outer  *Map  // where the raw bytes of this map are themselves text; nil: the wire
	runs   []run // empty: byte for byte; else ends with a run that marks the end
	base   int   // raw offset of Text[0] when runs is empty
	quoted bool  // runs is empty: the text lies in a JSON string
	base64 bool  // raw is the base64 of plain
	plain  string

	nowhere bool // the text has no place of its own
}

// run is a stretch of text that ends where the next run starts.
type run struct {
	text, raw int32
	atom      bool // one escape: no offset inside it has a place of its own
	quoted    bool // in a JSON string; what is not may not be edited
}

// Nowhere is the map of a text of n bytes that has no place of its own: no edit of it
// can be made.
func Nowhere(n int) Map { return Map{runs: []run{{}, {text: int32(n)}}, nowhere: true} }

// Verbatim is the map of a text that stands at raw offset base as it is, in no string.
func Verbatim(base int) Map { return Map{base: base} }

// Raw returns the raw range of Text[start:end] on the wire. An offset inside an
// escape widens to the whole escape.
func (m *Map) Raw(start, end int) (int, int) {
	s, e := m.near(start, end)
	if m.outer != nil {
		return m.outer.Raw(s, e)
	}
	return s, e
}

func (m *Map) near(start, end int) (int, int) {
	switch {
	case m.base64:
		return m.base + start/3*4, m.base + (end+2)/3*4
	case len(m.runs) == 0:
		return m.base + start, m.base + end
	}
	i := m.run(start)
	s := int(m.runs[i].raw)
	if !m.runs[i].atom {
		s += start - int(m.runs[i].text)
	}
	if start == end {
		return s, s
	}
	j := m.run(end - 1)
	if m.runs[j].atom {
		return s, int(m.runs[j+1].raw)
	}
	return s, int(m.runs[j].raw) + end - int(m.runs[j].text)
}

// run returns the index of the run that holds the byte at off; an offset at the
// end belongs to the end mark.
func (m *Map) run(off int) int {
	return sort.Search(len(m.runs), func(i int) bool { return int(m.runs[i].text) > off }) - 1
}

// Edit returns the edit on the wire that puts text in the place of
// Text[start:end]. It is [ErrStructure] when that range is not inside one string.
func (m *Map) Edit(start, end int, text, by string) (Edit, error) {
	s, e := m.near(start, end)
	quoted := m.quoted
	if m.base64 {
		text = m.reencode(start, end, text)
		quoted = false
	} else if len(m.runs) > 0 {
		if quoted = m.within(start, end); !quoted {
			return Edit{}, ErrStructure
		}
	}
	if quoted {
		text = string(AppendEscaped(nil, text))
	}
	if m.outer != nil {
		return m.outer.Edit(s, e, text, by)
	}
	return Edit{Start: s, End: e, New: []byte(text), By: by}, nil
}

// within reports whether Text[start:end] lies in one string. An insertion may
// stand at either end of one.
func (m *Map) within(start, end int) bool {
	if start == end {
		return m.runs[m.run(start)].quoted || start > 0 && m.runs[m.run(start-1)].quoted
	}
	for i := m.run(start); i <= m.run(end-1); i++ {
		if !m.runs[i].quoted {
			return false
		}
	}
	return true
}

// reencode returns the base64 groups that take the place of those that
// plain[start:end] touches. Blanks fill the last group up, so that nothing after
// it moves.
func (m *Map) reencode(start, end int, text string) string {
	from, to := start/3*3, min((end+2)/3*3, len(m.plain))
	b := m.plain[from:start] + text
	tail := m.plain[end:to]
	if to < len(m.plain) {
		for (len(b)+len(tail))%3 != 0 {
			b += " "
		}
	}
	return base64.StdEncoding.EncodeToString([]byte(b + tail))
}

// Base64 returns the map of plain, whose base64 stands at base of the text that
// outer maps.
func Base64(plain string, base int, outer Map) Map {
	return Map{outer: &outer, base64: true, plain: plain, base: base}
}
