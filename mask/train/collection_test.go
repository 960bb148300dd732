package train

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// writeCollection writes a small collection of our own.
func writeCollection(t *testing.T, dir string) {
	t.Helper()
	type span struct {
		Start int    `json:"start"`
		End   int    `json:"end"`
		Type  string `json:"type"`
	}
	type line struct {
		ID     string `json:"id"`
		Text   string `json:"text"`
		Label  string `json:"label"`
		Lang   string `json:"lang"`
		Source string `json:"source"`
		Spans  []span `json:"spans"`
	}
	for name, lines := range map[string][]line{
		"pii": {
			{"1", "My name is Ada Example and my number is +1 202 555 0100.", "pii", "en", "own/synthetic", []span{{11, 22, "PERSON"}, {40, 55, "PHONE"}}},
			{"2", "Order 123456 was sent.", "benign", "en", "own/synthetic", []span{}},
		},
		"benign_prompts": {{"3", "write a poem about the sea and the wind", "benign", "en", "own/prompts", nil}},
	} {
		f, err := os.Create(filepath.Join(dir, name+".jsonl.gz"))
		if err != nil {
			t.Fatal(err)
		}
		z := gzip.NewWriter(f)
		e := json.NewEncoder(z)
		for _, l := range lines {
			if err := e.Encode(l); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
