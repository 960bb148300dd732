package train

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/names"
)

// The corpus: texts of our own writing with the names in them marked, as
// [[person:Ada Example]], parted by lines of three dashes; and lists of names, by which the
// marked ones are replaced while learning.
//
//go:embed corpus
var corpus embed.FS

// own is the source of the corpus' texts.
const own = "bartizan/corpus"

// Corpus returns the texts of the corpus.
func Corpus() ([]*Text, error) {
	files, err := corpus.ReadDir("corpus")
	if err != nil {
		return nil, err
	}
	var out []*Text
	for _, f := range files {
		lang, ok := strings.CutSuffix(f.Name(), ".txt")
		if !ok {
			continue
		}
		b, err := corpus.ReadFile(path.Join("corpus", f.Name()))
		if err != nil {
			return nil, err
		}
		for i, part := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n---\n") {
			t, err := parseMarked(part)
			if err != nil {
				return nil, fmt.Errorf("train: corpus/%s, text %d: %w", f.Name(), i+1, err)
			}
			t.ID, t.Lang, t.Source = fmt.Sprintf("%s-%d", lang, i+1), lang, own
			t.Fold = fold(t.Text)
			out = append(out, t)
		}
	}
	return out, nil
}

// parseMarked takes the marks out of a text.
func parseMarked(s string) (*Text, error) {
	t := &Text{Label: "benign"}
	var b strings.Builder
	for {
		before, rest, marked := strings.Cut(s, "[[")
		b.WriteString(before)
		if !marked {
			t.Text = b.String()
			return t, nil
		}
		name, after, closed := strings.Cut(rest, "]]")
		kind, value, named := strings.Cut(name, ":")
		if !slices.Contains(names.Kinds, kind) || !named || !closed || value == "" {
			return nil, fmt.Errorf("%q is no mark", "[["+name)
		}
		t.Spans = append(t.Spans, Span{b.Len(), b.Len() + len(value), kind})
		t.Label = "pii"
		b.WriteString(value)
		s = after
	}
}

// lists are the names of a language, by what they are.
type lists map[string][]string

// nameLists reads the lists of every language; "world" is for all that are written in Latin
// letters.
func nameLists() (map[string]lists, error) {
	files, err := corpus.ReadDir("corpus/names")
	if err != nil {
		return nil, err
	}
	out := map[string]lists{}
	for _, f := range files {
		b, err := corpus.ReadFile("corpus/names/" + f.Name())
		if err != nil {
			return nil, err
		}
		l, section := lists{}, ""
		for _, s := range strings.Split(string(b), "\n") {
			s = strings.TrimSpace(s)
			if name, ok := strings.CutSuffix(s, ":"); ok && !strings.Contains(name, " ") {
				section = name
			} else if s != "" {
				l[section] = append(l[section], s)
			}
		}
		out[strings.TrimSuffix(f.Name(), ".txt")] = l
	}
	return out, nil
}

// sections are the lists by the part of a name that their words are.
var sections = map[string]uint8{"given": names.PartGiven, "given-latin": names.PartGiven, "surname": names.PartSurname, "surname-latin": names.PartSurname,
	"city": names.PartPlace, "place": names.PartPlace, "org": names.PartOrganization}

// parts says of which names words are a part. A word that ordinary texts often have is a part
// of a name only where it is the whole of one: "New" is no place.
func parts(all map[string]lists, count map[uint32]int) map[uint32]uint8 {
	out := map[uint32]uint8{}
	r := new(names.Reader)
	for _, l := range all {
		for section, list := range l {
			bit := sections[section]
			if bit == 0 {
				continue
			}
			for _, name := range list {
				n := r.Read(name, nil)
				for i := range n {
					start, end := r.Token(i)
					h, _, _ := r.Word(i)
					if end-start > 2 && (n == 1 || count[h] < 7) {
						out[h] |= bit
					}
				}
			}
		}
	}
	return out
}
