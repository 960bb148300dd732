package gateway

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// form is one dialect as the matrix tries it: where a text can stand in what is sent
// and in what is answered.
type form struct {
	name string
	path string
	in   []carrier
	out  []place // none: answers hold no text, or it is another form's
	// refusal says whether a blocked answer is spoken as this dialect does.
	refusal func(body string) bool
}

// carrier is a place in a request.
type carrier struct {
	name   string
	body   func(text string, stream bool) string
	sealed bool // may be judged, not edited
	offset int  // of the text within its passage
}

// place is a place in an answer. Frames are whole events.
type place struct {
	name   string
	whole  func(text string) string
	frames func(pieces ...string) []string
	sealed bool
	args   bool
}

// forms are all of them.
func forms() []form {
	chat := func(body string) bool { return strings.Contains(body, `"finish_reason":"content_filter"`) }
	return []form{
		{"chat", "/v1/chat/completions", chatCarriers(), chatPlaces(), chat},
		{"Messages", "/v1/messages", messagesCarriers(), messagesPlaces(), func(body string) bool {
			return strings.Contains(body, `"stop_reason":"refusal"`) && strings.Contains(body, `"explanation":"Policy `)
		}},
		{"Responses", "/v1/responses", responsesCarriers(), responsesPlaces(), func(body string) bool {
			return strings.Contains(body, `"reason":"content_filter"`) || strings.Contains(body, "event: response.failed\n") && strings.Contains(body, `"code":"invalid_prompt"`)
		}},
		{"embeddings", "/v1/embeddings", embedCarriers(), nil, nil},
		{"Azure", "/openai/deployments/fast/chat/completions?api-version=2024-10-21", azureCarriers(), azurePlaces(), func(body string) bool {
			return chat(body) && strings.Contains(body, `"custom_blocklists":{"filtered":true`)
		}},
		{"Azure Responses", "/openai/v1/responses", responsesCarriers()[:3], responsesPlaces()[:1], func(body string) bool {
			return strings.Contains(body, `"reason":"content_filter"`) || strings.Contains(body, `"code":"invalid_prompt"`)
		}},
	}
}

func sending(rest string, items ...string) func(string, bool) string {
	return func(s string, stream bool) string {
		body := fmt.Sprintf(`{"model":"fast","stream":%v,`, stream) + strings.Join(append([]string{rest}, items...), "") + `}`
		return strings.ReplaceAll(body, "$", quoted(s))
	}
}

// message is a conversation with one more message.
func message(m string) func(string, bool) string {
	return sending(`"messages":[{"role":"user","content":"hi"},` + m + `]`)
}

func messages(stream bool, m string) string {
	return fmt.Sprintf(`{"model":"fast","stream":%v,"messages":[{"role":"user","content":"hi"},%s]}`, stream, m)
}

func nested(s string) string { return quoted(`{"q":` + quoted(s) + `}`) }

func chatCarriers() []carrier {
	return []carrier{
		{name: "system", body: message(`{"role":"system","content":$}`)},
		{name: "developer", body: message(`{"role":"developer","content":$}`)},
		{name: "user", body: message(`{"role":"user","content":$}`)},
		{name: "assistant", body: message(`{"role":"assistant","content":$}`)},
		{name: "tool result", body: message(`{"role":"tool","tool_call_id":"call_1","content":$}`)},
		{name: "tool description", body: sending(`"tools":[{"type":"function","function":{"name":"search","description":$,"parameters":{"type":"object"}}}],"messages":[{"role":"user","content":"hi"}]`)},
		{name: "tool schema", body: sending(`"tools":[{"type":"function","function":{"name":"search","parameters":{"type":"object","properties":{"q":{"description":$}}}}}],"messages":[{"role":"user","content":"hi"}]`)},
		{name: "tool arguments", offset: 6, body: func(s string, st bool) string {
			return message(`{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"search","arguments":`+nested(s)+`}}]}`)("", st)
		}},
		{name: "text part", body: message(`{"role":"user","content":[{"type":"text","text":"one"},{"type":"text","text":$}]}`)},
		{name: "file text", body: func(s string, st bool) string {
			data := "data:text/plain;base64," + base64.StdEncoding.EncodeToString([]byte(s))
			return message(`{"role":"user","content":[{"type":"file","file":{"filename":"a.txt","file_data":"`+data+`"}}]}`)("", st)
		}},
		{name: "file name", body: message(`{"role":"user","content":[{"type":"file","file":{"filename":$,"file_data":"data:text/plain;base64,YQ=="}}]}`)},
		{name: "name", body: message(`{"role":"user","name":$,"content":"hi"}`)},
		{name: "unknown field", body: sending(`"x_new":{"deep":[$]},"messages":[{"role":"user","content":"hi"}]`)},
	}
}

