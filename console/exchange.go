package console

import (
	"errors"
	"net/http"
	"sort"
	"strings"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// exchangePage answers: what exactly happened, and why?
type exchangePage struct {
	row
	In, Out side
	Steps   []timelineStep
	Permits []record.Permit
	Proof   *ledger.Proof
	NotYet  bool
	Data    string
	Phases  []*record.Act // of an act, the first first
	Kept    bool          // policy kept texts of this call
	Shown   bool          // and they are shown
	MayRead bool          // and this person may ask for them
	Token   string
}

// side is what was judged in one direction.
type side struct {
	Name     string
	Verdict  risk.Verdict
	Passages []passageView
	Kept     bool
}

// passageView is a passage with what was found in it; its text where policy kept
// it.
type passageView struct {
	record.Passage
	Findings []risk.Finding
	Parts    []part
	Kept     bool
}

// part is a stretch of a kept text; Found is what was found there, if anything.
type part struct {
	Text     string
	Found    string
	Decision risk.Decision
}

// timelineStep is a step as the timeline draws it, in permille of the whole.
type timelineStep struct {
	record.Step
	Left, Width int
}

func (c *Console) exchange(w http.ResponseWriter, r *http.Request, s *access.Session) {
	all, err := c.cfg.Desk.Record(r.Context(), actor(s), r.PathValue("id"))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	c.exchangeWith(w, r, s, all, false)
}

// content shows an exchange with the texts that policy kept. Reading them needs a
// right of its own and a reason, and is in the ledger before they are shown.
func (c *Console) content(w http.ResponseWriter, r *http.Request, s *access.Session) {
	all, err := c.cfg.Desk.Content(r.Context(), actor(s), r.PathValue("id"), r.PostFormValue("reason"))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	c.exchangeWith(w, r, s, all, true)
}

// exchangeWith shows an exchange, or all records of an act, the newest first.
func (c *Console) exchangeWith(w http.ResponseWriter, r *http.Request, s *access.Session, all []record.Record, show bool) {
	found := &all[0]
	p := exchangePage{row: newRow(*found), Data: c.cfg.Data, Shown: show, Token: s.Token, MayRead: c.cfg.Desk.May(actor(s), desk.ContentRead) == nil}
	for i := len(all) - 1; i >= 0 && found.Act != nil; i-- {
		p.Phases = append(p.Phases, all[i].Act)
	}
	var err error
	if p.Proof, err = c.cfg.Proof(r.Context(), found.ID()); errors.Is(err, ledger.ErrNotYet) {
		p.NotYet = true
	} else if err != nil {
		c.failed(w, r, err)
		return
	}
	p.fill(found)
	title := "Exchange"
	if found.Act != nil {
		title = "Act"
	}
	c.render(w, r, http.StatusOK, "exchange", title, s, p)
}

// fill takes over what both halves of a record say. Texts are taken only where
// they are to be shown.
func (p *exchangePage) fill(found *record.Record) {
	if in := found.Intent; in != nil {
		p.In = newSide("What the caller sent", in.Verdict, in.Passages, in.Kept, p.Shown)
		p.Permits = append(p.Permits, in.Permits...)
	}
	if out := found.Outcome; out != nil {
		p.Out = newSide("What the model answered", out.Verdict, out.Passages, out.Kept, p.Shown)
		p.Permits = append(p.Permits, out.Permits...)
	}
	p.Kept = p.In.Kept || p.Out.Kept
	p.Steps = timeline(found)
}

func newSide(name string, v risk.Verdict, passages []record.Passage, kept []record.Kept, show bool) side {
	s := side{Name: name, Verdict: v, Kept: len(kept) > 0}
	if !show {
		kept = nil
	}
	for i, p := range passages {
		view := passageView{Passage: p}
		for _, f := range v.Findings {
			if f.Passage == i {
				view.Findings = append(view.Findings, f)
			}
		}
		for _, k := range kept {
			if k.Path == p.Path {
				view.Kept = true
				view.Parts = highlight(k, v.Findings)
			}
		}
		s.Passages = append(s.Passages, view)
	}
	return s
}

// highlight cuts a kept text where findings begin and end.
func highlight(k record.Kept, findings []risk.Finding) []part {
	marks := append([]record.Mark(nil), k.Marks...)
	sort.Slice(marks, func(i, j int) bool { return marks[i].Start < marks[j].Start })
	var out []part
	at := 0
	for _, m := range marks {
		if m.Start < at || m.End > len(k.Text) || m.Start >= m.End || m.Finding < 0 || m.Finding >= len(findings) {
			continue
		}
		if m.Start > at {
			out = append(out, part{Text: k.Text[at:m.Start]})
		}
		f := findings[m.Finding]
		out = append(out, part{Text: k.Text[m.Start:m.End], Found: string(f.Category), Decision: f.Decision})
		at = m.End
	}
	if at < len(k.Text) {
		out = append(out, part{Text: k.Text[at:]})
	}
	for i := range out {
		out[i].Text = strings.ToValidUTF8(out[i].Text, "\uFFFD")
	}
	return out
}

// timeline places the steps of both halves on one line.
func timeline(r *record.Record) []timelineStep {
	var steps []record.Step
	if r.Intent != nil {
		steps = append(steps, r.Intent.Steps...)
	}
	if r.Outcome != nil {
		steps = append(steps, r.Outcome.Steps...)
	}
	var whole int64 = 1
	for _, s := range steps {
		whole = max(whole, int64(s.At+s.Took))
	}
	out := make([]timelineStep, len(steps))
	for i, s := range steps {
		left := int(int64(s.At) * 1000 / whole)
		out[i] = timelineStep{Step: s, Left: left, Width: max(int(int64(s.Took)*1000/whole), 4)}
		out[i].Left = min(out[i].Left, 1000-out[i].Width)
	}
	return out
}
