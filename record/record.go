// Package record says who did what: the people and programs that call, the
// systems they call for, and what the ledger keeps of each exchange and each
// administrative act.
//
// An exchange is recorded twice: an [Intent] that is durable before the upstream
// is called, and an [Outcome] that is durable before the last frame leaves. A
// [Record] is the two joined, with its place in the log.
package record

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/bartizan-ai/bartizan/risk"
)

// Principal is who calls: a person, a workload or a key, always via a system.
type Principal struct {
	Kind   string `json:"kind"` // "key", "person", "workload", or [Canary]
	ID     string `json:"id"`   // "key_…", a subject, a SPIFFE id
	System string `json:"system"`
	Team   string `json:"team,omitempty"`
}

// Canary is the kind of principal that the red team is where it tries what is deployed: its
// calls are synthetic, and belong in no figure of users.
const Canary = "canary"

// System is a registered AI system and what it may use.
type System struct {
	Name        string   `json:"name"`
	Team        string   `json:"team"`
	Owner       string   `json:"owner"`
	Purpose     string   `json:"purpose"`
	Purposes    []string `json:"purposes,omitempty"` // that a call may state; the first is the default
	Environment string   `json:"environment"`        // "production", "test", "development"
	Status      string   `json:"status"`             // "active", "suspended", "retired"
	Policy      string   `json:"policy"`
	Models      []string `json:"models"`
	Sources     []string `json:"sources,omitempty"`
	Tools       []string `json:"tools,omitempty"`
	AnyTool     bool     `json:"any_tool,omitempty"`
	MaxLabel    string   `json:"max_label,omitempty"`
}

// MaxPurpose bounds a purpose, in bytes.
const MaxPurpose = 256

// Serves are the purposes of calls of the system, the default first.
func (s *System) Serves() []string {
	if len(s.Purposes) == 0 {
		return []string{s.Purpose}
	}
	return s.Purposes
}

// Permit is one authorisation decision and why.
type Permit struct {
	Point   string   `json:"point"` // "admit", "use_tool", "release", "administer"
	Target  string   `json:"target,omitempty"`
	Allowed bool     `json:"allowed"`
	Reasons []string `json:"reasons,omitempty"` // ids of the permits that decided
	Errors  []string `json:"errors,omitempty"`  // permits that erred; any of them denies
}

// Step is one step of an exchange's timeline.
type Step struct {
	Name string        `json:"name"`
	At   time.Duration `json:"at"` // since the exchange began
	Took time.Duration `json:"took"`
	Note string        `json:"note,omitempty"`
}

// Digest is the SHA-256 and length of bytes that are not kept.
type Digest struct {
	SHA256 [32]byte `json:"-"`
	Bytes  int64    `json:"bytes"`
}

// Kept is a passage that policy told the ledger to keep, already masked. It is
// sealed apart from the record.
type Kept struct {
	Path   string `json:"path"`
	Origin string `json:"origin"`
	Kind   string `json:"kind"`
	Output bool   `json:"output,omitempty"`
	Text   string `json:"text"`
	Marks  []Mark `json:"marks,omitempty"` // where findings lie in Text
	// Sealed is the text under the key of who wrote it; Text is then empty until it is
	// opened. Erased says that it cannot be: the key was destroyed.
	Sealed []byte  `json:"sealed,omitempty"`
	Erased bool    `json:"-"`
	Values []Value `json:"values,omitempty"` // what was masked
}

// ErasedText stands where a text can no longer be opened.
const ErasedText = "[ERASED]"

// Value is what stands behind a placeholder of a kept text, under the keys of those whom
// it is about.
type Value struct {
	Start  int    `json:"start"` // the placeholder in Text
	End    int    `json:"end"`
	Kind   string `json:"kind"` // "pii.email", the id of a rule
	Sealed []byte `json:"sealed"`
}

// Mark says where in a kept text a finding lies: the text was masked when it was
// kept, so the finding's own offsets do not hold for it.
type Mark struct {
	Start   int `json:"start"`
	End     int `json:"end"`
	Finding int `json:"finding"` // index into the verdict's findings
}

