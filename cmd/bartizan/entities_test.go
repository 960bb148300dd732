package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/names"
)

// TestTrainAndEvalEntities learns a recogniser of a small collection and our own corpus, and
// measures what ships on it, for people and for programs.
func TestTrainAndEvalEntities(t *testing.T) {
	dir := labelled(t)
	for _, split := range []string{"train", "dev"} {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		for _, line := range []string{
			`{"id":"1","text":"Write to Maria Keller, maria@example.org.","label":"pii","lang":"en","source":"own/a","spans":[{"start":9,"end":21,"type":"PERSON"},{"start":23,"end":40,"type":"EMAIL"}]}`,
			`{"id":"2","text":"Order 123456 was sent.","label":"benign","lang":"en","source":"own/a","spans":[]}`,
		} {
			b := []byte(line + "\n")
			if _, err := z.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, split, "pii.jsonl.gz"), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, _ := ran(t, 0, "eval", "entities", "--data", dir, "--quick")
	for _, want := range []string{"dev, 2 texts", "person", "email", "structured", "PRECISION", "reported in 0"} {
		if !strings.Contains(out, want) {
			t.Errorf("the report does not say %q:\n%s", want, out)
		}
	}
	out, _ = ran(t, 0, "eval", "entities", "--data", dir, "--quick", "-o", "json")
	var got found
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Reports) != 1 || got.Reports[0].Texts != 2 || got.Shipped != nil {
		t.Errorf("%v: %s", err, out)
	}
	for _, x := range got.Reports[0].Tallies {
		if x.By == "all" && x.Kind == "all" && (x.N != 2 || x.Hit != 2 || x.Finds != 2 || x.Exact != 2) {
			t.Errorf("%+v", x)
		}
	}
	file := filepath.Join(t.TempDir(), "names.model")
	out, progress := ran(t, 0, "train", "entities", "--data", dir, "--out", file)
	if !strings.Contains(out, "bytes") || !strings.Contains(progress, "learning from all") {
		t.Errorf("%q, %q", out, progress)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := new(names.Recogniser).UnmarshalBinary(b); err != nil {
		t.Error(err)
	}
	if _, stderr := ran(t, 2, "train", "entities", "--data", filepath.Join(dir, "none"), "--out", file); !strings.Contains(stderr, "no such file") {
		t.Errorf("%q", stderr)
	}
	if _, stderr := ran(t, 2, "eval", "entities", "--data", filepath.Join(dir, "none"), "--quick"); !strings.Contains(stderr, "no such file") {
		t.Errorf("%q", stderr)
	}
}
