package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/practice"
	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/redteam/target"
	"github.com/bartizan-ai/bartizan/risk"
)

// pipeline is a policy and the practice model behind it, without a gate: nothing is recorded,
// masked or authorised. It is for many attempts in little time; what it shows of a policy is
// what a gate would do with it.
type pipeline struct {
	policy *guard.Compiled
	write  func(model string, c *redteam.Conversation) ([]byte, error)
	name   string
}

// OpenPipelines makes the two arms of the demonstration without a gate.
func OpenPipelines() (*Range, error) {
	engine, err := guard.New(guard.Config{Detectors: Detectors()})
	if err != nil {
		return nil, err
	}
	r := &Range{Targets: map[string]redteam.Target{}, Scope: ownScope()}
	for arm, policy := range arms() {
		c, err := engine.Compile(arm, policy)
		if err != nil {
			return nil, err
		}
		r.Targets[arm] = &pipeline{c, target.WriteChat, fingerprint("policy", arm, policy)}
	}
	return r, nil
}

// Fingerprint implements [redteam.Target].
func (p *pipeline) Fingerprint() string { return p.name }

// Send implements [redteam.Target].
func (p *pipeline) Send(ctx context.Context, c *redteam.Conversation) (redteam.Exchange, error) {
	body, err := p.write(practice.Name, c)
	if err != nil {
		return redteam.Exchange{}, err
	}
	e := redteam.Exchange{Outcome: redteam.Failed, Sent: redteam.Digest(json.RawMessage(body))}
	d := dialect.OpenAI{}
	rt, ok := d.Match(http.MethodPost, "/v1/chat/completions", http.Header{})
	r, err := d.Decode(rt, body)
	if !ok || err != nil {
		e.Error = "the request cannot be read"
		return e, nil
	}
	if p.blocked(ctx, p.policy, guard.Input, r.Passages, &e) {
		return e, nil
	}
	resp, err := practice.Model{}.Do(ctx, r)
	if err != nil {
		return e, fmt.Errorf("the practice model: %w", err)
	}
	event, err := resp.Stream.Next()
	if err != nil {
		return e, fmt.Errorf("the practice model: %w", err)
	}
	if p.blocked(ctx, p.policy.Answering(r.Passages), guard.Output, event.Passages, &e) {
		return e, nil
	}
	got, err := target.ReadChat(event.Data)
	if err != nil {
		e.Error = "the answer cannot be read"
		return e, nil
	}
	got.Sent = e.Sent
	return got, ctx.Err()
}

// blocked judges one side, and says who stopped it.
func (p *pipeline) blocked(ctx context.Context, policy *guard.Compiled, dir guard.Direction, passages []llm.Passage, e *redteam.Exchange) bool {
	v := policy.Judge(ctx, dir, passages).Verdict
	if v.Decision < risk.Hold || !policy.Enforcing() {
		return false
	}
	e.Outcome, e.Block = redteam.Blocked, &redteam.Block{Where: dir.String(), Policy: v.Policy}
	if f, ok := v.First(); ok {
		e.Block.Detector, e.Block.Category = f.Detector, string(f.Category)
	}
	return true
}
