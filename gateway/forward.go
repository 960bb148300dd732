package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/llm"
)

// maxTries bounds how many upstreams one call may reach.
const maxTries = 3

// healthy leaves out candidates whose circuit is open, so that the intent names
// the one that will be called. When none is left the caller learns when to come
// back, and nobody is called.
func (x *exchange) healthy() *dialect.Fault {
	var able []Candidate
	soonest := circuitOpen
	for _, c := range x.candidate {
		if wait, ok := x.gate.upstreams.of(c).ready(); ok {
			able = append(able, c)
		} else {
			soonest = min(soonest, wait)
		}
	}
	if able == nil {
		return unavailable(soonest)
	}
	x.candidate = able
	return nil
}

// unavailable says that every provider of a model is left alone for a while.
func unavailable(wait time.Duration) *dialect.Fault {
	return &dialect.Fault{Status: http.StatusServiceUnavailable, Type: "server_error", Code: "upstream_unavailable", Retry: true, After: dialect.RetryAfter(wait),
		Message: fmt.Sprintf("Every provider of this model failed just now, so none was called; try again in %d seconds.", dialect.RetryAfter(wait))}
}

// forward sends the request to the first candidate that serves it, each at most
// once and three in all. Nothing but signs of life has been said to the caller
// yet, so another one may be tried; what a caller's SDK says of its own retries
// changes nothing.
func (x *exchange) forward() error {
	var err error
	var called []Candidate
	for i, c := range x.candidate {
		if len(called) == maxTries {
			break
		}
		if slices.ContainsFunc(called, func(o Candidate) bool { return o.Provider == c.Provider && o.Model == c.Model }) {
			continue
		}
		u := x.gate.upstreams.of(c)
		probe, ok := u.begin(!x.canary())
		if !ok {
			continue
		}
		if x.response != nil {
			_ = x.response.Stream.Close()
		}
		if i > 0 { // the intent is on record: what changes belongs to the outcome
			x.tried(c)
		}
		if called = append(called, c); !x.canary() {
			x.served = u
		}
		if x.response, err = x.attempt(u, probe, c); !x.another(err) {
			break
		}
	}
	if len(called) == 0 {
		return unavailable(time.Second) // others took the last chances just now
	}
	if err == nil {
		dialect.ClampRetry(x.response.Header)
	}
	return err
}

// attempt calls one candidate, and tells its provider's health how it went. What the red
// team sees of a provider says nothing of how it serves users: one that fails at attacks
// alone would be closed to everybody, and one that answers them alone would stay open.
func (x *exchange) attempt(u *upstream, probe bool, c Candidate) (resp *llm.Response, err error) {
	began := time.Now()
	r, class := left, ""
	defer func() { // a panic too
		if !x.canary() {
			u.end(probe, r, class, time.Since(began))
		}
	}()
	request := x.aim(c)
	ctx, done := x.calling(c, request)
	resp, err = c.Upstream.Do(ctx, request)
	done(resp, err)
	x.sent = x.sent || !errors.Is(err, dialect.ErrDown) && !errors.Is(err, dialect.ErrAddress)
	x.outcome.Upstream = upstreamStatus(resp, err)
	r, class = x.sort(resp, err)
	return resp, err
}

// upstreamStatus is the status of an answer, of one that is none of its API too; 0: no
// head of an answer came.
func upstreamStatus(resp *llm.Response, err error) int {
	var odd *dialect.StatusError
	switch {
	case resp != nil:
		return resp.Status
	case errors.As(err, &odd):
		return odd.Status
	}
	return 0
}

// ourFault reports whether a status says that the provider refused the gate's own
// credential.
func ourFault(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

// sort says what a call's end says of its provider.
func (x *exchange) sort(resp *llm.Response, err error) (result, string) {
	s := upstreamStatus(resp, err)
	switch {
	case err != nil && x.cancelled():
		return left, ""
	case s == http.StatusTooManyRequests, ourFault(s):
		return neither, fmt.Sprintf("status %d", s)
	case dialect.Failing(s):
		return fails, fmt.Sprintf("status %d", s)
	case err != nil:
		return fails, class(err)
	}
	return works, ""
}

// class is the kind of an error, in a word of ours.
func class(err error) string {
	for _, c := range []struct {
		is   error
		word string
	}{{dialect.ErrSlow, "slow"}, {context.DeadlineExceeded, "slow"}, {dialect.ErrAddress, "address"},
		{dialect.ErrAnswer, "invalid"}, {dialect.ErrEvent, "invalid"}, {io.ErrUnexpectedEOF, "interrupted"}, {dialect.ErrDown, "unreachable"}} {
		if errors.Is(err, c.is) {
			return c.word
		}
	}
	return "other"
}

// another reports whether the next candidate may be tried after a call that ended
// like this.
func (x *exchange) another(err error) bool {
	if x.cancelled() {
		return false
	}
	s := x.outcome.Upstream
	return errors.Is(err, dialect.ErrDown) || errors.Is(err, dialect.ErrSlow) || dialect.Failing(s) || ourFault(s)
}

// tried notes a candidate that the intent does not name.
func (x *exchange) tried(c Candidate) {
	wire, err := x.wire(c)
	if err != nil {
		return // Do fails for the same reason
	}
	x.outcome.Tries = append(x.outcome.Tries, fmt.Sprintf("%s/%s sha256:%x", c.Provider, c.Model, digest(wire).SHA256))
}
