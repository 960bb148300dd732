// Package risk is the result every part of Bartizan returns: what was looked
// at, what was found, what follows.
//
// A [Verdict] always travels as decision, findings and checks together. What
// failed to run is part of it, never a skip: the zero [State] of a check is
// [NotRun], which claims nothing. No type here ever carries the text that was
// looked at. This package's API is promised.
package risk

import (
	"encoding/json"
	"fmt"
	"time"
)

// Category names what was found: "prompt_injection", "secret.github_pat".
type Category string

// The categories that are not harms, entities or secrets. Harm categories,
// "pii.…" and "secret.…" are listed in the contract.
const (
	PromptInjection   Category = "prompt_injection"
	IndirectInjection Category = "indirect_injection"
	Jailbreak         Category = "jailbreak"
	PromptLeak        Category = "prompt_leak"
	HiddenText        Category = "hidden_text"
	EncodedPayload    Category = "encoded_payload"
	ExfiltrationLink  Category = "exfiltration_link"
	UnsafeMarkup      Category = "unsafe_markup"
	UnsafeCode        Category = "unsafe_code"
	ResourceAbuse     Category = "resource_abuse"
	PolicyBoundary    Category = "policy_boundary"
	Ungrounded        Category = "ungrounded"
	LabelViolation    Category = "label_violation"
	ToolMisuse        Category = "tool_misuse"
	Unreadable        Category = "unreadable"
	CheckFailed       Category = "check_failed"
)

// Ref cites an item of a framework: {"OWASP-LLM", "LLM01:2026"}.
type Ref struct {
	Framework string `json:"framework"`
	Item      string `json:"item"`
}

// String joins framework and item the way the contract prints refs.
func (r Ref) String() string {
	switch r.Framework {
	case "OWASP-LLM":
		return "OWASP-" + r.Item
	case "MITRE-ATLAS":
		return r.Item
	}
	return r.Framework + ":" + r.Item
}

// Severity ranks a finding.
type Severity uint8

// The severities.
const (
	Low Severity = iota
	Medium
	High
	Critical
)

// Decision is what follows from a verdict. The strongest wins.
type Decision uint8

// The decisions, weakest first.
const (
	Allow Decision = iota
	Flag
	Mask
	Hold
	Block
)

// Impact says which property an attack would hurt.
type Impact uint8

// The impacts.
const (
	NoImpact Impact = iota
	Integrity
	Confidentiality
	Availability
	Harm
)

// State of a check. NotRun, the zero value, never claims one; Skipped means by
// policy, or because the detector cannot read this kind.
type State uint8

// The states of a check.
const (
	NotRun State = iota
	Ran
	Skipped
	Failed
	Late
)

// Met says whether a control is met by a piece of evidence.
type Met uint8

// The three answers; Unknown is not met.
const (
	Unknown Met = iota
	IsMet
	NotMet
)

// Fact says how a piece of evidence came to be known.
type Fact uint8

// The kinds of fact.
const (
	Unresolved Fact = iota
	Declared
	Observed
)

// Finding is what a detector, attack, rule or check found. It never carries the
// text.
type Finding struct {
	Category   Category `json:"category"`
	Detector   string   `json:"detector"` // "injection/override@3"
	Severity   Severity `json:"severity"`
	Confidence float64  `json:"confidence"` // calibrated probability
	Passage    int      `json:"passage"`    // index into the passages given; -1: all of them
	Start      int      `json:"start"`      // bytes of that passage's Text
	End        int      `json:"end"`
	Impact     Impact   `json:"impact"`
	Refs       []Ref    `json:"refs,omitempty"`
	// Decision is what policy made of this finding; Allow until it has.
	Decision Decision `json:"decision"`
	// Says is the operator's own sentence for people, where a rule has one.
	Says string `json:"says,omitempty"`
	// Allowed is the id of the policy's entry that took the finding down to Allow.
	Allowed string `json:"allowed,omitempty"`
}

// Check says which passages a detector read to the last byte.
type Check struct {
	Detector string        `json:"detector"`
	State    State         `json:"state"`
	Passages []int         `json:"passages,omitempty"`
	Err      string        `json:"err,omitempty"` // never holds the text that was read
	Took     time.Duration `json:"took"`
}

