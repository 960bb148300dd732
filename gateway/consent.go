package gateway

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// Consents knows who agreed to what.
type Consents interface {
	Agreed(context.Context, privacy.Release) (privacy.Agreement, error)
}

// purpose takes what the call is for from its caller, where the system serves that. A word that
// was let by would stand on the record as if somebody had agreed to it.
func (x *exchange) purpose() *dialect.Fault {
	serves, before := x.system.Serves(), ""
	for _, said := range x.r.Header.Values("Bartizan-Purpose") {
		if said = strings.TrimSpace(said); said == "" {
			continue
		}
		if !slices.Contains(serves, said) || before != "" && before != said {
			return &dialect.Fault{Status: http.StatusForbidden, Type: "permission_error", Code: "purpose_unknown",
				Message: "The header Bartizan-Purpose names what your system is not there for, or two purposes at once; it serves " + strings.Join(serves, ", ") + "."}
		}
		before = said
	}
	x.intent.Purpose = cmp.Or(before, x.intent.Purpose)
	return nil
}

// agreed reports whether all whom the call concerns agreed to what a provider does with data
// beyond answering. What is public is nobody's, and yet whom it names in clear is asked: a caller
// who calls something public does not speak for them.
func (x *exchange) agreed(c Candidate, m *may) bool {
	uses := c.Terms.Needs(c.Provider, x.policy.Policy().Consent)
	if uses == nil {
		return true
	}
	a := privacy.Agreement{Missing: uses[0]}
	persons, complete := x.inClear()
	r := privacy.Release{Uses: uses, Purpose: x.intent.Purpose, Persons: persons}
	if x.sensitive.label > privacy.Public {
		r.System, r.Caller = x.principal.System, x.principal.Subject()
	} else if complete && len(persons) == 0 {
		return true
	}
	if consents := x.gate.cfg.Consents; consents != nil && complete {
		var err error
		a, err = consents.Agreed(x.r.Context(), r)
		if err != nil {
			m.unasked = true
			return false
		}
	}
	p := record.Permit{Point: "consent", Target: c.Provider, Allowed: a.Missing == "", Reasons: a.Consents}
	if a.Missing != "" {
		m.disagreed, m.persons = a.Missing, max(m.persons, a.Persons)
		p.Reasons = []string{"nobody agreed to " + a.Missing}
	}
	x.intent.Permits = permitted(x.intent.Permits, p)
	return a.Missing == ""
}

// inClear are those whom the call names and policy does not hide, and whether these are all.
// The verdict does not do for it: it leaves out kinds of which policy says nothing, and all but
// the first few of those that are alike.
func (x *exchange) inClear() (persons []string, complete bool) {
	if x.named == nil {
		x.named = new(named)
		x.named.found, x.named.complete = x.policy.Named(x.r.Context(), x.request.Passages)
	}
	for _, f := range x.named.found {
		if !privacy.Identifies(string(f.Category)) || x.masked(f.Passage, f.Start, f.End) {
			continue
		}
		who := record.ValueSubject(x.request.Passages[f.Passage].Text[f.Start:f.End])
		if !slices.Contains(persons, who) {
			if persons = append(persons, who); len(persons) > privacy.MaxPersons {
				return persons, x.named.complete
			}
		}
	}
	return persons, x.named.complete
}

// named is the personal data in a request, and whether that is all.
type named struct {
	found    []risk.Finding
	complete bool
}

// masked reports whether a change takes out all of a place. Changes are in order and do not
// overlap.
func (x *exchange) masked(passage, start, end int) bool {
	changes := x.judgement.Changes
	next, _ := slices.BinarySearchFunc(changes, start, func(c guard.PassageChange, at int) int {
		return cmp.Or(c.Passage-passage, c.End-at-1) // the first that ends behind the start
	})
	return next < len(changes) && changes[next].Passage == passage && changes[next].Start <= start && end <= changes[next].End
}

// disagreed refuses a call to which somebody did not agree, without saying who.
func (x *exchange) disagreed(m may) *dialect.Fault {
	who := "neither its caller nor its system has"
	if m.persons > 0 {
		who = "not everybody whom it concerns has"
	}
	return &dialect.Fault{Status: http.StatusForbidden, Type: "permission_error", Code: "consent_missing",
		Message: fmt.Sprintf("The providers of this model need a consent to %s for the purpose %s, and %s given one; use another model, take people's names out, or ask the owner of your system.", m.disagreed, x.intent.Purpose, who)}
}
