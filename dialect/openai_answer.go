package dialect

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

// ErrAnswer means that what an upstream sent is not an answer of its dialect, so
// that nobody can say what it says.
var ErrAnswer = errors.New("dialect: the upstream's answer cannot be read")

// answerReader reads a completion or a chunk of one. Both have choices; a
// completion has "message" where a chunk has "delta".
type answerReader struct {
	*reader
	event *llm.Event
	open  map[int][]llm.Channel // texts of each choice so far; nil when not streamed
	names map[llm.Channel]string
	ids   map[llm.Channel]string
	stray map[string]int // channels of texts under keys that nobody knows
}

// Answer implements [Dialect].
func (OpenAI) Answer(r *llm.Request, status int, body []byte) (*llm.Event, error) {
	e := &llm.Event{Data: body, End: llm.EndClean}
	a, err := newAnswer(e)
	if err != nil {
		return nil, err
	}
	defer a.release()
	if status >= 300 {
		e.End = llm.EndError
		e.Reason, e.Odd = a.reason()
		a.strings(0, llm.OriginUnknown)
	} else if r.Op == llm.OpEmbed {
		a.embeddings()
	} else {
		a.completion()
	}
	e.Done = nil // the event ends them all
	return a.finish(e)
}

func newAnswer(e *llm.Event) (*answerReader, error) {
	r, err := newReader(e.Data)
	if err != nil {
		return nil, wrong(err)
	}
	r.answer = true
	return &answerReader{reader: r, event: e}, nil
}

// odd says that node i of an answer is not the object that belongs there.
func (r *reader) odd(i int) {
	if r.err == nil {
		r.err = &SyntaxError{Offset: int(r.nodes[i].start), Reason: "something else where an object belongs"}
	}
}

// reason is what an error answer says of itself. Every dialect has it in one place;
// servers of other makes have it elsewhere, and the answer is then odd.
func (r *reader) reason() (why string, odd bool) {
	e := r.get(0, "error")
	if why = r.text(r.get(e, "message")); why != "" {
		return why, false
	}
	for _, i := range []int{e, r.get(0, "message"), r.get(0, "detail")} {
		if why = r.text(i); why != "" {
			return why, true
		}
	}
	return "", true
}

// erring reports whether member i of a frame says that something went wrong; some servers
// send it empty.
func (r *reader) erring(i int) bool {
	n := r.nodes[i]
	return n.kind == str && n.end > n.start || n.kind == object && int(n.skip) > i+1
}

func wrong(err error) error { return fmt.Errorf("%w: %w", ErrAnswer, err) }

// finish ends the reading of an answer, or a frame of one: what nobody has read so far
// is judged too.
func (r *reader) finish(e *llm.Event) (*llm.Event, error) {
	if r.err == nil {
		r.sweep()
	}
	if r.err != nil {
		return nil, wrong(r.err)
	}
	e.Passages = r.passages
	return e, nil
}

// completion reads the top of an answer. Fields that nobody knows survive, and
// are judged.
func (a *answerReader) completion() {
	if a.nodes[0].kind != object {
		a.err = ErrAnswer
		return
	}
	a.strict(0, answerKeys)
	a.each(0, func(i, at int) {
		switch a.name(a.nodes[i]) {
		case "id", "object", "created", "model", "system_fingerprint", "service_tier", "obfuscation":
			a.word(i, at)
		case "choices":
			if a.nodes[i].kind != array {
				a.unknown(i, at, llm.OriginUnknown)
				return
			}
			a.in(i, at, func() { a.each(i, func(c, n int) { a.in(c, n, func() { a.choice(c, n) }) }) })
			if usage := a.get(0, "usage"); usage >= 0 {
				a.event.Extra = int(a.nodes[i].skip) == i+1 && a.nodes[usage].kind == object
			}
		case "usage":
			a.usage(i)
		case "error":
			if a.erring(i) {
				a.event.End = llm.EndError
			}
			a.unknown(i, at, llm.OriginUnknown)
		default:
			a.key(i, llm.OriginUnknown)
			a.unknown(i, at, llm.OriginUnknown)
		}
	})
}

var (
	answerKeys = set("id object created model choices usage error system_fingerprint service_tier")
	choiceKeys = set("index message delta finish_reason logprobs")
	deltaKeys  = set("role content refusal reasoning reasoning_content tool_calls function_call audio annotations")
)

func (a *answerReader) usage(i int) {
	if a.nodes[i].kind != object {
		return
	}
	a.event.Usage = &llm.Usage{
		Input:       a.integer(a.get(i, "prompt_tokens")),
		Output:      a.integer(a.get(i, "completion_tokens")),
		Total:       a.integer(a.get(i, "total_tokens")),
		CachedInput: a.integer(a.get(a.get(i, "prompt_tokens_details"), "cached_tokens")),
		Reasoning:   a.integer(a.get(a.get(i, "completion_tokens_details"), "reasoning_tokens")),
	}
	a.strings(i, llm.OriginUnknown)
}

