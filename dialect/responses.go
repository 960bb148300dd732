package dialect

import (
	"net/http"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

// Responses is the wire format of OpenAI's Responses API
// (platform.openai.com/docs/api-reference/responses). What the API keeps is never
// fetched back through the gate: nobody here could say whose it is.
type Responses struct{}

// ID implements [Dialect].
func (Responses) ID() string { return "responses" }

// Provider implements [Dialect].
func (Responses) Provider() string { return "openai" }

// Match implements [Dialect].
func (Responses) Match(method, path string, _ http.Header) (Route, bool) {
	rest, ok := strings.CutPrefix(path, "/v1")
	if !ok {
		return Route{}, false
	}
	return responsesRoute(method, rest)
}

func responsesRoute(method, path string) (Route, bool) {
	rt := Route{Op: llm.OpChat, Method: method, Path: path}
	switch path {
	case "/responses", "/responses/compact":
	case "/responses/input_tokens":
		rt.Op = llm.OpCount
	default:
		return Route{}, false
	}
	return rt, method == http.MethodPost
}

// Authorise implements [Dialect].
func (Responses) Authorise(h http.Header, key string) { OpenAI{}.Authorise(h, key) }

// Fault implements [Dialect]. A prompt that policy stopped has a code of its own here,
// which coding agents show once and do not send again.
func (Responses) Fault(f *Fault) []byte {
	if f.Code == "content_filter" {
		f = &Fault{Status: f.Status, Type: f.Type, Code: "invalid_prompt", Param: f.Param, Message: f.Message}
	}
	return OpenAI{}.Fault(f)
}

// responsePlace is how far the frames of a response have come.
type responsePlace struct {
	seq int // sequence_number of the last frame
	id  string
}

type responseObject struct {
	ID         string              `json:"id"`
	Object     string              `json:"object"`
	CreatedAt  int64               `json:"created_at"`
	Status     string              `json:"status"`
	Background bool                `json:"background"`
	Error      *responseError      `json:"error"`
	Incomplete *responseIncomplete `json:"incomplete_details"`
	Instruct   *string             `json:"instructions"`
	MaxOutput  *int                `json:"max_output_tokens"`
	Model      string              `json:"model"`
	Output     []responseItem      `json:"output"`
	Parallel   bool                `json:"parallel_tool_calls"`
	Previous   *string             `json:"previous_response_id"`
	Store      bool                `json:"store"`
	Temp       float64             `json:"temperature"`
	ToolChoice string              `json:"tool_choice"`
	Tools      []string            `json:"tools"`
	TopP       float64             `json:"top_p"`
	Usage      *responseUsage      `json:"usage"`
	Metadata   struct{}            `json:"metadata"`
}

type responseError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type responseIncomplete struct {
	Reason string `json:"reason"`
}

type responseItem struct {
	ID      string            `json:"id"`
	Type    string            `json:"type"`
	Status  string            `json:"status"`
	Role    string            `json:"role"`
	Content []responseRefusal `json:"content"`
}

type responseRefusal struct {
	Type    string `json:"type"`
	Refusal string `json:"refusal"`
}

type responseUsage struct {
	Input  int `json:"input_tokens"`
	Output int `json:"output_tokens"`
	Total  int `json:"total_tokens"`
}

type responseFrame struct {
	Type     string         `json:"type"`
	Seq      int            `json:"sequence_number"`
	Response responseObject `json:"response"`
	Error    *responseError `json:"error,omitempty"` // what SDKs raise
}

func newResponse(id, model, status string, created int64) responseObject {
	if !strings.HasPrefix(id, "resp_") {
		id = "resp_" + id
	}
	return responseObject{ID: id, Object: "response", CreatedAt: created, Status: status, Model: model, Output: []responseItem{},
		Parallel: true, ToolChoice: "auto", Tools: []string{}, Temp: 1, TopP: 1}
}

// Refusal implements [Dialect].
func (Responses) Refusal(r *llm.Request, b Refusal) []byte {
	if r.Op != llm.OpChat || strings.HasSuffix(pathOf(r.Target), "/compact") {
		return nil
	}
	o := newResponse(b.ID, b.Model, "incomplete", b.Created)
	o.Incomplete = &responseIncomplete{Reason: "content_filter"}
	o.Output = []responseItem{{ID: "msg_" + b.ID, Type: "message", Status: "incomplete", Role: "assistant",
		Content: []responseRefusal{{Type: "refusal", Refusal: b.Message}}}}
	o.Usage = &responseUsage{}
	return encode(o)
}

// pathOf is a target without its query.
func pathOf(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}

// RefusalFrames implements [Dialect]. Of all ends, response.failed with this code is
// the one that every client shows, and that none tries again.
func (Responses) RefusalFrames(r *llm.Request, b Refusal) []byte {
	return failedFrames(b.ID, r.Model, b.Created, &responseError{Code: "invalid_prompt", Message: b.Message}, nil, b.Last)
}

// FaultFrames implements [Dialect]. The error stands at the top as well, where SDKs
// raise it: some programs read past response.failed and take half an answer for a
// whole one.
func (Responses) FaultFrames(r *llm.Request, f *Fault, last *llm.Event) []byte {
	code := "invalid_prompt" // anything else is tried again
	switch {
	case f.Status == http.StatusTooManyRequests:
		code = "rate_limit_exceeded"
	case f.Retry:
		code = "server_error"
	}
	e := &responseError{Code: code, Message: f.Message}
	return failedFrames(f.ID, r.Model, 0, e, e, last)
}

// failedFrames ends a response; one that has not begun begins first.
func failedFrames(id, model string, created int64, why, raised *responseError, last *llm.Event) []byte {
	var out []byte
	at := responsePlace{seq: -1}
	if last != nil {
		if p, ok := last.After.(*responsePlace); ok {
			at = *p
		}
	}
	if at.id == "" { // nothing has left, or a sign of life
		at.seq++
		out = AppendEvent(out, "response.created", encode(responseFrame{"response.created", at.seq, newResponse(id, model, "in_progress", created), nil}))
	} else {
		id = at.id
	}
	o := newResponse(id, model, "failed", created)
	o.Error = why
	return AppendEvent(out, "response.failed", encode(responseFrame{"response.failed", at.seq + 1, o, raised}))
}

// Models implements [Dialect].
func (Responses) Models(rt Route, names []string) []byte { return OpenAI{}.Models(rt, names) }
