// Package target is what a red team attacks: the chat APIs of models and gates, and anything
// else that takes a prompt over HTTP.
//
// A target keeps apart what its answer means: the model answered, the model refused, a guard
// blocked, or something failed. Scanners that mix them up report blocks as errors, or as hits.
//
// This package's API may change.
package target

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/redteam"
)

// Config says where a chat API is and what it speaks.
type Config struct {
	Dialect string // "openai", "azure", "responses", "anthropic"
	URL     string // of the operation, whole: "https://gate:8443/v1/chat/completions"
	Model   string
	Key     string
	Header  map[string]string // more headers
	// Transport makes the calls; nil: [http.DefaultTransport]. The gate itself can be one.
	Transport http.RoundTripper
	Timeout   time.Duration // of a request; 0: 2 min
	// Look finds out what a guard's own record says of a block; nil: what the answer says must do.
	Look func(ctx context.Context, record string) (*redteam.Block, bool)
	// Name is what the target is called where that is not its URL; "": the URL.
	Name string
	// Tries is how often a request is sent that is told to come back later; 0: 3.
	Tries int
	// Temperature and Seed are sent along; nil: the model's own. Only openai and azure know a seed.
	Temperature *float64
	Seed        *int64
}

// Chat is a model or a gate behind a chat API.
type Chat struct {
	cfg    Config
	client *http.Client
	speaks speech
}

// speech is one API: how it is asked, and what its answer says.
type speech struct {
	write func(model string, c *redteam.Conversation) object
	read  func(body []byte) (said, error)
	auth  func(h http.Header, key string)
}

// said is what an answer says.
type said struct {
	text          string
	calls         []redteam.Call
	model         string
	stopped       bool // a filter says that it stopped it
	refused       bool // the model says that it refuses
	input, output int
}

var speeches = map[string]speech{
	"openai":    {writeChat, readChat, bearer},
	"azure":     {writeChat, readChat, func(h http.Header, key string) { h.Set("Api-Key", key) }},
	"responses": {writeResponses, readResponses, bearer},
	"anthropic": {writeMessages, readMessages, func(h http.Header, key string) {
		h.Set("X-Api-Key", key)
		h.Set("Anthropic-Version", "2023-06-01")
	}},
}

func bearer(h http.Header, key string) { h.Set("Authorization", "Bearer "+key) }

