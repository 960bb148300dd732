package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/mask"
	"github.com/bartizan-ai/bartizan/risk"
)

// limits refuses what is too much before anything is done with it.
func (x *exchange) limits() *dialect.Fault {
	// The path as it was sent: proxies with rules for paths see no other. Errors are
	// spoken as early as they can be.
	x.dialect, x.route, _ = dialect.Match(x.r.Method, x.r.URL.EscapedPath(), x.r.Header)
	if x.r.Header.Get("Upgrade") != "" {
		return &dialect.Fault{Status: http.StatusUpgradeRequired, Type: "invalid_request_error", Code: "upgrade_refused",
			Message: "This gate takes no WebSocket or other upgrade, because what runs through it could not be checked; send plain HTTP requests."}
	}
	if x.r.URL.IsAbs() {
		return &dialect.Fault{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "absolute_target",
			Message: "The call names a whole URL as its target, as for a proxy; send the path only."}
	}
	n := 0
	for _, v := range x.r.Header {
		n += len(v)
	}
	if n > x.gate.cfg.MaxHeaders {
		return &dialect.Fault{Status: http.StatusRequestHeaderFieldsTooLarge, Type: "invalid_request_error", Code: "headers_too_many",
			Message: fmt.Sprintf("The call has more than %d headers; send fewer.", x.gate.cfg.MaxHeaders)}
	}
	return nil
}

func (x *exchange) tooLarge() *dialect.Fault {
	x.w.Header().Set("Connection", "close")
	return &dialect.Fault{Status: http.StatusRequestEntityTooLarge, Type: "invalid_request_error", Code: "request_too_large",
		Message: fmt.Sprintf("The body is larger than %d bytes, which is the limit; send less text, or fewer or smaller files.", x.gate.cfg.MaxBody)}
}

// authenticate finds out who calls.
func (x *exchange) authenticate() *dialect.Fault {
	p, err := x.gate.cfg.Keys.Authenticate(x.r.Header)
	if err == nil {
		if x.system, err = x.plan.Permits.System(p.System); err == nil {
			p.Team = x.system.Team
			x.intent.Purpose = x.system.Serves()[0]
			x.principal = x.onBehalf(p)
			x.intent.Synthetic = x.intent.Synthetic || x.canary()
			_ = x.purpose() // so that what is refused before it is read is on record for its purpose
			return nil
		}
	}
	return x.gate.stranger(x.r, err)
}

func unauthenticated(err error) *dialect.Fault {
	f := &dialect.Fault{Status: http.StatusUnauthorized, Type: "authentication_error", Code: "invalid_api_key"}
	switch {
	case errors.Is(err, access.ErrNoKey):
		f.Message = "The call brings no key; send one that `bartizan keys create` made, as Authorization: Bearer KEY."
	case errors.Is(err, access.ErrRevoked):
		f.Message = "The key was revoked; ask the owner of your system for a new one."
	case errors.Is(err, access.ErrSystem):
		f.Message = "The key belongs to a system that is not declared any more; ask the operator of this gate."
	case errors.Is(err, access.ErrStale):
		return &dialect.Fault{Status: http.StatusServiceUnavailable, Type: "server_error", Code: "store_unavailable", Retry: true, After: 10,
			Message: "The gate cannot reach its store and so cannot check keys; try again in a few seconds."}
	default:
		f.Message = "The key is not known here; check that it was copied whole, and that this is the right gate."
	}
	return f
}

// match refuses every path and method that is not an operation of a dialect.
func (x *exchange) match() *dialect.Fault {
	if x.route.Op == "" {
		return &dialect.Fault{Status: http.StatusNotFound, Type: "invalid_request_error", Code: "unknown_operation",
			Message: "This path and method are no operation of this gate; POST /v1/chat/completions, /v1/responses, /v1/messages, /v1/embeddings and GET /v1/models are."}
	}
	if f := x.query(); f != nil {
		return f
	}
	if x.route.Op == llm.OpList {
		return nil
	}
	media, params, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || media != "application/json" || charset != "" && charset != "utf-8" && charset != "UTF-8" {
		return unsupported("The body must be JSON; send Content-Type: application/json.")
	}
	if e := x.r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return unsupported("The body is compressed, which this gate does not read; send it as it is.")
	}
	return nil
}