func (a *answerReader) choice(c, position int) {
	if a.nodes[c].kind != object {
		a.strings(c, llm.OriginUnknown)
		return
	}
	a.strict(c, choiceKeys)
	n := position
	if i := a.get(c, "index"); i >= 0 && !a.isNull(i) {
		n = a.plainIndex(i)
	}
	first := len(a.passages)
	a.each(c, func(i, at int) {
		switch a.name(a.nodes[i]) {
		case "index":
			a.word(i, at)
		case "finish_reason":
			a.word(i, at)
			if !a.isNull(i) {
				a.done(n)
			}
		case "message", "delta":
			a.in(i, at, func() { a.message(i, n) })
		case "logprobs":
		default:
			a.strays(i, at, n)
		}
	})
	if i := a.get(c, "logprobs"); i >= 0 && a.nodes[i].kind != literal {
		a.logprobs(i, n, a.passages[first:])
	}
}

// done ends the texts of a choice. Whether the reason stands before or after the
// last text in the frame makes no difference: the event ends them as a whole.
func (a *answerReader) done(choice int) {
	a.event.Done = append(a.event.Done, llm.Channel{Choice: choice, Item: -1})
}

// closeTexts replaces the marks that done left by the texts of those choices.
func (a *answerReader) closeTexts() {
	var out []llm.Channel
	for _, mark := range a.event.Done {
		out = append(out, a.open[mark.Choice]...)
	}
	a.event.Done = out
}

func (a *answerReader) message(m, choice int) {
	if a.nodes[m].kind != object {
		a.strings(m, llm.OriginUnknown)
		return
	}
	a.strict(m, deltaKeys)
	text := func(i, at int, k llm.Kind, part int) {
		switch a.nodes[i].kind {
		case str:
			a.in(i, at, func() { a.say(i, llm.Channel{Choice: choice, Part: part, Kind: k}) })
		case array:
			a.in(i, at, func() { a.parts(i, choice) })
		default:
			a.unknown(i, at, llm.OriginUnknown)
		}
	}
	a.each(m, func(i, at int) {
		switch a.name(a.nodes[i]) {
		case "role":
			a.word(i, at)
		case "content":
			text(i, at, llm.KindText, 0)
		case "refusal":
			text(i, at, llm.KindRefusal, 0)
		case "reasoning_content", "reasoning":
			text(i, at, llm.KindReasoning, len(a.name(a.nodes[i])))
		case "tool_calls":
			if a.expect(i, array, "a list of tool calls") {
				a.in(i, at, func() { a.each(i, func(t, n int) { a.in(t, n, func() { a.call(t, choice, n) }) }) })
			}
		case "function_call":
			if a.expect(i, object, "a call") {
				a.in(i, at, func() { a.function(i, llm.Channel{Choice: choice, Item: -1}) })
			}
		case "audio":
			a.in(i, at, func() { a.audio(i, choice) })
		default:
			a.strays(i, at, choice)
		}
	})
}

// say adds a text that may go on in later frames.
func (a *answerReader) say(i int, ch llm.Channel) {
	a.passage(i, ch, llm.OriginModel)
	if a.open == nil {
		return
	}
	for _, have := range a.open[ch.Choice] {
		if have == ch {
			return
		}
	}
	a.open[ch.Choice] = append(a.open[ch.Choice], ch)
}

// parts reads content that some servers send as a list of parts.
func (a *answerReader) parts(i, choice int) {
	a.each(i, func(p, at int) {
		a.in(p, at, func() {
			if a.nodes[p].kind != object {
				a.strings(p, llm.OriginUnknown)
				return
			}
			a.each(p, func(m, n int) {
				if a.is(m, "text") && a.nodes[m].kind == str {
					a.in(m, n, func() { a.say(m, llm.Channel{Choice: choice}) })
					return
				}
				a.strays(m, n, choice)
			})
		})
	})
}

// plainIndex reads which text a piece belongs to. Another way to write the number would
// be another text to one reader and the same to the next.
func (r *reader) plainIndex(i int) int {
	n := r.integer(i)
	if b := r.bytes(i); len(b) > 9 || string(b) != strconv.Itoa(n) {
		r.err = &SyntaxError{Offset: int(r.nodes[i].start), Reason: "an index that is no plain number"}
	}
	return n
}

