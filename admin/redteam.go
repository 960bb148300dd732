package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/redteam"
)

// RedteamCampaign is a campaign in short, as the gate of a build wants it.
type RedteamCampaign struct {
	ID        string    `json:"id"`
	Name      string    `json:"name,omitempty"`
	State     string    `json:"state" enum:"running,stopping,done,unfinished,unreadable"`
	Why       string    `json:"why,omitempty"`
	Answer    string    `json:"answer" enum:"pass,fail,inconclusive"`
	Reasons   []string  `json:"reasons"`
	Begun     time.Time `json:"begun,omitzero"`
	Done      int       `json:"done"`
	Planned   int       `json:"planned"`
	Through   int       `json:"through"`
	Tries     int       `json:"tries"`
	Low       float64   `json:"low" doc:"The exact interval of the rate of attacks that got through."`
	High      float64   `json:"high"`
	Waiting   []string  `json:"waiting" doc:"Keys of attempts that a person must judge."`
	Before    string    `json:"before,omitempty" doc:"The campaign of the same name that went before."`
	Regressed bool      `json:"regressed" doc:"A cell got worse than in that one, by more than chance."`
}

// RedteamFinding is a finding with its severity.
type RedteamFinding struct {
	redteam.Finding
	Severity string `json:"severity"`
}

// RedteamHandling is what people say of a finding.
type RedteamHandling struct {
	Damage     string    `json:"damage" enum:"low,medium,high,critical"`
	Likelihood string    `json:"likelihood" enum:"rare,possible,likely"`
	Mitigation string    `json:"mitigation,omitempty" maxLength:"2000"`
	Owner      string    `json:"owner,omitempty" maxLength:"128"`
	Due        time.Time `json:"due,omitzero"`
}

type (
	campaignsBody struct{ Body []RedteamCampaign }
	campaignBody  struct {
		Body struct {
			RedteamCampaign
			Report any `json:"report" doc:"What bartizan redteam report -o json says; null before the first attempt."`
		}
	}
	startInput struct {
		Body struct {
			Campaign string `json:"campaign,omitempty" maxLength:"80" doc:"One that was stopped and goes on; left out: a new one."`
			Reason   string `json:"reason" minLength:"1" maxLength:"128"`
		}
	}
	startedBody struct {
		Body struct {
			ID string `json:"id"`
		}
	}
	campaignInput struct {
		ID string `path:"id" minLength:"1" maxLength:"80"`
	}
	attemptInput struct {
		ID  string `path:"id" minLength:"1" maxLength:"80"`
		Key string `path:"key" minLength:"1" maxLength:"64"`
	}
	attemptBody struct{ Body any }
	decideInput struct {
		ID   string `path:"id" minLength:"1" maxLength:"80"`
		Key  string `path:"key" minLength:"1" maxLength:"64"`
		Body struct {
			Verdict string `json:"verdict" enum:"hit,miss"`
			Reason  string `json:"reason" minLength:"1" maxLength:"128"`
		}
	}
	readInput struct {
		ID   string `path:"id" minLength:"1" maxLength:"80"`
		Key  string `path:"key" minLength:"1" maxLength:"64"`
		Body struct {
			Reason string `json:"reason" minLength:"1" maxLength:"128" doc:"Why; it is recorded."`
		}
	}
	openInput struct {
		ID   string `path:"id" minLength:"1" maxLength:"80"`
		Key  string `path:"key" minLength:"1" maxLength:"64"`
		Body RedteamHandling
	}
	editInput struct {
		ID   string `path:"id" minLength:"1" maxLength:"64"`
		Body struct {
			RedteamHandling
			Fixed bool `json:"fixed,omitempty" doc:"Somebody did something about it. Only a re-test closes it."`
		}
	}
	findingBody  struct{ Body RedteamFinding }
	findingsBody struct{ Body []RedteamFinding }
	coverageBody struct{ Body any }
)

func (h RedteamHandling) handling() redteam.Handling { return redteam.Handling(h) }

func (a *api) redteamRoutes(h huma.API) {
	huma.Register(h, op(http.MethodGet, "/redteam/campaigns", "list-campaigns", desk.RedteamRead, "List campaigns of the red team, the newest first"), a.listCampaigns)
	huma.Register(h, op(http.MethodPost, "/redteam/campaigns", "start-campaign", desk.RedteamRun, "Begin the default campaign on the range inside this server, or go on with one"), a.startCampaign)
	huma.Register(h, op(http.MethodGet, "/redteam/campaigns/{id}", "get-campaign", desk.RedteamRead, "Say what a campaign showed so far, and what the gate says"), a.getCampaign)
	huma.Register(h, op(http.MethodPost, "/redteam/campaigns/{id}/stop", "stop-campaign", desk.RedteamRun, "Stop the campaign that runs in this server, at once"), a.stopCampaign)
	huma.Register(h, op(http.MethodGet, "/redteam/campaigns/{id}/attempts/{key}", "get-attempt", desk.RedteamRead, "Say what became of an attempt, without a word of it"), a.getAttempt)
	huma.Register(h, op(http.MethodPost, "/redteam/campaigns/{id}/attempts/{key}/read", "read-attempt", desk.ContentRead, "Return what was said in an attempt"), a.readAttempt)
	huma.Register(h, op(http.MethodPost, "/redteam/campaigns/{id}/attempts/{key}/decide", "decide-attempt", desk.RedteamDecide, "Judge an attempt in place of its scorer"), a.decideAttempt)
	huma.Register(h, op(http.MethodPost, "/redteam/campaigns/{id}/attempts/{key}/finding", "open-finding", desk.FindingOpen, "Open a finding of an attempt that got through"), a.openFinding)
	huma.Register(h, op(http.MethodGet, "/redteam/findings", "list-findings", desk.RedteamRead, "List findings, those that are not closed first"), a.listFindings)
	huma.Register(h, op(http.MethodPost, "/redteam/findings/{id}", "edit-finding", desk.FindingEdit, "Change what is said of a finding"), a.editFinding)
	huma.Register(h, op(http.MethodPost, "/redteam/findings/{id}/close", "close-finding", desk.FindingClose, "Close a finding whose newest re-test held"), a.closeFinding)
	huma.Register(h, op(http.MethodGet, "/redteam/coverage", "get-coverage", desk.RedteamRead, "Say how often each technique was tried; none means not tested"), a.coverage)
}

