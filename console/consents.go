package console

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// consentsPage answers: who agreed to what, for which purpose, and until when?
type consentsPage struct {
	Sentence string
	List     []consent
	Systems  []record.System
	Purposes []string
	Uses     []string
	MayAdd   bool
	MayEnd   bool
	Token    string
}

// consent is one with how it stands.
type consent struct {
	privacy.Consent
	State string // "holds", "ended", "revoked"
}

func (c *Console) consentsPage(w http.ResponseWriter, r *http.Request, s *access.Session) {
	list, err := c.cfg.Desk.Consents(r.Context(), actor(s), "")
	if err != nil {
		c.refused(w, r, err)
		return
	}
	may := func(act string) bool { return c.cfg.Desk.May(actor(s), act) == nil }
	p := consentsPage{Systems: c.cfg.Desk.Systems(actor(s)), Uses: privacy.Uses, MayAdd: may(desk.ConsentAdd), MayEnd: may(desk.ConsentRevoke), Token: s.Token}
	holds := 0
	for _, one := range list {
		state := one.State(c.cfg.Now())
		if state == "holds" {
			holds++
		}
		p.List = append(p.List, consent{one, state})
	}
	slices.SortStableFunc(p.List, func(a, b consent) int { return cmp.Compare(bit(a.State != "holds"), bit(b.State != "holds")) })
	for _, sys := range p.Systems {
		p.Purposes = append(p.Purposes, sys.Serves()...)
	}
	slices.Sort(p.Purposes)
	p.Purposes = slices.Compact(p.Purposes)
	p.Sentence = many(holds, "consent") + " hold" + map[bool]string{true: "s"}[holds == 1] + "."
	if holds == 0 {
		p.Sentence = "Nobody agreed to anything: what needs a consent goes nowhere."
	}
	c.render(w, r, http.StatusOK, "consents", "Consents", s, p)
}

func (c *Console) addConsent(w http.ResponseWriter, r *http.Request, s *access.Session) {
	g := desk.Given{Subject: r.PostFormValue("of"), System: r.PostFormValue("system"), What: r.PostFormValue("what"), Purpose: r.PostFormValue("purpose")}
	if name := strings.TrimSpace(r.PostFormValue("name")); name != "" {
		kind, _, _ := strings.Cut(g.What, ":")
		g.What = kind + ":" + name
	}
	if days := strings.TrimSpace(r.PostFormValue("days")); days != "" {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 {
			n = -1 // the desk says what is wrong with it
		}
		g.Days = n
	}
	_, err := c.cfg.Desk.AddConsent(r.Context(), actor(s), g)
	c.backTo(w, r, "/consents", err)
}

func (c *Console) revokeConsent(w http.ResponseWriter, r *http.Request, s *access.Session) {
	c.backTo(w, r, "/consents", c.cfg.Desk.RevokeConsent(r.Context(), actor(s), r.PostFormValue("consent")))
}
