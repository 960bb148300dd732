package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/redteam/score"
)

// Measured is how well a scorer was seen to judge.
type Measured = score.Measured

// Measurable are the scorers whose errors are measured: the others prove what they say.
var Measurable = []string{"harm@1", "harm_sure@1", "refusal@1", "judge@1"}

// MeasureScorer says how well a scorer judges the labelled answers of a file; "": those that ship. The
// judge's model is that of a campaign, which its scope must allow.
func MeasureScorer(ctx context.Context, id, file string, c *redteam.Campaign, judge redteam.Target, scope *redteam.Scope) (*Measured, error) {
	list, err := labelledAnswers(file)
	if err != nil {
		return nil, err
	}
	all, err := everyScorer()
	if err != nil {
		return nil, err
	}
	var ask func(redteam.Role, string) (string, error)
	var broke error // the cap, or the scope, that ended it: what was measured until then is no measurement
	if judge != nil {
		model, err := c.Asks(ctx, map[redteam.Role]redteam.Target{redteam.JudgeRole: judge}, scope, time.Now)
		if err != nil {
			return nil, err
		}
		ask = func(r redteam.Role, prompt string) (string, error) {
			answer, err := model(r, prompt)
			if errors.Is(err, redteam.ErrBudget) || errors.Is(err, redteam.ErrScope) {
				broke = err
			}
			return answer, err
		}
	}
	for _, k := range all {
		if k.ID() == id && slices.Contains(Measurable, id) {
			m, err := score.Measure(ctx, k, list, ask)
			return m, errors.Join(err, broke)
		}
	}
	return nil, fmt.Errorf("there is no scorer %s to measure; there are %s", id, strings.Join(Measurable, ", "))
}

// everyScorer returns those of campaigns without a judge's model, and of those with one.
func everyScorer() ([]redteam.Scorer, error) {
	without, err := Scorers(nil)
	if err != nil {
		return nil, err
	}
	with, err := ScorersOf(&redteam.Campaign{Judge: &redteam.Endpoint{}}, nil)
	return append(without, with...), err
}

func labelledAnswers(file string) ([]score.Labelled, error) {
	if file == "" {
		return score.Answers()
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("the labelled answers cannot be read: %w", err)
	}
	defer f.Close()
	return score.ParseLabelled(f)
}
