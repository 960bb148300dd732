// Package practice is a model to practise with: a deliberately naive assistant
// that needs no network, so that a newcomer and the red team can see what the
// gate changes.
//
// It follows the last instruction it reads, wherever that came from and however it is
// written: in Base64, turned round, in letters of another alphabet. It repeats
// secrets that it was given, and calls tools that it is told to call. The same
// request always gets the same answer, and every answer says where it comes from.
// It is never an upstream unless somebody asks for it by name.
//
// This package's API may change.
package practice

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/llm"
)

// Name is what configuration calls the practice model.
const Name = "practice"

// signature ends every answer.
const signature = "\n\n(This answer comes from Bartizan's practice model, which does what it is told.)"

// Model is the practice model. It is an [llm.Model] that speaks every dialect.
type Model struct{}

// Do implements [llm.Model].
func (Model) Do(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	wire, err := r.Wire()
	if err != nil {
		return nil, err
	}
	d, ok := dialect.ByID(r.Dialect)
	if !ok {
		return nil, fmt.Errorf("practice: nobody speaks %q", r.Dialect)
	}
	read, err := d.Decode(dialect.Route{Op: r.Op, Path: r.Target, Model: r.Model}, wire)
	if err != nil {
		return nil, fmt.Errorf("practice: reading the request: %w", err)
	}
	a := answer(read, wire)
	h := http.Header{"X-Request-Id": {a.id()}}
	whole, frames := a.write(d.ID(), r.Op)
	if strings.HasSuffix(r.Target, "/compact") {
		whole, frames = a.compaction, nil
	}
	if r.Stream && frames != nil {
		body := io.NopCloser(bytes.NewReader(frames()))
		return &llm.Response{Status: http.StatusOK, Header: h, Framed: true, Stream: d.Frames(r, body)}, nil
	}
	e, err := d.Answer(r, http.StatusOK, whole())
	if err != nil {
		return nil, err
	}
	return &llm.Response{Status: http.StatusOK, Header: h, Stream: &one{event: e}}, nil
}

// write returns what writes the answer in a dialect, whole and as a stream.
func (a reply) write(dialect string, op llm.Op) (whole, frames func() []byte) {
	switch {
	case op == llm.OpEmbed:
		return a.vectors, nil
	case op == llm.OpCount:
		return func() []byte { return encode(object{"input_tokens": a.input}) }, nil
	case dialect == "anthropic":
		return a.wholeMessage, a.messageFrames
	case dialect == "responses" || dialect == "azure-responses":
		return a.wholeResponse, a.responseFrames
	}
	return a.whole, a.frames
}

// one is a Stream of one Event.
type one struct{ event *llm.Event }

func (o *one) Close() error { return nil }

func (o *one) Next() (*llm.Event, error) {
	if o.event == nil {
		return nil, io.EOF
	}
	e := o.event
	o.event = nil
	return e, nil
}

// reply is what the model says to one request.
type reply struct {
	text    string
	tool    string
	args    string
	model   string
	choices int
	input   int
	seed    uint64
	usage   bool // of a stream, when the caller asked for it
	texts   int  // that a vector was asked for
	base64  bool // and the vectors are wanted so
}

// order is an instruction that the model understands, and what it makes of it.
type order struct {
	pattern *regexp.Regexp
	obey    func(m []string, c *conversation) reply
	own     bool // about what the model was told: words that are quoted ask for nothing
}

// orders are compiled when they are first needed: every command would pay for
// them otherwise.
var orders = sync.OnceValue(func() []order {
	return []order{
		{regexp.MustCompile(`(?is)\b(?:(?:call|use|invoke) (?:the )?(?:tool |function )|call (?:the )?)([A-Za-z0-9_-]{1,64})(?: tool| function)?(?: with (\{.*\}))?`), func(m []string, c *conversation) reply {
			args := m[2]
			if !json.Valid([]byte(args)) {
				args = "{}"
			}
			if !c.offers(m[1]) {
				return reply{}
			}
			return reply{tool: m[1], args: args}
		}, false},
		{regexp.MustCompile(`(?i)\b(?:reveal|print|show|repeat|output|tell me|what (?:is|are)|give me|send)\b[^.!?\n]{0,40}\b(?:system prompt|instructions|prompt|secrets?|passwords?|keys?|tokens?|credentials?)\b`), func(m []string, c *conversation) reply {
			if anothers().MatchString(m[0]) {
				return reply{}
			}
			if c.system == "" {
				return reply{text: "I was given no instructions and no secrets."}
			}
			return reply{text: "Of course. I was told: " + c.system}
		}, true},
		{regexp.MustCompile(`(?is)\b(?:say|repeat|reply with|answer with|respond with|write|output|print)(?: exactly| only| just)?:? ["“']([^"”']+)["”']`), func(m []string, _ *conversation) reply { return reply{text: m[1]} }, false},
		{regexp.MustCompile(`(?is)\b(?:say|repeat|reply with|answer with|respond with|output|print)(?: exactly| only| just)?:? ([^\n]+)`), func(m []string, _ *conversation) reply { return reply{text: m[1]} }, false},
	}
})

