package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/record"
)

// What a call weighs among the places that there are: one that is read, judged or
// answered as a whole holds its texts in memory, an open stream holds next to
// nothing.
const (
	weightCall   = 4
	weightStream = 1
)

// bounds sets the defaults of what limits all systems together.
func (c *Config) bounds() {
	for n, def := range map[*int]int{&c.Places: 4096, &c.Waiting: 1024, &c.Judges: 8 * runtime.GOMAXPROCS(0)} {
		if *n == 0 {
			*n = def
		}
	}
	c.Places = max(c.Places, weightCall)
	if c.Wait == 0 {
		c.Wait = 5 * time.Second
	}
}

// stranger says why a caller is not known. Whoever guesses is told less and less;
// whoever knows a key is not concerned, wherever the call comes from.
func (g *Gate) stranger(r *http.Request, err error) *dialect.Fault {
	if !errors.Is(err, access.ErrKey) {
		return unauthenticated(err)
	}
	wait := g.strikes.Strike(r.RemoteAddr)
	if wait == 0 {
		return unauthenticated(err)
	}
	return &dialect.Fault{Status: http.StatusTooManyRequests, Type: "authentication_error", Code: "too_many_wrong_keys", After: dialect.RetryAfter(wait),
		Message: "Too many calls with wrong keys came from this address in the last minute; check the key, then try again in a minute."}
}

// canary reports whether the red team calls: its calls take every step that others take, and
// count nowhere where users are counted.
func (x *exchange) canary() bool { return x.principal.Kind == record.Canary }

// forCanary marks the context of a canary's call.
type forCanary struct{}

// onBehalf has what a canary's call sets off be a canary's too: a second stage that is asked
// through the gate for it has its own key, and would count as a user of its system.
func (x *exchange) onBehalf(p record.Principal) record.Principal {
	ctx := x.r.Context()
	if ctx.Value(forCanary{}) != nil {
		p.Kind = record.Canary
	} else if p.Kind == record.Canary {
		x.r = x.r.WithContext(context.WithValue(ctx, forCanary{}, true))
	}
	return p
}

// kin is among whose refusals one is counted.
func (x *exchange) kin() string {
	if x.canary() {
		return x.lane() + x.principal.System
	}
	return x.principal.System
}

// lane is whose turn a call waits for. Those of the red team stand in nobody's way.
func (x *exchange) lane() string {
	if x.canary() {
		return "(" + record.Canary + ")"
	}
	return x.principal.System
}

// enter counts the call and takes its place among those that are open.
func (x *exchange) enter() *dialect.Fault {
	if x.route.Op == llm.OpList {
		return nil
	}
	var err error
	if b := x.gate.cfg.Budgets; b != nil && !x.canary() {
		if x.budget, err = b.Enter(x.r.Context(), x.principal); err != nil {
			x.early = true
			return x.limited(err)
		}
	}
	if x.place, err = x.gate.calls.enter(x.r.Context(), x.lane(), weightCall); err != nil {
		return x.crowded(err)
	}
	return nil
}

// turn waits until it is this system's turn to have a call judged: that is what
// costs the gate itself, so few are judged at once.
func (x *exchange) turn() *dialect.Fault {
	// A call that answers a second stage has its caller's turn: if it waited for one of its
	// own, callers could wait for each other until all their deadlines have passed.
	if x.route.Op == llm.OpList || guard.Asked(x.r.Context()) {
		return nil
	}
	var err error
	if x.judging, err = x.gate.judges.enter(x.r.Context(), x.lane(), 1); err != nil {
		return x.crowded(err)
	}
	return nil
}

// crowded says that there are more calls than the gate can take.
func (x *exchange) crowded(err error) *dialect.Fault {
	x.early = true
	if !errors.Is(err, errFull) {
		return x.failed(err) // the caller left
	}
	return &dialect.Fault{Status: http.StatusServiceUnavailable, Type: "server_error", Code: "overloaded", Retry: true, After: 2,
		Message: "The gate has more calls than it can serve now, and this one was not forwarded; try again in a few seconds."}
}

