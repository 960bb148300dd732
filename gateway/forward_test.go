package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/privacy"
)

// fleet is a house with upstreams of its own, in the order of candidates, and a
// clock for their circuits.
type fleet struct {
	*house
	ups   []*script
	mu    sync.Mutex
	clock time.Time
}

func newFleet(t testing.TB, n int) *fleet {
	f := &fleet{house: plainHouse(t), clock: time.Now()}
	f.gate.upstreams.now = f.now
	var list []Candidate
	for i := range n {
		up := newScript(t)
		name := fmt.Sprintf("p%d", i)
		client, err := dialect.NewClient(dialect.ClientConfig{Name: name, URL: up.URL + "/v1", Private: true, Dialect: "openai", FirstByte: 200 * time.Millisecond})
		must(t, err)
		t.Cleanup(client.Close)
		f.ups = append(f.ups, up)
		list = append(list, Candidate{Provider: name, URL: up.URL, Model: "m", Dialect: "openai", Ceiling: privacy.HighlyConfidential, Upstream: client})
	}
	f.candidates(list...)
	return f
}

func (f *fleet) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.clock
}

func (f *fleet) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = f.clock.Add(d)
}

// candidates makes these the ones of the model, as a reload does.
func (f *fleet) candidates(list ...Candidate) {
	plan := *f.plan
	plan.Models = map[string][]Candidate{"fast": list}
	f.plan = &plan
	f.gate.SetPlan(&plan)
}

// calls returns how often each upstream was called since this was last asked.
func (f *fleet) calls() (out [5]int) {
	for i, up := range f.ups {
		out[i] = len(up.received())
	}
	return out
}

func (f *fleet) state(i int) Health {
	for _, h := range f.gate.Health() {
		if h.Provider == fmt.Sprintf("p%d", i) {
			return h
		}
	}
	f.t.Fatalf("there is no provider %d", i)
	return Health{}
}

func apiError(code int) func(http.ResponseWriter, *http.Request, []byte) {
	return status(code, "application/json", `{"error":{"message":"no","type":"server_error","param":null,"code":"theirs"}}`)
}

func drops(http.ResponseWriter, *http.Request, []byte) { panic(http.ErrAbortHandler) }

func hangs(_ http.ResponseWriter, r *http.Request, _ []byte) {
	select {
	case <-r.Context().Done():
	case <-time.After(5 * time.Second):
	}
}

// TestR28Failover: what makes the next candidate be tried, what does not, and never
// more than three calls of upstreams or one of the same.
func TestR28Failover(t *testing.T) {
	for name, c := range map[string]struct {
		first func(http.ResponseWriter, *http.Request, []byte)
		next  bool
		class string
	}{
		"dropped": {drops, true, "unreachable"}, "slow": {hangs, true, "slow"}, "429": {apiError(429), true, "status 429"},
		"500": {apiError(500), true, "status 500"}, "502": {apiError(502), true, "status 502"}, "503": {apiError(503), true, "status 503"},
		"504": {apiError(504), true, "status 504"}, "529": {apiError(529), true, "status 529"}, "401": {apiError(401), true, "status 401"},
		"403": {apiError(403), true, "status 403"}, "HTML 502": {status(502, "text/html", "<h1>"), true, "status 502"},
		"400": {apiError(400), false, ""}, "404": {apiError(404), false, ""}, "501": {apiError(501), false, ""},
		"HTML 200": {status(200, "text/html", "<h1>"), false, "invalid"},
	} {
		for _, stream := range []bool{false, true} {
			f := newFleet(t, 2)
			f.ups[0].does(c.first)
			if stream {
				f.ups[1].streams(chunk(0, `{"content":"fine"}`), stopChunk(0, "stop"), "[DONE]")
			}
			got := f.chat(user("hi", stream))
			want := [5]int{1, 0}
			if c.next {
				want = [5]int{1, 1}
			}
			if calls := f.calls(); calls != want || (got.status == 200) != c.next || f.state(0).LastError != c.class {
				t.Errorf("%s, stream %v: calls %v, %d, %+v", name, stream, calls, got.status, f.state(0))
			}
			if r := f.record(got); c.next && (len(r.Outcome.Tries) != 1 || !strings.HasPrefix(r.Outcome.Tries[0], "p1/m sha256:")) {
				t.Errorf("%s: the record says %v", name, r.Outcome.Tries)
			}
		}
	}
}