func azureCarriers() []carrier {
	return append(chatCarriers(), carrier{name: "data source", body: sending(
		`"data_sources":[{"type":"azure_search","parameters":{"role_information":$}}],"messages":[{"role":"user","content":"hi"}]`)})
}

func messagesCarriers() []carrier {
	block := func(b string) func(string, bool) string { return message(`{"role":"user","content":[` + b + `]}`) }
	return []carrier{
		{name: "system", body: sending(`"max_tokens":9,"system":$,"messages":[{"role":"user","content":"hi"}]`)},
		{name: "system block", body: sending(`"system":[{"type":"text","text":$}],"messages":[{"role":"user","content":"hi"}]`)},
		{name: "system message", body: message(`{"role":"system","content":$}`)},
		{name: "user", body: message(`{"role":"user","content":$}`)},
		{name: "text block", body: block(`{"type":"text","text":"one"},{"type":"text","text":$}`)},
		{name: "assistant", body: message(`{"role":"assistant","content":[{"type":"text","text":$}]}`)},
		{name: "tool description", body: sending(`"tools":[{"name":"search","description":$,"input_schema":{"type":"object"}}],"messages":[{"role":"user","content":"hi"}]`)},
		{name: "tool schema", body: sending(`"tools":[{"name":"search","input_schema":{"type":"object","properties":{"q":{"description":$}}}}],"messages":[{"role":"user","content":"hi"}]`)},
		{name: "tool input", offset: 6, body: message(`{"role":"assistant","content":[{"type":"tool_use","id":"t_1","name":"search","input":{"q":$}}]}`)},
		{name: "tool result", body: block(`{"type":"tool_result","tool_use_id":"t_1","content":$}`)},
		{name: "tool result block", body: block(`{"type":"tool_result","tool_use_id":"t_1","content":[{"type":"text","text":$}]}`)},
		{name: "thinking", sealed: true, body: message(`{"role":"assistant","content":[{"type":"thinking","thinking":$,"signature":"c2ln"}]}`)},
		{name: "document", body: block(`{"type":"document","source":{"type":"text","media_type":"text/plain","data":$}}`)},
		{name: "document title", body: block(`{"type":"document","title":$,"source":{"type":"text","media_type":"text/plain","data":"a"}}`)},
		{name: "search result", body: block(`{"type":"search_result","source":"https://a.example","title":"t","content":[{"type":"text","text":$}]}`)},
		{name: "unknown block", body: block(`{"type":"hologram","layer":{"deep":[$]}}`)},
		{name: "unknown field", body: sending(`"x_new":{"deep":[$]},"messages":[{"role":"user","content":"hi"}]`)},
	}
}

func responsesCarriers() []carrier {
	item := func(m string) func(string, bool) string {
		return sending(`"store":false,"input":[{"role":"user","content":"hi"},` + m + `]`)
	}
	return []carrier{
		{name: "input", body: sending(`"input":$`)},
		{name: "instructions", body: sending(`"instructions":$,"input":"hi"`)},
		{name: "user", body: item(`{"role":"user","content":$}`)},
		{name: "user part", body: item(`{"type":"message","role":"user","content":[{"type":"input_text","text":$}]}`)},
		{name: "developer", body: item(`{"role":"developer","content":[{"type":"input_text","text":$}]}`)},
		{name: "assistant", body: item(`{"type":"message","role":"assistant","content":[{"type":"output_text","text":$,"annotations":[]}]}`)},
		{name: "tool description", body: sending(`"tools":[{"type":"function","name":"search","description":$,"parameters":{"type":"object"}}],"input":"hi"`)},
		{name: "late tool", body: item(`{"type":"additional_tools","tools":[{"type":"function","name":"search","description":$}]}`)},
		{name: "tool arguments", offset: 6, body: func(s string, st bool) string {
			return item(`{"type":"function_call","call_id":"c","name":"search","arguments":`+nested(s)+`}`)("", st)
		}},
		{name: "tool result", body: item(`{"type":"function_call_output","call_id":"c","output":$}`)},
		{name: "custom input", body: item(`{"type":"custom_tool_call","call_id":"c","name":"search","input":$}`)},
		{name: "reasoning", body: item(`{"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":$}]}`)},
		{name: "file text", body: func(s string, st bool) string {
			data := "data:text/plain;base64," + base64.StdEncoding.EncodeToString([]byte(s))
			return item(`{"role":"user","content":[{"type":"input_file","filename":"a.txt","file_data":"`+data+`"}]}`)("", st)
		}},
		{name: "unknown item", body: item(`{"type":"hologram","layer":{"deep":[$]}}`)},
		{name: "unknown field", body: sending(`"x_new":{"deep":[$]},"input":"hi"`)},
	}
}

