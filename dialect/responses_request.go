package dialect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

// The keys that the Responses API gives a meaning.
var (
	responsesKeys = set("model input instructions tools tool_choice parallel_tool_calls stream stream_options store background " +
		"previous_response_id conversation prompt include metadata max_output_tokens max_tool_calls reasoning text temperature top_p " +
		"top_logprobs truncation user safety_identifier prompt_cache_key prompt_cache_retention service_tier context_management")
	itemKeys = set("type role content id status call_id name arguments output input summary encrypted_content action queries results code " +
		"container_id outputs server_label tools request_id approve reason error approval_request_id operation phase namespace result " +
		"environment execution created_by pending_safety_checks acknowledged_safety_checks")
	responsePartKeys = set("type text annotations logprobs image_url file_id detail file_data file_url filename refusal input_audio")
	responseToolKeys = set("type name description parameters strict format server_label server_url server_description headers authorization " +
		"allowed_tools require_approval connector_id tools container vector_store_ids filters max_num_results ranking_options search_context_size " +
		"user_location display_width display_height environment defer_loading")
)

// Decode implements [Dialect].
func (Responses) Decode(rt Route, body []byte) (*llm.Request, error) {
	return decode("responses", rt, body, func(r *reader, req *llm.Request) *Fault {
		p := responsesReader{chatReader{reader: r, req: req}}
		return p.request(rt)
	})
}

// responsesReader reads the request of a response. Its parts are those of chat
// completions under other names.
type responsesReader struct{ chatReader }

func (p *responsesReader) request(rt Route) *Fault {
	if p.strict(0, responsesKeys); p.err != nil {
		return malformed(p.err)
	}
	if f := p.model(p.req); f != nil {
		return f
	}
	p.each(0, func(i, at int) { p.member(i, at) })
	if strings.HasSuffix(pathOf(rt.Path), "/responses") {
		p.req.NoStore = p.noStore()
	}
	return nil
}

// member reads one field of the request.
func (p *responsesReader) member(i, at int) {
	switch name := p.name(p.nodes[i]); name {
	case "model":
		p.modelName(i, at, p.req)
	case "instructions":
		p.in(i, at, func() { p.inputs(i, llm.OriginSystem) })
	case "input":
		p.in(i, at, func() { p.inputs(i, llm.OriginUser) })
	case "tools":
		if p.expect(i, array, "a list of tools") {
			p.in(i, at, func() { p.tools(i) })
		}
	case "text":
		t := p.text(p.get(p.get(i, "format"), "type"))
		p.req.Strict = t == "json_object" || t == "json_schema"
		p.unknown(i, at, llm.OriginToolSpec)
	case "stream":
		p.expect(i, literal, "true or false")
		p.req.Stream = p.isTrue(i)
	case "store":
		p.keeps(i, p.req)
	case "background":
		if p.expect(i, literal, "true or false") && p.isTrue(i) {
			p.req.State = append(p.req.State, name)
		}
	case "previous_response_id", "conversation", "prompt":
		if !p.isNull(i) {
			p.req.State = append(p.req.State, name)
		}
		p.unknown(i, at, llm.OriginUnknown)
	case "max_output_tokens":
		p.req.MaxTokens = p.count(i, name)
	case "prompt_cache_retention":
		p.caches(i, p.req)
		p.word(i, at)
	case "truncation", "service_tier":
		p.word(i, at)
	default:
		p.key(i, llm.OriginUnknown)
		if !p.option(i, at, p.req) {
			p.unknown(i, at, llm.OriginUnknown)
		}
	}
}

// inputs reads a text or a list of items.
func (p *responsesReader) inputs(i int, origin llm.Origin) {
	switch p.nodes[i].kind {
	case str:
		p.passage(i, llm.Channel{}, origin)
	case array:
		p.each(i, func(m, at int) { p.in(m, at, func() { p.item(m) }) })
	default:
		p.strings(i, llm.OriginUnknown)
	}
}

// itemOrigin is who wrote what an item says.
func itemOrigin(kind, role string) llm.Origin {
	switch {
	case kind == "message" || kind == "":
		return roles[role]
	case strings.HasSuffix(kind, "_output"):
		return llm.OriginTool
	case strings.HasSuffix(kind, "_call"), kind == "reasoning", kind == "compaction", kind == "program":
		return llm.OriginModel
	}
	return llm.OriginUnknown
}

func (p *responsesReader) item(m int) {
	if p.nodes[m].kind != object {
		p.strings(m, llm.OriginUnknown)
		return
	}
	p.strict(m, itemKeys)
	kind := p.text(p.get(m, "type"))
	if kind == "item_reference" || kind == "" && p.get(m, "role") < 0 { // an id alone is one too
		p.req.State = append(p.req.State, "item_reference")
	}
	if strings.HasPrefix(kind, "input_") { // a part where an item belongs
		p.content(m, kind, llm.OriginUser)
		return
	}
	origin := itemOrigin(kind, p.text(p.get(m, "role")))
	p.each(m, func(i, at int) { p.in(i, at, func() { p.inItem(m, i, kind, origin) }) })
}

