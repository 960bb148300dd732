package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/privacy"
)

// Order returns the labels in their order.
func (f *File) Order() []string {
	if len(f.Labels) == 0 {
		return privacy.Standard
	}
	return f.Labels
}

// Classes returns the labels with all names that mean them.
func (f *File) Classes() (*privacy.Labels, error) { return privacy.NewLabels(f.Labels, f.LabelNames) }

// Profile is what a provider does with data, as the file says it.
func (v Provider) Profile() privacy.Profile { return v.Handling.profile(v.URL, v.Dialect) }

// StageProfile is what a stage does with what it is shown. What stands on the operator's own ground
// may see everything.
func (f *File) StageProfile(s Stage) privacy.Profile {
	if s.Private && !s.Handling.said() {
		return Handling{Training: "never", Retention: "none", Region: "on_premises", Ceiling: f.Order()[len(f.Order())-1]}.profile(s.URL, s.Kind)
	}
	return s.Handling.profile(s.URL, s.Kind)
}

// said reports whether anything is said of handling.
func (h Handling) said() bool { return !reflect.DeepEqual(h, Handling{}) }

func (h Handling) profile(url, dialect string) privacy.Profile {
	return privacy.Profile{URL: url, Dialect: dialect, Training: h.Training, Sharing: h.Sharing, Retention: h.Retention, AbuseMonitoring: h.AbuseMonitoring, HumanReview: h.HumanReview,
		Region: h.Region, SubProcessors: h.SubProcessors, Contract: h.Contract, Basis: h.Basis, Highest: h.Ceiling}
}

func (p *parser) label(f *File, at, label string) {
	if label != "" && !slices.Contains(f.Order(), label) {
		p.at(at, "%q is no label; the labels are %s", label, strings.Join(f.Order(), ", "))
	}
}

func (p *parser) labels(f *File) {
	seen := map[string]bool{}
	for i, name := range f.Labels {
		if !nameOf.MatchString(name) {
			p.at(fmt.Sprintf("labels[%d]", i), "a name is letters, digits, dots, dashes and underscores, 64 at most")
		}
		seen[strings.ToLower(name)] = true
	}
	if n := len(f.Labels); n != 0 && (n != 4 || len(seen) != 4) {
		p.at("labels", "must be four names, from the least to the most sensitive")
	}
	for _, name := range names(f.LabelNames) {
		p.label(f, "label_names."+name, f.LabelNames[name])
		if _, err := privacy.NewLabels(nil, map[string]string{name: privacy.Standard[0]}); err != nil {
			p.at("label_names."+name, "cannot name a label; use 1 to 64 bytes of letters and digits")
		}
	}
}

// handling checks what is said of a provider or a stage, and notices what is not: it gets public
// data only.
func (p *parser) handling(f *File, at string, profile privacy.Profile) {
	l, err := privacy.NewLabels(f.Labels, nil)
	if err != nil {
		return // was said already
	}
	faults := profile.Faults(l)
	for _, one := range faults {
		p.at(at+".handling."+one.Key, "%s", one.Problem)
	}
	if unknown := profile.Unknown(); len(unknown) > 0 && len(faults) == 0 {
		f.notices = append(f.notices, Fault{Line: p.line(at), Path: at + ".handling", Problem: fmt.Sprintf("does not say %s, so that only %s data may go there; what is labelled higher is refused",
			strings.Join(unknown, ", "), l.Name(privacy.Public))})
	}
}

// use finds a use that nobody makes: with a slip in it, a provider would need no consent.
func (p *parser) use(f *File, at, use string) {
	if err := privacy.CheckUse(use); err != nil {
		p.at(at, "%s", err)
		return
	}
	kind, name, _ := strings.Cut(use, ":")
	switch kind {
	case "provider":
		if _, stage := f.Stages[name]; !stage && !has(f.Providers, name) {
			p.at(at, "there is no provider %q%s", name, among(name, names(f.Providers)))
		}
	case "region":
		made := func(h Handling) bool { return h.Region == "" || strings.EqualFold(h.Region, name) }
		for _, v := range f.Providers {
			if made(v.Handling) {
				return
			}
		}
		for _, s := range f.Stages {
			if made(s.Handling) {
				return
			}
		}
		f.notices = append(f.notices, Fault{Line: p.line(at), Path: at, Problem: fmt.Sprintf("no provider says that its region is %s, so that nothing needs this consent", name)})
	}
}

// undetected notices labels for what nothing here can find.
func (p *parser) undetected(f *File, at string, policy guard.Policy) {
	for _, kind := range names(policy.Labels.Detected) {
		own := slices.ContainsFunc(policy.Rules, func(r guard.Rule) bool { return r.Entity == kind })
		if strings.HasPrefix(kind, "pii.") && !own && !slices.Contains(Entities, kind) {
			f.notices = append(f.notices, Fault{Line: p.line(at + kind), Path: at + kind, Problem: "nothing in this version finds it; it finds " + strings.Join(Entities, ", ") + " and what rules with an entity say"})
		}
	}
}
