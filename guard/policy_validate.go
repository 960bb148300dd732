package guard

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/llm"
)

// Fault is one thing wrong with a policy, at a path such as
// "rules[0].pattern".
type Fault struct{ Path, Problem string }

func (f *Fault) Error() string { return f.Path + ": " + f.Problem }

// faults collects them.
type faults []error

func (f *faults) add(path, format string, args ...any) {
	*f = append(*f, &Fault{path, fmt.Sprintf(format, args...)})
}

func (f *faults) oneOf(path, v string, allowed ...string) {
	if v != "" && !slices.Contains(allowed, v) {
		f.add(path, "%q is not one of %s", v, strings.Join(allowed, ", "))
	}
}

func (f *faults) action(path string, a Action) {
	f.oneOf(path, string(a), "allow", "flag", "mask", "hold", "block")
}

// Validate returns everything that is wrong with the policy, each as a *Fault.
func (p Policy) Validate() []error {
	var f faults
	f.oneOf("mode", p.Mode, "enforce", "monitor")
	f.oneOf("block_as", p.BlockAs, "error", "answer")
	f.oneOf("provider_state", p.ProviderState, "refuse", "allow")
	f.oneOf("output.hold", p.Output.Hold, "prefix", "sentence", "all")
	f.oneOf("output.grounding", p.Output.Grounding, "annotate", "off")
	p.validateMode(&f)
	for path, a := range map[string]Action{"on_error.input": p.OnError.Input, "on_error.output": p.OnError.Output,
		"secrets.input": p.Secrets.Input, "secrets.output": p.Secrets.Output} {
		f.action(path, a)
	}
	// There is nothing to mask in what cannot be read.
	for kind, a := range p.Unreadable {
		f.oneOf("unreadable", kind, unreadableKinds...)
		f.oneOf("unreadable."+kind, string(a), "allow", "flag", "hold", "block")
	}
	p.validateThresholds(&f)
	seen := map[string]bool{}
	for i, r := range p.Rules {
		r.validate(&f, fmt.Sprintf("rules[%d]", i), seen)
	}
	validateAllow(p.Allow, &f)
	p.Second.validate(&f)
	p.Labels.validate(p.Rules, &f)
	for i, e := range p.Mask.Entities {
		path := fmt.Sprintf("mask.entities[%d]", i)
		if !strings.HasPrefix(e.Name, "pii.") && !strings.HasPrefix(e.Name, "secret.") {
			f.add(path, "%q does not begin with pii. or secret.", e.Name)
		}
		f.action(path, e.Action)
		f.oneOf(path+".as", e.As, "placeholder", "fake", "redact")
		for origin, a := range e.From {
			if _, ok := llm.ParseOrigin(origin); !ok {
				f.add(path+".from", "%q is no origin", origin)
			}
			f.action(path+".from."+origin, a)
		}
	}
	f.oneOf("mask.as", p.Mask.As, "placeholder", "fake", "redact")
	if !keepTime(p.Keep.Records) {
		f.add("keep.records", "%q is not a number of days such as 395d", p.Keep.Records)
	}
	if c := p.Keep.Content; c != "none" && c != "masked" && !keepTime(c) {
		f.add("keep.content", "%q is not none, masked or a number of days", c)
	}
	// Maps have no order, and an operator wants the same list twice.
	slices.SortFunc(f, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return f
}

func (p *Policy) validateMode(f *faults) {
	_, err := time.Parse(time.DateOnly, p.Until)
	switch {
	case p.Mode == "monitor" && p.Until == "":
		f.add("until", "monitor needs a date: until: 2026-12-31")
	case p.Mode != "monitor" && p.Until != "":
		f.add("until", "only monitor ends")
	case p.Until != "" && err != nil:
		f.add("until", "%q is not a date such as 2026-12-31", p.Until)
	}
}

func (p *Policy) validateThresholds(f *faults) {
	for key, by := range p.Thresholds {
		if !slices.Contains(thresholdKeys, key) {
			f.add("thresholds."+key, "is neither a family (%s) nor a category", strings.Join(thresholdKeys[:familyKeys], ", "))
		}
		for origin, l := range by {
			path := "thresholds." + key + "." + origin
			o, ok := llm.ParseOrigin(origin)
			if !ok {
				f.add(path, "%q is no origin", origin)
			}
			// Written so that NaN fails, too.
			for _, v := range []float64{l.Observe, l.Flag, l.Hold, l.Excise, l.Block} {
				if !(v >= 0 && v <= 1) {
					f.add(path, "%g is no probability", v)
				}
			}
			l.validateExcise(f, path+".excise", o)
		}
	}
}

// validateExcise refuses excisions that cannot be made, and those that never would be.
func (l Lines) validateExcise(f *faults, path string, o llm.Origin) {
	switch {
	case l.Excise == 0:
	case !slices.Contains(excisable, o):
		f.add(path, "only what is data can lose a part: retrieved, tool, file, unknown, tool_spec; use hold or block")
	case l.Block > 0 && l.Block <= l.Excise, l.Hold > 0 && l.Hold <= l.Excise:
		f.add(path, "never happens: hold or block comes first; put it below them")
	}
}

// familyKeys is how many of thresholdKeys are families.
const familyKeys = 7

// thresholdKeys are the families, the categories they are made of, and the
// harms.
var thresholdKeys = append([]string{"attack", "harm", "markup", "abuse", "leak", "runaway", "obeyed",
	"prompt_injection", "indirect_injection", "jailbreak", "prompt_leak", "hidden_text", "encoded_payload", "tool_misuse",
	"exfiltration_link", "unsafe_markup", "unsafe_code", "resource_abuse"},
	"toxicity", "violent_crime", "nonviolent_crime", "sex_crime", "child_exploitation", "cbrn", "malicious_code", "cyber_attack",
	"self_harm", "hate", "harassment", "sexual_content", "graphic_violence", "defamation", "intellectual_property",
	"privacy_violation", "specialized_advice", "election_misinformation")

// keepTime accepts "" and whole days.
func keepTime(s string) bool {
	if s == "" {
		return true
	}
	days, ok := strings.CutSuffix(s, "d")
	n, err := strconv.Atoi(days)
	return ok && err == nil && n >= 0
}

func (r *Rule) validate(f *faults, path string, seen map[string]bool) {
	if r.ID == "" || seen[r.ID] {
		f.add(path+".id", "%q is empty or taken", r.ID)
	}
	seen[r.ID] = true
	if r.Action == "" {
		f.add(path+".action", "missing")
	}
	f.action(path+".action", r.Action)
	for _, on := range r.On {
		f.oneOf(path+".on", on, "input", "output")
	}
	if e, ok := strings.CutPrefix(r.Entity, "pii."); r.Entity != "" && (!ok || !plainName(e)) {
		f.add(path+".entity", "%q is not pii. and a name of small letters, digits and underscores", r.Entity)
	}
	switch {
	case (r.Phrase == "") == (r.Pattern == ""):
		f.add(path, "needs either a phrase or a pattern")
	case len(r.Phrase) > maxLiteral:
		f.add(path+".phrase", "longer than %d bytes", maxLiteral)
	case r.Phrase != "" && strings.TrimSpace(r.Phrase) == "":
		f.add(path+".phrase", "blank")
	case r.Pattern != "":
		if p, err := compilePattern(r.Pattern); err != nil {
			f.add(path+".pattern", "%v", err)
			// It would match between any two letters of every text.
		} else if p.re.MatchString("") {
			f.add(path+".pattern", "matches the empty text")
		}
	}
}

// plainName reports whether a name is one of small letters, digits and underscores.
func plainName(s string) bool {
	return s != "" && len(s) <= 48 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}
