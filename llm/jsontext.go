package llm

import (
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// ErrString means that bytes are not the inside of a JSON string (RFC 8259
// section 7), or not UTF-8.
var ErrString = errors.New("llm: not a JSON string")

// Unquote decodes the inside of a JSON string that stands in raw[start:end],
// without its quotes, and maps the text back. A surrogate without its other half
// is kept as the three bytes that UTF-8 would use for it (WTF-8), so that halves
// in two frames can still meet; [Repair] replaces what stays alone. The text
// shares memory with raw when nothing is escaped: raw must not change.
func Unquote(raw []byte, start, end int) (string, Map, error) {
	inside := unsafe.String(unsafe.SliceData(raw), len(raw))[start:end]
	esc := strings.IndexByte(inside, '\\')
	if esc < 0 {
		if !plain(inside) {
			return "", Map{}, ErrString
		}
		return inside, Map{base: start, quoted: true}, nil
	}
	u := unquoter{in: inside, base: start, quoted: true}
	u.out.Grow(len(inside))
	if !u.string(0, len(inside)) {
		return "", Map{}, ErrString
	}
	u.mark(len(inside), false)
	return u.out.String(), Map{runs: u.runs}, nil
}

// plain reports whether s may stand inside a JSON string as it is.
func plain(s string) bool {
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] == '"' {
			return false
		}
		if s[i] >= utf8.RuneSelf {
			ascii = false
		}
	}
	return ascii || utf8.ValidString(s)
}

// unquoter decodes escapes and notes where the text breaks away from the raw.
type unquoter struct {
	in     string
	base   int
	out    strings.Builder
	runs   []run
	quoted bool
}

// mark starts a run at raw offset at of in.
func (u *unquoter) mark(at int, atom bool) {
	r := run{text: int32(u.out.Len()), raw: int32(u.base + at), atom: atom, quoted: u.quoted}
	if n := len(u.runs); n > 0 && u.runs[n-1].text == r.text {
		u.runs[n-1] = r // the run before holds no text
		return
	}
	u.runs = append(u.runs, r)
}

// string decodes in[i:end], the inside of one string.
func (u *unquoter) string(i, end int) bool {
	u.mark(i, false)
	for i < end {
		n := strings.IndexByte(u.in[i:end], '\\')
		if n < 0 {
			n = end - i
		}
		if n > 0 {
			if !plain(u.in[i : i+n]) {
				return false
			}
			u.mark(i, false)
			u.out.WriteString(u.in[i : i+n])
			i += n
			continue
		}
		u.mark(i, true)
		n = u.escape(u.in[i:end])
		if n == 0 {
			return false
		}
		i += n
	}
	return true
}

// escape writes what the escape at the start of s means and returns its length,
// or 0 when it means nothing.
func (u *unquoter) escape(s string) int {
	if len(s) < 2 {
		return 0
	}
	if s[1] == 'u' {
		return u.unicode(s)
	}
	i := strings.IndexByte(`"\/bfnrt`, s[1])
	if i < 0 {
		return 0
	}
	u.out.WriteByte("\"\\/\b\f\n\r\t"[i])
	return 2
}

func (u *unquoter) unicode(s string) int {
	r, ok := hex4(s)
	if !ok {
		return 0
	}
	if utf16.IsSurrogate(r) {
		if low, ok := hex4(s[6:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				u.out.WriteRune(pair)
				return 12
			}
		}
		u.out.WriteString(wtf8(r))
		return 6
	}
	u.out.WriteRune(r)
	return 6
}

// hex4 reads the code unit of the \u escape at the start of s.
func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for i := 2; i < 6; i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func wtf8(r rune) string {
	return string([]byte{0xE0 | byte(r>>12), 0x80 | byte(r>>6)&0x3F, 0x80 | byte(r)&0x3F})
}

// surrogate returns the surrogate whose three bytes stand at the start of s, or 0.
func surrogate(s string) rune {
	if len(s) < 3 || s[0] != 0xED || s[1] < 0xA0 {
		return 0
	}
	return rune(s[0]&0x0F)<<12 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F)
}

// Repair replaces every surrogate that stands alone by U+FFFD, which is as long,
// and returns where they were.
func Repair(text string) (string, []int) {
	var at []int
	for i := strings.IndexByte(text, 0xED); i >= 0; {
		if surrogate(text[i:]) != 0 {
			at = append(at, i)
		}
		n := strings.IndexByte(text[i+1:], 0xED)
		if n < 0 {
			break
		}
		i += 1 + n
	}
	if at == nil {
		return text, nil
	}
	b := []byte(text)
	for _, i := range at {
		copy(b[i:], "\uFFFD")
	}
	return string(b), at
}

// Arguments returns the view of a tool call's arguments that scanners judge: the
// JSON text with the escapes inside its strings decoded, so that no spelling
// hides a word. Its map leads back to the arguments and allows edits inside the
// strings only. Text that does not begin as JSON does is its own view: tools of a free
// form take a script or a patch.
//
// An answer that was cut off ends in the middle of a string, and programs mend what models
// write wrongly: so escapes are decoded wherever they stand, and what means nothing is
// itself.
func Arguments(args string) (string, Map) {
	u := unquoter{in: args}
	begin := strings.TrimLeft(args, " \t\r\n")
	jsonish := begin != "" && strings.Contains(`{["`, begin[:1]) || strings.Contains(args, `\u`) // perhaps behind a fence
	if !jsonish || !strings.Contains(args, `\`) && !strings.Contains(args, `"`) {
		return args, Map{}
	}
	u.out.Grow(len(args))
	for i := 0; i < len(args); {
		n := strings.IndexByte(args[i:], '"') + 1
		if n == 0 {
			n = len(args) - i
		}
		u.quoted = false
		u.loosely(i, i+n)
		if i += n; i == len(args) {
			break
		}
		end := closing(args, i)
		if end < 0 {
			end = len(args)
		}
		u.quoted = true
		u.loosely(i, end)
		if i = end; i < len(args) {
			u.quoted = false
			u.mark(i, false)
			u.out.WriteByte('"')
			i++
		}
	}
	u.mark(len(args), false)
	return u.out.String(), Map{runs: u.runs}
}

// loosely decodes the escapes in in[i:end] that mean something.
func (u *unquoter) loosely(i, end int) {
	u.mark(i, false)
	for i < end {
		n := strings.IndexByte(u.in[i:end], '\\')
		if n < 0 {
			n = end - i
		}
		if n > 0 {
			u.mark(i, false)
			u.out.WriteString(u.in[i : i+n])
			i += n
			continue
		}
		u.mark(i, true)
		if n = u.escape(u.in[i:end]); n == 0 {
			u.mark(i, false)
			u.out.WriteByte('\\')
			n = 1
		}
		i += n
	}
}

// closing returns where the string whose inside starts at i ends, or -1.
func closing(s string, i int) int {
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// Within returns m seen through outer: m leads to a text that outer maps on.
func (m Map) Within(outer Map) Map {
	m.outer = &outer
	return m
}
