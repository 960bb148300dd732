package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// health is the one line about the whole that every page carries.
type health struct {
	Bad  bool
	Text string
}

func (c *Console) health() health {
	s := c.cfg.Ledger()
	switch s.State {
	case "full":
		return health{true, "The ledger is full: calls are refused until there is room."}
	case "failed":
		return health{true, "The ledger cannot write: calls are refused."}
	}
	return health{false, "Recording"}
}

// nowPage answers: is anything wrong, and what needs me?
type nowPage struct {
	*counts
	Sentence string
	Bad      bool
	Todo     []todo
	Legend   []risk.Decision
}

// number is one figure with its change against the day before.
type number struct {
	Name   string
	Value  string
	Change string
	Link   string
	Of     string // what it is a part of, with n
}

// todo is something that a person should look at.
type todo struct {
	Text, Link, Do string
	Bad            bool
}

// maxDay bounds how many records a page reads for its figures.
const maxDay = 20_000

// counts is one day, counted.
type counts struct {
	Numbers                       []number
	Strip                         strip
	Recent                        []row
	Capped                        bool
	calls, unchecked, interrupted int
}

func (c *Console) countNow(ctx context.Context, s *access.Session, now time.Time) (*counts, error) {
	var today, before []row
	for rec, err := range c.cfg.Desk.Records(ctx, actor(s), record.Query{Kind: "exchange", Users: true, Since: now.Add(-48 * time.Hour), Limit: maxDay}) {
		if err != nil {
			return nil, err
		}
		if rec.At().After(now.Add(-24 * time.Hour)) {
			today = append(today, newRow(rec))
		} else {
			before = append(before, newRow(rec))
		}
	}
	out := &counts{Numbers: numbers(today, before), Strip: newStrip(today, now), Capped: len(today)+len(before) == maxDay, calls: len(today)}
	for i := range today {
		x := &today[i]
		if x.Decision >= risk.Mask && len(out.Recent) < 8 {
			out.Recent = append(out.Recent, *x)
		}
		if x.Unchecked() {
			out.unchecked++
		}
		if x.End == "interrupted" {
			out.interrupted++
		}
	}
	return out, nil
}

func (c *Console) now(w http.ResponseWriter, r *http.Request, s *access.Session) {
	now := c.cfg.Now().UTC()
	day, err := c.day.Of(actor(s), now, func() (*counts, error) { return c.countNow(r.Context(), s, now) })
	if err != nil {
		c.failed(w, r, err)
		return
	}
	p := nowPage{counts: day, Legend: []risk.Decision{risk.Allow, risk.Flag, risk.Mask, risk.Block}}
	p.Todo = append(c.alarms(r.Context(), s), c.todo(s, day)...)
	for _, t := range p.Todo {
		p.Bad = p.Bad || t.Bad
	}
	p.Sentence = sentence(day.calls, p.Bad, len(p.Todo))
	c.render(w, r, http.StatusOK, "now", "Now", s, p)
}

func sentence(calls int, bad bool, todos int) string {
	switch {
	case bad:
		return "Something is wrong. The first item below says what."
	case calls == 0:
		return "All is quiet: no calls in the last 24 hours."
	case todos == 0:
		return fmt.Sprintf("All is well: %s calls in the last 24 hours, every one recorded.", count(calls))
	}
	return fmt.Sprintf("Nothing is broken, and %s waiting for you.", things(todos))
}

func things(n int) string {
	if n == 1 {
		return "one thing is"
	}
	return fmt.Sprintf("%d things are", n)
}

func numbers(today, before []row) []number {
	blocked := func(r row) bool { return r.Decision >= risk.Hold }
	failed := func(r row) bool { return r.End == "failed" || r.End == "interrupted" }
	n := func(rows []row, f func(row) bool) int {
		c := 0
		for _, r := range rows {
			if f(r) {
				c++
			}
		}
		return c
	}
	all := func(row) bool { return true }
	out := []number{
		{Name: "calls", Value: count(n(today, all)), Change: change(n(today, all), n(before, all)), Link: "/exchanges"},
		{Name: "blocked or held", Value: count(n(today, blocked)), Change: change(n(today, blocked), n(before, blocked)), Link: "/exchanges?decision=block,hold", Of: "of " + count(len(today)) + " calls"},
		{Name: "failed", Value: count(n(today, failed)), Change: change(n(today, failed), n(before, failed)), Link: "/exchanges?end=failed,interrupted", Of: "of " + count(len(today)) + " calls"},
	}
	var times []time.Duration
	for _, r := range today {
		if r.Took >= 0 && r.End == "answered" {
			times = append(times, r.Took)
		}
	}
	slices.Sort(times)
	last := number{Name: "median answer", Value: "–", Link: "/exchanges", Of: fmt.Sprintf("of %s answers", count(len(times)))}
	if len(times) > 0 {
		last.Value = took(times[len(times)/2])
	}
	return append(out, last)
}

func change(now, before int) string {
	switch {
	case now == before:
		return "as the day before"
	case now > before:
		return fmt.Sprintf("%s more than the day before", count(now-before))
	}
	return fmt.Sprintf("%s fewer than the day before", count(before-now))
}

// alarms says that what people use got worse, to those who may look at that.
func (c *Console) alarms(ctx context.Context, s *access.Session) []todo {
	if c.cfg.Desk.May(actor(s), desk.RedteamRead) != nil {
		return nil
	}
	n, err := c.cfg.Desk.OpenAlarms(ctx, actor(s))
	switch {
	case err != nil:
		c.cfg.Log.Error("counting alarms", "error", err.Error())
		return []todo{{Text: "Whether something got worse that people use cannot be read now.", Link: "/redteam/live", Do: "See what is tried", Bad: true}}
	case n == 0:
		return nil
	}
	return []todo{{Text: "The red team's canaries found that something got worse that people use: " + many(n, "alarm") + " open.", Link: "/redteam/live", Do: "See what got worse", Bad: true}}
}

// todo lists what a person should look at, the worst first.
func (c *Console) todo(s *access.Session, day *counts) []todo {
	var out []todo
	if c.cfg.Ledger().State != "ok" {
		out = append(out, todo{Text: c.health().Text, Link: "/ledger", Do: "See the ledger", Bad: true})
	}
	unchecked, interrupted := day.unchecked, day.interrupted
	if unchecked > 0 {
		out = append(out, todo{Text: fmt.Sprintf("%s calls had a check that did not run to its end.", count(unchecked)), Link: "/exchanges?category=check_failed", Do: "See them", Bad: true})
	}
	if interrupted > 0 {
		out = append(out, todo{Text: fmt.Sprintf("%s calls were interrupted and may have reached a provider.", count(interrupted)), Link: "/exchanges?end=interrupted", Do: "See them"})
	}
	for _, p := range c.cfg.Desk.InUse(actor(s)) {
		if q := p.Policy(); q.Mode == "monitor" {
			out = append(out, todo{Text: fmt.Sprintf("Policy %s only watches, until %s: it stops nothing.", p.ID(), q.Until), Link: "/policies", Do: "See the policy"})
		}
	}
	return out
}