// reserve takes what the call may use out of its budgets, before it is made.
func (x *exchange) reserve() *dialect.Fault {
	if x.route.Op == llm.OpList {
		return nil
	}
	x.price = x.plan.Prices[x.request.Model]
	if x.route.Op != llm.OpCount { // which providers do not charge for
		x.guess.Input = guessInput(x.request.Passages)
	}
	if x.route.Op == llm.OpChat {
		x.reserved = int64(x.request.MaxTokens)
		if x.request.MaxTokens == 0 {
			x.reserved = access.Slice
		}
		x.reserved *= int64(max(x.request.N, 1))
	}
	err := x.budget.Reserve(x.r.Context(), access.Usage{Input: x.guess.Input, Output: x.reserved}, x.price)
	x.standing()
	if err != nil {
		return x.limited(err)
	}
	return nil
}

// unreadTokens is what an image, a sound, a file or another passage that nobody here can
// read is taken to cost: most images of most providers cost about that.
const unreadTokens = 1000

// guessInput is how many tokens a request has, about.
func guessInput(passages []llm.Passage) int64 {
	text, unread := 0, int64(0)
	for i := range passages {
		switch p := &passages[i]; {
		case p.Seam > 0, p.Path == llm.Headers, p.MIME == "sealed": // counted where it stands, or not at all
		case p.Channel.Kind == llm.KindMedia && p.Text == "":
			unread++
		default:
			text += len(p.Text)
		}
	}
	return guessTokens(text) + unread*unreadTokens
}

// guessTokens is how many tokens a text has, about.
func guessTokens(bytes int) int64 { return (int64(bytes) + 3) / 4 }

// standing tells the caller how much is left, in headers that its SDK knows.
func (x *exchange) standing() {
	var limits []dialect.Limit
	for _, s := range x.budget.Standing() {
		limits = append(limits, dialect.Limit{Of: s.Measure.String(), Amount: s.Rate.Amount, Left: s.Left, Reset: s.Reset, ResetsAfter: time.Now().Add(s.Reset)})
	}
	x.tell(limits)
}

func (x *exchange) tell(limits []dialect.Limit) {
	for k, v := range dialect.LimitHeaders(x.dialect.ID(), limits) {
		x.w.Header()[k] = v
	}
}

// spend watches an answer grow. One whose caller stated no maximum is paid for in
// slices; when there is no more to be had it ends.
func (x *exchange) spend(e *llm.Event) error {
	if x.route.Op != llm.OpChat {
		x.usage = e.Usage
		return nil
	}
	for i := range e.Passages {
		if p := &e.Passages[i]; p.Channel.Choice >= 0 && (!p.Whole || !x.response.Framed) {
			x.passed += len(p.Text)
		}
	}
	x.guess.Output = guessTokens(x.passed)
	if e.Usage != nil {
		x.usage = e.Usage
		x.guess.Output = max(x.guess.Output, int64(e.Usage.Output))
	}
	if !x.response.Framed || x.request.MaxTokens > 0 || x.guess.Output <= x.reserved {
		return nil
	}
	need := x.guess.Output - x.reserved
	more := max(need, access.Slice)
	err := x.budget.Extend(x.r.Context(), more)
	if err != nil && more > need { // the last tokens may be fewer than a slice
		more = need
		err = x.budget.Extend(x.r.Context(), more)
	}
	if err != nil {
		return x.limited(err)
	}
	x.reserved += more
	return nil
}

// settle replaces what was reserved by what was used, once. Where the provider did
// not say, or broke off before it said all, what was passed on counts; where it
// answered with an error, nothing does.
func (x *exchange) settle() {
	if x.settled || !x.sent || x.request == nil {
		return
	}
	x.settled = true
	u := access.Usage{}
	switch {
	case x.usage != nil:
		u.Input, u.CachedInput, u.Output = int64(x.usage.Input), int64(x.usage.CachedInput), int64(x.usage.Output)
		if x.outcome.End != "answered" && u.Output < x.guess.Output {
			u.Output, x.outcome.Estimated = x.guess.Output, true
		}
	case x.outcome.Upstream != 0 && x.outcome.Upstream/100 != 2: // nobody charges for an error
	default: // also where nothing came in time: it may have been worked on
		u, x.outcome.Estimated = x.guess, x.guess.Input+x.guess.Output > 0
	}
	x.outcome.Input, x.outcome.Output = int(u.Input), int(u.Output)
	if x.price != nil {
		x.outcome.Cost = x.price.Cost(u)
	}
	x.budget.Settle(u)
	if x.served != nil {
		x.served.used(x.outcome.Input, x.outcome.Output, x.outcome.Cost)
	}
}

