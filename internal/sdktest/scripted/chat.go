package scripted

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// chat speaks chat completions, of OpenAI and of Azure.
type chat struct{}

func (chat) read(body []byte, a *asked) error {
	var b struct {
		Model    string
		Stream   bool
		N        int
		Messages []struct {
			Role       string
			Content    json.RawMessage
			ToolCallID string `json:"tool_call_id"`
		}
		Format struct {
			Type   string
			Schema struct{ Name string } `json:"json_schema"`
		} `json:"response_format"`
		Options struct {
			Usage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return err
	}
	if a.model == "" {
		a.model = b.Model
	}
	a.stream, a.n, a.usage = b.Stream, max(b.N, 1), b.Options.Usage
	a.format = fmt.Sprintf(`{"asked":%q,"name":%q}`, b.Format.Type, b.Format.Schema.Name)
	for _, m := range b.Messages {
		a.text, a.tool = text(m.Content), m.ToolCallID
		if m.Role == "tool" {
			a.results = append(a.results, a.text)
		}
	}
	return nil
}

func (chat) fault(_ int, code, message string) string {
	return fmt.Sprintf(`{"error":{"message":%q,"type":"requests","param":null,"code":%q}}`, message, code)
}

const chatUsage = `,"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}`

// filtered is what Azure adds to every choice.
const filtered = `,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}`

func (chat) whole(a asked, r reply) string {
	finish, content, calls := "stop", quote(r.text), ""
	if len(r.tools) > 0 {
		finish, content = "tool_calls", "null"
		var list []string
		for _, t := range r.tools {
			list = append(list, fmt.Sprintf(`{"id":%q,"type":"function","function":{"name":%q,"arguments":%s}}`, t.id, t.name, quote(t.input)))
		}
		calls = `,"tool_calls":[` + strings.Join(list, ",") + `]`
	}
	extra, prompt := "", ""
	if a.azure {
		extra, prompt = filtered, `,"prompt_filter_results":[{"prompt_index":0`+filtered+`}]`
	}
	var choices []string
	for i := range a.n {
		choices = append(choices, fmt.Sprintf(`{"index":%d,"message":{"role":"assistant","content":%s,"refusal":null%s},"logprobs":null,"finish_reason":%q%s}`, i, content, calls, finish, extra))
	}
	return fmt.Sprintf(`{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[%s]%s%s}`, strings.Join(choices, ","), chatUsage, prompt)
}

func (chat) pen(w http.ResponseWriter, a asked) pen {
	p := &chatPen{w: w, a: a, finish: "stop"}
	if a.azure {
		p.frame("", `,"prompt_filter_results":[{"prompt_index":0`+filtered+`}]`)
	}
	return p
}

type chatPen struct {
	w      http.ResponseWriter
	a      asked
	calls  int
	finish string
}

func (p *chatPen) frame(choices, rest string) {
	frame(p.w, "", `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[`+choices+`]`+rest+`}`)
}

func (p *chatPen) each(delta, finish string) {
	extra := ""
	if p.a.azure {
		extra = filtered
	}
	for i := range p.a.n {
		p.frame(fmt.Sprintf(`{"index":%d,"delta":%s,"finish_reason":%s%s}`, i, delta, finish, extra), "")
	}
}

func (p *chatPen) think(string) {}

func (p *chatPen) say(s string) {
	for _, word := range words(s) {
		p.each(`{"role":"assistant","content":`+quote(word)+`}`, "null")
	}
}

func (p *chatPen) call(t tool) {
	p.each(fmt.Sprintf(`{"role":"assistant","tool_calls":[{"index":%d,"id":%q,"type":"function","function":{"name":%q,"arguments":""}}]}`, p.calls, t.id, t.name), "null")
	for _, piece := range pieces(t.input) {
		p.each(fmt.Sprintf(`{"tool_calls":[{"index":%d,"function":{"arguments":%s}}]}`, p.calls, quote(piece)), "null")
	}
	p.calls++
	p.finish = "tool_calls"
}

func (p *chatPen) end() {
	p.each(`{}`, quote(p.finish))
	if p.a.usage {
		p.frame("", chatUsage)
	}
	frame(p.w, "", "[DONE]")
}
