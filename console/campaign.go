package console

import (
	"net/http"
	"strings"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/redteam"
)

// campaignPage answers: how far is it, what got through, and what waits for me?
type campaignPage struct {
	campaignView
	Sentence string
	Waiting  []waitingRow
	More     int // that wait and are not shown
	Through  []redteam.Through
	Hidden   int // groups that are not shown
	Worse    []string
	MayRun   bool
	MayJudge bool
	GoOn     bool
	Token    string
	Data     string
}

// waitingRow is an attempt that a person has to judge.
type waitingRow struct {
	redteam.Tried
	Disguise string
}

const (
	maxWaiting = 20
	maxThrough = 25
	maxWorse   = 20
)

func (c *Console) campaign(w http.ResponseWriter, r *http.Request, s *access.Session) {
	one, err := c.cfg.Desk.Campaign(r.Context(), actor(s), r.PathValue("name"))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	p := campaignPage{campaignView: newCampaignView(one), MayRun: c.cfg.Desk.May(actor(s), desk.RedteamRun) == nil, MayJudge: c.cfg.Desk.May(actor(s), desk.RedteamDecide) == nil, Token: s.Token, Data: c.cfg.Data}
	p.GoOn = p.MayRun && one.State == desk.CampaignUnfinished && one.Inside
	p.fill()
	c.render(w, r, http.StatusOK, "campaign", "Campaign", s, p)
}

// fill takes over what a campaign showed, as far as a page holds it.
func (p *campaignPage) fill() {
	p.Sentence = p.sentence()
	if p.Analysis == nil {
		return
	}
	byKey := map[string]redteam.Tried{}
	for _, t := range p.Survey.Pairs {
		byKey[t.Key] = t
	}
	for _, key := range p.Analysis.Waiting {
		if len(p.Waiting) == maxWaiting {
			p.More = len(p.Analysis.Waiting) - maxWaiting
			break
		}
		p.Waiting = append(p.Waiting, waitingRow{byKey[key], disguise(byKey[key].Chain)})
	}
	p.Through = p.Analysis.Through
	if n := len(p.Through); n > maxThrough {
		p.Through, p.Hidden = p.Through[:maxThrough], n-maxThrough
	}
	if p.Change != nil {
		p.Worse = p.Change.Worse[:min(len(p.Change.Worse), maxWorse)]
	}
}

// sentence says how it stands.
func (p *campaignPage) sentence() string {
	last := p.Last()
	switch {
	case p.State == desk.CampaignUnreadable:
		return "This campaign cannot be shown. " + p.Why
	case p.State == desk.CampaignStopping:
		return "The campaign is being stopped: nothing more is sent."
	case p.State == desk.CampaignRunning && (last == nil || last.Attacks.Tries() == 0):
		return "The campaign is beginning."
	case last == nil || last.Attacks.Tries() == 0:
		return "This campaign has shown nothing yet."
	}
	said := count(last.Attacks.Hits) + " of " + many(last.Attacks.Tries(), "attack") + " got through “" + last.Arm + "”"
	if p.State != desk.CampaignDone {
		return said + " so far."
	}
	return said + "."
}

// ways are rates of one sort, for the template.
type ways struct {
	Name  string
	Cells []redteam.Cell
}

// Ways names rates, so that tables can be told apart by those who do not see them.
func (campaignPage) Ways(name string, cells []redteam.Cell) ways { return ways{name, cells} }

// disguise is a chain of converters in words.
func disguise(chain []string) string {
	if len(chain) == 0 {
		return "plain"
	}
	return strings.Join(chain, " > ")
}

func (c *Console) decide(w http.ResponseWriter, r *http.Request, s *access.Session) {
	id, key := r.PathValue("name"), r.PathValue("key")
	err := c.cfg.Desk.Decide(r.Context(), actor(s), id, key, redteam.Verdict(r.PostFormValue("verdict")), r.PostFormValue("reason"))
	back := "/redteam/" + id
	if r.PostFormValue("from") == "attempt" {
		back += "/" + key
	}
	c.backTo(w, r, back, err)
}
