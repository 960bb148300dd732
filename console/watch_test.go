package console

import (
	"fmt"
	"html"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/record"
)

// says wants texts on a page.
func says(t *testing.T, what, body string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(body, w) {
			t.Errorf("%s does not say %q", what, w)
		}
	}
}

func TestProvidersPage(t *testing.T) {
	h := build(t).furnish(20)
	for i := range h.records {
		if in := h.records[i].Intent; in != nil && i%2 == 0 {
			in.Candidate = "former/small"
		}
	}
	reader := h.as("reader")
	h.clock = h.clock.Add(time.Minute)
	body := reader.get("/providers").body
	says(t, "the page", body, "azure gets no calls now", "since it began at", "2026-03-12 14:40:30 UTC<", "no calls until 14:41:54 UTC, in 24 s", "half open", "the next call decides", "not called yet",
		"under 1 % of 1\u202f000", "100 % of 9", "under 1 % of 10\u202f000", "123\u202f456 in, 654\u202f321 out", "not configured", "it was used this month",
		"status 503", "tried first of 2", "tried in place 3 of 3", "no other is tried", "Cost in March", "DPA 2026-03", "No model uses it.", "It was not called since this process began.")
	if strings.Contains(body, "more records than are read") {
		t.Error("the page says that it shows a part")
	}
	h.provides[0].State = "closed"
	says(t, "with one half open", reader.get("/providers").body, "The next call decides about local.")
	h.provides[1].State = "open"
	h.provides[2].State = "open"
	says(t, "with two open", reader.get("/providers").body, "local, openai get no calls now")
	h.provides = h.provides[3:]
	says(t, "with none called", reader.get("/providers").body, "No provider was called since this process began.")
}

// TestNumbersLeadToTheirList: behind every figure is a list that has as many calls.
func TestNumbersLeadToTheirList(t *testing.T) {
	h := build(t).furnish(60)
	for i, end := range map[int]string{2: "refused", 6: "failed", 8: "refused"} {
		h.records[i].Outcome.End = end
	}
	reader, link := h.as("reader"), regexp.MustCompile(`<li><a href="([^"]+)"><span class="value">([^<]+)</span> <span class="name">(calls|blocked or held|failed)<`)
	for path, want := range map[string]int{"/traffic?range=day": 3, "/traffic?range=week": 3, "/": 3} {
		found := link.FindAllStringSubmatch(reader.get(path).body, -1)
		if len(found) != want {
			t.Fatalf("%s has %d figures", path, len(found))
		}
		for _, m := range found {
			rows := strings.Count(reader.get(html.UnescapeString(m[1])).body, "<tr>") - 1
			if n, err := strconv.Atoi(m[2]); err != nil || n != rows || n == 0 {
				t.Errorf("%s: %s %s, and %d behind %s", path, m[2], m[3], rows, m[1])
			}
		}
	}
}

func TestTrafficPage(t *testing.T) {
	h := build(t).furnish(60)
	reader := h.as("reader")
	body := reader.get("/traffic").body
	says(t, "the day", body, "60 calls in the last day, from 2 systems.", "2026-03-11 15:00 UTC up to now", "at most 3 in half an hour", "3\u202f800 of 5\u202f000 tokens left today", "0 of 400.00 left this month; it begins anew in 4 days",
		`href="/traffic?range=day" aria-current="true"`, `href="/traffic?range=day&amp;scale=own"`, `href="/exchanges?hours=24&amp;system=bot"`, "480 ms")
	for range_, want := range map[string]string{"hour": "in the last hour", "week": "in the last week", "month": "in the last month", "year": "in the last day", "%00": "in the last day"} {
		a := reader.get("/traffic?range=" + range_ + "&scale=own")
		if says(t, range_, a.body, want, `aria-current="true">Own scale`); a.code != 200 {
			t.Errorf("%s: %d", range_, a.code)
		}
	}
	empty := build(t).as("reader").get("/traffic").body
	says(t, "without calls", empty, "No calls in the last day.", "No calls from bot, lab.")
	if strings.Contains(body, "Only a part is shown") {
		t.Error("all is shown, and the page says it is not")
	}
	for i := range desk.MaxRead {
		h.records = append(h.records, record.Record{Seq: 1, Intent: &record.Intent{ID: fmt.Sprint("ex_", i), At: h.clock.Add(-time.Second)}})
	}
	h.clock = h.clock.Add(5 * time.Second)
	says(t, "with too many", reader.get("/traffic").body, "Only a part is shown: the newest 20\u202f000 calls, back to 2026-03-12 14:40:29 UTC", "no valid key")
}

