package dialect

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

// OpenAI is the wire format of chat completions, as OpenAI publishes it and as
// most servers of open models speak it.
type OpenAI struct{}

// ID implements [Dialect].
func (OpenAI) ID() string { return "openai" }

// Provider implements [Dialect].
func (OpenAI) Provider() string { return "openai" }

// Match implements [Dialect].
func (OpenAI) Match(method, path string, _ http.Header) (Route, bool) {
	rest, ok := strings.CutPrefix(path, "/v1")
	if !ok {
		return Route{}, false
	}
	return openAIRoute(method, rest)
}

func openAIRoute(method, path string) (Route, bool) {
	rt := Route{Method: method, Path: path}
	switch {
	case method == http.MethodPost && path == "/chat/completions":
		rt.Op = llm.OpChat
	case method == http.MethodPost && path == "/embeddings":
		rt.Op = llm.OpEmbed
	case method == http.MethodGet && path == "/models":
		rt.Op = llm.OpList
	case method == http.MethodGet:
		name, ok := named(path, "/models/")
		if rt.Op, rt.Model = llm.OpList, name; !ok {
			return Route{}, false
		}
	default:
		return Route{}, false
	}
	return rt, true
}

// Authorise implements [Dialect].
func (OpenAI) Authorise(h http.Header, key string) { h.Set("Authorization", "Bearer "+key) }

type openAIError struct {
	Error openAIErrorBody `json:"error"`
}

type openAIErrorBody struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// Fault implements [Dialect].
func (OpenAI) Fault(f *Fault) []byte {
	b := openAIErrorBody{Message: f.Message, Type: f.Type}
	if f.Param != "" {
		b.Param = &f.Param
	}
	if f.Code != "" {
		b.Code = &f.Code
	}
	return encode(openAIError{b})
}

// FaultFrames implements [Dialect]. There is no terminal event after an error:
// SDKs then raise it.
func (o OpenAI) FaultFrames(_ *llm.Request, f *Fault, _ *llm.Event) []byte {
	return AppendEvent(nil, "", o.Fault(f))
}

type refusalMessage struct {
	Role    string  `json:"role,omitempty"`
	Content *string `json:"content"`
	Refusal string  `json:"refusal"`
}

type refusalDelta struct {
	Role    string `json:"role,omitempty"`
	Refusal string `json:"refusal"`
}

type refusalChoice struct {
	Index        int             `json:"index"`
	Message      *refusalMessage `json:"message,omitempty"`
	Delta        *refusalDelta   `json:"delta,omitempty"`
	Logprobs     *string         `json:"logprobs"`
	FinishReason string          `json:"finish_reason"`
	Filter       azureFilter     `json:"content_filter_results,omitempty"`
}

type refusalAnswer struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"`
	Created int64           `json:"created"`
	Model   string          `json:"model"`
	Choices []refusalChoice `json:"choices"`
	Usage   *refusalUsage   `json:"usage,omitempty"`
}

type refusalUsage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
}

func (b Refusal) choices() []int {
	if len(b.Choices) == 0 {
		return []int{0}
	}
	return b.Choices
}

// Refusal implements [Dialect].
func (OpenAI) Refusal(r *llm.Request, b Refusal) []byte {
	if r.Op != llm.OpChat {
		return nil
	}
	a := refusalAnswer{ID: b.ID, Object: "chat.completion", Created: b.Created, Model: b.Model, Usage: &refusalUsage{}}
	for _, i := range b.choices() {
		a.Choices = append(a.Choices, refusalChoice{Index: i, FinishReason: "content_filter", Filter: b.filter,
			Message: &refusalMessage{Role: "assistant", Refusal: b.Message}})
	}
	return encode(a)
}

// continues gives a refusal what all chunks of a stream have in common: the
// accumulators of SDKs refuse a chunk with another id.
func (b Refusal) continues() Refusal {
	var c struct {
		ID      string `json:"id"`
		Model   string `json:"model"`
		Created int64  `json:"created"`
	}
	if b.Last != nil && json.Unmarshal(b.Last.Data, &c) == nil && c.ID != "" {
		b.ID, b.Model, b.Created = c.ID, c.Model, c.Created
	}
	return b
}

// RefusalFrames implements [Dialect].
func (OpenAI) RefusalFrames(_ *llm.Request, b Refusal) []byte {
	b = b.continues()
	a := refusalAnswer{ID: b.ID, Object: "chat.completion.chunk", Created: b.Created, Model: b.Model}
	for _, i := range b.choices() {
		a.Choices = append(a.Choices, refusalChoice{Index: i, FinishReason: "content_filter", Filter: b.filter,
			Delta: &refusalDelta{Role: "assistant", Refusal: b.Message}})
	}
	return AppendEvent(AppendEvent(nil, "", encode(a)), "", []byte("[DONE]"))
}

type modelList struct {
	Object string      `json:"object"`
	Data   []modelItem `json:"data"`
}

type modelItem struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// Models implements [Dialect].
func (OpenAI) Models(rt Route, names []string) []byte {
	l := modelList{Object: "list", Data: []modelItem{}}
	for _, n := range names {
		l.Data = append(l.Data, modelItem{ID: n, Object: "model", OwnedBy: "bartizan"})
	}
	if rt.Model != "" {
		return encode(l.Data[0])
	}
	return encode(l)
}

// encode writes one of this package's own structs; they cannot fail to encode.
func encode(v any) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte(`{"error":{"message":"internal error","type":"server_error","param":null,"code":null}}`)
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}
