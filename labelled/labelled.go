// Package labelled reads collections of labelled texts: folders of files *.jsonl.gz with one
// JSON object a line, from which models are learnt and on which they are measured. May
// change.
package labelled

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// Text is a labelled text.
type Text struct {
	ID, Text, Label, Category, Lang, Source string
	// Spans are in bytes, in the order of the file. Nil where the file says nothing of places;
	// empty where it says that there are none.
	Spans []Span
}

// Span is a place in a text, and what is there.
type Span struct {
	Start, End int
	Type       string
}

// limit bounds what is read of one file, unpacked.
const limit = 1 << 30

// Files returns the names of a folder's files, without their endings, in order.
func Files(dir string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("there are no files *.jsonl.gz in %s", dir)
	}
	for i, p := range paths {
		paths[i] = strings.TrimSuffix(filepath.Base(p), ".jsonl.gz")
	}
	return paths, nil
}

// Read yields the texts of a file of a folder. An error ends it.
func Read(dir, name string) iter.Seq2[*Text, error] {
	return func(yield func(*Text, error) bool) {
		f, err := os.Open(filepath.Join(dir, name+".jsonl.gz"))
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			yield(nil, fmt.Errorf("%s is no gzip file: %w", name, err))
			return
		}
		read(io.LimitReader(z, limit), name, yield)
	}
}

func read(r io.Reader, name string, yield func(*Text, error) bool) {
	lines := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		b, err := lines.ReadBytes('\n')
		if len(b) > 1 {
			t, err := parse(b)
			if err != nil {
				yield(nil, fmt.Errorf("%s: line %d is not JSON", name, n))
				return
			}
			if !yield(t, nil) {
				return
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			yield(nil, fmt.Errorf("%s: line %d: %w", name, n, err))
			return
		}
	}
}

// line is a text as it lies in a file. Spans count runes.
type line struct {
	ID, Text, Label, Category, Lang, Source string
	Spans                                   []Span
}

func parse(b []byte) (*Text, error) {
	var l line
	if err := json.Unmarshal(b, &l); err != nil {
		return nil, err
	}
	return &Text{ID: l.ID, Text: l.Text, Label: l.Label, Category: l.Category, Lang: l.Lang, Source: l.Source, Spans: inBytes(l.Text, l.Spans)}, nil
}

// inBytes turns spans of runes into spans of bytes; what lies beyond the text is cut.
func inBytes(s string, spans []Span) []Span {
	if len(spans) == 0 {
		return spans
	}
	starts := make([]int, 0, len(s))
	for i := range s {
		starts = append(starts, i)
	}
	at := func(rune int) int {
		if rune < 0 || rune >= len(starts) {
			return len(s)
		}
		return starts[rune]
	}
	out := make([]Span, len(spans))
	for i, x := range spans {
		out[i] = Span{Start: at(x.Start), End: at(x.End), Type: x.Type}
	}
	return out
}
