// Package train makes the recogniser of names of labelled texts, and measures every kind of
// personal data on texts that were not learnt from.
//
// [Names] reads a collection and the package's own corpus, learns, and returns the file that
// ships with the program: the same bytes for the same texts. While it learns, names are
// replaced by others from lists, and words are hidden, so that what is learnt is how names
// are made and where they stand. What texts say is never part of a report. May change.
package train

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"

	"github.com/bartizan-ai/bartizan/chain"
	"github.com/bartizan-ai/bartizan/mask/entity"
	"github.com/bartizan-ai/bartizan/names"
)

// Config says what to learn from.
type Config struct {
	Data     string                             // folder with files *.jsonl.gz
	Progress func(step string, done, total int) // nil: nobody is told
}

// Outcome is what was learnt.
type Outcome struct {
	Model *names.Recogniser
	Data  string // digest of the texts it was learnt from
}

// Same reports whether what was learnt is, byte for byte, the other.
func (o *Outcome) Same(as *names.Recogniser) (bool, error) {
	mine, err := o.Model.MarshalBinary()
	if err != nil {
		return false, err
	}
	other, err := as.MarshalBinary()
	return bytes.Equal(mine, other), err
}

// Shipped returns the recogniser that this binary was built with.
func Shipped() (*names.Recogniser, error) { return names.Load() }

// Names learns the recogniser.
func Names(ctx context.Context, cfg Config) (*Outcome, error) {
	t, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	model, err := t.fit(ctx, "learning from all", func(*Text) bool { return true })
	if err != nil {
		return nil, err
	}
	return &Outcome{Model: model, Data: digest(t.texts)}, nil
}

// Unseen measures every text by a model that has not seen it: of the corpus, no text of the
// same part; of the collection, no text of the same source.
func Unseen(ctx context.Context, cfg Config) ([]Scored, error) {
	t, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	var out []Scored
	for f := range Folds {
		m, err := t.fit(ctx, fmt.Sprintf("learning without part %d of %d", f+1, Folds), func(x *Text) bool { return x.Fold != f })
		if err != nil {
			return nil, err
		}
		var texts []*Text
		for _, x := range t.texts {
			if x.Fold == f {
				texts = append(texts, x)
			}
		}
		out = append(out, Score(texts, m)...)
	}
	return out, nil
}

// Score finds everything in texts: values by their shape, and names with a recogniser.
func Score(texts []*Text, r *names.Recogniser) []Scored {
	out := make([]Scored, len(texts))
	for i, t := range texts {
		out[i].Text = t
		for _, v := range entity.Find(t.Text, r) {
			out[i].Found = append(out[i].Found, Found{v.Start, v.End, v.Kind, v.Confidence})
		}
	}
	return out
}

// trainer holds what is learnt from.
type trainer struct {
	cfg   Config
	texts []*Text
	plain []*Text // harmless texts of which only some words are labelled
	names map[string]lists
	words *names.Vocabulary
}

func prepare(cfg Config) (*trainer, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(string, int, int) {}
	}
	texts, err := Load(cfg.Data)
	if err != nil {
		return nil, err
	}
	mine, err := Corpus()
	if err != nil {
		return nil, err
	}
	t := &trainer{cfg: cfg, texts: append(texts, mine...)}
	if t.names, err = nameLists(); err != nil {
		return nil, err
	}
	count, caps := map[uint32]int{}, map[uint32]int{}
	if t.plain, err = ordinary(cfg.Data, count, caps, func(done, total int) { cfg.Progress("counting words", done, total) }); err != nil {
		return nil, err
	}
	t.words = names.NewVocabulary(vocabularyBits, names.Words{Count: count, Caps: caps, Parts: parts(t.names, count)})
	return t, nil
}

// How it is learnt. The figures are those that did best on texts that were not learnt from.
const (
	vocabularyBits = 19
	rowBits        = 18
	epochs         = 10
	rate           = .05
	decay          = 1e-5
	// A name that is missed leaves; a word too many is put back.
	miss = 1.5
)

