package target

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/redteam"
)

// Template is a target of which nothing is known but a request with a place for the prompt, and
// where in the answer the words are.
type Template struct {
	Method string
	URL    string
	Header http.Header
	Body   string
	// Mark is what stands where the prompt goes. In JSON the prompt is escaped, in a URL too;
	// elsewhere it is put in as it is. Nothing in the prompt is ever read as a template.
	Mark string
	// Answer says where in a JSON answer the words are: "choices.0.message.content"; "": all
	// of the answer is words.
	Answer string
	// Blocked are the statuses and the expressions by which the target says that it stopped
	// a prompt, and Skip the statuses that say nothing.
	BlockedStatus []int
	BlockedWords  *regexp.Regexp
	Transport     http.RoundTripper
	Timeout       time.Duration // 0: 1 min
	Name          string
}

// marks are those that other tools write, the longest first: PyRIT, FuzzyAI, agentic_security,
// garak, promptfoo.
var marks = []string{"{{ prompt }}", "{{prompt}}", "<<PROMPT>>", "<PROMPT>", "{PROMPT}", "$INPUT"}

// markOf finds the place for the prompt.
func markOf(s string) string {
	for _, m := range marks {
		if strings.Contains(s, m) {
			return m
		}
	}
	return ""
}

// maxTemplate bounds what is read of a template.
const maxTemplate = 1 << 20

// ParseHTTP reads a raw HTTP request, as PyRIT, FuzzyAI and agentic_security keep them: a request
// line with a whole URL or a path and a Host, headers, an empty line, a body. scheme is that of
// requests without one.
func ParseHTTP(raw, scheme string) (*Template, error) {
	if len(raw) > maxTemplate {
		return nil, fmt.Errorf("target: a request template is longer than %d bytes", maxTemplate)
	}
	raw = strings.ReplaceAll(raw, "\r\n", "\n")
	head, body, _ := strings.Cut(strings.TrimLeft(raw, "\n"), "\n\n")
	lines := bufio.NewScanner(strings.NewReader(head))
	lines.Buffer(nil, maxTemplate)
	t := &Template{Header: http.Header{}, Body: strings.TrimSuffix(body, "\n"), Mark: markOf(raw)}
	if !lines.Scan() {
		return nil, errors.New("target: the request template is empty")
	}
	parts := strings.Fields(lines.Text())
	if len(parts) < 2 {
		return nil, errors.New("target: the request template begins with no request line; write METHOD URL")
	}
	t.Method, t.URL = parts[0], parts[1]
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), ":")
		if !ok {
			return nil, errors.New("target: a line of the request template's head is no header")
		}
		t.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if strings.HasPrefix(t.URL, "/") {
		host := t.Header.Get("Host")
		if host == "" {
			return nil, errors.New("target: the request template has neither a whole URL nor a Host")
		}
		t.URL = scheme + "://" + host + t.URL
	}
	t.Header.Del("Host")
	t.Header.Del("Content-Length")
	return t, t.check()
}

