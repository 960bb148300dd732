package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
	"github.com/bartizan-ai/bartizan/store"
)

// script is an upstream over HTTP that does what a test says, and remembers what
// reached it.
type script struct {
	*httptest.Server
	mu    sync.Mutex
	reply func(w http.ResponseWriter, r *http.Request, body []byte)
	got   [][]byte
	heads []http.Header
	paths []string
}

func newScript(t testing.TB) *script {
	s := &script{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.got, s.heads, s.paths = append(s.got, b), append(s.heads, r.Header.Clone()), append(s.paths, r.RequestURI)
		reply := s.reply
		s.mu.Unlock()
		reply(w, r, b)
	}))
	s.says(completion("fine"))
	t.Cleanup(s.Close)
	return s
}

// says makes the upstream answer with one JSON body.
func (s *script) says(body string) {
	s.does(func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	})
}

// streams makes it answer with frames, "[DONE]" included where a test wants it.
func (s *script) streams(frames ...string) {
	s.does(func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, f := range frames {
			_, _ = io.WriteString(w, "data: "+f+"\n\n")
			_ = http.NewResponseController(w).Flush()
		}
	})
}

// sends makes it answer with whole events.
func (s *script) sends(events ...string) {
	s.does(func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, strings.Join(events, ""))
	})
}

func (s *script) does(f func(http.ResponseWriter, *http.Request, []byte)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reply = f
}

// received returns what reached the upstream, and forgets it.
func (s *script) received() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got, s.heads, s.paths = nil, nil, nil
	return got
}

func quoted(s string) string { b, _ := json.Marshal(s); return string(b) }

func completion(text string) string {
	return `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":` +
		quoted(text) + `},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}`
}

func chunk(choice int, delta string) string {
	return fmt.Sprintf(`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":%d,"delta":%s,"finish_reason":null}]}`, choice, delta)
}

func stopChunk(choice int, reason string) string {
	return fmt.Sprintf(`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":%d,"delta":{},"finish_reason":%q}]}`, choice, reason)
}

// phrase is a detector that looks for one word, and can be told to misbehave.
type phrase struct {
	id, word string
	category risk.Category
	score    float64
	fail     func(ctx context.Context) error
}

func (p *phrase) ID() string { return p.id }

func (p *phrase) Look(ctx context.Context, passages []llm.Passage) ([]risk.Finding, error) {
	if p.fail != nil {
		if err := p.fail(ctx); err != nil {
			return nil, err
		}
	}
	var out []risk.Finding
	for i, q := range passages {
		if at := strings.Index(q.Text, p.word); at >= 0 {
			out = append(out, risk.Finding{Category: p.category, Confidence: p.score, Passage: i, Start: at, End: at + len(p.word)})
		}
	}
	return out, nil
}

// house is a gate with everything real around it and a scripted upstream.
type house struct {
	t       testing.TB
	gate    *Gate
	server  *httptest.Server
	up      *script
	keys    *access.Keys
	budgets *access.Budgets
	store   *store.Store
	cfg     Config // of the gate
	ledger  *ledger.Ledger
	key     access.Key
	secret  string
	plan    *Plan
	logs    *bytes.Buffer
	// subjects has the keys of those whom texts are about, where a test wants them.
	subjects *privacy.Subjects
	// closeIdle ends connections to the upstream that nobody uses.
	closeIdle func()
}

// houseConfig is what a test changes about a house.
type houseConfig struct {
	policy    guard.Policy
	detectors []guard.Detector
	gate      Config
	system    record.System
	permits   []access.PermitFile
	client    dialect.ClientConfig
	recorder  func(record.Recorder) record.Recorder
	budget    access.Budget
	price     *access.Price
	systems   []record.System // beside it, under the same policy
	stages    []guard.Stage
	subjects  bool // what is kept is sealed under its subjects' keys
}

// unseal opens kept texts.
func (h *house) unseal(sealed []byte) ([]byte, bool, error) {
	text, err := h.subjects.Open(sealed)
	if errors.Is(err, privacy.ErrErased) {
		return nil, true, nil
	}
	return text, false, err
}

