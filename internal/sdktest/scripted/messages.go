package scripted

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// messages speaks Anthropic's Messages.
type messages struct{}

func (messages) read(body []byte, a *asked) error {
	var b struct {
		Model    string
		Stream   bool
		Messages []struct {
			Role    string
			Content json.RawMessage
		}
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return err
	}
	a.model, a.stream = b.Model, b.Stream
	for _, m := range b.Messages {
		if m.Role != "user" {
			continue
		}
		a.text, a.tool = text(m.Content), ""
		var parts []struct {
			Type, Text string
			Content    json.RawMessage
			ToolUseID  string `json:"tool_use_id"`
		}
		_ = json.Unmarshal(m.Content, &parts)
		for _, p := range parts {
			if p.Type == "tool_result" {
				a.text, a.tool = text(p.Content), p.ToolUseID
				a.results = append(a.results, a.text)
			} else if p.Type == "text" {
				a.text = p.Text
			}
		}
		a.filename = files(string(m.Content), a.filename)
	}
	return nil
}

func (messages) fault(status int, _, message string) string {
	kind := "api_error"
	if status == http.StatusTooManyRequests {
		kind = "rate_limit_error"
	}
	return fmt.Sprintf(`{"type":"error","error":{"type":%q,"message":%q},"request_id":"req_scripted"}`, kind, message)
}

// signature is what a provider signs a thought with: it must come back unchanged.
const signature = "c2lnbmVkLWJ5LW5vYm9keQ=="

// messageID differs from answer to answer: clients take two answers of one id for
// parts of the same.
func messageID(a asked) string { return fmt.Sprintf("msg_%d", len(a.results)+1) }

func (messages) whole(a asked, r reply) string {
	var blocks []string
	if r.thought != "" {
		blocks = append(blocks, fmt.Sprintf(`{"type":"thinking","thinking":%s,"signature":%q}`, quote(r.thought), signature))
	}
	if r.text != "" {
		blocks = append(blocks, `{"type":"text","text":`+quote(r.text)+`}`)
	}
	stop := "end_turn"
	for _, t := range r.tools {
		blocks = append(blocks, fmt.Sprintf(`{"type":"tool_use","id":%q,"name":%q,"input":%s}`, t.id, t.name, t.input))
		stop = "tool_use"
	}
	return fmt.Sprintf(`{"id":%q,"type":"message","role":"assistant","model":"m","content":[%s],"stop_reason":%q,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":5}}`,
		messageID(a), strings.Join(blocks, ","), stop)
}

func (messages) pen(w http.ResponseWriter, a asked) pen {
	p := &messagesPen{w: w, stop: "end_turn", open: -1}
	p.frame("message_start", fmt.Sprintf(`"message":{"id":%q,"type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}`, messageID(a)))
	p.frame("ping", "")
	return p
}

type messagesPen struct {
	w      http.ResponseWriter
	blocks int
	open   int // the block of text that is being written, or -1
	stop   string
}

func (p *messagesPen) frame(name, fields string) {
	if fields != "" {
		fields = "," + fields
	}
	frame(p.w, name, `{"type":`+quote(name)+fields+`}`)
}

func (p *messagesPen) begin(block string) int {
	n := p.blocks
	p.blocks++
	p.frame("content_block_start", fmt.Sprintf(`"index":%d,"content_block":%s`, n, block))
	return n
}

func (p *messagesPen) delta(n int, delta string) {
	p.frame("content_block_delta", fmt.Sprintf(`"index":%d,"delta":%s`, n, delta))
}

func (p *messagesPen) close(n int) { p.frame("content_block_stop", fmt.Sprintf(`"index":%d`, n)) }

func (p *messagesPen) think(s string) {
	n := p.begin(`{"type":"thinking","thinking":"","signature":""}`)
	for _, word := range words(s) {
		p.delta(n, `{"type":"thinking_delta","thinking":`+quote(word)+`}`)
	}
	p.delta(n, `{"type":"signature_delta","signature":`+quote(signature)+`}`)
	p.close(n)
}

func (p *messagesPen) say(s string) {
	if p.open < 0 {
		p.open = p.begin(`{"type":"text","text":""}`)
	}
	for _, word := range words(s) {
		p.delta(p.open, `{"type":"text_delta","text":`+quote(word)+`}`)
	}
}

func (p *messagesPen) shut() {
	if p.open >= 0 {
		p.close(p.open)
	}
	p.open = -1
}

func (p *messagesPen) call(t tool) {
	p.shut()
	n := p.begin(fmt.Sprintf(`{"type":"tool_use","id":%q,"name":%q,"input":{}}`, t.id, t.name))
	for _, piece := range pieces(t.input) {
		p.delta(n, `{"type":"input_json_delta","partial_json":`+quote(piece)+`}`)
	}
	p.close(n)
	p.stop = "tool_use"
}

func (p *messagesPen) end() {
	p.shut()
	p.frame("message_delta", `"delta":{"stop_reason":`+quote(p.stop)+`,"stop_sequence":null},"usage":{"output_tokens":5}`)
	p.frame("message_stop", "")
}