func embedCarriers() []carrier {
	whole := func(rest string) func(string, bool) string {
		return func(s string, _ bool) string { return strings.ReplaceAll(`{"model":"fast",`+rest+`}`, "$", quoted(s)) }
	}
	return []carrier{
		{name: "input", body: whole(`"input":$`)},
		{name: "item of a list", body: whole(`"input":["one",$]`)},
		{name: "unknown field", body: whole(`"x_new":{"deep":[$]},"input":"hi"`)},
	}
}

func events(kinds ...string) []string {
	out := make([]string, len(kinds))
	for i, data := range kinds {
		var v struct{ Type string }
		_ = json.Unmarshal([]byte(data), &v)
		if out[i] = "data: " + data + "\n\n"; v.Type != "" {
			out[i] = "event: " + v.Type + "\n" + out[i]
		}
	}
	return out
}

func chatPlaces() []place {
	whole := func(choices string) string {
		return `{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[` + choices + `],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`
	}
	choice := func(i int, m string) string {
		return fmt.Sprintf(`{"index":%d,"message":{"role":"assistant",%s},"finish_reason":"stop"}`, i, m)
	}
	field := func(name string) place {
		return place{name: name,
			whole: func(s string) string { return whole(choice(0, `"`+name+`":`+quoted(s))) },
			frames: func(p ...string) []string {
				var out []string
				for _, s := range p {
					out = append(out, chunk(0, `{"`+name+`":`+quoted(s)+`}`))
				}
				return events(append(out, stopChunk(0, "stop"), "[DONE]")...)
			}}
	}
	text := field("content")
	text.name = "text"
	return []place{text, {name: "second answer",
		whole: func(s string) string {
			return whole(choice(0, `"content":"harmless, this one. "`) + "," + choice(1, `"content":`+quoted(s)))
		},
		frames: func(p ...string) []string {
			out := []string{chunk(0, `{"content":"harmless, "}`)}
			for _, s := range p {
				out = append(out, chunk(1, `{"content":`+quoted(s)+`}`))
			}
			return events(append(out, chunk(0, `{"content":"this one. "}`), stopChunk(0, "stop"), stopChunk(1, "stop"), "[DONE]")...)
		}}, {name: "tool arguments", args: true,
		whole: func(s string) string {
			return whole(choice(0, `"content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"search","arguments":`+nested(s)+`}}]`))
		},
		frames: func(p ...string) []string {
			var out []string
			for i, s := range argPieces(p) {
				head, name := "", ""
				if i == 0 {
					head, name = `"id":"c1","type":"function",`, `"name":"search",`
				}
				out = append(out, chunk(0, `{"tool_calls":[{"index":0,`+head+`"function":{`+name+`"arguments":`+quoted(s)+`}}]}`))
			}
			return events(append(out, stopChunk(0, "tool_calls"), "[DONE]")...)
		}}, field("refusal"), field("reasoning_content")}
}

// argPieces are the JSON arguments that hold the joined text, cut where it was cut. A
// text that nothing escapes is assumed.
func argPieces(p []string) []string {
	out := append([]string(nil), p...)
	out[0] = `{"q":"` + out[0]
	out[len(out)-1] += `"}`
	return out
}

