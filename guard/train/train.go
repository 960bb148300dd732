// Package train makes the guard's models of labelled texts, and measures what they are
// worth on texts of sources that they have not seen.
//
// [Guard] reads a collection and the texts of the package's own corpus, learns, and
// returns the file that ships with the program: the same bytes for the same texts. Every
// figure it reports of training texts comes from models that have seen no text of the same
// source ("leave one source out"): what a model says of its own style is no measurement.
// The probabilities, and the lines from which a policy acts, are made of those figures too.
//
// What texts say is never part of a report. May change.
package train

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/guard/detect"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/ngram"
	"github.com/bartizan-ai/bartizan/risk"
)

// Config says what to learn from.
type Config struct {
	Data     string                             // folder with files *.jsonl.gz
	Progress func(step string, done, total int) // nil: nobody is told
}

// Outcome is what was learnt, and what it is worth.
type Outcome struct {
	Model *detect.Shipped
	Texts []Scored // every text that was measured, by a model that had not seen its source
}

// Shipped returns what this binary was built with.
func Shipped() (*detect.Shipped, error) { return detect.LoadShipped() }

// Same reports whether what was learnt is, byte for byte, another file.
func (o *Outcome) Same(as *detect.Shipped) (bool, error) {
	mine, err := o.Model.MarshalBinary()
	if err != nil {
		return false, err
	}
	other, err := as.MarshalBinary()
	return bytes.Equal(mine, other), err
}

// Scored is a text with what was said of it.
type Scored struct {
	*Text
	Evidence detect.Evidence
	Attack   float64 // probability
	Harm     float64
	Hidden   bool // characters that no reader sees were found
}

// Guard learns the guard's models.
func Guard(ctx context.Context, cfg Config) (*Outcome, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(string, int, int) {}
	}
	texts, err := Load(cfg.Data)
	if err != nil {
		return nil, err
	}
	own, err := Corpus()
	if err != nil {
		return nil, err
	}
	t := &trainer{cfg: cfg, texts: echoes(append(texts, own...))}
	if err := t.read(ctx); err != nil {
		return nil, err
	}
	if err := t.leaveOut(ctx); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cfg.Progress("learning from all", 0, 1)
	card := t.weigh()
	model := t.fit(everything)
	t.kinds(model)
	card.Data = digest(t.texts)
	model.Card = card
	cfg.Progress("learning from all", 1, 1)
	return &Outcome{Model: model, Texts: t.scored(model)}, nil
}

