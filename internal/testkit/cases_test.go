package testkit

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	cases, err := Parse("-- one origin=tool --\nfirst line\nsecond{{join}}half {{U+200B*2}}\n\n-- two --\nlast\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) != 2 || cases[0].Text != "first line\nsecondhalf \u200b\u200b\n" && cases[0].Text != "first line\nsecondhalf \u200b\u200b" {
		t.Fatalf("got %q", cases)
	}
	if cases[0].Attr["origin"] != "tool" || cases[1].Name != "two" || cases[1].Text != "last" {
		t.Fatalf("got %q", cases)
	}
	for _, bad := range []string{"text first\n-- a --\n", "-- a b --\nx"} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("-- a k=v --\ntext {{U+41}}\n")
	f.Fuzz(func(t *testing.T, data string) {
		cases, err := Parse(data)
		if err == nil && len(cases) == 0 && strings.TrimSpace(data) != "" {
			t.Fatal("text was lost")
		}
	})
}