// Passage describes a passage that was looked at, without its text. Findings
// and checks of a record index into these.
type Passage struct {
	Path   string `json:"path"`
	Origin string `json:"origin"`
	Kind   string `json:"kind"`
	Bytes  int    `json:"bytes"`
}

// Intent is what the gate is about to do. It is durable before the upstream is
// called.
type Intent struct {
	ID           string       `json:"id"`
	At           time.Time    `json:"at"`
	Principal    Principal    `json:"principal"`
	Dialect      string       `json:"dialect"`
	Op           string       `json:"op"`
	Model        string       `json:"model,omitempty"`
	Candidate    string       `json:"candidate,omitempty"` // "provider/model" that was released
	Stream       bool         `json:"stream,omitempty"`
	Conversation string       `json:"conversation,omitempty"`
	Label        string       `json:"label,omitempty"`
	Purpose      string       `json:"purpose,omitempty"`
	Synthetic    bool         `json:"synthetic,omitempty"`
	Verdict      risk.Verdict `json:"verdict"` // on the way in
	Passages     []Passage    `json:"passages,omitempty"`
	Permits      []Permit     `json:"permits,omitempty"`
	Received     Digest       `json:"received"` // from the caller
	Sent         Digest       `json:"sent"`     // to the upstream
	Steps        []Step       `json:"steps,omitempty"`
	Kept         []Kept       `json:"-"`
}

// Outcome is what became of an intent.
type Outcome struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Status   int       `json:"status"` // what the caller got
	Upstream int       `json:"upstream,omitempty"`
	// Tries names the candidates that were tried after the intent's own could not be
	// reached, in order, each with the SHA-256 of what it was sent. The last one
	// answered, if any did.
	Tries    []string     `json:"tries,omitempty"` // "provider/model sha256:…"
	Code     string       `json:"code,omitempty"`  // error code in the dialect, where there is one
	End      string       `json:"end"`             // "answered", "blocked", "refused", "failed", "cancelled", "interrupted"
	Verdict  risk.Verdict `json:"verdict"`         // on the way out
	Passages []Passage    `json:"passages,omitempty"`
	Permits  []Permit     `json:"permits,omitempty"`
	Answered Digest       `json:"answered"` // what the caller really got
	Input    int          `json:"input_tokens,omitempty"`
	Output   int          `json:"output_tokens,omitempty"`
	Cost     int64        `json:"cost_micro,omitempty"` // in millionths of the currency that prices are in; 0: nothing, or no price
	// Estimated means that the provider did not say what it counted: tokens and cost
	// are the gate's own guess.
	Estimated bool `json:"estimated,omitempty"`
	// Omitted counts calls of the same system that were refused before this one as
	// early as this one, and have no record of their own: there were too many.
	Omitted int `json:"omitted,omitempty"`
	// Masked counts what was hidden from the provider and put back; nil: nothing was.
	Masked *Masked `json:"masked,omitempty"`
	Steps  []Step  `json:"steps,omitempty"`
	Kept   []Kept  `json:"-"`
}

// Masked counts values: those hidden from a provider, and placeholders in its answer that
// were put back, were withheld from a caller without the right, stand for nothing known, or
// were changed by the model.
type Masked struct {
	Hidden   int `json:"hidden,omitempty"`
	Restored int `json:"restored,omitempty"`
	Withheld int `json:"withheld,omitempty"`
	Unknown  int `json:"unknown,omitempty"`
	Altered  int `json:"altered,omitempty"`
}

// Act is an administrative operation: intended, applied, done, each recorded.
type Act struct {
	ID     string            `json:"id"` // "act_…"; the same in all phases
	At     time.Time         `json:"at"`
	Phase  string            `json:"phase"` // "intended", "applied", "done", "failed", "refused"
	Kind   string            `json:"kind"`  // "key.create"
	By     string            `json:"by"`
	Teams  []string          `json:"teams,omitempty"` // that whoever did it was limited to
	Target string            `json:"target,omitempty"`
	Reason string            `json:"reason,omitempty"`
	Detail map[string]string `json:"detail,omitempty"`
}

// Receipt is a signed promise that an exchange is in the log. Compact is what
// the response header carries.
type Receipt struct {
	Exchange string
	Compact  string
}

