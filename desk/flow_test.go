package desk_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// TestFlows: every call is counted for every provider that it was sent to, under its label;
// what went nowhere is told apart by the reason, and what has nothing to do with its data is
// left out.
func TestFlows(t *testing.T) {
	flow := func(ago time.Duration, label, candidate, end, code string, tries ...string) record.Record {
		r := made(ago, "bot", candidate, end, risk.Allow, time.Second)
		r.Intent.Label, r.Intent.Purpose, r.Intent.Sent.Bytes = label, "support", 100
		if r.Outcome != nil {
			r.Outcome.Code, r.Outcome.Tries, r.Outcome.Masked = code, tries, &record.Masked{Hidden: 2}
		}
		return r
	}
	other := flow(time.Minute, "general", "a/m", "answered", "")
	other.Intent.Purpose = "sales"
	blockedAnswer := flow(time.Minute, "general", "a/m", "blocked", "")
	blockedAnswer.Outcome.Upstream = 200
	list := flow(time.Minute, "general", "a/m", "answered", "")
	list.Intent.Op = "list"
	s := &shelf{list: []record.Record{
		flow(0, "confidential", "a/m", "answered", ""),
		flow(3*time.Minute, "confidential", "a/m", "answered", "", "b/m sha256:00"),
		flow(time.Minute, "general", "a/m", "failed", "upstream_unreachable"),
		other, blockedAnswer, list,
		flow(time.Minute, "general", "a/m", "interrupted", ""),
		flow(time.Minute, "odd", "gone/m", "open", ""),
		flow(time.Minute, "general", "", "blocked", "content_filter"),
		flow(time.Minute, "confidential", "", "refused", "label_too_high"),
		flow(2*time.Minute, "confidential", "", "refused", "label_too_high"),
		flow(time.Minute, "general", "", "refused", "consent_missing"),
		flow(time.Minute, "general", "", "refused", "rate_limit_exceeded"),
		flow(2*time.Hour, "general", "a/m", "answered", ""),
	}}
	d := viewer(t, s, desk.Watch{Providers: func() []desk.Provider {
		return []desk.Provider{{Name: "a", Handling: desk.Handling{Region: "eu", Training: "never"}}, {Name: "b"}}
	}, Labels: func() []string { return []string{"public", "general", "confidential", "secret"} }})
	reader := desk.Actor{Person: "p", Roles: []string{"reader"}}
	got, err := d.Flows(context.Background(), reader, "hour")
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		label            string
		rank             int
		provider, region string
		gone             bool
		calls, hidden    int
		bytes            int64
	}
	var lines []line
	for _, f := range got.List {
		lines = append(lines, line{f.Label, f.Rank, f.Provider, f.Region, f.Gone, f.Calls, f.Hidden, f.Bytes})
		n := 0
		for _, k := range f.Slots {
			n += k
		}
		if n != f.Calls || len(f.Slots) != 60 {
			t.Errorf("%s: %v are not %d", f.Provider, f.Slots, f.Calls)
		}
	}
	want := []line{{"confidential", 2, "a", "eu", false, 2, 4, 200}, {"confidential", 2, "b", "", false, 1, 2, 100}, {"general", 1, "a", "eu", false, 4, 6, 400}, {"odd", -1, "gone", "", true, 1, 0, 100}}
	if !reflect.DeepEqual(lines, want) {
		t.Errorf("%+v\nwant %+v", lines, want)
	}
	if f := got.List[2]; !reflect.DeepEqual(f.Purposes, []string{"sales", "support"}) || f.Slots[58] != 4 {
		t.Errorf("%+v", f)
	}
	kept := []desk.Withheld{{Label: "confidential", System: "bot", Team: "t", Why: "label_too_high", Calls: 2}, {Label: "general", System: "bot", Team: "t", Why: "consent_missing", Calls: 1}, {Label: "general", System: "bot", Team: "t", Why: "policy", Calls: 1}}
	if !reflect.DeepEqual(got.Withheld, kept) {
		t.Errorf("%+v", got.Withheld)
	}
	if _, err := d.Flows(context.Background(), reader, "year"); !errors.Is(err, desk.ErrInvalid) {
		t.Errorf("%v", err)
	}
	if _, err := d.Flows(context.Background(), desk.Actor{Person: "p"}, "hour"); !errors.Is(err, desk.ErrDenied) {
		t.Errorf("%v", err)
	}
	s.err = errors.New("away")
	if _, err := d.Flows(context.Background(), reader, "day"); err == nil {
		t.Error("a reader that fails fails nothing")
	}
}
