// Command bench measures what the gate costs: the same calls go directly to a
// scripted upstream, through a bare httputil.ReverseProxy, and through the gate
// with everything on, in turns in one run. It prints medians and ratios; absolute
// figures belong to the machine that it names.
//
//	go run ./internal/bench -bartizan bin/bartizan
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func main() {
	role := flag.String("role", "", "upstream or proxy: what a child process is")
	target := flag.String("target", "", "proxy: where to")
	binary := flag.String("bartizan", "bin/bartizan", "the binary to measure")
	calls := flag.Int("calls", 2000, "calls of 1 KB a round")
	streams := flag.Int("streams", 200, "streams of 100 chunks a round")
	rounds := flag.Int("rounds", 3, "rounds; the median counts")
	only := flag.String("only", "", "measure only kinds whose name holds this")
	profiles := flag.String("profile", "", "a folder for profiles of the gate, kind by kind")
	flag.Parse()
	var err error
	switch *role {
	case "upstream":
		err = serveUpstream()
	case "proxy":
		err = serveProxy(*target)
	default:
		err = plan{*binary, *calls, *streams, *rounds, *only, *profiles}.measure()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(3)
	}
}

// child is a process that serves.
type child struct {
	cmd *exec.Cmd
	url string
}

// start runs this program in another role and learns where it listens.
func start(args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(self, args...)}
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	_, err = fmt.Fscanln(out, &c.url)
	return c, err
}

func (c *child) stop() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// gate is a gate with everything on, in front of an upstream.
type gate struct {
	child
	key, dir, operations string
}

const benchConfig = `version: 1
data: %[1]s/data
listen:
  gate: {addr: "127.0.0.1:0"}
  console: {addr: "127.0.0.1:0"}
  operations: {addr: "%[3]s"}
providers:
  upstream: {dialect: openai, url: "%[2]s/v1", private: true, handling: {training: never, retention: none, ceiling: highly_confidential}}
  spare: {dialect: openai, url: "%[2]s/v1", private: true, handling: {training: never, retention: none, ceiling: highly_confidential}}
  anthropic: {dialect: anthropic, url: "%[2]s", private: true, handling: {training: never, retention: none, ceiling: highly_confidential}}
  anthropic-spare: {dialect: anthropic, url: "%[2]s", private: true, handling: {training: never, retention: none, ceiling: highly_confidential}}
models:
  bench: {try: [upstream, spare, anthropic, anthropic-spare], price: {input: 0.25, output: 2}}
telemetry: {otlp: "%[2]s", private: true}
policies:
  bench:
    rules:
      - {id: nightjar, phrase: "Project Nightjar", action: block}
      - {id: ticket, pattern: 'TCK-\d{6}', action: mask}
    mask: {entities: [pii.email, pii.credit_card, pii.iban]}
systems:
  bench: {team: bench, owner: bench@example.com, purpose: bench, environment: production, policy: bench, models: [bench], tools: any,
    budget: {money: 1000000/month, tokens: 100000M/day, requests: 100M/minute, per_key: {requests: 100M/minute}}}
`

func startGate(binary, upstream string) (*gate, error) {
	dir, err := os.MkdirTemp("", "bartizan-bench-")
	if err != nil {
		return nil, err
	}
	operations, err := freeAddr()
	if err != nil {
		return nil, err
	}
	g := &gate{dir: dir, operations: operations}
	file := filepath.Join(dir, "bartizan.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, benchConfig, dir, upstream, operations), 0o600); err != nil {
		return nil, err
	}
	out, err := exec.Command(binary, "keys", "create", "--system", "bench", "-c", file, "-o", "json").Output()
	if err != nil {
		return nil, fmt.Errorf("keys create: %w", err)
	}
	var key struct {
		Key string `json:"key"`
	}
	if err := json.Unmarshal(out, &key); err != nil {
		return nil, err
	}
	g.key = key.Key
	g.cmd = exec.Command(binary, "serve", "-c", file)
	logs, err := g.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	var word string
	if _, err := fmt.Fscanln(logs, &word, &g.url); err != nil || word != "gate" {
		return nil, fmt.Errorf("the gate said %q: %w", word, err)
	}
	go discard(logs)
	return g, nil
}

// plan is what to measure.
type plan struct {
	binary                 string
	calls, streams, rounds int
	only, profiles         string
}