// depart gives back every place and what is left of the reservation.
func (x *exchange) depart() {
	x.judging.leave()
	x.budget.Close()
	x.place.leave()
}

// limited says which limit stands in the way, and when it opens.
func (x *exchange) limited(err error) *dialect.Fault {
	var l *access.LimitError
	switch {
	case errors.As(err, &l):
		return x.exhausted(l)
	case errors.Is(err, access.ErrPrice):
		return &dialect.Fault{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "unknown_price", Param: "model",
			Message: "The system has a budget of money and this model has no price, so the call was refused; use another model, or ask the operator to state the price."}
	case errors.Is(err, access.ErrStale):
		return &dialect.Fault{Status: http.StatusServiceUnavailable, Type: "server_error", Code: "store_unavailable", Retry: true, After: 10,
			Message: "The gate cannot reach its store and so cannot count this call; try again in a few seconds."}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return x.failed(err)
	}
	return &dialect.Fault{Status: http.StatusServiceUnavailable, Type: "server_error", Code: "budget_unknown", Retry: true, After: 10,
		Message: "The gate cannot tell what is left of the system's budget, so the call was refused; try again in a few seconds."}
}

func (x *exchange) exhausted(l *access.LimitError) *dialect.Fault {
	f := &dialect.Fault{Status: http.StatusTooManyRequests, Type: "rate_limit_error", Code: "budget_exhausted", Retry: true, After: dialect.RetryAfter(l.Reset)}
	what := fmt.Sprintf("%s %s per %s", amount(l), l.Measure, l.Rate.Per)
	switch {
	case l.Measure == access.Parallel:
		f.Code = "too_many_parallel"
		f.Message = fmt.Sprintf("The %s has %d calls open at once, which is its limit; try again when one has ended.", l.Scope, l.Rate.Amount)
		return f
	case l.Never:
		f.Retry, f.After = false, 0
		f.Message = fmt.Sprintf("The call may use more than the %s's whole limit of %s; state a lower maximum of tokens, or send less.", l.Scope, what)
	case l.Reset > time.Minute:
		f.Retry = false // no SDK waits that long: trying again within a minute is in vain
		f.Message = fmt.Sprintf("The %s's limit of %s has no room for this call; it opens again in %s, or ask the owner of %s for more.",
			l.Scope, what, span(l.Reset), x.principal.System)
	default:
		f.Message = fmt.Sprintf("The %s's limit of %s has no room for this call; try again in %d seconds.", l.Scope, what, f.After)
	}
	if l.Measure != access.Money {
		x.tell([]dialect.Limit{{Of: l.Measure.String(), Amount: l.Rate.Amount, Reset: l.Reset, ResetsAfter: time.Now().Add(l.Reset)}})
	}
	return f
}

// amount writes a limit as people do.
func amount(l *access.LimitError) string {
	if l.Measure == access.Money {
		return fmt.Sprintf("%d.%02d", l.Rate.Amount/1_000_000, l.Rate.Amount/10_000%100)
	}
	s := fmt.Sprint(l.Rate.Amount)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// span writes a time to wait with its two largest units.
func span(d time.Duration) string {
	d = d.Round(time.Minute)
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	var parts []string
	for _, p := range []struct {
		n    int
		unit string
	}{{days, "d"}, {hours, "h"}, {minutes, "min"}} {
		if p.n > 0 && len(parts) < 2 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.unit))
		}
	}
	return strings.Join(parts, " ")
}
