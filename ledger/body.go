package ledger

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// What a record may weigh. An intent and an outcome at their bounds make the
// 60 kB of a record; maxOutcome is also the room that is kept free on the disk
// for every open exchange.
const (
	maxIntent  = 36 << 10
	maxOutcome = 24 << 10
	maxUnpack  = 8 << 20
	deflateMin = 8 << 10
)

const (
	packPlain byte = iota
	packDeflate
)

// scratch holds buffers that are used within one call.
var scratch = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// scratchMax keeps one huge record from holding its buffer for ever.
const scratchMax = 64 << 10

// putScratch gives a buffer back, grown or not.
func putScratch(p *[]byte, b []byte) {
	if cap(b) <= scratchMax {
		*p = b[:0]
		scratch.Put(p)
	}
}

// pack compresses a body, a marker followed by JSON, where that is worth the
// time: a long history has thousands of passages that all look alike.
func pack(body []byte) ([]byte, error) {
	if len(body) < deflateMin {
		return body, nil
	}
	var b bytes.Buffer
	b.WriteByte(packDeflate)
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body[1:]); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// unpack is the inverse of pack, bounded: a few bytes can unpack to gigabytes.
func unpack(body []byte) ([]byte, error) {
	if len(body) == 0 {
		return nil, errors.New("an empty body")
	}
	switch body[0] {
	case packPlain:
		return body[1:], nil
	case packDeflate:
		doc, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(body[1:])), maxUnpack+1))
		if err == nil && len(doc) > maxUnpack {
			err = errors.New("a body larger than any the ledger writes")
		}
		return doc, err
	}
	return nil, fmt.Errorf("a body of unknown form %d", body[0])
}

// packIntent returns the body of an intent, in buf where that suffices. One that
// is too large loses the tails of its lists, and says so in a step of its own.
func packIntent(buf []byte, in *record.Intent) ([]byte, error) {
	body, err := pack(appendIntent(append(buf, packPlain), in))
	for keep := 1024; err == nil && len(body) > maxIntent; keep /= 2 {
		if keep == 0 {
			return nil, errors.New("the intent is too large to record")
		}
		t := trimIntent(*in, keep)
		body, err = pack(appendIntent([]byte{packPlain}, &t))
	}
	return body, err
}

// packOutcome is packIntent for outcomes. Its bound is a promise: that much room is
// reserved, so what is too large has to become smaller and cannot be refused.
func packOutcome(buf []byte, out *record.Outcome) ([]byte, error) {
	body, err := pack(appendOutcome(append(buf, packPlain), out))
	for keep := 1024; err == nil && len(body) > maxOutcome; keep /= 2 {
		if keep == 0 {
			return nil, errors.New("the outcome is too large to record")
		}
		t := trimOutcome(*out, keep)
		body, err = pack(appendOutcome([]byte{packPlain}, &t))
	}
	return body, err
}

// packAct refuses what is too large instead of trimming it. Acts are written by our
// own code and by few people, and each of their details was meant to be kept.
func packAct(act *record.Act) ([]byte, error) {
	doc, err := json.Marshal(act)
	if err != nil {
		return nil, err
	}
	body, err := pack(append([]byte{packPlain}, doc...))
	if err == nil && len(body) > maxIntent {
		err = errors.New("the act is too large to record")
	}
	return body, err
}

// trimIntent returns a copy with shorter lists and names. The caller still uses the
// original, so nothing it points to may change.
func trimIntent(in record.Intent, keep int) record.Intent {
	n := len(in.Passages)
	in.Passages, in.Permits = trimPassages(in.Passages, keep), trimPermits(in.Permits, keep)
	in.Verdict = trimVerdict(in.Verdict, keep)
	in.Steps = trimSteps(in.Steps, keep, n)
	for _, s := range []*string{&in.Principal.Kind, &in.Principal.ID, &in.Principal.System, &in.Principal.Team, &in.Dialect,
		&in.Op, &in.Model, &in.Candidate, &in.Conversation, &in.Label, &in.Purpose} {
		*s = clip(*s, keep)
	}
	return in
}

// trimOutcome is trimIntent for outcomes.
func trimOutcome(out record.Outcome, keep int) record.Outcome {
	n := len(out.Passages)
	out.Passages, out.Permits = trimPassages(out.Passages, keep), trimPermits(out.Permits, keep)
	out.Verdict = trimVerdict(out.Verdict, keep)
	out.Steps = trimSteps(out.Steps, keep, n)
	out.Code, out.End = clip(out.Code, keep), clip(out.End, keep)
	return out
}

// trimPassages keeps the first ones: findings refer to passages by position, and
// those that stay must keep theirs.
func trimPassages(list []record.Passage, keep int) []record.Passage {
	list = append([]record.Passage(nil), list[:min(len(list), keep)]...)
	for i := range list {
		list[i].Path = clip(list[i].Path, keep)
	}
	return list
}

// trimPermits keeps fewer than of other lists: there is one per decision point, and
// only a faulty policy has many.
func trimPermits(list []record.Permit, keep int) []record.Permit {
	list = append([]record.Permit(nil), list[:min(len(list), keep/8)]...)
	for i := range list {
		p := &list[i]
		p.Target = clip(p.Target, keep)
		p.Reasons, p.Errors = trimStrings(p.Reasons, keep), trimStrings(p.Errors, keep)
	}
	return list
}

