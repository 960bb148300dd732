package dialect

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bartizan-ai/bartizan/llm"
)

var update = flag.Bool("update", false, "write what the cases give now into their files")

// TestCases runs the case files of every dialect. A file holds a request, an
// answer or a stream, and what must be made of it: a passage a line, or the reason
// of a refusal.
func TestCases(t *testing.T) {
	for _, d := range All() {
		files, err := filepath.Glob(filepath.Join("testdata", d.ID(), "*.txtar"))
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[string]int{}
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) { kinds[runCase(t, d, file)]++ })
		}
		least := [3]int{10, 6, 3}
		if _, same := d.(Azure); same { // the format is another dialect's
			least = [3]int{2, 1, 1}
		}
		if kinds["read"] < least[0] || kinds["refused"] < least[1] || kinds["near miss"] < least[2] {
			t.Errorf("dialect %s: too few cases: %v", d.ID(), kinds)
		}
		t.Logf("dialect %s: %v", d.ID(), kinds)
	}
}

// runCase checks one file and returns its kind, which the first word of its
// comment names.
func runCase(t *testing.T, d Dialect, file string) string {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil || len(a.Files) < 2 {
		t.Fatalf("%s: %d parts, %v", file, len(a.Files), err)
	}
	in := bytes.TrimSuffix(a.Files[0].Data, []byte("\n"))
	var got string
	what, detail, _ := strings.Cut(a.Files[0].Name, " ")
	r := &llm.Request{Op: llm.OpChat, Dialect: d.ID()}
	if what != "request" && detail != "" {
		r.Op = llm.Op(detail)
	}
	switch what {
	case "request":
		got = describeRequest(d, detail, in)
	case "answer":
		got = describeEvent(d.Answer(r, http.StatusOK, in))
	case "stream":
		got = describeStream(d.Frames(r, io.NopCloser(bytes.NewReader(a.Files[0].Data))))
	default:
		t.Fatalf("%s: unknown part %s", file, a.Files[0].Name)
	}
	if *update {
		a.Files[1].Data = []byte(got)
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(a.Files[1].Data), got); diff != "" {
		t.Error(diff)
	}
	for _, kind := range []string{"read", "refused", "near miss"} {
		if strings.HasPrefix(string(a.Comment), kind) {
			return kind
		}
	}
	t.Fatalf("%s: the comment must begin with read, refused or near miss", file)
	return ""
}

// paths is where a dialect's requests go when a case does not say.
var paths = map[string]string{"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "responses": "/v1/responses",
	"azure": "/openai/deployments/fast/chat/completions", "azure-responses": "/openai/v1/responses"}

func describeRequest(d Dialect, path string, body []byte) string {
	if path == "" {
		path = paths[d.ID()]
	}
	rt, ok := d.Match(http.MethodPost, path, http.Header{})
	if !ok {
		return "no route\n"
	}
	r, err := d.Decode(rt, body)
	if err != nil {
		return "refused: " + err.Error() + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "model=%s stream=%v strict=%v max=%d tools=%v repaired=%d\n", r.Model, r.Stream, r.Strict, r.MaxTokens, r.Tools, r.Repaired)
	if len(r.State) > 0 || r.NoStore != nil {
		fmt.Fprintf(&b, "state=%v nostore=%v\n", r.State, r.NoStore != nil)
	}
	describePassages(&b, r.Passages)
	return b.String()
}

func describePassages(b *strings.Builder, passages []llm.Passage) {
	for _, p := range passages {
		fmt.Fprintf(b, "%s %s %s", p.Path, p.Origin, p.Channel.Kind)
		if p.Name != "" {
			fmt.Fprintf(b, " name=%s", p.Name)
		}
		if p.MIME != "" {
			fmt.Fprintf(b, " mime=%s", p.MIME)
		}
		if p.Channel.Choice != 0 || p.Channel.Item != 0 || p.Channel.Part != 0 {
			fmt.Fprintf(b, " channel=%d,%d,%d", p.Channel.Choice, p.Channel.Item, p.Channel.Part)
		}
		if p.Sealed {
			b.WriteString(" sealed")
		}
		fmt.Fprintf(b, " %q\n", p.Text)
	}
}

func describeEvent(e *llm.Event, err error) string {
	if err != nil {
		return "refused: " + err.Error() + "\n"
	}
	var b strings.Builder
	describePassages(&b, e.Passages)
	if len(e.Tools) > 0 {
		fmt.Fprintf(&b, "calls %v\n", e.Tools)
	}
	if len(e.Done) > 0 {
		fmt.Fprintf(&b, "done %v\n", e.Done)
	}
	if e.Usage != nil {
		fmt.Fprintf(&b, "usage %+v\n", *e.Usage)
	}
	fmt.Fprintf(&b, "end %d\n", e.End)
	return b.String()
}

func describeStream(s llm.Stream) string {
	var b strings.Builder
	for i := 0; ; i++ {
		e, err := s.Next()
		if err != nil {
			fmt.Fprintf(&b, "%v\n", err)
			return b.String()
		}
		fmt.Fprintf(&b, "frame %d\n%s", i, describeEvent(e, nil))
	}
}

