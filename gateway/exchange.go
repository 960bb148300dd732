package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/mask"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// exchange is one call on its way through the gate.
type exchange struct {
	gate  *Gate
	plan  *Plan
	w     *writer
	r     *http.Request
	began time.Time

	dialect   dialect.Dialect
	route     dialect.Route
	principal record.Principal
	system    record.System
	policy    *guard.Compiled
	request   *llm.Request
	judgement guard.Judgement
	sensitive sensitivity
	named     *named // nil: nobody has asked yet
	candidate []Candidate
	response  *llm.Response

	intent   record.Intent
	outcome  record.Outcome
	begun    bool // the intent is durable
	done     bool // the outcome is, too
	fault    *dialect.Fault
	blocked  *risk.Verdict // policy stopped it
	fixed    bool          // it stopped what policy wants masked and cannot be
	sum      hash.Hash     // of what the caller got
	said     []record.Passage
	decided  map[question]record.Permit
	saidBy   map[llm.Channel]int
	left     *llm.Event // the last frame that the caller got
	span     trace.Span
	first    time.Duration     // until the first frame of the answer
	keeper   *keeper           // nil: nothing of the answer is kept
	cover    *mask.Cover       // nil: no value was hidden
	hidden   []mask.Place      // where private values lie in the request
	scrubber *strings.Replacer // takes them out of names; nil: it was not needed yet
	noted    int               // steps that the intent took
	steps    []record.Step
	running  record.Step // the one that runs

	place, judging *seat        // among all systems' calls
	budget         *access.Call // nil: nothing is limited
	price          *access.Price
	guess          access.Usage // of what is used
	reserved       int64        // tokens of the answer
	passed         int          // bytes of the answer's text
	usage          *llm.Usage   // as the provider counted
	asked          bool         // the gate told the provider to count
	served         *upstream    // who was called last; nil: nobody, or nobody whose figures this call is in
	sent           bool         // something may have reached a provider
	settled        bool
	early          bool // refused before anything was looked at

	seen *sighting // nil: nobody wants to know what the answer shows
}

// open begins an exchange.
func (g *Gate) open(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{gate: g, plan: g.plan.Load(), r: r, began: time.Now(), dialect: dialect.OpenAI{}, sum: sha256.New()}
	x.intent.ID = newID()
	x.intent.At = x.began.UTC()
	x.intent.Synthetic = g.cfg.Synthetic
	x.outcome.ID = x.intent.ID
	x.w = newWriter(w, g.cfg.Write, g.cfg.Beat, x.sum)
	w.Header().Set("Bartizan-Exchange", x.intent.ID)
	x.traced()
	return x
}

// newID returns an id that sorts by time.
func newID() string {
	u, err := uuid.NewV7()
	if err != nil {
		u = uuid.New()
	}
	return "ex_" + hexID(u)
}

func hexID(u uuid.UUID) string {
	const digits = "0123456789abcdef"
	b := make([]byte, 32)
	for i, c := range u {
		b[2*i], b[2*i+1] = digits[c>>4], digits[c&15]
	}
	return string(b)
}

// step runs one step unless an earlier one refused, and notes how long it took.
func (x *exchange) step(name string, f func() *dialect.Fault) {
	if x.refused() {
		return
	}
	at := time.Since(x.began)
	x.running = record.Step{Name: name, At: at}
	x.fault = f()
	x.steps = append(x.steps, record.Step{Name: name, At: at, Took: time.Since(x.began) - at})
}

func (x *exchange) refused() bool { return x.fault != nil || x.blocked != nil }

// refuse answers a call that was not forwarded. Callers whom nobody knows leave
// no record, only a count: they could fill the ledger.
func (x *exchange) refuse() {
	x.unread()
	said := x.refusal()
	if f := x.record(said); f != nil {
		x.fault = f
		said = x.refusal()
	}
	x.w.reply(said.status, said.header, said.body)
}

