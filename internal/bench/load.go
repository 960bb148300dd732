package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// target is one way to the upstream.
type target struct {
	name, url, key string
	pid            int
	client         *http.Client
	rounds         []figures
	total          int
}

// figures are those of one round.
type figures struct {
	p50, p99, first time.Duration // first: until the first byte of a stream
	cpu             time.Duration // of the process, a call
}

func (t *target) reset() { t.rounds = nil }

// bodyOf is a request whose text has about size bytes of ordinary English.
func bodyOf(path string, size int, stream bool) []byte {
	const sentence = "Please summarise the minutes of the meeting on Tuesday for the people who could not come, and list who does what by when. "
	text := strings.Repeat(sentence, size/len(sentence)+1)[:size]
	switch path {
	case "/v1/messages":
		return fmt.Appendf(nil, `{"model":"bench","stream":%v,"max_tokens":500,"system":"You are a careful assistant.","messages":[{"role":"user","content":%q}]}`, stream, text)
	case "/v1/responses":
		return fmt.Appendf(nil, `{"model":"bench","stream":%v,"store":false,"instructions":"You are a careful assistant.","input":%q}`, stream, text)
	}
	return fmt.Appendf(nil, `{"model":"bench","stream":%v,"messages":[{"role":"system","content":"You are a careful assistant."},{"role":"user","content":%q}]}`, stream, text)
}

// calls makes n calls over so many connections and notes one round.
func (t *target) calls(n, connections int, path string, body []byte) error {
	if t.client == nil {
		t.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2048,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // measured, not trusted
	}
	before, err := cpuTime(t.pid)
	if err != nil {
		return err
	}
	took, firsts := make([]time.Duration, n), make([]time.Duration, n)
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && failed.Load() == nil; i = next.Add(1) - 1 {
				var err error
				if took[i], firsts[i], err = t.call(path, body); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	after, err := cpuTime(t.pid)
	if err != nil {
		return err
	}
	slices.Sort(took)
	slices.Sort(firsts)
	t.total += n
	t.rounds = append(t.rounds, figures{p50: took[n/2], p99: took[n*99/100], first: firsts[n/2], cpu: (after - before) / time.Duration(n)})
	return nil
}

func (t *target) call(path string, body []byte) (took, first time.Duration, err error) {
	began := time.Now()
	req, err := http.NewRequest(http.MethodPost, t.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+t.key)
	resp, err := t.client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	one := make([]byte, 1)
	if _, err := io.ReadFull(resp.Body, one); err != nil {
		return 0, 0, err
	}
	first = time.Since(began)
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, 0, fmt.Errorf("status %d", resp.StatusCode)
	}
	return time.Since(began), first, nil
}

// report prints the medians of all rounds, and the ratios.
func report(kind string, targets []*target) {
	median := map[string]figures{}
	for _, t := range targets {
		m := func(f func(figures) time.Duration) time.Duration {
			var all []time.Duration
			for _, r := range t.rounds {
				all = append(all, f(r))
			}
			slices.Sort(all)
			return all[len(all)/2]
		}
		median[t.name] = figures{m(func(f figures) time.Duration { return f.p50 }), m(func(f figures) time.Duration { return f.p99 }),
			m(func(f figures) time.Duration { return f.first }), m(func(f figures) time.Duration { return f.cpu })}
		t.reset()
	}
	d, p, g := median["direct"], median["proxy"], median["gate"]
	us := func(d time.Duration) string { return strconv.Itoa(int(d.Microseconds())) }
	for _, name := range []string{"direct", "proxy", "gate"} {
		f := median[name]
		fmt.Printf("%-17s %-7s p50 %6s us  p99 %6s us  first byte %6s us  CPU %6s us\n", kind, name, us(f.p50), us(f.p99), us(f.first), us(f.cpu))
	}
	fmt.Printf("%-17s gate adds p50 %s us to direct, %s us to the proxy; CPU %.2f times the proxy's\n", kind, us(g.p50-d.p50), us(g.p50-p.p50), float64(g.cpu)/float64(p.cpu))
}

// cpuTime is the processor time of a process so far (proc(5)).
func cpuTime(pid int) (time.Duration, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, f := range tasks {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // a thread that ended; Go keeps its threads
		}
		var ns int64
		if _, err := fmt.Sscan(string(b), &ns); err == nil {
			sum += time.Duration(ns)
		}
	}
	return sum, nil
}

// peakRSS is the most memory that a process ever had resident, in bytes.
func peakRSS(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		var kb int
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kb); err == nil {
			return kb << 10
		}
	}
	return 0
}

func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return "unknown processor"
}

func discard(r io.Reader) { _, _ = io.Copy(io.Discard, r) }
