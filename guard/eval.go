package guard

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/bartizan-ai/bartizan/labelled"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Tally counts what a policy made of the texts of one kind.
type Tally struct {
	File    string `json:"file"`
	Label   string `json:"label"`
	By      string `json:"by"` // "all", "source", "category", "lang"
	Value   string `json:"value,omitempty"`
	N       int    `json:"n"`
	Stopped int    `json:"stopped"` // held or blocked
	Acted   int    `json:"acted"`   // stopped, or masked
	Marked  int    `json:"marked"`  // acted on, or flagged
	// Low and High bound the rate of Stopped, and of Acted where secrets or personal
	// data are meant, with 95 % confidence (Wilson, JASA 22, 1927).
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Evaluate runs a policy over labelled texts: the files *.jsonl.gz of a folder, one
// JSON object a line with text, label, source, category and lang. progress is told
// of each file. What the texts say is never part of the result.
func (c *Compiled) Evaluate(ctx context.Context, dir string, progress func(file string)) ([]Tally, error) {
	files, err := labelled.Files(dir)
	if err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	var out []Tally
	for _, name := range files {
		if progress != nil {
			progress(name)
		}
		t := tallies{file: name, by: map[string]*Tally{}}
		if err := c.evaluateFile(ctx, dir, &t); err != nil {
			return nil, fmt.Errorf("guard: evaluating %w", err)
		}
		out = append(out, t.list()...)
	}
	return out, nil
}

func (c *Compiled) evaluateFile(ctx context.Context, dir string, t *tallies) error {
	for s, err := range labelled.Read(dir, t.file) {
		if err != nil {
			return err
		}
		v := c.Judge(ctx, Input, []llm.Passage{{Origin: originOf(t.file, s.Label), Text: s.Text, Whole: true}}).Verdict
		t.count(s, v.Decision)
	}
	return ctx.Err()
}

// originOf says who could have written a text of a file: documents come from
// elsewhere, everything else from users.
func originOf(file, label string) llm.Origin {
	if label == "indirect" || file == "benign_documents" {
		return llm.OriginRetrieved
	}
	return llm.OriginUser
}

// tallies are those of one file.
type tallies struct {
	file string
	by   map[string]*Tally
}

func (t *tallies) count(s *labelled.Text, d risk.Decision) {
	for by, value := range map[string]string{"all": "", "source": s.Source, "category": s.Category, "lang": s.Lang} {
		key := s.Label + "\x00" + by + "\x00" + value
		one := t.by[key]
		if one == nil {
			one = &Tally{File: t.file, Label: s.Label, By: by, Value: value}
			t.by[key] = one
		}
		one.N++
		if d >= risk.Hold {
			one.Stopped++
		}
		if d >= risk.Mask {
			one.Acted++
		}
		if d >= risk.Flag {
			one.Marked++
		}
	}
}

func (t *tallies) list() []Tally {
	keys := make([]string, 0, len(t.by))
	for k := range t.by {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	out := make([]Tally, len(keys))
	for i, k := range keys {
		out[i] = *t.by[k]
		out[i].Low, out[i].High = Wilson(out[i].Hits(), out[i].N)
	}
	return out
}

// Hits is what counts for a label: a secret is found when it is masked, an attack
// when it is stopped.
func (t *Tally) Hits() int {
	if t.File == "secret" || t.File == "pii" {
		return t.Acted
	}
	return t.Stopped
}

// Wilson is the score interval of a proportion at 95 % (Wilson, JASA 22, 1927).
func Wilson(hits, n int) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	const z = 1.959964
	p, m := float64(hits)/float64(n), float64(n)
	centre := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return max(0, centre-half), min(1, centre+half)
}
