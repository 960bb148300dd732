package dialect

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bartizan-ai/bartizan/llm"
)

// How a call of an upstream fails, apart from an answer that says so.
var (
	// ErrDown means that the upstream gave no answer: no connection could be made,
	// or it ended before the head of one.
	ErrDown = errors.New("dialect: the upstream cannot be reached")
	// ErrSlow means that the upstream let a deadline pass.
	ErrSlow = errors.New("dialect: the upstream is too slow")
)

// StatusError is an answer that is none of the upstream's API: a page of some proxy, a
// redirect, a body that was not asked for. Nothing of it but what stands here leaves the
// client. It wraps [ErrAnswer].
type StatusError struct {
	Provider string
	Status   int
	After    int // seconds to wait, within the bounds of every SDK; 0: it does not say
	why      string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%v: provider %s: %s", ErrAnswer, e.Provider, e.why)
}

func (e *StatusError) Unwrap() error { return ErrAnswer }

// MaxAnswer bounds an answer that is not streamed, in bytes.
const MaxAnswer = 32 << 20

// ClientConfig describes one upstream.
type ClientConfig struct {
	Name    string      // of the provider, for errors
	Dialect string      // what it speaks, in the words of [Dialect.Provider]
	URL     string      // base, "https://api.openai.com/v1"
	Key     string      // "" where the upstream wants none
	Private bool        // plain HTTP and private addresses are meant
	TLS     *tls.Config // nil: the system's authorities

	Connect   time.Duration // 0: 5 s
	FirstByte time.Duration // until the answer's head; 0: 5 min
	Idle      time.Duration // between bytes of an answer; 0: 2 min
}

// Client calls one upstream. It follows no redirects, takes no proxy from the
// environment and refuses addresses that the provider may not have. It is an
// [llm.Model].
type Client struct {
	cfg       ClientConfig
	base      string
	speaks    map[string]Dialect // by ID
	transport *http.Transport
}

// NewClient checks cfg; it opens no connection.
func NewClient(cfg ClientConfig) (*Client, error) {
	base, err := url.Parse(root(cfg.Dialect, cfg.URL))
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, fmt.Errorf("dialect: provider %s: the url must be https://host/path", cfg.Name)
	}
	if base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("dialect: provider %s: the url must not hold credentials, a query or a fragment", cfg.Name)
	}
	if base.Scheme == "http" && !cfg.Private {
		return nil, fmt.Errorf("dialect: provider %s: plain HTTP needs `private: true`", cfg.Name)
	}
	orDefault(&cfg.Connect, 5*time.Second)
	orDefault(&cfg.FirstByte, 5*time.Minute)
	orDefault(&cfg.Idle, 2*time.Minute)
	speaks := map[string]Dialect{}
	for _, d := range All() {
		if d.Provider() == cfg.Dialect {
			speaks[d.ID()] = d
		}
	}
	return &Client{cfg: cfg, base: base.String(), speaks: speaks, transport: NewTransport(cfg)}, nil
}

// NewTransport returns what a client of cfg makes its calls with: one that takes no proxy
// from the environment, and refuses addresses that the upstream may not have. Others who
// call out use it, too; they must follow no redirects.
func NewTransport(cfg ClientConfig) *http.Transport {
	orDefault(&cfg.Connect, 5*time.Second)
	orDefault(&cfg.FirstByte, 5*time.Minute)
	return &http.Transport{
		DialContext:            dialer(cfg.Connect, cfg.Private).DialContext,
		TLSClientConfig:        tlsConfig(cfg.TLS),
		TLSHandshakeTimeout:    cfg.Connect,
		ResponseHeaderTimeout:  cfg.FirstByte,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    128,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// root is the base URL as requests are put below it. Where a dialect's own paths
// begin with a version, people paste URLs with it and without.
func root(dialect, base string) string {
	base = strings.TrimSuffix(base, "/")
	switch dialect {
	case "anthropic":
		base = strings.TrimSuffix(base, "/v1")
	case "azure":
		base = strings.TrimSuffix(strings.TrimSuffix(base, "/v1"), "/openai")
	}
	return base
}

func orDefault(d *time.Duration, def time.Duration) {
	if *d == 0 {
		*d = def
	}
}

func tlsConfig(c *tls.Config) *tls.Config {
	if c == nil {
		c = &tls.Config{}
	}
	c = c.Clone()
	c.MinVersion = tls.VersionTLS12
	return c
}

// Close drops idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Do sends r and returns the answer as soon as its head is there. Errors wrap
// [ErrDown], [ErrSlow], [ErrAddress] or [ErrAnswer], or are those of ctx.
func (c *Client) Do(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	d := c.speaks[r.Dialect]
	if d == nil {
		return nil, fmt.Errorf("dialect: provider %s does not speak %s: %w", c.cfg.Name, r.Dialect, ErrDown)
	}
	wire, err := r.Wire()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var reached atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { reached.Store(true) }})
	req, err := c.request(ctx, d, r, wire)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		defer cancel(nil)
		if err = c.failure(ctx, err); !reached.Load() && !errors.Is(err, ErrAddress) && !errors.Is(err, ErrDown) {
			err = fmt.Errorf("%w, before there was a connection: %w", err, ErrDown)
		}
		return nil, err
	}
	body := &idleBody{ReadCloser: resp.Body, idle: c.cfg.Idle, cancel: cancel}
	body.timer = time.AfterFunc(time.Hour, body.expire)
	body.timer.Stop()
	return c.response(d, r, resp, body)
}

