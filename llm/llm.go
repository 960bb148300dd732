// Package llm is the conversation every part of Bartizan speaks: the bytes as
// they came, the texts in them, and where each text lies.
//
// A [Request] keeps the caller's body untouched and lists every string in it as
// a [Passage]. Whoever wants something changed adds an [Edit]; what goes to the
// provider is [Request.Wire], the body with the edits spliced in. An answer is a
// [Stream] of [Event] values, one per frame, and [Window] is the only place that
// holds its text back while scanners look at it.
//
// Nothing here knows a provider's wire format, a policy or a store. This
// package's API is promised: names and meanings stay.
package llm

import (
	"context"
	"fmt"
	"net/http"
)

// Origin says who could have written a passage. The zero value is the least
// trusted.
type Origin uint8

// The origins, from the least to the most trusted.
const (
	OriginUnknown Origin = iota
	OriginRetrieved
	OriginTool
	OriginFile
	OriginUser
	OriginModel
	OriginToolSpec
	OriginDeveloper
	OriginSystem
)

var originNames = [...]string{"unknown", "retrieved", "tool", "file", "user", "model", "tool_spec", "developer", "system"}

// String returns the origin's name as policies and records write it.
func (o Origin) String() string {
	if int(o) < len(originNames) {
		return originNames[o]
	}
	return fmt.Sprintf("origin(%d)", uint8(o))
}

// ParseOrigin is the inverse of [Origin.String].
func ParseOrigin(name string) (Origin, bool) {
	for i, n := range originNames {
		if n == name {
			return Origin(i), true
		}
	}
	return OriginUnknown, false
}

// Origins lists every origin, least trusted first.
func Origins() []Origin {
	all := make([]Origin, len(originNames))
	for i := range all {
		all[i] = Origin(i)
	}
	return all
}

// Kind says what sort of text a passage is.
type Kind uint8

// The kinds of passage.
const (
	KindText      Kind = iota
	KindArgs           // arguments of a tool call: released whole, never in part
	KindReasoning      // what the model thought, where the provider shows it
	KindRefusal        // the dialect's own refusal text
	KindName           // tool, file or field name, URL, alt text
	KindMedia          // image, audio, token ids: Text is empty, MIME is set
)

var kindNames = [...]string{"text", "args", "reasoning", "refusal", "name", "media"}

// String returns the kind's name as records write it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Headers is the path of the passage that the headers of a request make.
const Headers = "(headers)"

// MaxArgs bounds the arguments of one tool call, in bytes of decoded text.
const MaxArgs = 1 << 20

// Channel names one text that may arrive in pieces: chat (choice, tool index,
// 0), Anthropic (0, block, 0), Responses (0, output, content).
type Channel struct {
	Choice, Item, Part int
	Kind               Kind
}

// Passage is a text with its place in raw bytes.
type Passage struct {
	Channel Channel
	Origin  Origin
	Path    string // "messages[3].content[0].text"
	Name    string // of the tool, file or source, where there is one
	MIME    string // KindMedia only: "image", "audio", "file" or "tokens", or a media type
	Text    string // decoded through every layer of JSON
	Whole   bool   // all of its channel: request passages, and snapshots that repeat a text
	Sealed  bool   // signed by the provider: may be judged, must not be edited
	Map     Map    // Text offsets -> raw offsets

	// Seam, where it is not 0, says that Text is the end of one passage and the
	// beginning of the next, which Text[Seam:] begins: a model reads them as one text.
	// Only what crosses the seam is said nowhere else. It has no place of its own.
	Seam int

	// Instead is the one edit that any change of Text becomes, for a text that
	// has no place of its own (the tokens of logprobs, joined).
	Instead *Edit
	// Echoes are made as well when Text is edited: they take out what repeats it.
	Echoes []Edit
}

// Edit replaces raw bytes [Start,End) by New, which is already encoded for the
// place where it lands. By names who asked: a detector, a rule, a step.
type Edit struct {
	Start, End int
	New        []byte
	By         string
}

// Op is what a request asks for.
type Op string

// The operations. An operation that is not listed is refused.
const (
	OpChat  Op = "chat"
	OpEmbed Op = "embed"
	OpCount Op = "count"
	OpList  Op = "list"
	OpTool  Op = "tool"
)

