package dialect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/llm"
)

func parse(raw string) error {
	var d document
	return d.parse([]byte(raw))
}

func TestDocumentRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	deepObjects := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for name, c := range map[string]struct{ raw, reason string }{
		"empty": {"", "not a JSON value"}, "blank": {" \n", "not a JSON value"}, "two values": {"{} {}", "text after"}, "a byte order mark": {"\xEF\xBB\xBF{}", "not a JSON value"},
		"depth 130": {deep(130), "deeper than 128"}, "depth 130 of objects": {deepObjects(130), "deeper than 128"},
		"too many values": {"[" + strings.Repeat("{},", maxValues) + "1]", "too many values"},
		"repeated key":    {`{"a":1,"a":2}`, "repeated key"}, "repeated by an escape": {`{"a":1,"\u0061":2}`, "repeated key"}, "repeated deep down": {`[{"x":{"b":1,"c":2,"b":3}}]`, "repeated key"},
		"repeated by a pair": {`{"\ud83d\ude00":1,"😀":2}`, "repeated key"},
		"half a key":         {`{"\ud83d":1}`, "half a character"}, "half a key, late": {`{"a\ude00":1}`, "half a character"},
		"bad UTF-8": {"\"\xff\"", "not UTF-8"}, "bad UTF-8 in a key": {"{\"\xc3\":1}", "not UTF-8"}, "a surrogate in bytes": {"\"\xed\xa0\x80\"", "not UTF-8"}, "overlong": {"\"\xc0\xaf\"", "not UTF-8"},
		"control character": {"\"a\nb\"", "control character"}, "NUL": {"\"\x00\"", "control character"}, "open string": {`"abc`, "without an end"}, "open escape": {`"abc\`, "means nothing"},
		"bad escape": {`"\x41"`, "means nothing"}, "short escape": {`"\u12"`, "means nothing"}, "sign in an escape": {`"\u+123"`, "means nothing"},
		"leading zero": {"01", "number"}, "minus alone": {"-", "number"}, "no digits after the dot": {"1.", "number"}, "no digits in the exponent": {"1e", "number"}, "plus": {"+1", "not a JSON value"}, "hex": {"0x1", "text after"},
		"NaN": {"NaN", "not a JSON value"}, "Infinity": {"-Infinity", "number"}, "True": {"True", "not a JSON value"}, "tru": {"tru", "not a JSON value"}, "truex": {"truex", "text after"},
		"trailing comma": {"[1,]", "not a JSON value"}, "trailing comma in an object": {`{"a":1,}`, ""}, "missing comma": {"[1 2]", "comma"}, "missing colon": {`{"a" 1}`, "colon"}, "a key without quotes": {"{a:1}", ""},
		"a number as key": {"{1:1}", ""}, "comment": {"/* */ {}", "not a JSON value"}, "single quotes": {"{'a':1}", ""}, "wrong bracket": {"[1}", ""}, "open array": {"[1", ""}, "open object": {`{"a":1`, ""},
		"form feed": {"{}\f", "text after"}, "no-break space": {"\u00a0{}", "not a JSON value"},
	} {
		err := parse(c.raw)
		var s *SyntaxError
		if !errors.As(err, &s) || !strings.Contains(s.Reason, c.reason) || s.Offset > len(c.raw) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, raw := range map[string]string{
		"depth 128": deep(128), "depth 129 is the first value's own": deep(129), "many values": "[" + strings.Repeat("{},", maxValues-3) + "1]",
		"same key in siblings": `[{"a":1},{"a":1}]`, "keys that differ in case": `{"a":1,"A":2}`, "an empty key": `{"":1,"a":{"":2}}`, "escapes": `"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`,
		"half a character in a value": `"\ud83d"`, "numbers": "[0,-0,1.5e+10,2E-3,9007199254740993,1e400]", "white space": " \t\r\n[ 1 , 2 ]\n", "literals": "[true,false,null]",
	} {
		if err := parse(raw); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRepeatedKeyInALargeObject, wherever the two stand.
func TestRepeatedKeyInALargeObject(t *testing.T) {
	for _, n := range []int{11, 12, 13, 14, 500} {
		for _, first := range []int{0, 5, n - 1} {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, `"key%d":%d,`, i, i)
			}
			if err := parse("{" + strings.TrimSuffix(b.String(), ",") + "}"); err != nil {
				t.Fatalf("%d keys: %v", n, err)
			}
			if err := parse(fmt.Sprintf(`{%s"key%d":0}`, b.String(), first)); err == nil || !strings.Contains(err.Error(), "repeated key") {
				t.Errorf("key %d again after %d: %v", first, n, err)
			}
		}
	}
}

// TestVariants: what encoding/json would take for a protocol key, and the strict
// reader does not, is refused.
func TestVariants(t *testing.T) {
	type loose struct {
		Messages string `json:"messages"`
		Stream   string `json:"stream"`
		Stop     string `json:"stop"`
		Tools    string `json:"tools"`
		TopK     string `json:"top_k"`
	}
	for key, variant := range map[string]bool{
		"Messages": true, "MESSAGES": true, "meſſages": true, `me\u017f\u017fages`: true, "ſtream": true, "toolſ": true, "sToP": true, `\u0053top`: true, "top_\u212a": true,
		"message": false, "messages_": false, "mess-ages": false, "streams": false, "messagеs": false, // the last has a Cyrillic letter, which no parser folds
	} {
		var d document
		if err := d.parse([]byte(`{"` + key + `":"x","other":1}`)); err != nil {
			t.Fatal(err)
		}
		known := set("messages stream stop tools top_k")
		if got := d.variant(0, known); (got != "") != variant {
			t.Errorf("%s: %q", key, got)
		}
		var l loose
		if err := json.Unmarshal([]byte(`{"`+key+`":"x"}`), &l); err != nil || (l != loose{}) != variant {
			t.Errorf("%s: encoding/json reads %+v, %v: the test is wrong about it", key, l, err)
		}
	}
}

// TestNoBlowUp: documents that are made to hurt cost memory in proportion to
// their size, whatever they hold: an escape costs most.
func TestNoBlowUp(t *testing.T) {
	var keys bytes.Buffer
	keys.WriteString(`{"model":"m","messages":[{"role":"user","content":"x"}]`)
	for i := range 1_000_000 {
		fmt.Fprintf(&keys, `,"k%d":1`, i)
	}
	keys.WriteString("}")
	message := func(content string) []byte {
		return []byte(`{"model":"m","messages":[{"role":"user","content":` + content + `}]}`)
	}
	for name, c := range map[string]struct {
		body []byte
		ok   bool
	}{
		"nested 100 000 deep":           {message(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)), false},
		"objects 100 000 deep":          {message(strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)), false},
		"open brackets only":            {bytes.Repeat([]byte("["), 30<<20), false},
		"a million keys":                {keys.Bytes(), false},
		"a million items":               {message("[" + strings.Repeat("{},", 1_000_000) + "1]"), false},
		"a million numbers":             {message("[" + strings.Repeat("1,", 1_000_000) + "1]"), true},
		"a string of 30 MB":             {message(`"` + strings.Repeat("x", 30<<20) + `"`), true},
		"a string of 30 MB of escapes":  {message(`"` + strings.Repeat(`\u0041`, 5<<20) + `"`), true},
		"a string of 30 MB of halves":   {message(`"` + strings.Repeat(`\ud83d`, 5<<20) + `"`), false},
		"as many halves as may be":      {message(`"` + strings.Repeat(`\ud83d`, maxRepairs) + `"`), true},
		"one more":                      {message(`["` + strings.Repeat(`\ud83d`, maxRepairs) + `","\ud83d"]`), false},
		"a string of 30 MB, never shut": {message(`"` + strings.Repeat("x", 30<<20)), false},
		"a number of 30 MB":             {message(strings.Repeat("9", 30<<20)), true},
		"a key of 30 MB":                {[]byte(`{"` + strings.Repeat("k", 30<<20) + `":1}`), false},
		"200 000 empty texts":           {message("[" + strings.Repeat(`"",`, 190_000) + `""]`), true},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			spent := allocated(func() { _, err = OpenAI{}.Decode(Route{Op: llm.OpChat}, c.body) })
			t.Logf("%d bytes, %d allocated, %v", len(c.body), spent, err)
			if (err == nil) != c.ok {
				t.Errorf("%v", err)
			}
			if err != nil && len(err.Error()) > 300 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if most := uint64(20*len(c.body) + 80<<20); spent > most {
				t.Errorf("%d bytes cost %d", len(c.body), spent)
			}
		})
	}
}

