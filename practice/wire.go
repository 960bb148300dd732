package practice

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"

	"github.com/bartizan-ai/bartizan/dialect"
)

// The shapes of chat completions, as far as the practice model writes them.
type (
	completion struct {
		ID      string   `json:"id"`
		Object  string   `json:"object"`
		Created int64    `json:"created"`
		Model   string   `json:"model"`
		Choices []choice `json:"choices"`
		Usage   *usage   `json:"usage,omitempty"`
	}
	choice struct {
		Index        int      `json:"index"`
		Message      *message `json:"message,omitempty"`
		Delta        *message `json:"delta,omitempty"`
		FinishReason *string  `json:"finish_reason"`
	}
	message struct {
		Role      string  `json:"role,omitempty"`
		Content   *string `json:"content,omitempty"`
		ToolCalls []call  `json:"tool_calls,omitempty"`
	}
	call struct {
		Index    *int     `json:"index,omitempty"`
		ID       string   `json:"id,omitempty"`
		Type     string   `json:"type,omitempty"`
		Function function `json:"function"`
	}
	function struct {
		Name      string `json:"name,omitempty"`
		Arguments string `json:"arguments"`
	}
	usage struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
		Total      int `json:"total_tokens"`
	}
)

// created is the same for ever, so that answers repeat to the byte.
const created = 1767225600

func (a reply) completion(object string) completion {
	return completion{ID: a.id(), Object: object, Created: created, Model: a.model}
}

func (a reply) count() *usage {
	out := a.output() * a.choices
	return &usage{Prompt: a.input, Completion: out, Total: a.input + out}
}

// whole writes the answer as one completion.
func (a reply) whole() []byte {
	c := a.completion("chat.completion")
	for i := range a.choices {
		reason, m := "stop", &message{Role: "assistant", Content: &a.text}
		if a.tool != "" {
			reason = "tool_calls"
			m = &message{Role: "assistant", ToolCalls: []call{{ID: "call_practice", Type: "function", Function: function{Name: a.tool, Arguments: a.args}}}}
		}
		c.Choices = append(c.Choices, choice{Index: i, Message: m, FinishReason: &reason})
	}
	c.Usage = a.count()
	return encode(c)
}

// frames writes the answer as a stream, word by word.
func (a reply) frames() []byte {
	var out []byte
	send := func(c completion) { out = dialect.AppendEvent(out, "", encode(c)) }
	each := func(m message, reason *string) {
		for i := range a.choices {
			c := a.completion("chat.completion.chunk")
			delta := m
			c.Choices = []choice{{Index: i, Delta: &delta, FinishReason: reason}}
			send(c)
		}
	}
	empty, reason := "", "stop"
	if a.tool == "" {
		each(message{Role: "assistant", Content: &empty}, nil)
		for _, word := range strings.SplitAfter(a.text, " ") {
			each(message{Content: &word}, nil)
		}
	} else {
		reason = "tool_calls"
		zero := 0
		each(message{Role: "assistant", ToolCalls: []call{{Index: &zero, ID: "call_practice", Type: "function", Function: function{Name: a.tool}}}}, nil)
		for _, piece := range strings.SplitAfter(a.args, ",") {
			each(message{ToolCalls: []call{{Index: &zero, Function: function{Arguments: piece}}}}, nil)
		}
	}
	each(message{}, &reason)
	if a.usage {
		c := a.completion("chat.completion.chunk")
		c.Choices, c.Usage = []choice{}, a.count()
		send(c)
	}
	return dialect.AppendEvent(out, "", []byte("[DONE]"))
}

// vectors writes vectors that mean nothing, a short one for each text.
func (a reply) vectors() []byte {
	data := make([]object, a.texts)
	for i := range data {
		v := []float32{float32(a.seed%997) / 997, float32(i+1) / 8, float32(a.input%89) / 89, .5}
		var vector any = v
		if a.base64 {
			var b []byte
			for _, x := range v {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
			}
			vector = base64.StdEncoding.EncodeToString(b)
		}
		data[i] = object{"object": "embedding", "index": i, "embedding": vector}
	}
	return encode(object{"object": "list", "model": a.model, "data": data, "usage": object{"prompt_tokens": a.input, "total_tokens": a.input}})
}

// encode writes one of the shapes above; they cannot fail to encode.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("{}")
	}
	return b
}
