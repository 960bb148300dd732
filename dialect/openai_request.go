package dialect

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/llm"
)

// The keys that chat completions give a meaning. A key that differs from one of
// them in case only is refused: encoding/json and others would read it.
var (
	chatKeys = set("model messages tools tool_choice functions function_call response_format stream stream_options n " +
		"max_tokens max_completion_tokens temperature top_p stop seed user metadata logprobs top_logprobs logit_bias " +
		"presence_penalty frequency_penalty parallel_tool_calls reasoning_effort verbosity store service_tier modalities " +
		"audio prediction safety_identifier prompt_cache_key prompt_cache_retention web_search_options moderation")
	messageKeys  = set("role content name tool_calls tool_call_id function_call refusal audio reasoning_content reasoning")
	partKeys     = set("type text refusal image_url input_audio file")
	callKeys     = set("id type function custom index")
	functionKeys = set("name arguments description parameters strict")
)

// Decode implements [Dialect].
func (OpenAI) Decode(rt Route, body []byte) (*llm.Request, error) {
	return decode("openai", rt, body, func(r *reader, req *llm.Request) *Fault {
		c := chatReader{reader: r, req: req}
		if rt.Op == llm.OpEmbed {
			return c.embed()
		}
		return c.request()
	})
}

// decode reads a request whose body is one JSON object: read makes passages of what
// it knows, and everything else is swept up.
func decode(dialect string, rt Route, body []byte, read func(*reader, *llm.Request) *Fault) (*llm.Request, error) {
	req := &llm.Request{Dialect: dialect, Op: rt.Op, Model: rt.Model, Target: rt.Path, Body: body}
	if rt.Op == llm.OpList {
		if len(body) > 0 {
			return nil, invalid("", "A list of models is asked for without a body; send none.")
		}
		return req, nil
	}
	r, err := newReader(body)
	if err != nil {
		return nil, malformed(err)
	}
	defer r.release()
	if r.nodes[0].kind != object {
		return nil, invalid("", "The body must be a JSON object; see the API reference of this operation.")
	}
	if f := read(r, req); f != nil {
		return nil, f
	}
	r.sweep()
	if r.err != nil {
		return nil, malformed(r.err)
	}
	if r.fault != nil {
		return nil, r.fault
	}
	if rt.Op != llm.OpEmbed { // whose texts have nothing to do with each other
		r.seams()
	}
	req.Passages, req.Edits, req.Repaired = r.passages, r.edits, r.repaired
	return req, nil
}

// model reads the name of the model, which a body must hold unless the path does.
func (r *reader) model(req *llm.Request) *Fault {
	i := r.get(0, "model")
	name := r.text(i)
	if i >= 0 && r.nodes[i].kind != str && !r.isNull(i) {
		return invalid("model", "The field model must name a model as text.")
	}
	if name != "" {
		req.ModelAt = [2]int{int(r.nodes[i].start), int(r.nodes[i].end)}
	}
	if req.Model == "" {
		req.Model = name // a path that names one is what the provider obeys
	}
	if req.Model == "" {
		return invalid("model", "The field model must name a model as text; GET /v1/models lists those you may use.")
	}
	return nil
}

// modelName passes over the member that names the model: an allowed name is the
// operator's own.
func (r *reader) modelName(i, at int, req *llm.Request) {
	if token(r.bytes(i), 256) && r.text(i) == req.Model {
		r.nodes[i].seen = true
		return
	}
	r.unknown(i, at, llm.OriginUnknown)
}

func malformed(err error) *Fault {
	reason := "it cannot be read"
	var s *SyntaxError
	if errors.As(err, &s) {
		reason = s.Error()
	}
	return &Fault{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "invalid_json",
		Message: "The body is refused: " + reason + ". Send strict JSON (RFC 8259) in UTF-8, each key once."}
}

func invalid(param, message string) *Fault {
	return &Fault{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "invalid_value", Param: param, Message: message}
}

// chatReader reads the request of a chat completion.
type chatReader struct {
	*reader
	req *llm.Request
}

