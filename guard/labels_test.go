package guard_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// TestLabelled: what policy labels is said of every such thing, whatever follows of it, and a
// detector that only labels runs.
func TestLabelled(t *testing.T) {
	finder := func(word string, cat risk.Category, score float64) guard.Detector {
		return &fixedFinder{word: word, category: cat, score: score}
	}
	engine, err := guard.New(guard.Config{Detectors: []guard.Detector{finder("ann@", "pii.email", 1), finder("4711", "pii.iban", 1), finder("maybe", "pii.email", .3), finder("key-", "secret.acme", 1)}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Compile("p", guard.Policy{Rules: []guard.Rule{{ID: "owl", Phrase: "owl", Action: "allow"}},
		Labels: guard.Labelling{Detected: map[string]string{"pii": "confidential", "pii.iban": "top", "secret": "top", "rule.owl": "general"}}})
	if err != nil {
		t.Fatal(err)
	}
	j := c.Judge(context.Background(), guard.Input, []llm.Passage{{Origin: llm.OriginUser, Text: "ann@ and 4711 and maybe an owl with key-1"}})
	var got []string
	for _, l := range j.Labelled {
		got = append(got, fmt.Sprintf("%s %s", l.Category, l.Label))
	}
	slices.Sort(got)
	if fmt.Sprint(got) != "[pii.email confidential pii.iban top policy_boundary general secret.acme top]" {
		t.Errorf("%v", got)
	}
	before := len(j.Changes)
	j.Hide(j.Labelled)
	j.Hide(nil)
	if j.Verdict.Decision != risk.Mask || len(j.Changes) != 4 || before != 1 {
		t.Errorf("%d changes, then %+v", before, j.Changes)
	}
	for i, f := range j.Verdict.Findings {
		if f.Decision != risk.Mask || i > 0 && f.Start < j.Verdict.Findings[i-1].Start {
			t.Errorf("%+v", j.Verdict.Findings)
		}
	}
	plain, err := engine.Compile("p", guard.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if j := plain.Judge(context.Background(), guard.Input, []llm.Passage{{Text: "ann@ key-1"}}); len(j.Labelled) != 0 {
		t.Errorf("labels without a policy: %+v", j.Labelled)
	}
}

// fixedFinder finds one word.
type fixedFinder struct {
	word     string
	category risk.Category
	score    float64
}

func (f *fixedFinder) ID() string             { return "test/" + f.word + "@1" }
func (f *fixedFinder) Finds() []risk.Category { return []risk.Category{f.category} }
func (f *fixedFinder) Look(_ context.Context, passages []llm.Passage) (out []risk.Finding, err error) {
	for i, p := range passages {
		for at := 0; at+len(f.word) <= len(p.Text); at++ {
			if p.Text[at:at+len(f.word)] == f.word {
				out = append(out, risk.Finding{Category: f.category, Confidence: f.score, Passage: i, Start: at, End: at + len(f.word)})
			}
		}
	}
	return out, nil
}