// TestR28AtMostThree: an SDK that tries again makes a new call of it, which again
// is three calls of upstreams at most; what its headers say changes nothing.
func TestR28AtMostThree(t *testing.T) {
	f := newFleet(t, 5)
	for _, up := range f.ups {
		up.does(apiError(429))
	}
	list := f.plan.Models["fast"]
	f.candidates(list[0], list[0], list[1], list[1], list[2], list[3], list[4])
	for retry := range 4 {
		req := f.request(http.MethodPost, "/v1/chat/completions", user("hi", retry%2 == 0))
		req.Header.Set("X-Stainless-Retry-Count", fmt.Sprint(retry))
		got := f.do(req)
		if calls := f.calls(); calls != [5]int{1, 1, 1, 0, 0} || got.status != 429 || got.code() != "theirs" {
			t.Errorf("retry %d: %v, %d %s", retry, calls, got.status, got.body)
		}
	}
	// Once a byte has left, nobody else is tried.
	f.ups[0].streams(chunk(0, `{"content":"A first sentence is long enough to leave by itself. "}`), chunk(0, `{"content":"Another sentence is long enough to leave, too. "}`))
	if got := f.chat(user("hi", true)); !strings.Contains(got.body, "A first sentence is long") || !strings.Contains(got.body, "upstream_interrupted") || f.calls() != [5]int{1} {
		t.Errorf("%s", got.body)
	}
	if h := f.state(0); h.LastError != "interrupted" {
		t.Errorf("%+v", h)
	}
}

