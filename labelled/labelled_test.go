package labelled

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func write(t *testing.T, dir, name, lines string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, name+".jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	if _, err := z.Write([]byte(lines)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "b", `{"id":"1","text":"añb","label":"pii","lang":"es","source":"s","category":"c","spans":[{"start":1,"end":2,"type":"X"},{"start":2,"end":9,"type":"Y"}]}`+"\n\n"+
		`{"text":"none","spans":[]}`+"\n"+`{"text":"silent"}`)
	write(t, dir, "a", "{}\nbroken\n")
	files, err := Files(dir)
	if err != nil || !reflect.DeepEqual(files, []string{"a", "b"}) {
		t.Fatal(files, err)
	}
	var got []*Text
	for x, err := range Read(dir, "b") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, x)
	}
	want := []*Text{
		{ID: "1", Text: "añb", Label: "pii", Category: "c", Lang: "es", Source: "s", Spans: []Span{{1, 3, "X"}, {3, 4, "Y"}}},
		{Text: "none", Spans: []Span{}}, {Text: "silent"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	n := 0
	for _, err := range Read(dir, "a") {
		if n++; n == 2 && (err == nil || !strings.Contains(err.Error(), "a: line 2")) || n > 2 || n == 1 && err != nil {
			t.Errorf("%d: %v", n, err)
		}
	}
	if n != 2 {
		t.Errorf("%d texts of a broken file", n)
	}
	for _, err := range Read(dir, "missing") {
		if err == nil {
			t.Error("a missing file was read")
		}
	}
	if _, err := Files(t.TempDir()); err == nil {
		t.Error("an empty folder has files")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"text":"añb","spans":[{"start":1,"end":2,"type":"X"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := parse(b)
		if err != nil {
			return
		}
		for _, s := range x.Spans {
			if s.Start < 0 || s.Start > len(x.Text) || s.End > len(x.Text) {
				t.Fatalf("%+v in %d bytes", s, len(x.Text))
			}
		}
	})
}