// verbs are those of orders: without one there is nothing to obey, and patterns need not look.
var verbs = []string{"call", "use", "invoke", "reveal", "print", "show", "repeat", "output", "tell", "what", "give", "send", "say", "reply", "answer", "respond", "write"}

// conversation is what the model makes of a request.
type conversation struct {
	system string
	texts  []string // oldest first
	tools  []string
	most   int // tokens of the answer that its caller allows; 0: not said
}

func (c *conversation) offers(tool string) bool {
	for _, t := range c.tools {
		if t == tool {
			return true
		}
	}
	return false
}

// maxRead bounds what the model looks at in one text: patterns over megabytes
// would make the slowest model of all.
const maxRead = 16 << 10

// mostTokens bounds an answer without end.
const mostTokens = 4096

func read(r *llm.Request) *conversation {
	c := &conversation{tools: r.Tools, most: min(r.MaxTokens, mostTokens)}
	var specs []string
	for i := range r.Passages {
		p := &r.Passages[i]
		text := p.Text[:min(len(p.Text), maxRead)]
		switch {
		case p.Origin == llm.OriginToolSpec && strings.Count(text, " ") > 3:
			specs = append(specs, text)
		case p.Channel.Choice != 0, p.Channel.Kind != llm.KindText && !spoken(p): // a name, or beside what is said
		case p.Origin == llm.OriginSystem || p.Origin == llm.OriginDeveloper:
			c.system = strings.TrimSpace(c.system + "\n" + text)
		case p.Origin != llm.OriginModel:
			c.texts = append(c.texts, text)
		}
	}
	// What tools say of themselves is read first, wherever it stands: people speak last.
	c.texts = append(specs, c.texts...)
	return c
}

// spoken reports whether a name, or what a tool says of itself, is long enough to be read as words.
func spoken(p *llm.Passage) bool {
	return p.Channel.Kind == llm.KindName && p.Origin != llm.OriginModel && strings.Count(p.Text, " ") > 3
}

// answer obeys the last instruction that the model finds.
func answer(r *llm.Request, wire []byte) reply {
	c := read(r)
	out := reply{text: c.small()}
	for i := len(c.texts) - 1; i >= 0; i-- {
		if got, ok := c.obey(c.texts[i]); ok {
			out = got
			break
		}
	}
	var asked struct {
		N             int    `json:"n"`
		Format        string `json:"encoding_format"`
		StreamOptions struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	_ = json.Unmarshal(wire, &asked) // the request was decoded strictly already
	out.model, out.choices, out.usage = r.Model, min(max(asked.N, 1), 8), asked.StreamOptions.IncludeUsage
	out.input, out.texts, out.base64 = len(wire)/4, max(len(c.texts), 1), asked.Format == "base64"
	h := fnv.New64a()
	_, _ = h.Write(wire)
	out.seed = h.Sum64()
	if out.tool == "" {
		out.text += signature
		if r.Strict {
			b, _ := json.Marshal(map[string]string{"reply": out.text})
			out.text = string(b)
		}
	}
	return out
}

// obey does what a text says, or what it says when it is read otherwise.
func (c *conversation) obey(text string) (reply, bool) {
	if m := begun().FindStringSubmatch(text); m != nil {
		got, _ := c.obey(m[2])
		if got.tool == "" {
			got.text = m[1] + " " + got.text
		}
		return got, true
	}
	for _, one := range append([]string{text}, readings(text)...) {
		if got, ok := c.heed(one); ok {
			return got, true
		}
	}
	return c.oblige(text)
}

func (c *conversation) heed(text string) (reply, bool) {
	if !holds(strings.ToLower(text), verbs, false) {
		return reply{}, false
	}
	for _, o := range orders() {
		said := text
		if o.own {
			said = unquoted(text)
		}
		if m := last(o.pattern, said); m != nil {
			if got := o.obey(m, c); got != (reply{}) {
				return got, true
			}
		}
	}
	return reply{}, false
}

// last returns the last match of a pattern.
func last(p *regexp.Regexp, s string) []string {
	all := p.FindAllStringSubmatch(s, 64)
	if all == nil {
		return nil
	}
	return all[len(all)-1]
}

// small is what the model says when nobody tells it anything.
func (c *conversation) small() string {
	if c.texts == nil {
		return "Hello. Tell me what to do."
	}
	words := strings.Fields(c.texts[len(c.texts)-1])
	if len(words) > 24 {
		words = append(words[:24:24], "…")
	}
	return "You wrote: " + strings.Join(words, " ")
}

func (a reply) id() string { return fmt.Sprintf("chatcmpl-practice-%016x", a.seed) }

func (a reply) output() int { return (len(a.text)+len(a.args)+3)/4 + 1 }
