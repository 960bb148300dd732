package dialect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

// The keys that the Messages API gives a meaning.
var (
	messagesKeys = set("model messages system max_tokens metadata stop_sequences stream temperature top_k top_p tools tool_choice thinking " +
		"container context_management mcp_servers service_tier output_config output_format betas inference_geo cache_control speed")
	blockKeys = set("type text citations cache_control source title context content id name input tool_use_id is_error thinking signature data " +
		"file_id caller encrypted_content")
	sourceKeys        = set("type media_type data url file_id content")
	anthropicToolKeys = set("type name description input_schema cache_control strict defer_loading allowed_callers input_examples max_uses " +
		"allowed_domains blocked_domains user_location eager_input_streaming")
)

// Decode implements [Dialect].
func (Anthropic) Decode(rt Route, body []byte) (*llm.Request, error) {
	return decode("anthropic", rt, body, func(r *reader, req *llm.Request) *Fault {
		m := messagesReader{reader: r, req: req}
		return m.request()
	})
}

// messagesReader reads the request of a message.
type messagesReader struct {
	*reader
	req *llm.Request
}

func (m *messagesReader) request() *Fault {
	if m.strict(0, messagesKeys); m.err != nil {
		return malformed(m.err)
	}
	if f := m.model(m.req); f != nil {
		return f
	}
	list := m.get(0, "messages")
	if list < 0 || m.nodes[list].kind != array || int(m.nodes[list].skip) == list+1 {
		return invalid("messages", "The field messages must be a list with at least one message.")
	}
	m.each(0, func(i, at int) { m.member(i, at) })
	return nil
}

// member reads one field of the request.
func (m *messagesReader) member(i, at int) {
	switch m.name(m.nodes[i]) {
	case "model":
		m.modelName(i, at, m.req)
	case "system":
		m.in(i, at, func() { m.content(i, llm.OriginSystem) })
	case "messages":
		if m.expect(i, array, "a list of messages") {
			m.in(i, at, func() { m.each(i, func(c, n int) { m.in(c, n, func() { m.message(c) }) }) })
		}
	case "tools":
		if m.expect(i, array, "a list of tools") {
			m.in(i, at, func() { m.each(i, func(t, n int) { m.in(t, n, func() { m.tool(t) }) }) })
		}
	case "container":
		if m.nodes[i].kind == str || m.get(i, "id") >= 0 && !m.isNull(m.get(i, "id")) { // goes on from one that was kept
			m.req.State = append(m.req.State, "container")
		}
		if skills := m.get(i, "skills"); skills >= 0 && !m.off(skills) {
			m.req.Tools = append(m.req.Tools, "skills")
		}
		m.unknown(i, at, llm.OriginUnknown)
	case "output_config", "output_format":
		format := i
		if f := m.get(i, "format"); f >= 0 {
			format = f
		}
		m.req.Strict = m.req.Strict || m.text(m.get(format, "type")) == "json_schema"
		m.unknown(i, at, llm.OriginToolSpec)
	case "stream":
		m.expect(i, literal, "true or false")
		m.req.Stream = m.isTrue(i)
	case "max_tokens":
		m.req.MaxTokens = m.count(i, "max_tokens")
	case "service_tier", "inference_geo", "speed":
		m.word(i, at)
	default:
		m.key(i, llm.OriginUnknown)
		if !m.option(i, at, m.req) {
			m.unknown(i, at, llm.OriginUnknown)
		}
	}
}

// messageRoles leaves system out: a message that a client puts into the conversation
// is the client's own word, whatever it calls itself.
var messageRoles = map[string]llm.Origin{"user": llm.OriginUser, "assistant": llm.OriginModel, "system": llm.OriginUser}

func (m *messagesReader) message(c int) {
	if m.nodes[c].kind != object {
		m.strings(c, llm.OriginUnknown)
		return
	}
	m.strict(c, messageKeys)
	origin := messageRoles[m.text(m.get(c, "role"))]
	m.each(c, func(i, at int) {
		switch m.name(m.nodes[i]) {
		case "role":
			m.word(i, at)
		case "content":
			m.in(i, at, func() { m.content(i, origin) })
		default:
			m.key(i, llm.OriginUnknown)
			m.unknown(i, at, llm.OriginUnknown)
		}
	})
}

// content reads a text or a list of blocks.
func (m *messagesReader) content(i int, origin llm.Origin) {
	switch m.nodes[i].kind {
	case str:
		m.passage(i, llm.Channel{}, origin)
	case array:
		m.each(i, func(b, at int) { m.in(b, at, func() { m.block(b, origin) }) })
	case object:
		m.block(i, origin) // the error of a tool that the provider ran
	default:
		m.strings(i, llm.OriginUnknown)
	}
}

