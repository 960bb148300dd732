package console

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
)

// guardPage answers: what does the guard stop, what does it let through, and how sure is it?
type guardPage struct {
	*desk.Guarding
	Sentence  string
	Ranges    []facetChoice
	Numbers   []number
	Hours     int
	Most      int // that a detector found, for its bar
	Bars      []detectorBar
	Unrun     []desk.DetectorGuard // with checks that did not do their work
	Choices   []facetChoice        // policies that scores are shown of
	Chosen    string
	Panels    []scorePanel
	Policies  []guardPolicy // empty for those who may not see them
	MaySee    bool
	MayReplay bool
	Whole     bool // and not of some teams only
	Form      guardForm
}

// detectorBar is a row of the table, with what it found as a picture.
type detectorBar struct {
	desk.DetectorGuard
	Bar effectsBar
}

// guardPolicy is a policy in use, as far as the guard's page shows it.
type guardPolicy struct {
	ID, Name string
	Mode     string
	Systems  []string
	Origins  []string
	Lines    []lineRow
	Allow    []allowRow
	Second   *secondRow
}

// allowRow is an entry of an allow list and what became of it.
type allowRow struct {
	guard.Allowance
	Uses  desk.Used
	Ended bool
}

// Limits says what an entry is limited to.
func (a allowRow) Limits() string {
	all := slices.Concat(a.Origins, a.Detectors)
	for _, c := range a.Categories {
		all = append(all, string(c))
	}
	return strings.Join(all, ", ")
}

// secondRow is the second stage of a policy.
type secondRow struct {
	guard.Second
	guard.StageState
	Counts desk.StageGuard
}

// guardForm is what the two forms of the page need.
type guardForm struct {
	Token    string
	Policies []string // by name
	Families []string
	Origins  []string
	Lines    []string
	Rows     []int
	Spans    []desk.Span
	Roles    []string
	Try      desk.Try
}

func (c *Console) guardPage(w http.ResponseWriter, r *http.Request, s *access.Session) {
	span := r.URL.Query().Get("range")
	if !isSpan(span) {
		span = "week"
	}
	g, err := c.cfg.Desk.Guard(r.Context(), actor(s), span)
	if err != nil {
		c.failed(w, r, err)
		return
	}
	p := guardPage{Guarding: g, Hours: int(g.Span.Slot * time.Duration(g.Span.Slots) / time.Hour), MayReplay: c.cfg.Desk.May(actor(s), desk.ContentRead) == nil, Whole: actor(s).Whole()}
	p.Sentence, p.Numbers = p.sentence(), p.numbers()
	for _, d := range g.Detectors {
		p.Most = max(p.Most, found(&d.Effects))
		if d.Failed+d.Late > 0 {
			p.Unrun = append(p.Unrun, d)
		}
	}
	for i, d := range g.Detectors {
		p.Bars = append(p.Bars, detectorBar{d, effectsBar{ID: fmt.Sprintf("detector-%d", i+1), Effects: d.Effects, Max: p.Most}})
	}
	p.choose(r.URL.Query().Get("policy"), span)
	policies, err := c.cfg.Desk.Policies(actor(s))
	p.MaySee = err == nil
	p.Panels = scorePanels(g.Scores, p.Chosen, policies)
	p.policies(policies, c.systemsBy(s), c.cfg.Now())
	p.Form = c.guardForm(s)
	c.render(w, r, http.StatusOK, "guard", "Guard", s, p)
}

func (p *guardPage) sentence() string {
	if p.Calls == 0 {
		return fmt.Sprintf("No calls in the last %s.", p.Span.Name)
	}
	out := fmt.Sprintf("The guard stopped %s of %s in the last %s", count(p.Stopped), many(p.Calls, "call"), p.Span.Name)
	if p.Unchecked > 0 {
		out += fmt.Sprintf("; %s had a check that did not run to its end", count(p.Unchecked))
	}
	return out + "."
}

func (p *guardPage) numbers() []number {
	list, of := fmt.Sprintf("/exchanges?hours=%d", p.Hours), "of "+many(p.Calls, "call")
	return []number{
		{Name: "stopped", Value: count(p.Stopped), Link: list + "&decision=block,hold", Of: of},
		{Name: "masked", Value: count(p.Masked), Link: list + "&decision=mask", Of: of},
		{Name: "flagged", Value: count(p.Flagged), Link: list + "&decision=flag", Of: of},
		{Name: "observed", Value: count(p.Observed + p.Allowed), Link: list + "&decision=allow", Of: of, Change: count(p.Allowed) + " allowed by an entry"},
		{Name: "let through", Value: count(p.Passed), Link: list + "&decision=allow", Of: of},
	}
}

