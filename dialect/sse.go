package dialect

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// MaxEvent bounds one server-sent event, in bytes.
const MaxEvent = 4 << 20

// ErrEvent means that an upstream sent an event longer than MaxEvent.
var ErrEvent = errors.New("dialect: an event of the upstream is longer than 4 MB")

// sse reads server-sent events (WHATWG HTML, section 9.2): lines ended by LF, CR
// or CRLF, a blank line ends an event, comments and unknown fields are dropped.
// "id" and "retry" are dropped too: several SDKs break on them.
type sse struct {
	r      *bufio.Reader
	size   int
	begun  bool
	skipLF bool
	line   []byte
}

func newSSE(r io.Reader) *sse { return &sse{r: bufio.NewReaderSize(r, 4<<10)} }

// next returns the next event that has data. The data is a fresh slice. An event
// that the stream cuts off is not an event; the error is then
// io.ErrUnexpectedEOF, and io.EOF only between events.
func (s *sse) next() (name string, data []byte, err error) {
	s.size = 0
	has, some := false, false
	for {
		line, err := s.read()
		if err == io.EOF && some {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return "", nil, err
		}
		if len(line) == 0 {
			if has {
				return name, data, nil
			}
			name, some, s.size = "", false, 0
			continue
		}
		some = true
		field, value, _ := bytes.Cut(line, []byte{':'})
		value = bytes.TrimPrefix(value, []byte{' '})
		switch string(field) {
		case "event":
			name = string(value)
		case "data":
			if has {
				data = append(data, '\n')
			}
			data = append(data, value...)
			has = true
		}
	}
}

// read returns one line without its end. The slice is valid until the next call.
func (s *sse) read() ([]byte, error) {
	s.line = s.line[:0]
	if !s.begun {
		s.begun = true
		if b, _ := s.r.Peek(3); bytes.Equal(b, []byte("\xEF\xBB\xBF")) {
			_, _ = s.r.Discard(3)
		}
	}
	for {
		if _, err := s.r.Peek(1); err != nil {
			if err == io.EOF && len(s.line) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		chunk, _ := s.r.Peek(s.r.Buffered())
		if s.skipLF {
			s.skipLF = false
			if chunk[0] == '\n' {
				_, _ = s.r.Discard(1)
				continue
			}
		}
		i := bytes.IndexAny(chunk, "\r\n")
		n := i
		if i < 0 {
			n = len(chunk)
		}
		if s.size += n; i >= 0 {
			s.size++ // an end of line is data's too
		}
		if s.size > MaxEvent {
			return nil, ErrEvent
		}
		s.line = append(s.line, chunk[:n]...)
		if i < 0 {
			_, _ = s.r.Discard(n)
			continue
		}
		s.skipLF = chunk[i] == '\r'
		_, _ = s.r.Discard(i + 1)
		return s.line, nil
	}
}

// AppendEvent appends an event as clients of every SDK read it: LF, no "id" or
// "retry", a blank line at the end.
func AppendEvent(dst []byte, name string, data []byte) []byte {
	if name != "" {
		dst = append(dst, "event: "...)
		dst = append(dst, name...)
		dst = append(dst, '\n')
	}
	for {
		line, rest, more := bytes.Cut(data, []byte{'\n'})
		dst = append(dst, "data: "...)
		dst = append(dst, line...)
		dst = append(dst, '\n')
		if !more {
			return append(dst, '\n')
		}
		data = rest
	}
}
