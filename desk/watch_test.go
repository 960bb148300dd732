package desk_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// shelf has records, the newest first, and says what was asked of it.
type shelf struct {
	list []record.Record
	err  error
	last record.Query
}

func (s *shelf) Records(_ context.Context, q record.Query) iter.Seq2[record.Record, error] {
	s.last = q
	return func(yield func(record.Record, error) bool) {
		n := 0
		for _, r := range s.list {
			if r.At().Before(q.Since) {
				continue
			}
			if n++; !yield(r, s.err) || s.err != nil || n == q.Limit {
				return
			}
		}
	}
}

// now is in the middle of everything: of a minute, a day and a month.
var now = time.Date(2026, time.March, 12, 14, 40, 30, 0, time.UTC)

// viewer is a desk that shows what is on a shelf.
func viewer(t *testing.T, s *shelf, w desk.Watch) *desk.Desk {
	t.Helper()
	permits, err := access.NewPermits([]record.System{{Name: "bot", Status: "active"}, {Name: "quiet", Status: "active"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Records = s
	return desk.New(desk.Config{Permits: func() *access.Permits { return permits }, Watch: w, Now: func() time.Time { return now }})
}

// made is a call that began some time ago, and its answer.
func made(ago time.Duration, system, candidate, end string, d risk.Decision, took time.Duration) record.Record {
	at := now.Add(-ago)
	r := record.Record{Intent: &record.Intent{At: at, Principal: record.Principal{System: system, Team: "t"}, Candidate: candidate, Verdict: risk.Verdict{Decision: d}}}
	switch end {
	case "open":
	case "interrupted":
		r.Interrupted = true
	default:
		r.Outcome = &record.Outcome{At: at.Add(took), End: end}
		if end == "answered" {
			r.Outcome.Upstream, r.Outcome.Input, r.Outcome.Output, r.Outcome.Cost = 200, 10, 3, 1000
		}
	}
	return r
}

func TestTraffic(t *testing.T) {
	s := &shelf{list: []record.Record{
		made(0, "bot", "a/m", "answered", risk.Allow, 10*time.Millisecond),
		made(time.Minute, "bot", "a/m", "answered", risk.Flag, 11*time.Millisecond),
		made(2*time.Minute, "bot", "a/m", "answered", risk.Mask, 2*time.Minute),
		made(3*time.Minute, "bot", "a/m", "blocked", risk.Block, 0),
		made(4*time.Minute, "bot", "a/m", "failed", risk.Hold, 0),
		made(5*time.Minute, "bot", "a/m", "failed", risk.Flag, 0),
		made(6*time.Minute, "lab", "a/m", "refused", risk.Allow, 0),
		made(7*time.Minute, "lab", "a/m", "interrupted", risk.Allow, 0),
		made(8*time.Minute, "lab", "a/m", "open", risk.Allow, 0),
		made(9*time.Minute, "", "", "cancelled", risk.Allow, time.Second),
		made(59*time.Minute, "bot", "a/m", "answered", risk.Allow, -time.Second),
		made(61*time.Minute, "bot", "a/m", "answered", risk.Allow, time.Second),
	}}
	d := viewer(t, s, desk.Watch{})
	got, err := d.Traffic(t.Context(), reader, "hour")
	if err != nil {
		t.Fatal(err)
	}
	want := desk.Slot{Allow: 4, Flag: 1, Mask: 1, Block: 2, Failed: 3}
	if got.Total.Slot != want || got.Total.Calls != 11 || got.Total.Refused != 1 || got.Total.Interrupted != 1 || got.Total.Answers != 3 || got.Total.P50 != 11*time.Millisecond ||
		got.Total.Cost != 4000 || got.Total.Tokens() != 52 {
		t.Errorf("%+v", got.Total)
	}
	var names []string
	for _, one := range got.Systems {
		names = append(names, one.System)
		sum := 0
		for _, slot := range one.Slots {
			sum += slot.Sum()
		}
		if sum != one.Calls || sum != one.Sum() || len(one.Slots) != 60 {
			t.Errorf("%s: the slots have %d calls of %d", one.System, sum, one.Calls)
		}
	}
	if !slices.Equal(names, []string{"bot", "lab", ""}) || !slices.Equal(got.Silent, []string{"quiet"}) || got.Systems[0].Slots[59].Allow != 1 || got.Systems[0].Slots[0].Allow != 1 {
		t.Errorf("%q, silent %q", names, got.Silent)
	}
	// An edge belongs to the band above it, and the last band has no edge.
	if h := got.Heat; h[59][1] != 1 || h[58][1] != 1 || h[57][len(got.Bands)] != 1 {
		t.Errorf("the heat is %v %v %v", h[59], h[58], h[57])
	}
	if !got.From.IsZero() || s.last.Limit != desk.MaxRead || s.last.Kind != "exchange" || !s.last.Since.Equal(got.Since) {
		t.Errorf("asked was %+v", s.last)
	}
}

// TestTrafficSpans: every span ends now, in whole slots, and has each call once.
func TestTrafficSpans(t *testing.T) {
	s := &shelf{}
	for i := range 3000 {
		s.list = append(s.list, made(time.Duration(i)*17*time.Minute, fmt.Sprint("s", i%40), "a/m", "answered", risk.Decision(i%5), time.Duration(i*i)*time.Microsecond))
	}
	d := viewer(t, s, desk.Watch{})
	for _, span := range desk.Spans {
		got, err := d.Traffic(t.Context(), reader, span.Name)
		if err != nil {
			t.Fatal(err)
		}
		calls, heat := 0, 0
		for _, r := range s.list {
			if !r.At().Before(got.Since) {
				calls++
			}
		}
		for _, slot := range got.Heat {
			for _, n := range slot {
				heat += n
			}
		}
		end := got.Since.Add(span.Slot * time.Duration(span.Slots))
		if got.Total.Calls != calls || heat != calls || calls < 4 || !got.Since.Truncate(span.Slot).Equal(got.Since) || end.Before(now) || end.Sub(now) > span.Slot {
			t.Errorf("%s: %d of %d calls, %d in the heat, from %s to %s", span.Name, got.Total.Calls, calls, heat, got.Since, end)
		}
		if span.Name == "month" && (len(got.Systems) != 24 || got.Others != 16) {
			t.Errorf("%d systems, %d others", len(got.Systems), got.Others)
		}
	}
	if _, err := d.Traffic(t.Context(), reader, "year"); !errors.Is(err, desk.ErrInvalid) {
		t.Errorf("a year: %v", err)
	}
}

// TestBoundedReading: a view of more records than are read says where it begins.
func TestBoundedReading(t *testing.T) {
	s := &shelf{}
	for i := range desk.MaxRead + 5 {
		s.list = append(s.list, made(time.Duration(i)*time.Second, "bot", "a/m", "answered", risk.Allow, time.Second))
	}
	d := viewer(t, s, desk.Watch{})
	got, err := d.Traffic(t.Context(), reader, "day")
	if err != nil || got.Read != desk.MaxRead || !got.From.Equal(s.list[desk.MaxRead-1].At()) || got.Total.Calls != desk.MaxRead {
		t.Errorf("%d read, from %s: %v", got.Read, got.From, err)
	}
	list, whole, err := d.Providers(t.Context(), reader)
	if err != nil || whole || len(list) != 1 || list[0].Month.Calls != desk.MaxRead {
		t.Errorf("%+v, whole %v: %v", list, whole, err)
	}
}

// TestCountedOnce: however many look, the records are read once in a while; a count
// that failed is not kept.
func TestCountedOnce(t *testing.T) {
	s, clock := &shelf{}, now
	permits := permitsOf(t)
	d := desk.New(desk.Config{Permits: func() *access.Permits { return permits }, Watch: desk.Watch{Records: s}, Now: func() time.Time { return clock }})
	look := func() (int, error) {
		got, err := d.Traffic(t.Context(), reader, "day")
		if err != nil {
			return 0, err
		}
		list, _, err := d.Providers(t.Context(), reader)
		return got.Total.Calls + len(list), err
	}
	if n, err := look(); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	s.list = []record.Record{made(time.Minute, "bot", "a/m", "answered", risk.Allow, 0)}
	if n, err := look(); n != 0 || err != nil {
		t.Errorf("at once: %d, %v", n, err)
	}
	clock, s.err = clock.Add(5*time.Second), errors.New("broken")
	if _, err := look(); !errors.Is(err, s.err) {
		t.Errorf("a fault: %v", err)
	}
	s.err = nil
	if n, err := look(); n != 2 || err != nil {
		t.Errorf("later: %d, %v", n, err)
	}
}

// TestBills: what went to a provider is counted once, for the one that answered.
func TestBills(t *testing.T) {
	tried := made(time.Hour, "bot", "a/m", "answered", risk.Allow, time.Second)
	tried.Outcome.Tries = []string{"c/m sha256:00", "b/m sha256:00"}
	guessed := made(20*time.Hour, "bot", "a/m", "answered", risk.Allow, time.Second)
	guessed.Outcome.Estimated = true
	s := &shelf{list: []record.Record{
		made(time.Minute, "bot", "a/m", "answered", risk.Allow, time.Second), tried, made(2*time.Hour, "bot", "a/m", "blocked", risk.Block, 0),
		made(3*time.Hour, "bot", "a/m", "open", risk.Allow, 0), guessed, made(13*24*time.Hour, "bot", "a/m", "answered", risk.Allow, time.Second),
	}}
	d := viewer(t, s, desk.Watch{Providers: func() []desk.Provider { return []desk.Provider{{Name: "a", State: "open"}, {Name: "z"}} }})
	got, whole, err := d.Providers(t.Context(), reader)
	if err != nil || !whole || len(got) != 3 {
		t.Fatal(got, whole, err)
	}
	one := desk.Bill{Calls: 1, Input: 10, Output: 3, Cost: 1000}
	a, b, z := got[0], got[1], got[2]
	if a.Name != "a" || a.State != "open" || a.Gone || a.Today != one || a.Month != (desk.Bill{Calls: 2, Input: 20, Output: 6, Cost: 2000, Estimated: 1}) {
		t.Errorf("%+v", a)
	}
	if b.Name != "b" || !b.Gone || b.Today != one || b.Month != one || z.Month.Calls != 0 || z.Gone {
		t.Errorf("%+v %+v", b, z)
	}
}

// TestWatchNeedsARight: nobody looks without a role, and a fault is not an empty
// page.
func TestWatchNeedsARight(t *testing.T) {
	broken, s := errors.New("broken"), &shelf{list: []record.Record{made(0, "bot", "a/m", "answered", risk.Allow, 0)}}
	bad := desk.Watch{Conformance: func() ([]desk.Place, error) { return nil, broken },
		Spent:      func(context.Context, string, time.Time) (access.Usage, error) { return access.Usage{}, broken },
		Allowances: func(context.Context, string) ([]desk.Allowance, error) { return nil, broken }}
	views := map[string]func(d *desk.Desk, a desk.Actor) error{
		"traffic":     func(d *desk.Desk, a desk.Actor) error { _, err := d.Traffic(t.Context(), a, "day"); return err },
		"providers":   func(d *desk.Desk, a desk.Actor) error { _, _, err := d.Providers(t.Context(), a); return err },
		"conformance": func(d *desk.Desk, a desk.Actor) error { _, err := d.Conformance(a); return err },
		"spending":    func(d *desk.Desk, a desk.Actor) error { _, err := d.Spending(t.Context(), a, "bot"); return err },
	}
	for name, look := range views {
		good := viewer(t, s, desk.Watch{})
		for role, want := range map[string]error{"admin": nil, "auditor": nil, "approver": nil, "reader": nil, "": desk.ErrDenied, "stranger": desk.ErrDenied} {
			if err := look(good, desk.Actor{Person: "p", Roles: []string{role}}); !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("%s as %q: %v", name, role, err)
			}
		}
		if err := look(desk.New(desk.Config{Permits: func() *access.Permits { return permitsOf(t) }}), reader); err != nil {
			t.Errorf("%s with nothing to show: %v", name, err)
		}
		s.err = broken
		if err := look(viewer(t, s, bad), reader); !errors.Is(err, broken) {
			t.Errorf("%s with a fault: %v", name, err)
		}
		s.err = nil
	}
}

func permitsOf(t *testing.T) *access.Permits {
	t.Helper()
	p, err := access.NewPermits([]record.System{{Name: "bot"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestSpending asks for today and for the month, and passes limits on.
func TestSpending(t *testing.T) {
	var since []time.Time
	d := viewer(t, &shelf{}, desk.Watch{
		Spent: func(_ context.Context, system string, from time.Time) (access.Usage, error) {
			since = append(since, from)
			return access.Usage{Requests: int64(len(since)), Cost: 5}, nil
		},
		Allowances: func(context.Context, string) ([]desk.Allowance, error) {
			return []desk.Allowance{{Counts: "tokens", Per: "day", Limit: 10, Spent: 12}}, nil
		}})
	s, err := d.Spending(t.Context(), reader, "bot")
	if err != nil || s.Today.Requests != 1 || s.Month.Requests != 2 || len(since) != 2 || since[0].Day() != 12 || since[1].Day() != 1 || since[1].Month() != now.Month() {
		t.Errorf("%+v from %v: %v", s, since, err)
	}
	if len(s.Allowances) != 1 || s.Allowances[0].Left() != 0 {
		t.Errorf("%+v", s.Allowances)
	}
	if s, err := d.Spending(t.Context(), reader, "none"); !errors.Is(err, access.ErrSystem) || len(s.Allowances) != 0 {
		t.Errorf("a system that nobody declared: %+v %v", s, err)
	}
}
