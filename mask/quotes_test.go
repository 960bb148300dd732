package mask

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/llm"
)

// awkward is a value that breaks JSON where it is escaped once too little, and is not itself where
// it is escaped once too often.
const awkward = "12 \"Main\" Street\nC:\\Springfield\\"

// matryoshka writes JSON that holds JSON in strings, as deep as asked for, with a mark in its
// strings; indented or not.
func matryoshka(rng *rand.Rand, depth int, mark string) string {
	v := map[string]any{"name": mark, "say": `he said "` + mark + `", 5" wide`, "n": rng.IntN(99), "list": []any{mark, 1, "x, " + mark, map[string]any{"a:b": "{" + mark + "}"}}, mark + " key": true, "path": `C:\` + mark}
	if depth > 0 {
		v["inner"] = matryoshka(rng, depth-1, mark)
		v["list2"] = []any{matryoshka(rng, depth-1, mark), mark}
	}
	var b []byte
	if rng.IntN(2) == 0 {
		b, _ = json.MarshalIndent(v, "", "  ")
	} else {
		b, _ = json.Marshal(v)
	}
	return string(b)
}

// opened decodes JSON through all its layers and puts a value in the place of the mark.
func opened(t *testing.T, s, mark, value string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("%v: %s", err, s)
	}
	var walk func(any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			out := map[string]any{}
			for k, x := range v {
				out[strings.ReplaceAll(k, mark, value)] = walk(x)
			}
			return out
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
			return v
		case string:
			if strings.HasPrefix(v, "{") && json.Valid([]byte(v)) {
				return opened(t, v, mark, value)
			}
			return strings.ReplaceAll(v, mark, value)
		}
		return v
	}
	return walk(v)
}

// TestNestedJSON: a value that is put into JSON is escaped as often as it lies in strings, in
// texts wherever they are cut, and in arguments, so that it is itself when all of it is decoded.
func TestNestedJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 52))
	c := cover("c")
	p := c.Hide("pii.address", awkward, Placeholder, false)
	for i := range 120 {
		text := matryoshka(rng, i%3, p)
		want := fmt.Sprint(opened(t, text, p, awkward))
		for range 30 {
			cut := rng.IntN(len(text))
			if got := restore(t, c.Restorer(all), llm.Channel{}, []string{text[:cut], text[cut:]}); fmt.Sprint(opened(t, got, "-", "-")) != want {
				t.Fatalf("cut at %d of %s:\n%s\n%s\n%s", cut, text, got, opened(t, got, "-", "-"), want)
			}
		}
		fenced := restore(t, c.Restorer(all), llm.Channel{}, []string{"Here is a 5\" pipe and {that}:\n```json\n" + text + "\n```\n"})
		_, fenced, _ = strings.Cut(fenced, "```json\n")
		if got := fmt.Sprint(opened(t, strings.TrimSuffix(fenced, "\n```\n"), "-", "-")); got != want {
			t.Fatalf("in a fence: %s\n%s", got, want)
		}
		if got := fmt.Sprint(opened(t, argued(t, c, text), "-", "-")); got != want {
			t.Fatalf("arguments: %s\n%s", got, want)
		}
	}
}

// argued puts values back into the arguments of a call, as a window does.
func argued(t *testing.T, c *Cover, args string) string {
	t.Helper()
	view, m := llm.Arguments(args)
	rule, err := c.Restorer(all).Scan(context.Background(), llm.Look{Channel: llm.Channel{Kind: llm.KindArgs}, Text: view, Final: true, Args: &m})
	if err != nil {
		t.Fatal(err)
	}
	var edits []llm.Edit
	for _, x := range rule.Changes {
		e, err := m.EditIn(view, x.Start, x.End, x.New, x.By)
		if err != nil {
			t.Fatal(err)
		}
		edits = append(edits, e)
	}
	out, err := llm.Splice([]byte(args), edits)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestProse: quotes of prose, inches and seconds begin no string; those of JSON, of values behind
// a name and of code do.
func TestProse(t *testing.T) {
	c := cover("c")
	const v = `Acme "Works" GmbH`
	p := c.Hide("pii.organization", v, Placeholder, false)
	plain, escaped := v, `Acme \"Works\" GmbH`
	for text, want := range map[string]string{
		`a 5" pipe for @`:                plain,
		`a 5" pipe, then @`:              plain,
		`lat 40° 26' 46" N of @`:         plain,
		`He said "go to @ now"`:          plain,
		`It is called "@".`:              plain,
		`sizes 3", 5" and 7": @`:         plain,
		`The firm is: "@"`:               plain,
		`see [1], "@"`:                   plain,
		"x\n\n14\" by 3\" for @":         plain,
		`{"firm": "@"}`:                  escaped,
		`{"size": "5\" pipe for @"}`:     escaped,
		`["a", "@"]`:                     escaped,
		`"firm": "@"`:                    escaped,
		"firm: \"@\"":                    escaped,
		"a 5\" pipe\n- firm: \"@\"":      escaped,
		`print("@")`:                     escaped,
		`x = "@"`:                        escaped,
		"{\n  \"a\": 1,\n  \"b\": \"@\"": escaped,
		`"@"`:                            escaped,
		`{"a": "b"} and @`:               plain,
		`{"a": "b\\"} of @`:              plain,
	} {
		text, want := strings.ReplaceAll(text, "@", p), strings.ReplaceAll(text, "@", want)
		for cut := range len(text) + 1 {
			for cut < len(text) && !utf8.RuneStart(text[cut]) {
				cut++
			}
			if got := restore(t, c.Restorer(all), llm.Channel{}, []string{text[:cut], text[cut:]}); got != want {
				t.Fatalf("cut at %d: %s, want %s", cut, got, want)
			}
		}
	}
}
