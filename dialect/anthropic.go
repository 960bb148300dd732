package dialect

import (
	"net/http"

	"github.com/bartizan-ai/bartizan/llm"
)

// Anthropic is the wire format of Anthropic's Messages API
// (docs.claude.com/en/api/messages).
type Anthropic struct{}

// ID implements [Dialect].
func (Anthropic) ID() string { return "anthropic" }

// Provider implements [Dialect].
func (Anthropic) Provider() string { return "anthropic" }

// Match implements [Dialect]. The list of models shares its path with OpenAI's;
// every client of this API says which version of it it speaks.
func (Anthropic) Match(method, path string, h http.Header) (Route, bool) {
	rt := Route{Method: method, Path: path, Params: []string{"beta"}}
	switch {
	case method == http.MethodPost && path == "/v1/messages":
		rt.Op = llm.OpChat
	case method == http.MethodPost && path == "/v1/messages/count_tokens":
		rt.Op = llm.OpCount
	case method == http.MethodGet && h.Get("Anthropic-Version") != "":
		rt.Op, rt.Params = llm.OpList, []string{"beta", "limit", "after_id", "before_id"}
		if path == "/v1/models" {
			return rt, true
		}
		name, ok := named(path, "/v1/models/")
		rt.Model = name
		return rt, ok
	default:
		return Route{}, false
	}
	return rt, true
}

// Authorise implements [Dialect]. A caller without an SDK may not say which version
// it means; the API refuses that, so the oldest is meant.
func (Anthropic) Authorise(h http.Header, key string) {
	h.Set("X-Api-Key", key)
	if h.Get("Anthropic-Version") == "" {
		h.Set("Anthropic-Version", "2023-06-01")
	}
}

type anthropicError struct {
	Type      string             `json:"type"`
	Error     anthropicErrorBody `json:"error"`
	RequestID string             `json:"request_id"`
}

type anthropicErrorBody struct {
	Type    string `json:"type"`
	Message string `json:"message"`
	Code    string `json:"code,omitempty"`
}

// Fault implements [Dialect]. The API has one type of error per status.
func (Anthropic) Fault(f *Fault) []byte {
	return encode(anthropicError{Type: "error", RequestID: f.ID,
		Error: anthropicErrorBody{Type: anthropicType(f.Status), Message: f.Message, Code: f.Code}})
}

func anthropicType(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusPaymentRequired:
		return "billing_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case http.StatusTooManyRequests:
		return "rate_limit_error"
	case http.StatusServiceUnavailable:
		return "overloaded_error"
	case http.StatusGatewayTimeout:
		return "timeout_error"
	}
	if status >= http.StatusInternalServerError {
		return "api_error"
	}
	return "invalid_request_error"
}

// FaultFrames implements [Dialect].
func (a Anthropic) FaultFrames(_ *llm.Request, f *Fault, _ *llm.Event) []byte {
	return AppendEvent(nil, "error", a.Fault(f))
}

type anthropicMessage struct {
	ID           string              `json:"id"`
	Type         string              `json:"type"`
	Role         string              `json:"role"`
	Model        string              `json:"model"`
	Content      []string            `json:"content"`
	StopReason   *string             `json:"stop_reason"`
	StopSequence *string             `json:"stop_sequence"`
	StopDetails  *anthropicStopped   `json:"stop_details"`
	Usage        anthropicTokenCount `json:"usage"`
}

type anthropicStopped struct {
	Type        string  `json:"type"`
	Category    *string `json:"category"`
	Explanation string  `json:"explanation"`
}

type anthropicTokenCount struct {
	Input  int `json:"input_tokens"`
	Output int `json:"output_tokens"`
}

var refused = "refusal"

func (b Refusal) stopped() *anthropicStopped {
	return &anthropicStopped{Type: "refusal", Explanation: b.Message}
}

func (b Refusal) message() anthropicMessage {
	return anthropicMessage{ID: "msg_" + b.ID, Type: "message", Role: "assistant", Model: b.Model, Content: []string{}}
}

// Refusal implements [Dialect].
func (Anthropic) Refusal(r *llm.Request, b Refusal) []byte {
	if r.Op != llm.OpChat {
		return nil
	}
	m := b.message()
	m.StopReason, m.StopDetails = &refused, b.stopped()
	return encode(m)
}

type anthropicStart struct {
	Type    string           `json:"type"`
	Message anthropicMessage `json:"message"`
}

type anthropicBlockStop struct {
	Type  string `json:"type"`
	Index int    `json:"index"`
}

