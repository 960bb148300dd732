package desk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// Span is a time up to now, cut into slots of the same length.
type Span struct {
	Name  string        `json:"name"`
	Slot  time.Duration `json:"slot_ns"`
	Slots int           `json:"slots"`
}

// Spans are those that traffic can be seen over.
var Spans = [...]Span{{"hour", time.Minute, 60}, {"day", 30 * time.Minute, 48}, {"week", 3 * time.Hour, 56}, {"month", 24 * time.Hour, 30}}

// bands are the upper edges of how long answers take; what takes longer is in one
// band more.
var bands = []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, time.Minute}

// maxSystems bounds how many systems are counted apart: as many names as records
// can be in the log.
const maxSystems = 24

// Traffic is who called, how fast it went and what failed.
type Traffic struct {
	Span    Span            `json:"span"`
	Since   time.Time       `json:"since"` // of the first slot
	Total   Tally           `json:"total"`
	Systems []SystemTraffic `json:"systems"` // the one with most calls first
	Silent  []string        `json:"silent"`  // declared systems without a call
	Others  int             `json:"others,omitempty"`
	Bands   []time.Duration `json:"bands_ns"` // upper edges; the last band has none
	Heat    [][]int         `json:"heat"`     // answers by slot, then by band
	// From is set where the span has more records than are read: what was before it
	// is not counted.
	From time.Time `json:"from,omitzero"`
	Read int       `json:"read"`
}

// Slot counts the calls that began in one slot, each once.
type Slot struct {
	Allow  int `json:"allow"`
	Flag   int `json:"flag"`
	Mask   int `json:"mask"`
	Block  int `json:"block"` // or held
	Failed int `json:"failed"`
}

// Sum is all calls of the slot.
func (s Slot) Sum() int { return s.Allow + s.Flag + s.Mask + s.Block + s.Failed }

// Tally counts the calls of a span. Failed has those that were refused or
// interrupted too.
type Tally struct {
	Slot
	Refused     int `json:"refused"`
	Interrupted int `json:"interrupted"`
	Bill
	Answers int           `json:"answers"`
	P50     time.Duration `json:"p50_ns"` // from the call to the end of its answer
	P95     time.Duration `json:"p95_ns"`
	took    []time.Duration
}

// SystemTraffic is the traffic of one system.
type SystemTraffic struct {
	System string `json:"system"` // "": nobody knows, the caller had no valid key
	Team   string `json:"team"`
	Tally
	Slots      []Slot      `json:"slots"`
	Allowances []Allowance `json:"allowances"`
}

// Traffic counts the calls of a span in one pass over at most MaxRead records. What
// it returns is shared, and is not to be changed.
func (d *Desk) Traffic(ctx context.Context, a Actor, span string) (*Traffic, error) {
	if err := d.May(a, RecordRead); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(Spans[:], func(s Span) bool { return s.Name == span })
	if i < 0 {
		return nil, fmt.Errorf("%w: traffic can be seen over an hour, a day, a week or a month", ErrInvalid)
	}
	now := d.cfg.Now().UTC()
	return d.traffic[i].Of(a, now, func() (*Traffic, error) { return d.count(ctx, a, Spans[i], now) })
}

func (d *Desk) count(ctx context.Context, a Actor, span Span, now time.Time) (*Traffic, error) {
	t := &Traffic{Span: span, Bands: bands, Systems: []SystemTraffic{}, Silent: []string{}}
	t.Since = span.since(now)
	t.Heat = make([][]int, t.Span.Slots)
	for i := range t.Heat {
		t.Heat[i] = make([]int, len(bands)+1)
	}
	by := map[string]*SystemTraffic{}
	for r, err := range d.records(ctx, a, record.Query{Kind: "exchange", Users: true, Since: t.Since, Limit: MaxRead}) {
		if err != nil {
			return nil, fmt.Errorf("desk: reading traffic: %w", err)
		}
		t.take(&r, by)
	}
	return t, d.finish(ctx, d.wall(a), t, by)
}

// take counts one record.
func (t *Traffic) take(r *record.Record, by map[string]*SystemTraffic) {
	if t.Read++; t.Read == MaxRead {
		t.From = r.At()
	}
	at := int(r.At().Sub(t.Since) / t.Span.Slot)
	if r.At().Before(t.Since) || at >= t.Span.Slots {
		return
	}
	system, team := "", ""
	if r.Intent != nil {
		system, team = r.Intent.Principal.System, r.Intent.Principal.Team
	}
	s := by[system]
	if s == nil {
		s = &SystemTraffic{System: system, Team: team, Slots: make([]Slot, t.Span.Slots)}
		by[system] = s
	}
	s.Slots[at].take(r)
	s.Tally.take(r)
	t.Total.take(r)
	if took, ok := answered(r); ok {
		band, exact := slices.BinarySearch(bands, took)
		if exact {
			band++
		}
		t.Heat[at][band]++
	}
}

// take counts a call as what became of it in the end.
func (s *Slot) take(r *record.Record) {
	end := ""
	if r.Outcome != nil {
		end = r.Outcome.End
	}
	switch d := r.Decision(); {
	case d >= risk.Hold:
		s.Block++
	case end == "failed", end == "refused", r.Interrupted:
		s.Failed++
	case d == risk.Mask:
		s.Mask++
	case d == risk.Flag:
		s.Flag++
	default:
		s.Allow++
	}
}

func (t *Tally) take(r *record.Record) {
	failed := t.Failed
	t.Slot.take(r)
	if r.Outcome != nil {
		t.Bill.add(r.Outcome)
	} else {
		t.Calls++
	}
	switch {
	case t.Failed == failed:
	case r.Interrupted:
		t.Interrupted++
	case r.Outcome.End == "refused":
		t.Refused++
	}
	if took, ok := answered(r); ok {
		t.took = append(t.took, took)
	}
}

// answered is how long the answer to a call took, where it was answered.
func answered(r *record.Record) (time.Duration, bool) {
	if r.Intent == nil || r.Outcome == nil || r.Outcome.End != "answered" {
		return 0, false
	}
	took := r.Outcome.At.Sub(r.Intent.At)
	return took, took >= 0
}

// finish computes what needs all records.
func (d *Desk) finish(ctx context.Context, w wall, t *Traffic, by map[string]*SystemTraffic) error {
	t.Total.order()
	for _, s := range by {
		s.order()
		t.Systems = append(t.Systems, *s)
	}
	slices.SortFunc(t.Systems, func(x, y SystemTraffic) int {
		return cmp.Or(cmp.Compare(y.Calls, x.Calls), cmp.Compare(x.System, y.System))
	})
	if n := len(t.Systems); n > maxSystems {
		t.Systems, t.Others = t.Systems[:maxSystems], n-maxSystems
	}
	for _, s := range w.systems() {
		if by[s.Name] == nil {
			t.Silent = append(t.Silent, s.Name)
		}
	}
	slices.Sort(t.Silent)
	for i := range t.Systems {
		// A system whose calls were a team's may be another's by now, and its limits with it.
		name, err := t.Systems[i].System, error(nil)
		if !w.system(name) {
			name = ""
		}
		if t.Systems[i].Allowances, err = d.allowances(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tally) order() {
	if t.Answers = len(t.took); t.Answers > 0 {
		slices.Sort(t.took)
		t.P50, t.P95 = t.took[t.Answers/2], t.took[t.Answers*95/100]
	}
	t.took = nil
}