func newHouse(t testing.TB, cfg houseConfig) *house {
	t.Helper()
	ctx, dir := context.Background(), t.TempDir()
	h := &house{t: t, up: newScript(t), logs: &bytes.Buffer{}}
	st, err := store.Open(ctx, store.Config{Path: filepath.Join(dir, "db"), Migrations: []store.Migrations{{Room: "access", Files: access.Migrations}, {Room: "privacy", Files: privacy.Migrations}}})
	must(t, err)
	h.keys, err = access.OpenKeys(ctx, access.KeysConfig{Store: st, Dir: filepath.Join(dir, "keys")})
	must(t, err)
	h.ledger, err = ledger.Open(ledger.Config{Dir: filepath.Join(dir, "ledger"), Origin: "test.invalid", SegmentSize: 4 << 20, Unseal: h.unseal})
	must(t, err)
	if cfg.subjects {
		h.subjects, err = privacy.OpenSubjects(ctx, privacy.Config{Store: st, Dir: filepath.Join(dir, "keys"), Index: h.keys.Derive("subjects")})
		must(t, err)
		t.Cleanup(h.subjects.Close)
		cfg.gate.Subjects, cfg.gate.Consents = h.subjects, h.subjects
	}
	s := cfg.system
	if s.Name == "" {
		s = record.System{Name: "bot", Team: "team", Environment: "production", Models: []string{"fast"}, Tools: []string{"search", "data_sources"}}
	}
	s.Status = "active"
	for i := range cfg.systems {
		cfg.systems[i].Status = "active"
	}
	permits, err := access.NewPermits(append(cfg.systems, s), cfg.permits)
	must(t, err)
	engine, err := guard.New(guard.Config{Detectors: cfg.detectors, Deadline: 200 * time.Millisecond})
	must(t, err)
	compiled, err := engine.Compile("test", cfg.policy, cfg.stages...)
	must(t, err)
	cfg.client.Name, cfg.client.URL, cfg.client.Private, cfg.client.Dialect = "up", h.up.URL+"/v1", true, "openai"
	if cfg.client.Key == "" {
		cfg.client.Key = "provider-" + "canary-key"
	}
	h.plan = &Plan{Permits: permits, Policies: map[string]*guard.Compiled{s.Name: compiled}, Models: map[string][]Candidate{}}
	var clients []*dialect.Client
	for _, speaks := range slices.Backward(dialect.Providers()) { // openai first
		one := cfg.client
		if one.Dialect = speaks; speaks != "openai" {
			one.URL = h.up.URL
		}
		client, err := dialect.NewClient(one)
		must(t, err)
		clients = append(clients, client)
		h.plan.Models["fast"] = append(h.plan.Models["fast"], Candidate{Provider: "up", Model: "m-1", Dialect: speaks, Ceiling: privacy.HighlyConfidential, Upstream: client})
	}
	for _, other := range cfg.systems {
		h.plan.Policies[other.Name] = compiled
	}
	h.key, h.secret, err = h.keys.Create(ctx, s.Name, "test")
	must(t, err)
	budgets, err := access.OpenBudgets(ctx, access.BudgetsConfig{Store: st})
	must(t, err)
	budgets.Declare(map[string]access.Budget{s.Name: cfg.budget})
	cfg.gate.Budgets, h.plan.Prices = budgets, map[string]*access.Price{"fast": cfg.price}
	h.budgets, h.store = budgets, st
	cfg.gate.Conversations, err = privacy.NewConversations(privacy.ConversationsConfig{Store: st, Key: h.keys.Derive("conversations")})
	must(t, err)
	cfg.gate.Keys, cfg.gate.Recorder, cfg.gate.Proofs = h.keys, h.ledger, h.ledger.Receipt
	if cfg.recorder != nil {
		cfg.gate.Recorder = cfg.recorder(h.ledger)
	}
	if cfg.gate.Log == nil {
		cfg.gate.Log = slog.New(slog.NewJSONHandler(&locked{w: h.logs}, nil))
	}
	h.cfg = cfg.gate
	h.gate, err = New(cfg.gate, h.plan)
	must(t, err)
	h.server = httptest.NewUnstartedServer(h.gate)
	h.server.Listener = Listen(h.server.Listener, nil)
	h.server.Config.ErrorLog = slog.NewLogLogger(slog.NewJSONHandler(&locked{w: h.logs}, nil), slog.LevelInfo)
	h.server.Start()
	h.closeIdle = func() {
		for _, c := range clients {
			c.Close()
		}
	}
	t.Cleanup(func() {
		h.server.Close()
		for _, c := range clients {
			c.Close()
		}
		h.keys.Close()
		must(t, h.ledger.Close(ctx))
		must(t, budgets.Close(ctx))
		must(t, st.Close())
	})
	return h
}

// locked is a writer that many goroutines may use.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answered is what a caller got.
type answered struct {
	status int
	header http.Header
	body   string
	err    error
}

// code is the error code in the dialect, "" where there is none.
func (a answered) code() string {
	var e struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	_ = json.Unmarshal([]byte(a.body), &e)
	return e.Error.Code
}

func (h *house) request(method, path, body string) *http.Request {
	req, err := http.NewRequest(method, h.server.URL+path, strings.NewReader(body))
	must(h.t, err)
	req.Header.Set("Authorization", "Bearer "+h.secret)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

func (h *house) do(req *http.Request) answered {
	h.t.Helper()
	resp, err := h.server.Client().Do(req)
	must(h.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answered{resp.StatusCode, resp.Header, string(b), err}
}

// post sends a body to a path.
func (h *house) post(path, body string) answered {
	h.t.Helper()
	return h.do(h.request(http.MethodPost, path, body))
}

// chat posts a body of a chat completion.
func (h *house) chat(body string) answered {
	h.t.Helper()
	return h.do(h.request(http.MethodPost, "/v1/chat/completions", body))
}

// user is a body in which a user says something.
func user(text string, stream bool) string {
	return fmt.Sprintf(`{"model":"fast","stream":%v,"messages":[{"role":"user","content":%s}]}`, stream, quoted(text))
}

// record returns the record of an answered call.
func (h *house) record(a answered) record.Record {
	h.t.Helper()
	id := a.header.Get("Bartizan-Exchange")
	deadline := time.Now().Add(10 * time.Second)
	for {
		for r, err := range h.ledger.Records(context.Background(), record.Query{ID: id}) {
			must(h.t, err)
			if r.Outcome != nil {
				return r
			}
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("no record of %q", id)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func lengthOf(body string) string { return fmt.Sprint(len(body)) }