type anthropicDelta struct {
	Type  string               `json:"type"`
	Delta anthropicStopDelta   `json:"delta"`
	Usage anthropicOutputCount `json:"usage"`
}

type anthropicStopDelta struct {
	StopReason   *string           `json:"stop_reason"`
	StopSequence *string           `json:"stop_sequence"`
	StopDetails  *anthropicStopped `json:"stop_details"`
}

type anthropicOutputCount struct {
	Output int `json:"output_tokens"`
}

type anthropicStop struct {
	Type string `json:"type"`
}

// messagePlace is how far the frames of a message have come.
type messagePlace struct {
	begun  bool
	open   int // the block that is open; -1: none
	next   int // the block that begins next
	output int // tokens so far
}

// RefusalFrames implements [Dialect]: the block that is open ends, and the message
// with it.
func (a Anthropic) RefusalFrames(r *llm.Request, b Refusal) []byte {
	var out []byte
	at := &messagePlace{open: -1}
	if b.Last != nil {
		if p, ok := b.Last.After.(*messagePlace); ok {
			at = p
		}
	}
	if !at.begun { // nothing has left, or a ping
		out = AppendEvent(out, "message_start", encode(anthropicStart{"message_start", b.message()}))
	}
	if at.open >= 0 {
		out = AppendEvent(out, "content_block_stop", encode(anthropicBlockStop{"content_block_stop", at.open}))
	}
	if hidesRefusals(r) {
		return append(out, a.shown(at.next, b)...)
	}
	out = AppendEvent(out, "message_delta", encode(anthropicDelta{"message_delta",
		anthropicStopDelta{StopReason: &refused, StopDetails: b.stopped()}, anthropicOutputCount{at.output}}))
	return AppendEvent(out, "message_stop", encode(anthropicStop{"message_stop"}))
}

// hidesRefusals reports that the caller is Claude Code, which does not show why an
// answer was refused, and asks the model once more.
func hidesRefusals(r *llm.Request) bool {
	return r != nil && r.Header.Get("X-Claude-Code-Session-Id") != ""
}

type anthropicBlockStart struct {
	Type  string        `json:"type"`
	Index int           `json:"index"`
	Block anthropicText `json:"content_block"`
}

type anthropicBlockDelta struct {
	Type  string        `json:"type"`
	Index int           `json:"index"`
	Delta anthropicText `json:"delta"`
}

type anthropicText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// shown is a refusal for a caller who hides them: an error of a request that is not
// valid is shown as it was written and ends the turn. It counts only behind a whole
// block of text; without one the caller asks again for an answer in one piece.
func (a Anthropic) shown(block int, b Refusal) []byte {
	out := AppendEvent(nil, "content_block_start", encode(anthropicBlockStart{"content_block_start", block, anthropicText{Type: "text"}}))
	out = AppendEvent(out, "content_block_delta", encode(anthropicBlockDelta{"content_block_delta", block, anthropicText{"text_delta", b.Message}}))
	out = AppendEvent(out, "content_block_stop", encode(anthropicBlockStop{"content_block_stop", block}))
	return AppendEvent(out, "error", a.Fault(&Fault{Status: http.StatusBadRequest, Code: "content_filter", Message: b.Message, ID: b.ID}))
}

type anthropicModels struct {
	Data    []anthropicModel `json:"data"`
	HasMore bool             `json:"has_more"`
	FirstID *string          `json:"first_id"`
	LastID  *string          `json:"last_id"`
}

type anthropicModel struct {
	Type           string  `json:"type"`
	ID             string  `json:"id"`
	DisplayName    string  `json:"display_name"`
	CreatedAt      string  `json:"created_at"`
	Lifecycle      string  `json:"lifecycle"`
	Capabilities   *string `json:"capabilities"`
	Line           *string `json:"line"`
	MaxInputTokens *int    `json:"max_input_tokens"`
	MaxTokens      *int    `json:"max_tokens"`
	DeprecatedAt   *string `json:"deprecated_at"`
	RetiresAt      *string `json:"retires_at"`
}

// Models implements [Dialect]. What the gate does not know of a model is null.
func (Anthropic) Models(rt Route, names []string) []byte {
	l := anthropicModels{Data: []anthropicModel{}}
	for _, n := range names {
		l.Data = append(l.Data, anthropicModel{Type: "model", ID: n, DisplayName: n, CreatedAt: "1970-01-01T00:00:00Z", Lifecycle: "active"})
	}
	if rt.Model != "" {
		return encode(l.Data[0])
	}
	if n := len(names); n > 0 {
		l.FirstID, l.LastID = &names[0], &names[n-1]
	}
	return encode(l)
}
