package desk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// Flows is which data went where: by label, system, provider and region.
type Flows struct {
	Span     Span       `json:"span"`
	Since    time.Time  `json:"since"`
	List     []Flow     `json:"flows"`    // the highest label first, then the one with most calls
	Withheld []Withheld `json:"withheld"` // what went nowhere, and why
	// From is set where the span has more records than are read: what was before it is not
	// counted.
	From time.Time `json:"from,omitzero"`
	Read int       `json:"read"`
}

// Flow is what one provider got from one system under one label.
type Flow struct {
	Label    string   `json:"label"`
	Rank     int      `json:"rank"` // of the label: 0 is the least sensitive; -1: it is none any more
	System   string   `json:"system"`
	Team     string   `json:"team"`
	Provider string   `json:"provider"`
	Region   string   `json:"region"` // as the provider's handling says it now; "": it does not
	Trains   string   `json:"training"`
	Gone     bool     `json:"gone,omitempty"` // the provider is no longer in the configuration
	Calls    int      `json:"calls"`
	Bytes    int64    `json:"bytes"`  // that were sent, as far as they are known
	Hidden   int      `json:"hidden"` // values that were masked on the way
	Purposes []string `json:"purposes"`
	Slots    []int    `json:"slots"` // calls over time
}

// Withheld is what was kept from every provider.
type Withheld struct {
	Label  string `json:"label"`
	System string `json:"system"`
	Team   string `json:"team"`
	Why    string `json:"why"` // "policy", or the code of the refusal
	Calls  int    `json:"calls"`
}

// withheld are the refusals that keep data from a provider because of what it is.
var withheld = []string{"label_too_high", "consent_missing", "purpose_unknown", "release_denied", "provider_suspended", "provider_state_refused"}

// Flows counts the calls of a span in one pass over at most MaxRead records. What it returns
// is shared, and is not to be changed.
func (d *Desk) Flows(ctx context.Context, a Actor, span string) (*Flows, error) {
	if err := d.May(a, RecordRead); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(Spans[:], func(s Span) bool { return s.Name == span })
	if i < 0 {
		return nil, fmt.Errorf("%w: flows can be seen over an hour, a day, a week or a month", ErrInvalid)
	}
	now := d.cfg.Now().UTC()
	return d.flows[i].Of(a, now, func() (*Flows, error) { return d.countFlows(ctx, a, Spans[i], now) })
}

// way is what one flow has in common.
type way struct{ label, system, team, provider string }

// flowing counts records into flows.
type flowing struct {
	*Flows
	went map[way]*Flow
	kept map[Withheld]int
}

func (d *Desk) countFlows(ctx context.Context, a Actor, span Span, now time.Time) (*Flows, error) {
	f := flowing{&Flows{Span: span, Since: span.since(now), List: []Flow{}, Withheld: []Withheld{}}, map[way]*Flow{}, map[Withheld]int{}}
	for r, err := range d.records(ctx, a, record.Query{Kind: "exchange", Users: true, Since: f.Since, Limit: MaxRead}) {
		if err != nil {
			return nil, fmt.Errorf("desk: reading where data went: %w", err)
		}
		if f.Read++; f.Read == MaxRead {
			f.From = r.At()
		}
		if r.Intent != nil && r.Intent.Op != "list" {
			f.take(&r)
		}
	}
	f.sum(d.providers(), d.labels())
	return f.Flows, nil
}

// take counts one call, for every provider that it was sent to: one that could not be reached
// may have had it all the same.
func (f *flowing) take(r *record.Record) {
	in := r.Intent
	at := int(in.At.Sub(f.Since) / f.Span.Slot)
	if in.At.Before(f.Since) || at >= f.Span.Slots {
		return
	}
	if in.Candidate == "" || r.Outcome != nil && r.Outcome.Upstream == 0 && (r.Outcome.End == "blocked" || r.Outcome.End == "refused") {
		if why := keptBack(r); why != "" {
			f.kept[Withheld{Label: in.Label, System: in.Principal.System, Team: in.Principal.Team, Why: why}]++
		}
		return
	}
	candidates := []string{in.Candidate}
	if r.Outcome != nil {
		candidates = append(candidates, r.Outcome.Tries...)
	}
	for _, c := range candidates {
		provider, _, _ := strings.Cut(c, "/")
		w := way{in.Label, in.Principal.System, in.Principal.Team, provider}
		one := f.went[w]
		if one == nil {
			one = &Flow{Label: w.label, System: w.system, Team: w.team, Provider: provider, Purposes: []string{}, Slots: make([]int, f.Span.Slots)}
			f.went[w] = one
		}
		one.Calls++
		one.Slots[at]++
		one.Bytes += in.Sent.Bytes
		if o := r.Outcome; o != nil && o.Masked != nil {
			one.Hidden += o.Masked.Hidden
		}
		if in.Purpose != "" && !slices.Contains(one.Purposes, in.Purpose) {
			one.Purposes = append(one.Purposes, in.Purpose)
		}
	}
}

// keptBack says why a call that went nowhere did not; "" where that has nothing to do with what
// it held.
func keptBack(r *record.Record) string {
	switch o := r.Outcome; {
	case o == nil:
	case o.End == "blocked":
		return "policy"
	case slices.Contains(withheld, o.Code):
		return o.Code
	}
	return ""
}

// sum says of each flow what is known of its provider, and puts all in order.
func (f *flowing) sum(providers []Provider, labels []string) {
	for _, one := range f.went {
		one.Rank, one.Gone = slices.Index(labels, one.Label), true
		for _, p := range providers {
			if p.Name == one.Provider {
				one.Region, one.Trains, one.Gone = p.Handling.Region, p.Handling.Training, false
			}
		}
		slices.Sort(one.Purposes)
		f.List = append(f.List, *one)
	}
	slices.SortFunc(f.List, func(x, y Flow) int {
		return cmp.Or(cmp.Compare(y.Rank, x.Rank), cmp.Compare(y.Calls, x.Calls), cmp.Compare(x.System, y.System), cmp.Compare(x.Provider, y.Provider), cmp.Compare(x.Team, y.Team))
	})
	for w, n := range f.kept {
		w.Calls = n
		f.Withheld = append(f.Withheld, w)
	}
	slices.SortFunc(f.Withheld, func(x, y Withheld) int {
		return cmp.Or(cmp.Compare(slices.Index(labels, y.Label), slices.Index(labels, x.Label)), cmp.Compare(y.Calls, x.Calls), cmp.Compare(x.System, y.System), cmp.Compare(x.Why, y.Why), cmp.Compare(x.Team, y.Team))
	})
}

// providers are those of the configuration.
func (d *Desk) providers() []Provider {
	if d.cfg.Watch.Providers == nil {
		return nil
	}
	return d.cfg.Watch.Providers()
}

// labels are those of the configuration, the least sensitive first.
func (d *Desk) labels() []string {
	if d.cfg.Watch.Labels == nil {
		return privacy.Standard
	}
	return d.cfg.Watch.Labels()
}
