package train

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/chain"
	"github.com/bartizan-ai/bartizan/names"
)

// TestCorpus holds that the corpus can be read, is in many languages, has every kind of name
// and many texts without any.
func TestCorpus(t *testing.T) {
	texts, err := Corpus()
	if err != nil {
		t.Fatal(err)
	}
	langs, kinds, empty, seen := map[string]int{}, map[string]int{}, 0, map[string]string{}
	for _, x := range texts {
		langs[x.Lang]++
		if len(x.Spans) == 0 {
			empty++
		}
		for _, s := range x.Spans {
			kinds[s.Kind]++
			if name := x.Text[s.Start:s.End]; strings.TrimSpace(name) != name || !utf8.ValidString(name) {
				t.Errorf("%s: a mark on %q", x.ID, name)
			}
		}
		if old, again := seen[x.Text]; again {
			t.Errorf("%s says what %s says", x.ID, old)
		}
		seen[x.Text] = x.ID
		if strings.Contains(x.Text, "[[") || strings.Contains(x.Text, "]]") {
			t.Errorf("%s: a mark was not read: %s", x.ID, x.Text)
		}
	}
	for lang, n := range langs {
		if n < 30 {
			t.Errorf("only %d texts in %s", n, lang)
		}
	}
	for _, k := range names.Kinds {
		if kinds[k] < 300 {
			t.Errorf("only %d of %s", kinds[k], k)
		}
	}
	if len(langs) < 20 || empty*5 < len(texts) {
		t.Errorf("%d languages; %d of %d texts have no name", len(langs), empty, len(texts))
	}
	t.Logf("%d texts in %d languages, %v", len(texts), len(langs), kinds)
}

