package mask

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestHideNumber: another number of as many digits, the same each time, which no other value has.
func TestHideNumber(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	c := New([]byte("wide"), []byte("narrow"), func(s string) bool { return strings.HasSuffix(s, "7") })
	again := New([]byte("wide"), []byte("narrow"), func(s string) bool { return strings.HasSuffix(s, "7") })
	seen := map[string]string{}
	for range 2000 {
		kind := []string{"pii.credit_card", "pii.phone", "pii.national_id", "pii.bank_account", "pii.date_of_birth", "pii.health", "ticket"}[rng.IntN(7)]
		v := fmt.Sprint(1_000_000 + rng.Uint64N(1<<uint(10+rng.IntN(50))))
		got, ok := c.HideNumber(kind, v, Placeholder, false)
		if !ok || len(got) != len(v) || got == v || !json.Valid([]byte(got)) || strings.Trim(got, "0123456789") != "" || strings.HasSuffix(got, "7") {
			t.Fatalf("%s %s: %q", kind, v, got)
		}
		if was, taken := seen[got]; taken && was != kind+v {
			t.Fatalf("%s stands for two values", got)
		}
		seen[got] = kind + v
		if b, _ := again.HideNumber(kind, v, Fake, false); b != got {
			t.Fatalf("%s and then %s", got, b)
		}
	}
	for _, bad := range []string{"123456", "0123456", "12345678x", "-1234567", "1234567.5", ""} {
		if got, ok := c.HideNumber("pii.phone", bad, Placeholder, false); ok {
			t.Errorf("%q became %q", bad, got)
		}
	}
	if _, ok := c.HideNumber("pii.phone", "4155552671", Redaction, false); ok {
		t.Error("a number stands for what never comes back")
	}
	// A value that is hidden in both ways is one value; and one that never comes back in one
	// place does not in another.
	if c.Hide("pii.phone", "4155552672", Fake, false); c.Count.Hidden == 0 {
		t.Error("nothing was counted")
	}
	before := c.Count.Hidden
	fake := c.Hide("pii.phone", "4155552672", Fake, false)
	if got, ok := c.HideNumber("pii.phone", "4155552672", Fake, false); !ok || got != fake || c.Count.Hidden != before {
		t.Errorf("%q and %q", got, fake)
	}
	if c.Hide("pii.phone", "4155552673", Redaction, false); true {
		if got, ok := c.HideNumber("pii.phone", "4155552673", Placeholder, false); ok {
			t.Errorf("a value that never comes back is %q", got)
		}
	}
	first, _ := c.HideNumber("pii.phone", "4155552674", Fake, false)
	if got := c.Hide("pii.phone", "4155552674", Fake, false); got != first {
		t.Errorf("%q, where it is a number %q", got, first)
	}
}

// TestFigures: numbers outside the strings of a text that is JSON are told from all others.
func TestFigures(t *testing.T) {
	text := `{"a": 1234567, "b\"": "x: 1234567, \"y\": 1234567, ", "c":[1234567 ,1234567], "1234567": -1234567, "d": 1234567.5}`
	f := FiguresOf(text)
	var got []int
	for at := 0; at < len(text); at++ {
		if strings.HasPrefix(text[at:], "1234567") && f.Has(at, at+7) {
			got = append(got, at)
		}
	}
	if len(got) != 3 {
		t.Errorf("%v", got)
	}
	for _, at := range got { // asked again, from the front
		if !f.Has(at, at+7) {
			t.Errorf("%d is no number any more", at)
		}
	}
	for _, other := range []string{"1234567", `see {"a": 1234567}`, `{"a": 1234567`, ""} {
		if f := FiguresOf(other); f.Has(max(0, strings.Index(other, "1")), min(len(other), max(0, strings.Index(other, "1"))+7)) {
			t.Errorf("%q is JSON", other)
		}
	}
}
