// Package scripted is a provider whose answers follow from the name of the model
// that is asked, in every dialect that clients of the gate speak. It keeps what it
// was asked, so that a test can say which bytes arrived and how often.
//
// It serves the whole surface under one address: the paths of OpenAI, Anthropic and
// Azure do not overlap. A call without the provider's key in the header of its
// dialect, or with a key of the gate in any header, is refused with status 418,
// which no client takes for anything else.
package scripted

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Key is the only key that is served.
const Key = "provider-" + "only-for-tests"

// Provider answers calls. Use New.
type Provider struct {
	mu   sync.Mutex
	hits map[string]int
	last map[string]Call
	left chan string
}

// Call is one call as it arrived.
type Call struct {
	Method, Target string
	Header         http.Header
	Body           []byte
}

// New returns a provider that nobody has called.
func New() *Provider {
	return &Provider{hits: map[string]int{}, last: map[string]Call{}, left: make(chan string, 256)}
}

// Hits returns how often a model was asked. Name says the kind of call as well:
// "chat:plain", "messages:plain", "azure chat:plain".
func (p *Provider) Hits(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits[name]
}

// Last returns the last call of a name.
func (p *Provider) Last(name string) Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last[name]
}

// Forget makes the next call of every model its first one.
func (p *Provider) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.hits)
	clear(p.last)
	for {
		select {
		case <-p.left:
		default:
			return
		}
	}
}

// Left says of every caller who went away before the end which name it had asked.
func (p *Provider) Left() <-chan string { return p.left }

func (p *Provider) note(name string, c Call) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hits[name]++
	p.last[name] = c
	return p.hits[name]
}

// asked is what the script looks at in a call.
type asked struct {
	kind     string
	model    string
	stream   bool
	azure    bool
	usage    bool     // the stream shall end with a chunk of usage
	n        int      // choices
	text     string   // what was said last
	tool     string   // the call whose result was sent last; "" when somebody spoke
	results  []string // of every tool in the conversation
	format   string   // the kind and the name of the schema that was asked for
	filename string
}

// reply is what the model says: a thought, then text, then calls of tools.
type reply struct {
	thought string
	text    string
	tools   []tool
}

// tool is a call of a tool; a custom one takes text, the others JSON.
type tool struct {
	id, name, input string
	custom          bool
}

// speaker is a dialect.
type speaker interface {
	read(body []byte, a *asked) error
	fault(status int, code, message string) string
	whole(a asked, r reply) string
	pen(w http.ResponseWriter, a asked) pen
}

// pen writes a stream.
type pen interface {
	think(text string)
	say(text string)
	call(t tool)
	end()
}

