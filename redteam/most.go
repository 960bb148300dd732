package redteam

import "strings"

// plays reports whether a campaign plays a strategy at all: one that asks an attacker's model needs
// one to ask.
func (c *Campaign) plays(s Strategy) bool {
	if _, asks := s.(Adaptive); asks && c.Attacker == nil {
		return false
	}
	if len(c.Strategies) == 0 {
		return true
	}
	for _, id := range c.Strategies {
		if id == s.ID() {
			return true
		}
	}
	return false
}

// requests is how many requests an attempt sends to its target at most.
func (c *Campaign) requests(s Strategy) int {
	if _, asks := s.(Adaptive); asks && c.Attacker != nil {
		return min(s.Requests(), c.Attacker.Turns)
	}
	return s.Requests()
}

// Most is what attempt number n takes at most, of its target and of the models on our own side, as
// tokens are counted by [Conversation.Tokens]: where a target answers with no more than it is allowed.
func (p *Plan) Most(n int) (target, attacker, judge Usage) {
	a := p.Attempt(n)
	b := p.most(&a)
	return b.target, b.attacker, b.judge
}

// most is what an attempt takes at most. Its first conversation is made, and so known; those that
// follow are longer by what their strategy adds, and by what the target may have said.
func (p *Plan) most(a *Attempt) bound {
	s, n := a.Begin(), int64(a.requests)
	adaptive, asks := a.Strategy.(Adaptive)
	grows := a.Strategy.Grows(s)
	first := s.bare()
	if !asks {
		if c, more := a.Strategy.Next(s); more {
			first = c
		}
	}
	start, step := first.Tokens(), aroundTurn+inTokens(grows.Said)
	if asks {
		start += step // the first message is not known yet
	}
	out := bound{target: Usage{Requests: a.requests, Output: n * int64(p.Campaign.MaxTokens)}}
	switch {
	case grows.Apart && asks:
		out.target.Input = n * start
	case grows.Apart:
		out.target.Input = n*start + (n-1)*step
	default:
		step += p.Campaign.carried(first.Tools, grows.Result)
		out.target.Input = n*start + step*n*(n-1)/2
	}
	if asks {
		questions, bytes := adaptive.Asks(s, a.requests)
		out.attacker = p.Campaign.asks(AttackerRole, questions, bytes)
	}
	if p.Campaign.Judge != nil && judged(a.Seed) {
		said := min(MaxJudged, wideToken*p.Campaign.MaxTokens*a.requests)
		out.judge = p.Campaign.asks(JudgeRole, 1, AroundJudge+len(a.Seed.Objective)+said)
	}
	return out
}

// bare is a conversation in which nothing was said yet.
func (s *State) bare() Conversation {
	c := Conversation{Tools: s.Scene.Tools, Turns: []Turn{{Text: strings.ReplaceAll(s.Scene.System, Canary, s.Canary)}}}
	for _, t := range s.Seed.Turns {
		t.Text = strings.ReplaceAll(t.Text, Mark, s.Mark)
		c.Turns = append(c.Turns, t)
	}
	return c
}

// wideToken is how many bytes a token of an answer has at most, where plans count bytes and targets
// count tokens: more than four in English.
const wideToken = 8

// nothingSaid is how many bytes stand for an answer that says nothing, and callID what names a call.
const (
	nothingSaid = 12
	callID      = 12
)

// carried is what an answer adds to the conversation after it: its words and, where there are tools
// to call, its calls with what they return. A call has a tool's name and something around it, so that an
// answer holds only so many.
func (c *Campaign) carried(tools []Tool, result int) int64 {
	n := int64(c.MaxTokens)
	own := n + aroundTurn + inTokens(nothingSaid)
	if len(tools) == 0 {
		return own
	}
	shortest, longest := len(tools[0].Name), 0
	for _, t := range tools {
		shortest, longest = min(shortest, len(t.Name)), max(longest, len(t.Name))
	}
	each := 2*inTokens(callID) + aroundTurn + inTokens(result) + inTokens(longest) + 1
	return own + n/(aroundTurn+inTokens(shortest))*each
}

// asks is what so many questions take of a model.
func (c *Campaign) asks(role Role, questions, bytes int) Usage {
	around := questions * (aroundRequest + aroundTurn + 1)
	return Usage{questions, int64(around) + inTokens(bytes), int64(questions) * int64(c.endpoint(role).MaxTokens)}
}

// judged reports seeds of which a judge may be asked: what costs is counted, and harmless texts
// are to be answered, which nobody needs to judge.
func judged(d *Seed) bool {
	return d.Persona != Benign && d.Effect.Kind != "amplify" && d.Effect.Kind != "answer"
}
