package scripted

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// responses speaks OpenAI's Responses.
type responses struct{}

func (responses) read(body []byte, a *asked) error {
	var b struct {
		Model  string
		Stream bool
		Input  json.RawMessage
		Text   struct {
			Format struct{ Type, Name string }
		}
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return err
	}
	a.model, a.stream = b.Model, b.Stream
	a.format = fmt.Sprintf(`{"asked":%q,"name":%q}`, b.Text.Format.Type, b.Text.Format.Name)
	if json.Unmarshal(b.Input, &a.text) == nil {
		return nil
	}
	var items []struct {
		Type, Role      string
		Content, Output json.RawMessage
		CallID          string `json:"call_id"`
	}
	if err := json.Unmarshal(b.Input, &items); err != nil {
		return err
	}
	for _, i := range items {
		switch {
		case strings.HasSuffix(i.Type, "_call_output"):
			a.text, a.tool = text(i.Output), i.CallID
			a.results = append(a.results, a.text)
		case i.Role == "user":
			a.text, a.tool = text(i.Content), ""
			a.filename = files(a.text, a.filename)
		}
	}
	return nil
}

func (responses) fault(status int, code, message string) string {
	return chat{}.fault(status, code, message)
}

const responsesUsage = `{"input_tokens":3,"input_tokens_details":{"cached_tokens":0},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":8}`

// response is the object that the first and the last events and a whole answer
// hold.
func response(a asked, status, usage string, output []string) string {
	return fmt.Sprintf(`{"id":"resp_%d","object":"response","created_at":1,"status":%q,"error":null,"incomplete_details":null,"instructions":null,"metadata":{},"model":"m",`+
		`"output":[%s],"parallel_tool_calls":true,"temperature":1,"top_p":1,"tool_choice":"auto","tools":[],"usage":%s}`, len(a.results)+1, status, strings.Join(output, ","), usage)
}

func part(s string) string {
	return `{"type":"output_text","text":` + quote(s) + `,"annotations":[],"logprobs":[]}`
}

func message(n int, status string, parts ...string) string {
	return fmt.Sprintf(`{"id":"item_%d","type":"message","role":"assistant","status":%q,"content":[%s]}`, n, status, strings.Join(parts, ","))
}

func thought(n int, s string) string {
	return fmt.Sprintf(`{"id":"item_%d","type":"reasoning","summary":[{"type":"summary_text","text":%s}],"encrypted_content":%q}`, n, quote(s), signature)
}

func called(n int, status string, t tool, input string) string {
	if t.custom {
		return fmt.Sprintf(`{"id":"item_%d","type":"custom_tool_call","status":%q,"call_id":%q,"name":%q,"input":%s}`, n, status, t.id, t.name, quote(input))
	}
	return fmt.Sprintf(`{"id":"item_%d","type":"function_call","status":%q,"call_id":%q,"name":%q,"arguments":%s}`, n, status, t.id, t.name, quote(input))
}

func (responses) whole(a asked, r reply) string {
	var out []string
	if r.thought != "" {
		out = append(out, thought(len(out), r.thought))
	}
	if r.text != "" {
		out = append(out, message(len(out), "completed", part(r.text)))
	}
	for _, t := range r.tools {
		out = append(out, called(len(out), "completed", t, t.input))
	}
	return response(a, "completed", responsesUsage, out)
}

func (responses) pen(w http.ResponseWriter, a asked) pen {
	p := &responsesPen{w: w, a: a, open: -1}
	p.frame("response.created", `"response":`+response(a, "in_progress", "null", nil))
	p.frame("response.in_progress", `"response":`+response(a, "in_progress", "null", nil))
	return p
}

type responsesPen struct {
	w     http.ResponseWriter
	a     asked
	seq   int
	open  int // the message that is being written, or -1
	said  string
	items []string
}

func (p *responsesPen) frame(name, fields string) {
	frame(p.w, name, fmt.Sprintf(`{"type":%q,"sequence_number":%d,%s}`, name, p.seq, fields))
	p.seq++
}

func (p *responsesPen) begin(item string) int {
	n := len(p.items)
	p.items = append(p.items, item)
	p.frame("response.output_item.added", fmt.Sprintf(`"output_index":%d,"item":%s`, n, item))
	return n
}

func (p *responsesPen) close(n int, item string) {
	p.items[n] = item
	p.frame("response.output_item.done", fmt.Sprintf(`"output_index":%d,"item":%s`, n, item))
}

func (p *responsesPen) think(s string) {
	n := p.begin(fmt.Sprintf(`{"id":"item_%d","type":"reasoning","summary":[]}`, len(p.items)))
	at := fmt.Sprintf(`"item_id":"item_%d","output_index":%d,"summary_index":0,`, n, n)
	p.frame("response.reasoning_summary_part.added", at+`"part":{"type":"summary_text","text":""}`)
	for _, word := range words(s) {
		p.frame("response.reasoning_summary_text.delta", at+`"delta":`+quote(word))
	}
	p.frame("response.reasoning_summary_text.done", at+`"text":`+quote(s))
	p.frame("response.reasoning_summary_part.done", at+`"part":{"type":"summary_text","text":`+quote(s)+`}`)
	p.close(n, thought(n, s))
}

func (p *responsesPen) at() string {
	return fmt.Sprintf(`"item_id":"item_%d","output_index":%d,"content_index":0,`, p.open, p.open)
}

func (p *responsesPen) say(s string) {
	if p.open < 0 {
		p.open, p.said = p.begin(message(len(p.items), "in_progress")), ""
		p.frame("response.content_part.added", p.at()+`"part":`+part(""))
	}
	for _, word := range words(s) {
		p.frame("response.output_text.delta", p.at()+`"logprobs":[],"delta":`+quote(word))
	}
	p.said += s
}

func (p *responsesPen) shut() {
	if p.open < 0 {
		return
	}
	p.frame("response.output_text.done", p.at()+`"logprobs":[],"text":`+quote(p.said))
	p.frame("response.content_part.done", p.at()+`"part":`+part(p.said))
	p.close(p.open, message(p.open, "completed", part(p.said)))
	p.open = -1
}

func (p *responsesPen) call(t tool) {
	p.shut()
	n := p.begin(called(len(p.items), "in_progress", t, ""))
	event, field := "response.function_call_arguments", "arguments"
	if t.custom {
		event, field = "response.custom_tool_call_input", "input"
	}
	at := fmt.Sprintf(`"item_id":"item_%d","output_index":%d,`, n, n)
	for _, piece := range pieces(t.input) {
		p.frame(event+".delta", at+`"delta":`+quote(piece))
	}
	p.frame(event+".done", at+quote(field)+`:`+quote(t.input))
	p.close(n, called(n, "completed", t, t.input))
}

func (p *responsesPen) end() {
	p.shut()
	p.frame("response.completed", `"response":`+response(p.a, "completed", responsesUsage, p.items))
}
