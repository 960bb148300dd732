package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// exchangesPage answers: which calls were there, and which one do I look for?
type exchangesPage struct {
	Rows    []row
	Query   url.Values
	Facets  []facet
	ID      string
	Older   string // URL of the next page
	Newest  uint64
	Tail    string // URL that live rows come from; "" when paging
	Filters int
	Scanned bool // the list ends because enough was looked through
}

// facet is one way to narrow the list, with the choices that lead there.
type facet struct {
	Name    string
	Choices []facetChoice
}

type facetChoice struct {
	Label  string
	Link   string
	Active bool
}

const pageSize = 100

var ends = []string{"answered", "blocked", "refused", "failed", "cancelled", "interrupted"}

func (c *Console) exchanges(w http.ResponseWriter, r *http.Request, s *access.Session) {
	q := r.URL.Query()
	if id := strings.TrimSpace(q.Get("id")); strings.HasPrefix(id, "ex_") || strings.HasPrefix(id, "act_") {
		http.Redirect(w, r, "/exchanges/"+url.PathEscape(id), http.StatusSeeOther)
		return
	}
	query := listQuery(q, c.cfg.Now())
	rows, older, err := c.list(r, s, query, q.Get("end"))
	if err != nil {
		c.failed(w, r, err)
		return
	}
	p := exchangesPage{Rows: rows, Query: q, Facets: c.facets(s, q), ID: q.Get("id"), Scanned: older != 0 && len(rows) < pageSize}
	for _, k := range []string{"system", "decision", "category", "end", "hours", "kind"} {
		if q.Get(k) != "" {
			p.Filters++
		}
	}
	if len(rows) > 0 {
		p.Newest = rows[0].Seq
	}
	if older != 0 {
		p.Older = link(q, "before", strconv.FormatUint(older, 10))
	}
	if q.Get("after") != "" {
		c.rows(w, rows)
		return
	}
	if q.Get("before") == "" {
		p.Tail = link(q, "after", strconv.FormatUint(p.Newest, 10))
	}
	c.render(w, r, http.StatusOK, "exchanges", "Exchanges", s, p)
}

// rows writes table rows alone, for the live tail.
func (c *Console) rows(w http.ResponseWriter, rows []row) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if len(rows) > 0 {
		w.Header().Set("Bartizan-Newest", strconv.FormatUint(rows[0].Seq, 10))
	}
	_ = c.pages["exchanges"].ExecuteTemplate(w, "rows", rows)
}

func listQuery(q url.Values, now time.Time) record.Query {
	out := record.Query{System: q.Get("system"), Model: q.Get("model"), Category: risk.Category(q.Get("category")), Kind: q.Get("kind"), Limit: pageSize}
	switch out.Kind {
	case "", "exchange": // canaries call all day long, and would stand between those who look and users
		out.Kind, out.Users = "exchange", true
	case "canary":
		out.Kind, out.Canaries = "exchange", true
	}
	for _, word := range several(q.Get("decision")) {
		if d, ok := risk.ParseDecision(word); ok && word != "" {
			out.Decisions = append(out.Decisions, d)
		}
	}
	if hours, err := strconv.Atoi(q.Get("hours")); err == nil && hours > 0 && hours < 24*400 {
		out.Since = now.Add(-time.Duration(hours) * time.Hour)
	}
	out.Before, _ = strconv.ParseUint(q.Get("before"), 10, 64)
	out.After, _ = strconv.ParseUint(q.Get("after"), 10, 64)
	return out
}

// several takes a value apart: links from figures can mean more than one thing.
func several(value string) []string {
	return strings.SplitN(value, ",", maxSeveral)
}

const maxSeveral = 8

// maxScan bounds how many records one page looks through for an end.
const maxScan = 20_000

// list reads one page, and says where the next one begins; 0: nowhere. How a call
// ended is not in the index, so it is looked for.
func (c *Console) list(r *http.Request, s *access.Session, query record.Query, end string) (rows []row, older uint64, err error) {
	if end != "" {
		query.Limit = maxScan
	}
	scanned, wanted := 0, several(end)
	for rec, err := range c.cfg.Desk.Records(r.Context(), actor(s), query) {
		if err != nil {
			return nil, 0, err
		}
		scanned++
		if x := newRow(rec); end == "" || slices.Contains(wanted, x.End) {
			rows = append(rows, x)
		}
		if len(rows) == pageSize || scanned == query.Limit {
			return rows, rec.Seq, nil
		}
	}
	return rows, 0, nil
}

// facets offers the choices; each is a link, so that a view can be kept and sent.
func (c *Console) facets(s *access.Session, q url.Values) []facet {
	var systems []string
	for _, sys := range c.cfg.Desk.Systems(actor(s)) {
		systems = append(systems, sys.Name)
	}
	if have := q.Get("system"); have != "" && !slices.Contains(systems, have) {
		systems = append(systems, have)
	}
	categories := []string{"prompt_injection", "indirect_injection", "jailbreak", "prompt_leak", "hidden_text", "encoded_payload",
		"exfiltration_link", "unsafe_markup", "resource_abuse", "policy_boundary", "unreadable", "check_failed"}
	if have := q.Get("category"); have != "" && !slices.Contains(categories, have) {
		categories = append(categories, have)
	}
	return []facet{
		choices(q, "decision", []string{"block", "hold", "mask", "flag", "allow"}),
		choices(q, "end", ends),
		within(q),
		choices(q, "system", systems),
		choices(q, "category", categories),
		choices(q, "kind", []string{"exchange", "act", "canary"}),
	}
}

// within narrows the list to what began lately.
func within(q url.Values) facet {
	f := choices(q, "hours", []string{"1", "24", "168", "720"})
	f.Name = "within"
	for i, word := range []string{"an hour", "a day", "a week", "a month"} {
		f.Choices[i].Label = word
	}
	return f
}

func choices(q url.Values, name string, values []string) facet {
	f := facet{Name: name}
	for _, v := range values {
		c := facetChoice{Label: v, Active: slices.Contains(several(q.Get(name)), v)}
		if c.Active {
			c.Link = link(q, name, "")
		} else {
			c.Link = link(q, name, v)
		}
		f.Choices = append(f.Choices, c)
	}
	return f
}

// link is this list with one facet changed, from its first page.
func link(q url.Values, name, value string) string {
	next := url.Values{}
	for k, v := range q {
		if k != "before" && k != "after" && k != "id" {
			next[k] = v
		}
	}
	if next.Del(name); value != "" {
		next.Set(name, value)
	}
	if len(next) == 0 {
		return "/exchanges"
	}
	return "/exchanges?" + next.Encode()
}
