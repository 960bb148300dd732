package train

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/labelled"
	"github.com/bartizan-ai/bartizan/names"
)

// Text is a text with the names in it.
type Text struct {
	ID, Text, Label, Lang, Source string
	Spans                         []Span // in order
	Fold                          int
}

// Span is a value of a kind, in bytes of its text. The kind "" is of what may be found or not.
type Span struct {
	Start, End int
	Kind       string
}

// file is the one of a collection that has spans of personal data.
const file = "pii"

// types are the labels of the collection by our kinds. A title, an age, a day or a postcode
// by itself is none that must be found.
var types = map[string]string{
	"PERSON": "person", "ADDRESS": "address", "LOCATION": "location", "ORGANIZATION": "organization",
	"EMAIL": "email", "PHONE": "phone", "IBAN": "iban", "CREDIT_CARD": "credit_card", "DOB": "date_of_birth", "IP": "ip_address", "MAC": "device_id",
	"VIN": "vehicle_id", "CRYPTO": "crypto_wallet", "PASSPORT": "passport", "UK_NHS": "health",
	"SSN": "national_id", "UK_NINO": "national_id", "DE_TAX_ID": "national_id", "FR_NIR": "national_id", "ES_DNI": "national_id", "NL_BSN": "national_id",
	"PL_PESEL": "national_id", "TR_ID": "national_id", "RU_SNILS": "national_id", "IN_AADHAAR": "national_id", "IN_PAN": "national_id",
	"JP_MYNUMBER": "national_id", "CN_ID": "national_id", "KR_RRN": "national_id", "BR_CPF": "national_id",
}

// Load reads the texts with personal data of a folder.
func Load(dir string) ([]*Text, error) {
	var out []*Text
	for x, err := range labelled.Read(dir, file) {
		if err != nil {
			return nil, fmt.Errorf("train: reading %w", err)
		}
		t := &Text{ID: x.ID, Text: x.Text, Label: x.Label, Lang: x.Lang, Source: x.Source}
		for _, s := range x.Spans {
			if s.Start < s.End {
				t.Spans = append(t.Spans, Span{s.Start, s.End, types[s.Type]})
			}
		}
		slices.SortFunc(t.Spans, func(a, b Span) int { return a.Start - b.Start })
		t.Fold = foldOf(t.Source)
		out = append(out, t)
	}
	return out, nil
}

// Folds is how many parts the texts are dealt to when one part is measured by models that
// have not seen it: a source of the collection is never split, and the package's own corpus
// is dealt text by text.
const Folds = 5

// foldOf deals a source to a fold.
func foldOf(source string) int {
	switch {
	case strings.Contains(source, "presidio"):
		return 0
	case strings.HasPrefix(source, "own/"):
		return 1
	}
	return fold(source)
}

func fold(name string) int {
	h := fnv.New32a()
	h.Write([]byte(name))
	return int(h.Sum32() % Folds)
}

// quota bounds how many ordinary texts of one source are learnt from, and cut how much of
// each, in bytes.
const (
	quota = 300
	cut   = 700
)

// ordinary reads the texts that are not about personal data: it adds their words to a count,
// each once a text, and returns some of those that are harmless.
func ordinary(dir string, count, caps map[uint32]int, progress func(done, total int)) ([]*Text, error) {
	var out []*Text
	taken := map[string]int{}
	files, err := labelled.Files(dir)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return f == file || f == "secret" || strings.Contains(f, "_weak") })
	r := new(names.Reader)
	for i, f := range files {
		progress(i, len(files))
		for x, err := range labelled.Read(dir, f) {
			if err != nil {
				return nil, fmt.Errorf("train: reading %w", err)
			}
			addWords(r, x.Text, count, caps)
			if taken[x.Source]++; strings.HasPrefix(f, "benign_") && taken[x.Source] <= quota && !eastern(x.Lang) {
				out = append(out, &Text{ID: x.ID, Text: x.Text[:breakAt(x.Text)], Lang: x.Lang, Source: x.Source, Label: "unmarked", Fold: -1})
			}
		}
	}
	progress(len(files), len(files))
	return out, nil
}

// breakAt returns where a text is cut: at a blank before the bound.
func breakAt(s string) int {
	if len(s) <= cut {
		return len(s)
	}
	return max(0, strings.LastIndexByte(s[:cut], ' '))
}

// eastern reports whether a language is written without blanks between its words.
func eastern(lang string) bool {
	return lang == "zh" || lang == "ja" || lang == "ko" || lang == "multi"
}

func addWords(r *names.Reader, s string, count, caps map[uint32]int) {
	seen, named := map[uint32]bool{}, map[uint32]bool{}
	for i := range r.Read(s, nil) {
		h, plain, cap := r.Word(i)
		if plain && !seen[h] {
			seen[h] = true
			count[h]++
		}
		if cap && !named[h] {
			named[h] = true
			caps[h]++
		}
	}
}