// query lets through what the operation knows, to the byte: anything else could tell
// the provider what nobody has read.
func (x *exchange) query() *dialect.Fault {
	raw := x.r.URL.RawQuery
	if raw == "" {
		return nil
	}
	if x.route.Takes(raw) {
		x.route.Path += "?" + raw
		return nil
	}
	f := &dialect.Fault{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "unknown_query",
		Message: "This operation takes no query; send the call without what follows the question mark."}
	if len(x.route.Params) > 0 {
		f.Message = "The query of this operation may hold " + strings.Join(x.route.Params, ", ") + " and nothing else; leave out the rest."
	}
	return f
}

func unsupported(message string) *dialect.Fault {
	return &dialect.Fault{Status: http.StatusUnsupportedMediaType, Type: "invalid_request_error", Code: "unsupported_media_type", Message: message}
}

// read takes in the body, within its limit and its deadline.
func (x *exchange) read() *dialect.Fault {
	if x.r.ContentLength == 0 {
		return nil
	}
	if x.r.ContentLength > x.gate.cfg.MaxBody {
		return x.tooLarge()
	}
	p := x.paced()
	// What a caller announces is not believed: memory grows with what arrives.
	var b bytes.Buffer
	b.Grow(int(min(max(x.r.ContentLength, 512), 64<<10)) + bytes.MinRead)
	n, err := b.ReadFrom(io.LimitReader(p, x.gate.cfg.MaxBody+1))
	_ = p.conn.SetReadDeadline(time.Time{})
	switch {
	case n > x.gate.cfg.MaxBody:
		return x.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &dialect.Fault{Status: http.StatusRequestTimeout, Type: "invalid_request_error", Code: "request_timeout", Retry: true,
			Message: fmt.Sprintf("The body did not arrive within %s, or came slower than 1 kB a second; send it faster.", x.gate.cfg.Body)}
	case err != nil:
		return &dialect.Fault{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "incomplete_body",
			Message: "The body ended before its announced length; send it whole."}
	}
	x.request = &llm.Request{Body: b.Bytes()}
	return nil
}

// decode reads the body strictly, every byte kept.
func (x *exchange) decode() *dialect.Fault {
	var body []byte
	if x.request != nil {
		body = x.request.Body
	}
	req, err := x.dialect.Decode(x.route, body)
	if err != nil {
		var f *dialect.Fault
		if !errors.As(err, &f) {
			f = &dialect.Fault{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "invalid_request", Message: "The body cannot be read."}
		}
		return f
	}
	req.ID = x.intent.ID
	req.Header = dialect.Forward(x.r.Header)
	if p, ok := dialect.HeaderText(req.Header); ok && x.route.Op != llm.OpList {
		req.Passages = append(req.Passages, p)
	}
	x.request = req
	x.intent.Conversation = conversation(x.r.Header)
	if f := x.purpose(); f != nil {
		return f
	}
	return x.stated()
}

// conversation finds out which conversation a call belongs to. Coding agents say it in
// headers of their own. A name that is no short word is known by its digest: one that was
// dropped would let a conversation forget how sensitive it is.
func conversation(h http.Header) string {
	for _, name := range []string{"Bartizan-Conversation", "X-Claude-Code-Session-Id", "Session-Id", "Thread-Id"} {
		said := h.Get(name)
		if c := word(said); c != "" {
			return c
		}
		if said != "" {
			sum := sha256.Sum256([]byte(said))
			return "sha256:" + hex.EncodeToString(sum[:12])
		}
	}
	return ""
}

// word takes a caller's short word into the record, or nothing.
func word(s string) string {
	if len(s) > 128 {
		return ""
	}
	for _, c := range []byte(s) {
		if c < 0x20 || c > 0x7e {
			return ""
		}
	}
	return s
}

// admit decides whether this caller may ask this of this model, and offer it
// these tools.
func (x *exchange) admit() *dialect.Fault {
	if x.policy = x.plan.Policies[x.principal.System]; x.policy == nil {
		return &dialect.Fault{Status: http.StatusServiceUnavailable, Type: "server_error", Code: "no_policy",
			Message: "The system has no policy, so nothing may pass; ask the operator of this gate."}
	}
	x.w.Header().Set("Bartizan-Policy", x.policy.ID())
	x.intent.Verdict.Policy = x.policy.ID()
	if x.route.Op == llm.OpList {
		return nil
	}
	p := x.ask(access.Admit, x.request.Model)
	x.intent.Permits = permitted(x.intent.Permits, p)
	if !p.Allowed || len(x.plan.Models[x.request.Model]) == 0 {
		return &dialect.Fault{Status: http.StatusNotFound, Type: "invalid_request_error", Code: "model_not_found", Param: "model",
			Message: "The model does not exist here or your system may not use it; GET /v1/models lists those it may."}
	}
	if f := x.state(); f != nil {
		return f
	}
	x.askUsage()
	for _, name := range x.request.Tools {
		t := x.ask(access.UseTool, name)
		if !t.Allowed {
			x.intent.Permits = permitted(x.intent.Permits, t)
			return &dialect.Fault{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "tool_not_allowed", Param: "tools",
				Message: "The call offers a tool that your system may not use; offer those of its declaration, or ask its owner."}
		}
	}
	return nil
}