// TestOffsetsHold: every passage that a case gives lies where its map says, and an
// edit of it changes that place alone.
func TestOffsetsHold(t *testing.T) {
	for _, d := range All() {
		files, _ := filepath.Glob(filepath.Join("testdata", d.ID(), "*.txtar"))
		edits := 0
		for _, file := range files {
			a, err := txtar.ParseFile(file)
			if err != nil || a.Files[0].Name != "request" {
				continue
			}
			body := bytes.TrimSuffix(a.Files[0].Data, []byte("\n"))
			r, err := d.Decode(Route{Op: llm.OpChat}, body)
			if err != nil {
				continue
			}
			for i := range r.Passages {
				edits += checkEdit(t, d, file, body, r, i)
			}
		}
		if edits < 20 && d.Provider() != "azure" || edits == 0 {
			t.Errorf("%s: only %d edits were tried", d.ID(), edits)
		}
	}
}

// checkEdit replaces a word of passage i and reads the result again.
func checkEdit(t *testing.T, d Dialect, file string, body []byte, r *llm.Request, i int) int {
	t.Helper()
	p := &r.Passages[i]
	word := longestWord(p.Text)
	if word == "" || p.Sealed {
		return 0
	}
	at := strings.Index(p.Text, word)
	const mark = "\"new\"\\\n"
	e, err := p.Map.Edit(at, at+len(word), mark, "test")
	if errors.Is(err, llm.ErrStructure) {
		return 0
	}
	if err != nil {
		t.Fatalf("%s: %s: %v", file, p.Path, err)
	}
	out, err := llm.Splice(body, append([]llm.Edit{e}, r.Edits...))
	if err != nil {
		t.Fatalf("%s: %s: %v", file, p.Path, err)
	}
	again, err := d.Decode(Route{Op: llm.OpChat}, out)
	if err != nil {
		t.Fatalf("%s: %s: the edited body is refused: %v\n%s", file, p.Path, err, out)
	}
	// A tool that is renamed renames its passages, and a key its path: compare texts.
	want := p.Text[:at] + mark + p.Text[at+len(word):]
	got := again.Passages[i].Text
	if strings.TrimRight(got, " ") != strings.TrimRight(want, " ") && !strings.Contains(got, mark) {
		t.Fatalf("%s: %s: edited to %q, want %q", file, p.Path, got, want)
	}
	return 1
}

func longestWord(s string) string {
	best := ""
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') }) {
		if len(w) > len(best) {
			best = w
		}
	}
	return best
}

// FuzzDecode: whatever is sent, reading it neither panics nor loses a byte, and
// what is accepted is JSON to encoding/json too.
func FuzzDecode(f *testing.F) {
	for n, d := range All() {
		files, _ := filepath.Glob(filepath.Join("testdata", d.ID(), "*.txtar"))
		for _, file := range files {
			if a, err := txtar.ParseFile(file); err == nil {
				f.Add(uint8(n), bytes.TrimSuffix(a.Files[0].Data, []byte("\n")))
			}
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, body []byte) {
		before := bytes.Clone(body)
		d := All()[int(n)%len(All())]
		r, err := d.Decode(Route{Op: llm.OpChat}, body)
		if !bytes.Equal(before, body) {
			t.Fatal("the body changed")
		}
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("accepted what is not JSON: %q", body)
		}
		wire, err := r.Wire()
		if err != nil || !json.Valid(wire) {
			t.Fatalf("the repaired body is broken: %v %q", err, wire)
		}
		for i := range r.Passages {
			p := &r.Passages[i]
			if s, e := p.Map.Raw(0, len(p.Text)); s < 0 || e < s || e > len(body) {
				t.Fatalf("%s lies at [%d,%d) of %d", p.Path, s, e, len(body))
			}
		}
	})
}

// FuzzFrames: any bytes as a streamed answer.
func FuzzFrames(f *testing.F) {
	f.Add(uint8(0), []byte("\xEF\xBB\xBFevent: x\r\ndata: 1\rdata: 2\n\n: c\nretry: 1\n"))
	for n, d := range All() {
		files, _ := filepath.Glob(filepath.Join("testdata", d.ID(), "*stream*.txtar"))
		for _, file := range files {
			if a, err := txtar.ParseFile(file); err == nil {
				f.Add(uint8(n), a.Files[0].Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, b []byte) {
		s := All()[int(n)%len(All())].Frames(&llm.Request{Op: llm.OpChat}, io.NopCloser(bytes.NewReader(b)))
		for range 10_000 {
			e, err := s.Next()
			if err != nil {
				return
			}
			for i := range e.Passages {
				p := &e.Passages[i]
				if p.Instead != nil {
					continue
				}
				if s, en := p.Map.Raw(0, len(p.Text)); s < 0 || en > len(e.Data) {
					t.Fatalf("%s lies at [%d,%d) of %d", p.Path, s, en, len(e.Data))
				}
			}
		}
	})
}
