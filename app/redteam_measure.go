package app

import (
	"context"
	"fmt"
	"os"
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
	if judge != nil {
		if ask, _, err = c.Asks(ctx, map[redteam.Role]redteam.Target{redteam.JudgeRole: judge}, scope, time.Now()); err != nil {
			return nil, err
		}
	}
	for _, k := range all {
		if k.ID() == id {
			return score.Measure(ctx, k, list, ask)
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
