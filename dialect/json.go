package dialect

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/llm"
)

// Bounds of one JSON document. Real coding agents send some thousand values.
const (
	maxDepth  = 128
	maxValues = 200_000
)

// SyntaxError says where a document stops being strict JSON, and why. It never
// quotes the document.
type SyntaxError struct {
	Offset int
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset)
}

type kind uint8

const (
	object kind = iota
	array
	str
	number
	literal // true, false, null
)

// node is one value. Nodes lie in document order: the first child of a container
// follows it, and skip leads to its next sibling.
type node struct {
	start, end       int32 // of the value; of a string: inside its quotes
	keyStart, keyEnd int32 // inside the quotes; equal and 0 for items of an array
	skip             int32
	kind             kind
	keyEscaped       bool
	seen, keySeen    bool // a reader has made something of it
}

// document is one strict pass over JSON (RFC 8259) that keeps every byte where it
// is. It refuses what parsers are known to read differently: repeated keys,
// invalid UTF-8, a byte order mark, text after the value, nesting deeper than 128.
type document struct {
	raw   []byte
	nodes []node
	pos   int
	err   *SyntaxError
}

// parse reads raw into d, reusing its memory.
func (d *document) parse(raw []byte) error {
	d.raw, d.nodes, d.pos, d.err = raw, d.nodes[:0], 0, nil
	if len(raw) > math.MaxInt32 {
		d.fail("the document is too long")
		return d.err
	}
	d.space()
	d.value(0, node{})
	d.space()
	if d.err == nil && d.pos < len(raw) {
		d.fail("text after the JSON value")
	}
	if d.err != nil {
		return d.err
	}
	return nil
}

func (d *document) fail(reason string) {
	if d.err == nil {
		d.err = &SyntaxError{Offset: d.pos, Reason: reason}
	}
}

func (d *document) space() {
	for d.pos < len(d.raw) {
		switch d.raw[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

func (d *document) peek() byte {
	if d.pos < len(d.raw) {
		return d.raw[d.pos]
	}
	return 0
}

// value reads one value; n brings its key.
func (d *document) value(depth int, n node) {
	if len(d.nodes) >= maxValues {
		d.fail("too many values")
		return
	}
	if depth > maxDepth {
		d.fail("nesting deeper than 128")
		return
	}
	at := len(d.nodes)
	n.start = int32(d.pos)
	d.nodes = append(d.nodes, n)
	k := literal
	switch c := d.peek(); {
	case c == '{':
		k = object
		d.object(depth, at)
	case c == '[':
		k = array
		d.array(depth)
	case c == '"':
		k = str
		d.nodes[at].start++
		d.string()
	case c == '-' || c >= '0' && c <= '9':
		k = number
		d.number()
	default:
		d.literal()
	}
	d.nodes[at].kind = k
	d.nodes[at].end = int32(d.pos)
	if k == str {
		d.nodes[at].end--
	}
	d.nodes[at].skip = int32(len(d.nodes))
}

func (d *document) literal() {
	for _, l := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(string(d.raw[d.pos:min(len(d.raw), d.pos+5)]), l) {
			d.pos += len(l)
			return
		}
	}
	d.fail("not a JSON value")
}

func (d *document) array(depth int) {
	d.pos++
	d.space()
	if d.peek() == ']' {
		d.pos++
		return
	}
	if d.numbers() {
		return
	}
	for d.err == nil {
		d.space()
		d.value(depth+1, node{})
		d.space()
		switch d.peek() {
		case ',':
			d.pos++
		case ']':
			d.pos++
			return
		default:
			d.fail("a comma or the end of a list is missing")
		}
	}
}

// numbers passes over a list of nothing but short numbers. Vectors have thousands of them, and
// none says anything: they get no nodes. Where something else follows, it begins anew.
func (d *document) numbers() bool {
	from := d.pos
	for c := d.peek(); d.err == nil && (c == '-' || c >= '0' && c <= '9'); c = d.peek() {
		at := d.pos
		if d.number(); figure(d.raw[at:d.pos]) {
			break
		}
		d.space()
		switch d.peek() {
		case ',':
			d.pos++
			d.space()
			continue
		case ']':
			d.pos++
			return true
		}
		break
	}
	if d.err == nil {
		d.pos = from
	}
	return false
}

// figure reports whether a number is long enough to be what somebody is known by: seven digits
// or more, before any point. Ids of tokens and what is counted have fewer.
func figure(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte("-"))
	return len(b) >= minFigure && len(bytes.TrimLeft(b[:minFigure], "0123456789")) == 0
}

const minFigure = 7

// vector reports whether array i holds numbers and nothing else.
func (d *document) vector(i int) bool {
	n := d.nodes[i]
	if n.kind != array {
		return false
	}
	if int(n.skip) > i+1 {
		return !slices.ContainsFunc(d.nodes[i+1:n.skip], func(n node) bool { return n.kind != number })
	}
	inside := bytes.TrimSpace(d.raw[n.start+1 : n.end-1])
	return len(inside) > 0
}

func (d *document) object(depth, at int) {
	d.pos++
	d.space()
	if d.peek() == '}' {
		d.pos++
		return
	}
	var seen map[string]bool
	for count := 0; d.err == nil; count++ {
		d.space()
		if d.peek() != '"' {
			d.fail("a key is missing")
			return
		}
		var n node
		n.keyStart = int32(d.pos + 1)
		n.keyEscaped = d.string()
		n.keyEnd = int32(d.pos - 1)
		if d.err != nil {
			return
		}
		if seen = d.unique(seen, n, at, count); d.err != nil {
			return
		}
		d.space()
		if d.peek() != ':' {
			d.fail("a colon is missing")
			return
		}
		d.pos++
		d.space()
		d.value(depth+1, n)
		d.space()
		switch d.peek() {
		case ',':
			d.pos++
		case '}':
			d.pos++
			return
		default:
			d.fail("a comma or the end of an object is missing")
		}
	}
}

// unique refuses a key that the object at has already. Small objects compare,
// large ones use a set, so that a million keys cost no more than they should.
func (d *document) unique(seen map[string]bool, n node, at, count int) map[string]bool {
	key := d.name(n)
	if strings.IndexByte(key, 0xED) >= 0 {
		if _, lone := llm.Repair(key); lone != nil {
			d.fail("a key with half a character")
		}
	}
	if count < 12 {
		for i := at + 1; i < len(d.nodes); i = int(d.nodes[i].skip) {
			if d.name(d.nodes[i]) == key {
				d.fail("a repeated key")
				return nil
			}
		}
		return nil
	}
	if seen == nil {
		seen = make(map[string]bool, 32)
		for i := at + 1; i < len(d.nodes); i = int(d.nodes[i].skip) {
			seen[d.name(d.nodes[i])] = true
		}
	}
	if seen[key] {
		d.fail("a repeated key")
	}
	seen[key] = true
	return seen
}

// string reads a string and reports whether it holds escapes.
func (d *document) string() bool {
	escaped, ascii := false, true
	from := d.pos
	for d.pos++; d.pos < len(d.raw); d.pos++ {
		switch c := d.raw[d.pos]; {
		case c == '"':
			d.pos++
			if !ascii && !utf8.Valid(d.raw[from:d.pos]) {
				d.fail("text that is not UTF-8")
			}
			return escaped
		case c == '\\':
			escaped = true
			if !d.escape() {
				d.fail("an escape that means nothing")
				return false
			}
		case c < 0x20:
			d.fail("a control character inside a string")
			return false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	d.fail("a string without an end")
	return false
}

// escape steps onto the last byte of an escape.
func (d *document) escape() bool {
	d.pos++
	switch d.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			d.pos++
			c := d.peek()
			if !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f') {
				return false
			}
		}
		return true
	}
	return false
}

