package gateway

import (
	"bytes"
	"encoding/json"

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

// answerer reads who answered out of a frame, or a whole answer. Inside a text every quote is
// escaped, so what is found is a member of the protocol.
func answerer(data []byte) string {
	out := member(data, `"model"`)
	if f := member(data, `"system_fingerprint"`); f != "" {
		out += " " + f
	}
	return out[:min(len(out), maxAnswerer)]
}

// member returns the first member of this name, where it is a string of plain characters.
func member(data []byte, name string) string {
	for {
		i := bytes.Index(data, []byte(name))
		if i < 0 {
			return ""
		}
		inside := i > 0 && data[i-1] == '\\'
		data = data[i+len(name):]
		rest, ok := bytes.CutPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte(":"))
		if inside || !ok {
			continue
		}
		rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(`"`))
		end := bytes.IndexByte(rest, '"')
		if !ok || end < 0 || end > maxAnswerer || !json.Valid([]byte(`"`+string(rest[:end])+`"`)) {
			return ""
		}
		for _, c := range rest[:end] {
			if c < ' ' || c > '~' {
				return "" // none of the names that providers use
			}
		}
		return string(rest[:end])
	}
}