// hidden is how often the features of a place are hidden while learning, by place: a word
// itself often, so that its letters and neighbours must do.
var hidden = names.Hidden(.5, .4)

// small makes tests short: so many epochs; 0: all.
var small int

// fit learns from those texts that may be seen.
func (t *trainer) fit(ctx context.Context, step string, see func(*Text) bool) (*names.Recogniser, error) {
	var texts []*Text
	for _, x := range t.texts {
		if see(x) {
			texts = append(texts, x)
		}
	}
	texts = append(texts, t.plain...)
	for range bare {
		texts = append(texts, &Text{Source: numbers, Label: "benign"})
	}
	cfg := chain.Config{Tags: 2*len(names.Kinds) + 1, Width: names.Width, Bits: rowBits, Rate: rate, Decay: decay, Drop: hidden, Miss: miss, Epochs: epochs, Seed: 7}
	if small > 0 {
		cfg.Epochs = small
	}
	w := chain.Fit(cfg, func(n int) iter.Seq[chain.Sequence] { return t.epoch(ctx, step, n, texts) })
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &names.Recogniser{Words: t.words, Model: w.Model()}, nil
}

// epoch yields the texts in an order of their own, each varied.
func (t *trainer) epoch(ctx context.Context, step string, n int, texts []*Text) iter.Seq[chain.Sequence] {
	return func(yield func(chain.Sequence) bool) {
		v := &varier{names: t.names, rng: uint64(n)*0x9E3779B97F4A7C15 + 12345}
		order := make([]int, 0, len(texts))
		for i, x := range texts {
			for range times(x) {
				order = append(order, i)
			}
		}
		for i := range order {
			j := i + v.below(len(order)-i)
			order[i], order[j] = order[j], order[i]
		}
		r := &names.Reader{Words: t.words, Every: true}
		for done, i := range order {
			if done%2000 == 0 {
				t.cfg.Progress(step, n*len(order)+done, epochs*len(order))
			}
			if ctx.Err() != nil || !yield(sequence(r, v.vary(texts[i]))) {
				return
			}
		}
	}
}

// bare is how many texts of an epoch are numbers and codes by themselves, of source numbers:
// without anything around them they are nobody's house.
const (
	bare    = 1500
	numbers = "bare numbers"
)

// times is how often a text is shown in an epoch: those that people might have written more
// often than those that were made from few patterns.
func times(t *Text) int {
	if t.Source == own {
		return 4
	}
	return 1
}

// sequence turns a text into tokens with tags.
func sequence(r *names.Reader, t *Text) chain.Sequence {
	n := r.Read(t.Text, entity.Values(t.Text))
	s := chain.Sequence{IDs: r.IDs(), Tags: make([]uint8, n), Weight: 1}
	if t.Label == "unmarked" {
		unmarked(r, s.Tags)
		return s
	}
	at := 0
	for _, x := range t.Spans {
		kind := slices.Index(names.Kinds, x.Kind)
		if kind < 0 {
			continue
		}
		first := true
		for ; at < n; at++ {
			start, end := r.Token(at)
			if start >= x.End {
				break
			}
			if (start+end)/2 < x.Start {
				continue
			}
			s.Tags[at] = chain.Inside(kind)
			if first {
				s.Tags[at], first = chain.Begin(kind), false
			}
		}
	}
	return s
}

// unmarked labels the tokens of an ordinary text that are surely no part of a name, and
// leaves the others open: what stands between two that are open is, too.
func unmarked(r *names.Reader, tags []uint8) {
	for i := range tags {
		if !r.Plain(i) || i > 0 && !r.Plain(i-1) && i+1 < len(tags) && !r.Plain(i+1) {
			tags[i] = chain.Unlabelled
		}
	}
}

// digest names the texts that were learnt from.
func digest(texts []*Text) string {
	h := sha256.New()
	for _, x := range texts {
		fmt.Fprintf(h, "%s\x00%d\x00", x.ID, len(x.Text))
		h.Write([]byte(x.Text))
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}
