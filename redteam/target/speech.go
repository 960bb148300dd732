package target

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"github.com/bartizan-ai/bartizan/redteam"
)

type object = map[string]any

// schema is a tool's schema as JSON, or one that takes anything.
func schema(t redteam.Tool) json.RawMessage {
	if json.Valid([]byte(t.Schema)) && t.Schema != "" {
		return json.RawMessage(t.Schema)
	}
	return json.RawMessage(`{"type":"object","properties":{}}`)
}

func dataURL(f *redteam.File) string {
	return "data:text/plain;base64," + base64.StdEncoding.EncodeToString([]byte(f.Text))
}

// writeChat writes a request of OpenAI's chat completions.
func writeChat(model string, c *redteam.Conversation) object {
	var messages []object
	for _, t := range c.Turns {
		m := object{"role": t.Role, "content": t.Text}
		switch {
		case t.Role == "assistant" && t.Tool != "":
			m["content"] = nil
			if t.Text != "" {
				m["content"] = t.Text
			}
			m["tool_calls"] = []object{{"id": t.Call, "type": "function", "function": object{"name": t.Tool, "arguments": t.Args}}}
		case t.Role == "tool":
			m["tool_call_id"] = t.Call
		case t.File != nil:
			m["content"] = []object{{"type": "text", "text": t.Text}, {"type": "file", "file": object{"filename": t.File.Name, "file_data": dataURL(t.File)}}}
		}
		messages = append(messages, m)
	}
	out := object{"model": model, "messages": messages, "max_tokens": c.MaxTokens}
	if len(c.Tools) > 0 {
		var tools []object
		for _, t := range c.Tools {
			tools = append(tools, object{"type": "function", "function": object{"name": t.Name, "description": t.Description, "parameters": schema(t)}})
		}
		out["tools"] = tools
	}
	return out
}

// readChat reads an answer of chat completions.
func readChat(b []byte) (out said, err error) {
	var v struct {
		Model   string `json:"model"`
		Choices []struct {
			Finish  string `json:"finish_reason"`
			Message *struct {
				Content string `json:"content"`
				Refusal string `json:"refusal"`
				Calls   []struct {
					Function struct{ Name, Arguments string } `json:"function"`
				} `json:"tool_calls"`
			} `json:"message"`
		} `json:"choices"`
		Usage struct {
			Input  int `json:"prompt_tokens"`
			Output int `json:"completion_tokens"`
		} `json:"usage"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return said{}, err
	}
	if len(v.Choices) == 0 || v.Choices[0].Message == nil {
		return said{}, errors.New("there is no choice in it")
	}
	m := v.Choices[0].Message
	out = said{text: m.Content, model: v.Model, stopped: v.Choices[0].Finish == "content_filter", refused: m.Refusal != "", input: v.Usage.Input, output: v.Usage.Output}
	if m.Content == "" {
		out.text = m.Refusal
	}
	for _, k := range m.Calls {
		out.calls = append(out.calls, redteam.Call{Tool: k.Function.Name, Args: k.Function.Arguments})
	}
	return out, nil
}

// writeResponses writes a request of OpenAI's Responses.
func writeResponses(model string, c *redteam.Conversation) object {
	var input []object
	for _, t := range c.Turns {
		switch {
		case t.Role == "assistant" && t.Tool != "":
			input = append(input, object{"type": "function_call", "call_id": t.Call, "name": t.Tool, "arguments": t.Args})
		case t.Role == "tool":
			input = append(input, object{"type": "function_call_output", "call_id": t.Call, "output": t.Text})
		case t.File != nil:
			input = append(input, object{"role": t.Role, "content": []object{{"type": "input_text", "text": t.Text}, {"type": "input_file", "filename": t.File.Name, "file_data": dataURL(t.File)}}})
		default:
			input = append(input, object{"role": t.Role, "content": t.Text})
		}
	}
	out := object{"model": model, "input": input, "max_output_tokens": c.MaxTokens, "store": false}
	if len(c.Tools) > 0 {
		var tools []object
		for _, t := range c.Tools {
			tools = append(tools, object{"type": "function", "name": t.Name, "description": t.Description, "parameters": schema(t)})
		}
		out["tools"] = tools
	}
	return out
}

// readResponses reads an answer of Responses.
func readResponses(b []byte) (out said, err error) {
	var v struct {
		Model      string `json:"model"`
		Incomplete *struct {
			Reason string `json:"reason"`
		} `json:"incomplete_details"`
		Output []struct {
			Type, Name, Arguments string
			Content               []struct{ Type, Text, Refusal string }
		} `json:"output"`
		Usage struct {
			Input  int `json:"input_tokens"`
			Output int `json:"output_tokens"`
		} `json:"usage"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return said{}, err
	}
	if v.Output == nil {
		return said{}, errors.New("there is no output in it")
	}
	out = said{model: v.Model, stopped: v.Incomplete != nil && v.Incomplete.Reason == "content_filter", input: v.Usage.Input, output: v.Usage.Output}
	for _, o := range v.Output {
		if o.Type == "function_call" {
			out.calls = append(out.calls, redteam.Call{Tool: o.Name, Args: o.Arguments})
		}
		for _, c := range o.Content {
			out.text += c.Text + c.Refusal
			out.refused = out.refused || c.Type == "refusal"
		}
	}
	return out, nil
}

