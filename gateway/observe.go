package gateway

import (
	"bytes"

	"github.com/bartizan-ai/bartizan/llm"
)

// Observer notices what changes in what is deployed, by what passes. It is asked and told on the
// way of calls, so it waits for nothing; it keeps no text.
type Observer interface {
	// Observes reports whether a system's calls are worth a look.
	Observes(system string) bool
	// Saw is told of each call of a user that a provider answered.
	Saw(Sight)
	// Token reports whether a text holds a word that only the red team's own calls know.
	Token(system, text string) bool
}

// Sight is what a call shows of what is deployed.
type Sight struct {
	System   string
	Model    string // by the name that the caller used
	Answerer string // as the provider names it: its model, and its fingerprint where it has one; "": it does not say
	// Request is what was asked. It is not to be kept.
	Request []llm.Passage
	Leaked  string // the exchange, where its answer held a word that only the red team's calls know
}

// A word that is looked for has so many dashes: few texts have as many.
const dashes = 2

var dash = []byte("-")

// longestToken is the longest word that is looked for over the frames of an answer, in bytes.
const longestToken = 48

// sighting is what was noticed of an answer so far.
type sighting struct {
	answerer string
	tails    map[llm.Channel][]byte // ends of texts, in which a word may begin
	leaked   bool
}

// sighted begins to look at an answer, where somebody wants that.
func (x *exchange) sighted() {
	if o := x.gate.cfg.Observer; o != nil && !x.canary() && o.Observes(x.principal.System) {
		x.seen = &sighting{tails: map[llm.Channel][]byte{}}
	}
}

// look notices what a frame shows.
func (s *sighting) look(o Observer, system string, e *llm.Event) {
	if s.answerer == "" {
		s.answerer = answerer(e.Data)
	}
	for i := range e.Passages {
		p := &e.Passages[i]
		if p.Text == "" || s.leaked {
			continue
		}
		text := append(s.tails[p.Channel], p.Text...)
		if bytes.Count(text, dash) >= dashes {
			s.leaked = o.Token(system, string(text))
		}
		s.tails[p.Channel] = append(text[:0], text[max(0, len(text)-longestToken):]...)
	}
}

// sightOver tells what was noticed of a call that a provider answered.
func (x *exchange) sightOver() {
	if x.seen == nil || x.response == nil || x.response.Status/100 != 2 {
		return
	}
	s := Sight{System: x.principal.System, Model: x.request.Model, Answerer: x.seen.answerer, Request: x.request.Passages}
	if x.seen.leaked {
		s.Leaked = x.intent.ID
	}
	x.gate.cfg.Observer.Saw(s)
}

// maxAnswerer bounds what is kept of a provider's name for who answered, in bytes.
const maxAnswerer = 128

// answerer reads who answered out of a frame, or a whole answer: members of the top, or of the
// object that Anthropic's message_start and the events of Responses hold the head of an answer in.
// Deeper ones, as in what a tool is called with, are the words of whoever asked. It is one pass
// that ends when all is found, and takes only the names it returns out of the text.
func answerer(data []byte) string {
	var model, build, top []byte
	depth, object := 0, false // object: what is open at the second depth is one, no list
	for i := 0; i < len(data) && (len(model) == 0 || len(build) == 0); {
		switch data[i] {
		case '{', '[':
			if depth++; depth == 2 {
				object = data[i] == '{'
			} else if depth == 1 && data[i] == '[' {
				return "" // no answer of any protocol
			}
		case '}', ']':
			depth--
		case '"':
			name, next := quotedAt(data, i)
			value := pastColon(data, next)
			if i = next; value == next {
				continue // no name of a member
			}
			i = value
			switch {
			case depth == 1:
				top = name
			case depth != 2 || !object || string(top) != "message" && string(top) != "response":
				continue
			}
			switch {
			case value == len(data) || data[value] != '"':
			case string(name) == "model" && len(model) == 0:
				model, i = quotedAt(data, value)
				model = asNamed(model)
			case string(name) == "system_fingerprint" && len(build) == 0:
				build, i = quotedAt(data, value)
				build = asNamed(build)
			}
			continue
		}
		i++
	}
	out := string(model)
	if len(build) > 0 {
		out += " " + string(build)
	}
	return out[:min(len(out), maxAnswerer)]
}

// quotedAt returns what is between the quote at i and the one that ends it, and where what
// follows begins. A text that does not end is nothing.
func quotedAt(data []byte, i int) (text []byte, next int) {
	for begin, at := i+1, i+1; ; {
		n := bytes.IndexByte(data[at:], '"')
		if n < 0 {
			return nil, len(data)
		}
		end := at + n
		escapes := end
		for escapes > at && data[escapes-1] == '\\' {
			escapes--
		}
		if (end-escapes)%2 == 0 {
			return data[begin:end], end + 1
		}
		at = end + 1
	}
}

// pastColon returns where the value begins whose name ended before i; i where that was no name.
func pastColon(data []byte, i int) int {
	rest := bytes.TrimLeft(data[i:], " \t\r\n")
	if len(rest) == 0 || rest[0] != ':' {
		return i
	}
	return len(data) - len(bytes.TrimLeft(rest[1:], " \t\r\n"))
}

// asNamed returns a name as providers write names, nil for anything else.
func asNamed(name []byte) []byte {
	if len(name) > maxAnswerer || bytes.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil
	}
	return name
}
