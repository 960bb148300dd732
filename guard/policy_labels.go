package guard

import (
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/risk"
)

// Labelling says how sensitive a text is taken to be, and what follows where a provider may
// not have it. Labels are called as the configuration calls them.
type Labelling struct {
	// Detected gives what is found a label: "secret", "pii", "pii.health" or "rule.ID" of a
	// rule of the same policy. The longest name that fits counts. Left out: what is found has
	// no label.
	Detected map[string]string `json:"detected,omitempty" yaml:"detected"`
	// Default is the label of a text of which nobody says anything; "": the second one.
	Default string `json:"default,omitempty" yaml:"default"`
	// Above says what follows when a provider's ceiling is lower: "candidate" (the next one that
	// may have it; "" means that), "refuse", or "mask" (what was found is hidden where that
	// brings the label down).
	Above string `json:"above,omitempty" yaml:"above"`
}

// Labelled is something that was found and has a label, whatever else follows of it.
type Labelled struct {
	risk.Finding
	Label string
}

func (l Labelling) validate(rules []Rule, f *faults) {
	f.oneOf("labels.above", l.Above, "candidate", "refuse", "mask")
	for name := range l.Detected {
		path := "labels.detected." + name
		if id, ok := strings.CutPrefix(name, "rule."); ok {
			if !slices.ContainsFunc(rules, func(r Rule) bool { return r.ID == id }) {
				f.add(path, "there is no rule %q in this policy", id)
			}
			continue
		}
		if head, _, _ := strings.Cut(name, "."); head != "secret" && head != "pii" || strings.HasSuffix(name, ".") {
			f.add(path, "%q is not secret, pii, one of their kinds such as pii.email, or rule. and the id of a rule", name)
		}
	}
}

// labelOf returns the label of what was found; "": it has none.
func (c *Compiled) labelOf(category risk.Category, detector string) string {
	if id, ok := strings.CutPrefix(detector, "rule/"); ok {
		if label, ok := c.policy.Labels.Detected["rule."+id]; ok {
			return label
		}
	}
	for name := string(category); ; {
		if label, ok := c.policy.Labels.Detected[name]; ok {
			return label
		}
		at := strings.LastIndexByte(name, '.')
		if at < 0 {
			return ""
		}
		name = name[:at]
	}
}

// label collects what was found that has a label. A guess has none, and neither has what the
// operator knows to be harmless.
func (c *Compiled) label(d *draft) {
	if len(c.policy.Labels.Detected) == 0 {
		return
	}
	for _, f := range d.findings {
		if f.Passage < 0 || f.Allowed != "" || f.Confidence < likely {
			continue
		}
		if label := c.labelOf(f.Category, f.Detector); label != "" {
			d.labelled = append(d.labelled, Labelled{f, label})
		}
	}
}

// Hide masks what was found, as policy masks such things, and says so in the verdict.
func (j *Judgement) Hide(found []Labelled) {
	if len(found) == 0 {
		return
	}
	v := &j.Verdict
	for _, l := range found {
		f := l.Finding
		f.Decision = risk.Mask
		i := slices.IndexFunc(v.Findings, func(o risk.Finding) bool {
			return o.Detector == f.Detector && o.Category == f.Category && o.Passage == f.Passage && o.Start == f.Start && o.End == f.End
		})
		if i < 0 {
			v.Findings = append(v.Findings, f)
		} else {
			v.Findings[i].Decision = max(v.Findings[i].Decision, risk.Mask)
		}
		j.Changes = append(j.Changes, PassageChange{Passage: f.Passage, Start: f.Start, End: f.End, New: placeholder(f), By: f.Detector, Hides: hidden(f)})
	}
	slices.SortStableFunc(v.Findings, func(a, b risk.Finding) int {
		if a.Passage != b.Passage {
			return a.Passage - b.Passage
		}
		return a.Start - b.Start
	})
	v.Findings = few(v.Findings)
	v.Decision = max(v.Decision, risk.Mask)
	j.Changes = merge(j.Changes)
}

// Named lists the labels that a policy names, by path, for whoever knows which there are.
func (l Labelling) Named() map[string]string {
	out := map[string]string{}
	if l.Default != "" {
		out["labels.default"] = l.Default
	}
	for name, label := range l.Detected {
		out["labels.detected."+name] = label
	}
	return out
}