// inItem reads one member of an item.
func (p *responsesReader) inItem(m, i int, kind string, origin llm.Origin) {
	switch key := p.name(p.nodes[i]); key {
	case "type", "role", "id", "status", "call_id", "phase":
		p.short(i)
	case "content", "summary":
		p.contents(i, kind, origin)
	case "output":
		p.contents(i, kind, llm.OriginTool)
	case "outputs", "results":
		p.strings(i, llm.OriginTool)
	case "name", "namespace":
		if p.nodes[i].kind != str {
			p.strings(i, origin)
			return
		}
		p.passage(i, llm.Channel{Kind: llm.KindName}, origin)
	case "arguments", "input":
		if p.nodes[i].kind == object {
			p.input(i, llm.Channel{}, origin, p.text(p.get(m, "name")))
			return
		}
		p.arguments(i, llm.Channel{}, origin, p.text(p.get(m, "name")))
	case "result":
		p.opaque(i, "image", origin)
	case "tools":
		if kind == "additional_tools" || kind == "tool_search_output" {
			p.tools(i)
			return
		}
		p.strings(i, llm.OriginToolSpec)
	default:
		p.strings(i, origin)
	}
}

// contents reads a text, or the parts of one.
func (p *responsesReader) contents(i int, kind string, origin llm.Origin) {
	switch p.nodes[i].kind {
	case str:
		p.passage(i, llm.Channel{}, origin)
	case array:
		p.each(i, func(c, at int) { p.in(c, at, func() { p.content(c, kind, origin) }) })
	case object:
		p.content(i, kind, origin)
	default:
		p.strings(i, llm.OriginUnknown)
	}
}

// content reads one part.
func (p *responsesReader) content(c int, kind string, origin llm.Origin) {
	if p.nodes[c].kind != object {
		p.strings(c, origin)
		return
	}
	p.strict(c, responsePartKeys)
	k := llm.KindText
	if kind == "reasoning" {
		k = llm.KindReasoning
	}
	file := false
	p.each(c, func(i, at int) {
		switch p.name(p.nodes[i]) {
		case "type", "detail":
			p.word(i, at)
		case "text":
			p.texts(i, at, k, origin)
		case "refusal":
			p.texts(i, at, llm.KindRefusal, origin)
		case "image_url":
			p.in(i, at, func() { p.image(i, origin) })
		case "input_audio":
			p.media(i, at, "audio", origin)
			p.binary(p.get(i, "data"))
			p.rest(i, at, "data")
		case "filename":
			p.named(i, at, llm.OriginFile)
		case "file_data":
			p.in(i, at, func() { p.fileData(i) })
		case "file_id", "file_url":
			p.stored(i, p.req)
			p.texts(i, at, llm.KindName, llm.OriginFile)
			file = true
		case "annotations":
			p.unknown(i, at, llm.OriginRetrieved)
		default:
			p.key(i, origin)
			p.unknown(i, at, origin)
		}
	})
	if file {
		what := "file"
		if strings.Contains(p.text(p.get(c, "type")), "image") || strings.Contains(p.text(p.get(c, "type")), "screenshot") {
			what = "image"
		}
		p.unread(what, llm.OriginFile)
	}
}

// tools reads declarations. Those of a tool that the provider runs are known by their
// type.
func (p *responsesReader) tools(i int) {
	if p.nodes[i].kind != array {
		p.req.Tools = append(p.req.Tools, nameless)
		p.strings(i, llm.OriginToolSpec)
		return
	}
	p.each(i, func(t, at int) { p.in(t, at, func() { p.tool(t) }) })
}

func (p *responsesReader) tool(t int) {
	if p.nodes[t].kind != object {
		p.req.Tools = append(p.req.Tools, nameless)
		p.strings(t, llm.OriginToolSpec)
		return
	}
	p.strict(t, responseToolKeys)
	typ, name := p.text(p.get(t, "type")), p.text(p.get(t, "name"))
	switch typ {
	case "namespace": // a folder of functions
		if inner := p.get(t, "tools"); inner >= 0 {
			p.in(inner, 0, func() { p.tools(inner) })
		}
	case "", "function", "custom":
		if name == "" {
			name = nameless
		}
		p.req.Tools = append(p.req.Tools, name)
	default:
		p.req.Tools = append(p.req.Tools, typ)
	}
	if other := p.text(p.get(p.get(t, "function"), "name")); other != "" { // as chat completions have it
		p.req.Tools = append(p.req.Tools, other)
	}
	from := len(p.passages)
	p.specification(t)
	for i := from; i < len(p.passages); i++ {
		p.passages[i].Name = name
	}
}

// specification adds what a declaration says; the functions of a folder have said it
// already.
func (p *responsesReader) specification(t int) {
	p.each(t, func(i, at int) {
		if p.is(i, "tools") && p.text(p.get(t, "type")) == "namespace" {
			return
		}
		p.key(i, llm.OriginToolSpec)
		p.unknown(i, at, llm.OriginToolSpec)
	})
}