func (c *Client) request(ctx context.Context, d Dialect, r *llm.Request, wire []byte) (*http.Request, error) {
	method := http.MethodPost
	var body io.Reader = bytes.NewReader(wire)
	if r.Op == llm.OpList {
		method, body = http.MethodGet, http.NoBody
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+r.Target, body)
	if err != nil {
		return nil, fmt.Errorf("dialect: provider %s: %w", c.cfg.Name, ErrDown)
	}
	for k, v := range r.Header {
		req.Header[k] = v
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept-Encoding", "identity")
	if _, ok := req.Header["User-Agent"]; !ok {
		req.Header["User-Agent"] = nil
	}
	if c.cfg.Key != "" {
		d.Authorise(req.Header, c.cfg.Key)
	}
	return req, nil
}

// failure sorts what went wrong. The transport's own words may hold addresses of
// the inside, so they stay inside.
func (c *Client) failure(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if errors.Is(err, ErrAddress) {
		var dial *net.OpError
		if errors.As(err, &dial) {
			err = dial.Err
		}
		return fmt.Errorf("dialect: provider %s: %w", c.cfg.Name, err)
	}
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return fmt.Errorf("dialect: provider %s: %w", c.cfg.Name, ErrSlow)
	}
	return fmt.Errorf("dialect: provider %s: %w", c.cfg.Name, ErrDown)
}

// response reads the head of an answer.
func (c *Client) response(d Dialect, r *llm.Request, resp *http.Response, body *idleBody) (*llm.Response, error) {
	bad := func(why string) (*llm.Response, error) {
		_ = body.Close()
		return nil, &StatusError{Provider: c.cfg.Name, Status: resp.StatusCode, After: hint(resp.Header), why: why}
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch enc := resp.Header.Get("Content-Encoding"); {
	case enc != "" && enc != "identity":
		return bad("it is compressed, which was not asked for")
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return bad("it is a redirect, which is never followed")
	case media == "text/event-stream" && resp.StatusCode == http.StatusOK && r.Stream:
		return &llm.Response{Status: resp.StatusCode, Header: EndToEnd(resp.Header), Framed: true, Stream: d.Frames(r, body)}, nil
	case media == "application/json":
		s := &single{dialect: d, request: r, status: resp.StatusCode, body: body}
		return &llm.Response{Status: resp.StatusCode, Header: EndToEnd(resp.Header), Stream: s}, nil
	}
	return bad(fmt.Sprintf("status %d with a body that is neither JSON nor the stream that was asked for", resp.StatusCode))
}

// single is an answer that is not streamed: a Stream of one Event.
type single struct {
	dialect Dialect
	request *llm.Request
	status  int
	body    *idleBody
	read    bool
}

func (s *single) Close() error { return s.body.Close() }

func (s *single) Next() (*llm.Event, error) {
	if s.read {
		return nil, io.EOF
	}
	s.read = true
	b, err := io.ReadAll(io.LimitReader(s.body, MaxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(b) > MaxAnswer {
		return nil, fmt.Errorf("%w: it is longer than 32 MB", ErrAnswer)
	}
	return s.dialect.Answer(s.request, s.status, b)
}

// idleBody ends a body that is silent for too long. The clock runs only while
// somebody reads, so a caller who reads slowly is not the upstream's fault.
type idleBody struct {
	io.ReadCloser
	idle    time.Duration
	timer   *time.Timer
	cancel  context.CancelCauseFunc
	expired atomic.Bool
}

func (b *idleBody) expire() {
	b.expired.Store(true)
	b.cancel(ErrSlow)
}

func (b *idleBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.idle)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case b.expired.Load():
		return n, ErrSlow
	case errors.Is(err, context.Canceled):
		return n, err
	}
	return n, io.ErrUnexpectedEOF // it was reached, and broke off
}

func (b *idleBody) Close() error {
	b.timer.Stop()
	b.cancel(context.Canceled)
	return b.ReadCloser.Close()
}