func TestConformancePage(t *testing.T) {
	h := build(t)
	reader := h.as("reader")
	body := reader.get("/conformance").body
	says(t, "the matrix", body, "All 32 cells were measured, in 748 tries.", "go test ./gateway -run TestMatrix", "docs/conformance.md", "374 tries", `scope="colgroup"`)
	if strings.Contains(body, `class="missing"`) {
		t.Error("a cell is missing")
	}
	for name, spoil := range map[string]func(p *desk.Place){
		"absent":  func(p *desk.Place) { p.Cells = p.Cells[1:] },
		"empty":   func(p *desk.Place) { p.Cells[3].Result = "" },
		"untried": func(p *desk.Place) { p.Cells[3].Tries = 0 },
		"unknown": func(p *desk.Place) { p.Cells[3].Result = "perhaps" },
	} {
		h.places = places()
		spoil(&h.places[1])
		body := reader.get("/conformance").body
		if says(t, name, body, "1 of 32 cells are missing"); strings.Count(body, `class="missing"`) != 1 {
			t.Errorf("%s: the cell is not shown as a fault", name)
		}
	}
	h.places = nil
	says(t, "without a matrix", reader.get("/conformance").body, "This build has no matrix")
}

func TestCosts(t *testing.T) {
	h := build(t).furnish(5)
	admin := h.as("admin")
	says(t, "the list", admin.get("/exchanges").body, ">Cost</th>", `<td class="num wide">0.0123</td>`)
	says(t, "the systems", admin.get("/systems").body, "Cost today", "Cost this month", "\u00a00.0001", "tokens left today")
}

func TestWords(t *testing.T) {
	for micro, want := range map[int64]string{0: "–", -5: "–", 1: "<\u00a00.0001", 100: "0.0001", 12_345: "0.0123", 999_999: "0.9999", 1_000_000: "1.00", 1_234_567_890: "1\u202f234.56", math.MaxInt64: "9\u202f223\u202f372\u202f036\u202f854.77"} {
		if got := cost(micro); got != want {
			t.Errorf("cost %d is %q", micro, got)
		}
	}
	for d, want := range map[time.Duration]string{-time.Second: "1 s", time.Millisecond: "1 s", 59 * time.Second: "59 s", 61 * time.Second: "2 min", 3 * time.Hour: "3 h", 49 * time.Hour: "3 days"} {
		if got := until(d); got != want {
			t.Errorf("until %s is %q", d, got)
		}
	}
	for part, want := range map[float64]string{0: "0 %", .0001: "under 1 %", .5: "50 %", .9999: "over 99 %", 1: "100 %"} {
		if got := share(part); got != want {
			t.Errorf("share %g is %q", part, got)
		}
	}
}

// TestBarsStayInside: however many calls, no bar leaves its picture, and the
// smallest is seen.
func TestBarsStayInside(t *testing.T) {
	rect := regexp.MustCompile(`<rect class="fill-(\w+)" x="(\d+)" y="([\d.]+)" width="8" height="([\d.]+)"/>`)
	slots := []desk.Slot{{}, {Allow: 100_000, Flag: 1, Mask: 1, Block: 1, Failed: 1}, {Failed: 1}, {Block: 7}}
	found := rect.FindAllStringSubmatch(string(bars{ID: "x", Slots: slots, Max: peak(slots), Label: func(int) string { return "then" }}.SVG()), -1)
	if len(found) != 7 {
		t.Fatalf("%d bars", len(found))
	}
	for _, m := range found {
		y, _ := strconv.ParseFloat(m[3], 64)
		height, _ := strconv.ParseFloat(m[4], 64)
		if y < 0 || height < 1.5 || y+height > barsHeight+.1 {
			t.Errorf("%s is from %g to %g", m[1], y, y+height)
		}
	}
}

// TestHeatSteps: every count has one darkness, more is never lighter, and the
// legend names each count once.
func TestHeatSteps(t *testing.T) {
	for _, most := range []int{1, 2, 3, 5, 8, 100, 12_345} {
		marks := steps(most)
		if len(marks) == 0 || len(marks) > 5 || marks[0] != 1 || len(legend(marks, most)) != len(marks) {
			t.Errorf("%d: the steps are %v", most, marks)
		}
		for i := 1; i < len(marks); i++ {
			if marks[i] <= marks[i-1] || marks[i] > most || opacity(i, len(marks)) <= opacity(i-1, len(marks)) {
				t.Errorf("%d: the steps are %v", most, marks)
			}
		}
	}
	heat := newHeat(&desk.Traffic{Span: desk.Spans[0], Bands: []time.Duration{time.Second, time.Minute}, Heat: [][]int{{0, 0, 3}, {0, 1, 0}, {0, 0, 0}}})
	if strings.Join(heat.Bands, ", ") != "over 1 min, to 1 min, to 1 s" || heat.Total != 4 || len(heat.Rows) != 2 || heat.Rows[1].Cells[1] != 1 {
		t.Errorf("%+v", heat)
	}
	if svg := string(heat.SVG()); strings.Count(svg, "<rect") != 2 || !strings.Contains(svg, `fill-opacity="1.00"><title>00:00, over 1 min: 3</title>`) || !strings.Contains(svg, `fill-opacity="0.20"`) {
		t.Error(svg)
	}
}

