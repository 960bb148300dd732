package admin

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/redteam"
)

// RedteamLive is a system that the red team tries while people use it.
type RedteamLive struct {
	System    string             `json:"system"`
	State     string             `json:"state" enum:"running,waiting,paused,ended,spent,too_little,faulty,undeclared" doc:"Ended: the last day that the configuration names is over; spent: the tokens of the day are; too_little: a day has fewer than one round can use; faulty: why says what is wrong with the declaration; undeclared: it is tried no more, and has open alarms."`
	AllowedBy string             `json:"allowed_by"`
	Reason    string             `json:"reason"`
	Until     time.Time          `json:"until"`
	Every     string             `json:"every"`
	Attempts  int                `json:"attempts" doc:"Of a round."`
	Tokens    RedteamLiveTokens  `json:"tokens"`
	Due       time.Time          `json:"due,omitzero" doc:"The next round that nothing else begins."`
	Asked     string             `json:"asked,omitempty" doc:"Who asked for a round that has not begun."`
	Paused    time.Time          `json:"paused,omitzero"`
	PausedBy  string             `json:"paused_by,omitempty"`
	Why       string             `json:"why,omitempty" doc:"Why it is paused, or faulty."`
	Unwatched int                `json:"unwatched" doc:"Attempts that end well by now and did not at first: count anew to have them watched."`
	Alarms    []redteam.Alarm    `json:"alarms" doc:"The open ones first."`
	Rounds    []RedteamLiveRound `json:"rounds" doc:"The newest first."`
	Series    []redteam.Series   `json:"series" doc:"How often attempts end badly that ended well at first; an alarm is raised where the sum passes the height."`
}

// RedteamLiveTokens are the tokens of a day.
type RedteamLiveTokens struct {
	Used  int64 `json:"used"`
	Day   int64 `json:"a_day"`
	Round int64 `json:"most_a_round"`
}

// RedteamLiveRound is one round in numbers.
type RedteamLiveRound struct {
	Campaign string            `json:"campaign" doc:"Its name where campaigns are read; the oldest are deleted."`
	Begun    time.Time         `json:"begun"`
	Ended    time.Time         `json:"ended"`
	Causes   []string          `json:"causes"`
	Deployed map[string]string `json:"deployed" doc:"What was tried: digests of policy, models, tools and prompt."`
	Tokens   int64             `json:"tokens"`
	Fault    string            `json:"fault,omitempty"`
	redteam.RoundSum
}

type (
	liveBody  struct{ Body []RedteamLive }
	wardInput struct {
		System string `path:"system" minLength:"1" maxLength:"128"`
		Body   struct {
			Reason string `json:"reason" minLength:"1" maxLength:"128" doc:"Why; it is recorded."`
		}
	}
	settleInput struct {
		ID   string `path:"id" minLength:"1" maxLength:"64"`
		Body struct {
			Usual  bool   `json:"usual,omitempty" doc:"What the alarm saw is from now on what is usual: rounds before it count no more."`
			Reason string `json:"reason" minLength:"1" maxLength:"128" doc:"What it was; it is recorded."`
		}
	}
)

func (a *api) liveRoutes(h huma.API) {
	huma.Register(h, op(http.MethodGet, "/redteam/live", "list-live", desk.RedteamRead, "List the systems that the red team tries while people use them, with rounds and alarms"), a.listLive)
	huma.Register(h, op(http.MethodPost, "/redteam/live/{system}/try", "try-live", desk.RedteamRun, "Begin a round on a system now"), a.askRound)
	huma.Register(h, op(http.MethodPost, "/redteam/live/{system}/pause", "pause-live", desk.RedteamRun, "Stop the round on a system at once, and begin none"), a.pauseRounds)
	huma.Register(h, op(http.MethodPost, "/redteam/live/{system}/resume", "resume-live", desk.RedteamRun, "Let rounds on a system begin again"), a.resumeRounds)
	huma.Register(h, op(http.MethodPost, "/redteam/live/{system}/anew", "count-live-anew", desk.RedteamDecide, "Have rounds from now on say what is usual on a system"), a.countAnew)
	huma.Register(h, op(http.MethodPost, "/redteam/alarms/{id}/settle", "settle-alarm", desk.RedteamDecide, "Settle an alarm of a system that got worse"), a.settleAlarm)
}

func (a *api) listLive(ctx context.Context, _ *struct{}) (*liveBody, error) {
	list, err := a.cfg.Desk.Live(ctx, actor(ctx))
	out := &liveBody{Body: []RedteamLive{}}
	for i := range list {
		out.Body = append(out.Body, live(&list[i]))
	}
	return out, a.problem(err)
}

func live(s *redteam.WardState) RedteamLive {
	w, at := &s.Ward, &s.Watched
	out := RedteamLive{System: w.System, State: s.State, AllowedBy: w.Scope.AllowedBy, Reason: w.Scope.Reason, Until: w.Scope.Until, Every: w.Every.String(), Attempts: w.Attempts, Tokens: RedteamLiveTokens{s.Used(), w.Tokens, s.Most},
		Due: at.Due, Asked: at.Asked, Paused: at.Paused, PausedBy: at.PausedBy, Why: cmp.Or(w.Fault, at.Why), Unwatched: s.Unwatched, Alarms: append([]redteam.Alarm{}, s.Alarms...), Rounds: []RedteamLiveRound{}, Series: append([]redteam.Series{}, s.Series...)}
	for i := range s.Rounds {
		r := &s.Rounds[len(s.Rounds)-1-i]
		out.Rounds = append(out.Rounds, RedteamLiveRound{Campaign: r.Name(), Begun: r.Begun, Ended: r.Ended, Causes: r.Causes, Deployed: r.Deployed, Tokens: r.Tokens, Fault: r.Fault, RoundSum: r.Sum()})
	}
	return out
}

func (a *api) askRound(ctx context.Context, in *wardInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.AskRound(ctx, actor(ctx), in.System, in.Body.Reason))
}

func (a *api) pauseRounds(ctx context.Context, in *wardInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.PauseRounds(ctx, actor(ctx), in.System, in.Body.Reason))
}

func (a *api) resumeRounds(ctx context.Context, in *wardInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.ResumeRounds(ctx, actor(ctx), in.System, in.Body.Reason))
}

func (a *api) countAnew(ctx context.Context, in *wardInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.CountAnew(ctx, actor(ctx), in.System, in.Body.Reason))
}

func (a *api) settleAlarm(ctx context.Context, in *settleInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.SettleAlarm(ctx, actor(ctx), in.ID, in.Body.Usual, in.Body.Reason))
}
