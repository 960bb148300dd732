package ledger

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// encoder appends the same JSON that encoding/json would read back, in a tenth
// of its time: this runs twice for every exchange. A test fills every field of
// the types by reflection, so a field added to one of them cannot be missed.
type encoder struct{ b []byte }

// sep writes a comma unless the object or list has only just begun.
func (e *encoder) sep() {
	if last := e.b[len(e.b)-1]; last != '{' && last != '[' {
		e.b = append(e.b, ',')
	}
}

// key writes a field's name. All of them are constants here that need no escaping.
func (e *encoder) key(k string) {
	e.sep()
	e.b = append(e.b, '"')
	e.b = append(e.b, k...)
	e.b = append(e.b, '"', ':')
}

func (e *encoder) open(c byte)  { e.b = append(e.b, c) }
func (e *encoder) close(c byte) { e.b = append(e.b, c) }

// quote takes the short way for plain ASCII, which nearly all names are.
func (e *encoder) quote(s string) {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			// A string always has a JSON form, so there is no error to lose.
			quoted, _ := json.Marshal(s)
			e.b = append(e.b, quoted...)
			return
		}
	}
	e.b = append(e.b, '"')
	e.b = append(e.b, s...)
	e.b = append(e.b, '"')
}

// str, int and bool leave zero values out: they read back as what they were.
func (e *encoder) str(k, v string) {
	if v != "" {
		e.key(k)
		e.quote(v)
	}
}

func (e *encoder) int(k string, v int64) {
	if v != 0 {
		e.key(k)
		e.b = strconv.AppendInt(e.b, v, 10)
	}
}

func (e *encoder) bool(k string, v bool) {
	if v {
		e.key(k)
		e.b = append(e.b, "true"...)
	}
}

// time is written in UTC to the nanosecond; the monotonic part means nothing later.
func (e *encoder) time(k string, t time.Time) {
	e.key(k)
	e.b = append(e.b, '"')
	e.b = t.UTC().AppendFormat(e.b, time.RFC3339Nano)
	e.b = append(e.b, '"')
}

// float writes a probability; JSON has no NaN or infinity, and neither is one.
func (e *encoder) float(k string, v float64) {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	e.key(k)
	e.b = strconv.AppendFloat(e.b, v, 'g', -1, 64)
}

// strs and ints write lists of plain values.
func (e *encoder) strs(k string, v []string) {
	if len(v) == 0 {
		return
	}
	e.key(k)
	e.open('[')
	for _, s := range v {
		e.sep()
		e.quote(s)
	}
	e.close(']')
}

func (e *encoder) ints(k string, v []int) {
	if len(v) == 0 {
		return
	}
	e.key(k)
	e.open('[')
	for _, n := range v {
		e.sep()
		e.b = strconv.AppendInt(e.b, int64(n), 10)
	}
	e.close(']')
}

// list writes one object per element.
func list[T any](e *encoder, k string, v []T, fields func(*encoder, *T)) {
	if len(v) == 0 {
		return
	}
	e.key(k)
	e.open('[')
	for i := range v {
		e.sep()
		e.open('{')
		fields(e, &v[i])
		e.close('}')
	}
	e.close(']')
}

// appendIntent writes all of an intent but its digests, which stand before the JSON,
// and what is kept, which has a file of its own.
func appendIntent(b []byte, in *record.Intent) []byte {
	e := &encoder{append(b, '{')}
	e.str("id", in.ID)
	e.time("at", in.At)
	e.key("principal")
	e.open('{')
	e.str("kind", in.Principal.Kind)
	e.str("id", in.Principal.ID)
	e.str("system", in.Principal.System)
	e.str("team", in.Principal.Team)
	e.close('}')
	e.str("dialect", in.Dialect)
	e.str("op", in.Op)
	e.str("model", in.Model)
	e.str("candidate", in.Candidate)
	e.bool("stream", in.Stream)
	e.str("conversation", in.Conversation)
	e.str("label", in.Label)
	e.str("purpose", in.Purpose)
	e.bool("synthetic", in.Synthetic)
	e.verdict(&in.Verdict)
	list(e, "passages", in.Passages, passageFields)
	list(e, "permits", in.Permits, permitFields)
	e.digest("received", in.Received)
	e.digest("sent", in.Sent)
	list(e, "steps", in.Steps, stepFields)
	e.close('}')
	return e.b
}

