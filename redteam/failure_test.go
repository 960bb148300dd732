package redteam

import (
	"fmt"
	"slices"
	"testing"
)

// TestWhyAttemptsFailed: what failed says why, and on whose side, in one line, and so does what a judge
// said nothing of.
func TestWhyAttemptsFailed(t *testing.T) {
	asked := func(role Role, why string) []Question {
		return []Question{{Role: role, Answer: "x"}, {Role: role, Error: why}}
	}
	unreachable := []Exchange{{Outcome: Answered}, {Outcome: Failed, Error: "unreachable"}}
	list := []Result{
		{Outcome: Failed, Replies: unreachable}, {Outcome: Failed, Replies: unreachable}, {Outcome: Failed, Replies: []Exchange{{Outcome: Failed, Error: "status 500"}}},
		{Outcome: Failed, Error: "attack: asking the attacker's model: timeout", Asked: asked(AttackerRole, "timeout")},
		{Outcome: Failed, Error: "attack: rating is no number from 1 to 10", Asked: []Question{{Role: AttackerRole, Answer: "x"}}},
		{Outcome: Failed},
		{Outcome: Answered, Score: Score{Verdict: Unknown}, Asked: asked(JudgeRole, "unreachable")},
		{Outcome: Answered, Score: Score{Verdict: Miss}, Asked: asked(JudgeRole, "unreachable")}, // somebody else knew
		{Outcome: Answered, Score: Score{Verdict: Unknown}}, {Outcome: Blocked}, {Outcome: Refused},
	}
	f := failing{}
	for i := range list {
		f.take(&list[i])
	}
	a := Analysis{Failures: f.list()}
	if got, want := a.Failing(), []string{"6 failed: 2 unreachable, 1 attacker timeout, 1 rating is no number from 1 to 10, 1 nothing was said of why, 1 status 500", "1 not judged: 1 judge unreachable"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for i := range 20 {
		f.take(&Result{Outcome: Failed, Replies: []Exchange{{Error: fmt.Sprint("status ", 501+i)}}})
	}
	a.Failures = f.list()
	if got := a.Failing()[0]; got != "26 failed: 2 unreachable, 1 attacker timeout, 1 rating is no number from 1 to 10, 1 nothing was said of why, 1 status 500, 1 status 501, 19 for other reasons" {
		t.Error(got)
	}
	if none := (&Analysis{}).Failing(); none != nil {
		t.Errorf("%q", none)
	}
	// A target that nobody reaches.
	h := build(t, 2, nil)
	h.on.fail = func(int64) bool { return true }
	h.mustRun()
	if got := h.analyse(nil).Failing(); len(got) != 1 || got[0] != fmt.Sprintf("%d failed: %[1]d status 500", h.plan.Attempts/2) {
		t.Errorf("%q", got)
	}
}