func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, deployment, s := route(r.URL.Path)
	body, err := io.ReadAll(r.Body)
	if err != nil || kind == "" || !admitted(r, kind) {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	a := asked{kind: kind, model: deployment, azure: strings.HasPrefix(kind, "azure")}
	if s == nil {
		p.serveData(w, r, a, body)
		return
	}
	if err := s.read(body, &a); err != nil {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	name := kind + ":" + a.model
	n := p.note(name, Call{r.Method, r.URL.String(), r.Header.Clone(), body})
	w.Header().Set("X-Request-Id", "req_scripted")
	w.Header().Set("Request-Id", "req_scripted")
	if !p.play(w, r, s, a, n) {
		p.left <- name
	}
}

// route returns the kind of call that a path is, and who speaks there.
func route(path string) (kind, deployment string, s speaker) {
	path, azure := strings.CutPrefix(path, "/openai")
	if rest, ok := strings.CutPrefix(path, "/deployments/"); ok && azure {
		deployment, path, _ = strings.Cut(rest, "/")
		path = "/v1/" + path
	}
	switch path {
	case "/v1/chat/completions":
		kind, s = "chat", chat{}
	case "/v1/responses":
		kind, s = "responses", responses{}
	case "/v1/messages":
		kind, s = "messages", messages{}
	case "/v1/embeddings":
		kind = "embeddings"
	case "/v1/messages/count_tokens":
		kind = "count"
	case "/v1/responses/input_tokens":
		kind = "input"
	default:
		return "", "", nil
	}
	if azure {
		kind = "azure " + kind
	}
	return kind, deployment, s
}

// admitted holds the gate to two promises: the provider gets its own key where its
// dialect has it, and nobody else's anywhere.
func admitted(r *http.Request, kind string) bool {
	for _, values := range r.Header {
		for _, v := range values {
			if strings.Contains(v, "bzk_") {
				return false
			}
		}
	}
	switch {
	case strings.HasPrefix(kind, "azure"):
		return r.Header.Get("Api-Key") == Key && r.Header.Get("Authorization") == ""
	case kind == "messages" || kind == "count":
		return r.Header.Get("X-Api-Key") == Key && r.Header.Get("Authorization") == ""
	}
	return r.Header.Get("Authorization") == "Bearer "+Key && r.Header.Get("X-Api-Key") == ""
}

const (
	leak = "It is well known that Project Nightjar is late. Nobody likes it."
	half = "This is the first half of a sentence. And this is "
)

// play does what the model's name says. It returns false when the caller left.
func (p *Provider) play(w http.ResponseWriter, r *http.Request, s speaker, a asked, n int) bool {
	switch a.model {
	case "limited":
		if n == 1 {
			w.Header().Set("Retry-After", "1")
			refuse(w, s, http.StatusTooManyRequests, "rate_limit_exceeded", "slow down")
			return true
		}
		answer(w, s, a, reply{text: "at last"})
	case "broken":
		refuse(w, s, http.StatusInternalServerError, "server_error", "something broke")
	case "tools":
		if a.tool != "" {
			answer(w, s, a, reply{text: a.tool + " says " + a.text})
			return true
		}
		answer(w, s, a, reply{tools: []tool{{id: "call_1", name: "weather", input: `{"city":"Riga"}`}}})
	case "schema":
		answer(w, s, a, reply{text: a.format})
	case "think":
		answer(w, s, a, reply{thought: "It is a simple question.", text: "Heard: " + a.text})
	case "leaky":
		answer(w, s, a, reply{text: leak})
	case "cut":
		s.pen(w, a).say(half)
		panic(http.ErrAbortHandler)
	case "silent":
		<-r.Context().Done()
		return false
	case "endless":
		return endless(r, s.pen(w, a))
	case "task", "gpt-5.5":
		answer(w, s, a, a.work())
	default:
		answer(w, s, a, reply{text: "Heard: " + a.text})
	}
	return true
}

func endless(r *http.Request, pen pen) bool {
	for range 20_000 {
		pen.say("More and more of the same. ")
		select {
		case <-r.Context().Done():
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
	return true
}

func refuse(w http.ResponseWriter, s speaker, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, s.fault(status, code, message))
}

// answer says a reply, streamed or not.
func answer(w http.ResponseWriter, s speaker, a asked, r reply) {
	if !a.stream {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, s.whole(a, r))
		return
	}
	p := s.pen(w, a)
	if r.thought != "" {
		p.think(r.thought)
	}
	if r.text != "" {
		p.say(r.text)
	}
	for _, t := range r.tools {
		p.call(t)
	}
	p.end()
}

// words cuts a text into what models send at a time.
func words(text string) []string { return strings.SplitAfter(text, " ") }

// pieces cuts the input of a tool where no JSON ends.
func pieces(s string) (out []string) {
	for len(s) > 5 {
		out, s = append(out, s[:5]), s[5:]
	}
	return append(out, s)
}

// text makes one text of what may be a text or parts of one.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var parts []struct{ Text string }
	_ = json.Unmarshal(raw, &parts)
	for _, p := range parts {
		s += p.Text
	}
	return s
}

// frame writes one event; name is empty where a dialect names none.
func frame(w http.ResponseWriter, name, data string) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "text/event-stream")
	}
	if name != "" {
		fmt.Fprintf(w, "event: %s\n", name)
	}
	fmt.Fprintf(w, "data: %s\n\n", data)
	_ = http.NewResponseController(w).Flush()
}

// quote makes a JSON string of s.
func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
