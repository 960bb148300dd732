package risk

import (
	"encoding/json"
	"testing"
)

// TestNames: what is written comes back, and no other word is taken.
func TestNames(t *testing.T) {
	v := Verdict{Decision: Block, Policy: "p@1", Findings: []Finding{{Category: "x", Severity: Critical, Decision: Block, Impact: Harm, Refs: []Ref{{"OWASP-LLM", "LLM01:2026"}}}},
		Checks: []Check{{Detector: "d", State: Late}, {Detector: "e"}}}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back Verdict
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if back.Decision != Block || back.Findings[0].Severity != Critical || back.Findings[0].Impact != Harm || back.Checks[0].State != Late || back.Checks[1].State != NotRun {
		t.Errorf("%s", b)
	}
	for _, bad := range []string{`{"decision":"maybe"}`, `{"decision":4}`, `{"checks":[{"state":"done"}]}`, `{"findings":[{"severity":"huge"}]}`} {
		if json.Unmarshal([]byte(bad), &back) == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// TestFirst: the finding that decided is the first one with the verdict's decision.
func TestFirst(t *testing.T) {
	v := Verdict{Decision: Mask, Findings: []Finding{{Detector: "a", Decision: Flag}, {Detector: "b", Decision: Mask}, {Detector: "c", Decision: Mask}}}
	if f, ok := v.First(); !ok || f.Detector != "b" {
		t.Errorf("%+v", f)
	}
	v.Decision = Block
	if _, ok := v.First(); ok {
		t.Error("a finding decided what none of them says")
	}
}

// TestRefs: references are printed as the contract shows them.
func TestRefs(t *testing.T) {
	for want, r := range map[string]Ref{"OWASP-LLM01:2026": {"OWASP-LLM", "LLM01:2026"}, "AML.T0051": {"MITRE-ATLAS", "AML.T0051"}, "NIST:MS-2.7": {"NIST", "MS-2.7"}} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
