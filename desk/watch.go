package desk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// Watch is where the desk reads what people look at and nobody changes. What is
// nil has nothing to show.
type Watch struct {
	Records     record.Reader
	Providers   func() []Provider // those of the configuration, by name
	Conformance func() ([]Place, error)
	Notices     func() ([]privacy.Notice, error) // of every system
	Labels      func() []string                  // the least sensitive first; nil: the standard ones
	Keeping     func() Keeping                   // what is kept, and how long
	Spent       func(ctx context.Context, system string, since time.Time) (access.Usage, error)
	Allowances  func(ctx context.Context, system string) ([]Allowance, error)
}

// Provider is an upstream, how it does, and what went there. What is measured is
// of this process since it began; Today and Month are what the ledger has.
type Provider struct {
	Name     string   `json:"provider"`
	Dialect  string   `json:"dialect"`
	Handling Handling `json:"handling"`
	Uses     []Use    `json:"uses"`
	Gone     bool     `json:"gone,omitempty"` // used this month, and no longer in the configuration
	// Suspended says that no call goes there, because its profile changed and nobody has agreed
	// to that; nil: it does.
	Suspended *privacy.Suspension `json:"suspended,omitempty"`

	State    string        `json:"state"`              // "unknown" before the first call, "closed", "open", "half_open"
	Opens    time.Duration `json:"opens_ns,omitempty"` // of an open circuit: until one call may try again
	P50      time.Duration `json:"p50_ns"`             // to the head of an answer, over the last calls
	P95      time.Duration `json:"p95_ns"`
	Calls    int64         `json:"calls"`
	Failures int64         `json:"failures"`
	Input    int64         `json:"input_tokens"`
	Output   int64         `json:"output_tokens"`
	Cost     int64         `json:"cost_micro"`
	Failed   []Failure     `json:"last_failures"` // the newest first

	Today Bill `json:"today"`
	Month Bill `json:"month"`
}

// Handling is what the configuration says that a provider does with data.
type Handling struct {
	Training        string   `json:"training,omitempty"`
	Sharing         string   `json:"sharing,omitempty"`
	Retention       string   `json:"retention,omitempty"`
	AbuseMonitoring string   `json:"abuse_monitoring,omitempty"`
	HumanReview     string   `json:"human_review,omitempty"`
	Region          string   `json:"region,omitempty"`
	SubProcessors   []string `json:"sub_processors,omitempty"`
	Contract        string   `json:"contract,omitempty"`
	Ceiling         string   `json:"ceiling,omitempty"`
	Basis           string   `json:"basis,omitempty"`
}

// Use is a model that a provider serves, and in which place among those who speak
// its dialect: 1 is tried first.
type Use struct {
	Model string `json:"model"` // as callers name it
	As    string `json:"as"`    // as the provider does
	Place int    `json:"place"`
	Of    int    `json:"of"`
}

// Failure is one call that a provider failed.
type Failure struct {
	At    time.Time `json:"at"`
	Class string    `json:"class"` // never the provider's own words
}

// Bill is what calls used.
type Bill struct {
	Calls     int   `json:"calls"`
	Input     int64 `json:"input_tokens"`
	Output    int64 `json:"output_tokens"`
	Cost      int64 `json:"cost_micro"`
	Estimated int   `json:"estimated,omitempty"` // calls whose tokens the gate guessed
}

// Tokens are those of both directions.
func (b Bill) Tokens() int64 { return b.Input + b.Output }

func (b *Bill) add(o *record.Outcome) {
	b.Calls++
	b.Input += int64(o.Input)
	b.Output += int64(o.Output)
	b.Cost += o.Cost
	if o.Estimated {
		b.Estimated++
	}
}

// Allowance is how a system stands to one of its limits.
type Allowance struct {
	Counts string    `json:"counts"` // "requests", "tokens", "money"
	Per    string    `json:"per"`    // "minute", "hour", "day", "month"
	Limit  int64     `json:"limit"`  // of money: in millionths
	Spent  int64     `json:"spent"`
	Ends   time.Time `json:"ends,omitzero"` // of the period; zero: nothing was spent in it yet
}

// Left is what may still be used before the period ends.
func (a Allowance) Left() int64 { return max(a.Limit-a.Spent, 0) }

// Place is one place where a forbidden text can stand, and what becomes of it
// there under each action of policy.
type Place struct {
	Dialect string `json:"dialect"`
	Side    string `json:"side"` // "request" or "answer"
	Name    string `json:"place"`
	Cells   []Cell `json:"cells"`
}

// Cell is one action, streamed or not, and how often it was tried.
type Cell struct {
	Action string `json:"action"`
	Stream bool   `json:"stream"`
	Result string `json:"result"` // "blocked", "masked", "flagged", "recorded"; "none" where the API has no such answer
	Tries  int    `json:"tries"`
}

