package redteam

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestParseObject: what was asked for is read, and nothing that only looks like it.
func TestParseObject(t *testing.T) {
	for _, good := range []string{`{"a":1,"b":"x"}`, " {\"b\":\"x\" ,\"a\":1}\n", "```json\n{\"a\":1,\"b\":\"x\"}\n```", "```\n{\"a\":1,\"b\":\"x\"}```"} {
		if got, err := ParseObject(good, "a", "b"); err != nil || string(got["a"]) != "1" || string(got["b"]) != `"x"` {
			t.Errorf("%q: %v, %v", good, got, err)
		}
	}
	for name, bad := range map[string]string{
		"nothing": "", "words": "gladly", "words before": `Sure: {"a":1,"b":2}`, "words behind": `{"a":1,"b":2} done`, "two": `{"a":1,"b":2}{"a":1,"b":2}`, "a list": `[1,2]`,
		"missing": `{"a":1}`, "another": `{"a":1,"b":2,"c":3}`, "twice": `{"a":1,"a":2,"b":2}`, "other case": `{"A":1,"b":2}`, "cut": `{"a":1,"b":`, "no UTF-8": "{\"a\":1,\"b\":\"\xff\"}",
		"long": `{"a":1,"b":"` + strings.Repeat("x", MaxObject) + `"}`, "half a fence": "```json\n{\"a\":1,\"b\":2}",
	} {
		got, err := ParseObject(bad, "a", "b")
		if err == nil || strings.Contains(err.Error(), "gladly") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// FuzzParseObject: whatever a model says, what is read holds exactly what was asked for, and is JSON.
func FuzzParseObject(f *testing.F) {
	for _, s := range []string{`{"improvement":"x","prompt":"y"}`, "```json\n{}\n```", `{"improvement":"a","improvement":"b","prompt":"c"}`, `{"prompt":{"a":[1,{}]},"improvement":null} `, "{", "\xff", `{"a\u0062":1}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseObject(s, "improvement", "prompt")
		if err != nil {
			return
		}
		if len(got) != 2 || len(s) > MaxObject {
			t.Fatalf("%q gives %v", s, got)
		}
		for k, v := range got {
			if !json.Valid(v) || k != "improvement" && k != "prompt" {
				t.Fatalf("%q gives %s: %s", s, k, v)
			}
		}
	})
}
