package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/privacy"
)

// sensitivity is how sensitive an exchange is, and why.
type sensitivity struct {
	stated   bool             // the caller says
	says     privacy.Label    // what
	fixed    privacy.Label    // what no masking brings down: said, marked, or had before
	found    []guard.Labelled // what was detected, and can be masked
	label    privacy.Label    // the highest of all
	spoken   privacy.ConversationID
	remember bool // the conversation has a name, and a memory
}

// stated reads what the caller says of the call. A word that means nothing here would be
// taken for something by whoever sent it.
func (x *exchange) stated() *dialect.Fault {
	for _, v := range x.r.Header.Values("Bartizan-Label") {
		l, ok := x.plan.Labels.Parse(v)
		if !ok {
			return &dialect.Fault{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "label_unknown",
				Message: "The header Bartizan-Label says nothing that is known here; the labels are " + strings.Join(x.plan.Labels.Names(), ", ") + "."}
		}
		x.sensitive.stated, x.sensitive.says = true, max(x.sensitive.says, l)
	}
	return nil
}

// mark finds the label that no masking brings down: the highest of what the caller says (or
// policy, where the caller says nothing), what documents say of themselves, and what the
// conversation had.
func (x *exchange) mark() *dialect.Fault {
	if x.route.Op == llm.OpList {
		return nil
	}
	s, labels := &x.sensitive, x.plan.Labels
	s.fixed = privacy.General
	if named := x.policy.Policy().Labels.Default; named != "" {
		s.fixed = labelNamed(labels, named)
	}
	if s.stated {
		s.fixed = s.says
	}
	for i := range x.request.Passages {
		if p := &x.request.Passages[i]; marks(p) {
			if m, ok := labels.Marking(p.Text); ok {
				s.fixed = max(s.fixed, m)
			}
		}
	}
	return x.recall()
}

// classify finds the label of the exchange: the highest of that and of what was found.
func (x *exchange) classify() *dialect.Fault {
	if x.route.Op == llm.OpList {
		return nil
	}
	s := &x.sensitive
	for _, l := range x.judgement.Labelled {
		if p := &x.request.Passages[l.Passage]; p.Sealed || p.Seam > 0 || p.Path == llm.Headers {
			s.fixed = max(s.fixed, labelNamed(x.plan.Labels, l.Label)) // what cannot be edited cannot be hidden
		} else {
			s.found = append(s.found, l)
		}
	}
	x.settleLabel()
	return nil
}

// confidant lets a second stage see a call up to its ceiling. A stage that is asked through the
// gate itself says how the call is labelled, and is released like any other.
func (x *exchange) confidant(ctx context.Context, stage string, found []guard.Labelled) (context.Context, bool) {
	label := x.sensitive.fixed
	for _, l := range found {
		label = max(label, labelNamed(x.plan.Labels, l.Label))
	}
	return context.WithValue(ctx, labelKey{}, x.plan.Labels.Name(label)), x.confides(stage, label)
}

// confides reports whether a stage may see what has a label.
func (x *exchange) confides(stage string, label privacy.Label) bool {
	s := x.plan.Stages[stage]
	if label == privacy.Public {
		return true
	}
	return label <= s.Ceiling && (s.Terms == nil || s.Terms.Needs(stage, x.policy.Policy().Consent) == nil)
}

type labelKey struct{}

// AskedFor is the label of the call for which a second stage is asked; "" where none is.
func AskedFor(ctx context.Context) string {
	label, _ := ctx.Value(labelKey{}).(string)
	return label
}

// marks reports whether a passage is a text that can say how sensitive it is. What a tool
// is described by is nobody's document.
func marks(p *llm.Passage) bool {
	return p.Origin != llm.OriginToolSpec && p.Seam == 0 && p.Path != llm.Headers && p.Channel.Kind != llm.KindName && p.Channel.Kind != llm.KindMedia
}

