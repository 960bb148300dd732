// Package dialect reads and writes the wire formats of model providers without
// changing a byte: requests and answers become [llm.Request] and [llm.Stream],
// each text with its place, and errors and blocks are spoken the way the
// caller's own SDK understands them.
//
// A dialect is one file, one line in [All] and one folder of cases. Reading is
// strict: what two parsers could read differently is refused, because the guard
// and the model must read the same prompt. Nothing is ever re-marshalled.
//
// This package's API may change.
package dialect

import (
	"fmt"
	"io"
	"net/http"

	"github.com/bartizan-ai/bartizan/llm"
)

// Route is one operation that a path names.
type Route struct {
	Op     llm.Op
	Method string
	Path   string // as it is sent on, below the provider's base URL
}

// Dialect is one wire format.
type Dialect interface {
	// ID is the name that configuration and records use.
	ID() string
	// Match returns the operation of a request, and false for a path that is not
	// this dialect's or not known.
	Match(method, path string) (Route, bool)
	// Decode reads a request. The body must not change afterwards. An error is a
	// *[Fault].
	Decode(rt Route, body []byte) (*llm.Request, error)
	// Answer reads an answer that is not streamed, an error answer too.
	Answer(op llm.Op, status int, body []byte) (*llm.Event, error)
	// Frames reads a streamed answer. Closing the stream closes body.
	Frames(body io.ReadCloser) llm.Stream
	// Fault writes an error answer.
	Fault(f *Fault) []byte
	// FaultFrame writes the frames that end a stream with an error.
	FaultFrame(f *Fault) []byte
	// Refusal writes a whole answer that says that policy refused, in the shape
	// of the operation's own answers.
	Refusal(r *llm.Request, b Refusal) []byte
	// RefusalFrames writes the frames that end an answer because policy refused
	// to let the rest of it out.
	RefusalFrames(r *llm.Request, b Refusal) []byte
	// Models writes the list of models that a system may use.
	Models(names []string) []byte
}

// All lists the dialects.
func All() []Dialect { return []Dialect{OpenAI{}} }

// Fault is an error for the caller, in words that every dialect can carry.
// Message is for people and never quotes the caller's text.
type Fault struct {
	Status  int
	Type    string // "invalid_request_error", …
	Code    string // "content_filter", …
	Param   string
	Message string
	// Retry says whether trying the same call again can help. SDKs obey it
	// through the header x-should-retry.
	Retry bool
	// After is the number of seconds to wait before that; 0: not stated.
	After int
}

func (f *Fault) Error() string { return fmt.Sprintf("%d %s: %s", f.Status, f.Code, f.Message) }

// Header returns the headers that go with the fault.
func (f *Fault) Header() http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	if !f.Retry {
		h.Set("X-Should-Retry", "false")
	}
	if f.After > 0 {
		h.Set("Retry-After", fmt.Sprint(f.After))
	}
	return h
}

// Refusal is a block, spoken as an answer.
type Refusal struct {
	ID      string // exchange
	Model   string
	Message string // policy, reference number, what to do
	Choices []int  // answers that were open; nil: one
	Created int64  // unix seconds
}