// FuzzDocument: what is accepted is JSON to encoding/json too, and what is JSON is
// accepted unless it is one of the things that are refused on purpose.
func FuzzDocument(f *testing.F) {
	for _, in := range []string{`{"a":[1,2.5e3,true,null,"x\u00e9"]}`, `{"a":1,"a":2}`, `"\ud83d"`, "[[[]]]", "\"\xff\"", "{\"\\ud800\":1}", " 0 ", "-"} {
		f.Add([]byte(in))
	}
	deliberate := []string{"repeated key", "half a character", "not UTF-8", "deeper than 128", "too many values"}
	f.Fuzz(func(t *testing.T, in []byte) {
		var d document
		err := d.parse(in)
		valid := json.Valid(in)
		if err == nil && !valid {
			t.Fatalf("%q is accepted and is no JSON", in)
		}
		if err == nil {
			for i, n := range d.nodes {
				if int(n.skip) <= i || int(n.skip) > len(d.nodes) || n.start > n.end || int(n.end) > len(in) {
					t.Fatalf("%q: node %d is %+v", in, i, n)
				}
			}
			return
		}
		if !valid {
			return
		}
		for _, reason := range deliberate {
			if strings.Contains(err.Error(), reason) {
				return
			}
		}
		t.Fatalf("%q is JSON and is refused: %v", in, err)
	})
}
