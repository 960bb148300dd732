package gateway

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// spent is what the house's system used, as the store will know it.
func (h *house) spent() access.Usage {
	h.t.Helper()
	u, err := h.budgets.Spent(context.Background(), "bot", time.Now().Add(-24*time.Hour))
	must(h.t, err)
	return u
}

// aDollar is a price of one millionth for each token, either way.
func aDollar() *access.Price { return &access.Price{Input: 1e6, CachedInput: 1e6, Output: 1e6} }

func perMonth(n int64) access.Rate { return access.Rate{Amount: n, Per: access.Month} }

func TestBudgetRefuses(t *testing.T) {
	h := newHouse(t, houseConfig{price: aDollar(), budget: access.Budget{System: access.Limits{Requests: perMonth(2), Tokens: perMonth(1_000_000), Money: perMonth(1_000_000)}}})
	for i := range 2 {
		got := h.chat(user("hi", false))
		if got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		if got.header.Get("X-Ratelimit-Limit-Requests") != "2" || got.header.Get("X-Ratelimit-Remaining-Requests") != fmt.Sprint(1-i) || got.header.Get("X-Ratelimit-Limit-Tokens") != "1000000" {
			t.Errorf("headers: %v", got.header)
		}
		if r := h.record(got); r.Outcome.Cost != 8 || r.Outcome.Estimated {
			t.Errorf("%+v", r.Outcome)
		}
	}
	h.up.received()
	got := h.chat(user("zebra-canary", false))
	if got.status != 429 || got.code() != "budget_exhausted" || got.header.Get("Retry-After") != "60" || got.header.Get("X-Should-Retry") != "false" ||
		got.header.Get("X-Ratelimit-Remaining-Requests") != "0" || !strings.Contains(got.body, "2 requests per month") || strings.Contains(got.body, "zebra") {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
	if len(h.up.received()) != 0 {
		t.Error("it was forwarded")
	}
	if r := h.record(got); r.Outcome.Status != 429 || r.Outcome.End != "refused" || r.Outcome.Code != "budget_exhausted" {
		t.Errorf("%+v", r.Outcome)
	}
	if u := h.spent(); u != (access.Usage{Requests: 2, Input: 6, Output: 10, Cost: 16}) {
		t.Errorf("%+v", u)
	}
	if taken, _ := h.gate.calls.load(); taken != 0 {
		t.Errorf("%d places stay taken", taken)
	}
}

// TestBudgetSentences: what each limit says, and what SDKs make of it.
func TestBudgetSentences(t *testing.T) {
	minute := access.Rate{Amount: 1, Per: access.Minute}
	for name, c := range map[string]struct {
		limits access.Limits
		body   string
		status int
		code   string
		retry  bool
		says   string
	}{
		"a minute":       {access.Limits{Requests: minute}, user("hi", false), 429, "budget_exhausted", true, "1 requests per minute has no room for this call; try again in "},
		"tokens":         {access.Limits{Tokens: perMonth(1100)}, user("hi", false), 429, "budget_exhausted", false, "system's limit of 1,100 tokens per month has no room for this call; it opens again in "},
		"money":          {access.Limits{Money: perMonth(1030)}, user("hi", false), 429, "budget_exhausted", false, "0.00 money per month"},
		"never":          {access.Limits{Tokens: perMonth(500)}, `{"model":"fast","max_tokens":9000,"messages":[{"role":"user","content":"hi"}]}`, 429, "budget_exhausted", false, "state a lower maximum"},
		"a long message": {access.Limits{Tokens: perMonth(5000)}, user(strings.Repeat("word ", 4000), false), 429, "budget_exhausted", false, "send less"},
	} {
		h := newHouse(t, houseConfig{price: aDollar(), budget: access.Budget{System: c.limits}})
		h.up.says(strings.Replace(completion("fine"), `"completion_tokens":5`, `"completion_tokens":100`, 1))
		if name != "never" && name != "a long message" {
			if got := h.chat(user("hi", false)); got.status != 200 {
				t.Fatalf("%s: %d %s", name, got.status, got.body)
			}
		}
		got := h.chat(c.body)
		if got.status != c.status || got.code() != c.code || !strings.Contains(got.body, c.says) || (got.header.Get("X-Should-Retry") != "false") != c.retry {
			t.Errorf("%s: %d %v %s", name, got.status, got.header, got.body)
		}
		if after := got.header.Get("Retry-After"); after != "" {
			if n, err := strconv.Atoi(after); err != nil || n < 1 || n > 60 {
				t.Errorf("%s: Retry-After is %s", name, after)
			}
		}
	}
	h := newHouse(t, houseConfig{budget: access.Budget{System: access.Limits{Money: perMonth(1e6)}}})
	if got := h.chat(user("hi", false)); got.status != 400 || got.code() != "unknown_price" || !strings.Contains(got.body, "no price") || len(h.up.received()) != 0 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestLimitsInEveryDialect: the same limit, in words and headers of each dialect.
func TestLimitsInEveryDialect(t *testing.T) {
	for _, c := range []struct{ path, body, header, shape string }{
		{"/v1/chat/completions", user("hi", false), "X-Ratelimit-Limit-Requests", `{"error":{"message":"The key's limit of 1`},
		{"/v1/responses", `{"model":"fast","input":"hi","store":false}`, "X-Ratelimit-Limit-Requests", `{"error":{"message":"The key's limit of 1`},
		{"/v1/embeddings", `{"model":"fast","input":"hi"}`, "X-Ratelimit-Limit-Requests", `{"error":{"message":"The key's limit of 1`},
		{"/v1/messages", `{"model":"fast","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}`, "Anthropic-Ratelimit-Requests-Limit", `{"type":"error","error":{"type":"rate_limit_error","message":"The key's limit of 1`},
		{"/v1/messages/count_tokens", `{"model":"fast","messages":[{"role":"user","content":"hi"}]}`, "Anthropic-Ratelimit-Requests-Limit", `{"type":"error","error":{"type":"rate_limit_error"`},
	} {
		h := newHouse(t, houseConfig{price: aDollar(), budget: access.Budget{Key: access.Limits{Requests: access.Rate{Amount: 1, Per: access.Month}}}})
		h.up.does(apiError(400))
		if got := h.do(h.request(http.MethodPost, c.path, c.body)); got.status != 400 || got.header.Get(c.header) != "1" {
			t.Errorf("%s: %d %v %s", c.path, got.status, got.header, got.body)
		}
		got := h.do(h.request(http.MethodPost, c.path, c.body))
		if got.status != 429 || got.header.Get(c.header) != "1" || got.header.Get("Retry-After") != "60" || !strings.HasPrefix(got.body, c.shape) {
			t.Errorf("%s: %d %v %s", c.path, got.status, got.header, got.body)
		}
		if r := h.record(got); r.Outcome.Code != "budget_exhausted" {
			t.Errorf("%s: %+v", c.path, r.Outcome)
		}
	}
}

// TestMessagesAreCounted: what is read from a cache costs what the price says.
func TestMessagesAreCounted(t *testing.T) {
	h := newHouse(t, houseConfig{price: &access.Price{Input: 4e6, CachedInput: 1e6, Output: 10e6}})
	h.up.says(`{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"fine"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":5,"cache_read_input_tokens":100,"cache_creation_input_tokens":0,"output_tokens":7}}`)
	got := h.do(h.request(http.MethodPost, "/v1/messages", `{"model":"fast","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}`))
	if r := h.record(got); got.status != 200 || r.Outcome.Input != 105 || r.Outcome.Output != 7 || r.Outcome.Cost != 5*4+100+70 {
		t.Errorf("%d %s %+v", got.status, got.body, r.Outcome)
	}
	// Cut off after the first word of what was counted: what was passed on counts.
	h.up.does(func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: message_start\ndata: "+`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":1}}}`+"\n\n")
		_, _ = io.WriteString(w, "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n")
		_, _ = io.WriteString(w, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"+quoted(strings.Repeat("word ", 80))+"}}\n\n")
	})
	got = h.do(h.request(http.MethodPost, "/v1/messages", `{"model":"fast","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}`))
	if r := h.record(got); r.Outcome.End != "failed" || !r.Outcome.Estimated || r.Outcome.Input != 5 || r.Outcome.Output != 100 || r.Outcome.Cost != 1020 {
		t.Errorf("%s %+v", got.body, r.Outcome)
	}
	h.up.says(`{"input_tokens":2000}`)
	before := h.spent()
	got = h.do(h.request(http.MethodPost, "/v1/messages/count_tokens", `{"model":"fast","messages":[{"role":"user","content":"hi"}]}`))
	if r := h.record(got); got.status != 200 || r.Outcome.Cost != 0 || r.Outcome.Estimated || h.spent().Cost != before.Cost {
		t.Errorf("counting costs: %d %+v", got.status, r.Outcome)
	}
}

// TestParallel: a call that is open takes its place, one that has ended gives it
// back.
func TestParallel(t *testing.T) {
	h := newHouse(t, houseConfig{budget: access.Budget{Key: access.Limits{Parallel: 1}}})
	arrived, proceed := make(chan bool), make(chan bool)
	h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
		arrived <- true
		<-proceed
		status(200, "application/json", completion("fine"))(w, r, b)
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if got := h.chat(user("hi", false)); got.status != 200 {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
	<-arrived
	if got := h.chat(user("hi", false)); got.status != 429 || got.code() != "too_many_parallel" || got.header.Get("Retry-After") != "1" || !strings.Contains(got.body, "1 calls open") {
		t.Errorf("%d %s", got.status, got.body)
	}
	proceed <- true
	wg.Wait()
	h.up.says(completion("fine"))
	if got := h.chat(user("hi", false)); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestStreamOutgrowsItsBudget: an answer without a stated maximum goes on slice by
// slice, and ends with an error in the stream when there is none left.
func TestStreamOutgrowsItsBudget(t *testing.T) {
	h := newHouse(t, houseConfig{price: aDollar(), budget: access.Budget{System: access.Limits{Tokens: perMonth(3 * access.Slice)}}})
	var frames []string
	for i := range 40 {
		frames = append(frames, chunk(0, `{"content":`+quoted(fmt.Sprintf("%03d ", i)+strings.Repeat("word ", 160)+". ")+`}`))
	}
	h.up.streams(append(frames, stopChunk(0, "stop"), "[DONE]")...)
	got := h.chat(user("hi", true))
	if got.status != 200 || !strings.Contains(got.body, `"code":"budget_exhausted"`) || strings.Contains(got.body, "[DONE]") || !strings.Contains(got.body, "013 word") || strings.Contains(got.body, "039 word") {
		t.Fatalf("%d ...%s", got.status, got.body[max(0, len(got.body)-600):])
	}
	r := h.record(got)
	if o := r.Outcome; o.End != "failed" || o.Code != "budget_exhausted" || !o.Estimated || o.Output < 2*access.Slice || o.Output > 3*access.Slice+202 || o.Cost != int64(o.Input+o.Output) {
		t.Errorf("%+v", o)
	}
	// What a caller stated is the provider's to keep, and settled when it did not.
	loose := newHouse(t, houseConfig{budget: access.Budget{System: access.Limits{Tokens: perMonth(120)}}})
	loose.up.streams(append(frames, stopChunk(0, "stop"), "[DONE]")...)
	if got := loose.chat(`{"model":"fast","stream":true,"max_tokens":100,"messages":[{"role":"user","content":"hi"}]}`); !strings.HasSuffix(got.body, "data: [DONE]\n\n") {
		t.Errorf("...%s", got.body[max(0, len(got.body)-300):])
	}
	if got := loose.chat(`{"model":"fast","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}`); got.status != 429 {
		t.Errorf("an overrun was not charged: %d", got.status)
	}
	// A stated maximum is reserved in full, or refused before anything is said.
	if got := h.chat(`{"model":"fast","stream":true,"max_tokens":2500,"messages":[{"role":"user","content":"hi"}]}`); got.status != 429 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestStreamEndsInItsDialect: what a stream says that cannot be paid for any more.
func TestStreamEndsInItsDialect(t *testing.T) {
	text := quoted(strings.Repeat("All is well. ", 100))
	event := func(name, data string) string { return "event: " + name + "\ndata: " + data + "\n\n" }
	for _, c := range []struct{ path, body, first, each, says string }{
		{"/v1/chat/completions", user("hi", true), "", "data: " + chunk(0, `{"content":`+text+`}`) + "\n\n", `"code":"budget_exhausted"`},
		{"/v1/responses", `{"model":"fast","stream":true,"input":"hi"}`,
			event("response.created", `{"type":"response.created","sequence_number":0,"response":{"id":"r","object":"response","output":[]}}`),
			event("response.output_text.delta", `{"type":"response.output_text.delta","sequence_number":1,"item_id":"m","output_index":0,"content_index":0,"delta":`+text+`}`), `"code":"rate_limit_exceeded"`},
		{"/v1/messages", `{"model":"fast","stream":true,"messages":[{"role":"user","content":"hi"}]}`,
			event("message_start", `{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}`) +
				event("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`),
			event("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":`+text+`}}`), `"type":"rate_limit_error"`},
	} {
		h := newHouse(t, houseConfig{budget: access.Budget{System: access.Limits{Tokens: perMonth(2 * access.Slice)}}})
		h.up.sends(c.first, strings.Repeat(c.each, 40))
		got := h.post(c.path, c.body)
		if got.status != 200 || !strings.Contains(got.body, "All is well.") || !strings.Contains(got.body, c.says) || !strings.Contains(got.body, "tokens per month") {
			t.Errorf("%s: %d ...%s", c.path, got.status, got.body[max(0, len(got.body)-600):])
		}
		if o := h.record(got).Outcome; o.Code != "budget_exhausted" || !o.Estimated {
			t.Errorf("%s: %+v", c.path, o)
		}
	}
}

// TestSettledByWhatIsKnown: what the provider says counts, and the gate's own guess
// where it says nothing.
func TestSettledByWhatIsKnown(t *testing.T) {
	h := newHouse(t, houseConfig{price: &access.Price{Input: 2e6, CachedInput: 1e6, Output: 10e6}, client: dialect.ClientConfig{Idle: 300 * time.Millisecond}})
	hundred := strings.Repeat("word ", 80)
	usage := `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":9,"total_tokens":16,"prompt_tokens_details":{"cached_tokens":5}}}`
	for name, c := range map[string]struct {
		up        func()
		stream    bool
		in, out   int
		cost      int64
		estimated bool
	}{
		"usage of a whole answer": {func() { h.up.says(completion(hundred)) }, false, 3, 5, 56, false},
		"usage of a stream":       {func() { h.up.streams(chunk(0, `{"content":"fine"}`), stopChunk(0, "stop"), usage, "[DONE]") }, true, 7, 9, 2*2 + 5 + 90, false},
		"a stream without usage":  {func() { h.up.streams(chunk(0, `{"content":`+quoted(hundred)+`}`), stopChunk(0, "stop"), "[DONE]") }, true, 2, 100, 1004, true},
		"a stream that is cut":    {func() { h.up.streams(chunk(0, `{"content":`+quoted(hundred)+`}`)) }, true, 2, 100, 1004, true},
		"an error": {func() {
			h.up.does(status(400, "application/json", `{"error":{"message":"no","type":"x","param":null,"code":null}}`))
		}, false, 0, 0, 0, false},
		"nobody there": {func() { h.up.does(func(http.ResponseWriter, *http.Request, []byte) { panic(http.ErrAbortHandler) }) }, false, 0, 0, 0, false},
		"usage that cannot be true": {func() {
			h.up.says(strings.Replace(completion("x"), `"completion_tokens":5`, `"completion_tokens":-5`, 1))
		}, false, 3, 0, 6, false},
	} {
		h.gate.upstreams.by = map[upstreamID]*upstream{} // what failed before is of no matter
		before := h.spent()
		c.up()
		got := h.chat(user("hello!", c.stream))
		r := h.record(got)
		if o := r.Outcome; o.Input != c.in || o.Output != c.out || o.Cost != c.cost || o.Estimated != c.estimated {
			t.Errorf("%s: %d in, %d out, cost %d, estimated %v: %s", name, o.Input, o.Output, o.Cost, o.Estimated, got.body)
		}
		if now := h.spent(); now.Cost-before.Cost != c.cost {
			t.Errorf("%s: %d was charged", name, now.Cost-before.Cost)
		}
	}
}

// TestR12OneLoudSystem: while one system holds every place it can get and more wait
// behind it, another one is served each time.
func TestR12OneLoudSystem(t *testing.T) {
	h := newHouse(t, houseConfig{gate: Config{Places: 32, Waiting: 8, Wait: 20 * time.Second},
		systems: []record.System{{Name: "quiet", Team: "team", Environment: "production", Models: []string{"fast"}}}})
	h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
		time.Sleep(2 * time.Millisecond)
		status(200, "application/json", completion("fine"))(w, r, b)
	})
	_, quiet, err := h.keys.Create(t.Context(), "quiet", "test")
	must(t, err)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	codes := map[int]int{}
	for range 40 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got := h.chat(user("hi", false))
				mu.Lock()
				codes[got.status]++
				mu.Unlock()
			}
		})
	}
	served := 0
	for range 40 {
		req := h.request(http.MethodPost, "/v1/chat/completions", user("hi", false))
		req.Header.Set("Authorization", "Bearer "+quiet)
		if got := h.do(req); got.status == 200 {
			served++
		}
	}
	close(stop)
	wg.Wait()
	if served < 38 {
		t.Errorf("the quiet system was served %d times of 40", served)
	}
	if codes[200] == 0 || codes[503] == 0 || codes[200]+codes[503] == 0 {
		t.Errorf("the loud system got %v: it was not loud", codes)
	}
}

