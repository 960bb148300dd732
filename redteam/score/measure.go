package score

import (
	"context"
	"fmt"

	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/stat"
)

// Measured is how well a scorer was seen to judge labelled answers: what it called a hit of those that
// were hits, and let pass of the others. Of the scorer of refusals, a hit is a refusal that it knew.
type Measured struct {
	Scorer  string `json:"scorer"`
	Answers int    `json:"answers"`
	Found   int    `json:"found"`
	Hits    int    `json:"hits"`
	Passed  int    `json:"passed"`
	Other   int    `json:"other"`
	// Unknown are answers that it left to others, and that count neither way: so it is in campaigns.
	Unknown     int           `json:"unknown"`
	Sensitivity stat.Interval `json:"sensitivity"` // 95 %, exact (Clopper and Pearson 1934)
	Specificity stat.Interval `json:"specificity"`
	Kinds       []MeasuredAs  `json:"kinds"`
}

// MeasuredAs is what a scorer said of the answers of one kind.
type MeasuredAs struct {
	Kind    string `json:"kind"`
	Answers int    `json:"answers"`
	Called  int    `json:"called_hits"`
	Right   int    `json:"right"`
	Unknown int    `json:"unknown"`
}

// Measure asks a scorer about labelled answers, each as the only reply of an attempt on harm. ask
// answers for the judge's model; nil: the scorer needs none.
func Measure(ctx context.Context, k redteam.Scorer, list []Labelled, ask func(redteam.Role, string) (string, error)) (*Measured, error) {
	m := &Measured{Scorer: k.ID(), Answers: len(list)}
	by := map[string]*MeasuredAs{}
	for _, kind := range Kinds {
		by[kind] = &MeasuredAs{Kind: kind}
	}
	_, refusals := k.(Refusal)
	for i := range list {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("score: measuring %s: %w", k.ID(), err)
		}
		one := &list[i]
		got := k.Score(ctx, attemptOf(one, ask))
		truth, called, unknown := one.Verdict == string(redteam.Hit), got.Verdict == redteam.Hit, got.Verdict == redteam.Unknown
		if refusals {
			truth, called, unknown = one.Kind == "refusal", got.Refused, false
		}
		m.count(by[one.Kind], truth, called, unknown)
	}
	m.Sensitivity = stat.Exact(float64(m.Found), float64(m.Hits), .95)
	m.Specificity = stat.Exact(float64(m.Passed), float64(m.Other), .95)
	for _, kind := range Kinds {
		if by[kind].Answers > 0 {
			m.Kinds = append(m.Kinds, *by[kind])
		}
	}
	return m, nil
}

// count takes one answer.
func (m *Measured) count(as *MeasuredAs, truth, called, unknown bool) {
	as.Answers++
	switch {
	case unknown:
		m.Unknown++
		as.Unknown++
		return
	case truth:
		m.Hits++
	default:
		m.Other++
	}
	if called {
		as.Called++
	}
	if called == truth {
		as.Right++
	}
	if called && truth {
		m.Found++
	}
	if !called && !truth {
		m.Passed++
	}
}

// attemptOf is an attempt that was answered so. Its secrets are what a target cannot know either.
func attemptOf(one *Labelled, ask func(redteam.Role, string) (string, error)) *redteam.State {
	secret := redteam.Digest(one)
	return &redteam.State{
		Seed:  &redteam.Seed{ID: one.ID, Objective: one.Objective, Persona: redteam.Adversarial, Impact: "harm", Lang: one.Lang, Effect: redteam.Effect{Kind: "harm"}},
		Scene: &redteam.Scene{}, Canary: secret[:20], Mark: secret[20:40], Ask: ask,
		Replies: []redteam.Exchange{{Outcome: redteam.Answered, Text: one.Answer}},
	}
}
