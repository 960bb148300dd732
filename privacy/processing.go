package privacy

import (
	"fmt"
	"strings"
)

// Processing is one entry of the records of processing activities (GDPR, Article 30(1)), made
// of a notice: what the configuration says, and nothing that somebody would have to keep up to
// date beside it.
type Processing struct {
	Activity   string   `json:"activity"`
	Version    string   `json:"notice_version"`
	Controller string   `json:"contact"` // of the team that answers for it
	Purposes   string   `json:"purposes"`
	Persons    string   `json:"categories_of_persons"`
	Data       []string `json:"categories_of_data"`
	Recipients []string `json:"categories_of_recipients"`
	Transfers  []string `json:"transfers"` // regions, with the document that covers them
	Limits     []string `json:"time_limits"`
	Measures   []string `json:"security_measures"`
}

// Processing turns a notice into an entry.
func (n *Notice) Processing() Processing {
	p := Processing{Activity: n.System + " (" + n.Environment + ")", Version: n.Version, Controller: n.Team + ", " + n.Contact, Purposes: strings.Join(append([]string{n.Purpose}, n.Purposes...), ", "),
		Persons: "People who use the system, and those whom they write about",
		Data:    []string{"what is written, attached or fetched by tools, up to the label " + stated(n.MaxLabel), "who called, when and how much"},
		Limits:  []string{"records without words: " + n.Records, "words: " + stated(n.Content)},
		Measures: []string{"every call authenticated, authorised and encrypted", "checked under policy " + n.Policy, "recorded in a signed log that is verified offline",
			"records and kept words sealed; keys apart from the data"}}
	if n.Monitors {
		p.Measures = append(p.Measures, "the policy only records what it would do: nothing is replaced or stopped")
	}
	for _, h := range n.Hidden {
		if n.Monitors {
			break
		}
		p.Measures = append(p.Measures, strings.TrimPrefix(h.Kind, "pii.")+" replaced before it leaves ("+h.As+")")
	}
	for _, s := range n.Stopped {
		if !n.Monitors {
			p.Measures = append(p.Measures, "calls that hold "+strings.TrimPrefix(s.Kind, "pii.")+" are stopped")
		}
	}
	if len(n.Rules) > 0 && !n.Monitors {
		p.Measures = append(p.Measures, fmt.Sprintf("%d rules about words of the operator's take them out or stop a call", len(n.Rules)))
	}
	for _, r := range n.Recipients {
		p.Recipients = append(p.Recipients, r.Name)
		p.Recipients = append(p.Recipients, r.SubProcessors...)
		p.Transfers = append(p.Transfers, fmt.Sprintf("%s: region %s, under %s", r.Name, stated(r.Region), stated(strings.TrimSpace(r.Contract+" "+r.Basis))))
	}
	return p
}
