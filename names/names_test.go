package names

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func tokens(s string, values ...Value) []string {
	r := new(Reader)
	var out []string
	for i := range r.Read(s, values) {
		a, b := r.Token(i)
		out = append(out, s[a:b])
	}
	return out
}

func TestTokens(t *testing.T) {
	for text, want := range map[string]string{
		"Anna O'Brien's 12b, (x).":     "Anna|O|'|Brien|'|s|12b|,|(|x|)|.",
		"İstanbul'da Ōe-Müller":        "İstanbul|'|da|Ōe|-|Müller",
		"王小明住在北京。":                     "王|小|明|住|在|北|京|。",
		"マリア・ケラーさんは東京へ":                "マリア|・|ケラー|さ|ん|は|東|京|へ",
		"김민수는 서울":                      "김|민|수|는|서|울",
		"مريم السيد، ٢٣":               "مريم|السيد|،|٢٣",
		"श्रीमती सीता देवी।":           "श्रीमती|सीता|देवी|।",
		"a\n\n  \nb\r\nc":              "a|\n\n  \n|b|\n|c",
		"x@y.org":                      "x|@|y|.|org",
		"":                             "",
		"\u200bAnna\u00a0Keller\u3000": "Anna|Keller",
	} {
		if got := strings.Join(tokens(text), "|"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := strings.Join(tokens("call +1 202 555 0100 now", Value{5, 20, "phone"}), "|"); got != "call|+1 202 555 0100|now" {
		t.Errorf("%q", got)
	}
	if got := strings.Join(tokens("abcdef", Value{2, 4, "phone"}), "|"); got != "ab|cd|ef" {
		t.Errorf("%q", got)
	}
	if n := len(tokens(strings.Repeat("a", 1000))); n != 1000/longest+1 {
		t.Errorf("a word of a thousand letters is %d tokens", n)
	}
}

// TestFeatures holds that features depend on the text alone, and on nothing read before.
func TestFeatures(t *testing.T) {
	r := new(Reader)
	texts := []string{"Dear Anna Keller,\nName: Bo", "short", "Eine ganz andere Zeile: 12 Wörter", "Dear Anna Keller,\nName: Bo"}
	var got [][]uint32
	for _, s := range texts {
		if n := r.Read(s, nil); len(r.IDs()) != n*Width {
			t.Fatalf("%d features of %d tokens", len(r.IDs()), n)
		}
		got = append(got, slices.Clone(r.IDs()))
	}
	if !slices.Equal(got[0], got[3]) {
		t.Error("the same text has other features when something else was read before")
	}
	// Common words between common words have none, unless somebody asks.
	words := map[uint32]int{}
	plain := "the ship sails from the old harbour"
	for i := range r.Read(plain, nil) {
		h, _, _ := r.Word(i)
		words[h] = 50
	}
	for _, every := range []bool{false, true} {
		r := &Reader{Words: NewVocabulary(10, Words{Count: words}), Every: every}
		r.Read("Anna "+plain+" Keller", nil)
		r.Read("Anna "+plain+" Keller", nil)
		out := r.Outside()
		if first := r.IDs()[3*Width+slotWord]; (first == 0) == every || !out[3] || out[0] || out[1] || out[7] || out[8] {
			t.Errorf("every=%v: %d, %v", every, first, out)
		}
	}
	key := func(s string, tok int) uint32 { r.Read(s, nil); return r.IDs()[tok*Width+slotKey] }
	if key("Name: Bo", 2) == 0 || key("Name: Bo", 2) == key("City: Bo", 2) || key("Name: Bo\nAl", 4) != 0 || key(`"Name": "Bo"`, 5) == 0 {
		t.Error("keys are not seen, or beyond their line")
	}
}

func TestVocabulary(t *testing.T) {
	word := func(s string) uint32 { r := new(Reader); r.Read(s, nil); h, _, _ := r.Word(0); return h }
	v := NewVocabulary(12, Words{
		Count: map[uint32]int{word("the"): 90, word("sea"): 9, word("rare"): 2, word("once"): 1, word("mark"): 50},
		Caps:  map[uint32]int{word("mark"): 40},
		Parts: map[uint32]uint8{word("anna"): PartGiven, word("mark"): PartGiven | PartSurname},
	})
	for s, want := range map[string][2]uint8{"the": {3, 0}, "sea": {2, 0}, "rare": {1, 0}, "once": {}, "never": {}, "anna": {0, PartGiven}, "mark": {1, PartGiven | PartSurname}} {
		if level, parts := v.look(word(s)); level != want[0] || parts != want[1] {
			t.Errorf("%s: %d, %d", s, level, parts)
		}
	}
	back := new(Vocabulary)
	if err := back.unmarshal(v.marshal(nil)); err != nil || !slices.Equal(back.cells, v.cells) {
		t.Error(err)
	}
	for _, bad := range [][]byte{nil, {1}, {1, 2, 3}, make([]byte, 1<<23)} {
		if back.unmarshal(bad) == nil {
			t.Errorf("%d bytes are a vocabulary", len(bad))
		}
	}
}

// TestShippedNames holds what anybody would expect of the recogniser that ships.
func TestShippedNames(t *testing.T) {
	r, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"Please write to Maria Keller about the invoice.":  "person:Maria Keller",
		"Kind regards,\nOluwaseun Adebayo\nSenior Buyer":   "person:Oluwaseun Adebayo",
		"Der Antrag von Jürgen Brandt ist vollständig.":    "person:Jürgen Brandt",
		"Le dossier de Camille Dubois est complet.":        "person:Camille Dubois",
		"The quick brown fox jumps over the lazy dog.":     "",
		"Restart the server and check the log for errors.": "",
		"def main():\n    print(\"hello\")\n":              "",
		"Sie wohnt in der Gartenstraße 12, 50674 Köln.":    "address:Gartenstraße 12, 50674 Köln",
	} {
		var got []string
		r.Find(text, nil, func(kind, a, b int, p float64) {
			if p >= .5 {
				got = append(got, Kinds[kind]+":"+text[a:b])
			}
		})
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestNumbersAndValues holds that numbers alone name nobody, and that no name holds a value
// which was found by its shape.
func TestNumbersAndValues(t *testing.T) {
	cut := new(Reader)
	if cut.Read("Call +1 202 555 0100 Anna", []Value{{5, 20, "phone"}}); len(cut.Outside()) != 3 || !cut.Outside()[1] || cut.Outside()[2] {
		t.Errorf("%v", cut.Outside())
	}
	r, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"17 294 420", "55 80 33 23", "67441", "12, 50674", "8 14 22, 1010", "221 10115", "Nr. 5 7"} {
		r.Find(text, nil, func(kind, a, b int, p float64) {
			if strings.Trim(text[a:b], "0123456789 ,.") == "" {
				t.Errorf("%q: %s %q", text, Kinds[kind], text[a:b])
			}
		})
	}
	for _, text := range []string{"Sie wohnt in der Gartenstraße 12, |50674| Köln.", "Write to |Maria| Keller about it.", "Adresse: Lindenweg 4, 12345 |Berlin|"} {
		before, rest, _ := strings.Cut(text, "|")
		value, after, _ := strings.Cut(rest, "|")
		v := Value{len(before), len(before) + len(value), "phone"}
		r.Find(before+value+after, []Value{v}, func(kind, a, b int, p float64) {
			if a < v.End && v.Start < b {
				t.Errorf("%q: %s %d-%d holds the value at %d-%d", text, Kinds[kind], a, b, v.Start, v.End)
			}
		})
	}
}

// TestPieces holds that long texts are read in pieces that end between words, and that names
// anywhere in them are found at their place.
func TestPieces(t *testing.T) {
	r, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	line := "The committee met again and agreed on nothing at all. Please write to Maria Keller about the invoice. "
	for _, sep := range []string{"", "\n", "\n\n"} {
		text := strings.Repeat(line+sep, 400)
		n := 0
		r.Find(text, nil, func(kind, a, b int, p float64) {
			if text[a:b] == "Maria Keller" && kind == 0 {
				n++
			}
		})
		if n < 390 {
			t.Errorf("%q: %d of 400 are found", sep, n)
		}
	}
	r.Find(strings.Repeat("é", 100_000), nil, func(_, a, b int, _ float64) {
		if a%2 != 0 || b%2 != 0 {
			t.Fatal("a character is cut")
		}
	})
}

func TestRecogniserFile(t *testing.T) {
	b := slices.Clone(shippedFile)
	if len(b) > 4<<20 {
		t.Errorf("the model has %d bytes", len(b))
	}
	r := new(Recogniser)
	if err := r.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	if again, err := r.MarshalBinary(); err != nil || !slices.Equal(again, b) {
		t.Errorf("written again it is another file: %v", err)
	}
	for name, bad := range map[string][]byte{"empty": nil, "name": append([]byte("x"), b[1:]...), "cut": b[:len(b)-1], "short": b[:30], "vocabulary": append(b[:len(magic):len(magic)], 255, 255, 255, 255)} {
		if err := new(Recogniser).UnmarshalBinary(bad); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRecogniser(f *testing.F) {
	f.Add([]byte(magic + "\x02\x00\x00\x00ab"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := new(Recogniser)
		if r.UnmarshalBinary(b) == nil {
			r.Find("Anna Keller", nil, func(int, int, int, float64) {})
		}
	})
}

func FuzzNames(f *testing.F) {
	f.Add("Dear Anna Keller,\nплатёж 王小明 ٢٣ \xff\u200d", 5, 9)
	r, err := Load()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string, a, b int) {
		var values []Value
		if 0 <= a && a < b && b <= len(s) {
			values = []Value{{a, b, "phone"}}
		}
		last := 0
		r.Find(s, values, func(kind, start, end int, p float64) {
			if start < last || end <= start || end > len(s) || p < 0 || p > 1 || kind >= len(Kinds) {
				t.Fatalf("%d [%d,%d) %g after %d in %d bytes", kind, start, end, p, last, len(s))
			}
			last = end
		})
	})
}

func BenchmarkNames(b *testing.B) {
	r, err := Load()
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string]string{
		"prose":  strings.Repeat("The committee met again on Tuesday and agreed on the plan for the new bridge, which will be built next year. ", 10)[:1024],
		"names":  strings.Repeat("Maria Keller of Harrow & Pike Ltd wrote to Oluwaseun Adebayo in Leeds about 27 Protea Street, Bellville. ", 10)[:1024],
		"german": strings.Repeat("Der Ausschuss hat am Dienstag erneut getagt und dem Plan für die neue Brücke zugestimmt, die nun gebaut wird. ", 10)[:1024],
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for range b.N {
				r.Find(text, nil, func(int, int, int, float64) {})
			}
		})
	}
}