// TestCircuit: five failures in a row open it, for half a minute; then one call
// decides.
func TestCircuit(t *testing.T) {
	f := newFleet(t, 1)
	f.ups[0].does(apiError(500))
	for i := range 4 {
		f.chat(user("hi", false))
		if s := f.state(0).State; s != "closed" {
			t.Fatalf("after %d failures it is %s", i+1, s)
		}
	}
	f.ups[0].says(completion("fine"))
	f.chat(user("hi", false)) // not in a row
	f.ups[0].does(apiError(503))
	for range 5 {
		f.chat(user("hi", false))
	}
	h := f.state(0)
	if h.State != "open" || h.Opens != 30*time.Second || h.Calls != 10 || h.Failures != 9 || h.LastError != "status 503" {
		t.Errorf("%+v", h)
	}
	if len(h.Last) != lastFailures || h.Last[0] != (Failure{h.FailedAt, "status 503"}) {
		t.Errorf("the last failures are %+v", h.Last)
	}
	f.calls()
	f.pass(12 * time.Second)
	got := f.chat(user("hi", true))
	if got.status != 503 || got.code() != "upstream_unavailable" || got.header.Get("Retry-After") != "18" || f.calls() != [5]int{} {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
	if r := f.record(got); r.Outcome.Code != "upstream_unavailable" || r.Intent.Candidate != "" || r.Intent.Sent.Bytes != 0 {
		t.Errorf("%+v", r.Outcome)
	}
	f.pass(18 * time.Second)
	if h := f.state(0); h.State != "half_open" {
		t.Errorf("%+v", h)
	}
	f.chat(user("hi", false)) // fails
	if h := f.state(0); h.State != "open" || f.calls() != [5]int{1} {
		t.Errorf("%+v", h)
	}
	// While one call tries, others do not.
	f.pass(30 * time.Second)
	arrived, proceed := make(chan bool), make(chan bool)
	f.ups[0].does(func(w http.ResponseWriter, r *http.Request, b []byte) {
		arrived <- true
		<-proceed
		status(200, "application/json", completion("fine"))(w, r, b)
	})
	done := make(chan answered)
	go func() { done <- f.chat(user("hi", false)) }()
	<-arrived
	if got := f.chat(user("hi", false)); got.status != 503 || got.header.Get("Retry-After") != "1" {
		t.Errorf("%d %s", got.status, got.body)
	}
	proceed <- true
	if got := <-done; got.status != 200 || f.state(0).State != "closed" {
		t.Errorf("%d %s, %+v", got.status, got.body, f.state(0))
	}
}

// TestCircuitProbeByOneWhoLeaves: a caller who leaves says nothing of the provider,
// and takes no chance away.
func TestCircuitProbeByOneWhoLeaves(t *testing.T) {
	f := newFleet(t, 1)
	f.ups[0].does(drops)
	for range 5 {
		f.chat(user("hi", false))
	}
	f.pass(30 * time.Second)
	arrived := make(chan bool, 1)
	f.ups[0].does(func(w http.ResponseWriter, r *http.Request, b []byte) {
		arrived <- true
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	if resp, err := f.server.Client().Do(f.request(http.MethodPost, "/v1/chat/completions", user("hi", false)).WithContext(ctx)); err == nil {
		_ = resp.Body.Close()
		t.Error("it was answered")
	}
	f.ups[0].says(completion("fine"))
	eventually(t, func() bool { return f.chat(user("hi", false)).status == 200 })
	if h := f.state(0); h.State != "closed" || h.Failures != 5 {
		t.Errorf("%+v", h)
	}
}

func eventually(t testing.TB, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never happened")
		}
	}
}

// TestOpenCircuitIsSkipped: the intent names who is called, and a reload forgets
// nothing of a provider that stays.
func TestOpenCircuitIsSkipped(t *testing.T) {
	f := newFleet(t, 2)
	f.ups[0].does(apiError(500))
	for range 5 {
		f.chat(user("hi", false))
	}
	f.calls()
	got := f.chat(user("hi", false))
	if r := f.record(got); got.status != 200 || f.calls() != [5]int{0, 1} || r.Intent.Candidate != "p1/m" || r.Outcome.Tries != nil {
		t.Errorf("%d %+v", got.status, r.Outcome)
	}
	list := f.plan.Models["fast"]
	f.candidates(list[1], list[0])
	if f.state(0).State != "open" || f.state(1).Calls != 6 {
		t.Errorf("a reload forgot: %+v", f.gate.Health())
	}
	moved := list[0]
	moved.URL += "/elsewhere"
	f.candidates(moved)
	if all := f.gate.Health(); len(all) != 1 || all[0].State != "unknown" {
		t.Errorf("another URL is another provider: %+v", all)
	}
}

// TestHealthFigures: latency, tokens and cost of a provider, in bounded memory.
func TestHealthFigures(t *testing.T) {
	now := time.Now()
	u := &upstream{now: func() time.Time { return now }}
	for i := range 1000 {
		u.end(false, works, "", time.Duration(i+1)*time.Millisecond)
		u.used(3, 5, 8)
	}
	h := u.report()
	if h.Calls != 1000 || h.Input != 3000 || h.Output != 5000 || h.Cost != 8000 || h.P50 < 860*time.Millisecond || h.P50 > 890*time.Millisecond || h.P95 < 980*time.Millisecond {
		t.Errorf("%+v", h)
	}
}

// TestCircuitStragglers: calls that were under way when a circuit opened neither
// take the probe's place nor keep it open.
func TestCircuitStragglers(t *testing.T) {
	now := time.Now()
	u := &upstream{now: func() time.Time { return now }}
	for range 5 {
		u.end(false, fails, "slow", 0)
	}
	now = now.Add(10 * time.Second)
	u.end(false, fails, "slow", 0)
	if h := u.report(); h.Opens != 20*time.Second {
		t.Errorf("%+v", h)
	}
	now = now.Add(20 * time.Second)
	if probe, ok := u.begin(true); !probe || !ok {
		t.Error("there is no probe")
	}
	u.end(false, neither, "status 429", 0)
	if _, ok := u.begin(true); ok {
		t.Error("a second probe was let through")
	}
	u.end(true, works, "", 0)
	if probe, ok := u.begin(true); probe || !ok {
		t.Error("the circuit did not close")
	}
}

// TestRetryHints: what an upstream says of waiting is passed on, within what every
// SDK obeys.
func TestRetryHints(t *testing.T) {
	h := plainHouse(t)
	for _, c := range [][4]string{{"3600", "", "60", ""}, {"7", "7000", "7", "7000"}, {"", "5", "", "1000"}, {"later", "", "", ""}} {
		h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
			for k, v := range map[string]string{"Retry-After": c[0], "Retry-After-Ms": c[1]} {
				if v != "" {
					w.Header().Set(k, v)
				}
			}
			apiError(429)(w, r, b)
		})
		got := h.chat(user("hi", false))
		if got.status != 429 || got.header.Get("Retry-After") != c[2] || got.header.Get("Retry-After-Ms") != c[3] {
			t.Errorf("%q: %d %v", c, got.status, got.header)
		}
	}
}

