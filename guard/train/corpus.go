package train

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

//go:embed corpus/*.txt
var corpus embed.FS

// opened and closed mark what was injected into a document of the corpus.
const opened, closed = "⟦", "⟧"

// Corpus returns the texts written for this project: attacks in words that collections
// rarely hold, and harmless texts full of the words that attacks use. They are dealt to
// the folds one by one.
func Corpus() ([]*Text, error) {
	names, err := corpus.ReadDir("corpus")
	if err != nil {
		return nil, err
	}
	var out []*Text
	for _, n := range names {
		b, err := corpus.ReadFile(path.Join("corpus", n.Name()))
		if err != nil {
			return nil, err
		}
		texts, err := parseCorpus(strings.TrimSuffix(n.Name(), ".txt"), string(b))
		if err != nil {
			return nil, fmt.Errorf("train: corpus/%s: %w", n.Name(), err)
		}
		out = append(out, texts...)
	}
	return out, nil
}

// parseCorpus reads texts that each stand below a line "-- name key=value … --".
func parseCorpus(file, s string) ([]*Text, error) {
	var out []*Text
	var t *Text
	var body strings.Builder
	flush := func() error {
		if t == nil {
			return nil
		}
		err := t.fill(strings.TrimSpace(body.String()))
		out = append(out, t)
		body.Reset()
		return err
	}
	for line := range strings.Lines(s) {
		head, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "-- ")
		if head, ok2 := strings.CutSuffix(head, " --"); ok && ok2 {
			if err := flush(); err != nil {
				return nil, err
			}
			var err error
			if t, err = header(file, head); err != nil {
				return nil, err
			}
			continue
		}
		body.WriteString(line)
	}
	return out, flush()
}

// header reads the line above a text.
func header(file, head string) (*Text, error) {
	words := strings.Fields(head)
	t := &Text{File: "corpus", Source: "corpus/" + file, Own: true, Lang: "en", ID: words[0]}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		switch k {
		case "label":
			t.Label = v
		case "origin":
			o, ok := llm.ParseOrigin(v)
			if !ok {
				return nil, fmt.Errorf("%s: there is no origin %q", t.ID, v)
			}
			t.Origin = o
		case "kind":
			t.Category = v
		case "lang":
			t.Lang = v
		default:
			return nil, fmt.Errorf("%s: there is no key %q", t.ID, k)
		}
	}
	if t.Fold = int(hash(file+t.ID) % Folds); t.Label == "attack" {
		if t.Label = "injection"; t.Data() {
			t.Label = "indirect"
		}
	}
	return t, nil
}

// fill takes the marks out of a text and keeps their places.
func (t *Text) fill(s string) error {
	for {
		before, rest, ok := strings.Cut(s, opened)
		if !ok {
			break
		}
		span, after, ok := strings.Cut(rest, closed)
		if !ok {
			return fmt.Errorf("%s: %s is never closed", t.ID, opened)
		}
		t.Spans = append(t.Spans, [2]int{len(before), len(before) + len(span)})
		s = before + span + after
	}
	if t.Text = s; s == "" || t.Label == "" {
		return fmt.Errorf("%s: it has no text or no label", t.ID)
	}
	return nil
}