// TestR1Overloaded: a gate without a place says so in the dialect, and when to come
// back.
func TestR1Overloaded(t *testing.T) {
	h := newHouse(t, houseConfig{gate: Config{Places: 4, Waiting: 1, Wait: time.Millisecond}})
	arrived, proceed := make(chan bool), make(chan bool)
	h.up.does(func(w http.ResponseWriter, r *http.Request, b []byte) {
		arrived <- true
		<-proceed
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: "+chunk(0, `{"content":"fine"}`)+"\n\n")
		_ = http.NewResponseController(w).Flush()
		<-proceed
		_, _ = io.WriteString(w, "data: "+stopChunk(0, "stop")+"\n\ndata: [DONE]\n\n")
	})
	var wg sync.WaitGroup
	wg.Go(func() { h.chat(user("hi", true)) })
	<-arrived
	if taken, _ := h.gate.calls.load(); taken != weightStream {
		t.Errorf("an open stream takes %d places", taken)
	}
	got := h.chat(user("hi", false))
	if got.status != 503 || got.code() != "overloaded" || got.header.Get("Retry-After") != "2" || got.header.Get("X-Should-Retry") != "" {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
	if r := h.record(got); r.Outcome.Code != "overloaded" {
		t.Errorf("%+v", r.Outcome)
	}
	proceed <- true
	proceed <- true
	wg.Wait()
	if taken, waiting := h.gate.calls.load(); taken+waiting != 0 {
		t.Errorf("%d taken, %d waiting", taken, waiting)
	}
}

func TestR13WrongKeys(t *testing.T) {
	h := plainHouse(t)
	for i := range 15 {
		req := h.request(http.MethodPost, "/v1/chat/completions", user("hi", false))
		req.Header.Set("Authorization", fmt.Sprintf("Bearer bzk_a_%d", i))
		got := h.do(req)
		if i < 10 && (got.status != 401 || got.code() != "invalid_api_key") {
			t.Errorf("try %d: %d %s", i+1, got.status, got.body)
		}
		if n, err := strconv.Atoi(got.header.Get("Retry-After")); i >= 10 && (got.status != 429 || got.code() != "too_many_wrong_keys" || err != nil || n < 1 || n > 60) {
			t.Errorf("try %d: %d %v %s", i+1, got.status, got.header, got.body)
		}
	}
	if got := h.chat(user("hi", false)); got.status != 200 {
		t.Errorf("a right key from the same address: %d %s", got.status, got.body)
	}
}

// TestR13WrongKeysAnywhere: wrong keys count together, whatever they ask for.
func TestR13WrongKeysAnywhere(t *testing.T) {
	h := plainHouse(t)
	for i := range 24 {
		req := h.request(http.MethodGet, "/bartizan/v1/exchanges/ex_1/receipt", "")
		if i%2 > 0 {
			req = h.request(http.MethodPost, "/v1/messages", user("hi", false))
		}
		req.Header.Set("Authorization", fmt.Sprintf("Bearer bzk_a_%d", i))
		want := 401
		if i >= 10 {
			want = 429
		}
		got := h.do(req)
		if hint := got.header.Get("Retry-After"); got.status != want || (hint != "") != (want == 429) || got.header.Get("X-Should-Retry") != "false" {
			t.Errorf("try %d: %d %v %s", i+1, got.status, got.header, got.body)
		}
	}
	if got := h.do(h.request(http.MethodGet, "/bartizan/v1/exchanges/ex_1/receipt", "")); got.status != 404 || got.code() != "not_in_log" {
		t.Errorf("a right key from the same address: %d %s", got.status, got.body)
	}
}

// TestFloodsAreCounted: of a flood of refusals some have a record, and the next one
// says how many have none. What was forwarded always has one.
func TestFloodsAreCounted(t *testing.T) {
	h := newHouse(t, houseConfig{budget: access.Budget{System: access.Limits{Requests: perMonth(3)}}})
	at := time.Now()
	h.gate.tally.now = func() time.Time { return at }
	var refusals []answered
	for i := range 3 + 2*recorded {
		if got := h.chat(user("hi", false)); i < 3 {
			h.record(got)
		} else {
			refusals = append(refusals, got)
		}
	}
	at = at.Add(time.Second)
	refusals = append(refusals, h.chat(user("hi", false)))
	for i, got := range refusals {
		if got.status != 429 || (got.header.Get("Bartizan-Receipt") != "") != (i < recorded || i == 2*recorded) {
			t.Fatalf("refusal %d: %d %v", i, got.status, got.header)
		}
	}
	if r := h.record(refusals[2*recorded]); r.Outcome.Omitted != recorded || r.Outcome.End != "refused" {
		t.Errorf("%+v", r.Outcome)
	}
	n := 0
	for r, err := range h.ledger.Records(t.Context(), record.Query{Kind: "exchange"}) {
		must(t, err)
		if r.Intent != nil {
			n++
		}
	}
	if n != 3+recorded+1 {
		t.Errorf("%d records", n)
	}
}

// TestReservedForAllThatMayCome: answers that are asked for at once, and what nobody
// can read, are part of what is reserved; a maximum that budgets could read otherwise
// than the provider is refused in every dialect.
func TestReservedForAllThatMayCome(t *testing.T) {
	image := `{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}`
	h := newHouse(t, houseConfig{budget: access.Budget{System: access.Limits{Tokens: perMonth(9000)}}})
	for members, fits := range map[string]bool{
		`"max_tokens":1000`:                               true,
		`"max_tokens":1000,"n":8`:                         true,
		`"max_tokens":1000,"n":1`:                         true,
		`"max_tokens":1000,"n":10`:                        false,
		`"max_completion_tokens":1000,"n":10`:             false,
		`"n":10`:                                          false,
		`"max_tokens":null,"n":null`:                      true,
		`"max_tokens":5,"max_completion_tokens":2000`:     true,
		`"max_tokens":20000,"max_completion_tokens":null`: false,
	} {
		got := h.chat(`{"model":"fast",` + members + `,"messages":[{"role":"user","content":"hi"}]}`)
		if (got.status == 200) != fits || !fits && got.code() != "budget_exhausted" {
			t.Errorf("%s: %d %s", members, got.status, got.body)
		}
	}
	if got := h.chat(messages(false, `{"role":"user","content":[`+strings.Repeat(image+",", 9)+image+`]}`)); got.status != 429 {
		t.Errorf("ten images: %d %s", got.status, got.body)
	}
	if got := h.chat(messages(false, `{"role":"user","content":[`+image+`]}`)); got.status != 200 {
		t.Errorf("an image: %d %s", got.status, got.body)
	}
	thought := `{"role":"assistant","content":[{"type":"thinking","thinking":"so","signature":"c2ln"}]},{"role":"user","content":"go on"},`
	long := `{"model":"fast","max_tokens":10,"messages":[` + strings.Repeat(thought, 20) + `{"role":"user","content":"hi"}]}`
	if got := h.post("/v1/messages", long); got.status != 200 {
		t.Errorf("twenty signatures: %d %s", got.status, got.body)
	}
	h.up.received()
	for _, c := range []struct{ path, name, body string }{
		{"/v1/chat/completions", "max_tokens", `{"model":"fast","max_tokens":%s,"messages":[{"role":"user","content":"hi"}]}`},
		{"/v1/chat/completions", "max_completion_tokens", `{"model":"fast","max_completion_tokens":%s,"messages":[{"role":"user","content":"hi"}]}`},
		{"/v1/chat/completions", "n", `{"model":"fast","n":%s,"messages":[{"role":"user","content":"hi"}]}`},
		{"/v1/responses", "max_output_tokens", `{"model":"fast","max_output_tokens":%s,"input":"hi"}`},
		{"/v1/messages", "max_tokens", `{"model":"fast","max_tokens":%s,"messages":[{"role":"user","content":"hi"}]}`},
	} {
		for _, n := range []string{"1e5", "100000.0", "99999999999999999999", "-1", "2147483648", "1E2"} {
			got := h.post(c.path, fmt.Sprintf(c.body, n))
			if got.status != 400 || !strings.Contains(got.body, "The field "+c.name+" must be a whole number in plain digits") ||
				c.path != "/v1/messages" && got.code() != "invalid_value" {
				t.Errorf("%s %s %s: %d %s", c.path, c.name, n, got.status, got.body)
			}
		}
	}
	if n := len(h.up.received()); n != 0 {
		t.Errorf("%d of them were forwarded", n)
	}
}

// TestErrorsCostNothing: a call is charged when an answer came, or may have been worked
// on; an error of the provider costs nothing, whatever it looks like, and its status is
// on record.
func TestErrorsCostNothing(t *testing.T) {
	h := newHouse(t, houseConfig{price: aDollar(), budget: access.Budget{System: access.Limits{Tokens: perMonth(12_000)}},
		client: dialect.ClientConfig{FirstByte: 300 * time.Millisecond}})
	long := user(strings.Repeat("word ", 3200), false) // 4,000 tokens
	gone := make(chan struct{})
	defer close(gone)
	for _, c := range []struct {
		name     string
		reply    func(http.ResponseWriter, *http.Request, []byte)
		upstream int
		charged  bool
	}{
		{"a page with 502", status(502, "text/html", "<html>"), 502, false},
		{"a text with 503", status(503, "text/plain", "no"), 503, false},
		{"a page with 429", status(429, "text/html", "<html>"), 429, false},
		{"a redirect", status(302, "text/html", "<html>"), 302, false},
		{"a page with 404", status(404, "text/html", "<html>"), 404, false},
		{"JSON with 500", status(500, "application/json", `{"error":{"message":"no"}}`), 500, false},
		{"no head", func(http.ResponseWriter, *http.Request, []byte) { panic(http.ErrAbortHandler) }, 0, false},
		{"a body that breaks off", func(w http.ResponseWriter, r *http.Request, b []byte) {
			status(200, "application/json", `{"id":`)(w, r, b)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, 200, true},
		{"a head that does not come", func(_ http.ResponseWriter, r *http.Request, _ []byte) {
			select {
			case <-r.Context().Done():
			case <-gone:
			}
		}, 0, true},
	} {
		h.gate.upstreams.keep(&Plan{}) // this is not about circuits
		h.gate.SetPlan(h.plan)
		before := h.spent()
		h.up.does(c.reply)
		o := h.record(h.chat(long)).Outcome
		want := int64(0)
		if c.charged {
			want = 4000
		}
		if int64(o.Input) != want || o.Output != 0 || o.Cost != want || o.Estimated != c.charged || o.Upstream != c.upstream {
			t.Errorf("%s: %d in, %d out, cost %d, estimated %v, upstream %d", c.name, o.Input, o.Output, o.Cost, o.Estimated, o.Upstream)
		}
		if now := h.spent(); now.Cost-before.Cost != want {
			t.Errorf("%s: %d was charged", c.name, now.Cost-before.Cost)
		}
	}
	// A connection that cannot be made holds no call, however it fails.
	deaf, err := dialect.NewClient(dialect.ClientConfig{Name: "deaf", URL: "https://" + deafAddress(t) + "/v1", Private: true, Dialect: "openai", Connect: 200 * time.Millisecond})
	must(t, err)
	meta, err := dialect.NewClient(dialect.ClientConfig{Name: "meta", URL: "http://169.254.169.254/v1", Private: true, Dialect: "openai"})
	must(t, err)
	for code, client := range map[string]*dialect.Client{"upstream_timeout": deaf, "upstream_address": meta} {
		h.gate.SetPlan(&Plan{Permits: h.plan.Permits, Policies: h.plan.Policies, Prices: h.plan.Prices,
			Models: map[string][]Candidate{"fast": {{Provider: code, Model: "m", Dialect: "openai", Ceiling: privacy.HighlyConfidential, Upstream: client}}}})
		if o := h.record(h.chat(user("hi", false))).Outcome; o.Code != code || o.Input+o.Output != 0 || o.Cost != 0 || o.Estimated {
			t.Errorf("%s: %+v", code, o)
		}
	}
}

// deafAddress is where connections are accepted and nobody shakes hands.
func deafAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}
