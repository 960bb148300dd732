package dialect

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/llm"
)

// reader turns a document into passages. Paths are written only when a passage
// is made, from the stack of keys that leads to it.
type reader struct {
	document
	path     []byte
	passages []llm.Passage
	edits    []llm.Edit
	repaired int
	answer   bool // reading what a model wrote, not what a caller sent
	err      error
}

var readers = sync.Pool{New: func() any { return new(reader) }}

func newReader(raw []byte) (*reader, error) {
	r := readers.Get().(*reader)
	r.path, r.passages, r.edits, r.repaired, r.answer, r.err = r.path[:0], nil, nil, 0, false, nil
	if err := r.parse(raw); err != nil {
		r.release()
		return nil, err
	}
	// Room at once: a slice that grows to many thousands costs five times as much.
	n := 0
	for i := range r.nodes {
		if r.nodes[i].kind == str {
			n++
		}
	}
	if n > 64 {
		r.passages = make([]llm.Passage, 0, n)
	}
	return r, nil
}

func (r *reader) release() {
	r.raw = nil
	if cap(r.nodes) <= 64<<10 {
		readers.Put(r)
	}
}

// in runs f with the key of member i, or the index of item i, on the path.
func (r *reader) in(i, position int, f func()) {
	n := len(r.path)
	if node := r.nodes[i]; node.keyEnd > 0 {
		if n > 0 {
			r.path = append(r.path, '.')
		}
		r.path = append(r.path, r.name(node)...)
	} else {
		r.path = append(r.path, '[')
		r.path = strconv.AppendInt(r.path, int64(position), 10)
		r.path = append(r.path, ']')
	}
	f()
	r.path = r.path[:n]
}

// passage adds string i as a passage and returns it.
func (r *reader) passage(i int, ch llm.Channel, origin llm.Origin) *llm.Passage {
	text, m, err := llm.Unquote(r.raw, int(r.nodes[i].start), int(r.nodes[i].end))
	if err != nil && r.err == nil {
		r.err = err
	}
	if !r.answer {
		text = r.repair(text, m)
	}
	r.passages = append(r.passages, llm.Passage{
		Channel: ch, Origin: origin, Path: string(r.path), Text: text, Whole: !r.answer, Map: m,
	})
	return &r.passages[len(r.passages)-1]
}

// repair splices half characters to U+FFFD: editors that cut a string in
// mid-emoji send them, and a history repeats them.
func (r *reader) repair(text string, m llm.Map) string {
	if strings.IndexByte(text, 0xED) < 0 {
		return text
	}
	fixed, at := llm.Repair(text)
	if r.repaired+len(at) > maxRepairs && r.err == nil {
		from, _ := m.Raw(at[0], at[0])
		r.err = &SyntaxError{Offset: from, Reason: "too many half characters"}
	}
	if r.err != nil {
		return fixed
	}
	for _, i := range at {
		e, err := m.Edit(i, i+3, string(utf8.RuneError), Repairer)
		if err != nil {
			r.err = err
			continue
		}
		r.edits = append(r.edits, e)
	}
	r.repaired += len(at)
	return fixed
}

// maxRepairs bounds the half characters of one request: each costs an edit, and an
// editor makes one at a time.
const maxRepairs = 10_000

// Repairer names the edits that replace half characters.
const Repairer = "gate/lone_surrogate"

// arguments adds the arguments of a tool call: JSON inside a JSON string.
func (r *reader) arguments(i int, ch llm.Channel, origin llm.Origin, name string) {
	ch.Kind = llm.KindArgs
	if i < 0 || r.nodes[i].kind != str {
		r.unknown(i, 0, origin)
		return
	}
	p := r.passage(i, ch, origin)
	p.Name = name
	if !r.answer {
		view, m := llm.Arguments(p.Text)
		p.Text, p.Map = view, m.Within(p.Map)
	}
}

// aside is the channel of texts that are no part of what is said: each stands by
// itself.
var aside = llm.Channel{Choice: -1}

// unknown adds every string below member or item i, and every long key: nobody
// knows what a model makes of them.
func (r *reader) unknown(i, position int, origin llm.Origin) {
	if i < 0 {
		return
	}
	r.in(i, position, func() { r.strings(i, origin) })
}

