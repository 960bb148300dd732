package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// call forwards the request and looks at the head of the answer.
func (x *exchange) call() *dialect.Fault {
	if x.route.Op == llm.OpList {
		return nil
	}
	if x.request.Stream {
		x.place.shrink(weightStream)
		x.w.live()
	}
	if err := x.forward(); err != nil {
		return x.failed(err)
	}
	if ourFault(x.response.Status) {
		return credential()
	}
	return nil
}

func credential() *dialect.Fault {
	return &dialect.Fault{Status: http.StatusBadGateway, Type: "server_error", Code: "upstream_auth",
		Message: "The provider refused the gate's own credential; the operator of this gate must renew it."}
}

// failed says what went wrong upstream, in words that name nothing of the inside.
func (x *exchange) failed(err error) *dialect.Fault {
	f := &dialect.Fault{Status: http.StatusBadGateway, Type: "server_error", Code: "upstream_unavailable", Retry: true,
		Message: "The provider cannot be reached; try again in a few seconds."}
	var said *dialect.Fault
	var odd *dialect.StatusError
	switch {
	case errors.As(err, &said):
		return said
	case x.cancelled():
		x.outcome.End = "cancelled"
		f.Code, f.Message = "cancelled", "The caller left."
	case errors.Is(err, dialect.ErrSlow), errors.Is(err, context.DeadlineExceeded):
		f.Status, f.Code = http.StatusGatewayTimeout, "upstream_timeout"
		f.Message = "The provider did not answer in time; try again, or ask for a shorter answer."
	case errors.Is(err, dialect.ErrAddress):
		f.Code, f.Retry = "upstream_address", false
		f.Message = "The provider's address is not one that this gate may call; the operator must correct the configuration."
	case errors.As(err, &odd) && ourFault(odd.Status):
		return credential()
	case odd != nil && dialect.Failing(odd.Status):
		return busy(odd)
	case errors.Is(err, dialect.ErrAnswer), errors.Is(err, dialect.ErrEvent), errors.Is(err, llm.ErrDone):
		f.Code, f.Retry = "upstream_invalid", false
		f.Message = "The provider sent something that is not an answer of this API, so it was not passed on."
	case errors.Is(err, llm.ErrHeld), errors.Is(err, llm.ErrArgs), errors.Is(err, llm.ErrChannels):
		f.Code, f.Retry = "answer_too_large", false
		f.Message = "The answer is too large to be checked, so it was not passed on; ask for a shorter one."
	case errors.Is(err, io.ErrUnexpectedEOF):
		f.Code = "upstream_interrupted"
		f.Message = "The provider broke off before the end of its answer; what came until then may be incomplete."
	}
	return f
}

// busy says that a provider has too much to do, or fails, where it has not said so in
// an answer that could be passed on: trying again helps as if it had.
func busy(e *dialect.StatusError) *dialect.Fault {
	f := &dialect.Fault{Status: http.StatusBadGateway, Type: "server_error", Code: "upstream_unavailable", Retry: true, After: e.After,
		Message: fmt.Sprintf("The provider failed with status %d; try again in a few seconds.", e.Status)}
	switch e.Status {
	case http.StatusTooManyRequests:
		f.Status, f.Type, f.Code = http.StatusTooManyRequests, "rate_limit_error", "upstream_rate_limited"
		f.Message = "The provider takes no more calls of this gate for now; try again in a few seconds."
	case http.StatusServiceUnavailable, 529:
		f.Status = http.StatusServiceUnavailable
		f.Message = "The provider has more calls than it can serve now; try again in a few seconds."
	}
	return f
}

// answer judges what the upstream says and passes it on.
func (x *exchange) answer() *dialect.Fault {
	if x.route.Op == llm.OpList {
		return x.models()
	}
	scanner := x.policy.Answering(x.request.Passages).Scanner()
	scanners := []llm.Scanner{scanner}
	if x.keeps() {
		x.keeper = &keeper{Scanner: scanner}
		scanners[0] = x.keeper
	}
	scanners = x.restorer(scanner, scanners)
	win := llm.NewWindow(x.r.Context(), &watched{Stream: x.response.Stream, x: x}, scanners, llm.WindowConfig{})
	e, err := win.Next()
	x.outcome.Verdict = scanner.Verdict()
	if err == nil && !x.response.Framed {
		return x.whole(e)
	}
	for err == nil && e.End == llm.EndNone {
		if err = x.frame(e, win.More()); err != nil {
			break
		}
		e, err = win.Next()
	}
	x.outcome.Verdict = scanner.Verdict()
	if err == nil {
		err = x.last(e)
	}
	if err != nil {
		if c := class(err); c != "other" && x.served != nil {
			x.served.broke(c)
		}
		return x.broken(err, scanner)
	}
	return nil
}