func (c *chatReader) request() *Fault {
	if c.strict(0, chatKeys); c.err != nil {
		return malformed(c.err)
	}
	if f := c.model(c.req); f != nil {
		return f
	}
	messages := c.get(0, "messages")
	if messages < 0 || c.nodes[messages].kind != array || int(c.nodes[messages].skip) == messages+1 {
		return invalid("messages", "The field messages must be a list with at least one message.")
	}
	c.each(0, func(i, at int) { c.member(i, at) })
	c.req.NoStore = c.noStore()
	if c.req.Stream {
		c.req.AskUsage = c.askUsage()
	}
	return nil
}

// askUsage is the edit that makes the provider count a stream: it does not unless it is
// told to, in a frame of its own.
func (c *chatReader) askUsage() *llm.Edit {
	const by, ask = "gate/usage", `"include_usage":true`
	options := c.get(0, "stream_options")
	include := c.get(options, "include_usage")
	insert := func(i int, what string) *llm.Edit {
		at := int(c.nodes[i].start) + 1
		return &llm.Edit{Start: at, End: at, New: []byte(what), By: by}
	}
	replace := func(i int, what string) *llm.Edit {
		return &llm.Edit{Start: int(c.nodes[i].start), End: int(c.nodes[i].end), New: []byte(what), By: by}
	}
	switch {
	case options < 0:
		return insert(0, `"stream_options":{`+ask+`},`)
	case c.isNull(options):
		return replace(options, "{"+ask+"}")
	case c.nodes[options].kind != object || c.isTrue(include):
		return nil
	case include >= 0:
		return replace(include, "true")
	case int(c.nodes[options].skip) == options+1:
		return insert(options, ask)
	}
	return insert(options, ask+",")
}

// noStore is the edit that makes the provider keep nothing: it keeps what it is not
// told not to.
func (r *reader) noStore() *llm.Edit {
	const by = "gate/no_store"
	switch i := r.get(0, "store"); {
	case i < 0 && int(r.nodes[0].skip) > 1:
		at := int(r.nodes[0].start) + 1
		return &llm.Edit{Start: at, End: at, New: []byte(`"store":false,`), By: by}
	case i >= 0 && r.isNull(i):
		return &llm.Edit{Start: int(r.nodes[i].start), End: int(r.nodes[i].end), New: []byte("false"), By: by}
	}
	return nil
}

// member reads one field of the request.
func (c *chatReader) member(i, at int) {
	switch c.name(c.nodes[i]) {
	case "model":
		c.modelName(i, at, c.req)
	case "store":
		c.keeps(i, c.req)
	case "messages":
		if c.expect(i, array, "a list of messages") {
			c.in(i, at, func() { c.each(i, func(m, n int) { c.in(m, n, func() { c.message(m) }) }) })
		}
	case "tools":
		if c.expect(i, array, "a list of tools") {
			c.in(i, at, func() { c.each(i, func(t, n int) { c.in(t, n, func() { c.tool(t) }) }) })
		}
	case "functions":
		if c.expect(i, array, "a list of functions") {
			c.in(i, at, func() { c.each(i, func(t, n int) { c.in(t, n, func() { c.function(t) }) }) })
		}
	case "response_format":
		t := c.text(c.get(i, "type"))
		c.req.Strict = t == "json_object" || t == "json_schema"
		c.unknown(i, at, llm.OriginToolSpec)
	case "stream":
		c.expect(i, literal, "true or false")
		c.req.Stream = c.isTrue(i)
	case "max_tokens", "max_completion_tokens":
		c.req.MaxTokens = max(c.req.MaxTokens, c.count(i, c.name(c.nodes[i])))
	case "n":
		c.req.N = c.count(i, "n")
	case "prediction":
		c.unknown(i, at, llm.OriginUser)
	case "prompt_cache_retention":
		c.caches(i, c.req)
		c.word(i, at)
	case "reasoning_effort", "verbosity", "service_tier":
		c.word(i, at)
	default:
		c.key(i, llm.OriginUnknown)
		if !c.option(i, at, c.req) {
			c.unknown(i, at, llm.OriginUnknown)
		}
	}
}

var roles = map[string]llm.Origin{
	"system": llm.OriginSystem, "developer": llm.OriginDeveloper, "user": llm.OriginUser,
	"assistant": llm.OriginModel, "tool": llm.OriginTool, "function": llm.OriginTool,
}

