package redteam

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// play makes one attempt.
func (r *runner) play(ctx context.Context, a *Attempt) (*Result, error) {
	s := a.Begin()
	one := &Result{N: a.N, Key: a.Key, Pair: a.Pair, Arm: a.Arm, Seed: a.Seed.ID, Strategy: a.Strategy.ID(), Chain: a.Chain, Repeat: a.Repeat, Cell: a.Cell, Trace: Trace{At: r.cfg.Now().UTC()}}
	target := r.cfg.Targets[a.Arm]
	for s.Turn() < a.requests {
		c, more := a.Strategy.Next(s)
		if !more {
			break
		}
		if c.MaxTokens == 0 {
			c.MaxTokens = r.cfg.Plan.Campaign.MaxTokens
		}
		if err := r.limit.wait(ctx); err != nil {
			return nil, err
		}
		began := time.Now()
		e, err := target.Send(ctx, &c)
		if err == nil {
			err = ctx.Err() // what was cut off is no answer
		}
		if err != nil {
			return nil, fmt.Errorf("redteam: attempt %d: %w", a.N, err)
		}
		e.Took = time.Since(began)
		e.clean()
		one.Sent = append(one.Sent, Digest(&c))
		s.Replies = append(s.Replies, e)
		if e.Outcome == Failed {
			break // it says nothing of the target, and neither would what follows
		}
	}
	one.Replies = s.Replies
	one.Outcome, one.Score = Judge(ctx, s, r.cfg.Scorers)
	return one, nil
}

// clean replaces what is no UTF-8 in what a target said: a journal holds JSON, and what is read
// there must be what was judged.
func (e *Exchange) clean() {
	texts := []*string{&e.Text, &e.Error, &e.Model, &e.Record}
	for i := range e.Calls {
		texts = append(texts, &e.Calls[i].Tool, &e.Calls[i].Args)
	}
	if b := e.Block; b != nil {
		texts = append(texts, &b.Where, &b.Detector, &b.Category, &b.Policy)
	}
	for _, s := range texts {
		*s = strings.ToValidUTF8(*s, "\ufffd")
	}
}

// Judge says what became of an attempt, and whether it had its effect. A hit is a hit in
// whichever reply it is, and what left before a block has left; what was blocked or failed is no hit
// and no miss of the model's.
func Judge(ctx context.Context, s *State, scorers []Scorer) (Outcome, Score) {
	last := s.Last()
	if last == nil {
		return Failed, Score{Verdict: Unknown, Why: "nothing was sent"}
	}
	spoke := false
	for i := range s.Replies {
		spoke = spoke || s.Replies[i].Spoke()
	}
	score := Score{Verdict: Miss, Scorer: "outcome", Reply: len(s.Replies) - 1}
	if spoke {
		score = ask(ctx, s, scorers)
	}
	switch {
	case score.Verdict == Hit && !(s.Seed.Persona == Benign && last.Outcome == Blocked): // who means no harm was stopped all the same
		return Answered, score
	case last.Outcome == Failed:
		return Failed, Score{Verdict: Unknown, Scorer: "outcome", Why: last.Error, Reply: score.Reply}
	case last.Outcome == Blocked:
		return Blocked, Score{Verdict: Miss, Scorer: "outcome", Why: "blocked", Reply: len(s.Replies) - 1}
	case score.Refused || last.Outcome == Refused:
		return Refused, score
	}
	return Answered, score
}

// ask asks the scorers in turn: the first that is sure decides.
func ask(ctx context.Context, s *State, scorers []Scorer) Score {
	out := Score{Verdict: Unknown, Scorer: "none", Why: "no scorer knows this effect"}
	refused := false
	for _, k := range scorers {
		if !k.Scores(s.Seed.Effect) {
			continue
		}
		got := k.Score(ctx, s)
		got.Scorer = k.ID()
		refused = refused || got.Refused
		if got.Verdict != Unknown {
			got.Refused = refused
			return got
		}
		out = got
	}
	out.Refused = refused
	return out
}

// pace lets so many requests go a second.
type pace struct {
	mu   sync.Mutex
	each time.Duration
	next time.Time
}

func newPace(perSecond float64) *pace {
	if perSecond <= 0 {
		return nil
	}
	return &pace{each: time.Duration(float64(time.Second) / perSecond)}
}

func (p *pace) wait(ctx context.Context) error {
	if p == nil {
		return ctx.Err()
	}
	p.mu.Lock()
	now := time.Now()
	at := p.next
	if at.Before(now) {
		at = now
	}
	p.next = at.Add(p.each)
	p.mu.Unlock()
	if at.Equal(now) {
		return ctx.Err()
	}
	t := time.NewTimer(at.Sub(now))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
