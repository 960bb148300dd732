package dialect

import (
	"bytes"
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
	words    []byte // protocol words and short keys, judged together
	heard    string // words that were judged already, with the frame before
	answer   bool   // reading what a model wrote, not what a caller sent
	err      error
	fault    *Fault // of a value that is right JSON and still refused
}

var readers = sync.Pool{New: func() any { return new(reader) }}

func newReader(raw []byte) (*reader, error) {
	r := readers.Get().(*reader)
	r.path, r.words, r.heard, r.passages, r.edits, r.repaired, r.answer, r.err = r.path[:0], r.words[:0], "", nil, nil, 0, false, nil
	r.fault = nil
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

// maxPath bounds a path: every passage has its own.
const maxPath = 256

// in runs f with the key of member i, or the index of item i, on the path. Paths are
// recorded, so a key that the dialect does not know, which is the sender's own text,
// shows as a star.
func (r *reader) in(i, position int, f func()) {
	n := len(r.path)
	if node := r.nodes[i]; n > maxPath {
		// Deep down, the place is no longer told apart.
	} else if node.keyEnd > 0 {
		if n > 0 {
			r.path = append(r.path, '.')
		}
		if name := r.name(node); protocol[name] {
			r.path = append(r.path, name...)
		} else {
			r.path = append(r.path, '*')
		}
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
	r.nodes[i].seen = true
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
		if n.seen {
			return
		}
		if key := r.raw[n.keyStart:n.keyEnd]; len(key) > 10 && encrypted[string(key)] {
			r.opaque(i, "sealed", origin)
			return
		}
		if (r.answer || r.is(i, "type")) && token(r.raw[n.start:n.end], 16) {
			r.note(i)
			return
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

// encrypted are members that hold what a provider encrypted for itself.
var encrypted = set("encrypted_content encrypted_index encrypted_stdout")

// key adds the key of member i as a passage when it could say something.
func (r *reader) key(i int, origin llm.Origin) {
	n := r.nodes[i]
	if n.keyEnd == 0 || n.keySeen {
		return
	}
	r.nodes[i].keySeen = true
	if raw := r.raw[n.keyStart:n.keyEnd]; !n.keyEscaped && token(raw, 64) {
		if !protocol[string(raw)] {
			r.words = append(append(r.words, raw...), " | "...)
		}
		return
	}
	if n.keyEscaped && protocol[r.name(n)] {
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
	if n.kind == number || n.kind == literal {
		return
	}
	if n.kind == str && token(r.raw[n.start:n.end], 128) {
		r.note(i)
		return
	}
	r.unknown(i, position, llm.OriginUnknown)
}

// note keeps a protocol word, to be judged with the others: alone each is too short
// to say anything but a secret or one forbidden word. Words of the protocol itself
// say nothing.
func (r *reader) note(i int) {
	r.nodes[i].seen = true
	if raw := r.raw[r.nodes[i].start:r.nodes[i].end]; len(raw) > 0 && !protocol[string(raw)] {
		r.words = append(append(r.words, raw...), " | "...)
	}
}

// sweep makes passages of everything that nobody has read so far: a string where a
// list belongs, a key that carries a sentence. Whatever its shape, no text passes
// unjudged. The words are judged in one piece, which may be blocked but not edited.
func (r *reader) sweep() {
	r.path = r.path[:0]
	for i := range r.nodes {
		r.key(i, llm.OriginUnknown)
		if r.nodes[i].kind == str && !r.nodes[i].seen {
			p := r.passage(i, aside, llm.OriginUnknown)
			p.Whole, p.Path = true, "byte "+strconv.Itoa(int(r.nodes[i].start))
		}
	}
	if !r.answer {
		r.figures()
	}
	if text := string(r.words); text != "" && text != r.heard {
		r.passages = append(r.passages, llm.Passage{Channel: llm.Channel{Choice: -1, Kind: llm.KindName}, Origin: llm.OriginUnknown,
			Path: "(words)", Text: text, Whole: true, Map: llm.Nowhere(len(text))})
	}
}

// expect refuses a document in which protocol member i is neither of that kind nor
// null: servers disagree about what such a field means.
func (r *reader) expect(i int, k kind, what string) bool {
	if r.nodes[i].kind == k || r.isNull(i) {
		return r.nodes[i].kind == k
	}
	if r.err == nil {
		r.err = &SyntaxError{Offset: int(r.nodes[i].start), Reason: "something else where " + what + " belongs"}
	}
	return false
}

// count reads protocol member i, by its name, as a number of things. Budgets reckon with
// it, so one that they could read otherwise than the provider does, as 1e5, is refused.
func (r *reader) count(i int, name string) int {
	if !r.expect(i, number, "a number") {
		return 0
	}
	r.nodes[i].seen = true
	n, err := strconv.ParseUint(string(r.bytes(i)), 10, 31)
	if err != nil && r.fault == nil {
		r.fault = invalid(name, "The field "+name+" must be a whole number in plain digits; write it as 1024, without sign, point or exponent.")
	}
	return int(n)
}

// cover marks everything in node i as read: a passage shows it whole.
func (r *reader) cover(i int) {
	r.nodes[i].seen = true
	for j := i + 1; j < int(r.nodes[i].skip); j++ {
		r.nodes[j].seen, r.nodes[j].keySeen = true, true
	}
}

// input adds the input of a tool call that is an object of its own, not text in a
// string: its passage is the JSON, with the escapes of its strings decoded, as that of
// arguments which came as text.
func (r *reader) input(i int, ch llm.Channel, origin llm.Origin, name string) {
	n := r.nodes[i]
	if n.kind != object {
		r.strings(i, origin)
		return
	}
	ch.Kind = llm.KindArgs
	p := llm.Passage{Channel: ch, Origin: origin, Path: string(r.path), Name: name, Whole: !r.answer,
		Text: string(r.raw[n.start:n.end]), Map: llm.Verbatim(int(n.start))}
	if !r.answer {
		view, m := llm.Arguments(p.Text)
		p.Map = m.Within(p.Map)
		p.Text = r.repair(view, p.Map)
	}
	r.cover(i)
	r.passages = append(r.passages, p)
}

// keeps notes that a caller asks the provider to keep the conversation.
func (r *reader) keeps(i int, req *llm.Request) {
	if r.expect(i, literal, "true or false") && r.isTrue(i) {
		req.State = append(req.State, "store")
	}
}

// stored notes a file that the provider has: it kept what nobody here has seen.
func (r *reader) stored(i int, req *llm.Request) {
	if r.name(r.nodes[i]) == "file_id" && !r.off(i) {
		req.State = append(req.State, "file_id")
	}
}

// caches notes a wish that the provider keep the beginning of a conversation on its disks
// and not just in memory.
func (r *reader) caches(i int, req *llm.Request) {
	if how := r.text(i); how != "" && how != "in_memory" && how != "in-memory" {
		req.State = append(req.State, "prompt_cache_retention")
	}
}

// binary passes over string i when it is nothing but base64: as RFC 4648 has it in section
// 4, or a Fernet token, which is how one provider seals what it keeps for itself. A short
// one is a word like others, and judged with them.
func (r *reader) binary(i int) {
	if i < 0 || r.nodes[i].kind != str {
		return
	}
	b := r.raw[r.nodes[i].start:r.nodes[i].end]
	if head, data, ok := bytes.Cut(b, []byte(";base64,")); ok && bytes.HasPrefix(head, []byte("data:")) && token(head, 64) {
		r.words = append(append(r.words, head[len("data:"):]...), " | "...)
		b = data
	}
	if bytes.IndexByte(b, '\\') >= 0 {
		b = bytes.ReplaceAll(b, []byte(`\/`), []byte("/"))
	}
	if !isBase64(b) {
		return
	}
	if len(b) <= 128 && len(b) == int(r.nodes[i].end-r.nodes[i].start) {
		r.note(i)
		return
	}
	r.nodes[i].seen = true
}

func isBase64(b []byte) bool {
	sealed := len(b) > 128 && bytes.HasPrefix(b, []byte("gAAAA"))
	b = bytes.TrimRight(b, "=")
	for _, c := range b {
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || sealed && (c == '-' || c == '_')) {
			return false
		}
	}
	return true
}

// short passes over node i when it is a protocol word, on the path that leads to it
// already; what is not becomes a passage.
func (r *reader) short(i int) {
	n := r.nodes[i]
	if n.kind == str && token(r.raw[n.start:n.end], 128) {
		r.note(i)
		return
	}
	r.strings(i, llm.OriginUnknown)
}

// leftover adds what stands in node i unless it was read.
func (r *reader) leftover(i int) {
	if r.nodes[i].kind != str {
		r.strings(i, llm.OriginUnknown)
	} else if !r.nodes[i].seen {
		r.passage(i, aside, llm.OriginUnknown).Whole = true
	}
}

// opaque adds a passage for bytes that nobody here can read; what turns out to be text
// is judged as text.
func (r *reader) opaque(i int, what string, origin llm.Origin) {
	if r.isNull(i) {
		return
	}
	r.binary(i)
	r.unread(what, origin)
	r.leftover(i)
}

// unread adds a passage for something that cannot be read, at the present path.
func (r *reader) unread(what string, origin llm.Origin) {
	r.passages = append(r.passages, llm.Passage{
		Channel: llm.Channel{Choice: -1, Kind: llm.KindMedia}, Origin: origin, Path: string(r.path), MIME: what, Whole: true,
	})
}

// media adds a passage for what no detector can read.
func (r *reader) media(i, position int, what string, origin llm.Origin) {
	if i < 0 {
		return
	}
	r.binary(i)
	r.in(i, position, func() { r.unread(what, origin) })
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
