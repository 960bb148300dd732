package dialect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

// piece is a kind of text that comes in pieces: response.NAME.delta brings one, and
// response.NAME.done the whole once more.
type piece struct {
	whole  string // the member of the last event that repeats it
	part   string // the member that numbers it within its item; "": there is one
	offset int
	kind   llm.Kind
}

// thoughts is where the channels of reasoning begin, beside those of its summary.
const thoughts = 1 << 20

// strange is where the channels of pieces that nobody knows begin.
const strange = 1 << 21

var pieces = map[string]piece{
	"output_text":                {whole: "text", part: "content_index"},
	"refusal":                    {whole: "refusal", part: "content_index", kind: llm.KindRefusal},
	"function_call_arguments":    {whole: "arguments", kind: llm.KindArgs},
	"mcp_call_arguments":         {whole: "arguments", kind: llm.KindArgs},
	"custom_tool_call_input":     {whole: "input", kind: llm.KindArgs},
	"reasoning_summary_text":     {whole: "text", part: "summary_index", kind: llm.KindReasoning},
	"reasoning_text":             {whole: "text", part: "content_index", offset: thoughts, kind: llm.KindReasoning},
	"code_interpreter_call_code": {whole: "code"},
}

// frame reads one event. Its name is what its data says, whatever stood beside it.
func (p *responseReader) frame() {
	kind := p.text(p.get(0, "type"))
	if p.nodes[0].kind != object || kind == "" || !token([]byte(kind), 64) {
		p.odd(0)
		return
	}
	p.strict(0, responseAnswerKeys)
	p.event.Name = kind
	p.moves(kind)
	p.again = !strings.HasSuffix(kind, ".added") // which begins a text
	name, _ := strings.CutPrefix(kind, "response.")
	if text, ok := strings.CutSuffix(name, ".delta"); ok {
		p.delta(text)
		return
	}
	if text, ok := strings.CutSuffix(name, ".done"); ok {
		if known, ok := pieces[text]; ok {
			p.done(known)
			return
		}
	}
	p.each(0, func(i, at int) {
		switch p.name(p.nodes[i]) {
		case "type", "item_id":
			p.word(i, at)
		case "response":
			p.in(i, at, func() { p.response(i) })
		case "item":
			p.in(i, at, func() { p.item(i, p.number("output_index")) })
		case "part":
			p.in(i, at, func() { p.part(i, "", p.partChannel(name)) })
		case "annotation":
			p.unknown(i, at, llm.OriginRetrieved)
		case "partial_image_b64":
			p.in(i, at, func() { p.opaque(i, "image", llm.OriginModel) })
		default:
			p.key(i, llm.OriginUnknown)
			p.unknown(i, at, llm.OriginUnknown)
		}
	})
	p.ends(name)
}

// moves notes how far the response has come, and whether this frame ends it.
func (p *responseReader) moves(kind string) {
	f := p.stream
	if i := p.get(0, "sequence_number"); i >= 0 {
		f.place.seq = p.integer(i)
	} else {
		f.place.seq++
	}
	if id := p.text(p.get(p.get(0, "response"), "id")); id != "" && len(id) <= 128 {
		f.place.id = id
	}
	switch kind {
	case "response.completed", "response.incomplete":
		p.event.End = llm.EndClean
	case "response.failed", "response.cancelled", "error":
		p.event.End = llm.EndError
	}
}

// number reads which item or part a frame belongs to.
func (p *responseReader) number(name string) int {
	if i := p.get(0, name); i >= 0 {
		return p.plainIndex(i)
	}
	return 0
}

// partChannel is the channel of the text that a part holds.
func (p *responseReader) partChannel(name string) llm.Channel {
	ch := llm.Channel{Item: p.number("output_index"), Part: p.number("content_index")}
	if strings.HasPrefix(name, "reasoning_summary") {
		ch.Part = p.number("summary_index")
	} else if strings.HasPrefix(name, "reasoning") {
		ch.Part += thoughts
	}
	return ch
}

// channel is where the pieces of a known kind go.
func (p *responseReader) channel(k piece) llm.Channel {
	ch := llm.Channel{Item: p.number("output_index"), Part: k.offset, Kind: k.kind}
	if k.part != "" {
		ch.Part += p.number(k.part)
	}
	return ch
}

// delta reads a piece of a text. A kind that nobody knows is judged as one text too,
// and none of it is edited.
func (p *responseReader) delta(name string) {
	p.again = false
	known, ok := pieces[name]
	ch := p.channel(known)
	if !ok {
		n, have := p.stream.kinds[name]
		if !have {
			n = len(p.stream.kinds)
			p.stream.kinds[name] = n
		}
		ch.Part = strange + n<<10 + min(p.number("content_index"), 1<<10-1)
	}
	first := len(p.passages)
	p.each(0, func(i, at int) {
		switch p.name(p.nodes[i]) {
		case "type", "item_id", "obfuscation":
			p.word(i, at)
		case "delta":
			p.in(i, at, func() { p.pieceOf(i, name, ch) })
		case "logprobs":
		default:
			p.key(i, llm.OriginUnknown)
			p.unknown(i, at, llm.OriginUnknown)
		}
	})
	if !ok {
		for k := first; k < len(p.passages); k++ {
			p.passages[k].Sealed = p.passages[k].Channel == ch
		}
	}
	p.logprobs(p.get(0, "logprobs"), p.passages[first:])
}

// pieceOf reads the piece itself.
func (p *responseReader) pieceOf(i int, name string, ch llm.Channel) {
	if name == "audio" {
		p.opaque(i, "audio", llm.OriginModel)
		return
	}
	if k := p.nodes[i].kind; k == object || k == array {
		p.each(i, func(c, n int) { p.in(c, n, func() { p.pieceOf(c, name, ch) }) })
		return
	}
	p.say(i, ch)
}

// done reads the event that says a text once more, whole.
func (p *responseReader) done(k piece) {
	ch := p.channel(k)
	if name := p.text(p.get(0, "name")); name != "" && p.stream.tools[ch.Item] != name {
		p.event.Tools = append(p.event.Tools, name)
	}
	first := len(p.passages)
	p.each(0, func(i, at int) {
		switch name := p.name(p.nodes[i]); {
		case name == "type", name == "item_id":
			p.word(i, at)
		case name == k.whole:
			p.in(i, at, func() { p.say(i, ch) })
		case name == "logprobs":
		default:
			p.key(i, llm.OriginUnknown)
			p.unknown(i, at, llm.OriginUnknown)
		}
	})
	p.logprobs(p.get(0, "logprobs"), p.passages[first:])
	p.event.Done = append(p.event.Done, ch)
}

// ends ends the texts that a frame says are complete.
func (p *responseReader) ends(name string) {
	switch name {
	case "output_item.done":
		k := p.number("output_index")
		p.event.Done = p.stream.open[k]
		delete(p.stream.open, k)
	case "content_part.done", "reasoning_summary_part.done", "reasoning_part.done":
		at := p.partChannel(name)
		for _, ch := range p.stream.open[at.Item] {
			if ch.Part == at.Part {
				p.event.Done = append(p.event.Done, ch)
			}
		}
	}
}
