package console

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
)

// flowsPage answers: which data goes to which provider, and where?
type flowsPage struct {
	*desk.Flows
	Sentence string
	Ranges   []facetChoice
	Numbers  []number
	Picture  template.HTML
	Rows     []flowRow
	Kept     []keptRow
	More     int      // flows that are counted and not shown
	Trains   []string // providers that train on data and got some
	SlotName string
}

// flowRow is a flow as the table shows it.
type flowRow struct {
	desk.Flow
	Place string // where the provider is
	Link  string
	Trend template.HTML
}

// keptRow is what went nowhere, with the reason in words.
type keptRow struct {
	desk.Withheld
	Reason string
}

// reasons are why something went to no provider.
var reasons = map[string]string{
	"policy": "policy stopped the call", "label_too_high": "its label is above what anybody may have", "consent_missing": "somebody did not agree",
	"purpose_unknown": "its system is not there for that purpose", "release_denied": "a permit forbids it", "provider_suspended": "its provider changed, and nobody approved that",
	"provider_state_refused": "the provider would have kept it",
}

// maxFlows bounds the table.
const maxFlows = 200

func (c *Console) flows(w http.ResponseWriter, r *http.Request, s *access.Session) {
	span := r.URL.Query().Get("range")
	if !isSpan(span) {
		span = "week"
	}
	f, err := c.cfg.Desk.Flows(r.Context(), actor(s), span)
	if err != nil {
		c.failed(w, r, err)
		return
	}
	p := flowsPage{Flows: f, SlotName: trafficPage{Traffic: &desk.Traffic{Span: f.Span}}.SlotName()}
	for _, one := range desk.Spans {
		p.Ranges = append(p.Ranges, facetChoice{strings.ToUpper(one.Name[:1]) + one.Name[1:], "/flows?range=" + one.Name, one.Name == span})
	}
	p.tell()
	p.rows()
	p.Picture = newSankey(f.List).SVG()
	c.render(w, r, http.StatusOK, "flows", "Data protection", s, p)
}

// place is where a provider is, as its handling says it.
func place(f *desk.Flow) string {
	switch {
	case f.Gone:
		return "no longer declared"
	case f.Region == "":
		return "not stated"
	}
	return strings.ReplaceAll(f.Region, "_", " ")
}

// tell says what the page is about in one sentence and a few figures.
func (p *flowsPage) tell() {
	calls, high, hidden, kept := 0, 0, 0, 0
	providers, places, nowhere, trains := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i := range p.List {
		f := &p.List[i]
		calls += f.Calls
		hidden += f.Hidden
		providers[f.Provider] = true
		if f.Region != "" {
			places[f.Region] = true
		} else {
			nowhere[f.Provider] = true
		}
		if f.Rank > 1 {
			high += f.Calls
		}
		if f.Trains == "allowed" && !trains[f.Provider] {
			trains[f.Provider] = true
			p.Trains = append(p.Trains, f.Provider)
		}
	}
	for _, k := range p.Withheld {
		kept += k.Calls
	}
	hours := fmt.Sprintf("/exchanges?hours=%d", int(p.Span.Slot*time.Duration(p.Span.Slots)/time.Hour))
	p.Numbers = []number{
		{Name: "calls sent", Value: count(calls), Link: hours, Of: "to " + many(len(providers), "provider")},
		{Name: "confidential or higher", Value: count(high), Link: hours, Of: "of " + many(calls, "call")},
		{Name: "values hidden", Value: count(hidden), Link: hours + "&decision=mask", Of: "before they left"},
		{Name: "calls kept back", Value: count(kept), Link: hours + "&decision=block,hold", Of: "for what they hold"},
	}
	p.Sentence = fmt.Sprintf("Nothing went to a provider in the last %s.", p.Span.Name)
	if calls > 0 {
		p.Sentence = fmt.Sprintf("%s went to %s in the last %s", many(calls, "call"), many(len(providers), "provider"), p.Span.Name)
		if len(places) > 0 {
			p.Sentence += ", in " + many(len(places), "region")
		}
		if len(nowhere) > 0 {
			p.Sentence += "; the region of " + many(len(nowhere), "provider") + " is not stated"
		}
		p.Sentence += "."
	}
}

func (p *flowsPage) rows() {
	most := 0
	for _, f := range p.List {
		for _, n := range f.Slots {
			most = max(most, n)
		}
	}
	hours := fmt.Sprint(int(p.Span.Slot * time.Duration(p.Span.Slots) / time.Hour))
	for i := range p.List {
		if i == maxFlows {
			p.More = len(p.List) - i
			break
		}
		f := p.List[i]
		link := "/exchanges?" + url.Values{"system": {f.System}, "hours": {hours}}.Encode()
		p.Rows = append(p.Rows, flowRow{f, place(&f), link, spark(f.Slots, most, f.Rank)})
	}
	for _, k := range p.Withheld {
		p.Kept = append(p.Kept, keptRow{k, reasons[k.Why]})
	}
}

// The size of a trend, in its own units.
const (
	sparkSlot   = 4
	sparkHeight = 20
)

// spark draws calls over time, on the scale of all flows, so that they can be compared; where
// something was there is always something to be seen.
func spark(slots []int, most, rank int) template.HTML {
	var b strings.Builder
	sum := 0
	for _, n := range slots {
		sum += n
	}
	fmt.Fprintf(&b, `<svg class="spark" viewBox="0 0 %d %d" preserveAspectRatio="none" role="img" aria-label="%d calls over time">`, len(slots)*sparkSlot, sparkHeight, sum)
	for i, n := range slots {
		if n > 0 {
			h := max(float64(n)/float64(most)*sparkHeight, 2)
			fmt.Fprintf(&b, `<rect class="rank-%d" x="%d" y="%.1f" width="%d" height="%.1f"/>`, ranked(rank), i*sparkSlot, sparkHeight-h, sparkSlot-1, h)
		}
	}
	fmt.Fprintf(&b, `<line class="axis" x1="0" x2="%d" y1="%d" y2="%[2]d"/></svg>`, len(slots)*sparkSlot, sparkHeight)
	return template.HTML(b.String())
}

// ranked is the class of a label's colour; one that is none any more looks like the highest.
func ranked(rank int) int {
	if rank < 0 || rank > 3 {
		return 3
	}
	return rank
}
