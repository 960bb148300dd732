package guard

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Stage is a second opinion that costs more than a look: a model, a service, a classifier
// somewhere else. A policy asks it only where the first look is not sure, on its own
// goroutine, and gives it up at a deadline. It must be safe for concurrent use.
type Stage interface {
	// ID is what policies call it.
	ID() string
	// Judges reports whether its opinion counts for what was found: one that knows harm says
	// nothing about attacks.
	Judges(risk.Category) bool
	// Ask returns what it thinks of a text. Its errors are never quoted, unless they are one
	// of ErrStageBusy, ErrStageDown, ErrStageAnswer and ErrStageLong.
	Ask(context.Context, Question) (Answer, error)
}

// What can be wrong with a stage, in words that a record may hold.
var (
	ErrStageBusy   = errors.New("said that it has too much to do")
	ErrStageDown   = errors.New("could not be reached, or failed")
	ErrStageAnswer = errors.New("gave an answer that says nothing")
	ErrStageLong   = errors.New("was given more text than it takes")
)

// Question is a passage that the first look was not sure of.
type Question struct {
	Text       string // what policy masks for providers is masked in it
	Origin     llm.Origin
	Categories []risk.Category // what it may be
}

// Answer takes the place of the first look's probability. Text[Start:End] is where it is;
// both zero where the stage does not say.
type Answer struct {
	Probability float64
	Start, End  int
}

// second begins the names under which stages stand in records.
const second = "second/"

// asking marks the context in which a stage is asked.
type asking struct{}

// Asked reports whether a call is made to answer a stage's question. Such a call asks no
// stage itself, or it would never end.
func Asked(ctx context.Context) bool { return ctx.Value(asking{}) != nil }

// Confidant decides whether a stage may be shown a call in which this was found, and in which
// context it is asked then.
type Confidant func(ctx context.Context, stage string, found []Labelled) (context.Context, bool)

type confiding struct{}

// Confide has a Confidant asked before any stage is. Without one, stages may see everything.
func Confide(ctx context.Context, c Confidant) context.Context {
	return context.WithValue(ctx, confiding{}, c)
}

// What is on record where a question was not asked.
var (
	errSpent   = errors.New("left out, because its questions of this minute are spent")
	errGuarded = errors.New("left out, because the call is labelled higher than what it may see")
)

// staged is a stage as a policy asks it.
type staged struct {
	stage    Stage
	from, to float64
	origins  []llm.Origin // none: all
	deadline time.Duration
	failed   risk.Decision // what follows when it gives no answer
	circuit  *circuit
	hung     atomic.Int32

	mu     sync.Mutex
	budget int // questions a minute
	spent  int
	minute time.Time
}

// maxAsked is how many questions of one call are open at once.
const maxAsked = 8

// heard holds the passages that a stage has judged.
type heard map[int]bool

// grey reports whether a finding is one that the stage shall be asked about.
func (s *staged) grey(c *Compiled, f risk.Finding, passages []llm.Passage) bool {
	if s == nil || f.Passage < 0 || f.Allowed != "" || f.Confidence < s.from || f.Confidence >= s.to || !c.lined(f) {
		return false
	}
	p := &passages[f.Passage]
	return p.Seam == 0 && p.Path != llm.Headers && (len(s.origins) == 0 || slices.Contains(s.origins, p.Origin)) &&
		c.linesFor(f.Category, p.Origin).decide(1) > risk.Allow && s.stage.Judges(f.Category)
}

// take spends one of this minute's questions.
func (s *staged) take(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.minute) >= time.Minute || now.Before(s.minute) {
		s.minute, s.spent = now, 0
	}
	if s.spent >= s.budget {
		return false
	}
	s.spent++
	return true
}

// query is a passage to ask about, and what came of it.
type query struct {
	passage  int
	findings []int
	masked   bool
	question Question
	answer   Answer
	err      error
}

// ask asks the policy's stage about every passage that the first look was not sure of, all
// at once, and moves their findings to what it says. It does not ask when the call is
// refused whatever the answer.
func (c *Compiled) ask(ctx context.Context, dir Direction, passages []llm.Passage, d *draft) heard {
	s := c.second
	if s == nil || dir == Output {
		return nil
	}
	began := time.Now()
	queries := c.queries(passages, d.findings)
	stops := slices.ContainsFunc(d.findings, func(f risk.Finding) bool { return f.Decision >= risk.Hold && !s.grey(c, f, passages) })
	if len(queries) == 0 || stops || Asked(ctx) {
		d.checks = append(d.checks, risk.Check{Detector: second + s.stage.ID(), State: risk.Skipped})
		return nil
	}
	asked, may := context.WithValue(ctx, asking{}, true), true
	if confidant, ok := ctx.Value(confiding{}).(Confidant); ok {
		asked, may = confidant(asked, s.stage.ID(), d.labelled)
	}
	if may {
		s.put(asked, queries, c.engine.now())
	} else {
		for i := range queries {
			queries[i].err = errGuarded
		}
	}
	saw := heard{}
	for i := range queries {
		if queries[i].err == nil {
			saw[queries[i].passage] = true
			c.move(&queries[i], passages, d)
		}
	}
	c.account(queries, d, time.Since(began))
	return saw
}

