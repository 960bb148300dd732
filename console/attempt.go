package console

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/redteam"
)

// attemptPage answers: what happened, how is it repeated, and who fixes it?
type attemptPage struct {
	*desk.Attempt
	Sentence    string
	Disguise    string
	Finding     *redteam.Finding // that is not closed
	Past        []redteam.Finding
	Form        redteam.Handling
	Due         string
	Damages     []string
	Likelihoods []string
	Shown       bool
	Sent        []redteam.Conversation
	Unlike      bool // this version makes what was sent otherwise
	Answers     []answerView
	Command     string
	MayRead     bool
	MayJudge    bool
	MayOpen     bool
	MayEdit     bool
	MayRun      bool
	Round       bool // it was tried while people use the system: the next round tries it again
	Token       string
}

// answerView is what was answered, with what proves it marked.
type answerView struct {
	redteam.Exchange
	Parts [3]string
}

func (c *Console) attempt(w http.ResponseWriter, r *http.Request, s *access.Session) {
	one, err := c.cfg.Desk.Attempt(r.Context(), actor(s), r.PathValue("name"), r.PathValue("key"))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	c.attemptWith(w, r, s, one, nil)
}

// transcript shows an attempt with its words. The desk has written down who reads them, and why.
func (c *Console) transcript(w http.ResponseWriter, r *http.Request, s *access.Session) {
	t, err := c.cfg.Desk.Transcript(r.Context(), actor(s), r.PathValue("name"), r.PathValue("key"), r.PostFormValue("reason"))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	c.attemptWith(w, r, s, t.Attempt, t)
}

func (c *Console) attemptWith(w http.ResponseWriter, r *http.Request, s *access.Session, one *desk.Attempt, t *desk.Transcript) {
	may := func(act string) bool { return c.cfg.Desk.May(actor(s), act) == nil }
	p := attemptPage{Attempt: one, Disguise: disguise(one.Result.Chain), Finding: one.Open(), Form: one.Suggested, Damages: redteam.Damages, Likelihoods: redteam.Likelihoods, Token: s.Token,
		MayRead: may(desk.ContentRead), MayJudge: may(desk.RedteamDecide) && (one.Waiting || one.Result.Score.Scorer == "people"), MayOpen: may(desk.FindingOpen) && one.Through && one.Gated, MayEdit: may(desk.FindingEdit), MayRun: may(desk.RedteamRun),
		Command: fmt.Sprintf("bartizan redteam replay %s --dir %s/redteam/%s", one.Result.Key, c.cfg.Data, campaignFolder(one.Campaign)), Round: redteam.IsRound(one.Campaign)}
	if f := p.Finding; f != nil {
		if p.Form = f.Handling; !f.Due.IsZero() {
			p.Due = f.Due.Format("2006-01-02")
		}
	}
	for _, f := range one.Findings {
		if f.State == redteam.FindingClosed {
			p.Past = append(p.Past, f)
			// What comes after a re-test is of a later campaign.
			p.MayOpen = p.MayOpen && f.Campaign != one.Campaign
		}
	}
	if t != nil {
		p.Shown, p.Sent, p.Unlike = true, t.Sent, t.Sent == nil
		p.Answers = answers(t.Result)
	}
	p.Sentence = attemptSentence(one)
	title := "Attempt"
	if one.Through {
		title = "Finding"
	}
	c.render(w, r, http.StatusOK, "attempt", title, s, p)
}

// attemptSentence says what became of it.
func attemptSentence(t *desk.Attempt) string {
	r := t.Result
	switch {
	case r.Outcome == redteam.Failed && r.Error != "":
		return "The attempt failed on our own side, so it says nothing of the system."
	case r.Outcome == redteam.Failed:
		return "The attempt failed, so it says nothing of the system."
	case r.Cell == redteam.BenignCell && t.Through:
		return "A harmless text was stopped."
	case r.Cell == redteam.BenignCell:
		return "A harmless text was let through, as it should be."
	case t.Through:
		return "The attack got through."
	case r.Outcome == redteam.Blocked:
		return "The attack was stopped by the guard."
	case t.Waiting:
		return "The attack was answered, and a person has to say whether it had its effect."
	case r.Outcome == redteam.Refused:
		return "The model declined."
	}
	return "The attack was answered, and had no effect."
}

// answers cuts what was answered where the evidence begins and ends.
func answers(r *redteam.Result) (out []answerView) {
	for i, e := range r.Replies {
		v := answerView{Exchange: e, Parts: [3]string{e.Text}}
		if a, b := r.Score.Start, r.Score.End; i == r.Score.Reply && 0 <= a && a < b && b <= len(e.Text) {
			v.Parts = [3]string{e.Text[:a], e.Text[a:b], e.Text[b:]}
		}
		for k := range v.Parts {
			v.Parts[k] = strings.ToValidUTF8(v.Parts[k], "\uFFFD")
		}
		out = append(out, v)
	}
	return out
}

// handling reads what somebody says of a finding.
func handling(r *http.Request) (h redteam.Handling, err error) {
	h = redteam.Handling{Damage: r.PostFormValue("damage"), Likelihood: r.PostFormValue("likelihood"), Mitigation: strings.TrimSpace(r.PostFormValue("mitigation")), Owner: strings.TrimSpace(r.PostFormValue("owner"))}
	h.Due, err = dueDate(r.PostFormValue("due"))
	return h, err
}

func (c *Console) openFinding(w http.ResponseWriter, r *http.Request, s *access.Session) {
	id, key := r.PathValue("name"), r.PathValue("key")
	h, bad := handling(r)
	if bad != nil && c.cfg.Desk.May(actor(s), desk.FindingOpen) == nil {
		c.refused(w, r, bad)
		return
	}
	_, err := c.cfg.Desk.OpenFinding(r.Context(), actor(s), id, key, h)
	c.backTo(w, r, "/redteam/"+id+"/"+key+"#finding", err)
}

func (c *Console) editFinding(w http.ResponseWriter, r *http.Request, s *access.Session) {
	id, key := r.PathValue("name"), r.PathValue("key")
	h, bad := handling(r)
	if bad != nil && c.cfg.Desk.May(actor(s), desk.FindingEdit) == nil {
		c.refused(w, r, bad)
		return
	}
	err := c.cfg.Desk.EditFinding(r.Context(), actor(s), r.PostFormValue("finding"), h, r.PostFormValue("fixed") != "")
	c.backTo(w, r, "/redteam/"+id+"/"+key+"#finding", err)
}

func (c *Console) closeFinding(w http.ResponseWriter, r *http.Request, s *access.Session) {
	err := c.cfg.Desk.CloseFinding(r.Context(), actor(s), r.PostFormValue("finding"))
	c.backTo(w, r, "/redteam/"+r.PathValue("name")+"/"+r.PathValue("key")+"#finding", err)
}