func (a *answerReader) call(t, choice, position int) {
	if a.nodes[t].kind != object {
		a.event.Tools = append(a.event.Tools, nameless)
		a.strings(t, llm.OriginUnknown)
		return
	}
	a.strict(t, callKeys)
	ch := llm.Channel{Choice: choice, Item: position, Kind: llm.KindArgs}
	if i := a.get(t, "index"); i >= 0 && !a.isNull(i) {
		ch.Item = a.plainIndex(i)
	}
	if a.names == nil && a.get(t, "function") < 0 && a.get(t, "custom") < 0 {
		a.event.Tools = append(a.event.Tools, nameless)
	}
	if id := a.text(a.get(t, "id")); id != "" && a.names != nil { // some number every call 0
		if have := a.ids[ch]; have != "" && have != id {
			delete(a.names, ch)
		}
		a.ids[ch] = id
	}
	a.each(t, func(i, at int) {
		switch a.name(a.nodes[i]) {
		case "id", "type", "index":
			a.word(i, at)
		case "function", "custom":
			a.in(i, at, func() { a.function(i, ch) })
		default:
			a.key(i, llm.OriginUnknown)
			a.unknown(i, at, llm.OriginUnknown)
		}
	})
}

// maxName bounds the name of a tool.
const maxName = 256

// function reads what a frame says of a call: its name, which must be authorised
// before it leaves, and a piece of its arguments.
func (a *answerReader) function(f int, ch llm.Channel) {
	ch.Kind = llm.KindArgs
	if name := a.text(a.get(f, "name")); name != "" {
		if a.names != nil && a.names[ch] != name { // some providers repeat the whole name
			if a.names[ch] += name; len(a.names[ch]) > maxName {
				a.err = &SyntaxError{Offset: int(a.nodes[f].start), Reason: "a tool's name that is too long"}
			}
			name = a.names[ch]
		}
		a.event.Tools = append(a.event.Tools, name)
	} else if a.names == nil && int(a.nodes[f].skip) > f+1 || a.names != nil && a.names[ch] == "" && a.text(a.get(f, "arguments")) != "" {
		a.event.Tools = append(a.event.Tools, nameless)
	}
	from := len(a.passages)
	a.called(f, ch)
	for i := from; i < len(a.passages); i++ {
		if p := &a.passages[i]; p.Channel == ch && !p.Whole && a.open != nil {
			a.open[ch.Choice] = appendOnce(a.open[ch.Choice], ch)
		}
	}
}

func appendOnce(list []llm.Channel, ch llm.Channel) []llm.Channel {
	for _, have := range list {
		if have == ch {
			return list
		}
	}
	return append(list, ch)
}

// audio reads a spoken answer: its transcript can be judged, its sound cannot.
func (a *answerReader) audio(i, choice int) {
	if a.nodes[i].kind != object {
		a.strings(i, llm.OriginUnknown)
		return
	}
	a.each(i, func(m, at int) {
		switch a.name(a.nodes[m]) {
		case "id", "expires_at":
			a.word(m, at)
		case "transcript":
			if a.nodes[m].kind == str {
				a.in(m, at, func() { a.say(m, llm.Channel{Choice: choice, Part: 1}) })
			}
		case "data":
			a.media(m, at, "audio", llm.OriginModel)
		default:
			a.unknown(m, at, llm.OriginUnknown)
		}
	})
}

// logprobs repeat the text token by token. They are nulled where the text is
// edited, and judged by themselves when they say something else.
func (a *answerReader) logprobs(i, choice int, said []llm.Passage) {
	null := llm.Edit{Start: int(a.nodes[i].start), End: int(a.nodes[i].end), New: []byte("null"), By: "logprobs"}
	var text, refusal string
	for k := range said {
		if said[k].Whole || said[k].Channel.Choice != choice {
			continue
		}
		switch said[k].Channel.Kind {
		case llm.KindText:
			text += said[k].Text
		case llm.KindRefusal:
			refusal += said[k].Text
		default:
			continue
		}
		said[k].Echoes = append(said[k].Echoes, null)
	}
	a.tokens(a.get(i, "content"), text, null)
	a.tokens(a.get(i, "refusal"), refusal, null)
}

// token reads the token of an entry of logprobs; what else stands there is swept up.
func (r *reader) token(entry int) string {
	i := r.get(entry, "token")
	if i >= 0 {
		r.nodes[i].seen = r.nodes[i].kind == str
	}
	return r.text(i)
}

func (r *reader) tokens(list int, said string, null llm.Edit) {
	if list < 0 || r.nodes[list].kind != array {
		return
	}
	var chosen, others strings.Builder
	r.each(list, func(t, _ int) {
		chosen.WriteString(r.token(t))
		if top := r.get(t, "top_logprobs"); top >= 0 {
			r.each(top, func(o, _ int) {
				others.WriteString(r.token(o))
				others.WriteByte(' ')
			})
		}
	})
	for _, s := range []string{chosen.String(), others.String()} {
		if strings.TrimSpace(s) != "" && s != said {
			r.passages = append(r.passages, llm.Passage{Channel: aside, Origin: llm.OriginUnknown, Path: string(r.path) + ".logprobs", Text: s, Whole: true, Instead: &null})
		}
	}
}
