package redteam

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// errEnough ends a search.
var errEnough = errors.New("redteam: enough")

// find returns the attempt that has a key.
func (p *Plan) find(key string) (Attempt, error) {
	for n := range p.Attempts {
		if a := p.Attempt(n); a.Key == key {
			return a, nil
		}
	}
	return Attempt{}, fmt.Errorf("redteam: no attempt of the campaign %s has the key %s", p.Campaign.Name, key)
}

// Again makes the conversations of an attempt once more, byte for byte, from its key and from
// what was answered then, by the target and by the attacker's model. Nothing is sent, and nobody is
// asked.
func Again(p *Plan, key string, replies []Exchange, said []Question) ([]Conversation, error) {
	a, err := p.find(key)
	if err != nil {
		return nil, err
	}
	return again(p, &a, replies, said).Sent, nil
}

// again returns an attempt as it was in the end.
func again(p *Plan, a *Attempt, replies []Exchange, said []Question) *State {
	s := a.Begin()
	s.Ask = (&asker{said: slices.Clone(said), from: &p.Campaign}).ask
	for s.Turn() < a.requests && len(s.Sent) < max(len(replies), 1) {
		c, more := a.Strategy.Next(s)
		if !more {
			break
		}
		if c.MaxTokens == 0 {
			c.MaxTokens = p.Campaign.MaxTokens
		}
		s.Sent = append(s.Sent, c)
		if len(s.Sent) > len(replies) {
			break
		}
		s.Replies = append(s.Replies, replies[len(s.Sent)-1])
	}
	return s
}

// ended is an attempt as it was when it was judged.
func ended(p *Plan, r *Result) (*State, error) {
	if r.N >= p.Attempts || p.Attempt(r.N).Key != r.Key {
		return nil, fmt.Errorf("%w: its result %d is none of this plan", ErrOther, r.N)
	}
	a := p.Attempt(r.N)
	s := again(p, &a, r.Replies, r.Asked)
	if r.Error != "" {
		s.Memory = broken{r.Error}
	}
	return s, nil
}

// as reports whether an attempt that was made again is the one that was sent.
func (s *State) as(r *Result) bool {
	for i := range s.Sent {
		if i >= len(r.Sent) || Digest(&s.Sent[i]) != r.Sent[i] {
			return false
		}
	}
	return len(s.Sent) == len(r.Sent)
}

// Replayed is an attempt that was made once more.
type Replayed struct {
	Before, After *Result
	Same          bool // it was sent the same, and ended alike
}

// Replay makes one attempt of a campaign once more. Models on our own side are not asked again: they say
// what they said, and where the target answers otherwise the attempt ends.
func Replay(ctx context.Context, dir string, p *Plan, key string, target Target, scope *Scope, scorers []Scorer) (*Replayed, error) {
	cfg := RunConfig{Plan: p, Targets: map[string]Target{}, Scope: scope, Scorers: scorers}
	for _, arm := range p.Campaign.Arms {
		cfg.Targets[arm] = target
	}
	before, err := Find(dir, key)
	if err != nil {
		return nil, err
	}
	a, err := p.find(key)
	if err != nil {
		return nil, err
	}
	cfg = cfg.ready()
	if err := cfg.allowed(); err != nil {
		return nil, err
	}
	after, err := (&runner{cfg: cfg}).play(ctx, &a, before.Asked)
	if err != nil {
		return nil, err
	}
	same := after.Outcome == before.Outcome && after.Score.Verdict == before.Score.Verdict && len(after.Sent) > 0 && len(before.Sent) > 0 && after.Sent[0] == before.Sent[0]
	return &Replayed{before, after, same}, nil
}

// Find returns the result of an attempt.
func Find(dir, key string) (found *Result, err error) {
	err = Results(dir, func(r *Result) error {
		if r.Key == key {
			found = r
			return errEnough
		}
		return nil
	})
	if found != nil {
		return found, nil
	}
	if err == nil {
		err = fmt.Errorf("redteam: the campaign has no result of the key %s", key)
	}
	return nil, err
}

// Rescored is what other scorers make of a campaign.
type Rescored struct {
	Attempts int       `json:"attempts"`
	Changed  []Changed `json:"changed"`
}

// Changed is an attempt of which they say something else.
type Changed struct {
	Key    string  `json:"key"`
	Before Verdict `json:"before"`
	After  Verdict `json:"after"`
	Scorer string  `json:"scorer"`
}

// Rescore judges what was answered once more, without calling the target.
func Rescore(ctx context.Context, dir string, p *Plan, scorers []Scorer) (*Rescored, error) {
	out := &Rescored{Changed: []Changed{}}
	err := Results(dir, func(r *Result) error {
		s, err := ended(p, r)
		if err != nil {
			return err
		}
		if !s.as(r) {
			s.Sent, s.Replies = nil, r.Replies // its answers are there all the same
		}
		_, score := Judge(ctx, s, scorers)
		out.Attempts++
		if score.Verdict != r.Score.Verdict {
			out.Changed = append(out.Changed, Changed{r.Key, r.Score.Verdict, score.Verdict, score.Scorer})
		}
		return ctx.Err()
	})
	return out, err
}

// Remade makes the conversations of a result once more. It holds that they are those that were
// sent.
func Remade(p *Plan, r *Result) ([]Conversation, error) {
	s, err := ended(p, r)
	if err != nil {
		return nil, err
	}
	if !s.as(r) {
		return nil, fmt.Errorf("redteam: attempt %s is made otherwise by this version, so it cannot be shown as it was", r.Key)
	}
	return s.Sent, nil
}
