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
	"net/url"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Route is one operation that a path names.
type Route struct {
	Op     llm.Op
	Method string
	Path   string   // as it is sent on, below the provider's base URL; "{model}" stands for the model
	Model  string   // where the path names it
	Params []string // what a query may hold
}

// Takes reports whether a query holds nothing but parameters that the route knows, with
// values that are plain words.
func (rt Route) Takes(query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if !slices.Contains(rt.Params, name) || !token([]byte(value), 64) {
			return false
		}
	}
	return true
}

// Dialect is one wire format.
type Dialect interface {
	// ID is the name that records use.
	ID() string
	// Provider is the word of configuration for upstreams that speak it: one
	// provider may speak several dialects.
	Provider() string
	// Match returns the operation of a request, and false for a path that is not
	// this dialect's or not known. Two dialects may share a path: the header then
	// tells them apart.
	Match(method, path string, h http.Header) (Route, bool)
	// Authorise adds the gate's own credential to a request of an upstream.
	Authorise(h http.Header, key string)
	// Decode reads a request. The body must not change afterwards. An error is a
	// *[Fault].
	Decode(rt Route, body []byte) (*llm.Request, error)
	// Answer reads an answer to r that is not streamed, an error answer too.
	Answer(r *llm.Request, status int, body []byte) (*llm.Event, error)
	// Frames reads a streamed answer to r. Closing the stream closes body.
	Frames(r *llm.Request, body io.ReadCloser) llm.Stream
	// Fault writes an error answer.
	Fault(f *Fault) []byte
	// FaultFrames writes the frames that end a stream with an error, after the
	// frame that left last; nil: none has.
	FaultFrames(r *llm.Request, f *Fault, last *llm.Event) []byte
	// Refusal writes a whole answer that says that policy refused, in the shape
	// of the operation's own answers; nil where they have no such shape.
	Refusal(r *llm.Request, b Refusal) []byte
	// RefusalFrames writes the frames that end an answer because policy refused
	// to let the rest of it out.
	RefusalFrames(r *llm.Request, b Refusal) []byte
	// Models writes the list of models that a system may use, or the one of them
	// that the path names.
	Models(rt Route, names []string) []byte
}

// All lists the dialects. Where two share a path, the first that matches is meant.
func All() []Dialect { return all }

var all = append([]Dialect{Anthropic{}, OpenAI{}, Responses{}}, azure()...)

// Match finds the dialect and operation of a request. Where there is none, the
// dialect is the one in which its caller most likely reads errors.
func Match(method, path string, h http.Header) (d Dialect, rt Route, ok bool) {
	for _, d := range All() {
		if rt, ok := d.Match(method, path, h); ok {
			return d, rt, true
		}
	}
	return nearest(path, h), Route{}, false
}

func nearest(path string, h http.Header) Dialect {
	switch {
	case h.Get("Anthropic-Version") != "" || strings.HasPrefix(path, "/v1/messages"):
		return Anthropic{}
	case strings.HasPrefix(path, "/openai/"):
		return azure()[0]
	case strings.HasPrefix(path, "/v1/responses"):
		return Responses{}
	}
	return OpenAI{}
}

// ByID returns the dialect that records call so.
func ByID(id string) (Dialect, bool) {
	for _, d := range All() {
		if d.ID() == id {
			return d, true
		}
	}
	return nil, false
}

// Providers lists the words of configuration for upstreams, each once.
func Providers() []string {
	var out []string
	for _, d := range All() {
		if !slices.Contains(out, d.Provider()) {
			out = append(out, d.Provider())
		}
	}
	slices.Sort(out)
	return out
}

// named returns the last element of a path below prefix, unescaped: a model's name
// may hold slashes, which are then written %2F.
func named(path, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(path, prefix)
	if !ok || rest == "" || strings.Contains(rest, "/") {
		return "", false
	}
	name, err := url.PathUnescape(rest)
	return name, err == nil && name != ""
}

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
	// ID is the exchange's, for dialects whose errors name the request.
	ID string
	// Verdict is what policy found, where it stopped the call; nil: nothing.
	Verdict *risk.Verdict
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
	Verdict *risk.Verdict
	Last    *llm.Event // the last frame that left; nil: none

	filter azureFilter
}
