package gateway

import (
	"bytes"
	"errors"
	"strconv"
)

// errFraming means that a request's head or body is not written the one way that
// every reader takes alike. net/http answers it with 400 and hangs up.
var errFraming = errors.New("gateway: a request that two readers could frame differently")

// Bounds of what is read of one request before its body; net/http's own, of 12 kB,
// come first.
const (
	maxLine  = 32 << 10 // of a head or of trailers, all lines together
	maxChunk = 4 << 10  // a chunk's size and what is said beside it
)

// framing follows the requests of one HTTP/1.x connection, so that nothing in a head
// or between chunks is read two ways: by the gate, and by a proxy before it. It takes
// CRLF as the only end of a line, one framing for a body, and no folded headers,
// blanks before a colon or control characters. It is stricter than net/http in all of
// them, so what it lets through both divide alike, and a body's end is where net/http
// finds it.
type framing struct {
	state  framingState
	line   []byte // as far as it has come
	read   int    // bytes of this head, or of these trailers
	left   int64  // bytes of the body, or of this chunk
	length int64  // that the head announces; -1: none
	chunks bool   // it announces chunks
	old    bool   // HTTP/1.0
	err    error
}

type framingState uint8

const (
	requestLine framingState = iota
	headerLine
	wholeBody
	chunkLine
	chunkData
	chunkEnd
	trailerLine
)

// next takes what came and returns how much of it may be read. The byte that completes
// what is wrong is never among it.
func (f *framing) next(b []byte) (int, error) {
	at := 0
	for at < len(b) && f.err == nil {
		if f.state == wholeBody || f.state == chunkData {
			n := int(min(f.left, int64(len(b)-at)))
			at += n
			if f.left -= int64(n); f.left == 0 {
				f.bodyEnds()
			}
			continue
		}
		n := bytes.IndexByte(b[at:], '\n')
		part := b[at:]
		if n >= 0 {
			part = part[:n]
		}
		if f.read += len(part) + 1; f.read > f.most() {
			f.err = errFraming
			break
		}
		f.line = append(f.line, part...)
		at += len(part)
		if n >= 0 && f.endLine() {
			at++
		}
	}
	return at, f.err
}

func (f *framing) most() int {
	if f.state == chunkLine || f.state == chunkEnd {
		return maxChunk
	}
	return maxLine
}

func (f *framing) bodyEnds() {
	if f.state == wholeBody {
		f.begin(requestLine)
		return
	}
	f.begin(chunkEnd)
}

// begin enters a state that has its own bound.
func (f *framing) begin(s framingState) { f.state, f.read = s, 0 }

// endLine reads a line that is whole, and reports whether it is right.
func (f *framing) endLine() bool {
	line, ok := bytes.CutSuffix(f.line, []byte("\r"))
	ok = ok && !hasControl(line)
	f.line = f.line[:0]
	if ok {
		switch f.state {
		case requestLine:
			ok = f.request(line)
		case headerLine:
			ok = f.header(line)
		case chunkLine:
			ok = f.chunk(line)
		case chunkEnd:
			ok = len(line) == 0
			f.begin(chunkLine)
		case trailerLine:
			ok = f.trailer(line)
		}
	}
	if !ok {
		f.err = errFraming
	}
	return ok
}

// hasControl reports whether a line holds what no line may: a CR or NUL, most of all.
func hasControl(line []byte) bool {
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// request begins a head. An empty line before it is passed over by some and not by
// others.
func (f *framing) request(line []byte) bool {
	f.state, f.length, f.chunks = headerLine, -1, false
	f.old = bytes.HasSuffix(line, []byte(" HTTP/1.0"))
	return f.old || bytes.HasSuffix(line, []byte(" HTTP/1.1"))
}

// header reads one line of a head, the empty one at its end too.
func (f *framing) header(line []byte) bool {
	if len(line) == 0 {
		return f.headEnds()
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !isToken(name) { // a folded line begins with a blank, which is no token
		return false
	}
	value = bytes.Trim(value, " \t")
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseUint(string(value), 10, 62)
		ok = err == nil && f.length < 0
		f.length = int64(n)
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		ok = !f.chunks && bytes.EqualFold(value, []byte("chunked"))
		f.chunks = true
	}
	return ok
}

// headEnds finds out how the body is framed: one way, or not at all.
func (f *framing) headEnds() bool {
	switch {
	case f.chunks && (f.length >= 0 || f.old):
		return false
	case f.chunks:
		f.begin(chunkLine)
	case f.length > 0:
		f.left = f.length
		f.begin(wholeBody)
	default:
		f.begin(requestLine)
	}
	return true
}

// chunk reads the line before a chunk. What is said beside the size is bounded, and
// means nothing to anybody.
func (f *framing) chunk(line []byte) bool {
	size, _, _ := bytes.Cut(line, []byte(";"))
	if len(size) == 0 || len(size) > 15 {
		return false
	}
	for _, c := range size {
		if !isHex(c) {
			return false
		}
	}
	f.left, _ = strconv.ParseInt(string(size), 16, 64)
	if f.left == 0 {
		f.begin(trailerLine)
		return true
	}
	f.begin(chunkData)
	return true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// trailer reads a line after the last chunk.
func (f *framing) trailer(line []byte) bool {
	if len(line) == 0 {
		f.begin(requestLine)
		return true
	}
	name, _, ok := bytes.Cut(line, []byte(":"))
	return ok && isToken(name)
}

// isToken reports whether b is the name of a header (RFC 9110, section 5.6.2).
func isToken(b []byte) bool {
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) < 0:
			return false
		}
	}
	return len(b) > 0
}