// Request is one call as it was sent. Body never changes; the upstream gets
// [Request.Wire].
type Request struct {
	ID        string      // "ex_…"
	Dialect   string      // "openai"
	Op        Op          // an unknown operation is refused
	Model     string      // as the caller wrote it
	ModelAt   [2]int      // where the model's name stands in Body, inside its quotes; empty: nowhere
	Target    string      // path and query, without credentials
	Header    http.Header // end-to-end headers on the dialect's allow-list
	Body      []byte
	Passages  []Passage // every string in Body
	Edits     []Edit
	Stream    bool
	Repaired  int      // lone surrogates that the dialect replaced; each has an Edit
	Strict    bool     // the answer is JSON by schema: nothing may be added to its text
	Tools     []string // names offered
	MaxTokens int      // of each answer; 0: not stated
	N         int      // answers that are asked for; 0: one
	State     []string // fields that make the provider keep, or go on from, what it kept
	NoStore   *Edit    // makes the provider keep nothing, where the body leaves that open
	AskUsage  *Edit    // makes the provider count a stream, where the caller did not ask it to
}

// Wire returns what the upstream gets: Body with Edits spliced in. It returns
// Body itself when there are none.
func (r *Request) Wire() ([]byte, error) { return Splice(r.Body, r.Edits) }

// Model answers requests: provider clients, the practice model, fakes. Do must
// honour ctx before the first byte and after it.
type Model interface {
	Do(ctx context.Context, r *Request) (*Response, error)
}

// Response is an upstream's answer. One that is not streamed is a Stream of
// exactly one Event.
type Response struct {
	Status int
	Header http.Header
	Framed bool // Stream came as frames, and leaves as frames
	Stream Stream
}

// Stream is pulled by one goroutine. io.EOF follows a terminal Event; any other
// end is io.ErrUnexpectedEOF or the error that caused it.
type Stream interface {
	Next() (*Event, error)
	Close() error // aborts the upstream; any time, any goroutine, twice
}

// End says whether an event ends its stream, and how.
type End uint8

// The ends of a stream.
const (
	EndNone  End = iota
	EndClean     // the dialect's terminal event
	EndError     // the provider reported an error as its last event
)

// Usage is what the provider says it counted; cumulative.
type Usage struct {
	Input, Output, Total int
	CachedInput          int
	Reasoning            int
}

// Event is one frame. Stages delay it and add Edits; nothing splits, merges,
// reorders or invents data frames.
type Event struct {
	Name     string // SSE event name, "" where the dialect has none
	Data     []byte // payload without framing
	Passages []Passage
	Edits    []Edit
	Done     []Channel // these get no more text
	Tools    []string  // names of tools that the model calls in this frame
	End      End       // EndNone until the terminal event
	Usage    *Usage
	Reason   string // an error that is not streamed: why, in the provider's words
	Odd      bool   // that error has another shape than the dialect's
	Extra    bool   // the frame says what was counted, and nothing else
	After    any    // what the dialect must know to end the answer after this frame
}

// Wire returns the payload with the edits spliced in.
func (e *Event) Wire() ([]byte, error) { return Splice(e.Data, e.Edits) }

// Scanner looks at the text of an answer as the model wrote it. Guard, restore
// and cite share one Window. An error stops the answer; guard's carries its
// verdict.
type Scanner interface {
	// Reach is how many bytes of text that has left it wants to see again.
	Reach() int
	Scan(ctx context.Context, l Look) (Ruling, error)
}

// Look is one channel: Text[:From] has left and is kept as context, Text[From:]
// is held; Base is the channel offset of Text[0].
type Look struct {
	Channel Channel
	Origin  Origin
	Path    string // of the passage that began the channel
	MIME    string // KindMedia only
	Text    string
	From    int
	Base    int
	Final   bool
	// Whole marks a text that is repeated in full beside its channel (a
	// snapshot): a scanner must judge it without the state of the channel.
	Whole bool
	// Sealed says that the provider signed the text: a change would be an error.
	Sealed bool
	// Args tells what of the arguments of a tool call lies in strings; nil for other texts.
	Args *Map
}

// Ruling says that Text[:Safe] may leave after Changes. Safe must depend on the
// text alone, never on how it was cut.
type Ruling struct {
	Safe    int
	Changes []Change
}

// Change replaces Text[Start:End] of a Look by New, plain text; the Window
// encodes it for the place where it lands.
type Change struct {
	Start, End int
	New        string
	By         string
}