func (c *chatReader) message(m int) {
	c.strict(m, messageKeys)
	origin := roles[c.text(c.get(m, "role"))] // a role that is not known is the least trusted
	if c.nodes[m].kind != object {
		c.strings(m, llm.OriginUnknown)
		return
	}
	c.each(m, func(i, at int) {
		switch c.name(c.nodes[i]) {
		case "role", "tool_call_id":
			c.word(i, at)
		case "content":
			c.in(i, at, func() { c.content(i, origin) })
		case "name":
			c.named(i, at, origin)
		case "refusal":
			c.texts(i, at, llm.KindRefusal, origin)
		case "reasoning_content", "reasoning":
			c.texts(i, at, llm.KindReasoning, origin)
		case "tool_calls":
			if c.expect(i, array, "a list of tool calls") {
				c.in(i, at, func() { c.each(i, func(t, n int) { c.in(t, n, func() { c.call(t) }) }) })
			}
		case "function_call":
			c.in(i, at, func() { c.called(i, llm.Channel{}) })
		case "audio":
			c.media(i, at, "audio", origin)
		default:
			c.key(i, llm.OriginUnknown)
			c.unknown(i, at, llm.OriginUnknown)
		}
	})
}

func (c *chatReader) content(i int, origin llm.Origin) {
	switch c.nodes[i].kind {
	case str:
		c.passage(i, llm.Channel{}, origin)
	case array:
		c.each(i, func(p, at int) { c.in(p, at, func() { c.part(p, origin) }) })
	default:
		c.strings(i, llm.OriginUnknown)
	}
}

func (c *chatReader) part(p int, origin llm.Origin) {
	c.strict(p, partKeys)
	if c.nodes[p].kind != object {
		c.strings(p, llm.OriginUnknown)
		return
	}
	c.each(p, func(i, at int) {
		switch c.name(c.nodes[i]) {
		case "type":
			c.word(i, at)
		case "text":
			c.texts(i, at, llm.KindText, origin)
		case "refusal":
			c.texts(i, at, llm.KindRefusal, origin)
		case "image_url":
			c.in(i, at, func() { c.image(i, origin) })
		case "input_audio":
			c.media(i, at, "audio", origin)
			c.binary(c.get(i, "data"))
			c.rest(i, at, "data")
		case "audio_url":
			c.media(i, at, "audio", origin)
			c.unknown(i, at, origin)
		case "video_url", "input_file", "file_url", "document":
			c.media(i, at, "file", origin)
			c.unknown(i, at, origin)
		case "file":
			c.in(i, at, func() { c.file(i) })
		default:
			c.key(i, llm.OriginUnknown)
			c.unknown(i, at, llm.OriginUnknown)
		}
	})
}

// image adds an image and the text that names it. What an address shows is never
// fetched.
func (c *chatReader) image(i int, origin llm.Origin) {
	url := i
	if c.nodes[i].kind == object {
		url = c.get(i, "url")
		c.each(i, func(m, at int) {
			if m != url {
				c.word(m, at)
			}
		})
	}
	what := "image"
	if url >= 0 {
		what = mediaOf(c.text(url))
	}
	c.passages = append(c.passages, llm.Passage{Channel: llm.Channel{Kind: llm.KindMedia}, Origin: origin, Path: string(c.path), MIME: what, Whole: true})
	if url < 0 || c.nodes[url].kind != str {
		return
	}
	if head := string(c.bytes(url)); strings.HasPrefix(head, "data:") && !strings.HasPrefix(head, "data:image/svg") && !strings.HasPrefix(head, "data:text/") {
		c.binary(url)
	}
	if !c.nodes[url].seen {
		c.passage(url, llm.Channel{Kind: llm.KindName}, origin)
	}
}

// mediaOf is what the address of an image really holds, as far as it says.
func mediaOf(url string) string {
	head, _, _ := strings.Cut(strings.ToLower(url[:min(len(url), 64)]), ";")
	switch {
	case !strings.HasPrefix(head, "data:"), strings.HasPrefix(head, "data:image/"):
		return "image"
	case strings.HasPrefix(head, "data:audio/"):
		return "audio"
	}
	return "file"
}