func azurePlaces() []place {
	list := chatPlaces()
	first := `{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}`
	for i, p := range list {
		list[i].frames = func(pieces ...string) []string { return append(events(first), p.frames(pieces...)...) }
	}
	return list[:4]
}

func messagesPlaces() []place {
	whole := func(blocks string) string {
		return `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[` + blocks + `],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}`
	}
	begin := `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}`
	end := []string{`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":9}}`, `{"type":"message_stop"}`}
	block := func(i int, start, kind, field string, pieces []string) []string {
		out := []string{fmt.Sprintf(`{"type":"content_block_start","index":%d,"content_block":%s}`, i, start)}
		for _, s := range pieces {
			out = append(out, fmt.Sprintf(`{"type":"content_block_delta","index":%d,"delta":{"type":%q,%q:%s}}`, i, kind, field, quoted(s)))
		}
		return append(out, fmt.Sprintf(`{"type":"content_block_stop","index":%d}`, i))
	}
	all := func(blocks ...[]string) []string {
		out := []string{begin}
		for _, b := range blocks {
			out = append(out, b...)
		}
		return events(append(out, end...)...)
	}
	text := `{"type":"text","text":""}`
	return []place{
		{name: "text", whole: func(s string) string { return whole(`{"type":"text","text":` + quoted(s) + `}`) },
			frames: func(p ...string) []string { return all(block(0, text, "text_delta", "text", p)) }},
		{name: "second block", whole: func(s string) string {
			return whole(`{"type":"text","text":"harmless, this one. "},{"type":"text","text":` + quoted(s) + `}`)
		},
			frames: func(p ...string) []string {
				return all(block(0, text, "text_delta", "text", []string{"harmless, this one. "}), block(1, text, "text_delta", "text", p))
			}},
		{name: "tool input", args: true, whole: func(s string) string {
			return whole(`{"type":"tool_use","id":"t_1","name":"search","input":{"q":` + quoted(s) + `}}`)
		},
			frames: func(p ...string) []string {
				return all(block(0, `{"type":"tool_use","id":"t_1","name":"search","input":{}}`, "input_json_delta", "partial_json", argPieces(p)))
			}},
		{name: "thinking", sealed: true, whole: func(s string) string {
			return whole(`{"type":"thinking","thinking":` + quoted(s) + `,"signature":"c2ln"},{"type":"text","text":"Well. "}`)
		},
			frames: func(p ...string) []string {
				return all(block(0, `{"type":"thinking","thinking":"","signature":""}`, "thinking_delta", "thinking", p), block(1, text, "text_delta", "text", []string{"Well. "}))
			}},
	}
}

// respond is a response with that output.
func respond(status, output string) string {
	return `{"id":"resp_1","object":"response","created_at":1,"status":"` + status + `","error":null,"incomplete_details":null,"instructions":null,"model":"m","output":[` + output +
		`],"tools":[],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}`
}

func responsesPlaces() []place {
	text := func(i int, item, part, delta, whole string) place {
		said := func(s string) string { return strings.ReplaceAll(item, "$", quoted(s)) }
		before := ""
		if i == 1 {
			before = `{"id":"m0","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"harmless","annotations":[]}]},`
		}
		return place{
			whole: func(s string) string { return respond("completed", before+said(s)) },
			frames: func(p ...string) []string {
				at, n := fmt.Sprintf(`"item_id":"i","output_index":%d`, i), 0
				frame := func(kind, rest string) string {
					n++
					return fmt.Sprintf(`{"type":%q,"sequence_number":%d,%s}`, kind, n-1, rest)
				}
				out := []string{frame("response.created", `"response":`+respond("in_progress", ""))}
				out = append(out, frame("response.output_item.added", fmt.Sprintf(`"output_index":%d,"item":`, i)+said("")))
				for _, s := range p {
					out = append(out, frame("response."+delta+".delta", at+part+`,"delta":`+quoted(s)))
				}
				joined := strings.Join(p, "")
				out = append(out, frame("response."+delta+".done", at+part+`,"`+whole+`":`+quoted(joined)),
					frame("response.output_item.done", fmt.Sprintf(`"output_index":%d,"item":`, i)+said(joined)),
					frame("response.completed", `"response":`+respond("completed", before+said(joined))))
				return events(out...)
			}}
	}
	named := func(name string, p place) place { p.name = name; return p }
	message := `{"id":"i","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":$,"annotations":[],"logprobs":[]}]}`
	args := text(0, `{"id":"i","type":"function_call","call_id":"c","name":"search","arguments":$}`, "", "function_call_arguments", "arguments")
	inner := args
	args.args = true
	args.whole = func(s string) string { return inner.whole(`{"q":` + quoted(s) + `}`) }
	args.frames = func(p ...string) []string { return inner.frames(argPieces(p)...) }
	return []place{
		named("text", text(0, message, `,"content_index":0`, "output_text", "text")),
		named("second item", text(1, message, `,"content_index":0`, "output_text", "text")),
		named("tool arguments", args),
		named("custom input", text(0, `{"id":"i","type":"custom_tool_call","call_id":"c","name":"search","input":$}`, "", "custom_tool_call_input", "input")),
		named("refusal", text(0, `{"id":"i","type":"message","role":"assistant","status":"completed","content":[{"type":"refusal","refusal":$}]}`, `,"content_index":0`, "refusal", "refusal")),
		named("reasoning summary", text(0, `{"id":"i","type":"reasoning","summary":[{"type":"summary_text","text":$}]}`, `,"summary_index":0`, "reasoning_summary_text", "text")),
	}
}