// spoken is a whole answer of the gate's own.
type spoken struct {
	status int
	header http.Header
	body   []byte
	code   string // of an error
}

// refusal returns the answer that says why a call goes no further. It is made once:
// what is recorded is what is sent, to the second that stands in it.
func (x *exchange) refusal() spoken {
	f := x.fault
	if x.blocked != nil && (f == nil || f.Status < 500) {
		if r, ok := x.refusalAsAnswer(); ok {
			return r
		}
		f = x.stopped(*x.blocked, "prompt")
	}
	status, head, body := x.speak(f)
	return spoken{status, head, body, f.Code}
}

// refusalAsAnswer is a block in the shape of an answer, where policy wants that and the
// operation has one.
func (x *exchange) refusalAsAnswer() (spoken, bool) {
	if x.policy.Policy().BlockAs != "answer" {
		return spoken{}, false
	}
	b := x.refusalAnswer("prompt", nil)
	whole := x.dialect.Refusal(x.request, b)
	if whole != nil && x.request.Stream {
		return spoken{status: http.StatusOK, header: http.Header{"Content-Type": {"text/event-stream"}}, body: x.dialect.RefusalFrames(x.request, b)}, true
	}
	return spoken{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}, body: whole}, whole != nil
}

// speak writes a fault in the caller's dialect.
func (x *exchange) speak(f *dialect.Fault) (int, http.Header, []byte) {
	mine := *f
	mine.ID = x.intent.ID
	return f.Status, f.Header(), x.dialect.Fault(&mine)
}

// spokenLate is a fault inside a stream that has begun.
func (x *exchange) spokenLate(f *dialect.Fault) []byte {
	f.ID = x.intent.ID
	return x.dialect.FaultFrames(x.request, f, x.left)
}

// record makes intent and outcome of a refused call durable.
func (x *exchange) record(said spoken) *dialect.Fault {
	if x.principal.ID == "" {
		return nil
	}
	if x.early {
		var record bool
		if x.outcome.Omitted, record = x.gate.tally.note(x.kin()); !record {
			x.outcome.End, x.outcome.Code = "refused", x.fault.Code
			if !x.canary() {
				x.gate.cfg.Metrics.omit(x.principal.System)
			}
			return nil
		}
	}
	// Nothing was sent, whoever would have got it.
	x.intent.Candidate, x.intent.Sent = "", record.Digest{}
	if f := x.begin(); f != nil {
		return f
	}
	x.outcome.Status, x.outcome.End, x.outcome.Code = said.status, "refused", said.code
	if x.fault == nil {
		x.outcome.End = "blocked"
	}
	x.outcome.Answered = digest(said.body)
	return x.conclude()
}

// begin makes the intent durable. Nothing is forwarded before.
func (x *exchange) begin() *dialect.Fault {
	in := &x.intent
	in.Principal = x.principal
	in.Op = string(x.route.Op)
	in.Dialect = x.dialect.ID()
	if r := x.request; r != nil {
		if in.Model, in.Stream = r.Model, r.Stream; !x.recordable(r.Model) {
			in.Model = "*"
		}
		in.Received = digest(r.Body)
		in.Passages = describe(r.Passages)
	}
	x.hidden = x.privatePlaces()
	x.scrub(in.Passages, &in.Conversation) // the purpose is a word of the configuration
	in.Kept = x.sealed(x.keepInput(), false)
	in.Steps, x.noted = x.steps, len(x.steps)
	// A caller who leaves does not undo what is about to be recorded.
	receipt, err := x.gate.cfg.Recorder.Begin(context.WithoutCancel(x.r.Context()), *in)
	if err != nil {
		return unrecorded(err)
	}
	x.begun = true
	x.w.Header().Set("Bartizan-Receipt", receipt.Compact)
	return nil
}