// whole passes on an answer that is not streamed. It leaves only when it is
// recorded.
func (x *exchange) whole(e *llm.Event) *dialect.Fault {
	wire, err := e.Wire()
	if err != nil {
		return x.failed(err)
	}
	if f := x.unfit(e); f != nil {
		return f
	}
	x.outcome.Status, x.outcome.End = x.response.Status, "answered"
	x.outcome.Answered = digest(wire)
	var frames []byte
	if x.w.opened() { // a sign of life went first: what follows is a frame of a stream
		frames = x.late(e, wire)
		x.outcome.Status, x.outcome.Answered = http.StatusOK, x.w.answeredWith(frames)
	}
	if x.response.Status >= http.StatusBadRequest {
		x.outcome.End = "failed"
	}
	if f := x.conclude(); f != nil {
		return f
	}
	if frames != nil {
		x.w.end(frames)
		return nil
	}
	h := x.response.Header
	h.Set("Content-Type", "application/json")
	x.w.reply(x.response.Status, h, wire)
	return nil
}

// unfit says what is wrong with an answer that its caller's SDK would not take for what it
// is: one that was to be streamed, and an error of another shape.
func (x *exchange) unfit(e *llm.Event) *dialect.Fault {
	s := x.response.Status
	if s < http.StatusBadRequest {
		if !x.request.Stream || x.route.Op != llm.OpChat {
			return nil
		}
		return &dialect.Fault{Status: http.StatusBadGateway, Type: "server_error", Code: "upstream_invalid",
			Message: "The provider did not stream its answer as it was asked to, so it was not passed on; ask without streaming."}
	}
	if !e.Odd {
		return nil
	}
	after, _ := strconv.Atoi(x.response.Header.Get("Retry-After"))
	f := &dialect.Fault{Status: s, Type: "invalid_request_error", Code: "upstream_error",
		Message: fmt.Sprintf("The provider answered with status %d and without an error that says why.", s)}
	if dialect.Failing(s) || s >= http.StatusInternalServerError {
		f = busy(&dialect.StatusError{Status: s, After: after})
	}
	if f.Status = s; e.Reason != "" && len(e.Edits) == 0 {
		f.Message = fmt.Sprintf("The provider answered with status %d: %s", s, e.Reason[:min(len(e.Reason), maxReason)])
	}
	return f
}

// maxReason bounds what is passed on of a provider's words for an error, in bytes.
const maxReason = 2000

// late says the provider's error in a stream that has begun, in an event that SDKs of the
// dialect raise.
func (x *exchange) late(e *llm.Event, wire []byte) []byte {
	if x.dialect.ID() == "openai" || x.dialect.ID() == "azure" {
		return dialect.AppendEvent(nil, "", wire) // their SDKs read any frame with an error in it
	}
	s := x.response.Status
	f := &dialect.Fault{Status: s, Type: "server_error", Code: "upstream_error", Message: e.Reason,
		Retry: s == http.StatusTooManyRequests || s >= http.StatusInternalServerError}
	if len(e.Edits) > 0 { // the words as they came may not leave
		f.Message = fmt.Sprintf("The provider answered with status %d.", s)
	}
	return x.spokenLate(f)
}

// frame passes on one frame of a stream; more says that others are there already.
func (x *exchange) frame(e *llm.Event, more bool) error {
	if x.asked && e.Extra { // the caller did not ask for it, and some programs read it wrongly
		if !more {
			x.w.frame(nil)
		}
		return nil
	}
	wire, err := e.Wire()
	if err != nil {
		return err
	}
	x.w.openStream(x.response.Header)
	x.left = e
	return x.w.event(e.Name, wire, more)
}

// last holds the final frame back until the outcome is durable.
func (x *exchange) last(e *llm.Event) error {
	wire, err := e.Wire()
	if err != nil {
		return err
	}
	x.w.openStream(x.response.Header)
	x.outcome.Status, x.outcome.End = http.StatusOK, "answered"
	if e.End == llm.EndError {
		x.outcome.End = "failed"
	}
	x.outcome.Answered = x.w.answered(e.Name, wire)
	if f := x.conclude(); f != nil {
		x.fault = f
		return errUnrecorded
	}
	x.w.stop()
	return x.w.event(e.Name, wire, false)
}

