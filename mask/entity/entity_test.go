package entity

import (
	"context"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/internal/testkit"
	"github.com/bartizan-ai/bartizan/llm"
)

func names() []string {
	var out []string
	for _, e := range All() {
		name, _, _ := strings.Cut(strings.TrimPrefix(e.ID(), "pii/"), "@")
		out = append(out, name)
	}
	return out
}

func TestCases(t *testing.T) {
	by := map[string]Entity{}
	for i, n := range names() {
		by[n] = All()[i]
	}
	testkit.Family(t, "testdata", names(), func(t *testing.T, c testkit.Case) {
		found, err := by[c.Member].Look(context.Background(), []llm.Passage{{Text: c.Text}})
		if err != nil {
			t.Fatal(err)
		}
		got := false
		for _, f := range found {
			got = got || f.Confidence >= .5
			if f.Start < 0 || f.End > len(c.Text) || f.Start >= f.End {
				t.Errorf("finding out of bounds: %+v", f)
			}
		}
		if got != (c.Class == "positive") {
			t.Errorf("found %v in %q", found, c.Text)
		}
	})
}

func TestDocumented(t *testing.T) { testkit.Documented(t, ".", names()) }

func FuzzEntities(f *testing.F) {
	f.Add("anna@example.org 4111 1111 1111 1111 DE89 3704")
	f.Fuzz(func(t *testing.T, s string) {
		for _, e := range All() {
			found, err := e.Look(context.Background(), []llm.Passage{{Text: s}})
			if err != nil {
				t.Fatal(err)
			}
			last := 0
			for _, g := range found {
				if g.Start < last || g.End <= g.Start || g.End > len(s) {
					t.Fatalf("%s: %+v in %d bytes", e.ID(), g, len(s))
				}
				last = g.End
			}
		}
	})
}
