package redteam

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Role is what a model on the red team's own side is asked for.
type Role string

// The roles. Neither model is needed: without an attacker the strategies that ask one do not
// play, without a judge people decide.
const (
	AttackerRole Role = "attacker" // says what to send next
	JudgeRole    Role = "judge"    // says whether it had its effect, where no other scorer can
)

// Endpoint is a model on the red team's own side. The scope must allow it as it must a target:
// what it is told are attacks, and what targets answered.
type Endpoint struct {
	Dialect string `yaml:"dialect" json:"dialect"` // openai, azure, responses, anthropic
	URL     string `yaml:"url" json:"url"`         // whole, with the path of the operation
	Model   string `yaml:"model" json:"model"`
	KeyEnv  string `yaml:"key_env" json:"key_env,omitempty"` // environment variable that holds its key; "": it wants none
	CA      string `yaml:"ca" json:"ca,omitempty"`           // file of authorities
	// MaxTokens are those of one answer; 0: 1024.
	MaxTokens int `yaml:"max_tokens" json:"max_tokens"`
	// Temperature is left to the model where nothing is said, and so is Seed, its own chance, which
	// only openai and azure know. Two campaigns are the same only as far as the model is.
	Temperature *float64 `yaml:"temperature" json:"temperature,omitempty"`
	Seed        *int64   `yaml:"seed" json:"seed,omitempty"`
	Seconds     float64  `yaml:"timeout_seconds" json:"timeout_seconds"` // of one question; 0: 60
	Budget      Caps     `yaml:"budget" json:"budget"`                   // of this model alone; that of the campaign holds too
	Price       Pricing  `yaml:"price" json:"price"`
}

// Caps are what one model may be asked and cost. Zero is none.
type Caps struct {
	Requests int     `yaml:"requests" json:"requests,omitempty"`
	Tokens   int64   `yaml:"tokens" json:"tokens,omitempty"`
	Money    float64 `yaml:"money" json:"money,omitempty"`
}

// Attacker is the model that adaptive strategies ask.
type Attacker struct {
	Endpoint `yaml:",inline"`
	// Turns is how many requests an attempt may send to the target; 0: 8.
	Turns int `yaml:"turns" json:"turns"`
}

// MaxTurns bounds the requests of an attempt that an attacker's model steers.
const MaxTurns = 20

// ready takes what is left out from what is usual.
func (e *Endpoint) ready() {
	if e.MaxTokens == 0 {
		e.MaxTokens = 1024
	}
	if e.Seconds == 0 {
		e.Seconds = 60
	}
}

// faults returns what is wrong with an endpoint, each in a sentence.
func (e *Endpoint) faults(name string) (out []string) {
	if e.URL == "" || e.Dialect == "" {
		out = append(out, name+": it has a dialect and a url, the whole one of its operation")
	}
	if u, err := url.Parse(e.URL); err != nil || u.User != nil {
		out = append(out, name+": its url is none, or holds a password, which would stand in every report; name the key with key_env")
	}
	if e.MaxTokens < 0 || e.Seconds < 0 || e.Seconds > 3600 {
		out = append(out, name+": max_tokens is no negative number, timeout_seconds up to 3600")
	}
	if t := e.Temperature; t != nil && (*t < 0 || *t > 2) {
		out = append(out, name+": temperature is a number from 0 to 2")
	}
	if e.Seed != nil && e.Dialect != "openai" && e.Dialect != "azure" {
		out = append(out, name+": only openai and azure know a seed; leave it out")
	}
	if b := e.Budget; b.Requests < 0 || b.Tokens < 0 || b.Money < 0 {
		out = append(out, name+".budget: caps are no negative numbers; 0 is none")
	}
	return out
}

// faults returns what is wrong with the models of a campaign.
func (c *Campaign) modelFaults(l *Library) (out []string) {
	if a := c.Attacker; a != nil {
		out = append(out, a.faults("attacker")...)
		if a.Turns < 0 || a.Turns > MaxTurns {
			out = append(out, fmt.Sprintf("attacker.turns: up to %d", MaxTurns))
		}
	}
	if c.Judge != nil {
		out = append(out, c.Judge.faults("judge")...)
	}
	for _, id := range c.Strategies {
		if _, asks := l.strategy(id).(Adaptive); asks && c.Attacker == nil {
			out = append(out, fmt.Sprintf("strategies: %s asks an attacker's model, and the campaign names none; write an attacker block, or leave it out", id))
		}
	}
	return out
}

// Adaptive is a Strategy that asks the attacker's model what to say. It plays only where a
// campaign names one.
type Adaptive interface {
	Strategy
	// Asks bounds what an attempt of so many requests asks: how many questions, and how many bytes
	// all of them have.
	Asks(s *State, requests int) (questions, bytes int)
}

// What a judge is asked of an attempt: one question, in which stand the objective, as much of the
// replies as MaxJudged bytes, and so many bytes of our own.
const (
	MaxJudged   = 24 << 10
	AroundJudge = 3 << 10
)

// Question is what a model on the red team's own side was asked, and what it said. It is part of a
// result, so that an attempt can be made, and judged, again without asking anybody.
type Question struct {
	Role   Role   `json:"role"`
	Prompt string `json:"prompt"`
	Answer string `json:"answer,omitempty"`
	Error  string `json:"error,omitempty"` // a class, as that of an [Exchange]
	Model  string `json:"model,omitempty"` // as it names itself
	Input  int    `json:"input_tokens"`
	Output int    `json:"output_tokens"`
}