// choose picks the policy whose scores are shown: the one with most, unless another is asked
// for.
func (p *guardPage) choose(asked, span string) {
	n, names := map[string]int{}, []string{}
	for _, s := range p.Scores {
		if n[s.Policy] == 0 {
			names = append(names, s.Policy)
		}
		n[s.Policy] += s.N
	}
	sort.Strings(names)
	for _, name := range names {
		if name == asked || p.Chosen == "" || p.Chosen != asked && n[name] > n[p.Chosen] {
			p.Chosen = name
		}
	}
	for _, name := range names {
		p.Choices = append(p.Choices, facetChoice{name, guardLink(span, name), name == p.Chosen})
	}
	for _, s := range desk.Spans {
		p.Ranges = append(p.Ranges, facetChoice{strings.ToUpper(s.Name[:1]) + s.Name[1:], guardLink(s.Name, asked), s.Name == span})
	}
}

// systemsBy lists the systems that use each policy, by its name.
func (c *Console) systemsBy(s *access.Session) map[string][]string {
	out := map[string][]string{}
	for _, sys := range c.cfg.Desk.Systems(actor(s)) {
		out[sys.Policy] = append(out[sys.Policy], sys.Name)
	}
	return out
}

func (p *guardPage) policies(list []*guard.Compiled, systems map[string][]string, now time.Time) {
	for _, q := range list {
		name, _, _ := strings.Cut(q.ID(), "@")
		one := guardPolicy{ID: q.ID(), Name: name, Mode: q.Policy().Mode, Systems: systems[name]}
		one.Origins, one.Lines = lineTable(q.Policy())
		ended := map[string]bool{}
		for _, a := range q.Policy().Allow {
			day, err := time.Parse(time.DateOnly, a.Until)
			ended[a.ID] = err != nil || !now.Before(day.AddDate(0, 0, 1))
			one.Allow = append(one.Allow, allowRow{a, p.Uses(name, a.ID), ended[a.ID]})
		}
		if state, ok := q.Stage(); ok {
			one.Second = &secondRow{Second: q.Policy().Second, StageState: state}
			for _, s := range p.Stages {
				if s.Stage == state.Stage {
					one.Second.Counts = s
				}
			}
		}
		p.Policies = append(p.Policies, one)
	}
}

// editRows is how many lines can be moved at once with the form.
const editRows = 3

func (c *Console) guardForm(s *access.Session) guardForm {
	f := guardForm{Token: s.Token, Lines: desk.ReplayLines, Spans: desk.Spans[:], Roles: []string{"user", "document", "tool", "system", "developer", "model"}, Try: desk.Try{Direction: "input", Role: "user"}}
	families := map[string]bool{}
	for _, q := range c.cfg.Desk.InUse(actor(s)) {
		name, _, _ := strings.Cut(q.ID(), "@")
		f.Policies = append(f.Policies, name)
		for key := range q.Policy().Thresholds {
			families[key] = true
		}
	}
	for key := range families {
		f.Families = append(f.Families, key)
	}
	sort.Strings(f.Families)
	for _, o := range llm.Origins() {
		f.Origins = append(f.Origins, o.String())
	}
	slices.Reverse(f.Origins) // people first
	for i := range editRows {
		f.Rows = append(f.Rows, i+1)
	}
	return f
}

// tryPage answers: what would the policy make of this text, and why?
type tryPage struct {
	Form guardForm
	guard.Explanation
}

// try shows what a policy makes of a text. The text goes back to whoever sent it, and
// nowhere else.
func (c *Console) try(w http.ResponseWriter, r *http.Request, s *access.Session) {
	t := desk.Try{Text: r.PostFormValue("text"), Role: r.PostFormValue("role"), Policy: r.PostFormValue("policy"), Direction: r.PostFormValue("direction")}
	e, err := c.cfg.Desk.TryPolicy(r.Context(), actor(s), t)
	if errors.Is(err, desk.ErrInvalid) {
		c.message(w, r, http.StatusUnprocessableEntity, "Not possible", "A try needs a policy, a direction and a text of at most 32 kB. Go back and look again.")
		return
	}
	if err != nil {
		c.refused(w, r, err)
		return
	}
	p := tryPage{Form: c.guardForm(s), Explanation: e}
	p.Form.Try = t
	c.render(w, r, http.StatusOK, "try", "Try a text", s, p)
}