// short is a campaign without its figures.
func short(c *desk.Campaign) RedteamCampaign {
	out := RedteamCampaign{ID: c.ID, State: c.State, Why: c.Why, Answer: c.Answer, Reasons: []string{}, Waiting: []string{}, Before: c.Before, Regressed: c.Change != nil && c.Change.Regressed()}
	if c.Analysis == nil {
		return out
	}
	out.Name, out.Begun, out.Done, out.Planned = c.Analysis.Campaign.Name, c.Analysis.Begun, c.Analysis.Done, c.Analysis.Planned
	out.Reasons, out.Waiting = append(out.Reasons, c.Analysis.Reasons...), append(out.Waiting, c.Analysis.Waiting...)
	if last := c.Last(); last != nil {
		out.Through, out.Tries, out.Low, out.High = last.Attacks.Hits, last.Attacks.Tries(), last.Attacks.Low, last.Attacks.High
	}
	return out
}

func (a *api) listCampaigns(ctx context.Context, _ *struct{}) (*campaignsBody, error) {
	list, err := a.cfg.Desk.Campaigns(ctx, actor(ctx))
	out := &campaignsBody{Body: []RedteamCampaign{}}
	for i := range list {
		out.Body = append(out.Body, short(&list[i]))
	}
	return out, a.problem(err)
}

func (a *api) getCampaign(ctx context.Context, in *campaignInput) (*campaignBody, error) {
	c, err := a.cfg.Desk.Campaign(ctx, actor(ctx), in.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &campaignBody{}
	out.Body.RedteamCampaign = short(c)
	if c.Analysis != nil {
		out.Body.Report = c.Analysis
	}
	return out, nil
}

func (a *api) startCampaign(ctx context.Context, in *startInput) (*startedBody, error) {
	id, err := a.cfg.Desk.StartCampaign(ctx, actor(ctx), in.Body.Campaign, in.Body.Reason)
	out := &startedBody{}
	out.Body.ID = id
	return out, a.problem(err)
}

func (a *api) stopCampaign(ctx context.Context, in *campaignInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.StopCampaign(ctx, actor(ctx), in.ID))
}

func (a *api) getAttempt(ctx context.Context, in *attemptInput) (*attemptBody, error) {
	t, err := a.cfg.Desk.Attempt(ctx, actor(ctx), in.ID, in.Key)
	return &attemptBody{t}, a.problem(err)
}

func (a *api) readAttempt(ctx context.Context, in *readInput) (*attemptBody, error) {
	t, err := a.cfg.Desk.Transcript(ctx, actor(ctx), in.ID, in.Key, in.Body.Reason)
	return &attemptBody{t}, a.problem(err)
}

func (a *api) decideAttempt(ctx context.Context, in *decideInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.Decide(ctx, actor(ctx), in.ID, in.Key, redteam.Verdict(in.Body.Verdict), in.Body.Reason))
}

func (a *api) openFinding(ctx context.Context, in *openInput) (*findingBody, error) {
	f, err := a.cfg.Desk.OpenFinding(ctx, actor(ctx), in.ID, in.Key, in.Body.handling())
	return &findingBody{RedteamFinding{f, f.Severity()}}, a.problem(err)
}

func (a *api) listFindings(ctx context.Context, _ *struct{}) (*findingsBody, error) {
	list, err := a.cfg.Desk.Findings(ctx, actor(ctx))
	out := &findingsBody{Body: []RedteamFinding{}}
	for _, f := range list {
		out.Body = append(out.Body, RedteamFinding{f, f.Severity()})
	}
	return out, a.problem(err)
}

func (a *api) editFinding(ctx context.Context, in *editInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.EditFinding(ctx, actor(ctx), in.ID, in.Body.handling(), in.Body.Fixed))
}

func (a *api) closeFinding(ctx context.Context, in *idInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.CloseFinding(ctx, actor(ctx), in.ID))
}

func (a *api) coverage(ctx context.Context, _ *struct{}) (*coverageBody, error) {
	c, err := a.cfg.Desk.Coverage(ctx, actor(ctx))
	return &coverageBody{c}, a.problem(err)
}
