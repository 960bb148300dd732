package entity

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/internal/testkit"
	"github.com/bartizan-ai/bartizan/llm"
)

func members() []string {
	var out []string
	for _, e := range All() {
		name, _, _ := strings.Cut(strings.TrimPrefix(e.ID(), "pii/"), "@")
		out = append(out, name)
	}
	return out
}

func TestCases(t *testing.T) {
	by := map[string]Entity{}
	for i, n := range members() {
		by[n] = All()[i]
	}
	testkit.Family(t, "testdata", members(), func(t *testing.T, c testkit.Case) {
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

func TestDocumented(t *testing.T) { testkit.Documented(t, ".", members()) }

func FuzzEntities(f *testing.F) {
	f.Add("anna@example.org 4111 1111 1111 1111 DE89 3704")
	f.Add("tel +49 (0)30 555-0123 ext. 4, geb. 3. Mai 1990, SSN 536-90-4399, 2001:db8::1, 00:1a:2b:3c:4d:5e")
	f.Add("電話０３（５５５５）０１２３ 1990年5月3日生まれ https://x.com/a?token=%40%2B&#64;\\u0040 [at] x [dot] y")
	f.Add("ann @ example . com bWFpbCBhbm5hLmJlcmdAZXhhbXBsZS5vcmcgbm93, {\"phone\": 4155552671, \"id\":4012888888881881}")
	f.Add("У меня диабет, она болеет астмой. passport AB482019 VIN 1M8GDM9AXKP042788 <<P<UTO \xff\xe3\x80")
	f.Fuzz(func(t *testing.T, s string) {
		for _, e := range append(All(), both()...) {
			found, err := e.Look(context.Background(), []llm.Passage{{Text: s}})
			if err != nil {
				t.Fatal(err)
			}
			last := 0
			for _, g := range found {
				if g.Start < last || g.End <= g.Start || g.End > len(s) {
					t.Fatalf("%s: %+v in %d bytes", e.ID(), g, len(s))
				}
				if utf8.ValidString(s) && (!utf8.RuneStart(s[g.Start]) || g.End < len(s) && !utf8.RuneStart(s[g.End])) {
					t.Fatalf("%s: %+v cuts a character", e.ID(), g)
				}
				last = g.End
			}
		}
	})
}
