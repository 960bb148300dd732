package console

import (
	"errors"
	"net/http"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/record"
)

// systemsPage answers: which systems are there, and who can call for them?
type systemsPage struct {
	Systems []systemView
	Made    *access.Key
	Secret  string // shown once
	Token   string
}

type systemView struct {
	record.System
	Keys   []access.Key
	Spent  *desk.Spending // nil where somebody may not see it
	Budget []budget
}

func (c *Console) systems(w http.ResponseWriter, r *http.Request, s *access.Session) {
	c.systemsWith(w, r, s, nil, "")
}

func (c *Console) systemsWith(w http.ResponseWriter, r *http.Request, s *access.Session, made *access.Key, secret string) {
	keys, err := c.cfg.Desk.Keys(actor(s), "")
	if err != nil {
		c.failed(w, r, err)
		return
	}
	p := systemsPage{Made: made, Secret: secret, Token: s.Token}
	for _, sys := range c.cfg.Desk.Systems(actor(s)) {
		v := systemView{System: sys}
		for _, k := range keys {
			if k.System == sys.Name {
				v.Keys = append(v.Keys, k)
			}
		}
		if err := c.spending(r, s, &v); err != nil {
			c.failed(w, r, err)
			return
		}
		p.Systems = append(p.Systems, v)
	}
	c.render(w, r, http.StatusOK, "systems", "Systems and keys", s, p)
}

// spending fills in what a system costs.
func (c *Console) spending(r *http.Request, s *access.Session, v *systemView) error {
	spent, err := c.cfg.Desk.Spending(r.Context(), actor(s), v.Name)
	if errors.Is(err, desk.ErrDenied) {
		return nil
	}
	if err != nil {
		return err
	}
	v.Spent = &spent
	v.Budget = budgets(spent.Allowances, c.cfg.Now())
	return nil
}

// createKey shows the new key in its own answer: it is never in an address, and
// never shown again.
func (c *Console) createKey(w http.ResponseWriter, r *http.Request, s *access.Session) {
	k, secret, err := c.cfg.Desk.CreateKey(r.Context(), actor(s), r.PostFormValue("system"))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	c.systemsWith(w, r, s, &k, secret)
}

func (c *Console) revokeKey(w http.ResponseWriter, r *http.Request, s *access.Session) {
	if err := c.cfg.Desk.RevokeKey(r.Context(), actor(s), r.PostFormValue("id")); err != nil {
		c.refused(w, r, err)
		return
	}
	http.Redirect(w, r, "/systems", http.StatusSeeOther)
}