// TestSessionsPage ends sessions: another's, one's own, all; and none where the form
// does not say which.
func TestSessionsPage(t *testing.T) {
	h := build(t)
	admin, other := h.as("admin"), h.as("reader")
	open := func() (ids []string) {
		list, err := h.sessions.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			ids = append(ids, s.Person+" "+s.ID)
		}
		return ids
	}
	body := admin.get("/sessions").body
	says(t, "the page", body, "2 sessions open.", "p:admin", "p:reader", "this one")
	id := func(whose string) string {
		for _, one := range open() {
			if person, id, _ := strings.Cut(one, " "); person == whose {
				return id
			}
		}
		return ""
	}
	for name, pairs := range map[string][]string{"nothing": nil, "another word": {"all", "perhaps"}} {
		if a := admin.post("/sessions/end", pairs...); a.code != 422 || len(open()) != 2 {
			t.Errorf("a form with %s: %d, %d sessions", name, a.code, len(open()))
		}
	}
	if a := other.post("/sessions/end", "id", id("p:admin")); a.code != 403 || len(open()) != 2 {
		t.Errorf("a reader ended an admin's: %d", a.code)
	}
	gone := id("p:reader")
	if a := admin.post("/sessions/end", "id", gone); a.code != 303 || other.get("/").code != 401 || len(open()) != 1 {
		t.Errorf("another's: %d", a.code)
	}
	says(t, "alone", admin.get("/sessions").body, "One session is open: yours.")
	if a := admin.post("/sessions/end", "id", gone); a.code != 404 {
		t.Errorf("one that has ended: %d", a.code)
	}
	if a := h.as("reader").post("/sessions/end", "id", id("p:admin")+"x"); a.code != 403 {
		t.Errorf("nobody's: %d", a.code)
	}
	if a := admin.post("/sessions/end", "all", "yes"); a.code != 303 || len(open()) != 0 || admin.get("/").code != 401 {
		t.Errorf("all: %d, %d open", a.code, len(open()))
	}
	if last := h.acts[len(h.acts)-1]; last.Kind != "session.end" || last.Target != "all" || last.Phase != "done" {
		t.Errorf("recorded is %+v", last)
	}
}

// TestSuspendedProvider: what changed is shown old and new, and approving it takes a form, a
// reason and the right.
func TestSuspendedProvider(t *testing.T) {
	h := build(t).furnish(3)
	digest := h.suspend("azure")
	body := h.as("reader").get("/providers").body
	says(t, "the page", body, "Suspended until somebody approves what changed: azure.", "suspended: profile changed", "<td>https://a.example</td><td>https://&lt;b&gt;.example</td>", "<td>eu</td><td>not stated</td>", "<td>not stated</td><td>allowed</td>")
	if strings.Contains(body, "/providers/approve") {
		t.Error("a reader may approve")
	}
	admin := h.as("admin")
	says(t, "for an admin", admin.get("/providers").body, `action="/providers/approve"`, digest)
	for want, pairs := range map[int][]string{422: {"provider", "azure", "digest", digest, "reason", " "}, 409: {"provider", "azure", "digest", "000000000000", "reason", "x"}, 404: {"provider", "none", "digest", digest, "reason", "x"}} {
		if a := admin.post("/providers/approve", pairs...); a.code != want {
			t.Errorf("%v: %d", pairs, a.code)
		}
	}
	h.acts = nil
	if a := admin.post("/providers/approve", "provider", "azure", "digest", digest, "reason", "new contract"); a.code != 303 {
		t.Fatalf("%d %s", a.code, a.body)
	}
	if len(h.acts) != 2 || h.acts[1].Phase != "done" || h.acts[1].Kind != desk.ProviderApprove || h.acts[1].Reason != "new contract" || h.acts[1].Detail["changed"] != "url, training, region" || h.acts[1].Detail["was"] == "" {
		t.Errorf("%+v", h.acts)
	}
	if body := admin.get("/providers").body; strings.Contains(body, "suspended") {
		t.Error("it is suspended still")
	}
}