// blockOrigin is who wrote what stands in a block of some type, where that is not whoever
// wrote the message.
func blockOrigin(kind string, origin llm.Origin) llm.Origin {
	switch {
	case kind == "document" || kind == "search_result" || strings.HasPrefix(kind, "web_"):
		return llm.OriginRetrieved
	case strings.HasSuffix(kind, "tool_result"):
		return llm.OriginTool
	}
	return origin
}

func (m *messagesReader) block(b int, origin llm.Origin) {
	if m.nodes[b].kind != object {
		m.strings(b, llm.OriginUnknown)
		return
	}
	m.strict(b, blockKeys)
	kind := m.text(m.get(b, "type"))
	origin = blockOrigin(kind, origin)
	m.each(b, func(i, at int) { m.in(i, at, func() { m.inBlock(b, i, kind, origin) }) })
}

// inBlock reads one member of a block.
func (m *messagesReader) inBlock(b, i int, kind string, origin llm.Origin) {
	text := func(k llm.Kind, sealed bool) {
		if m.nodes[i].kind != str {
			m.content(i, origin)
			return
		}
		m.passage(i, llm.Channel{Kind: k}, origin).Sealed = sealed
	}
	switch key := m.name(m.nodes[i]); key {
	case "type", "tool_use_id", "id":
		m.short(i)
	case "text", "context":
		text(llm.KindText, false)
	case "title", "name":
		text(llm.KindName, false)
	case "thinking":
		text(llm.KindReasoning, true)
	case "content":
		if kind == "compaction" { // signed, as thoughts are
			text(llm.KindText, true)
			return
		}
		m.content(i, origin)
	case "input":
		m.input(i, llm.Channel{}, llm.OriginModel, m.text(m.get(b, "name")))
	case "source":
		m.source(i, kind, origin)
	case "signature":
		m.opaque(i, "sealed", origin)
	case "data":
		m.opaque(i, "sealed", origin)
	case "file_id":
		m.stored(i, m.req)
		m.short(i)
		m.unread("file", llm.OriginFile)
	case "citations":
		m.strings(i, llm.OriginRetrieved)
	default:
		m.strings(i, origin)
	}
}

// source reads where an image or a document comes from.
func (m *messagesReader) source(i int, kind string, origin llm.Origin) {
	if m.nodes[i].kind == str { // where a search found it
		m.passage(i, llm.Channel{Kind: llm.KindName}, origin)
		return
	}
	if m.nodes[i].kind != object {
		m.strings(i, llm.OriginUnknown)
		return
	}
	m.strict(i, sourceKeys)
	media, what := m.text(m.get(i, "media_type")), "file"
	if kind == "image" && !(strings.Contains(media, "/") && !strings.HasPrefix(media, "image/")) {
		what = "image"
	}
	m.each(i, func(c, at int) {
		m.in(c, at, func() {
			switch m.name(m.nodes[c]) {
			case "type", "media_type":
				m.short(c)
			case "data":
				if m.text(m.get(i, "type")) == "text" && m.nodes[c].kind == str {
					m.passage(c, llm.Channel{}, origin)
					return
				}
				m.opaque(c, what, origin)
			case "url", "file_id":
				m.stored(c, m.req)
				m.unread(what, origin)
				if m.nodes[c].kind == str {
					m.passage(c, llm.Channel{Kind: llm.KindName}, origin)
				}
			case "content":
				m.content(c, origin)
			default:
				m.strings(c, origin)
			}
		})
	})
}

// tool reads the declaration of a tool. Those of the provider's own making have a type
// with a date and a name that goes with it.
func (m *messagesReader) tool(t int) {
	if m.nodes[t].kind != object {
		m.req.Tools = append(m.req.Tools, nameless)
		m.strings(t, llm.OriginToolSpec)
		return
	}
	m.strict(t, anthropicToolKeys)
	name := m.text(m.get(t, "name"))
	if typ := stem(m.text(m.get(t, "type"))); typ != "" && typ != "custom" && typ != name && !clientTools[typ] {
		m.req.Tools = append(m.req.Tools, typ)
	} else if name == "" {
		name = nameless
	}
	if name != "" {
		m.req.Tools = append(m.req.Tools, name)
	}
	from := len(m.passages)
	m.strings(t, llm.OriginToolSpec)
	for i := from; i < len(m.passages); i++ {
		m.passages[i].Name = name
	}
}

// clientTools are tools of the provider's making that the caller runs, under a name of
// their own.
var clientTools = set("text_editor")

// stem is a tool's type without its date: web_search_20250305 is web_search.
func stem(typ string) string {
	head, tail, ok := strings.Cut(typ, "_20")
	if ok && len(tail) == 6 && strings.Trim(tail, "0123456789") == "" {
		return head
	}
	return typ
}
