package privacy

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// The uses that always need a consent: to learn from what is sent, and to pass it on to others
// for ends of their own.
const (
	UseTraining = "training"
	UseSharing  = "sharing"
)

// Uses lists the words for uses; provider: and region: are followed by a name.
var Uses = []string{UseTraining, UseSharing, "human_review", "retention", "sub_processors", "provider:NAME", "region:NAME"}

// CheckUse says what is wrong with a word for a use, where something is.
func CheckUse(use string) error {
	kind, name, named := strings.Cut(use, ":")
	if named && name != "" && name != "NAME" && name == strings.TrimSpace(name) && len(name) <= maxWords && (kind == "provider" || kind == "region") || !named && slices.Contains(Uses, use) {
		return nil
	}
	return fmt.Errorf("%q is no use of data; the uses are %s", use, strings.Join(Uses, ", "))
}

// sameUse is the form in which uses are compared: regions are words that people write as they
// like, and a letter's case must not decide whether somebody is asked.
func sameUse(use string) string {
	if strings.HasPrefix(use, "region:") {
		return strings.ToLower(use)
	}
	return use
}

// Needs returns the uses of a provider for which it needs a consent: training and sharing, and
// those that policy adds.
func (p Profile) Needs(provider string, added []string) (uses []string) {
	if p.Training == "allowed" {
		uses = append(uses, UseTraining)
	}
	if p.Sharing == "allowed" {
		uses = append(uses, UseSharing)
	}
	for _, use := range added {
		if p.makes(provider, use) && !slices.Contains(uses, use) {
			uses = append(uses, use)
		}
	}
	return uses
}

// makes reports whether a provider makes a use of data. What it leaves open it is taken to do.
func (p Profile) makes(provider, use string) bool {
	kind, name, _ := strings.Cut(use, ":")
	switch kind {
	case UseTraining:
		return p.Training != "never" && p.Training != "opt_out"
	case UseSharing:
		return p.Sharing != "never"
	case "human_review":
		return p.HumanReview != "never"
	case "retention":
		return p.Retention != "none"
	case "sub_processors":
		return len(p.SubProcessors) > 0
	case "provider":
		return name == provider
	case "region":
		return strings.EqualFold(name, p.Region) || p.Region == ""
	}
	return true
}

// impersonal are the kinds of personal data that do not say on their own who somebody is.
var impersonal = []string{"pii.health", "pii.date_of_birth", "pii.ip_address", "pii.device_id", "pii.url", "pii.organization", "pii.location"}

// Identifies reports whether a value of a kind says who somebody is, so that they must be asked:
// kinds of the operator's own do as well.
func Identifies(kind string) bool {
	return strings.HasPrefix(kind, "pii.") && !slices.Contains(impersonal, kind)
}

// MaxPersons bounds the people whom one call may name in clear where they must have agreed.
const MaxPersons = 256

// Release is what somebody has to have agreed to before a call may go. Callers and values are
// written as [record.Principal.Subject] and [record.ValueSubject] write them.
type Release struct {
	Uses    []string
	Purpose string
	System  string   // it or
	Caller  string   // must have agreed, where there is one: what is public has none,
	Persons []string // and each of these
}

// Agreement is how a [Release] was answered.
type Agreement struct {
	Consents []string // ids of those that count
	Missing  string   // the first use that somebody did not agree to; "": none
	Persons  int      // who did not, beside caller and system
}

// Agreed finds out whether all whom a release concerns agreed to it, as of now. Nothing is
// remembered: what was revoked on one replica counts on none.
func (s *Subjects) Agreed(ctx context.Context, r Release) (a Agreement, err error) {
	if len(r.Persons) > MaxPersons {
		return Agreement{Missing: r.Uses[0], Persons: len(r.Persons)}, nil
	}
	names := []string{s.ID(r.Caller)}
	for _, p := range r.Persons {
		if id := s.ID(p); !slices.Contains(names, id) {
			names = append(names, id)
		}
	}
	given, err := s.given(ctx, r, names)
	if err != nil {
		return Agreement{}, err
	}
	for _, said := range r.Uses {
		use := sameUse(said)
		id, own := given[names[0]][use]
		of, ours := given[systemConsents][use]
		switch {
		case r.Caller == "":
		case own:
			a.Consents = append(a.Consents, id)
		case ours:
			a.Consents = append(a.Consents, of)
		default:
			a.Missing = said
		}
		for _, n := range names[1:] {
			if id, ok := given[n][use]; ok {
				a.Consents = append(a.Consents, id)
			} else {
				a.Missing = said
				a.Persons++
			}
		}
		if a.Missing != "" {
			a.Consents = nil
			return a, nil
		}
	}
	return a, nil
}

// systemConsents is where given has those of the system: no subject is called so.
const systemConsents = ""

// given reads the consents to a purpose that hold now, by whose they are and by use.
func (s *Subjects) given(ctx context.Context, r Release, names []string) (map[string]map[string]string, error) {
	args := []any{r.Purpose, s.now().UnixNano(), r.System}
	for _, n := range names {
		args = append(args, n)
	}
	rows, err := s.store.Query(ctx, `SELECT id, subject, what FROM privacy_consent WHERE purpose = ? AND revoked = 0 AND (until = 0 OR until > ?)
		AND (subject = '' AND system = ? OR subject IN (?`+strings.Repeat(", ?", len(names)-1)+`)) ORDER BY made, id`, args...)
	if err != nil {
		return nil, fmt.Errorf("privacy: looking for consents: %w", err)
	}
	defer rows.Close()
	out := map[string]map[string]string{}
	for rows.Next() {
		var id, whose, what string
		if err := rows.Scan(&id, &whose, &what); err != nil {
			return nil, fmt.Errorf("privacy: looking for consents: %w", err)
		}
		what = sameUse(what)
		if out[whose] == nil {
			out[whose] = map[string]string{}
		}
		if out[whose][what] == "" {
			out[whose][what] = id
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("privacy: looking for consents: %w", err)
	}
	return out, nil
}
