package console

import (
	"net/http"
	"strconv"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// retentionPage answers: what is kept, how long, what must stay, and what went?
type retentionPage struct {
	desk.Retention
	Sentence    string
	Holds       []privacy.Hold // those that hold, then those that were lifted
	Holding     int
	Gone        []gone
	Systems     []record.System
	MayDo       bool
	Token, Data string
}

// gone is one deletion in words.
type gone struct {
	record.Act
	What   string    // "records" or "content"
	Before time.Time // of what was deleted
	Failed bool
}

func (c *Console) retentionPage(w http.ResponseWriter, r *http.Request, s *access.Session) {
	k, err := c.cfg.Desk.Retention(r.Context(), actor(s))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	p := retentionPage{Retention: k, Systems: c.cfg.Desk.Systems(actor(s)), MayDo: c.cfg.Desk.May(actor(s), desk.HoldAdd) == nil, Token: s.Token, Data: c.cfg.Data}
	for _, lifted := range []bool{false, true} {
		for _, h := range k.Holds {
			if h.Lifted.IsZero() != lifted {
				p.Holds = append(p.Holds, h)
			}
		}
	}
	for p.Holding < len(p.Holds) && p.Holds[p.Holding].Lifted.IsZero() {
		p.Holding++
	}
	for _, a := range k.Deleted {
		p.Gone = append(p.Gone, gone{a, a.Detail["class"], ofDay(a.Detail["before"]), a.Phase == "failed"})
	}
	p.Sentence = "Words are not kept; records of calls stay " + stay(k.Records) + "."
	if !k.Content.None {
		p.Sentence = "Words are kept " + stay(k.Content) + ", masked and sealed; records of calls " + stay(k.Records) + "."
	}
	if p.Holding > 0 {
		p.Sentence += " " + many(p.Holding, "legal hold") + " hold" + map[bool]string{true: "s"}[p.Holding == 1] + " some longer."
	}
	c.render(w, r, http.StatusOK, "retention", "Retention and holds", s, p)
}

// stay says how long something is kept.
func stay(k desk.Kept) string {
	if k.For == 0 {
		return "for ever"
	}
	return many(int(k.For/(24*time.Hour)), "day")
}

// Stay is stay for the template.
func (retentionPage) Stay(k desk.Kept) string {
	if k.None {
		return "not kept"
	}
	return stay(k)
}

// ofDay reads a day as the ledger writes it: 20261231.
func ofDay(s string) time.Time {
	n, _ := strconv.Atoi(s)
	return time.Date(n/10000, time.Month(n/100%100), n%100, 0, 0, 0, 0, time.UTC)
}

func (c *Console) addHold(w http.ResponseWriter, r *http.Request, s *access.Session) {
	_, err := c.cfg.Desk.AddHold(r.Context(), actor(s), r.PostFormValue("held"), r.PostFormValue("system"), r.PostFormValue("reason"))
	c.backTo(w, r, "/retention", err)
}

func (c *Console) liftHold(w http.ResponseWriter, r *http.Request, s *access.Session) {
	c.backTo(w, r, "/retention", c.cfg.Desk.LiftHold(r.Context(), actor(s), r.PostFormValue("hold"), r.PostFormValue("reason")))
}

// backTo shows a page as it is now, or why something was not done.
func (c *Console) backTo(w http.ResponseWriter, r *http.Request, page string, err error) {
	if err != nil {
		c.refused(w, r, err)
		return
	}
	http.Redirect(w, r, page, http.StatusSeeOther)
}