// file adds a file: as text where it is text, else as something unread.
func (c *chatReader) file(i int) {
	if c.nodes[i].kind != object {
		c.strings(i, llm.OriginUnknown)
		return
	}
	c.each(i, func(m, at int) {
		switch c.name(c.nodes[m]) {
		case "filename":
			c.named(m, at, llm.OriginFile)
		case "file_data":
			c.in(m, at, func() { c.fileData(m) })
		case "file_id", "file_url":
			c.stored(m, c.req)
			c.word(m, at)
			c.media(m, at, "file", llm.OriginFile)
		default:
			c.unknown(m, at, llm.OriginUnknown)
		}
	})
}

// fileData reads "data:text/…;base64,…" as the text that it is.
func (c *chatReader) fileData(i int) {
	p := llm.Passage{Channel: llm.Channel{Kind: llm.KindMedia}, Origin: llm.OriginFile, Path: string(c.path), MIME: "file", Whole: true}
	if c.nodes[i].kind == str {
		text, m, err := llm.Unquote(c.raw, int(c.nodes[i].start), int(c.nodes[i].end))
		if plain, at, ok := textFile(text); ok && err == nil {
			p.Channel.Kind, p.MIME = llm.KindText, ""
			p.Text, p.Map = plain, llm.Base64(plain, at, m)
			c.nodes[i].seen = true
		} else {
			c.binary(i)
		}
	}
	c.passages = append(c.passages, p)
}

// textFile decodes a data URL (RFC 2397) of a text type and says where its
// base64 begins.
func textFile(url string) (plain string, at int, ok bool) {
	head, data, found := strings.Cut(url, ";base64,")
	head, charset, has := strings.Cut(strings.ToLower(head), ";charset=")
	if !found || !(strings.HasPrefix(head, "data:text/") || head == "data:application/json") || has && charset != "utf-8" && charset != "us-ascii" {
		return "", 0, false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(data)
	if err != nil || strings.ContainsAny(data, "\r\n") || !utf8.Valid(b) {
		return "", 0, false
	}
	return string(b), len(url) - len(data), true
}

// nameless stands for a tool whose declaration or call has no name where the protocol
// puts it: only a system that may use any tool may use that.
const nameless = "(without a name)"

func (c *chatReader) tool(t int) {
	c.strict(t, callKeys)
	if c.nodes[t].kind != object {
		c.req.Tools = append(c.req.Tools, nameless)
		c.strings(t, llm.OriginToolSpec)
		return
	}
	if typ := c.text(c.get(t, "type")); (typ == "" || typ == "function" || typ == "custom") && c.get(t, "function") < 0 && c.get(t, "custom") < 0 {
		c.req.Tools = append(c.req.Tools, nameless)
	}
	c.each(t, func(i, at int) {
		switch c.name(c.nodes[i]) {
		case "type":
			c.word(i, at)
			if typ := c.text(i); typ != "function" && typ != "custom" {
				c.req.Tools = append(c.req.Tools, typ) // a tool that the provider runs
			}
		case "function", "custom":
			c.in(i, at, func() { c.function(i) })
		default:
			c.key(i, llm.OriginToolSpec)
			c.unknown(i, at, llm.OriginToolSpec)
		}
	})
}

// function reads the declaration of one tool. Its parameters are a free-form
// object.
func (c *chatReader) function(f int) {
	c.strict(f, functionKeys)
	name := c.text(c.get(f, "name"))
	if name == "" {
		name = nameless
	}
	c.req.Tools = append(c.req.Tools, name)
	from := len(c.passages)
	c.strings(f, llm.OriginToolSpec)
	for i := from; i < len(c.passages); i++ {
		c.passages[i].Name = name
	}
}

// call reads one tool call of an assistant's earlier message.
func (c *chatReader) call(t int) {
	c.strict(t, callKeys)
	if c.nodes[t].kind != object {
		c.strings(t, llm.OriginModel)
		return
	}
	c.each(t, func(i, at int) {
		switch c.name(c.nodes[i]) {
		case "id", "type", "index":
			c.word(i, at)
		case "function", "custom":
			c.in(i, at, func() { c.called(i, llm.Channel{}) })
		default:
			c.key(i, llm.OriginModel)
			c.unknown(i, at, llm.OriginModel)
		}
	})
}
