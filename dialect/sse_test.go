package dialect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// readAll reads every event of a stream and says how it ended.
func readAll(r io.Reader) (events []string, err error) {
	s := newSSE(r)
	for {
		name, data, err := s.next()
		if err != nil {
			return events, err
		}
		events = append(events, name+"|"+string(data))
	}
}

func TestSSE(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
		err  error
	}{
		"LF":                         {"data: a\n\ndata: b\n\n", []string{"|a", "|b"}, io.EOF},
		"CRLF":                       {"data: a\r\n\r\ndata: b\r\n\r\n", []string{"|a", "|b"}, io.EOF},
		"CR":                         {"data: a\r\rdata: b\r\r", []string{"|a", "|b"}, io.EOF},
		"mixed":                      {"data: a\r\n\ndata: b\n\r\ndata: c\r\n\r", []string{"|a", "|b", "|c"}, io.EOF},
		"byte order mark":            {"\xEF\xBB\xBFdata: a\n\n", []string{"|a"}, io.EOF},
		"a second mark is no mark":   {"\xEF\xBB\xBF\xEF\xBB\xBFdata: a\n\n", nil, io.EOF},
		"a mark in the middle":       {"data: a\n\n\xEF\xBB\xBFdata: b\n\n", []string{"|a"}, io.EOF},
		"comments":                   {": hello\n\n:\n\ndata: a\n: between\ndata: b\n\n", []string{"|a\nb"}, io.EOF},
		"many lines":                 {"data: a\ndata: b\ndata:\n\n", []string{"|a\nb\n"}, io.EOF},
		"one space only":             {"data:  a \n\ndata:b\n\n", []string{"| a ", "|b"}, io.EOF},
		"a colon in the data":        {"data: a:b\n\n", []string{"|a:b"}, io.EOF},
		"no colon":                   {"data\n\n", []string{"|"}, io.EOF},
		"names":                      {"event: x\ndata: a\n\ndata: b\n\n", []string{"x|a", "|b"}, io.EOF},
		"a name after the data":      {"data: a\nevent: x\n\n", []string{"x|a"}, io.EOF},
		"a name without data":        {"event: x\n\ndata: a\n\n", []string{"|a"}, io.EOF},
		"id and retry are dropped":   {"id: 1\nretry: 5\ndata: a\n\n", []string{"|a"}, io.EOF},
		"fields have exact names":    {"DATA: x\n data: y\ndatas: z\ndata: a\n\n", []string{"|a"}, io.EOF},
		"nothing":                    {"", nil, io.EOF},
		"blank lines":                {"\n\n\r\n\r", nil, io.EOF},
		"cut before the blank line":  {"data: a\n\ndata: b\n", []string{"|a"}, io.ErrUnexpectedEOF},
		"cut in a line":              {"data: a\n\ndata: b", []string{"|a"}, io.ErrUnexpectedEOF},
		"cut in a name":              {"data: a\n\neve", []string{"|a"}, io.ErrUnexpectedEOF},
		"NUL and other control text": {"data: \x00\x01\x7f\n\n", []string{"|\x00\x01\x7f"}, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readAll(strings.NewReader(c.in))
			if err != c.err || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
				t.Errorf("%q, %v; want %q, %v", got, err, c.want, c.err)
			}
			everyChunking(t, c.in, got, err)
		})
	}
}

// everyChunking reads the same bytes as networks may deliver them: cut in two at
// every place, a byte at a time, and with the end together with the last bytes.
func everyChunking(t *testing.T, in string, want []string, wantErr error) {
	t.Helper()
	check := func(how string, r io.Reader) {
		if got, err := readAll(r); err != wantErr || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("%s: %q, %v; want %q, %v", how, got, err, want, wantErr)
		}
	}
	for i := range in {
		check(fmt.Sprintf("cut at %d", i), io.MultiReader(strings.NewReader(in[:i]), strings.NewReader(in[i:])))
	}
	check("byte by byte", iotest.OneByteReader(strings.NewReader(in)))
	check("end with the data", iotest.DataErrReader(strings.NewReader(in)))
}

