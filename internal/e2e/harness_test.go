// Package e2e tests the binary as its users have it: a process, a folder, three
// ports.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bartizan is the binary, built once.
var bartizan string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "bartizan-e2e")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	bartizan = filepath.Join(dir, "bartizan")
	if out, err := exec.Command("go", "build", "-o", bartizan, "../../cmd/bartizan").CombinedOutput(); err != nil {
		fmt.Printf("%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// upstream is an OpenAI-compatible server that does what a test says.
type upstream struct {
	*httptest.Server
	mu sync.Mutex
	do http.HandlerFunc
}

func newUpstream(t testing.TB) *upstream {
	u := &upstream{do: answering("All is well in the house. Nothing else is new.")}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		do := u.do
		u.mu.Unlock()
		do(w, r)
	}))
	u.Config.ErrorLog = nil
	t.Cleanup(func() { u.CloseClientConnections(); u.Close() })
	return u
}

func (u *upstream) does(f http.HandlerFunc) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.do = f
}

func quoted(s string) string { b, _ := json.Marshal(s); return string(b) }

func chunk(text, finish string) string {
	return `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":` + quoted(text) + `},"finish_reason":` + finish + `}]}` + "\n\n"
}

// answering answers with one text, streamed word by word or not, as it is asked.
func answering(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Stream bool }
		_ = json.NewDecoder(r.Body).Decode(&asked)
		if !asked.Stream {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":`+
				quoted(text)+`},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for _, word := range strings.SplitAfter(text, " ") {
			_, _ = io.WriteString(w, chunk(word, "null"))
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = io.WriteString(w, chunk("", `"stop"`)+"data: [DONE]\n\n")
	}
}

// deployment is a folder with a configuration.
type deployment struct {
	t    testing.TB
	dir  string
	file string
	env  []string
	key  string // of system bot
}

// deploy writes a configuration; UPSTREAM and DEAD in it become addresses.
func deploy(t testing.TB, up *upstream, config string) *deployment {
	t.Helper()
	d := &deployment{t: t, dir: t.TempDir()}
	d.file = filepath.Join(d.dir, "bartizan.yaml")
	config = strings.NewReplacer("UPSTREAM", up.URL, "COLLECTOR", "http://127.0.0.1:9", "DEAD", "http://"+freePort(t)).Replace(config)
	must(t, os.WriteFile(d.file, []byte(config), 0o600))
	d.env = append(os.Environ(), "PROVIDER_KEY="+providerKey)
	var key struct{ ID, Key string }
	must(t, json.Unmarshal([]byte(d.run("keys", "create", "--system", "bot", "-c", d.file, "-o", "json")), &key))
	d.key = key.Key
	return d
}

var providerKey = "provider-" + "canary-5b1e07"

const plain = `version: 1
data: data
listen: {gate: {addr: "127.0.0.1:0"}, console: {addr: "127.0.0.1:0"}, operations: {addr: "127.0.0.1:0"}}
providers:
  up: {dialect: openai, url: "UPSTREAM/v1", private: true, key: {env: PROVIDER_KEY}, handling: {training: never, retention: none, ceiling: highly_confidential}}
models: {fast: {try: [up]}}
systems:
  bot: {team: t, owner: o, purpose: p, environment: production, models: [fast]}
`

// freePort is an address that nobody listens on.
func freePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

func (d *deployment) data() string { return filepath.Join(d.dir, "data") }

func (d *deployment) command(args ...string) *exec.Cmd {
	c := exec.Command(bartizan, args...)
	c.Dir, c.Env = d.dir, d.env
	return c
}

// run runs a command that must succeed, and returns what it printed.
func (d *deployment) run(args ...string) string {
	d.t.Helper()
	c := d.command(args...)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		d.t.Fatalf("bartizan %s: %v\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}

// fails runs a command that must fail, and returns its exit code and the error
// stream.
func (d *deployment) fails(args ...string) (int, string) {
	d.t.Helper()
	c := d.command(args...)
	var errs bytes.Buffer
	c.Stderr = &errs
	err := c.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		d.t.Fatalf("bartizan %s: %v", strings.Join(args, " "), err)
	}
	return exit.ExitCode(), errs.String()
}

// process is a running server.
type process struct {
	cmd                       *exec.Cmd
	gate, console, operations string
	roots                     *x509.CertPool
	client                    *http.Client
	stdout                    bytes.Buffer
	mu                        sync.Mutex
	stderr                    bytes.Buffer
	read                      chan struct{}
	key                       string
	ended                     bool
}

// serve starts the gate; it ends with the test.
func (d *deployment) serve() *process {
	d.t.Helper()
	p, err := d.start()
	must(d.t, err)
	d.t.Cleanup(func() {
		if !p.ended {
			must(d.t, p.stop())
		}
	})
	return p
}

// start starts the gate and returns once it has said where it listens.
func (d *deployment) start() (*process, error) {
	p := &process{cmd: d.command("serve", "-c", d.file), read: make(chan struct{}), key: d.key}
	p.cmd.Stdout = &p.stdout
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan struct{})
	go p.follow(stderr, ready)
	select {
	case <-ready:
	case <-p.read:
		return nil, fmt.Errorf("serve ended: %w: %s", p.cmd.Wait(), p.errors())
	case <-time.After(30 * time.Second):
		_ = p.kill()
		return nil, errors.New("serve said nothing")
	}
	return p, p.trust(filepath.Join(d.data(), "tls", "ca.crt"))
}

// follow keeps the error stream and looks in it for the addresses.
func (p *process) follow(stderr io.Reader, ready chan struct{}) {
	defer close(p.read)
	in := bufio.NewScanner(stderr)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		p.mu.Lock()
		fmt.Fprintln(&p.stderr, in.Text())
		p.mu.Unlock()
		name, at, _ := strings.Cut(in.Text(), " ")
		switch name {
		case "gate":
			p.gate = at
		case "console":
			p.console = at
		case "operations":
			p.operations = at
			close(ready)
		}
	}
}

func (p *process) errors() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

// trust makes the client that trusts the gate's authority and nobody else.
func (p *process) trust(ca string) error {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return err
	}
	p.roots = x509.NewCertPool()
	if !p.roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate", ca)
	}
	p.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: p.roots}, MaxIdleConnsPerHost: 64}}
	return nil
}

func (p *process) stop() error { return p.end(syscall.SIGTERM) }

// kill ends the process as a power cut would, as far as a process can know.
func (p *process) kill() error {
	if err := p.end(syscall.SIGKILL); err != nil && !strings.Contains(err.Error(), "killed") {
		return err
	}
	return nil
}

func (p *process) end(s syscall.Signal) error {
	p.ended = true
	if p.client != nil {
		defer p.client.CloseIdleConnections()
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		return err
	}
	<-p.read
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, p.errors())
	}
	return nil
}

// answer is what a caller got.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

func (a answer) exchange() string { return a.header.Get("Bartizan-Exchange") }

// fault is the error that the dialect carries.
func (a answer) fault() (code, message string) {
	var e struct {
		Error struct{ Code, Message string }
	}
	_ = json.Unmarshal([]byte(a.body), &e)
	return e.Error.Code, e.Error.Message
}

// whole reports whether the caller got all of an answer that is no error.
func (a answer) whole() bool {
	if a.err != nil || a.status != http.StatusOK {
		return false
	}
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
		return strings.HasSuffix(a.body, "data: [DONE]\n\n") && !strings.Contains(a.body, `"error"`)
	}
	return json.Valid([]byte(a.body))
}

func body(text string, stream bool) string {
	return fmt.Sprintf(`{"model":"fast","stream":%v,"messages":[{"role":"user","content":%s}]}`, stream, quoted(text))
}

// send sends one request to the gate; change may alter it first.
func (p *process) send(method, path, text string, change func(*http.Request)) (answer, error) {
	req, err := http.NewRequest(method, p.gate+path, strings.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	req.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(req)
	}
	return do(p.client, req)
}

func do(c *http.Client, req *http.Request) (answer, error) {
	resp, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b), err}, nil
}

func (p *process) chat(text string) (answer, error) {
	return p.send(http.MethodPost, "/v1/chat/completions", text, nil)
}

// get gets a page of a listener without any credential.
func (p *process) get(t testing.TB, url string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	must(t, err)
	a, err := do(p.client, req)
	must(t, err)
	return a
}

// exported is a line of `ledger export`, as far as the tests look at it.
type exported struct {
	Intent *struct {
		ID     string
		Stream bool
	}
	Outcome *struct {
		End, Code string
		Status    int
	}
}

// records reads the whole log, by exchange.
func (d *deployment) records() map[string]exported {
	d.t.Helper()
	out := map[string]exported{}
	in := json.NewDecoder(strings.NewReader(d.run("ledger", "export", "--data", d.data())))
	for {
		var e exported
		err := in.Decode(&e)
		if err == io.EOF {
			return out
		}
		must(d.t, err)
		if e.Intent != nil {
			out[e.Intent.ID] = e
		}
	}
}