// conclude makes the outcome durable, once.
func (x *exchange) conclude() *dialect.Fault {
	if x.done || !x.begun {
		return nil
	}
	x.done = true
	x.settle()
	x.counted()
	out := &x.outcome
	out.At = time.Now().UTC()
	x.scrub(x.said)
	out.Kept = x.sealed(x.keepOutput(), true)
	// The step that concludes is part of what is concluded.
	last := x.running
	last.Took = time.Since(x.began) - last.At
	out.Steps = x.steps[x.noted:]
	if n := len(x.steps); n == 0 || x.steps[n-1].Name != last.Name {
		out.Steps = append(out.Steps[:len(out.Steps):len(out.Steps)], last)
	}
	out.Passages = x.said
	if err := x.gate.cfg.Recorder.Finish(context.WithoutCancel(x.r.Context()), *out); err != nil {
		return unrecorded(err)
	}
	return nil
}

func unrecorded(err error) *dialect.Fault {
	f := &dialect.Fault{Status: http.StatusServiceUnavailable, Type: "server_error", Code: "ledger_unavailable", Retry: true, After: 5,
		Message: "The call was refused because it cannot be recorded now; try again in a few seconds."}
	if errors.Is(err, record.ErrFull) {
		f.Code, f.After = "ledger_full", 30
		f.Message = "The call was refused because the ledger has no room to record it; try again later, and tell the operator."
	}
	return f
}

// close ends the exchange whatever happened: a panic is an error like any other,
// and says nothing of the text that caused it.
func (x *exchange) close() {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler {
			defer panic(p)
		}
		x.panicked(p)
	}
	x.w.stop()
	if x.response != nil {
		_ = x.response.Stream.Close()
	}
	if !x.done && x.begun {
		if x.outcome.End == "" {
			x.outcome.End = "failed"
		}
		x.fault = x.conclude()
	}
	x.depart()
	x.sightOver()
	x.gate.cfg.Metrics.observe(x)
	x.traces()
	x.log()
}

func (x *exchange) panicked(p any) {
	stack := make([]uintptr, 32)
	frames := runtime.CallersFrames(stack[:runtime.Callers(3, stack)])
	where := ""
	for f, more := frames.Next(); more; f, more = frames.Next() {
		if where = f.Function; where != "" && !runtimeFrame(where) {
			break
		}
	}
	x.gate.cfg.Log.Error("panic", "exchange", x.intent.ID, "kind", fmt.Sprintf("%T", p), "in", where)
	x.outcome.End, x.outcome.Code = "failed", "internal_error"
	x.fault = &dialect.Fault{Status: http.StatusInternalServerError, Type: "server_error", Code: "internal_error", Retry: true,
		Message: "The gate failed while handling this call; give the operator the reference number " + x.intent.ID + "."}
	if x.w.opened() {
		x.w.end(x.spokenLate(x.fault))
		return
	}
	x.outcome.Status = x.fault.Status
	x.w.reply(x.speak(x.fault))
}

func runtimeFrame(name string) bool { return len(name) > 8 && name[:8] == "runtime." }

// log writes one line about the exchange: what was decided, never what was said.
func (x *exchange) log() {
	x.gate.cfg.Log.Info("exchange", "id", x.intent.ID, "system", x.principal.System, "key", x.principal.ID, "op", string(x.route.Op),
		"status", x.w.status, "end", x.outcome.End, "code", x.outcome.Code,
		"decision", max(x.intent.Verdict.Decision, x.outcome.Verdict.Decision).String(), "took", time.Since(x.began))
}

// digest is what is kept of bytes that are not.
func digest(b []byte) record.Digest {
	return record.Digest{SHA256: sha256.Sum256(b), Bytes: int64(len(b))}
}

// describe lists passages without their text.
func describe(passages []llm.Passage) []record.Passage {
	out := make([]record.Passage, len(passages))
	for i := range passages {
		p := &passages[i]
		out[i] = record.Passage{Path: p.Path, Origin: p.Origin.String(), Kind: p.Channel.Kind.String(), Bytes: len(p.Text)}
	}
	return out
}