func (r *reader) strings(i int, origin llm.Origin) {
	n := r.nodes[i]
	switch n.kind {
	case str:
		if (r.answer || r.is(i, "type")) && token(r.raw[n.start:n.end], 16) {
			return // an enumeration: it can say nothing
		}
		p := r.passage(i, aside, origin)
		p.Whole = true
	case object, array:
		r.each(i, func(c, at int) {
			r.key(c, origin)
			r.unknown(c, at, origin)
		})
	}
}

// key adds the key of member i as a passage when it could say something.
func (r *reader) key(i int, origin llm.Origin) {
	n := r.nodes[i]
	if n.keyEnd == 0 || !n.keyEscaped && token(r.raw[n.keyStart:n.keyEnd], 64) {
		return
	}
	text, m, err := llm.Unquote(r.raw, int(n.keyStart), int(n.keyEnd))
	if err != nil && r.err == nil {
		r.err = err
	}
	r.passages = append(r.passages, llm.Passage{
		Channel: llm.Channel{Choice: -1, Kind: llm.KindName}, Origin: origin, Path: string(r.path) + ".(key)", Text: text, Whole: true, Map: m,
	})
}

// token reports whether b is a short protocol word: an id, an enumeration.
func token(b []byte, most int) bool {
	if len(b) > most {
		return false
	}
	for _, c := range b {
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' || c == ':' || c == '/') {
			return false
		}
	}
	return true
}

// word passes over member i when it is a protocol word, and adds it as unknown
// text when it is not.
func (r *reader) word(i, position int) {
	n := r.nodes[i]
	if n.kind == str && token(r.raw[n.start:n.end], 128) || n.kind == number || n.kind == literal {
		return
	}
	r.unknown(i, position, llm.OriginUnknown)
}

// media adds a passage for what no detector can read.
func (r *reader) media(i, position int, what string, origin llm.Origin) {
	if i < 0 {
		return
	}
	r.in(i, position, func() {
		r.passages = append(r.passages, llm.Passage{
			Channel: llm.Channel{Choice: -1, Kind: llm.KindMedia}, Origin: origin, Path: string(r.path), MIME: what, Whole: true,
		})
	})
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// strict refuses case-variants of known keys in protocol object i.
func (r *reader) strict(i int, known map[string]bool) {
	if r.nodes[i].kind != object || r.err != nil {
		return
	}
	if k := r.variant(i, known); k != "" {
		r.err = &SyntaxError{Offset: int(r.nodes[i].start), Reason: fmt.Sprintf("a key that differs from %q in case only", k)}
	}
}

// texts adds member i as text of a kind; what is not a string is unknown.
func (r *reader) texts(i, at int, k llm.Kind, origin llm.Origin) {
	if r.nodes[i].kind != str {
		r.unknown(i, at, origin)
		return
	}
	r.in(i, at, func() { r.passage(i, llm.Channel{Kind: k}, origin) })
}

// named adds a name; names are text that a model reads.
func (r *reader) named(i, at int, origin llm.Origin) { r.texts(i, at, llm.KindName, origin) }

// rest adds what stands in member i beside the keys that were read.
func (r *reader) rest(i, at int, read ...string) {
	if r.nodes[i].kind != object {
		return
	}
	r.in(i, at, func() {
		r.each(i, func(m, n int) {
			for _, k := range read {
				if r.is(m, k) {
					return
				}
			}
			r.word(m, n)
		})
	})
}

// called reads name and arguments of a call; custom tools take an input that is
// plain text.
func (r *reader) called(f int, ch llm.Channel) {
	r.strict(f, functionKeys)
	if r.nodes[f].kind != object {
		r.strings(f, llm.OriginModel)
		return
	}
	name := r.text(r.get(f, "name"))
	r.each(f, func(i, at int) {
		switch r.name(r.nodes[i]) {
		case "name":
			if r.answer {
				r.word(i, at)
			} else {
				r.named(i, at, llm.OriginModel)
			}
		case "arguments", "input":
			r.in(i, at, func() { r.arguments(i, ch, llm.OriginModel, name) })
		default:
			r.key(i, llm.OriginModel)
			r.unknown(i, at, llm.OriginModel)
		}
	})
}
