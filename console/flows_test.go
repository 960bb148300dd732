package console

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/desk"
)

// TestFlowsPage: which label went from which system to which provider and where that is, what
// was kept back, and the picture says the same.
func TestFlowsPage(t *testing.T) {
	h := build(t).furnish(30)
	page := h.as("reader").get("/flows?range=month").body
	check(t, "the page", page)
	says(t, "the page", page, "20 calls went to 3 providers in the last month, in 1 region; the region of 2 providers is not stated.", "no longer declared", "not stated", ">eu<", "confidential or higher", "policy stopped the call",
		"From label over system to provider", "general, bot, openai: 5 calls", "sales, support", "calls over time")
	if n := strings.Count(page, `<path class="band`); n != 2*strings.Count(page, `<svg class="spark"`) || n == 0 {
		t.Errorf("%d bands, %d trends", n, strings.Count(page, `<svg class="spark"`))
	}
	if empty := build(t).as("reader").get("/flows").body; !strings.Contains(empty, "Nothing went to a provider in the last week.") || strings.Contains(empty, `class="band`) {
		t.Error("an empty house has flows")
	}
	h.provides[0].Handling.Training = "allowed"
	h.clock = h.clock.Add(time.Minute)
	says(t, "somebody trains", h.as("reader").get("/flows?range=month").body, "azure may learn from what it is sent")
}

// TestSankey: stacks do not overlap, bands fill them, and names that are many or hostile do no
// harm.
func TestSankey(t *testing.T) {
	var list []desk.Flow
	for i := range 40 {
		list = append(list, desk.Flow{Label: []string{"public", "general", "confidential"}[i%3], Rank: i % 3, System: fmt.Sprintf("system-%d<b>", i%20), Provider: fmt.Sprintf("provider-%d", i%11), Calls: i + 1, Slots: []int{i}})
	}
	k := newSankey(list)
	for c, column := range k.columns {
		if len(column) > sankeyMost {
			t.Errorf("column %d has %d stacks", c, len(column))
		}
		end, calls := 0., 0
		for _, s := range column {
			if s.y < end {
				t.Errorf("%s begins at %.1f, before %.1f", s.name, s.y, end)
			}
			end, calls = s.y+s.height, calls+s.calls
		}
		if calls != 820 || end > k.height {
			t.Errorf("column %d has %d calls and ends at %.1f of %.1f", c, calls, end, k.height)
		}
	}
	for _, b := range k.bands {
		for side, s := range []*stack{b.ends[0], b.ends[1], b.ends[1], b.ends[2]} {
			if b.y[side] < s.y-.01 || b.y[side]+b.thick > s.y+s.height+.01 {
				t.Errorf("a band lies at %.1f, beside %s at %.1f", b.y[side], s.name, s.y)
			}
		}
	}
	svg := string(k.SVG())
	if strings.Contains(svg, "<b>") || !strings.Contains(svg, "&lt;b&gt;") || !strings.Contains(svg, ">others<") {
		t.Error("names are not as they should be")
	}
	if newSankey(nil).SVG() != "" {
		t.Error("nothing has a picture")
	}
}
