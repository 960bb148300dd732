package llm

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestIsNumber(t *testing.T) {
	for _, s := range []string{"", "0", "-0", "00", "01", "-", "1", "12", "-12", "1.", "1.5", ".5", "1e5", "1E+5", "1e", "1e-", "1.5e-3", "1e5x", "+1", "1_0", " 1", "1 ", "0x1", "0.0", "-.5", "1.e5", "NaN"} {
		want := json.Valid([]byte(s)) && strings.TrimSpace(s) == s
		if IsNumber(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

// TestEditIn: a number may become a number, wherever it stands in JSON, through every layer; and
// nothing else outside strings may become anything.
func TestEditIn(t *testing.T) {
	args := `{"card": 4111111111111111,"n":[1, -22.5e3 ,4111111111111111], "s":"a 4111111111111111, b", "t":true,"o":{"x":1234567}}`
	frame, _ := json.Marshal(map[string]string{"arguments": args})
	from := strings.Index(string(frame), `:"`) + 2
	text, outer, err := Unquote(frame, from, len(frame)-2)
	if err != nil {
		t.Fatal(err)
	}
	view, m := Arguments(text)
	m = m.Within(outer)
	made := 0
	for start := range len(view) {
		for end := start + 1; end <= min(len(view), start+24); end++ {
			e, err := m.EditIn(view, start, end, "7654321", "t")
			if errors.Is(err, ErrStructure) {
				continue
			} else if err != nil {
				t.Fatal(err)
			}
			out, err := Splice(frame, []Edit{e})
			if err != nil {
				t.Fatal(err)
			}
			var got struct{ Arguments string }
			if err := json.Unmarshal(out, &got); err != nil || !json.Valid([]byte(got.Arguments)) || got.Arguments != view[:start]+"7654321"+view[end:] {
				t.Fatalf("[%d,%d): %v %s", start, end, err, out)
			}
			if !m.Quoted(start, end) {
				made++
				if _, err := m.EditIn(view, start, end, "[CARD]", "t"); !errors.Is(err, ErrStructure) {
					t.Fatalf("%q may become a word", view[start:end])
				}
			}
		}
	}
	if made != 5 {
		t.Errorf("%d numbers may be edited, of 5", made)
	}
	none := Nowhere(9)
	if _, err := none.EditIn("123456789", 0, 9, "7654321", "t"); !errors.Is(err, ErrStructure) {
		t.Error("a text without a place was edited")
	}
	raw := []byte(`{"phones": [1, 4155552671]}`)
	member := Member(len(`"phones": 4155552671`), 10, 1, 15, 25)
	e, err := member.EditIn(`"phones": 4155552671`, 10, 20, "2025550100", "t")
	if out, _ := Splice(raw, []Edit{e}); err != nil || string(out) != `{"phones": [1, 2025550100]}` {
		t.Errorf("%s, %v", out, err)
	}
	if _, err := member.EditIn(`"phones": 4155552671`, 1, 7, "2025550100", "t"); !errors.Is(err, ErrStructure) {
		t.Error("a key became a number")
	}
}

// TestWindowFigures: a number of a call's arguments becomes another one, however they are cut, and
// every scanner is told what lies in strings; what is no number is refused, and by whose wish.
func TestWindowFigures(t *testing.T) {
	ch := Channel{Kind: KindArgs}
	args := `{\"n\": 4111, \"s\": \"4111\", \"l\": [4111 ]}`
	for cut := range len(args) {
		if cut > 0 && args[cut-1] == '\\' {
			continue
		}
		src := &frames{events: ended(frame(t, ch, args[:cut]), frame(t, ch, args[cut:]))}
		s := &censor{words: map[string]string{"4111": "7654"}}
		got, _, err := drain(t, NewWindow(context.Background(), src, []Scanner{s, strung{t}}, WindowConfig{}))
		if err != io.EOF || got[ch] != `{"n": 7654, "s": "7654", "l": [7654 ]}` {
			t.Fatalf("cut %d: %q, %v", cut, got[ch], err)
		}
	}
	src := &frames{events: ended(frame(t, ch, args))}
	_, _, err := drain(t, NewWindow(context.Background(), src, []Scanner{&censor{words: map[string]string{"4111": "[x]"}}}, WindowConfig{}))
	if at := new(StructureError); !errors.As(err, &at) || !errors.Is(err, ErrStructure) {
		t.Errorf("%v", err)
	}
}

// strung checks what it is told of strings.
type strung struct{ t *testing.T }

func (strung) Reach() int { return 0 }

func (s strung) Scan(_ context.Context, l Look) (Ruling, error) {
	var in []string
	for at := 0; at < len(l.Text); at++ {
		if a, b, ok := l.Args.String(at); ok {
			in = append(in, l.Text[a:b])
			at = b
		}
	}
	if got := strings.Join(in, "|"); got != "n|s|4111|l" {
		s.t.Errorf("strings %q", got)
	}
	return Ruling{Safe: len(l.Text)}, nil
}