// ParseREST reads garak's options of its REST generator, with or without the names around them.
// key takes the place of $KEY.
func ParseREST(b []byte, key string) (*Template, error) {
	if len(b) > maxTemplate {
		return nil, fmt.Errorf("target: a request template is longer than %d bytes", maxTemplate)
	}
	var outer struct {
		REST struct {
			RestGenerator json.RawMessage
		} `json:"rest"`
	}
	if json.Unmarshal(b, &outer) == nil && len(outer.REST.RestGenerator) > 0 {
		b = outer.REST.RestGenerator
	}
	var v struct {
		URI      string            `json:"uri"`
		Method   string            `json:"method"`
		Headers  map[string]string `json:"headers"`
		Text     string            `json:"req_template"`
		Object   json.RawMessage   `json:"req_template_json_object"`
		JSON     bool              `json:"response_json"`
		Field    string            `json:"response_json_field"`
		Timeout  float64           `json:"request_timeout"`
		SkipCode []int             `json:"skip_codes"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, fmt.Errorf("target: the options of a REST generator cannot be read: %w", err)
	}
	t := &Template{Method: strings.ToUpper(v.Method), URL: v.URI, Header: http.Header{}, Body: v.Text, Mark: "$INPUT", Timeout: time.Duration(v.Timeout * float64(time.Second)), BlockedStatus: v.SkipCode}
	if t.Method == "" {
		t.Method = http.MethodPost
	}
	if len(v.Object) > 0 {
		t.Body = string(v.Object)
	}
	for k, value := range v.Headers {
		t.Header.Set(k, strings.ReplaceAll(value, "$KEY", key))
	}
	t.Body = strings.ReplaceAll(t.Body, "$KEY", key)
	if v.JSON {
		t.Answer = path(v.Field)
	}
	return t, t.check()
}

// path turns a JSONPath of names and places ("$.choices[0].text") into dots.
func path(s string) string {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "$"), ".")
	return strings.NewReplacer("[", ".", "]", "", `"`, "", "'", "").Replace(s)
}

func (t *Template) check() error {
	u, err := t.address()
	switch {
	case t.Mark == "" || !strings.Contains(t.URL, t.Mark) && !strings.Contains(t.Body, t.Mark) && !t.inHeader():
		return fmt.Errorf("target: the request template has no place for the prompt; write one of %s", strings.Join(marks, ", "))
	case strings.Contains(authority(t.URL), t.Mark):
		return errors.New("target: the request template lets a prompt say which host is asked; put the place for the prompt behind the host, into a header or into the body")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("target: the request template names no URL of http or https")
	case u.User != nil:
		return errors.New("target: the URL of the request template holds credentials; put them into a header")
	}
	return nil
}

// address is where requests go, apart from what a prompt adds to it.
func (t *Template) address() (*url.URL, error) {
	return url.Parse(strings.ReplaceAll(t.URL, t.Mark, "x"))
}

// authority is the part of a URL that says who is asked: its scheme, credentials, host and port.
func authority(s string) string {
	at := strings.Index(s, "://")
	if at < 0 {
		return s
	}
	if end := strings.IndexAny(s[at+3:], `/?#\`); end >= 0 {
		return s[:at+3+end]
	}
	return s
}

// leaves reports whether a request goes elsewhere than the template says, which is what the scope saw:
// to another host, or up from the path.
func (t *Template) leaves(u *url.URL) bool {
	own, err := t.address()
	if err != nil || own.Host == "" || u.Scheme != own.Scheme || u.Host != own.Host || u.User != nil {
		return true
	}
	return climbs(u.Path) != climbs(own.Path) // who wrote the template may mean it
}

// climbs counts the parts of a path that lead elsewhere in it.
func climbs(path string) (n int) {
	for _, part := range strings.Split(path, "/") {
		if part == "." || part == ".." {
			n++
		}
	}
	return n
}

func (t *Template) inHeader() bool {
	for _, values := range t.Header {
		if strings.Contains(strings.Join(values, "\n"), t.Mark) {
			return true
		}
	}
	return false
}

// Fingerprint implements [redteam.Target].
func (t *Template) Fingerprint() string {
	if t.Name != "" {
		return t.Name
	}
	bare, _, _ := strings.Cut(t.URL, "?")
	return strings.ReplaceAll(bare, t.Mark, "")
}

// prompt is a conversation in one text: what the target's own system would say stands first.
func prompt(c *redteam.Conversation) string {
	var b strings.Builder
	users := 0
	for _, t := range c.Turns {
		if t.Role != "system" && t.Role != "developer" {
			users++
		}
	}
	for i, t := range c.Turns {
		if i > 0 {
			b.WriteString("\n\n")
		}
		if users > 1 && t.Role != "system" && t.Role != "developer" {
			b.WriteString(strings.ToUpper(t.Role[:1]) + t.Role[1:] + ": ")
		}
		b.WriteString(t.Text)
		if t.File != nil {
			b.WriteString("\n\n" + t.File.Name + "\n" + t.File.Text)
		}
	}
	return b.String()
}

// fill puts a prompt where the mark is.
func (t *Template) fill(s, prompt string, escape func(string) string) string {
	return strings.ReplaceAll(s, t.Mark, escape(prompt))
}

func escapeJSON(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can be encoded
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
}

func same(s string) string { return s }

// oneLine is a prompt in a header.
func oneLine(s string) string {
	return strings.NewReplacer("\r", " ", "\n", " ", "\x00", "").Replace(s)
}

// Send implements [redteam.Target].
func (t *Template) Send(ctx context.Context, c *redteam.Conversation) (redteam.Exchange, error) {
	words := prompt(c)
	body := t.fill(t.Body, words, same)
	if json.Valid([]byte(t.fill(t.Body, "x", same))) {
		body = t.fill(t.Body, words, escapeJSON)
	} else if strings.HasPrefix(t.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		body = t.fill(t.Body, words, url.QueryEscape)
	}
	sum := sha256.Sum256([]byte(body))
	e := redteam.Exchange{Outcome: redteam.Failed, Sent: hex.EncodeToString(sum[:])}
	timeout := t.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	sending, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(sending, t.Method, t.fill(t.URL, words, url.QueryEscape), strings.NewReader(body))
	if err != nil {
		e.Error = "no request can be made of it"
		return e, nil
	}
	if t.leaves(r.URL) {
		e.Error = "the prompt leads away from the target"
		return e, nil
	}
	for name, values := range t.Header {
		for _, v := range values {
			r.Header.Add(name, t.fill(v, words, oneLine))
		}
	}
	client := http.Client{Transport: t.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		e.Error = class(err)
		return e, context.Cause(ctx)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil || len(b) > maxAnswer {
		e.Error = "the answer is too long, or was cut off"
		return e, context.Cause(ctx)
	}
	t.understand(resp.StatusCode, b, &e)
	return e, nil
}

func (t *Template) understand(status int, b []byte, e *redteam.Exchange) {
	for _, s := range t.BlockedStatus {
		if s == status {
			e.Outcome, e.Block = redteam.Blocked, &redteam.Block{}
			return
		}
	}
	switch {
	case t.BlockedWords != nil && t.BlockedWords.Match(b), status >= 400 && filtered(b):
		e.Outcome, e.Block = redteam.Blocked, &redteam.Block{}
		return
	case status < 200 || status >= 300:
		e.Error = fmt.Sprintf("status %d", status)
		return
	}
	words, ok := string(b), true
	if t.Answer != "" {
		words, ok = at(b, t.Answer)
	}
	if !ok {
		e.Error = "the answer has nothing where its words should be"
		return
	}
	e.Outcome, e.Text = redteam.Answered, words
}

// at returns what stands at a path of names and places.
func at(b []byte, path string) (string, bool) {
	var v any
	if json.Unmarshal(b, &v) != nil {
		return "", false
	}
	for _, part := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(x) {
				return "", false
			}
			v = x[i]
		default:
			return "", false
		}
	}
	s, ok := v.(string)
	return s, ok
}