// digest names the texts that were learnt from.
func digest(texts []*Text) string {
	h := sha256.New()
	for _, x := range texts {
		fmt.Fprintf(h, "%s\x00%s\x00%s\x00%d\x00", x.File, x.ID, x.Label, len(x.Text))
		h.Write([]byte(x.Text))
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// trainer holds the texts and what was read of them, in the same order.
type trainer struct {
	cfg      Config
	texts    []*Text
	windows  [][]window        // that are asked about attacks
	evidence []detect.Evidence // by models that have not seen the text's source
}

// window is a window of a text, with its place in the text as written.
type window struct {
	ids        []uint32
	values     []float32
	start, end int
	decoded    bool
}

// probe is the last detector of an engine: it sees the views and what the rules found.
type probe struct {
	*detect.Model
	see func(views []guard.View, found []risk.Finding) error
}

// Weigh hands over what it sees of the text; what is embedded in it, the engine shows once more
// behind it.
func (p *probe) Weigh(_ context.Context, views []guard.View, found []risk.Finding) ([]risk.Finding, error) {
	if i := slices.IndexFunc(views, func(v guard.View) bool { return v.Passage > 0 }); i >= 0 {
		views = views[:i]
	}
	found = slices.DeleteFunc(found, func(f risk.Finding) bool { return f.Passage > 0 })
	return nil, p.see(views, found)
}

// Finds says nothing, so that no policy skips it.
func (p *probe) Finds() []risk.Category { return nil }

// look shows texts to the rules and hands what they and the model see to f. It uses every
// processor; f is called for different texts at once.
func look(ctx context.Context, step string, cfg *Config, texts []*Text, model *detect.Model, f func(i int, views []guard.View, found []risk.Finding) error) error {
	var wg sync.WaitGroup
	next, errs := make(chan int, 256), make(chan error, runtime.GOMAXPROCS(0))
	for range runtime.GOMAXPROCS(0) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			at := 0
			p := &probe{Model: model}
			p.see = func(views []guard.View, found []risk.Finding) error { return f(at, views, found) }
			look, err := compile(p)
			for at = range next {
				if err == nil {
					look.Judge(ctx, guard.Input, []llm.Passage{{Origin: texts[at].Origin, Text: texts[at].Text, Whole: true}})
				}
			}
			errs <- err
		}()
	}
	for i := range texts {
		if i%1000 == 0 {
			cfg.Progress(step, i, len(texts))
		}
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	cfg.Progress(step, len(texts), len(texts))
	for range runtime.GOMAXPROCS(0) {
		if err := <-errs; err != nil {
			return err
		}
	}
	return ctx.Err()
}

func compile(p *probe) (*guard.Compiled, error) {
	e, err := guard.New(guard.Config{Detectors: append(detect.Rules(), p)})
	if err != nil {
		return nil, err
	}
	return e.Compile("train", guard.Standard())
}

// most bounds how many windows are taken of a text.
const most = 400

// read takes all texts apart.
func (t *trainer) read(ctx context.Context) error {
	t.windows = make([][]window, len(t.texts))
	model := detect.NewModel(nil)
	readers := sync.Pool{New: func() any { return new(ngram.Reader) }}
	return look(ctx, "reading", &t.cfg, t.texts, model, func(i int, views []guard.View, _ []risk.Finding) error {
		if t.texts[i].Echo {
			return nil
		}
		r := readers.Get().(*ngram.Reader)
		defer readers.Put(r)
		for n := range views {
			v := &views[n]
			model.Windows(r, v, func(w ngram.Window) {
				if len(t.windows[i]) < most {
					start, end := v.Original(w.Start, w.End)
					t.windows[i] = append(t.windows[i], window{slices.Clone(w.IDs), slices.Clone(w.Values), start, end, v.Decoded()})
				}
			})
		}
		return nil
	})
}

// everything is the fold that leaves nothing out.
const everything = -1

// leaveOut learns once for each fold without its texts, and looks at those.
func (t *trainer) leaveOut(ctx context.Context) error {
	t.evidence = make([]detect.Evidence, len(t.texts))
	for fold := range Folds {
		if err := ctx.Err(); err != nil {
			return err
		}
		t.cfg.Progress("learning without a source", fold, Folds)
		learnt := t.fit(fold)
		var at []int
		var texts []*Text
		for i, x := range t.texts {
			if x.Fold == fold {
				at, texts = append(at, i), append(texts, x)
			}
		}
		model := detect.NewModel(func() (*detect.Shipped, error) { return learnt, nil })
		quiet := Config{Progress: func(string, int, int) {}}
		err := look(ctx, "", &quiet, texts, model, func(i int, views []guard.View, found []risk.Finding) error {
			e, err := model.Evidence(views, found)
			if err == nil && len(e) == 1 {
				t.evidence[at[i]] = e[0]
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	t.cfg.Progress("learning without a source", Folds, Folds)
	return nil
}

// fit learns the two models that read every text, side by side.
func (t *trainer) fit(fold int) *detect.Shipped {
	out := new(detect.Shipped)
	var wg sync.WaitGroup
	wg.Go(func() { out.Attack = t.attack(fold).Model() })
	wg.Go(func() { out.Harm = ngram.Fit(ngram.Config{}, t.harm(fold)).Model() })
	wg.Wait()
	return out
}

// Score looks at the texts of a folder with what was learnt.
func Score(ctx context.Context, cfg Config, learnt *detect.Shipped) ([]Scored, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(string, int, int) {}
	}
	texts, err := Load(cfg.Data)
	if err != nil {
		return nil, err
	}
	out := make([]Scored, len(texts))
	model := detect.NewModel(func() (*detect.Shipped, error) { return learnt, nil })
	err = look(ctx, "looking", &cfg, texts, model, func(i int, views []guard.View, found []risk.Finding) error {
		e, err := model.Evidence(views, found)
		if err == nil && len(e) == 1 {
			out[i] = score(learnt, texts[i], e[0])
			out[i].Hidden = slices.ContainsFunc(found, func(f risk.Finding) bool { return f.Category == risk.HiddenText })
		}
		return err
	})
	return out, err
}
