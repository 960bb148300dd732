package ledger

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/bartizan-ai/bartizan/record"
)

// check verifies and wants no fault.
func check(t testing.TB, cfg Config, more ...func(*VerifyConfig)) Report {
	t.Helper()
	r := verify(t, cfg, more...)
	for _, f := range r.Faults {
		t.Errorf("fault: %s", f)
	}
	return r
}

func verify(t testing.TB, cfg Config, more ...func(*VerifyConfig)) Report {
	t.Helper()
	vc := VerifyConfig{Dir: cfg.Dir, KeyDir: cfg.KeyDir}
	for _, f := range more {
		f(&vc)
	}
	r, err := Verify(t.Context(), vc)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerifySmoke(t *testing.T) {
	cfg := testConfig(t)
	l := open(t, cfg)
	for i := range 300 {
		exchange(t, l, fmt.Sprintf("ex_%d", i))
	}
	in := intent("ex_kept")
	in.Kept = []record.Kept{{Path: "messages[0].content", Text: "hello"}}
	if _, err := l.Begin(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	logged(t, l, "ex_299")
	check(t, cfg)
	shut(t, l)
	t.Logf("%+v", check(t, cfg))
	var b bytes.Buffer
	for _, f := range Formats {
		if err := Export(t.Context(), cfg.Dir, f, &b); err != nil {
			t.Error(err)
		}
		b.WriteString("\n")
	}
	s := b.String()
	t.Logf("%s", s[:2000])
	t.Logf("%s", s[len(s)-900:])
}