// Verdict is a decision with all that led to it. Policy is name@digest.
type Verdict struct {
	Decision Decision  `json:"decision"`
	Policy   string    `json:"policy"`
	Findings []Finding `json:"findings,omitempty"`
	Checks   []Check   `json:"checks,omitempty"`
}

// First returns the finding that decided: the first one whose decision is the
// verdict's. Nothing decides to allow: what is only observed is no reason.
func (v *Verdict) First() (Finding, bool) {
	if v.Decision == Allow {
		return Finding{}, false
	}
	for _, f := range v.Findings {
		if f.Decision == v.Decision {
			return f, true
		}
	}
	return Finding{}, false
}

// Evidence binds a result to a control. Record resolves offline: "log@index" or
// a range.
type Evidence struct {
	Control Ref       `json:"control"`
	System  string    `json:"system"`
	Fact    Fact      `json:"fact"`
	Met     Met       `json:"met"`
	Detail  string    `json:"detail"`
	Record  string    `json:"record"`
	At      time.Time `json:"at"`
}

var (
	severityNames = []string{"low", "medium", "high", "critical"}
	decisionNames = []string{"allow", "flag", "mask", "hold", "block"}
	impactNames   = []string{"", "integrity", "confidentiality", "availability", "harm"}
	stateNames    = []string{"not_run", "ran", "skipped", "failed", "late"}
	metNames      = []string{"unknown", "met", "not_met"}
	factNames     = []string{"unresolved", "declared", "observed"}
)

func name[T ~uint8](names []string, v T) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("invalid(%d)", uint8(v))
}

func parse[T ~uint8](what string, names []string, data []byte, v *T) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("risk: a %s is a string: %w", what, err)
	}
	for i, n := range names {
		if n == s {
			*v = T(i)
			return nil
		}
	}
	return fmt.Errorf("risk: %q is no %s", s, what)
}

// ParseDecision is the inverse of [Decision.String].
func ParseDecision(s string) (Decision, bool) {
	for i, n := range decisionNames {
		if n == s {
			return Decision(i), true
		}
	}
	return Allow, false
}

func (s Severity) String() string { return name(severityNames, s) }
func (d Decision) String() string { return name(decisionNames, d) }
func (i Impact) String() string   { return name(impactNames, i) }
func (s State) String() string    { return name(stateNames, s) }
func (m Met) String() string      { return name(metNames, m) }
func (f Fact) String() string     { return name(factNames, f) }

// MarshalJSON writes the name.
func (s Severity) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalJSON writes the name.
func (d Decision) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// MarshalJSON writes the name.
func (i Impact) MarshalJSON() ([]byte, error) { return json.Marshal(i.String()) }

// MarshalJSON writes the name.
func (s State) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalJSON writes the name.
func (m Met) MarshalJSON() ([]byte, error) { return json.Marshal(m.String()) }

// MarshalJSON writes the name.
func (f Fact) MarshalJSON() ([]byte, error) { return json.Marshal(f.String()) }

// UnmarshalJSON reads the name and refuses any other.
func (s *Severity) UnmarshalJSON(b []byte) error { return parse("severity", severityNames, b, s) }

// UnmarshalJSON reads the name and refuses any other.
func (d *Decision) UnmarshalJSON(b []byte) error { return parse("decision", decisionNames, b, d) }

// UnmarshalJSON reads the name and refuses any other.
func (i *Impact) UnmarshalJSON(b []byte) error { return parse("impact", impactNames, b, i) }

// UnmarshalJSON reads the name and refuses any other.
func (s *State) UnmarshalJSON(b []byte) error { return parse("state", stateNames, b, s) }

// UnmarshalJSON reads the name and refuses any other.
func (m *Met) UnmarshalJSON(b []byte) error { return parse("met", metNames, b, m) }

// UnmarshalJSON reads the name and refuses any other.
func (f *Fact) UnmarshalJSON(b []byte) error { return parse("fact", factNames, b, f) }