// appendOutcome does the same for an outcome.
func appendOutcome(b []byte, out *record.Outcome) []byte {
	e := &encoder{append(b, '{')}
	e.str("id", out.ID)
	e.time("at", out.At)
	e.int("status", int64(out.Status))
	e.int("upstream", int64(out.Upstream))
	e.str("code", out.Code)
	e.strs("tries", out.Tries)
	e.str("end", out.End)
	e.verdict(&out.Verdict)
	list(e, "passages", out.Passages, passageFields)
	list(e, "permits", out.Permits, permitFields)
	e.digest("answered", out.Answered)
	e.int("input_tokens", int64(out.Input))
	e.int("output_tokens", int64(out.Output))
	e.int("cost_micro", out.Cost)
	e.bool("estimated", out.Estimated)
	if m := out.Masked; m != nil {
		e.key("masked")
		e.open('{')
		e.int("hidden", int64(m.Hidden))
		e.int("restored", int64(m.Restored))
		e.int("withheld", int64(m.Withheld))
		e.int("unknown", int64(m.Unknown))
		e.int("altered", int64(m.Altered))
		e.close('}')
	}
	e.int("omitted", int64(out.Omitted))
	list(e, "steps", out.Steps, stepFields)
	e.close('}')
	return e.b
}

// digest writes the length only.
func (e *encoder) digest(k string, d record.Digest) {
	e.key(k)
	e.open('{')
	e.int("bytes", d.Bytes)
	e.close('}')
}

// verdict always writes the decision, even the zero one: a record without it would
// not say whether anything was decided.
func (e *encoder) verdict(v *risk.Verdict) {
	e.key("verdict")
	e.open('{')
	e.str("decision", v.Decision.String())
	e.str("policy", v.Policy)
	list(e, "findings", v.Findings, findingFields)
	list(e, "checks", v.Checks, func(e *encoder, c *risk.Check) {
		e.str("detector", c.Detector)
		e.str("state", c.State.String())
		e.ints("passages", c.Passages)
		e.str("err", c.Err)
		e.int("took", int64(c.Took))
	})
	e.close('}')
}

// findingFields writes names for enumerations, so that records outlive a change of
// their numbers.
func findingFields(e *encoder, f *risk.Finding) {
	e.str("category", string(f.Category))
	e.str("detector", f.Detector)
	e.str("severity", f.Severity.String())
	e.float("confidence", f.Confidence)
	e.int("passage", int64(f.Passage))
	e.int("start", int64(f.Start))
	e.int("end", int64(f.End))
	e.str("impact", f.Impact.String())
	list(e, "refs", f.Refs, func(e *encoder, r *risk.Ref) {
		e.str("framework", r.Framework)
		e.str("item", r.Item)
	})
	e.str("decision", f.Decision.String())
	e.str("says", f.Says)
	e.str("allowed", f.Allowed)
}

func passageFields(e *encoder, p *record.Passage) {
	e.str("path", p.Path)
	e.str("origin", p.Origin)
	e.str("kind", p.Kind)
	e.int("bytes", int64(p.Bytes))
}

func permitFields(e *encoder, p *record.Permit) {
	e.str("point", p.Point)
	e.str("target", p.Target)
	e.bool("allowed", p.Allowed)
	e.strs("reasons", p.Reasons)
	e.strs("errors", p.Errors)
}

func stepFields(e *encoder, s *record.Step) {
	e.str("name", s.Name)
	e.int("at", int64(s.At))
	e.int("took", int64(s.Took))
	e.str("note", s.Note)
}