// TestPagesThatSayTryAgain: a provider that is busy or fails says so in a page of its
// proxy as often as in JSON; the caller hears it in the dialect, with the hint, in words
// of ours.
func TestPagesThatSayTryAgain(t *testing.T) {
	h := plainHouse(t)
	for _, f := range forms() {
		for _, c := range []struct {
			status, as      int
			after, ms, hint string
			retry           bool
			says            string
		}{
			{429, 429, "3", "", "3", true, "takes no more calls"},
			{429, 429, "3600", "", "60", true, "takes no more calls"},
			{429, 429, "9", "2500", "3", true, "takes no more calls"},
			{429, 429, "page-words", "", "", true, "takes no more calls"},
			{503, 503, "7", "", "7", true, "more calls than it can serve"},
			{529, 503, "", "", "", true, "more calls than it can serve"},
			{502, 502, "", "", "", true, "failed with status 502"},
			{404, 502, "5", "", "", false, "not an answer of this API"},
			{401, 502, "5", "", "", false, "own credential"},
		} {
			h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
				w.Header().Set("Retry-After", c.after)
				w.Header().Set("Retry-After-Ms", c.ms)
				status(c.status, "text/html", "<p>page-words</p>")(w, r, b)
			})
			h.gate.upstreams.keep(&Plan{}) // this is not about circuits
			h.gate.SetPlan(h.plan)
			got := h.post(f.path, f.in[0].body("hi", false))
			if got.status != c.as || got.header.Get("Retry-After") != c.hint || (got.header.Get("X-Should-Retry") != "false") != c.retry || !json.Valid([]byte(got.body)) ||
				!strings.Contains(got.body, c.says) || strings.Contains(got.body, "page-words") || strings.Contains(fmt.Sprint(got.header), "page-words") {
				t.Errorf("%s, %d: %d %v %s", f.name, c.status, got.status, got.header, got.body)
			}
			if o := h.record(got).Outcome; o.Upstream != c.status || o.End != "failed" {
				t.Errorf("%s, %d: %+v", f.name, c.status, o)
			}
		}
	}
}

// TestUpstreamConnections: connections are used again, and calls of one provider
// share a connection where it speaks HTTP/2.
func TestUpstreamConnections(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		var opened atomic.Int64
		proto := make(chan string, 64)
		up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			proto <- r.Proto
			status(200, "application/json", completion("fine"))(w, r, nil)
		}))
		up.EnableHTTP2 = h2
		up.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				opened.Add(1)
			}
		}
		up.StartTLS()
		pool := x509.NewCertPool()
		pool.AddCert(up.Certificate())
		client, err := dialect.NewClient(dialect.ClientConfig{Name: "up", URL: up.URL + "/v1", Private: true, Dialect: "openai", TLS: &tls.Config{RootCAs: pool}})
		must(t, err)
		h := plainHouse(t)
		plan := *h.plan
		plan.Models = map[string][]Candidate{"fast": {{Provider: "up", URL: up.URL, Model: "m", Dialect: "openai", Ceiling: privacy.HighlyConfidential, Upstream: client}}}
		h.gate.SetPlan(&plan)
		for range 10 {
			if got := h.chat(user("hi", false)); got.status != 200 {
				t.Fatalf("%d %s", got.status, got.body)
			}
		}
		if n := opened.Load(); n != 1 {
			t.Errorf("HTTP/2 %v: 10 calls in turn opened %d connections", h2, n)
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { h.chat(user("hi", false)) })
		}
		wg.Wait()
		want := "HTTP/1.1"
		if h2 {
			want = "HTTP/2.0"
		}
		if p := <-proto; p != want || h2 && opened.Load() != 1 {
			t.Errorf("it spoke %s over %d connections", p, opened.Load())
		}
		client.Close()
		up.Close()
	}
}