// replayPage answers: what would this change block, and what would it let through?
type replayPage struct {
	*desk.Replay
	Running bool
	Moves   []moves
}

// moves is one way in which decisions change.
type moves struct {
	Name, ID string
	desk.Moved
	Of   int
	Rate float64
}

// settles is how long a form waits for a short replay, so that its page has the end of it.
const settles = time.Second

func (c *Console) startReplay(w http.ResponseWriter, r *http.Request, s *access.Session) {
	ask := desk.ReplayAsk{Policy: r.PostFormValue("policy"), Over: r.PostFormValue("over"), Span: r.PostFormValue("range"), Reason: r.PostFormValue("reason")}
	var err error
	if ask.Edits, err = edits(r); err == nil {
		var one *desk.Replay
		one, err = c.cfg.Desk.StartReplay(r.Context(), actor(s), ask)
		for end := time.Now().Add(settles); err == nil && one.State == "running" && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
			one, err = c.cfg.Desk.Replay(actor(s), one.ID)
		}
		if err == nil {
			http.Redirect(w, r, "/guard/replays/"+one.ID, http.StatusSeeOther)
			return
		}
	}
	if errors.Is(err, desk.ErrInvalid) {
		c.message(w, r, http.StatusUnprocessableEntity, "Not possible", "A replay needs a policy, a reason and at least one change: a value from 0 to 1 for a line that texts of that origin can have. Go back and look again.")
		return
	}
	c.refused(w, r, err)
}

// edits reads the changes of a form; rows without a value are left alone.
func edits(r *http.Request) (out []desk.Edit, err error) {
	for i := range editRows {
		n := strconv.Itoa(i + 1)
		value := strings.TrimSpace(r.PostFormValue("value" + n))
		if value == "" {
			continue
		}
		at, bad := strconv.ParseFloat(strings.Replace(value, ",", ".", 1), 64)
		if bad != nil {
			err = fmt.Errorf("%w: a value is no number", desk.ErrInvalid)
		}
		out = append(out, desk.Edit{Family: r.PostFormValue("family" + n), Origin: r.PostFormValue("origin" + n), Line: r.PostFormValue("line" + n), Value: at})
	}
	return out, err
}

func (c *Console) replay(w http.ResponseWriter, r *http.Request, s *access.Session) {
	one, err := c.cfg.Desk.Replay(actor(s), r.PathValue("id"))
	if errors.Is(err, desk.ErrUnknown) {
		c.message(w, r, http.StatusNotFound, "Not found", "There is no such replay any more: only the last ones are remembered. The page Guard begins a new one.")
		return
	}
	if err != nil {
		c.refused(w, r, err)
		return
	}
	p := replayPage{Replay: one, Running: one.State == "running"}
	for _, m := range []moves{{Name: "Newly blocked or held", ID: "blocked", Moved: one.Blocked}, {Name: "Newly allowed", ID: "allowed", Moved: one.Allowed}, {Name: "Otherwise changed", ID: "other", Moved: one.Other}} {
		m.Of, m.Rate = one.Judged, float64(m.N)/float64(max(one.Judged, 1))
		p.Moves = append(p.Moves, m)
	}
	c.render(w, r, http.StatusOK, "replay", "Replay", s, p)
}

// Sentence says what came of it.
func (p replayPage) Sentence() string {
	texts := "call"
	if p.Over == desk.OverSamples {
		texts = "sample"
	}
	switch {
	case p.Running:
		return fmt.Sprintf("The replay has judged %s so far.", many(p.Judged, texts))
	case p.Judged == 0:
		return "The replay ended before it judged anything."
	}
	return fmt.Sprintf("Of %s, %s would be newly blocked and %s newly allowed.", many(p.Judged, texts), count(p.Blocked.N), count(p.Allowed.N))
}

// Sampled reports whether ids are those of samples, which have no page.
func (p replayPage) Sampled() bool { return p.Over == desk.OverSamples }
