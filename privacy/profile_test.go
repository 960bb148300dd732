package privacy

import (
	"fmt"
	"strings"
	"testing"
)

// TestCeilings: what nobody stated counts as the worst, and who may train gets nothing
// above public, whatever else is written.
func TestCeilings(t *testing.T) {
	l := labels(t, nil, nil)
	for p, want := range map[[3]string]Label{
		{"", "", ""}: Public, {"", "30d", "confidential"}: Public, {"never", "", "confidential"}: Public, {"never", "30d", ""}: Public, {"allowed", "none", "confidential"}: Confidential,
		{"allowed", "none", "highly_confidential"}: HighlyConfidential, {"perhaps", "none", "confidential"}: Public,
		{"never", "30d", "confidential"}: Confidential, {"opt_out", "none", "highly_confidential"}: HighlyConfidential, {"never", "0d", "general"}: General, {"never", "0d", "public"}: Public,
	} {
		if got := (Profile{Training: p[0], Retention: p[1], Highest: p[2]}).Ceiling(l); got != want {
			t.Errorf("%v: %s", p, l.Name(got))
		}
	}
	if u := (Profile{}).Unknown(); strings.Join(u, " ") != "training retention ceiling" {
		t.Error(u)
	}
}

func TestProfileFaults(t *testing.T) {
	l := labels(t, nil, nil)
	for want, p := range map[string]Profile{
		"[]":                 {Training: "opt_out", Retention: "none", AbuseMonitoring: "human", HumanReview: "possible", Highest: "general", SubProcessors: []string{"Acme Hosting"}},
		"[training]":         {Training: "sometimes"},
		"[abuse_monitoring]": {AbuseMonitoring: "some"},
		"[human_review]":     {HumanReview: "never", AbuseMonitoring: "human"},
		"[retention]":        {Retention: "30 days"},
		"[ceiling]":          {Training: "allowed", Highest: "generally"},
		"[sharing]":          {Sharing: "perhaps"},
		"[region contract basis sub_processors sub_processors[0]]": {Region: strings.Repeat("x", 300), Contract: strings.Repeat("x", 300), Basis: strings.Repeat("x", 300), SubProcessors: make([]string, 65)},
	} {
		var got []string
		for _, f := range p.Faults(l) {
			if len(got) < 5 {
				got = append(got, f.Key)
			}
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
	if f := (Profile{Highest: "secret"}).Faults(l); len(f) != 1 || !strings.Contains(f[0].Problem, "no label") {
		t.Errorf("%v", f)
	}
}

// TestProfileDigest: every fact of a profile is in its digest and in what is said of a
// change.
func TestProfileDigest(t *testing.T) {
	full := Profile{"u", "d", "t", "sh", "r", "a", "h", "re", []string{"s"}, "c", "b", "hi"}
	seen := map[string]bool{full.Digest(): true}
	for i, change := range []func(p *Profile){func(p *Profile) { p.URL = "" }, func(p *Profile) { p.Dialect = "" }, func(p *Profile) { p.Training = "" }, func(p *Profile) { p.Sharing = "" }, func(p *Profile) { p.Retention = "" }, func(p *Profile) { p.AbuseMonitoring = "" },
		func(p *Profile) { p.HumanReview = "" }, func(p *Profile) { p.Region = "" }, func(p *Profile) { p.SubProcessors = nil }, func(p *Profile) { p.Contract = "" }, func(p *Profile) { p.Basis = "" }, func(p *Profile) { p.Highest = "" }} {
		p := full
		change(&p)
		if c := full.Changes(p); len(c) != 1 || c[0].Key != full.facts()[i][0] || c[0].New != "" || seen[p.Digest()] {
			t.Errorf("change %d: %+v", i, c)
		}
		seen[p.Digest()] = true
	}
	if len(full.Changes(full)) != 0 {
		t.Error("nothing changed")
	}
}
