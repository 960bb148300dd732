package gateway

import (
	"slices"
	"sync"
	"time"
)

// When a circuit opens, and for how long.
const (
	circuitFailures = 5
	circuitOpen     = 30 * time.Second
)

// What is kept of a provider: the latencies of its last answers, and its last
// failures.
const (
	heads        = 256
	lastFailures = 8
)

// Health is how a provider does for users, as far as this gate has seen since it began.
// Calls of the red team are in none of it.
type Health struct {
	Provider  string        `json:"provider"`
	State     string        `json:"state"`              // "unknown" before the first call, "closed", "open", "half_open"
	Opens     time.Duration `json:"opens,omitempty"`    // of an open circuit: until one call may try again
	LastError string        `json:"last_error"`         // class, as "unreachable", "slow" or "status 503"; never the provider's words
	FailedAt  time.Time     `json:"failed_at,omitzero"` // the last error
	Last      []Failure     `json:"last_failures"`      // the last few errors, the newest first
	P50       time.Duration `json:"p50"`                // to the head of an answer, over the last calls
	P95       time.Duration `json:"p95"`
	Calls     int64         `json:"calls"`
	Failures  int64         `json:"failures"`
	Input     int64         `json:"input_tokens"`
	Output    int64         `json:"output_tokens"`
	Cost      int64         `json:"cost_micro"`
}

// Failure is one error of a provider.
type Failure struct {
	At    time.Time `json:"at"`
	Class string    `json:"class"` // never the provider's words
}

// upstreams knows how every provider does. A circuit opens after five failures in
// a row: its provider gets no calls for half a minute, then a single one, which
// decides.
type upstreams struct {
	now func() time.Time

	mu    sync.Mutex
	by    map[upstreamID]*upstream
	named map[upstreamID]bool // by the current plan; open calls may use others
}

// upstreamID is what makes a provider the same one after a reload.
type upstreamID struct{ name, url string }

// upstream is one provider.
type upstream struct {
	id  upstreamID
	now func() time.Time

	mu      sync.Mutex
	health  Health
	row     int       // failures without a success between them
	until   time.Time // of an open circuit; zero: closed
	probing bool
	heads   [heads]time.Duration
}

// of returns the provider of a candidate.
func (u *upstreams) of(c Candidate) *upstream {
	id := upstreamID{c.Provider, c.URL}
	u.mu.Lock()
	defer u.mu.Unlock()
	one := u.by[id]
	if one == nil {
		one = &upstream{id: id, now: u.now}
		u.by[id] = one
	}
	return one
}

// keep forgets providers that a plan does not name, and knows those it does.
func (u *upstreams) keep(p *Plan) {
	named := map[upstreamID]bool{}
	for _, candidates := range p.Models {
		for _, c := range candidates {
			u.of(c)
			named[upstreamID{c.Provider, c.URL}] = true
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.named = named
	for id := range u.by {
		if !named[id] {
			delete(u.by, id)
		}
	}
}

// list returns the health of all providers, by name.
func (u *upstreams) list() []Health {
	u.mu.Lock()
	all := make([]*upstream, 0, len(u.by))
	for id := range u.named {
		all = append(all, u.by[id])
	}
	u.mu.Unlock()
	out := make([]Health, len(all))
	for i, one := range all {
		out[i] = one.report()
	}
	slices.SortFunc(out, func(a, b Health) int {
		if a.Provider < b.Provider {
			return -1
		}
		return 1
	})
	return out
}

// Health returns how the providers of the current plan do.
func (g *Gate) Health() []Health { return g.upstreams.list() }

func (u *upstream) report() Health {
	u.mu.Lock()
	defer u.mu.Unlock()
	h := u.health
	h.Provider, h.Last = u.id.name, slices.Clone(u.health.Last)
	h.Opens = u.wait()
	switch {
	case h.Opens > 0:
		h.State = "open"
	case !u.until.IsZero():
		h.State = "half_open"
	case h.Calls > 0:
		h.State = "closed"
	default:
		h.State = "unknown"
	}
	if n := min(int(h.Calls-h.Failures), heads); n > 0 {
		sorted := slices.Clone(u.heads[:n])
		slices.Sort(sorted)
		h.P50, h.P95 = sorted[n/2], sorted[n*95/100]
	}
	return h
}

// wait is how long the circuit stays open.
func (u *upstream) wait() time.Duration {
	if u.until.IsZero() {
		return 0
	}
	return max(u.until.Sub(u.now()), 0)
}

// ready reports whether a call may be made, and when not, how long it will be
// until one may.
func (u *upstream) ready() (time.Duration, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if wait := u.wait(); wait > 0 {
		return wait, false
	}
	return time.Second, !u.probing
}

// begin takes the right to make a call; of a circuit that is half open there is
// one, the probe. end must follow. Whoever decides nothing is no probe, takes nobody's
// place as one, and needs no end: were it refused until a user comes, nothing would be
// tried for as long as nobody does.
func (u *upstream) begin(decides bool) (probe, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.wait() > 0 || u.probing {
		return false, false
	}
	u.probing = decides && !u.until.IsZero()
	return u.probing, true
}

// end takes in how a call went until the head of its answer.
func (u *upstream) end(probe bool, r result, class string, took time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if probe {
		u.probing = false
	}
	if r == left {
		return
	}
	ok := u.health.Calls - u.health.Failures
	u.health.Calls++
	if class != "" {
		u.health.Failures++
		u.failed(class)
	} else {
		u.heads[ok%heads] = took
	}
	switch r {
	case works:
		u.row, u.until = 0, time.Time{}
	case fails:
		// Calls that were under way when the circuit opened say nothing new.
		if u.row++; u.row >= circuitFailures && u.wait() == 0 {
			u.until = u.now().Add(circuitOpen)
		}
	}
}

// broke takes in that an answer broke off after its head.
func (u *upstream) broke(class string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.failed(class)
}

// failed notes an error. The caller holds the lock.
func (u *upstream) failed(class string) {
	at := u.now().UTC()
	u.health.LastError, u.health.FailedAt = class, at
	u.health.Last = append([]Failure{{at, class}}, u.health.Last[:min(len(u.health.Last), lastFailures-1)]...)
}

// used counts what an answer used.
func (u *upstream) used(input, output int, cost int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.health.Input += int64(input)
	u.health.Output += int64(output)
	u.health.Cost += cost
}

// result is what a call says of its provider.
type result uint8

const (
	works   result = iota // it answers
	fails                 // it does not
	neither               // it answers, and will not serve this gate now
	left                  // the caller left before anybody knew
)