// New returns a target.
func New(cfg Config) (*Chat, error) {
	s, ok := speeches[cfg.Dialect]
	if !ok {
		return nil, fmt.Errorf("target: nobody speaks %q; there are openai, azure, responses and anthropic", cfg.Dialect)
	}
	if !strings.HasPrefix(cfg.URL, "https://") && !strings.HasPrefix(cfg.URL, "http://") {
		return nil, fmt.Errorf("target: %q is no URL; write it whole, with the path of the operation", cfg.URL)
	}
	if cfg.Seed != nil && cfg.Dialect != "openai" && cfg.Dialect != "azure" {
		return nil, fmt.Errorf("target: %s knows no seed; leave it out", cfg.Dialect)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 2 * time.Minute
	}
	if cfg.Tries == 0 {
		cfg.Tries = 3
	}
	return &Chat{cfg, &http.Client{Transport: cfg.Transport, Timeout: cfg.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, s}, nil
}

// Fingerprint implements [redteam.Target].
func (c *Chat) Fingerprint() string {
	if c.cfg.Name != "" {
		return c.cfg.Name
	}
	return c.cfg.URL + "#" + c.cfg.Model
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 8 << 20

// Send implements [redteam.Target].
func (c *Chat) Send(ctx context.Context, conv *redteam.Conversation) (redteam.Exchange, error) {
	body, err := json.Marshal(c.tuned(c.speaks.write(c.cfg.Model, conv)))
	if err != nil {
		return redteam.Exchange{}, fmt.Errorf("target: writing a request: %w", err)
	}
	sum := sha256.Sum256(body)
	e := redteam.Exchange{Sent: hex.EncodeToString(sum[:])}
	for try := 1; ; try++ {
		again := c.once(ctx, body, &e)
		if again < 0 || try == c.cfg.Tries {
			return e, nil
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return e, context.Cause(ctx)
		}
	}
}

// tuned adds how the model is to choose its words.
func (c *Chat) tuned(request object) object {
	if c.cfg.Temperature != nil {
		request["temperature"] = *c.cfg.Temperature
	}
	if c.cfg.Seed != nil {
		request["seed"] = *c.cfg.Seed
	}
	return request
}

// once sends a request; what it returns says after how long to try again, or not at all.
func (c *Chat) once(ctx context.Context, body []byte, e *redteam.Exchange) time.Duration {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.URL, bytes.NewReader(body))
	if err != nil {
		e.Outcome, e.Error = redteam.Failed, "no request can be made of it"
		return -1
	}
	r.Header.Set("Content-Type", "application/json")
	for k, v := range c.cfg.Header {
		r.Header.Set(k, v)
	}
	if c.cfg.Key != "" {
		c.speaks.auth(r.Header, c.cfg.Key)
	}
	resp, err := c.client.Do(r)
	if err != nil {
		e.Outcome, e.Error = redteam.Failed, class(err)
		return -1
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		e.Outcome, e.Error = redteam.Failed, class(err)
		return -1
	case len(b) > maxAnswer:
		e.Outcome, e.Error = redteam.Failed, "the answer is too long"
		return -1
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable:
		e.Outcome, e.Error = redteam.Failed, fmt.Sprintf("status %d", resp.StatusCode)
		return retryAfter(resp.Header)
	}
	c.understand(ctx, resp, b, e)
	return -1
}

// understand says what an answer means.
func (c *Chat) understand(ctx context.Context, resp *http.Response, b []byte, e *redteam.Exchange) {
	e.Outcome, e.Error = redteam.Failed, ""
	e.Record = resp.Header.Get("Bartizan-Exchange")
	decision := resp.Header.Get("Bartizan-Decision")
	got, err := c.speaks.read(b)
	switch blocked := decision == "block" || decision == "hold"; {
	case resp.StatusCode != http.StatusOK && !blocked && !filtered(b) && !told(b, resp.Header.Get("Bartizan-Policy")):
		e.Error = fmt.Sprintf("status %d", resp.StatusCode)
		return
	case resp.StatusCode != http.StatusOK, err == nil && got.stopped, blocked:
		e.Outcome = redteam.Blocked
		e.Block = c.block(ctx, resp.Header, b, e.Record)
		if err == nil && !got.refused { // what came before the filter has been delivered, and is judged
			e.Text, e.Calls, e.Model, e.Input, e.Output = got.text, got.calls, got.model, got.input, got.output
		}
		return
	case err != nil:
		e.Error = "the answer cannot be read"
		return
	}
	e.Outcome, e.Text, e.Calls, e.Model, e.Input, e.Output = redteam.Answered, got.text, got.calls, got.model, got.input, got.output
	if got.refused {
		e.Outcome = redteam.Refused
	}
}

// block says who stopped it, as far as that is known.
func (c *Chat) block(ctx context.Context, h http.Header, b []byte, record string) *redteam.Block {
	if c.cfg.Look != nil && record != "" {
		if k, ok := c.cfg.Look(ctx, record); ok {
			return k
		}
	}
	k := &redteam.Block{Policy: h.Get("Bartizan-Policy")}
	switch d := h.Get("Bartizan-Decision"); {
	case d == "block" || d == "hold":
		k.Where = "input"
	case d != "":
		k.Where = "output"
	}
	for _, word := range categories {
		if bytes.Contains(b, []byte("("+word+")")) {
			k.Category = word
		}
	}
	return k
}

// categories are those that a gate names when it says why.
var categories = []string{"prompt_injection", "indirect_injection", "jailbreak", "prompt_leak", "hidden_text", "encoded_payload", "exfiltration_link", "unsafe_markup", "unsafe_code", "resource_abuse", "policy_boundary", "tool_misuse", "check_failed"}

// WriteChat writes a conversation as a request of OpenAI's chat completions, and ReadChat reads an
// answer of it, for targets that are no servers.
func WriteChat(model string, c *redteam.Conversation) ([]byte, error) {
	return json.Marshal(writeChat(model, c))
}

// ReadChat reads an answer of OpenAI's chat completions.
func ReadChat(b []byte) (redteam.Exchange, error) {
	got, err := readChat(b)
	e := redteam.Exchange{Outcome: redteam.Answered, Text: got.text, Calls: got.calls, Model: got.model, Input: got.input, Output: got.output}
	if got.refused {
		e.Outcome = redteam.Refused
	}
	return e, err
}

// filters are the codes by which guards and providers say that they stopped something.
var filters = []string{"content_filter", "held", "content_policy_violation", "ResponsibleAIPolicyViolation", "invalid_prompt", "content_blocked"}

// filtered reports whether an error says that a guard stopped the request. Its code says so; its
// words do not count, because they may be about anything.
func filtered(b []byte) bool {
	var v struct {
		Code  string `json:"code"`
		Error struct {
			Code  any    `json:"code"`
			Type  string `json:"type"`
			Inner struct {
				Code string `json:"code"`
			} `json:"innererror"`
		} `json:"error"`
	}
	if json.Unmarshal(b, &v) != nil {
		return false
	}
	code, _ := v.Error.Code.(string)
	return slices.Contains(filters, v.Code) || slices.Contains(filters, code) || slices.Contains(filters, v.Error.Inner.Code) || slices.Contains(filters, v.Error.Type)
}

// told reports whether an error says that this policy stopped something: where a dialect has no
// code for it, the gate's message is all there is.
func told(b []byte, policy string) bool {
	var v struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	return policy != "" && json.Unmarshal(b, &v) == nil && strings.HasPrefix(v.Error.Message, "Policy "+policy+" ")
}

// retryAfter is how long a target wants to be left alone, between a tenth of a second and half a
// minute.
func retryAfter(h http.Header) time.Duration {
	d, err := time.ParseDuration(h.Get("Retry-After") + "s")
	if err != nil {
		d = time.Second
	}
	return min(max(d, time.Second/10), 30*time.Second)
}

// class names what failed without the words of whoever failed.
func class(err error) string {
	var n net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "stopped"
	case errors.As(err, &n) && n.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "cut off"
	}
	return "unreachable"
}
