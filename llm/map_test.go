package llm

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestSplice(t *testing.T) {
	raw := []byte("0123456789")
	e := func(start, end int, s string) Edit { return Edit{Start: start, End: end, New: []byte(s), By: "t"} }
	for want, edits := range map[string][]Edit{
		"0123456789":   nil,
		"ab3456789":    {e(0, 3, "ab")},
		"01x345y789zz": {e(10, 10, "zz"), e(6, 7, "y"), e(2, 3, "x")},
		"0ab123456789": {e(1, 1, "a"), e(1, 1, "b")},
		"":             {e(0, 10, "")},
	} {
		got, err := Splice(raw, edits)
		if err != nil || string(got) != want {
			t.Errorf("%v: %q %v, want %q", edits, got, err, want)
		}
	}
	for name, edits := range map[string][]Edit{
		"overlap": {e(1, 4, ""), e(3, 5, "")}, "beyond": {e(9, 11, "")}, "turned": {e(4, 3, "")}, "before": {e(-1, 2, "")},
	} {
		if got, err := Splice(raw, edits); err == nil || name == "overlap" && !errors.Is(err, ErrOverlap) {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	if string(raw) != "0123456789" {
		t.Error("the raw bytes changed")
	}
}

// TestMapEveryPlace edits every stretch of texts full of escapes, at every depth
// of nesting, and reads back what a JSON parser makes of it.
func TestMapEveryPlace(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "\"", "\\", "\n", "é", "😀", "\u2028", "/", "\x01", "日"}), 1, 10).Draw(rt, "text"), "")
		start := rapid.SampledFrom(runeStarts(text)).Draw(rt, "start")
		end := rapid.SampledFrom(runeStarts(text)).Draw(rt, "end")
		if end < start {
			start, end = end, start
		}
		const put = "\"new\\\n"
		want := text[:start] + put + text[end:]

		once, _ := json.Marshal(text)
		raw := []byte(`{"k":` + string(once) + `}`)
		view, m, err := Unquote(raw, 6, len(raw)-2)
		if err != nil || view != text {
			rt.Fatalf("%q %v", view, err)
		}
		var got struct{ K string }
		apply(rt, raw, &m, start, end, put, &got)
		if got.K != want {
			rt.Fatalf("once: got %q, want %q", got.K, want)
		}

		inner, _ := json.Marshal(map[string]any{"n": 1, "q": text})
		twice, _ := json.Marshal(string(inner))
		raw = []byte(`{"k":` + string(twice) + `}`)
		outer, m1, err := Unquote(raw, 6, len(raw)-2)
		if err != nil {
			rt.Fatal(err)
		}
		args, m2 := Arguments(outer)
		at := strings.Index(args, text)
		if at < 0 {
			rt.Fatalf("%q is not in %q", text, args)
		}
		at = strings.LastIndex(args, text+"\"}")
		m = m2.Within(m1)
		apply(rt, raw, &m, at+start, at+end, put, &got)
		var q struct{ Q string }
		if err := json.Unmarshal([]byte(got.K), &q); err != nil || q.Q != want {
			rt.Fatalf("twice: got %q (%v), want %q", q.Q, err, want)
		}
	})
}

func runeStarts(s string) []int {
	var out []int
	for i := range s {
		out = append(out, i)
	}
	return append(out, len(s))
}

func apply(rt *rapid.T, raw []byte, m *Map, start, end int, put string, into any) {
	e, err := m.Edit(start, end, put, "t")
	if err != nil {
		rt.Fatalf("edit: %v", err)
	}
	out, err := Splice(raw, []Edit{e})
	if err != nil {
		rt.Fatalf("splice: %v", err)
	}
	if err := json.Unmarshal(out, into); err != nil {
		rt.Fatalf("%s: %v", out, err)
	}
}

func TestBase64Map(t *testing.T) {
	plain := "hello, this is a file with a secret in it"
	raw := []byte(`"data:text/plain;base64,aGVsbG8sIHRoaXMgaXMgYSBmaWxlIHdpdGggYSBzZWNyZXQgaW4gaXQ="`)
	_, outer, err := Unquote(raw, 1, len(raw)-1)
	if err != nil {
		t.Fatal(err)
	}
	m := Base64(plain, 23, outer)
	for start := range plain {
		for end := start; end <= len(plain); end++ {
			e, err := m.Edit(start, end, "[x]", "t")
			if err != nil {
				t.Fatal(err)
			}
			out, err := Splice(raw, []Edit{e})
			if err != nil {
				t.Fatal(err)
			}
			var url string
			if err := json.Unmarshal(out, &url); err != nil {
				t.Fatal(err)
			}
			got := decode64(t, url[23:])
			want := plain[:start] + "[x]" + plain[end:]
			if strings.TrimRight(got, " ") != want && strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
				t.Fatalf("[%d,%d): %q, want %q", start, end, got, want)
			}
		}
	}
}

