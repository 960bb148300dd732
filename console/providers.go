package console

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
)

// providersPage answers: do the providers work, how fast are they, and what do
// they cost?
type providersPage struct {
	Sentence  string
	Bad       bool
	Providers []providerView
	Whole     bool
	Read      int
	Since     time.Time // of this process
	Month     string
	Token     string
	May       bool // approve a changed profile
	Everybody bool // all calls are counted, not those of some teams
}

// providerView is a provider as the page shows it.
type providerView struct {
	desk.Provider
	ID      string // in the page
	Circuit circuit
}

// circuit is a state as a word, a shape, and what it means.
type circuit struct{ Word, Glyph, Tone, Means string }

func newCircuit(p desk.Provider, now time.Time) circuit {
	switch {
	case p.Gone:
		return circuit{"not configured", "monitor", "quiet", "it was used this month"}
	case p.State == "closed":
		return circuit{"closed", "allow", "allow", "calls go through"}
	case p.State == "open":
		return circuit{"open", "block", "block", fmt.Sprintf("no calls until %s UTC, in %s", now.Add(p.Opens).UTC().Format("15:04:05"), until(p.Opens))}
	case p.State == "half_open":
		return circuit{"half open", "flag", "flag", "the next call decides"}
	}
	return circuit{"not called yet", "monitor", "quiet", "nothing is known of it"}
}

func (c *Console) providers(w http.ResponseWriter, r *http.Request, s *access.Session) {
	list, whole, err := c.cfg.Desk.Providers(r.Context(), actor(s))
	if err != nil {
		c.failed(w, r, err)
		return
	}
	now := c.cfg.Now().UTC()
	p := providersPage{Whole: whole, Read: desk.MaxRead, Since: c.since, Month: now.Format("January"), Token: s.Token, May: c.cfg.Desk.May(actor(s), desk.ProviderApprove) == nil, Everybody: actor(s).Whole()}
	var open, half, suspended []string
	called := 0
	for i, one := range list {
		p.Providers = append(p.Providers, providerView{one, fmt.Sprintf("provider-%d", i+1), newCircuit(one, now)})
		switch {
		case one.State == "open":
			open = append(open, one.Name)
		case one.State == "half_open":
			half = append(half, one.Name)
		}
		if one.State != "unknown" {
			called++
		}
		if one.Suspended != nil {
			suspended = append(suspended, one.Name)
		}
	}
	p.Bad, p.Sentence = len(open)+len(suspended) > 0, providersSentence(open, half, called)
	if len(suspended) > 0 {
		p.Sentence = fmt.Sprintf("Suspended until somebody approves what changed: %s.", strings.Join(suspended, ", "))
	}
	c.render(w, r, http.StatusOK, "providers", "Providers", s, p)
}

// approveProvider agrees to a changed profile, that which the page showed.
func (c *Console) approveProvider(w http.ResponseWriter, r *http.Request, s *access.Session) {
	if err := c.cfg.Desk.ApproveProvider(r.Context(), actor(s), r.PostFormValue("provider"), r.PostFormValue("digest"), r.PostFormValue("reason")); err != nil {
		c.refused(w, r, err)
		return
	}
	http.Redirect(w, r, "/providers", http.StatusSeeOther)
}

func providersSentence(open, half []string, called int) string {
	switch {
	case len(open) == 1:
		return fmt.Sprintf("%s gets no calls now: it failed too often in a row.", open[0])
	case len(open) > 1:
		return fmt.Sprintf("%s get no calls now: they failed too often in a row.", strings.Join(open, ", "))
	case len(half) > 0:
		return fmt.Sprintf("The next call decides about %s.", strings.Join(half, ", "))
	case called == 0:
		return "No provider was called since this process began."
	}
	return "Every provider that was called answers."
}

// Rate is the part of calls that failed, with what it is a part of.
func (p providerView) Rate() string {
	if p.Calls == 0 {
		return "–"
	}
	return share(float64(p.Failures)/float64(p.Calls)) + " of " + count(int(p.Calls))
}

// share writes a part so that something never looks like nothing.
func share(part float64) string {
	switch {
	case part > 0 && part < .01:
		return "under 1 %"
	case part > .99 && part < 1:
		return "over 99 %"
	}
	return fmt.Sprintf("%.0f %%", part*100)
}