// heard reads what a client of any dialect gets: each text of the answer by its place.
// What Responses says again must be there again, so snapshots have places of their own.
func heard(t *testing.T, a answered) map[string]string {
	t.Helper()
	out := map[string]string{}
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
		hear(t, out, a.body)
		return out
	}
	for frame := range strings.SplitSeq(strings.TrimSuffix(a.body, "\n\n"), "\n\n") {
		if _, data, ok := strings.Cut(frame, "data: "); ok && data != "[DONE]" {
			hear(t, out, data)
		}
	}
	return out
}

// hear reads one JSON document of an answer.
func hear(t *testing.T, out map[string]string, data string) {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(data), &v); err != nil {
		t.Fatalf("a client cannot read %s", data)
	}
	kind, _ := v["type"].(string)
	if delta, ok := v["delta"].(string); ok {
		out[fmt.Sprint("out ", v["output_index"])] += delta
		return
	}
	if delta, ok := v["delta"].(map[string]any); ok && kind == "content_block_delta" {
		for _, name := range []string{"text", "partial_json", "thinking"} {
			if s, ok := delta[name].(string); ok {
				out[fmt.Sprint("block ", v["index"])] += s
			}
		}
		return
	}
	if blocks, ok := v["content"].([]any); ok && kind == "message" {
		for i, b := range blocks {
			out[fmt.Sprint("block ", i)] = texts(b)
		}
	}
	if choices, ok := v["choices"].([]any); ok {
		for _, c := range choices {
			c, _ := c.(map[string]any)
			for _, name := range []string{"message", "delta"} {
				if c[name] != nil {
					out[fmt.Sprint("choice ", c["index"])] += texts(c[name])
				}
			}
		}
	}
	for _, whole := range []string{"text", "refusal", "arguments", "input"} {
		if s, ok := v[whole].(string); ok && strings.HasSuffix(kind, ".done") {
			out["again "+fmt.Sprint(v["output_index"])] = s
		}
	}
	if item, ok := v["item"]; ok && strings.HasSuffix(kind, ".done") {
		out["item "+fmt.Sprint(v["output_index"])] = texts(item)
	}
	if r, ok := v["response"].(map[string]any); ok {
		v = r
	}
	if items, ok := v["output"].([]any); ok {
		for i, item := range items {
			out[fmt.Sprint("whole ", i)] = texts(item)
		}
	}
}

// texts joins what is said below v.
func texts(v any) string {
	switch v := v.(type) {
	case []any:
		s := ""
		for _, x := range v {
			s += texts(x)
		}
		return s
	case map[string]any:
		if in, ok := v["input"].(map[string]any); ok {
			b, _ := json.Marshal(in)
			return string(b)
		}
		s := ""
		for _, name := range []string{"content", "text", "refusal", "reasoning_content", "thinking", "arguments", "input", "summary", "tool_calls", "function"} {
			switch x := v[name].(type) {
			case string:
				s += x
			case nil:
			default:
				s += texts(x)
			}
		}
		return s
	}
	return ""
}
