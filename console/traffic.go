package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
)

// trafficPage answers: who calls what, how fast is it, and what failed?
type trafficPage struct {
	*desk.Traffic
	Sentence string
	Ranges   []facetChoice
	Scales   []facetChoice
	Numbers  []number
	Panels   []panel
	Heat     heat
	Axis     []string
	Hours    int
	Legend   []string
}

// panel is the small picture of one system, and what is said beside it.
type panel struct {
	desk.SystemTraffic
	ID     string // in the page
	Bars   bars
	Link   string
	Peak   string
	Budget []budget
}

func (c *Console) traffic(w http.ResponseWriter, r *http.Request, s *access.Session) {
	span, own := r.URL.Query().Get("range"), r.URL.Query().Get("scale") == "own"
	if !isSpan(span) {
		span = "day"
	}
	t, err := c.cfg.Desk.Traffic(r.Context(), actor(s), span)
	if err != nil {
		c.failed(w, r, err)
		return
	}
	p := trafficPage{Traffic: t, Hours: int(t.Span.Slot * time.Duration(t.Span.Slots) / time.Hour), Legend: classes}
	p.Sentence, p.Axis = p.sentence(), p.axis()
	p.Ranges, p.Scales = trafficLinks(span, own)
	p.Numbers = p.numbers()
	p.Heat = newHeat(t)
	p.panels(own, c.cfg.Now())
	c.render(w, r, http.StatusOK, "traffic", "Traffic", s, p)
}

func isSpan(name string) bool {
	for _, s := range desk.Spans {
		if s.Name == name {
			return true
		}
	}
	return false
}

func (p *trafficPage) sentence() string {
	n := len(p.Systems) + p.Others
	switch {
	case p.Total.Calls == 0:
		return fmt.Sprintf("No calls in the last %s.", p.Span.Name)
	case n == 1:
		return fmt.Sprintf("%s in the last %s, all from one system.", many(p.Total.Calls, "call"), p.Span.Name)
	}
	return fmt.Sprintf("%s in the last %s, from %d systems.", many(p.Total.Calls, "call"), p.Span.Name, n)
}

// trafficLinks are the ways to see the same otherwise; each is a link, so that a
// view can be kept and sent.
func trafficLinks(span string, own bool) (ranges, scales []facetChoice) {
	link := func(span string, own bool) string {
		if own {
			return "/traffic?range=" + span + "&scale=own"
		}
		return "/traffic?range=" + span
	}
	for _, s := range desk.Spans {
		ranges = append(ranges, facetChoice{strings.ToUpper(s.Name[:1]) + s.Name[1:], link(s.Name, own), s.Name == span})
	}
	return ranges, []facetChoice{{"Same scale", link(span, false), !own}, {"Own scale", link(span, true), own}}
}

func (p *trafficPage) numbers() []number {
	t, list := &p.Total, fmt.Sprintf("/exchanges?hours=%d", p.Hours)
	of := "of " + many(t.Calls, "call")
	failed := number{Name: "failed", Value: count(t.Failed), Link: list + "&decision=allow,flag,mask&end=failed,refused,interrupted", Of: of}
	if t.Failed > 0 {
		failed.Change = fmt.Sprintf("%s refused, %s interrupted", count(t.Refused), count(t.Interrupted))
	}
	spent := number{Name: "cost", Value: cost(t.Cost), Link: list, Of: of}
	if t.Estimated > 0 {
		spent.Change = "estimated for " + count(t.Estimated)
	}
	return []number{
		{Name: "calls", Value: count(t.Calls), Link: list, Of: fmt.Sprintf("%s answered", count(t.Answers))},
		{Name: "blocked or held", Value: count(t.Block), Link: list + "&decision=block,hold", Of: of},
		failed,
		{Name: "tokens", Value: count(int(t.Input + t.Output)), Link: list, Of: fmt.Sprintf("%s in, %s out", count(int(t.Input)), count(int(t.Output)))},
		spent,
	}
}

// panels makes the small pictures. They have the same scale, so that they can be
// compared, unless somebody wants to see the small ones better.
func (p *trafficPage) panels(own bool, now time.Time) {
	same := 0
	for _, s := range p.Systems {
		same = max(same, peak(s.Slots))
	}
	for i, s := range p.Systems {
		one := panel{SystemTraffic: s, ID: fmt.Sprintf("system-%d", i+1), Bars: bars{Slots: s.Slots, Max: same, Label: p.label}}
		most := peak(s.Slots)
		if own {
			one.Bars.Max = most
		}
		one.Bars.ID = one.ID
		one.Peak = fmt.Sprintf("at most %s in %s", count(most), p.SlotName())
		one.Link = "/exchanges?" + url.Values{"system": {s.System}, "hours": {fmt.Sprint(p.Hours)}}.Encode()
		one.Budget = budgets(s.Allowances, now)
		p.Panels = append(p.Panels, one)
	}
}

// budget is how a system stands to a limit, as a sentence and as a part.
type budget struct {
	Text string
	Used int // permille of the limit
	Out  bool
}

var thisPeriod = map[string]string{"minute": "this minute", "hour": "this hour", "day": "today", "month": "this month"}

func newBudget(a desk.Allowance, now time.Time) budget {
	amount, unit := func(n int64) string { return count(int(n)) }, " "+a.Counts
	if a.Counts == "money" {
		amount, unit = func(n int64) string { return strings.Replace(cost(n), "–", "0", 1) }, ""
	}
	b := budget{Text: fmt.Sprintf("%s of %s%s left %s", amount(a.Left()), amount(a.Limit), unit, thisPeriod[a.Per]), Out: a.Left() == 0}
	if a.Limit > 0 {
		b.Used = int(float64(a.Limit-a.Left()) / float64(a.Limit) * 1000)
	}
	if b.Out && !a.Ends.IsZero() {
		b.Text += "; it begins anew in " + until(a.Ends.Sub(now))
	}
	return b
}

func budgets(list []desk.Allowance, now time.Time) (out []budget) {
	for _, a := range list {
		out = append(out, newBudget(a, now))
	}
	return out
}

// SlotName says how long a slot is.
func (p trafficPage) SlotName() string {
	return map[string]string{"hour": "a minute", "day": "half an hour", "week": "three hours", "month": "a day"}[p.Span.Name]
}

// label names a slot by its beginning, as exactly as the span needs.
func (p *trafficPage) label(i int) string {
	at := p.Since.Add(time.Duration(i) * p.Span.Slot)
	return at.Format(map[string]string{"hour": "15:04", "day": "15:04", "week": "Mon 15:04", "month": "2 Jan"}[p.Span.Name])
}

// Label is label for the template.
func (p trafficPage) Label(i int) string { return p.label(i) }

// axis names some slots below a picture.
func (p *trafficPage) axis() []string {
	return []string{p.label(0), p.label(p.Span.Slots / 2), "now"}
}