// state refuses, by name, what makes a provider keep a conversation or go on from one
// that it kept: nobody here has seen what is in it. Nothing is stripped in silence.
func (x *exchange) state() *dialect.Fault {
	if x.policy.Policy().ProviderState == "allow" {
		return nil
	}
	if len(x.request.State) > 0 {
		name := x.request.State[0]
		return &dialect.Fault{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "provider_state_refused", Param: name,
			Message: "The field " + name + " makes the provider keep this conversation or go on from one that it kept, which the policy of your system does not allow; " +
				"send the whole conversation and leave the field out, or ask the owner for provider_state: allow."}
	}
	if e := x.request.NoStore; e != nil && (strings.HasSuffix(x.dialect.ID(), "responses") || x.keptByDefault() || x.knowsStore()) {
		x.request.Edits = append(x.request.Edits, *e)
	}
	return nil
}

// keptByDefault reports whether a provider of the model keeps chat completions unless it
// is told not to. Servers of open models do not, and some do not know the word.
func (x *exchange) keptByDefault() bool {
	for _, c := range x.plan.Models[x.request.Model] {
		if c.Dialect == x.dialect.ID() && c.Keeps {
			return true
		}
	}
	return false
}

// knowsStore reports whether the caller's version of Azure's API has stored completions, which
// it keeps only when it is told to: it is told not to all the same. Older versions refuse the
// word, and keep nothing.
func (x *exchange) knowsStore() bool {
	path, query, _ := strings.Cut(x.route.Path, "?")
	_, version, _ := strings.Cut(query, "api-version=")
	return x.dialect.ID() == "azure" && (strings.HasPrefix(path, "/openai/v1/") || version >= "2025")
}

// askUsage makes a provider count a stream whose cost is to be known: callers seldom ask
// it to. What it then says more is not passed on.
func (x *exchange) askUsage() {
	e := x.request.AskUsage
	if e == nil || x.plan.Prices[x.request.Model] == nil {
		return
	}
	for _, c := range x.plan.Models[x.request.Model] {
		if c.Dialect == x.dialect.Provider() && (c.LeaveUsage || c.Dialect == "azure") { // versions of Azure's API differ in it
			return
		}
	}
	x.asked = true
	x.request.Edits = append(x.request.Edits, *e)
}

// judge looks at everything the caller sent.
func (x *exchange) judge() *dialect.Fault {
	if x.route.Op == llm.OpList {
		return nil
	}
	x.judgement = x.policy.Judge(guard.Confide(x.r.Context(), x.confidant), guard.Input, x.request.Passages)
	v := x.judgement.Verdict
	if x.request.Repaired > 0 {
		v.Findings = append(v.Findings, risk.Finding{Category: risk.HiddenText, Detector: dialect.Repairer + "@1", Severity: risk.Low,
			Confidence: 1, Passage: -1, Decision: risk.Flag})
		v.Decision = max(v.Decision, risk.Flag)
	}
	x.intent.Verdict = v
	x.w.Header().Set("Bartizan-Decision", v.Decision.String())
	if v.Decision >= risk.Hold {
		x.blocked = &x.intent.Verdict
	}
	return nil
}

// release finds the candidates that may have the call, one by one and in order: by what they
// speak, by its label, by what was agreed with their provider, and by the permits.
func (x *exchange) release() *dialect.Fault {
	if x.route.Op == llm.OpList {
		return nil
	}
	var all []Candidate
	for _, c := range x.plan.Models[x.request.Model] {
		if c.Dialect == x.dialect.Provider() {
			all = append(all, c)
		}
	}
	if all == nil {
		return &dialect.Fault{Status: http.StatusNotFound, Type: "invalid_request_error", Code: "model_not_found", Param: "model",
			Message: "No provider of this model speaks this dialect; use another path, or ask the operator to add one."}
	}
	if f := x.admitLabel(all); f != nil {
		return f
	}
	m := x.released(all)
	if m.yes == nil {
		return x.unreleased(all, m)
	}
	x.candidate = m.yes
	if f := x.healthy(); f != nil {
		return f
	}
	x.target(x.candidate[0])
	return nil
}