// labelNamed returns the label that a policy names; the highest for a name that is none, which
// configuration does not let pass.
func labelNamed(l *privacy.Labels, name string) privacy.Label {
	if label, ok := l.Named(name); ok {
		return label
	}
	return privacy.HighlyConfidential
}

// settleLabel takes the highest of what is known, and says it.
func (x *exchange) settleLabel() {
	s := &x.sensitive
	s.label = s.fixed
	for _, l := range s.found {
		s.label = max(s.label, labelNamed(x.plan.Labels, l.Label))
	}
	x.intent.Label = x.plan.Labels.Name(s.label)
	x.w.Header().Set("Bartizan-Label", x.intent.Label)
}

// recall asks which label the conversation had, where it has a name.
func (x *exchange) recall() *dialect.Fault {
	c, s := x.gate.cfg.Conversations, &x.sensitive
	if c == nil || x.intent.Conversation == "" {
		return nil
	}
	s.spoken, s.remember = c.ID(x.principal.System, x.principal.Kind, x.principal.ID, x.intent.Conversation), true
	had, err := c.Highest(x.r.Context(), s.spoken)
	if err != nil {
		return forgetful()
	}
	s.fixed = max(s.fixed, had)
	return nil
}

// retain makes the conversation keep the label, whether the call goes on or not: what was
// refused once is not let through by leaving a word out.
func (x *exchange) retain(label privacy.Label) *dialect.Fault {
	if !x.sensitive.remember {
		return nil
	}
	if err := x.gate.cfg.Conversations.Raise(context.WithoutCancel(x.r.Context()), x.sensitive.spoken, label); err != nil {
		return forgetful()
	}
	return nil
}

func forgetful() *dialect.Fault {
	return &dialect.Fault{Status: http.StatusServiceUnavailable, Type: "server_error", Code: "store_unavailable", Retry: true, After: 10,
		Message: "The gate cannot reach its store and so does not know how sensitive this conversation is; try again in a few seconds."}
}

// may are the candidates that may have a call, one by one, and why others may not.
type may struct {
	yes       []Candidate
	suspended bool   // one was left out that only its changed profile keeps from it
	denied    bool   // one was left out by a permit
	disagreed string // the use of one that was left out, to which somebody did not agree
	persons   int    // how many whom the call names did not
	unasked   bool   // one was left out because consents could not be read
}

// released returns those candidates that may have the call as it is labelled now. No other
// one is ever called.
func (x *exchange) released(all []Candidate) (m may) {
	label := x.sensitive.label
	for _, c := range all {
		switch {
		case label > c.Ceiling:
		case x.suspended(c):
			m.suspended = true
		case !x.mayHave(c):
			m.denied = true
		case !x.agreed(c, &m):
		default:
			m.yes = append(m.yes, c)
		}
	}
	return m
}

// suspended reports whether the profile of a provider is not the one that was agreed to.
func (x *exchange) suspended(c Candidate) bool {
	p := x.gate.cfg.Profiles
	return p != nil && !p.Holds(c.Provider, c.Profile)
}

// mayHave asks the permits whether a provider may have the call.
func (x *exchange) mayHave(c Candidate) bool {
	label := x.plan.Labels.Name(x.sensitive.label)
	p := x.askOf(question{access.Release, c.Provider, label}, map[string]string{"label": label, "region": c.Terms.Region, "training": c.Terms.Training, "purpose": x.intent.Purpose})
	x.intent.Permits = permitted(x.intent.Permits, p)
	return p.Allowed
}

// ceiling is the highest label that a call to a candidate may have.
func (x *exchange) ceiling(c Candidate) privacy.Label {
	most := privacy.HighlyConfidential
	if named := x.system.MaxLabel; named != "" {
		if l, ok := x.plan.Labels.Named(named); ok {
			most = l
		} else {
			most = privacy.Public
		}
	}
	return min(most, c.Ceiling)
}