// errUnrecorded means that the outcome could not be made durable; x.fault says it.
var errUnrecorded = errors.New("gateway: the outcome is not recorded")

// broken ends an answer that may not or cannot go on. finish says it.
func (x *exchange) broken(err error, scanner *guard.Scanner) *dialect.Fault {
	_ = x.response.Stream.Close()
	var stop *guard.BlockedError
	var denied *dialect.Fault
	switch {
	case errors.As(err, &stop):
		x.outcome.Verdict = stop.Verdict
		x.outcome.Verdict.Decision = max(stop.Verdict.Decision, risk.Hold)
		x.blocked = &x.outcome.Verdict
		return nil
	case errors.Is(err, llm.ErrSealed), errors.Is(err, llm.ErrStructure):
		v := scanner.Verdict()
		var at *llm.StructureError
		x.stuck(&v, func(f *risk.Finding) bool { return errors.As(err, &at) && f.Detector == at.By })
		x.outcome.Verdict = v
		x.blocked = &x.outcome.Verdict
		return nil
	case errors.As(err, &denied):
		return denied
	case errors.Is(err, errUnrecorded):
		return x.fault
	case errors.Is(err, errWrite):
		x.outcome.End = "cancelled"
		return &dialect.Fault{Status: http.StatusBadGateway, Type: "server_error", Code: "cancelled", Message: "The caller left."}
	}
	return x.failed(err)
}

// finish says how a call that was forwarded ended, where nothing has said it yet.
func (x *exchange) finish() {
	switch {
	case x.blocked != nil:
		x.stopAnswer()
	case x.fault != nil:
		x.fail()
	}
}

// stopAnswer ends an answer that policy stopped, in the dialect's own shape.
func (x *exchange) stopAnswer() {
	var choices []int
	seen := map[int]bool{}
	for ch := range x.saidBy {
		if ch.Choice >= 0 && !seen[ch.Choice] {
			seen[ch.Choice] = true
			choices = append(choices, ch.Choice)
		}
	}
	b := x.refusalAnswer("answer", choices)
	body := x.dialect.Refusal(x.request, b)
	if s := x.response.Status; (s >= http.StatusBadRequest || body == nil) && !x.w.opened() {
		x.fault = x.stopped(*x.blocked, "answer")
		x.fault.Status = http.StatusBadGateway // an error stays one, whatever stood in it
		x.outcome.End = "blocked"
		x.fail()
		return
	}
	x.outcome.End, x.outcome.Status, x.outcome.Code = "blocked", http.StatusOK, "content_filter"
	if x.response.Framed || x.w.opened() {
		frames := x.dialect.RefusalFrames(x.request, b)
		x.w.openStream(nil) // the provider's headers may be what was stopped
		x.outcome.Answered = x.w.answeredWith(frames)
		if f := x.conclude(); f != nil {
			frames = x.spokenLate(f)
		}
		x.w.end(frames)
		return
	}
	x.outcome.Answered = digest(body)
	if f := x.conclude(); f != nil {
		x.w.reply(x.speak(f))
		return
	}
	x.w.reply(http.StatusOK, http.Header{"Content-Type": {"application/json"}}, body)
}

// fail ends a call with an error: as its status, or inside the stream once the
// status has left. A caller who left gets nothing.
func (x *exchange) fail() {
	f := x.fault
	x.outcome.Code = f.Code
	if x.outcome.End == "" || x.outcome.End == "answered" {
		x.outcome.End = "failed"
	}
	if x.w.opened() {
		x.outcome.Status = http.StatusOK
		frames := x.spokenLate(f)
		x.outcome.Answered = x.w.answeredWith(frames)
		_ = x.conclude()
		x.w.end(frames)
		return
	}
	status, head, body := x.speak(f)
	x.outcome.Status, x.outcome.Answered = status, digest(body)
	if worse := x.conclude(); worse != nil {
		status, head, body = x.speak(worse)
	}
	x.w.reply(status, head, body)
}

