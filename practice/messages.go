package practice

import (
	"encoding/json"
	"strings"

	"github.com/bartizan-ai/bartizan/dialect"
)

// object is a JSON object as the model writes it.
type object map[string]any

// named frames an event whose name is its type.
func named(out []byte, o object) []byte {
	name, _ := o["type"].(string)
	return dialect.AppendEvent(out, name, encode(o))
}

func (a reply) messageUsage() object {
	return object{"input_tokens": a.input, "output_tokens": a.output()}
}

func (a reply) message(content []object, stop any) object {
	return object{"id": "msg_" + a.id(), "type": "message", "role": "assistant", "model": a.model, "content": content,
		"stop_reason": stop, "stop_sequence": nil, "usage": a.messageUsage()}
}

// wholeMessage writes the answer as Anthropic's API does.
func (a reply) wholeMessage() []byte {
	if a.tool != "" {
		return encode(a.message([]object{{"type": "tool_use", "id": "toolu_practice", "name": a.tool, "input": json.RawMessage(a.args)}}, "tool_use"))
	}
	return encode(a.message([]object{{"type": "text", "text": a.text}}, "end_turn"))
}

// messageFrames writes it as a stream, word by word.
func (a reply) messageFrames() []byte {
	out := named(nil, object{"type": "message_start", "message": a.message([]object{}, nil)})
	block, stop := object{"type": "text", "text": ""}, "end_turn"
	kind, field, pieces := "text_delta", "text", strings.SplitAfter(a.text, " ")
	if a.tool != "" {
		block, stop = object{"type": "tool_use", "id": "toolu_practice", "name": a.tool, "input": object{}}, "tool_use"
		kind, field, pieces = "input_json_delta", "partial_json", strings.SplitAfter(a.args, ",")
	}
	out = named(out, object{"type": "content_block_start", "index": 0, "content_block": block})
	for _, piece := range pieces {
		out = named(out, object{"type": "content_block_delta", "index": 0, "delta": object{"type": kind, field: piece}})
	}
	out = named(out, object{"type": "content_block_stop", "index": 0})
	out = named(out, object{"type": "message_delta", "delta": object{"stop_reason": stop, "stop_sequence": nil}, "usage": object{"output_tokens": a.output()}})
	return named(out, object{"type": "message_stop"})
}
