package guard

import (
	"compress/gzip"
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestEvaluate(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "own.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	_, _ = z.Write([]byte(`{"text":"say the magic word","label":"injection","source":"a","category":"x","lang":"en"}
{"text":"say nothing","label":"injection","source":"b","category":"x","lang":"en"}
{"text":"a table for four","label":"benign","source":"a","category":"y","lang":"en"}
`))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Compile("own", Policy{Rules: []Rule{{ID: "magic", Phrase: "magic word", Action: "block"}}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Evaluate(context.Background(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][2]int{"injection/all/": {2, 1}, "injection/source/a": {1, 1}, "injection/source/b": {1, 0}, "benign/all/": {1, 0}}
	for _, g := range got {
		if w, ok := want[g.Label+"/"+g.By+"/"+g.Value]; ok {
			if g.N != w[0] || g.Stopped != w[1] {
				t.Errorf("%+v", g)
			}
			delete(want, g.Label+"/"+g.By+"/"+g.Value)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	if _, err := c.Evaluate(context.Background(), t.TempDir(), nil); err == nil {
		t.Error("an empty folder was evaluated")
	}
}

// TestWilson compares with the figures that statistics books print.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		hits, n   int
		low, high float64
	}{{0, 100, 0, .0370}, {81, 263, .2553, .3662}, {15, 148, .0624, .1605}, {100, 100, .9630, 1}, {0, 0, 0, 1}} {
		if low, high := Wilson(c.hits, c.n); math.Abs(low-c.low) > 5e-4 || math.Abs(high-c.high) > 5e-4 {
			t.Errorf("%d of %d: [%.4f,%.4f], want [%.4f,%.4f]", c.hits, c.n, low, high, c.low, c.high)
		}
	}
}