// admitLabel makes the call one that a candidate may have, as policy wants it, or says why
// none may.
func (x *exchange) admitLabel(all []Candidate) *dialect.Fault {
	s := &x.sensitive
	above := x.policy.Policy().Labels.Above
	if above == "mask" {
		x.maskDown(all)
	}
	keep := s.label
	if above == "mask" && !slices.ContainsFunc(all, func(c Candidate) bool { return s.label <= x.ceiling(c) }) {
		keep = s.fixed // the rest can be hidden next time as well
	}
	if f := x.retain(keep); f != nil {
		return f
	}
	if most := x.ceiling(Candidate{Ceiling: privacy.HighlyConfidential}); s.label > most {
		return x.tooHigh("your system may handle nothing above "+x.plan.Labels.Name(most), "use a system that may, or leave out what is so sensitive")
	}
	if first := slices.IndexFunc(all, func(c Candidate) bool { return !x.suspended(c) }); above == "refuse" && first >= 0 && s.label > all[first].Ceiling {
		return x.tooHigh("the provider of this model may have nothing above "+x.plan.Labels.Name(all[first].Ceiling), "use another model, or leave out what is so sensitive")
	}
	return nil
}

// maskDown hides what was found, where that brings the label down to what the first
// candidate may have that may have the rest.
func (x *exchange) maskDown(all []Candidate) {
	s := &x.sensitive
	for _, c := range all {
		most := x.ceiling(c)
		switch {
		case x.suspended(c) || s.fixed > most:
			continue
		case s.label <= most:
			return
		}
		var hide []guard.Labelled
		s.found = slices.DeleteFunc(s.found, func(l guard.Labelled) bool {
			high := labelNamed(x.plan.Labels, l.Label) > most
			if high {
				hide = append(hide, l)
			}
			return high
		})
		x.judgement.Verdict = x.intent.Verdict
		x.judgement.Hide(hide)
		x.intent.Verdict = x.judgement.Verdict
		x.w.Header().Set("Bartizan-Decision", x.intent.Verdict.Decision.String())
		x.settleLabel()
		return
	}
}

// tooHigh refuses a call for its label, and says nothing of what it holds.
func (x *exchange) tooHigh(why, what string) *dialect.Fault {
	return &dialect.Fault{Status: http.StatusForbidden, Type: "permission_error", Code: "label_too_high",
		Message: fmt.Sprintf("The call is labelled %s, and %s; %s.", x.plan.Labels.Name(x.sensitive.label), why, what)}
}

// unreleased says why no candidate may have the call.
func (x *exchange) unreleased(all []Candidate, m may) *dialect.Fault {
	switch {
	case m.suspended:
		return &dialect.Fault{Status: http.StatusServiceUnavailable, Type: "server_error", Code: "provider_suspended",
			Message: "What is known of the provider of this model changed, and nobody has approved it yet; ask the operator of this gate to look at the page Providers."}
	case m.unasked:
		return &dialect.Fault{Status: http.StatusServiceUnavailable, Type: "server_error", Code: "store_unavailable", Retry: true, After: 10,
			Message: "The gate cannot reach its store and so does not know who agreed to what; try again in a few seconds."}
	case m.disagreed != "":
		return x.disagreed(m)
	case m.denied:
		return &dialect.Fault{Status: http.StatusForbidden, Type: "permission_error", Code: "release_denied",
			Message: fmt.Sprintf("A permit keeps calls that are labelled %s from every provider of this model; use another model, or ask the operator of this gate.", x.plan.Labels.Name(x.sensitive.label))}
	}
	most := privacy.Public
	for _, c := range all {
		most = max(most, c.Ceiling)
	}
	what := "use another model, or leave out what is so sensitive"
	if most == privacy.Public {
		what = "ask the operator of this gate to state under handling what the provider does with data"
	}
	return x.tooHigh("no provider of this model may have anything above "+x.plan.Labels.Name(most), what)
}