// trimStrings shortens a list and what is in it.
func trimStrings(list []string, keep int) []string {
	list = append([]string(nil), list[:min(len(list), keep/8)]...)
	for i := range list {
		list[i] = clip(list[i], keep)
	}
	return list
}

// trimVerdict never changes the decision. A check keeps its state and loses
// passages, so it claims less than what ran and never more.
func trimVerdict(v risk.Verdict, keep int) risk.Verdict {
	v.Policy = clip(v.Policy, keep)
	v.Findings = append([]risk.Finding(nil), v.Findings[:min(len(v.Findings), keep/2)]...)
	for i := range v.Findings {
		f := &v.Findings[i]
		f.Category, f.Detector, f.Says = risk.Category(clip(string(f.Category), keep)), clip(f.Detector, keep), clip(f.Says, keep)
		f.Allowed = clip(f.Allowed, keep)
		f.Refs = f.Refs[:min(len(f.Refs), keep/8)]
	}
	v.Checks = append([]risk.Check(nil), v.Checks[:min(len(v.Checks), keep/2)]...)
	for i := range v.Checks {
		c := &v.Checks[i]
		c.Detector, c.Err = clip(c.Detector, keep), clip(c.Err, keep)
		c.Passages = c.Passages[:min(len(c.Passages), keep)]
	}
	return v
}

// trimSteps ends the timeline with a step that says what is missing, so that nobody
// takes a trimmed record for a whole one.
func trimSteps(list []record.Step, keep, passages int) []record.Step {
	list = append([]record.Step(nil), list[:min(len(list), keep/8)]...)
	for i := range list {
		list[i].Name, list[i].Note = clip(list[i].Name, keep), clip(list[i].Note, keep)
	}
	return append(list, record.Step{Name: "trimmed", Note: fmt.Sprintf(
		"too large to record whole: kept at most %d of %d passages and shortened other lists alike", keep, passages)})
}

// clip shortens a string to about n bytes (never below 64) at a rune.
func clip(s string, n int) string {
	n = max(n, 64)
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Plaintexts of journal frames: id, digests, body. The digests stand before the
// JSON because they are what leaves commit to.

// intentPlain is what an intent frame and a record hold of an intent.
type intentPlain struct {
	id                      string
	received, sent, content [32]byte
	body                    []byte
}

type outcomePlain struct {
	id                string
	answered, content [32]byte
	body              []byte
}

// appendID writes a name with its length before it; names have at most 64 bytes.
func appendID(b []byte, id string) []byte {
	return append(append(b, byte(len(id))), id...)
}

// append writes the plaintext of an intent frame.
func (p *intentPlain) append(b []byte) []byte {
	b = appendID(b, p.id)
	b = append(b, p.received[:]...)
	b = append(b, p.sent[:]...)
	b = append(b, p.content[:]...)
	return append(b, p.body...)
}

// append writes the plaintext of an outcome frame.
func (p *outcomePlain) append(b []byte) []byte {
	b = appendID(b, p.id)
	b = append(b, p.answered[:]...)
	b = append(b, p.content[:]...)
	return append(b, p.body...)
}

var errShort = errors.New("it is cut short")

// cutID splits the id off, and checks that n bytes of digests follow.
func cutID(b []byte, n int) (string, []byte, error) {
	if len(b) == 0 || len(b) < 1+int(b[0])+n {
		return "", nil, errShort
	}
	return string(b[1 : 1+b[0]]), b[1+b[0]:], nil
}

// parseIntentPlain is the inverse of append. It does not look into the body, which
// most callers only pass on.
func parseIntentPlain(b []byte) (p intentPlain, err error) {
	if p.id, b, err = cutID(b, 96); err != nil {
		return p, err
	}
	copy(p.received[:], b)
	copy(p.sent[:], b[32:])
	copy(p.content[:], b[64:])
	p.body = b[96:]
	return p, nil
}

// parseOutcomePlain is the inverse of append.
func parseOutcomePlain(b []byte) (p outcomePlain, err error) {
	if p.id, b, err = cutID(b, 64); err != nil {
		return p, err
	}
	copy(p.answered[:], b)
	copy(p.content[:], b[32:])
	p.body = b[64:]
	return p, nil
}

// decode reads the body and puts the digests back, which JSON leaves out.
func (p *intentPlain) decode() (*record.Intent, error) {
	in := new(record.Intent)
	if err := decodeBody(p.body, in); err != nil {
		return nil, err
	}
	in.Received.SHA256, in.Sent.SHA256 = p.received, p.sent
	return in, nil
}

// decode reads the body and puts the digest back.
func (p *outcomePlain) decode() (*record.Outcome, error) {
	out := new(record.Outcome)
	if err := decodeBody(p.body, out); err != nil {
		return nil, err
	}
	out.Answered.SHA256 = p.answered
	return out, nil
}

// decodeBody reads a body into a record type. Fields it does not know are passed
// over: an older version may read what a newer one wrote.
func decodeBody(body []byte, v any) error {
	doc, err := unpack(body)
	if err != nil {
		return err
	}
	return json.Unmarshal(doc, v)
}
