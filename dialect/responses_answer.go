package dialect

import (
	"io"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

var responseAnswerKeys = set("id object created_at completed_at status background error incomplete_details instructions max_output_tokens max_tool_calls " +
	"model output parallel_tool_calls previous_response_id conversation prompt reasoning store temperature text tool_choice tools top_p truncation usage " +
	"user metadata output_text service_tier sequence_number response item part delta output_index content_index summary_index item_id " +
	"obfuscation input_tokens output_tokens total_tokens input_tokens_details output_tokens_details annotation annotation_index code message param " +
	"logprobs refusal arguments input_text output_text function_call function_call_output custom_tool_call reasoning_text summary_text input_image input_file " +
	"web_search_call file_search_call code_interpreter_call in_progress completed incomplete failed max_output_tokens")

// responseReader reads a response or one event of a streamed one. What repeats a text
// that came in pieces is a snapshot: it is judged and edited by itself.
type responseReader struct {
	*reader
	event  *llm.Event
	stream *responseFrames // nil: the response is whole
	sent   *echoes
	again  bool // reading a snapshot
}

func newResponseReader(e *llm.Event, s *responseFrames, sent *echoes) (*responseReader, error) {
	r, err := newReader(e.Data)
	if err != nil {
		return nil, wrong(err)
	}
	r.answer = true
	return &responseReader{reader: r, event: e, stream: s, sent: sent, again: s != nil}, nil
}

// Answer implements [Dialect].
func (Responses) Answer(r *llm.Request, status int, body []byte) (*llm.Event, error) {
	e := &llm.Event{Data: body, End: llm.EndClean}
	p, err := newResponseReader(e, nil, &echoes{request: r})
	if err != nil {
		return nil, err
	}
	defer p.release()
	switch {
	case status >= 300:
		e.End = llm.EndError
		e.Reason, e.Odd = p.reason()
		p.strings(0, llm.OriginUnknown)
	case r.Op == llm.OpCount:
		p.strings(0, llm.OriginUnknown)
	default:
		p.response(0)
	}
	return p.finish(e)
}

// response reads a response, whole or in a frame.
func (p *responseReader) response(at int) {
	if p.nodes[at].kind != object {
		p.odd(at)
		return
	}
	p.strict(at, responseAnswerKeys)
	p.each(at, func(i, n int) {
		switch p.name(p.nodes[i]) {
		case "id", "object", "status", "model", "service_tier", "truncation", "previous_response_id":
			p.word(i, n)
		case "output":
			if p.nodes[i].kind != array {
				p.unknown(i, n, llm.OriginUnknown)
				return
			}
			p.in(i, n, func() { p.each(i, func(m, k int) { p.in(m, k, func() { p.item(m, k) }) }) })
		case "usage":
			p.usage(i)
			p.unknown(i, n, llm.OriginUnknown)
		case "instructions", "tools", "tool_choice", "text", "metadata", "prompt", "user", "safety_identifier", "prompt_cache_key", "reasoning", "conversation":
			p.echo(i)
			p.unknown(i, n, llm.OriginUnknown)
		default:
			p.key(i, llm.OriginUnknown)
			p.unknown(i, n, llm.OriginUnknown)
		}
	})
}

func (p *responseReader) usage(i int) {
	if p.nodes[i].kind != object {
		return
	}
	p.event.Usage = &llm.Usage{
		Input:       p.integer(p.get(i, "input_tokens")),
		Output:      p.integer(p.get(i, "output_tokens")),
		Total:       p.integer(p.get(i, "total_tokens")),
		CachedInput: p.integer(p.get(p.get(i, "input_tokens_details"), "cached_tokens")),
		Reasoning:   p.integer(p.get(p.get(i, "output_tokens_details"), "reasoning_tokens")),
	}
}

// item reads one item of the output, the kth.
func (p *responseReader) item(m, k int) {
	if p.nodes[m].kind != object {
		p.strings(m, llm.OriginUnknown)
		return
	}
	p.strict(m, itemKeys)
	kind := p.text(p.get(m, "type"))
	p.calls(m, kind, k)
	p.each(m, func(i, n int) { p.in(i, n, func() { p.inItem(m, i, kind, k) }) })
}

// inItem reads one member of an item.
func (p *responseReader) inItem(m, i int, kind string, k int) {
	switch p.name(p.nodes[i]) {
	case "type", "role", "id", "status", "call_id", "phase", "name", "namespace":
		p.short(i)
	case "content":
		offset := 0
		if kind == "reasoning" {
			offset = thoughts
		}
		p.parts(i, kind, k, offset)
	case "summary":
		p.parts(i, kind, k, 0)
	case "arguments", "input":
		if p.nodes[i].kind == object {
			p.input(i, llm.Channel{Item: k}, llm.OriginModel, p.text(p.get(m, "name")))
			p.passages[len(p.passages)-1].Whole = p.again
			return
		}
		p.say(i, llm.Channel{Item: k, Kind: llm.KindArgs})
	case "code":
		p.say(i, llm.Channel{Item: k, Kind: llm.KindText})
	case "result":
		p.opaque(i, "image", llm.OriginModel)
	case "output", "outputs", "results":
		p.strings(i, llm.OriginTool)
	default:
		p.strings(i, llm.OriginModel)
	}
}

// providerTools are calls whose tool is declared under another name than the call's.
var providerTools = map[string]string{"computer": "computer_use_preview", "mcp_approval_request": "mcp", "mcp_list_tools": "mcp"}

// calls notes which tool an item calls, once: it must be authorised before it leaves.
func (p *responseReader) calls(m int, kind string, k int) {
	name, ok := strings.CutSuffix(kind, "_call")
	if !ok && providerTools[kind] == "" {
		return
	}
	switch kind {
	case "function_call", "custom_tool_call":
		if name = p.text(p.get(m, "name")); name == "" {
			name = nameless
		}
	default:
		if other := providerTools[name]; other != "" {
			name = other
		}
	}
	if p.stream != nil {
		if p.stream.tools[k] == name {
			return
		}
		p.stream.tools[k] = name
	}
	p.event.Tools = append(p.event.Tools, name)
}

// parts reads the parts of an item.
func (p *responseReader) parts(i int, kind string, k, offset int) {
	if p.nodes[i].kind != array {
		if p.nodes[i].kind == str {
			p.say(i, llm.Channel{Item: k, Part: offset})
			return
		}
		p.strings(i, llm.OriginUnknown)
		return
	}
	p.each(i, func(c, n int) { p.in(c, n, func() { p.part(c, kind, llm.Channel{Item: k, Part: n + offset}) }) })
}

// part reads one part; kind is the item's, "" where it is not known.
func (p *responseReader) part(c int, kind string, ch llm.Channel) {
	if p.nodes[c].kind != object {
		p.strings(c, llm.OriginUnknown)
		return
	}
	p.strict(c, responsePartKeys)
	if typ := p.text(p.get(c, "type")); kind == "reasoning" || typ == "summary_text" || typ == "reasoning_text" {
		ch.Kind = llm.KindReasoning
	}
	first := len(p.passages)
	p.each(c, func(i, n int) {
		p.in(i, n, func() {
			switch p.name(p.nodes[i]) {
			case "type":
				p.short(i)
			case "text":
				p.say(i, ch)
			case "refusal":
				p.say(i, llm.Channel{Item: ch.Item, Part: ch.Part, Kind: llm.KindRefusal})
			case "annotations":
				p.strings(i, llm.OriginRetrieved)
			case "logprobs":
			default:
				p.strings(i, llm.OriginUnknown)
			}
		})
	})
	p.logprobs(p.get(c, "logprobs"), p.passages[first:])
}

// say adds a text: a piece of one, or the whole of it once more.
func (p *responseReader) say(i int, ch llm.Channel) {
	if p.nodes[i].kind != str {
		p.strings(i, llm.OriginUnknown)
		return
	}
	if p.nodes[i].start == p.nodes[i].end && p.again {
		p.nodes[i].seen = true
		return
	}
	p.passage(i, ch, llm.OriginModel).Whole = p.again
	if p.stream != nil && !p.again {
		p.stream.open[ch.Item] = appendOnce(p.stream.open[ch.Item], ch)
	}
}

// logprobs repeat a text token by token: they are emptied where it is edited.
func (p *responseReader) logprobs(list int, said []llm.Passage) {
	if list < 0 || p.nodes[list].kind != array {
		if list >= 0 {
			p.leftover(list)
		}
		return
	}
	none := llm.Edit{Start: int(p.nodes[list].start), End: int(p.nodes[list].end), New: []byte("[]"), By: "logprobs"}
	text := ""
	for k := range said {
		if said[k].Channel.Choice == 0 && said[k].Channel.Kind == llm.KindText {
			text += said[k].Text
			said[k].Echoes = append(said[k].Echoes, none)
		}
	}
	p.tokens(list, text, none)
}

// echoes are the strings of the request as it was sent. A response repeats some of them,
// and what the caller said was judged when it came.
type echoes struct {
	request *llm.Request
	set     map[string]bool
}

func (e *echoes) has(s string) bool {
	if e.set == nil {
		e.set = map[string]bool{}
		passages := e.request.Passages
		if wire, err := e.request.Wire(); err == nil && len(e.request.Edits) > 0 {
			if r, err := (Responses{}).Decode(Route{Op: e.request.Op, Path: e.request.Target, Model: e.request.Model}, wire); err == nil {
				passages = r.Passages
			}
		}
		for i := range passages {
			e.set[passages[i].Text] = true
		}
	}
	return e.set[s]
}

// echo passes over the strings below node i that the request had word for word.
func (p *responseReader) echo(i int) {
	for j := i; j < int(p.nodes[i].skip); j++ {
		if n := p.nodes[j]; n.kind == str && n.end > n.start && p.sent.has(p.text(j)) {
			p.nodes[j].seen = true
		}
		if n := p.nodes[j]; j > i && n.keyEnd > 0 && p.sent.has(p.name(n)) {
			p.nodes[j].keySeen = true
		}
	}
}

// responseFrames is a streamed response.
type responseFrames struct {
	frames
	open  map[int][]llm.Channel // texts of the items that have not ended
	tools map[int]string        // which tool each item calls
	kinds map[string]int        // channels of kinds of pieces that nobody knows
	sent  *echoes
	place responsePlace
}

// Frames implements [Dialect].
func (Responses) Frames(r *llm.Request, body io.ReadCloser) llm.Stream {
	return &responseFrames{frames: newFrames(body), open: map[int][]llm.Channel{}, tools: map[int]string{}, kinds: map[string]int{},
		sent: &echoes{request: r}, place: responsePlace{seq: -1}}
}

func (f *responseFrames) Next() (*llm.Event, error) {
	data, err := f.read()
	if err != nil {
		return nil, err
	}
	e := &llm.Event{Data: data}
	p, err := newResponseReader(e, f, f.sent)
	if err != nil {
		return nil, err
	}
	defer p.release()
	p.heard = f.words
	p.frame()
	place := f.place
	e.After = &place
	f.ended = e.End != llm.EndNone
	e, err = p.finish(e)
	f.words = string(p.words)
	return e, err
}