// repeating is a stream without an end.
type repeating struct {
	text string
	n    int // bytes that were taken
}

func (r *repeating) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.text[(r.n+i)%len(r.text)]
	}
	r.n += len(p)
	return len(p), nil
}

// TestEventCap: an event ends the stream at 4 MB, whether it is one line or many,
// data or comment, and before much more was taken in or kept.
func TestEventCap(t *testing.T) {
	for name, text := range map[string]string{"one line": "data: x", "many data lines": "data: some text\n", "a comment": ":", "empty data": "data\n",
		"unknown fields": "foo: bar\n", "names": "event: x\n", "comments": ": hello\n"} {
		t.Run(name, func(t *testing.T) {
			in := &repeating{text: text}
			spent := allocated(func() {
				if events, err := readAll(in); !errors.Is(err, ErrEvent) || len(events) != 0 {
					t.Errorf("%d events, %v", len(events), err)
				}
			})
			if in.n > MaxEvent+(64<<10) || spent > 8*MaxEvent {
				t.Errorf("%d bytes were read, %d allocated", in.n, spent)
			}
		})
	}
	// Just within the cap is an event; comments between events count for none.
	just := "data: " + strings.Repeat("x", MaxEvent-16) + "\n\n"
	if events, err := readAll(strings.NewReader(just + just)); err != io.EOF || len(events) != 2 {
		t.Errorf("%d events, %v", len(events), err)
	}
	if events, err := readAll(strings.NewReader(strings.Repeat(": still here\n\n", 1<<19) + "data: a\n\n")); err != io.EOF || len(events) != 1 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

// allocated is how many bytes f allocates, freed or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestErrorsOfTheBodyComeThrough(t *testing.T) {
	broken := errors.New("broken")
	for _, in := range []string{"", "data: a", "data: a\n", "data: a\n\n"} {
		if _, err := readAll(io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestAppendEvent(t *testing.T) {
	for _, c := range [][3]string{
		{"", "a", "data: a\n\n"},
		{"x", "a\nb", "event: x\ndata: a\ndata: b\n\n"},
		{"", "[DONE]", "data: [DONE]\n\n"},
		{"", "", "data: \n\n"},
	} {
		if got := string(AppendEvent(nil, c[0], []byte(c[1]))); got != c[2] {
			t.Errorf("%q, want %q", got, c[2])
		}
	}
}

// FuzzSSE: however bytes arrive, the same events come out, and what is written of
// an event is read as the same event.
func FuzzSSE(f *testing.F) {
	for _, in := range []string{"data: a\n\n", "event: x\r\ndata: a\r\rdata: b\n\n: c\n\ndata", "\xEF\xBB\xBFdata:a\r\n\r\n", "id: 1\nretry: 2\n\n"} {
		f.Add([]byte(in), uint16(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, at uint16) {
		want, wantErr := readAll(bytes.NewReader(in))
		cut := int(at) % (len(in) + 1)
		for _, r := range []io.Reader{iotest.OneByteReader(bytes.NewReader(in)), io.MultiReader(bytes.NewReader(in[:cut]), bytes.NewReader(in[cut:]))} {
			if got, err := readAll(r); err != wantErr || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
				t.Fatalf("%q, %v; want %q, %v", got, err, want, wantErr)
			}
		}
		var again []byte
		for _, e := range want {
			name, data, _ := strings.Cut(e, "|")
			if strings.Contains(name, "|") {
				return
			}
			again = AppendEvent(again, name, []byte(data))
		}
		if strings.Count(fmt.Sprint(want), "|") != len(want) {
			return // the test's own separator is in the way
		}
		if got, err := readAll(bytes.NewReader(again)); err != io.EOF || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("written again: %q, %v; want %q", got, err, want)
		}
	})
}