func TestRepair(t *testing.T) {
	raw := []byte(`"a\ud800b\udc00\ud83d\ude00c\uD83D"`)
	text, _, err := Unquote(raw, 1, len(raw)-1)
	if err != nil {
		t.Fatal(err)
	}
	fixed, at := Repair(text)
	if fixed != "a\uFFFDb\uFFFD😀c\uFFFD" || len(at) != 3 || len(fixed) != len(text) {
		t.Fatalf("%q %v", fixed, at)
	}
	if same, none := Repair("한국어 text"); same != "한국어 text" || none != nil {
		t.Fatalf("%q %v", same, none)
	}
}

func TestArgumentsKeepsWhatIsNotJSON(t *testing.T) {
	for _, s := range []string{"ls -l", `say "a\qb"`, `{"a`, `"`, ``, "{\"a\":\"new\nline\"}"} {
		view, m := Arguments(s)
		if view != s && !json.Valid([]byte(s)) && !strings.HasPrefix(s, "{") {
			t.Errorf("%q became %q", s, view)
		}
		if a, b := m.Raw(0, len(view)); a < 0 || b > len(s) {
			t.Errorf("%q maps to [%d,%d)", s, a, b)
		}
	}
}

// FuzzUnquote: what encoding/json makes of a string, this makes of it too, apart
// from halves of characters, and every offset leads into the raw bytes.
func FuzzUnquote(f *testing.F) {
	for _, s := range []string{`plain`, `a\nb`, `\ud83d\ude00`, `\ud83d`, `\u00e9\"\\`, "\xff", `\x`, `"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, inside []byte) {
		raw := append(append([]byte{'"'}, inside...), '"')
		text, m, err := Unquote(raw, 1, len(raw)-1)
		var want string
		werr := json.Unmarshal(raw, &want)
		if (err == nil) != (werr == nil && utf8.Valid(raw)) {
			t.Fatalf("%q: %v, encoding/json says %v", raw, err, werr)
		}
		if err != nil {
			return
		}
		if fixed, _ := Repair(text); fixed != want {
			t.Fatalf("%q: %q, encoding/json says %q", raw, fixed, want)
		}
		for i := range len(text) + 1 {
			if a, b := m.Raw(i, len(text)); a < 1 || b > len(raw)-1 || a > b {
				t.Fatalf("%q: offset %d leads to [%d,%d)", raw, i, a, b)
			}
		}
		view, m2 := Arguments(text)
		m = m2.Within(m)
		if a, b := m.Raw(0, len(view)); a < 1 || b > len(raw)-1 {
			t.Fatalf("%q: the view leads to [%d,%d)", raw, a, b)
		}
	})
}

func decode64(t *testing.T, s string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return string(b)
}

// TestArgumentsLoosely: what is not JSON is read as far as it can be, and every byte of it
// keeps its place.
func TestArgumentsLoosely(t *testing.T) {
	for args, want := range map[string]string{
		`{"a":"x \u004e y","b":"unfin`: `{"a":"x N y","b":"unfin`,
		`{"a":"x \u004e`:               `{"a":"x N`,
		`{"a":"\q \u004e"}`:            `{"a":"\q N"}`,
		`{"a":"\u12","b":"\u004e"}`:    `{"a":"\u12","b":"N"}`,
		`{a:'\u004e'}`:                 `{a:'N'}`,
		`{"a":"tail\`:                  `{"a":"tail\`,
		"```json\n{\"a\":\"\\u004e\"}": "```json\n{\"a\":\"N\"}",
		`free \n, no JSON`:             `free \n, no JSON`,
	} {
		view, m := Arguments(args)
		if view != want {
			t.Errorf("%s reads %q", args, view)
			continue
		}
		if s, e := m.Raw(0, len(view)); s != 0 || e != len(args) {
			t.Errorf("%s lies at [%d,%d)", args, s, e)
		}
		if at := strings.Index(view, "N"); at >= 0 && strings.HasPrefix(args, `{"`) {
			x, err := m.Edit(at, at+1, `"M"`, "test")
			if err != nil || string(x.New) != `\"M\"` {
				t.Errorf("%s: %+v %v", args, x, err)
			}
		}
	}
}
