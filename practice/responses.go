package practice

import "strings"

func (a reply) response(status string, output []object) object {
	o := object{"id": "resp_" + a.id(), "object": "response", "created_at": created, "status": status, "model": a.model, "output": output,
		"error": nil, "incomplete_details": nil, "instructions": nil, "metadata": object{}, "parallel_tool_calls": true, "store": false,
		"temperature": 1, "top_p": 1, "tool_choice": "auto", "tools": []object{}, "usage": nil}
	if status == "completed" {
		o["usage"] = object{"input_tokens": a.input, "output_tokens": a.output(), "total_tokens": a.input + a.output()}
	}
	return o
}

// item is the one item of the answer, with as much of its text as has come.
func (a reply) item(status string, whole bool) object {
	text, args := "", ""
	if whole {
		text, args = a.text, a.args
	}
	if a.tool != "" {
		return object{"id": "fc_practice", "type": "function_call", "status": status, "call_id": "call_practice", "name": a.tool, "arguments": args}
	}
	content := []object{}
	if whole {
		content = append(content, object{"type": "output_text", "text": text, "annotations": []object{}, "logprobs": []object{}})
	}
	return object{"id": "msg_practice", "type": "message", "role": "assistant", "status": status, "content": content}
}

// wholeResponse writes the answer as the Responses API does.
func (a reply) wholeResponse() []byte {
	return encode(a.response("completed", []object{a.item("completed", true)}))
}

// compaction writes a history that was made shorter: to what the model says of it.
func (a reply) compaction() []byte {
	return encode(object{"id": "resp_" + a.id(), "object": "response.compaction", "created_at": created, "output": []object{a.item("completed", true)},
		"usage": object{"input_tokens": a.input, "output_tokens": a.output(), "total_tokens": a.input + a.output()}})
}

// responseFrames writes it as a stream, word by word, and whole again as the API does.
func (a reply) responseFrames() []byte {
	var out []byte
	seq := 0
	send := func(kind string, o object) {
		o["type"], o["sequence_number"] = kind, seq
		out = named(out, o)
		seq++
	}
	at := func(o object) object {
		o["item_id"], o["output_index"] = a.item("", false)["id"], 0
		if a.tool == "" {
			o["content_index"] = 0
		}
		return o
	}
	send("response.created", object{"response": a.response("in_progress", []object{})})
	send("response.output_item.added", object{"output_index": 0, "item": a.item("in_progress", false)})
	if a.tool == "" {
		part := func(text string) object {
			return object{"part": object{"type": "output_text", "text": text, "annotations": []object{}}}
		}
		send("response.content_part.added", at(part("")))
		for _, word := range strings.SplitAfter(a.text, " ") {
			send("response.output_text.delta", at(object{"delta": word, "logprobs": []object{}}))
		}
		send("response.output_text.done", at(object{"text": a.text, "logprobs": []object{}}))
		send("response.content_part.done", at(part(a.text)))
	} else {
		for _, piece := range strings.SplitAfter(a.args, ",") {
			send("response.function_call_arguments.delta", at(object{"delta": piece}))
		}
		send("response.function_call_arguments.done", at(object{"arguments": a.args}))
	}
	send("response.output_item.done", object{"output_index": 0, "item": a.item("completed", true)})
	send("response.completed", object{"response": a.response("completed", []object{a.item("completed", true)})})
	return out
}