// Place says where in the log a record is. Index is -1 until its leaf is in.
type Place struct {
	Log   string `json:"log"`
	Index int64  `json:"index"`
	Leaf  string `json:"leaf"` // hex SHA-256 leaf hash
}

// Record is what the ledger keeps of an exchange or an act. Outcome is nil
// while the exchange is open, or for ever when it was interrupted.
type Record struct {
	Seq         uint64   `json:"seq"`
	Intent      *Intent  `json:"intent,omitempty"`
	Outcome     *Outcome `json:"outcome,omitempty"`
	Act         *Act     `json:"act,omitempty"`
	Interrupted bool     `json:"interrupted,omitempty"` // may have reached the provider
	Place       Place    `json:"place"`
}

// Canary reports whether the red team made the call, and no user.
func (r *Record) Canary() bool { return r.Intent != nil && r.Intent.Principal.Kind == Canary }

// ID is the exchange's or act's id.
func (r *Record) ID() string {
	switch {
	case r.Intent != nil:
		return r.Intent.ID
	case r.Outcome != nil:
		return r.Outcome.ID
	case r.Act != nil:
		return r.Act.ID
	}
	return ""
}

// At is when the exchange began or the act happened.
func (r *Record) At() time.Time {
	switch {
	case r.Intent != nil:
		return r.Intent.At
	case r.Outcome != nil:
		return r.Outcome.At
	case r.Act != nil:
		return r.Act.At
	}
	return time.Time{}
}

// Decision is the stronger of the verdicts in and out.
func (r *Record) Decision() risk.Decision {
	d := risk.Allow
	if r.Intent != nil {
		d = max(d, r.Intent.Verdict.Decision)
	}
	if r.Outcome != nil {
		d = max(d, r.Outcome.Verdict.Decision)
	}
	return d
}

// Query selects records, newest first unless Oldest. Zero fields select
// everything.
type Query struct {
	ID        string
	System    string
	Teams     []string // exchanges of any of them
	Model     string
	Kind      string // "exchange", "act"; "" both
	Users     bool   // nothing that the red team's canaries called
	Canaries  bool   // nothing but that
	Decisions []risk.Decision
	Category  risk.Category
	Since     time.Time
	Until     time.Time
	Before    uint64 // only records with a Seq below it; for paging
	After     uint64 // only records with a Seq above it; for live tail
	Oldest    bool
	Limit     int
	Content   bool // open what was kept (needs the right to)
}

// ErrFull means that nothing more can be recorded now, so nothing may be
// forwarded either; the caller may try again later.
var ErrFull = errors.New("record: the ledger has no room")

// ErrUnavailable means that the ledger cannot make anything durable.
var ErrUnavailable = errors.New("record: the ledger cannot write")

// Recorder makes exchanges and acts durable. Every method returns only when the
// bytes are safe, or an error.
type Recorder interface {
	Begin(context.Context, Intent) (Receipt, error)
	Finish(context.Context, Outcome) error
	Act(context.Context, Act) error
}

// Reader reads records back.
type Reader interface {
	Records(context.Context, Query) iter.Seq2[Record, error]
}

// Subjects are named in clear to whoever seals, and kept as keyed hashes. [Principal.Subject]
// names callers; ValueSubject names whom a value is about by the value itself.
func ValueSubject(value string) string { return "value:" + value }

// Subject names the principal as a subject.
func (p Principal) Subject() string { return p.Kind + ":" + p.ID }

// Noting says where values of subjects lie in one side of an exchange, so that they can
// be found again.
type Noting struct {
	Exchange, System string
	At               time.Time
	Output           bool
	Places           []SubjectPlace
}

// SubjectPlace is one text in which something of a subject lies. Kind "text" is the text
// itself, of which the subject is who wrote it.
type SubjectPlace struct {
	Subject, Kind, Path string
}

// Sealer encrypts what policy keeps, each value under the keys of its subjects: a value is
// gone as soon as the key of one of them is.
type Sealer interface {
	Seal(subjects []string, plain []byte) ([]byte, error)
	Open([]byte) ([]byte, error)
}