// writeMessages writes a request of Anthropic's Messages, where the system's words stand apart
// and what tools return comes from the user.
func writeMessages(model string, c *redteam.Conversation) object {
	var system []string
	var messages []object
	say := func(role string, block object) {
		if n := len(messages); n > 0 && messages[n-1]["role"] == role {
			messages[n-1]["content"] = append(messages[n-1]["content"].([]object), block)
			return
		}
		messages = append(messages, object{"role": role, "content": []object{block}})
	}
	for _, t := range c.Turns {
		switch {
		case t.Role == "system" || t.Role == "developer":
			system = append(system, t.Text)
		case t.Role == "assistant" && t.Tool != "":
			args := json.RawMessage(t.Args)
			if !json.Valid(args) {
				args = json.RawMessage("{}")
			}
			say("assistant", object{"type": "tool_use", "id": t.Call, "name": t.Tool, "input": args})
		case t.Role == "tool":
			say("user", object{"type": "tool_result", "tool_use_id": t.Call, "content": t.Text})
		default:
			say(t.Role, object{"type": "text", "text": t.Text})
			if t.File != nil {
				say(t.Role, object{"type": "document", "title": t.File.Name, "source": object{"type": "text", "media_type": "text/plain", "data": t.File.Text}})
			}
		}
	}
	out := object{"model": model, "messages": messages, "max_tokens": max(c.MaxTokens, 1)}
	if len(system) > 0 {
		out["system"] = strings.Join(system, "\n\n")
	}
	if len(c.Tools) > 0 {
		var tools []object
		for _, t := range c.Tools {
			tools = append(tools, object{"name": t.Name, "description": t.Description, "input_schema": schema(t)})
		}
		out["tools"] = tools
	}
	return out
}

// readMessages reads an answer of Messages.
func readMessages(b []byte) (out said, err error) {
	var v struct {
		Model   string `json:"model"`
		Stop    string `json:"stop_reason"`
		Content []struct {
			Type, Text, Name string
			Input            json.RawMessage
		} `json:"content"`
		Usage struct {
			Input  int `json:"input_tokens"`
			Output int `json:"output_tokens"`
		} `json:"usage"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return said{}, err
	}
	if v.Content == nil {
		return said{}, errors.New("there is no content in it")
	}
	out = said{model: v.Model, refused: v.Stop == "refusal", input: v.Usage.Input, output: v.Usage.Output}
	for _, c := range v.Content {
		out.text += c.Text
		if c.Type == "tool_use" {
			out.calls = append(out.calls, redteam.Call{Tool: c.Name, Args: string(c.Input)})
		}
	}
	return out, nil
}