// queries collects what to ask, the likeliest first: the minute's questions may not do for
// all.
func (c *Compiled) queries(passages []llm.Passage, found []risk.Finding) []query {
	at := map[int]int{}
	var out []query
	for i, f := range found {
		if !c.second.grey(c, f, passages) {
			continue
		}
		n, known := at[f.Passage]
		if !known {
			n = len(out)
			at[f.Passage] = n
			out = append(out, query{passage: f.Passage})
		}
		q := &out[n]
		q.findings = append(q.findings, i)
		if !slices.Contains(q.question.Categories, f.Category) {
			q.question.Categories = append(q.question.Categories, f.Category)
		}
	}
	for i := range out {
		q := &out[i]
		q.question.Origin = passages[q.passage].Origin
		q.question.Text, q.masked = c.discreet(passages[q.passage].Text, q.passage, found)
	}
	likeliest := func(q query) float64 {
		p := 0.
		for _, i := range q.findings {
			p = max(p, found[i].Confidence)
		}
		return p
	}
	slices.SortStableFunc(out, func(a, b query) int { return cmp.Compare(likeliest(b), likeliest(a)) })
	return out
}

// discreet is a text as a provider would get it: a stage is told no more than that.
func (c *Compiled) discreet(text string, passage int, found []risk.Finding) (string, bool) {
	var changes []PassageChange
	for _, f := range found {
		if f.Passage == passage && f.Decision == risk.Mask && !c.lined(f) && f.End > f.Start {
			changes = append(changes, PassageChange{Start: f.Start, End: f.End, New: placeholder(f)})
		}
	}
	return apply(text, merge(changes)), len(changes) > 0
}

// put asks the questions, and waits for all answers or the deadline.
func (s *staged) put(ctx context.Context, queries []query, now time.Time) {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	var all sync.WaitGroup
	places := make(chan struct{}, maxAsked)
	for i := range queries {
		q := &queries[i]
		if !s.take(now) {
			q.err = errSpent
			continue
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			q.err = errLate
			continue
		}
		all.Go(func() {
			defer func() { <-places }()
			q.answer, q.err = await(caller, time.Until(deadlineOf(ctx)), &s.hung, s.circuit, func(ctx context.Context) (Answer, error) { return s.stage.Ask(ctx, q.question) })
			if p := q.answer.Probability; q.err == nil && !(p >= 0 && p <= 1) {
				q.err = ErrStageAnswer
			}
		})
	}
	all.Wait()
}

func deadlineOf(ctx context.Context) time.Time {
	t, _ := ctx.Deadline() // put has just set one
	return t
}

// move gives a passage's findings the stage's probability, and adds the place that it names.
func (c *Compiled) move(q *query, passages []llm.Passage, d *draft) {
	for _, i := range q.findings {
		f := &d.findings[i]
		f.Confidence = q.answer.Probability
		f.Decision = c.decide(Input, *f, passages[q.passage].Origin)
	}
	a := q.answer
	if q.masked || a.Start < 0 || a.Start >= a.End || a.End > len(q.question.Text) {
		return // it names none, or one in a text that is not quite the passage's
	}
	f := d.findings[q.findings[0]]
	f.Detector, f.Start, f.End = second+c.second.stage.ID(), a.Start, a.End
	if f.Decision > risk.Allow {
		d.findings = append(d.findings, f)
	}
}

// account puts on record what was asked and what was not, and lets policy decide about
// what has no answer.
func (c *Compiled) account(queries []query, d *draft, took time.Duration) {
	id := second + c.second.stage.ID()
	var ran, spent []int
	var broken error
	for i := range queries {
		switch q := &queries[i]; {
		case q.err == nil:
			ran = append(ran, q.passage)
		case errors.Is(q.err, errSpent):
			spent = append(spent, q.passage)
		default:
			broken = q.err
		}
	}
	slices.Sort(ran)
	slices.Sort(spent)
	if len(ran) > 0 {
		d.checks = append(d.checks, risk.Check{Detector: id, State: risk.Ran, Passages: ran, Took: took})
	}
	if len(spent) > 0 {
		d.checks = append(d.checks, risk.Check{Detector: id, State: risk.Skipped, Passages: spent, Err: errSpent.Error()})
	}
	if broken != nil {
		d.checks = append(d.checks, risk.Check{Detector: id, State: stateOf(broken), Err: reason(broken), Took: took})
		d.findings = append(d.findings, risk.Finding{Category: risk.CheckFailed, Detector: id, Severity: risk.High, Confidence: 1,
			Passage: -1, Decision: c.second.failed})
	}
}