// MaxRead bounds how many records are read for one view.
const MaxRead = 20_000

// Providers lists upstreams by name: those of the configuration, and those that
// are only in this month's records. whole is false where the month has more
// records than are read, so that the bills are of the newest.
func (d *Desk) Providers(ctx context.Context, a Actor) (list []Provider, whole bool, err error) {
	if err := d.May(a, RecordRead); err != nil {
		return nil, false, err
	}
	if d.cfg.Watch.Providers != nil {
		list = slices.Clone(d.cfg.Watch.Providers())
	}
	d.suspend(list)
	now := d.cfg.Now().UTC()
	bills, err := d.bills.Of(a, now, func() (*billed, error) { return d.bill(ctx, a, now) })
	if err != nil {
		return nil, false, err
	}
	w, known := d.wall(a), map[string]bool{}
	list = slices.DeleteFunc(list, func(p Provider) bool { return !w.provider(&p) && bills.by[p.Name] == nil })
	for i := range list {
		w.provider(&list[i])
		known[list[i].Name] = true
		if b := bills.by[list[i].Name]; b != nil {
			list[i].Today, list[i].Month = b.today, b.month
		}
	}
	for name, b := range bills.by {
		if !known[name] {
			list = append(list, Provider{Name: name, State: "unknown", Gone: true, Uses: []Use{}, Failed: []Failure{}, Today: b.today, Month: b.month})
		}
	}
	slices.SortFunc(list, func(x, y Provider) int { return cmp.Compare(x.Name, y.Name) })
	return list, bills.read < MaxRead, nil
}

// billed is what went to all providers, from so many records.
type billed struct {
	by   map[string]*bill
	read int
}

// bill is what went to one provider.
type bill struct{ today, month Bill }

// bill reads this month's records once.
func (d *Desk) bill(ctx context.Context, a Actor, now time.Time) (*billed, error) {
	month, today := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC), now.Truncate(24*time.Hour)
	out := &billed{by: map[string]*bill{}}
	for r, err := range d.records(ctx, a, record.Query{Kind: "exchange", Users: true, Since: month, Limit: MaxRead}) {
		if err != nil {
			return nil, fmt.Errorf("desk: reading what providers cost: %w", err)
		}
		out.read++
		name := served(&r)
		if name == "" {
			continue
		}
		b := out.by[name]
		if b == nil {
			b = &bill{}
			out.by[name] = b
		}
		if b.month.add(r.Outcome); !r.At().Before(today) {
			b.today.add(r.Outcome)
		}
	}
	return out, nil
}

// served names the provider that answered a call; "" where none did.
func served(r *record.Record) string {
	if r.Intent == nil || r.Outcome == nil || r.Outcome.Upstream == 0 {
		return ""
	}
	candidate := r.Intent.Candidate
	if n := len(r.Outcome.Tries); n > 0 {
		candidate = r.Outcome.Tries[n-1]
	}
	if name, _, _ := strings.Cut(candidate, "/"); name != "" {
		return name
	}
	return candidate
}

// Conformance returns the matrix that the tests of this version measured.
func (d *Desk) Conformance(a Actor) ([]Place, error) {
	if err := d.May(a, RecordRead); err != nil {
		return nil, err
	}
	if d.cfg.Watch.Conformance == nil {
		return nil, nil
	}
	return d.cfg.Watch.Conformance()
}

// Spending is what a system used, over all replicas, and what it may still use.
type Spending struct {
	Today      access.Usage `json:"today"`
	Month      access.Usage `json:"month"`
	Allowances []Allowance  `json:"allowances"`
}

// Spending says where the spending of a system stands.
func (d *Desk) Spending(ctx context.Context, a Actor, system string) (s Spending, err error) {
	if err := d.May(a, RecordRead); err != nil {
		return s, err
	}
	if _, err := d.wall(a).declared(system); err != nil {
		return s, err
	}
	now := d.cfg.Now().UTC()
	if spent := d.cfg.Watch.Spent; spent != nil {
		if s.Today, err = spent(ctx, system, now); err == nil {
			s.Month, err = spent(ctx, system, now.AddDate(0, 0, 1-now.Day()))
		}
		if err != nil {
			return s, fmt.Errorf("desk: reading what a system spent: %w", err)
		}
	}
	s.Allowances, err = d.allowances(ctx, system)
	return s, err
}

func (d *Desk) allowances(ctx context.Context, system string) ([]Allowance, error) {
	if d.cfg.Watch.Allowances == nil || system == "" {
		return []Allowance{}, nil
	}
	list, err := d.cfg.Watch.Allowances(ctx, system)
	if err != nil {
		return nil, fmt.Errorf("desk: reading where limits stand: %w", err)
	}
	return list, nil
}