func (d *document) digits() bool {
	from := d.pos
	for d.peek() >= '0' && d.peek() <= '9' {
		d.pos++
	}
	return d.pos > from
}

func (d *document) number() {
	if d.peek() == '-' {
		d.pos++
	}
	zero := d.peek() == '0'
	from := d.pos
	ok := d.digits() && (!zero || d.pos == from+1)
	if ok && d.peek() == '.' {
		d.pos++
		ok = d.digits()
	}
	if ok && d.peek()|0x20 == 'e' {
		d.pos++
		if d.peek() == '+' || d.peek() == '-' {
			d.pos++
		}
		ok = d.digits()
	}
	if !ok {
		d.fail("not a JSON number")
	}
}

// name returns the key of a node, escapes decoded.
func (d *document) name(n node) string {
	if !n.keyEscaped {
		return string(d.raw[n.keyStart:n.keyEnd])
	}
	s, _, _ := llm.Unquote(d.raw, int(n.keyStart), int(n.keyEnd))
	return s
}

// is reports whether the key of node i is key, without allocating.
func (d *document) is(i int, key string) bool {
	n := d.nodes[i]
	if n.keyEscaped {
		return d.name(n) == key
	}
	return string(d.raw[n.keyStart:n.keyEnd]) == key
}

// each calls f with every child of container i, and its position.
func (d *document) each(i int, f func(child, position int)) {
	position := 0
	for c := i + 1; c < int(d.nodes[i].skip); c = int(d.nodes[c].skip) {
		f(c, position)
		position++
	}
}

// get returns the member of object i with that key, or -1.
func (d *document) get(i int, key string) int {
	if i < 0 || d.nodes[i].kind != object {
		return -1
	}
	for c := i + 1; c < int(d.nodes[i].skip); c = int(d.nodes[c].skip) {
		if d.is(c, key) {
			return c
		}
	}
	return -1
}

// text decodes string i; what is not a string is "".
func (d *document) text(i int) string {
	if i < 0 || d.nodes[i].kind != str {
		return ""
	}
	s, _, _ := llm.Unquote(d.raw, int(d.nodes[i].start), int(d.nodes[i].end))
	return s
}

// bytes returns value i as it was written.
func (d *document) bytes(i int) []byte { return d.raw[d.nodes[i].start:d.nodes[i].end] }

// integer returns a whole number, or 0 for anything else.
func (d *document) integer(i int) int {
	if i < 0 || d.nodes[i].kind != number {
		return 0
	}
	n := 0
	for _, c := range d.bytes(i) {
		if c < '0' || c > '9' || n > 1<<40 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

func (d *document) isTrue(i int) bool { return i >= 0 && string(d.bytes(i)) == "true" }

func (d *document) isNull(i int) bool { return i >= 0 && string(d.bytes(i)) == "null" }

// variant returns a key of protocol object i that a careless parser would take
// for one of the known keys (encoding/json ignores case), or "".
func (d *document) variant(i int, known map[string]bool) string {
	for c := i + 1; c < int(d.nodes[i].skip); c = int(d.nodes[c].skip) {
		n := d.nodes[c]
		if !n.keyEscaped && known[string(d.raw[n.keyStart:n.keyEnd])] {
			continue
		}
		key := d.name(n)
		if known[key] {
			continue
		}
		for k := range known {
			if len(k) <= len(key) && strings.EqualFold(k, key) {
				return k
			}
		}
	}
	return ""
}
