package dialect

import (
	"io"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

var messageAnswerKeys = set("id type role model content stop_reason stop_sequence stop_details usage container context_management " +
	"message index content_block delta error request_id text partial_json thinking signature citation input_tokens output_tokens " +
	"cache_creation_input_tokens cache_read_input_tokens")

// messageReader reads a message or one event of a streamed one.
type messageReader struct {
	*reader
	event  *llm.Event
	stream *messageFrames // nil: the message is whole
}

func newMessage(e *llm.Event, s *messageFrames) (*messageReader, error) {
	r, err := newReader(e.Data)
	if err != nil {
		return nil, wrong(err)
	}
	r.answer = true
	return &messageReader{reader: r, event: e, stream: s}, nil
}

// Answer implements [Dialect].
func (Anthropic) Answer(r *llm.Request, status int, body []byte) (*llm.Event, error) {
	e := &llm.Event{Data: body, End: llm.EndClean}
	m, err := newMessage(e, nil)
	if err != nil {
		return nil, err
	}
	defer m.release()
	switch {
	case status >= 300:
		e.End = llm.EndError
		e.Reason, e.Odd = m.reason()
		m.strings(0, llm.OriginUnknown)
	case r.Op == llm.OpCount:
		e.Usage = nil // what is counted has not been used
		m.strings(0, llm.OriginUnknown)
	default:
		m.message(0)
	}
	return m.finish(e)
}

// message reads a message, in the frame that begins one too: its blocks are then empty.
func (m *messageReader) message(at int) {
	if m.nodes[at].kind != object {
		m.odd(at)
		return
	}
	m.strict(at, messageAnswerKeys)
	m.each(at, func(i, n int) {
		switch m.name(m.nodes[i]) {
		case "id", "type", "role", "model", "stop_reason":
			m.word(i, n)
		case "content":
			if m.nodes[i].kind != array {
				m.unknown(i, n, llm.OriginUnknown)
				return
			}
			m.in(i, n, func() { m.each(i, func(b, k int) { m.in(b, k, func() { m.block(b, k) }) }) })
		case "usage":
			m.usage(i)
			m.unknown(i, n, llm.OriginUnknown)
		default:
			m.key(i, llm.OriginUnknown)
			m.unknown(i, n, llm.OriginUnknown)
		}
	})
}

// usage takes what the provider counted. Input counts what was read from a cache and
// written to one.
func (m *messageReader) usage(i int) {
	if m.nodes[i].kind != object {
		return
	}
	u := &llm.Usage{}
	if m.stream != nil {
		*u = m.stream.usage
	}
	if k := m.get(i, "input_tokens"); k >= 0 {
		u.CachedInput = m.integer(m.get(i, "cache_read_input_tokens"))
		u.Input = m.integer(k) + u.CachedInput + m.integer(m.get(i, "cache_creation_input_tokens"))
	}
	if k := m.get(i, "output_tokens"); k >= 0 {
		u.Output = m.integer(k)
	}
	u.Total = u.Input + u.Output
	m.event.Usage = u
	if m.stream != nil {
		m.stream.usage = *u
	}
}

// block reads one block of a message, or the frame that begins one.
func (m *messageReader) block(b, index int) {
	if m.nodes[b].kind != object {
		m.strings(b, llm.OriginUnknown)
		return
	}
	m.strict(b, blockKeys)
	kind := m.text(m.get(b, "type"))
	if strings.HasSuffix(kind, "tool_use") {
		m.tool(b, kind)
	}
	m.each(b, func(i, n int) { m.in(i, n, func() { m.inBlock(b, i, kind, index) }) })
}

// tool notes which tool the model calls: it must be authorised before the call leaves.
func (m *messageReader) tool(b int, kind string) {
	name := m.text(m.get(b, "name"))
	switch {
	case kind == "mcp_tool_use":
		name = "mcp_servers"
	case name == "":
		name = nameless
	}
	m.event.Tools = append(m.event.Tools, name)
}

// inBlock reads one member of a block.
func (m *messageReader) inBlock(b, i int, kind string, index int) {
	switch m.name(m.nodes[i]) {
	case "type", "id", "tool_use_id", "name":
		m.short(i)
	case "text":
		m.say(i, llm.Channel{Item: index, Kind: llm.KindText}, false)
	case "thinking":
		m.say(i, llm.Channel{Item: index, Kind: llm.KindReasoning}, true)
	case "signature":
		m.opaque(i, "sealed", llm.OriginModel)
	case "data":
		m.opaque(i, "sealed", llm.OriginModel)
	case "input":
		m.called(i, index, m.text(m.get(b, "name")))
	case "content":
		m.strings(i, blockOrigin(kind, llm.OriginModel))
	case "citations":
		m.strings(i, llm.OriginRetrieved)
	default:
		m.strings(i, llm.OriginUnknown)
	}
}

// called reads the input of a tool call. A frame that begins one has an empty object
// there, and its text follows in pieces.
func (m *messageReader) called(i, index int, name string) {
	if m.stream == nil {
		m.input(i, llm.Channel{Item: index}, llm.OriginModel, name)
		return
	}
	m.strings(i, llm.OriginModel)
}

// say adds a text that may go on in later frames.
func (m *messageReader) say(i int, ch llm.Channel, sealed bool) {
	if m.nodes[i].kind != str {
		m.strings(i, llm.OriginUnknown)
		return
	}
	m.passage(i, ch, llm.OriginModel).Sealed = sealed
	if m.stream != nil {
		m.stream.open[ch.Item] = appendOnce(m.stream.open[ch.Item], ch)
	}
}

// messageFrames is a streamed message.
type messageFrames struct {
	frames
	open  map[int][]llm.Channel // texts of the blocks that have not ended
	kinds map[string]int        // channels of kinds of pieces that nobody knows
	place *messagePlace
	usage llm.Usage
	begun bool
}

// Frames implements [Dialect].
func (Anthropic) Frames(_ *llm.Request, body io.ReadCloser) llm.Stream {
	return &messageFrames{frames: newFrames(body), open: map[int][]llm.Channel{}, kinds: map[string]int{}, place: &messagePlace{open: -1}}
}

func (f *messageFrames) Next() (*llm.Event, error) {
	data, err := f.read()
	if err != nil {
		return nil, err
	}
	e := &llm.Event{Data: data}
	m, err := newMessage(e, f)
	if err != nil {
		return nil, err
	}
	defer m.release()
	m.heard = f.words
	m.frame()
	e.After = f.place
	f.ended = e.End != llm.EndNone
	e, err = m.finish(e)
	f.words = string(m.words)
	return e, err
}

// frame reads one event. Its name is what its data says, whatever stood beside it: SDKs
// pass over an event without a name.
func (m *messageReader) frame() {
	kind := m.text(m.get(0, "type"))
	if m.nodes[0].kind != object || kind == "" || !token([]byte(kind), 64) {
		m.odd(0)
		return
	}
	m.strict(0, messageAnswerKeys)
	m.event.Name = kind
	f := m.stream
	if !f.begun && kind != "message_start" && kind != "ping" && kind != "error" {
		m.odd(0) // nobody could say which message it belongs to
		return
	}
	f.begun = f.begun || kind == "message_start"
	m.each(0, func(i, at int) {
		switch key := m.name(m.nodes[i]); {
		case key == "type", key == "index":
			m.word(i, at)
		case key == "message" && kind == "message_start":
			m.in(i, at, func() { m.message(i) })
		case key == "usage":
			m.usage(i)
			m.unknown(i, at, llm.OriginUnknown)
		case key == "content_block":
			m.in(i, at, func() { m.block(i, m.index()) })
		case key == "delta" && kind == "content_block_delta":
			m.in(i, at, func() { m.delta(i, m.index()) })
		default:
			m.key(i, llm.OriginUnknown)
			m.unknown(i, at, llm.OriginUnknown)
		}
	})
	m.moves(kind)
}

// moves notes how far the message has come.
func (m *messageReader) moves(kind string) {
	f, at := m.stream, *m.stream.place
	switch kind {
	case "content_block_start":
		at.open = m.index()
		at.next = at.open + 1
	case "content_block_stop":
		at.open = -1
		m.event.Done = f.open[m.index()]
		delete(f.open, m.index())
	case "message_stop":
		m.event.End = llm.EndClean
	case "error":
		m.event.End = llm.EndError
	}
	at.begun, at.output = f.begun, f.usage.Output
	if at != *f.place {
		f.place = &at
	}
}

// index reads which block a frame belongs to. Another way to write the number would be
// another block to one reader and the same to the next.
func (m *messageReader) index() int {
	i := m.get(0, "index")
	if i < 0 {
		m.odd(0)
		return 0
	}
	return m.plainIndex(i)
}

// delta reads a piece of a block.
func (m *messageReader) delta(d, index int) {
	if m.nodes[d].kind != object {
		m.strings(d, llm.OriginUnknown)
		return
	}
	kind := m.text(m.get(d, "type"))
	m.each(d, func(i, n int) {
		m.in(i, n, func() {
			switch key := m.name(m.nodes[i]); {
			case key == "type":
				m.short(i)
			case key == "text" && kind == "text_delta":
				m.say(i, llm.Channel{Item: index, Kind: llm.KindText}, false)
			case key == "partial_json" && kind == "input_json_delta":
				m.say(i, llm.Channel{Item: index, Kind: llm.KindArgs}, false)
			case key == "thinking" && kind == "thinking_delta":
				m.say(i, llm.Channel{Item: index, Kind: llm.KindReasoning}, true)
			case key == "signature" && kind == "signature_delta":
				m.opaque(i, "sealed", llm.OriginModel)
			case encrypted[key]:
				m.strings(i, llm.OriginModel)
			case m.nodes[i].kind == str:
				m.say(i, llm.Channel{Item: index, Part: m.stream.kindOf(kind + "." + key), Kind: llm.KindText}, true)
			default:
				m.strings(i, llm.OriginRetrieved) // a citation
			}
		})
	})
}

// kindOf numbers the kinds of pieces that nobody knows: what comes in pieces is judged
// as one text, and none of it is edited.
func (f *messageFrames) kindOf(name string) int {
	n, ok := f.kinds[name]
	if !ok {
		n = len(f.kinds) + 1
		f.kinds[name] = n
	}
	return n
}