func TestParseMarked(t *testing.T) {
	x, err := parseMarked("Hi [[person:Ada]], see [[location:Ulm]].")
	if err != nil || x.Text != "Hi Ada, see Ulm." || !reflect.DeepEqual(x.Spans, []Span{{3, 6, "person"}, {12, 15, "location"}}) {
		t.Errorf("%+v, %v", x, err)
	}
	for _, bad := range []string{"[[person:Ada", "[[person]]", "[[animal:Rex]]", "[[person:]]"} {
		if _, err := parseMarked(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func FuzzParseMarked(f *testing.F) {
	f.Add("Hi [[person:Ada]], see [[location:Ulm]].")
	f.Fuzz(func(t *testing.T, s string) {
		x, err := parseMarked(s)
		if err != nil {
			return
		}
		last := 0
		for _, p := range x.Spans {
			if p.Start < last || p.End <= p.Start || p.End > len(x.Text) {
				t.Fatalf("%+v in %d bytes", p, len(x.Text))
			}
			last = p.End
		}
	})
}

// TestVary holds that what is varied keeps its marks, and that every language has names and
// forms of addresses.
func TestVary(t *testing.T) {
	all, err := nameLists()
	if err != nil {
		t.Fatal(err)
	}
	texts, err := Corpus()
	if err != nil {
		t.Fatal(err)
	}
	v := &varier{names: all, rng: 99}
	changed := 0
	for _, x := range texts {
		y := v.vary(x)
		if len(y.Spans) != len(x.Spans) {
			t.Fatalf("%s: %d marks of %d", x.ID, len(y.Spans), len(x.Spans))
		}
		at, from := 0, 0
		for i, s := range y.Spans {
			// Between the marks nothing but the letters' size changes.
			if !strings.EqualFold(fold1(y.Text[at:s.Start]), fold1(x.Text[from:x.Spans[i].Start])) {
				t.Fatalf("%s: %q became %q", x.ID, x.Text[from:x.Spans[i].Start], y.Text[at:s.Start])
			}
			if y.Text[s.Start:s.End] != x.Text[x.Spans[i].Start:x.Spans[i].End] {
				changed++
			}
			at, from = s.End, x.Spans[i].End
		}
	}
	if changed < 1500 {
		t.Errorf("only %d names were replaced", changed)
	}
	for lang, l := range all {
		for _, section := range []string{"given", "surname"} {
			if len(l[section]) < 40 {
				t.Errorf("%s has %d of %s", lang, len(l[section]), section)
			}
		}
		if a := v.address(lang, l, "x"); lang != "world" && lang != "common" && (a == "" || strings.ContainsAny(a, "{}")) {
			t.Errorf("%s: an address like %q", lang, a)
		}
	}
}

// fold1 evens out letters whose capitals are written otherwise.
func fold1(s string) string {
	return strings.NewReplacer("ß", "ss", "ẞ", "ss", "SS", "ss", "ı", "i", "İ", "i", "I", "i", "i̇", "i", "ς", "σ", "ŉ", "ʼn").Replace(s)
}

func TestSequence(t *testing.T) {
	x, err := parseMarked("Hi [[person:Ada Byron]] [[person:Bo]] of [[organization:Acme]]!")
	if err != nil {
		t.Fatal(err)
	}
	s := sequence(new(names.Reader), x)
	want := []uint8{chain.Outside, chain.Begin(0), chain.Inside(0), chain.Begin(0), chain.Outside, chain.Begin(3), chain.Outside}
	if !slices.Equal(s.Tags, want) || len(s.IDs) != len(want)*names.Width {
		t.Errorf("%v", s.Tags)
	}
	s = sequence(new(names.Reader), &Text{Text: "the Zyx of 12", Label: "unmarked"})
	if want := []uint8{0, chain.Unlabelled, 0, 0}; !slices.Equal(s.Tags, want) {
		t.Errorf("%v", s.Tags)
	}
}

func TestMeasure(t *testing.T) {
	texts := []Scored{
		{&Text{Label: "pii", Lang: "en", Source: "a", Text: strings.Repeat("x", 60), Spans: []Span{{0, 10, "person"}, {20, 30, "email"}, {40, 44, ""}}},
			[]Found{{0, 6, "person", .9}, {20, 30, "phone", .8}, {40, 44, "person", .9}, {50, 52, "person", .9}, {54, 56, "person", .1}}},
		{&Text{Label: "benign", Source: "b"}, []Found{{0, 1, "person", .6}}},
		{&Text{Label: "benign", Source: "b"}, []Found{{0, 1, "person", .4}}},
	}
	tallies, quiet := Measure(texts)
	for _, x := range tallies {
		if x.By != "all" {
			continue
		}
		switch x.Kind {
		case "person":
			if x.N != 1 || x.Hit != 1 || x.Exact != 0 || x.Finds != 3 || x.Right != 1 || x.Covered != 1 {
				t.Errorf("%+v", x)
			}
		case "email":
			if x.N != 1 || x.Hit != 0 || x.Covered != 1 || x.Finds != 0 || x.Recall != 0 {
				t.Errorf("%+v", x)
			}
		case "all":
			if x.N != 2 || x.Hit != 1 || x.Finds != 4 || x.Right != 1 || math.Abs(x.F2-fScore(.25, .5, 2)) > 1e-9 {
				t.Errorf("%+v", x)
			}
		}
	}
	if len(quiet) != 2 || quiet[0].N != 2 || quiet[0].Loud != 1 || quiet[1].Source != "b" {
		t.Errorf("%+v", quiet)
	}
	if f := fScore(.5, 1, 1); math.Abs(f-2.0/3) > 1e-9 || fScore(0, 0, 1) != 0 {
		t.Error(f)
	}
}

// TestLearning learns of a small collection, twice, and finds what it has learnt.
func TestLearning(t *testing.T) {
	dir := t.TempDir()
	writeCollection(t, dir)
	small = 2
	defer func() { small = 0 }()
	a, err := Names(context.Background(), Config{Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Names(context.Background(), Config{Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	if same, err := a.Same(b.Model); err != nil || !same || a.Data != b.Data {
		t.Errorf("the same texts gave other bits: %v", err)
	}
	raw, err := a.Model.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	r := new(names.Recogniser)
	if err := r.UnmarshalBinary(raw); err != nil {
		t.Fatal(err)
	}
	hits := 0
	for _, s := range Score([]*Text{{Text: "Kind regards,\nOluwaseun Featherstone\nSenior Buyer"}, {Text: "I spoke with Maria Keller yesterday."}}, r) {
		for _, f := range s.Found {
			if f.Kind == "person" {
				hits++
			}
		}
	}
	if hits < 2 {
		t.Errorf("%d of two people are found", hits)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Names(ctx, Config{Data: dir}); err == nil {
		t.Error("learning went on after it was stopped")
	}
	if _, err := Names(context.Background(), Config{Data: filepath.Join(dir, "none")}); err == nil {
		t.Error("learnt from nothing")
	}
	_ = os.Remove(dir)
}
