package privacy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Profile is what a provider does with what it is sent, as its contract says. What is left
// out is not known, and not known is the worst.
type Profile struct {
	URL     string `json:"url"`
	Dialect string `json:"dialect"`

	Training        string   `json:"training,omitempty"`         // "never", "opt_out" (the organisation has), "allowed"
	Sharing         string   `json:"sharing,omitempty"`          // "never", "allowed": with others, for ends of their own
	Retention       string   `json:"retention,omitempty"`        // "none" or days: "30d"
	AbuseMonitoring string   `json:"abuse_monitoring,omitempty"` // "none", "automatic", "human"
	HumanReview     string   `json:"human_review,omitempty"`     // "never", "possible"
	Region          string   `json:"region,omitempty"`           // "eu", "us", "on_premises", …
	SubProcessors   []string `json:"sub_processors,omitempty"`
	Contract        string   `json:"contract,omitempty"` // its reference: "DPA 2026-03, No. 4711"
	Basis           string   `json:"basis,omitempty"`    // where all of this is written
	Highest         string   `json:"ceiling,omitempty"`  // the highest label that may go there
}

// Fault is one thing wrong with a profile.
type Fault struct{ Key, Problem string }

// words are what may be said of each.
var words = map[string][]string{"training": {"never", "opt_out", "allowed"}, "sharing": {"never", "allowed"}, "abuse_monitoring": {"none", "automatic", "human"}, "human_review": {"never", "possible"}}

// maxWords bounds what is said in free words, in bytes, and maxProcessors how many others a
// provider passes data to.
const (
	maxWords      = 256
	maxProcessors = 64
)

// Faults returns what is wrong with a profile, by key.
func (p Profile) Faults(l *Labels) (out []Fault) {
	add := func(key, format string, args ...any) { out = append(out, Fault{key, fmt.Sprintf(format, args...)}) }
	for _, one := range [][2]string{{"training", p.Training}, {"sharing", p.Sharing}, {"abuse_monitoring", p.AbuseMonitoring}, {"human_review", p.HumanReview}} {
		if one[1] != "" && !slices.Contains(words[one[0]], one[1]) {
			add(one[0], "%q is not one of %s", one[1], strings.Join(words[one[0]], ", "))
		}
	}
	if p.Retention != "" && !retention(p.Retention) {
		add("retention", "%q is neither none nor a number of days such as 30d", p.Retention)
	}
	for _, one := range [][2]string{{"region", p.Region}, {"contract", p.Contract}, {"basis", p.Basis}} {
		if len(one[1]) > maxWords {
			add(one[0], "is longer than %d bytes", maxWords)
		}
	}
	if len(p.SubProcessors) > maxProcessors {
		add("sub_processors", "are more than %d; name the document that lists them under basis", maxProcessors)
	}
	for i, s := range p.SubProcessors {
		if s == "" || len(s) > maxWords {
			add(fmt.Sprintf("sub_processors[%d]", i), "must be a name of up to %d bytes", maxWords)
		}
	}
	return append(out, p.contradictions(l)...)
}

// contradictions are what cannot be true together, or would never hold.
func (p Profile) contradictions(l *Labels) (out []Fault) {
	if _, ok := l.Named(p.Highest); p.Highest != "" && !ok {
		out = append(out, Fault{"ceiling", fmt.Sprintf("%q is no label; the labels are %s", p.Highest, strings.Join(l.Names(), ", "))})
	}
	if p.AbuseMonitoring == "human" && p.HumanReview == "never" {
		out = append(out, Fault{"human_review", "abuse monitoring by humans is a human review; write possible"})
	}
	return out
}

func retention(s string) bool {
	if s == "none" {
		return true
	}
	days, ok := strings.CutSuffix(s, "d")
	n, err := strconv.Atoi(days)
	return ok && err == nil && n >= 0 && n <= 36500
}

// Ceiling returns the highest label that may go to the provider. Of whom nobody knows whether
// they train on data, how long they keep it or what may come gets the lowest. What [Profile.Needs]
// lists needs a consent beside that.
func (p Profile) Ceiling(l *Labels) Label {
	if !slices.Contains(words["training"], p.Training) || p.Retention == "" {
		return Public
	}
	ceiling, _ := l.Named(p.Highest)
	return ceiling
}

// Unknown lists what a ceiling above the lowest needs and nobody stated.
func (p Profile) Unknown() (keys []string) {
	for _, one := range [][2]string{{"training", p.Training}, {"retention", p.Retention}, {"ceiling", p.Highest}} {
		if one[1] == "" {
			keys = append(keys, one[0])
		}
	}
	return keys
}

// Digest is the first 12 hex digits of the SHA-256 of the profile in canonical JSON.
func (p Profile) Digest() string {
	b, _ := json.Marshal(p) // of texts only: it cannot fail
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])[:12]
}

// Change is one thing that is not as it was.
type Change struct {
	Key string `json:"key"`
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// Changes lists what is different in another profile.
func (p Profile) Changes(to Profile) (out []Change) {
	a, b := p.facts(), to.facts()
	for i := range a {
		if a[i][1] != b[i][1] {
			out = append(out, Change{a[i][0], a[i][1], b[i][1]})
		}
	}
	return out
}

func (p Profile) facts() [][2]string {
	return [][2]string{{"url", p.URL}, {"dialect", p.Dialect}, {"training", p.Training}, {"sharing", p.Sharing}, {"retention", p.Retention}, {"abuse_monitoring", p.AbuseMonitoring}, {"human_review", p.HumanReview},
		{"region", p.Region}, {"sub_processors", strings.Join(p.SubProcessors, ", ")}, {"contract", p.Contract}, {"basis", p.Basis}, {"ceiling", p.Highest}}
}