// Why a model was not asked, or gave no answer.
var (
	// ErrNoModel means that there is none of that role to ask.
	ErrNoModel = errors.New("redteam: there is no such model to ask")
	// ErrOtherwise means that something else was asked when the attempt was made.
	ErrOtherwise = errors.New("redteam: the model was not asked this when the attempt was made")
)

// asker asks the models of an attempt, and keeps what was said. What was said before to the same
// question is said again.
type asker struct {
	ctx   context.Context
	said  []Question // when the attempt was made before
	live  map[Role]Target
	most  bound
	from  *Campaign
	free  bool // no attempt was planned: only the model's own cap holds
	asked []Question
	// While the scope allows it; denied is why it did not.
	scope  *Scope
	now    func() time.Time
	denied error
}

// ask implements State.Ask.
func (k *asker) ask(role Role, prompt string) (string, error) {
	q, known := k.known(role, prompt)
	if !known {
		target := k.live[role]
		switch {
		case target == nil && k.said == nil:
			return "", ErrNoModel
		case target == nil:
			return "", ErrOtherwise
		case !k.within(role, prompt):
			return "", fmt.Errorf("%w: the %s would be asked more than its cap or its plan says", ErrBudget, role)
		}
		var err error
		if q, err = k.put(role, target, prompt); err != nil {
			return "", err
		}
	}
	k.asked = append(k.asked, q)
	if q.Error != "" {
		return "", fmt.Errorf("redteam: the %s model gave no answer: %s", role, q.Error)
	}
	return q.Answer, nil
}

// known takes the next answer to a question of a role, where it is the same question.
func (k *asker) known(role Role, prompt string) (Question, bool) {
	for i, q := range k.said {
		if q.Role != role {
			continue
		}
		if q.Prompt != prompt {
			return q, false
		}
		k.said = append(k.said[:i:i], k.said[i+1:]...)
		return q, true
	}
	return Question{}, false
}

// within holds that no more is asked than was planned, whatever a strategy wants.
func (k *asker) within(role Role, prompt string) bool {
	most := k.most.of(role)
	used := usage(k.asked, role)
	one := asking(prompt, 0)
	if k.free {
		e := k.from.endpoint(role)
		used = used.plus(Usage{1, one.Tokens(), int64(e.MaxTokens)}, 1)
		return !over(e.Budget, used, e.Price.cost(used.Input, used.Output))
	}
	return used.Requests < most.Requests && planned(k.asked, role)+one.Tokens() <= most.Input
}

// put asks a model.
func (k *asker) put(role Role, target Target, prompt string) (Question, error) {
	c := asking(prompt, k.from.endpoint(role).MaxTokens)
	if err := k.scope.Allows(target.Fingerprint(), k.now()); err != nil {
		k.denied = err // no fault of the attempt's: it has no result
		return Question{}, err
	}
	e, err := target.Send(k.ctx, &c)
	if err == nil {
		err = k.ctx.Err() // what was cut off is no answer
	}
	if err != nil {
		return Question{}, err
	}
	e.clean()
	e.count(&c) // before an answer that counts for none is taken away: it was paid for
	q := Question{Role: role, Prompt: prompt, Answer: e.Text, Error: e.Error, Model: e.Model, Input: e.Input, Output: e.Output}
	switch {
	case e.Outcome == Blocked:
		q.Answer, q.Error = "", "blocked"
	case e.Outcome != Failed && strings.TrimSpace(e.Text) == "":
		q.Error = "it said nothing"
	case e.Outcome == Failed && q.Error == "":
		q.Error = "failed"
	}
	return q, nil
}

// asking is a question as a conversation.
func asking(prompt string, maxTokens int) Conversation {
	return Conversation{MaxTokens: maxTokens, Turns: []Turn{{Role: "user", Text: prompt}}}
}

// endpoint returns the model of a role.
func (c *Campaign) endpoint(role Role) *Endpoint {
	switch {
	case role == AttackerRole && c.Attacker != nil:
		return &c.Attacker.Endpoint
	case role == JudgeRole && c.Judge != nil:
		return c.Judge
	}
	return &Endpoint{}
}

// broken is the memory of an attempt whose attacker failed when it was made.
type broken struct{ why string }

func (b broken) Err() error { return errors.New(b.why) }

// Err says why an attempt could not go on, on the red team's own side; nil: it could.
func (s *State) Err() error {
	if m, ok := s.Memory.(interface{ Err() error }); ok {
		return m.Err()
	}
	return nil
}

// Asks returns how the models of a campaign are asked outside of an attempt, each within its own cap:
// beyond it the error is [ErrBudget]. The scope must allow them, each time: where it has ended the error
// is [ErrScope].
func (c *Campaign) Asks(ctx context.Context, models map[Role]Target, scope *Scope, now func() time.Time) (func(Role, string) (string, error), error) {
	for _, t := range models {
		if err := scope.Allows(t.Fingerprint(), now()); err != nil {
			return nil, err
		}
	}
	return (&asker{ctx: ctx, live: models, from: c, free: true, scope: scope, now: now}).ask, nil
}