func (p plan) measure() error {
	up, err := start("-role", "upstream")
	if err != nil {
		return err
	}
	defer up.stop()
	proxy, err := start("-role", "proxy", "-target", up.url)
	if err != nil {
		return err
	}
	defer proxy.stop()
	g, err := startGate(p.binary, up.url)
	if err != nil {
		return err
	}
	defer os.RemoveAll(g.dir)
	defer g.stop()
	targets := []*target{
		{name: "direct", url: up.url, pid: up.cmd.Process.Pid},
		{name: "proxy", url: proxy.url, pid: proxy.cmd.Process.Pid},
		{name: "gate", url: g.url, pid: g.cmd.Process.Pid, key: g.key},
	}
	fmt.Printf("machine: %s, %d cores, %s, %s\n", cpuModel(), runtime.NumCPU(), runtime.GOOS+"/"+runtime.GOARCH, runtime.Version())
	for _, t := range targets {
		if err := t.calls(200, 1, chatPath, bodyOf(chatPath, 1024, false)); err != nil { // warm
			return fmt.Errorf("%s: %w", t.name, err)
		}
		t.reset()
	}
	for _, k := range p.kinds() {
		if err := p.compare(k, targets, g); err != nil {
			return err
		}
	}
	if p.only != "" && !strings.Contains("saturation, open streams", p.only) {
		return nil
	}
	if err := saturate(g, targets[2]); err != nil {
		return err
	}
	return p.crowd(g, targets[2])
}

// kind is one sort of call.
type kind struct {
	name, path string
	n, size    int
	stream     bool
}

func (p plan) kinds() []kind {
	return []kind{{"1 KB call", chatPath, p.calls, 1024, false}, {"16 KB call", chatPath, p.calls / 4, 16 << 10, false}, {"100-chunk stream", chatPath, p.streams, 1024, true},
		{"Messages, 1 KB", "/v1/messages", p.calls, 1024, false}, {"Messages stream", "/v1/messages", p.streams, 1024, true},
		{"Responses, 1 KB", "/v1/responses", p.calls, 1024, false}, {"Responses stream", "/v1/responses", p.streams, 1024, true}}
}

// compare makes the same calls by every way in turns and reports.
func (p plan) compare(k kind, targets []*target, g *gate) error {
	if !strings.Contains(k.name, p.only) {
		return nil
	}
	body := bodyOf(k.path, k.size, k.stream)
	for range p.rounds {
		for _, t := range targets {
			if err := t.calls(k.n, 1, k.path, body); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	report(k.name, targets)
	if p.profiles == "" {
		return nil
	}
	return g.profile(targets[2], p.profiles, k.name, k.path, body)
}

const chatPath = "/v1/chat/completions"

// crowd keeps 2,000 streams open at once and reads how much memory that takes.
func (p plan) crowd(g *gate, t *target) error {
	const n = 2000
	t.reset()
	body := []byte(strings.Replace(string(bodyOf(chatPath, 1024, true)), `"model":"bench"`, `"model":"bench","user":"slowly"`, 1))
	body = []byte(strings.Replace(string(body), `{"model":"bench","user":"slowly","stream":true`, `{"stream":true,"model":"bench","user":"slowly"`, 1))
	began := time.Now()
	if p.profiles != "" {
		time.AfterFunc(30*time.Second, func() {
			if err := g.save("heap", filepath.Join(p.profiles, "open-streams.heap")); err != nil {
				fmt.Fprintln(os.Stderr, "bench: heap:", err)
			}
		})
	}
	if err := t.calls(n, n, chatPath, body); err != nil {
		return err
	}
	fmt.Printf("%d open streams: peak RSS %d MB, all ended well after %.0f s\n", n, peakRSS(t.pid)>>20, time.Since(began).Seconds())
	return nil
}

// saturate keeps 64 connections busy and compares records with calls.
func saturate(g *gate, t *target) error {
	t.reset()
	const n = 16000
	began := time.Now()
	if err := t.calls(n, 64, chatPath, bodyOf(chatPath, 1024, false)); err != nil {
		return err
	}
	took := time.Since(began)
	calls := t.total
	time.Sleep(1500 * time.Millisecond)
	recorded, verified, err := count(g)
	if err != nil {
		return err
	}
	fmt.Printf("saturation, 64 connections: %.0f calls/s, %d calls, %d records, ledger %s, peak RSS %d MB\n",
		float64(n)/took.Seconds(), calls, recorded, verified, peakRSS(t.pid)>>20)
	return nil
}

// count reads the ledger of the gate.
func count(g *gate) (records int, verified string, err error) {
	bin := g.cmd.Path
	out, err := exec.Command(bin, "ledger", "export", "--data", filepath.Join(g.dir, "data")).Output()
	if err != nil {
		return 0, "", fmt.Errorf("ledger export: %w", err)
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		if strings.Contains(line, `"ex_`) {
			records++
		}
	}
	verified = "verified"
	if err := exec.Command(bin, "ledger", "verify", "--data", filepath.Join(g.dir, "data")).Run(); err != nil {
		verified = "NOT verified"
	}
	return records, verified, nil
}
