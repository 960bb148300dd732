package redteam

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Failure is why so many attempts failed, or could not be judged.
type Failure struct {
	Side     string `json:"side"`  // who did not do its part: "target", "attacker", "judge", or "own" side
	Class    string `json:"class"` // as that of an [Exchange]
	Attempts int    `json:"attempts"`
}

// The sides beside the roles.
const (
	targetSide = "target"
	ownSide    = "own"
)

// failure says why an attempt failed, or why a judge said nothing of it; false: neither.
func (r *Result) failure() (Failure, bool) {
	f := Failure{Side: targetSide, Attempts: 1}
	switch {
	case r.Outcome != Failed:
		f.Side, f.Class = string(JudgeRole), lastError(r.Asked, JudgeRole)
		return f, f.Class != "" && r.Score.Verdict == Unknown
	case r.Error != "":
		if f.Side, f.Class = string(AttackerRole), lastError(r.Asked, AttackerRole); f.Class == "" {
			_, why, found := strings.Cut(r.Error, ": ")
			if f.Side, f.Class = ownSide, why; !found {
				f.Class = r.Error
			}
		}
	case len(r.Replies) > 0:
		f.Class = r.Replies[len(r.Replies)-1].Error
	}
	f.Class = cmp.Or(nameOnly(f.Class), "nothing was said of why")
	return f, true
}

// lastError is why the last question to a role has no answer; "": it has one.
func lastError(asked []Question, role Role) string {
	for _, q := range slices.Backward(asked) {
		if q.Role == role {
			return q.Error
		}
	}
	return ""
}

// failing counts why attempts failed.
type failing map[Failure]int

func (f failing) take(r *Result) {
	if one, failed := r.failure(); failed {
		f[one]++
	}
}

// list has the most frequent first.
func (f failing) list() (out []Failure) {
	for one, n := range f {
		one.Attempts = n
		out = append(out, one)
	}
	slices.SortFunc(out, func(x, y Failure) int {
		return cmp.Or(cmp.Compare(y.Attempts, x.Attempts), cmp.Compare(x.Side, y.Side), cmp.Compare(x.Class, y.Class))
	})
	return out
}

// maxClasses bounds how many reasons a line has.
const maxClasses = 6

// Failing says why attempts failed, and why the judge said nothing of some, in a line each.
func (a *Analysis) Failing() (out []string) {
	of := func(judge bool, what string) {
		var parts []string
		sum, rest := 0, 0
		for _, f := range a.Failures {
			if (f.Side == string(JudgeRole)) != judge {
				continue
			}
			if sum += f.Attempts; len(parts) == maxClasses {
				rest += f.Attempts
				continue
			}
			who := ""
			if f.Side != targetSide && f.Side != ownSide {
				who = f.Side + " "
			}
			parts = append(parts, fmt.Sprintf("%d %s%s", f.Attempts, who, f.Class))
		}
		if rest > 0 {
			parts = append(parts, fmt.Sprintf("%d for other reasons", rest))
		}
		if sum > 0 {
			out = append(out, fmt.Sprintf("%d %s: %s", sum, what, strings.Join(parts, ", ")))
		}
	}
	of(false, "failed")
	of(true, "not judged")
	return out
}