// target names the provider and model that the call goes to.
func (x *exchange) target(c Candidate) { x.intent.Candidate = c.Provider + "/" + c.Model }

// edit makes what policy wants changed into splices of the body. A change that
// cannot be made without breaking the body's structure, or a provider's signature, is
// a block.
func (x *exchange) edit() *dialect.Fault {
	var edits []llm.Edit
	for _, c := range x.judgement.Changes {
		p := &x.request.Passages[c.Passage]
		e, err := p.Map.EditIn(p.Text, c.Start, c.End, c.New, c.By)
		if err != nil || p.Sealed {
			x.unchangeable(c)
			return nil
		}
		edits = append(edits, e)
	}
	for _, repair := range x.request.Edits {
		if !covered(repair, edits) {
			edits = append(edits, repair)
		}
	}
	x.request.Edits = edits
	if len(x.candidate) > 0 {
		wire, err := x.wire(x.candidate[0])
		if err != nil {
			x.unchangeable(guard.PassageChange{Passage: -1})
			return nil
		}
		x.intent.Sent = digest(wire)
	}
	return nil
}

// unchangeable blocks a call of which policy wants something changed that cannot be, and says
// of what kind it is.
func (x *exchange) unchangeable(c guard.PassageChange) {
	x.stuck(&x.intent.Verdict, func(f *risk.Finding) bool {
		return f.Passage == c.Passage && f.Start < c.End && c.Start < f.End || c.By == mask.By && string(f.Category) == c.Hides
	})
	x.blocked = &x.intent.Verdict
	x.w.Header().Set("Bartizan-Decision", risk.Block.String())
}

// stuck makes a block of those findings that policy would have masked, and cannot be: a number
// or the structure of JSON, or what is signed.
func (x *exchange) stuck(v *risk.Verdict, is func(*risk.Finding) bool) {
	v.Decision = risk.Block
	for i := range v.Findings {
		if f := &v.Findings[i]; f.Decision == risk.Mask && is(f) {
			f.Decision, x.fixed = risk.Block, true
		}
	}
}

func covered(e llm.Edit, by []llm.Edit) bool {
	for _, b := range by {
		if b.Start <= e.Start && e.End <= b.End && b.Start < b.End {
			return true
		}
	}
	return false
}

// wire returns what a candidate is sent.
func (x *exchange) wire(c Candidate) ([]byte, error) { return x.aim(c).Wire() }

// aim returns the request with the model named as the candidate's provider does.
func (x *exchange) aim(c Candidate) *llm.Request {
	r := *x.request
	r.Target = strings.Replace(r.Target, "{model}", url.PathEscape(c.Model), 1)
	r.Header = x.betas(c, r.Header)
	if r.ModelAt[1] > 0 && string(r.Body[r.ModelAt[0]:r.ModelAt[1]]) != c.Model {
		r.Edits = append(r.Edits[:len(r.Edits):len(r.Edits)], llm.Edit{Start: r.ModelAt[0], End: r.ModelAt[1], New: llm.AppendEscaped(nil, c.Model), By: "gate/model"})
	}
	return &r
}

// betas withholds what a candidate would refuse the call for, and says so.
func (x *exchange) betas(c Candidate, h http.Header) http.Header {
	const name = "Anthropic-Beta"
	if c.Betas == nil || h.Get(name) == "" {
		return h
	}
	var pass, withheld []string
	for b := range strings.SplitSeq(strings.Join(h[name], ","), ",") {
		if b = strings.TrimSpace(b); slices.Contains(c.Betas, b) {
			pass = append(pass, b)
		} else {
			withheld = append(withheld, b)
		}
	}
	if withheld == nil {
		return h
	}
	h = h.Clone()
	if h.Del(name); pass != nil {
		h.Set(name, strings.Join(pass, ","))
	}
	x.w.Header().Set("Bartizan-Betas-Withheld", strconv.Itoa(len(withheld)))
	return h
}

// cancelled reports whether the caller has left.
func (x *exchange) cancelled() bool { return errors.Is(x.r.Context().Err(), context.Canceled) }
