package access

import (
	"context"
	"time"
)

// Slice is how many tokens of an answer are reserved at a time where the caller
// stated no maximum.
const Slice = 1024

// Price is what a model costs, in millionths of the currency per million tokens.
type Price struct {
	Input, CachedInput, Output int64
}

// maxTokens bounds what is believed of a count of tokens, so that no product
// overflows.
const maxTokens = 1 << 30

// maxPrice bounds a price for the same reason: 4,000 for a thousand tokens.
const maxPrice = 4e12

// Cost is what a call costs, in millionths of the currency, rounded up.
func (p Price) Cost(u Usage) int64 {
	cached := min(tokens(u.CachedInput), tokens(u.Input))
	cost := part(tokens(u.Input)-cached, p.Input) + part(cached, p.CachedInput) + part(tokens(u.Output), p.Output)
	return cost
}

// part multiplies in two steps: whole millions of tokens, and the rest.
func part(n, price int64) int64 {
	price = min(max(price, 0), maxPrice)
	const million = 1_000_000
	return n/million*price + (n%million*price+million-1)/million
}

func tokens(n int64) int64 { return min(max(n, 0), maxTokens) }

// Usage is what calls used.
type Usage struct {
	Requests    int64 `json:"requests"`
	Input       int64 `json:"input_tokens"`
	CachedInput int64 `json:"cached_input_tokens"` // part of Input
	Output      int64 `json:"output_tokens"`
	Cost        int64 `json:"cost_micro"` // millionths of the currency
}

// hold is what a call has taken of a counter and not yet spent.
type hold struct {
	counter *counter
	measure Measure
	period  int64
	n       int64
}

// Call is a call that was let in, and what is reserved for it. It is used by one
// goroutine; a nil Call is one that nothing limits.
type Call struct {
	budgets *Budgets
	system  string
	scopes  []limited
	held    []hold
	price   *Price
	joined  bool
	settled bool
}

// Reserve takes what the call may use before it is made: u holds estimates. A nil
// price is unknown. Errors are those of [Budgets.Enter] and [ErrPrice].
func (c *Call) Reserve(ctx context.Context, u Usage, price *Price) error {
	if c == nil {
		return nil
	}
	c.price = price
	return c.more(ctx, u)
}

// Extend takes more tokens of an answer.
func (c *Call) Extend(ctx context.Context, output int64) error {
	if c == nil {
		return nil
	}
	return c.more(ctx, Usage{Output: output})
}

func (c *Call) more(ctx context.Context, u Usage) error {
	if err := c.take(ctx, Tokens, tokens(u.Input)+tokens(u.Output)); err != nil {
		return err
	}
	if !c.counts(Money) {
		return nil
	}
	if c.price == nil {
		return ErrPrice
	}
	return c.take(ctx, Money, c.price.Cost(u))
}

// counts reports whether a measure is limited for this call.
func (c *Call) counts(m Measure) bool {
	for i := range c.scopes {
		if c.scopes[i].rate(m).Amount > 0 {
			return true
		}
	}
	return false
}

// take takes n of a measure in every scope, or nothing.
func (c *Call) take(ctx context.Context, m Measure, n int64) error {
	var some [2]hold
	taken := some[:0]
	for _, s := range c.scopes {
		rate := s.rate(m)
		if rate.Amount == 0 {
			continue
		}
		h, err := c.budgets.take(ctx, counterID{s.scopeID, m, rate.Per}, rate.Amount, n)
		if err != nil {
			for _, h := range taken {
				h.counter.settle(h, 0)
			}
			return err
		}
		taken = append(taken, h)
	}
	for _, h := range taken {
		c.hold(h)
	}
	return nil
}

// hold keeps what was taken, as one piece for each counter and period.
func (c *Call) hold(h hold) {
	for i := range c.held {
		if c.held[i].counter == h.counter && c.held[i].period == h.period {
			c.held[i].n += h.n
			h.counter.join()
			return
		}
	}
	c.held = append(c.held, h)
}

// Settle replaces what was reserved by what was used, and returns what it cost.
// Only the first time counts.
func (c *Call) Settle(u Usage) int64 {
	if c == nil || c.settled {
		return 0
	}
	c.settled = true
	u.Requests, u.Input, u.CachedInput, u.Output = 1, tokens(u.Input), tokens(u.CachedInput), tokens(u.Output)
	if c.price != nil {
		u.Cost = c.price.Cost(u)
	}
	for i, h := range c.held {
		h.counter.settle(h, c.share(i, u))
	}
	c.held = nil
	c.budgets.note(c.system, u)
	return u.Cost
}

// share is what of a call's use falls on one hold. Holds of one counter are of
// different periods; the last takes what the others could not.
func (c *Call) share(i int, u Usage) int64 {
	used := u.Input + u.Output
	if c.held[i].measure == Money {
		used = u.Cost
	}
	last := true
	for j, h := range c.held {
		if h.counter == c.held[i].counter && j != i {
			if j < i {
				used -= min(used, h.n)
			} else {
				last = false
			}
		}
	}
	if last {
		return used
	}
	return min(used, c.held[i].n)
}

// Close gives back what was reserved and not settled, and the call's place.
func (c *Call) Close() {
	if c == nil {
		return
	}
	for _, h := range c.held {
		h.counter.settle(h, 0)
	}
	c.held = nil
	if c.joined {
		c.joined = false
		c.budgets.leave(c.scopes)
	}
}

// Standing returns how much is left of the limits on requests and tokens that
// bind the call, the tightest for each: what SDKs read in headers.
func (c *Call) Standing() []Standing {
	if c == nil {
		return nil
	}
	var out []Standing
	now := c.budgets.now()
	for _, m := range []Measure{Requests, Tokens} {
		tightest := Standing{Left: -1}
		for _, s := range c.scopes {
			if r := s.rate(m); r.Amount > 0 {
				if st := c.budgets.standing(counterID{s.scopeID, m, r.Per}, r, now); tightest.Left < 0 || st.Left < tightest.Left {
					tightest = st
				}
			}
		}
		if tightest.Left >= 0 {
			out = append(out, tightest)
		}
	}
	return out
}

func (b *Budgets) standing(id counterID, r Rate, now time.Time) Standing {
	_, ends := r.Per.period(now)
	s := Standing{Scope: id.kind, Measure: id.measure, Rate: r, Left: r.Amount, Reset: ends.Sub(now)}
	b.mu.RLock()
	c := b.counters[id]
	b.mu.RUnlock()
	if c != nil {
		c.mu.Lock()
		if from, _ := r.Per.period(now); c.period == from.UnixNano() {
			s.Left = min(max(c.free+c.left, 0), r.Amount)
		}
		c.mu.Unlock()
	}
	return s
}