// models answers with the names that the system may use.
func (x *exchange) models() *dialect.Fault {
	names := []string{}
	for _, name := range x.system.Models {
		if x.ask(access.Admit, name).Allowed && x.speaks(name) {
			names = append(names, name)
		}
	}
	if one := x.route.Model; one != "" {
		if !slices.Contains(names, one) {
			return &dialect.Fault{Status: http.StatusNotFound, Type: "invalid_request_error", Code: "model_not_found", Param: "model",
				Message: "The model does not exist here or your system may not use it; GET /v1/models lists those it may."}
		}
		names = []string{one}
	}
	body := x.dialect.Models(x.route, names)
	x.outcome.Status, x.outcome.End = http.StatusOK, "answered"
	x.outcome.Answered = digest(body)
	if f := x.conclude(); f != nil {
		return f
	}
	x.w.reply(http.StatusOK, http.Header{"Content-Type": {"application/json"}}, body)
	return nil
}

func (x *exchange) speaks(model string) bool {
	for _, c := range x.plan.Models[model] {
		if c.Dialect == x.dialect.Provider() {
			return true
		}
	}
	return false
}

// stopped says that policy stopped something, and what the caller can do.
func (x *exchange) stopped(v risk.Verdict, what string) *dialect.Fault {
	code := "content_filter"
	if v.Decision == risk.Hold {
		code = "held"
	}
	return &dialect.Fault{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: code, Message: x.explain(v, what), Verdict: &v}
}

func (x *exchange) refusalAnswer(what string, choices []int) dialect.Refusal {
	return dialect.Refusal{ID: x.intent.ID, Model: x.request.Model, Message: x.explain(*x.blocked, what), Choices: choices,
		Created: time.Now().Unix(), Verdict: x.blocked, Last: x.left}
}

// explain names the policy, what it saw and the reference number; never the text.
func (x *exchange) explain(v risk.Verdict, what string) string {
	verb := "stopped"
	if v.Decision == risk.Hold {
		verb = "holds back"
	}
	why := ""
	if f, ok := v.First(); ok {
		why = " (" + string(f.Category) + ")"
		if x.fixed {
			why += ", because that cannot be masked where it stands"
		}
		if f.Says != "" {
			why = ": " + strings.TrimRight(f.Says, ".!")
		}
	}
	return fmt.Sprintf("Policy %s %s this %s%s. Rephrase it, or give the reference number %s to the owner of %s.",
		v.Policy, verb, what, why, x.intent.ID, x.principal.System)
}

// watched is the upstream's stream as the gate lets it through to the Window: a
// key that was revoked ends it, and a tool that may not be used never leaves.
type watched struct {
	llm.Stream
	x *exchange
}

func (s *watched) Next() (*llm.Event, error) {
	e, err := s.Stream.Next()
	if err != nil {
		return nil, err
	}
	if s.x.first == 0 {
		s.x.first = time.Since(s.x.began)
		s.x.sift()
		s.x.sighted()
	}
	if s.x.seen != nil {
		s.x.seen.look(s.x.gate.cfg.Observer, s.x.principal.System, e)
	}
	if err := s.x.gate.cfg.Keys.Live(s.x.principal); err != nil {
		return nil, unauthenticated(err)
	}
	for _, tool := range e.Tools {
		p := s.x.ask(access.UseTool, tool)
		s.x.outcome.Permits = permitted(s.x.outcome.Permits, p)
		if !p.Allowed {
			return nil, &dialect.Fault{Status: http.StatusBadGateway, Type: "server_error", Code: "tool_not_allowed",
				Message: "The model called a tool that your system may not use, so the call was not passed on."}
		}
	}
	s.x.note(e)
	if err := s.x.spend(e); err != nil {
		return nil, err
	}
	return e, nil
}

// sift drops the headers of an answer when policy would change or stop what they say:
// nothing is lost with them but the provider's own names for the call.
func (x *exchange) sift() {
	p, ok := dialect.HeaderText(x.response.Header)
	if ok && x.policy.Judge(x.r.Context(), guard.Output, []llm.Passage{p}).Verdict.Decision >= risk.Mask {
		x.response.Header = http.Header{}
	}
}

// note keeps what the answer's texts are, without the texts.
func (x *exchange) note(e *llm.Event) {
	for i := range e.Passages {
		p := &e.Passages[i]
		k, ok := x.saidBy[p.Channel]
		if !ok {
			if x.saidBy == nil {
				x.saidBy = map[llm.Channel]int{}
			}
			k = len(x.said)
			x.saidBy[p.Channel] = k
			x.said = append(x.said, record.Passage{Path: p.Path, Origin: p.Origin.String(), Kind: p.Channel.Kind.String()})
		}
		x.said[k].Bytes += len(p.Text)
	}
}
