package app

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/gateway"
	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/redteam/target"
)

// live is the folder of campaigns on what people use; campaigns lie beside it.
const live = Campaigns + "/live"

// canaryAnswer bounds an answer to a canary, in tokens.
const canaryAnswer = 256

// openCanaries makes the canaries of the systems that have some. None is sent before [App.Start].
func (a *App) openCanaries(context.Context) error {
	alarms := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bartizan_canary_alarms_total", Help: "Alarms of canaries: a rate that got worse, a token that came back, or rounds that fail."}, []string{"system", "kind"})
	open := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "bartizan_canary_alarms_open", Help: "Alarms of canaries that nobody has settled."}, []string{"system"})
	if err := errors.Join(a.registry.Register(alarms), a.registry.Register(open)); err != nil {
		return fmt.Errorf("counting alarms: %w", err)
	}
	a.canaries = redteam.NewCanaries(redteam.CanariesConfig{Store: a.store, Dir: a.dir(live), Library: func() (*redteam.Library, error) { return AttackLibrary(nil) }, Chains: DefaultCampaign().Chains,
		Scorers: func() ([]redteam.Scorer, error) { return Scorers(nil) }, Wards: a.wards, Target: a.tried, Forget: a.forgetRound, Folders: a.cfg.Folders, Tick: a.cfg.Tick,
		Open: func(system string, n int) { open.WithLabelValues(system).Set(float64(n)) },
		Alert: func(one redteam.Alarm) {
			alarms.WithLabelValues(one.System, one.Kind).Inc()
			a.cfg.Log.Warn("alert", "event", "canaries."+one.Kind, "alarm", one.ID, "system", one.System, "series", one.Series, "seen", one.Note, "do", "look at Live in the console, and settle the alarm there")
		},
		Failed: func(system string, err error) {
			a.cfg.Log.Error("a round of canaries failed", "system", system, "error", err.Error())
		}})
	return nil
}

// wards are the systems whose declaration wants them tried.
func (a *App) wards() (out []redteam.Ward) {
	p := a.plan.Load()
	for _, s := range p.Permits.Systems() {
		d := p.file.Systems[s.Name]
		if d.Canaries == nil || s.Status != "active" {
			continue
		}
		c := d.Canaries.Filled(s.Models)
		fault := ""
		prompt, err := c.ReadPrompt()
		if err != nil {
			fault = "It cannot be tried: the file that canaries.prompt names cannot be read, or is empty or too large."
		}
		out = append(out, redteam.Ward{System: s.Name, Fault: fault, Every: time.Duration(c.Every), Attempts: c.Attempts, PerSecond: c.PerMinute / 60, Tokens: c.Tokens, MaxTokens: canaryAnswer,
			Random: binary.LittleEndian.Uint64(a.keys.Derive("canaries " + s.Name)), AnyTool: s.AnyTool, Prompt: prompt, Deployed: p.deployed(s.Name, d, prompt),
			Scope: redteam.Scope{AllowedBy: c.AllowedBy, Reason: c.Reason, Until: c.End(), Targets: []string{redteam.LiveTarget + s.Name}}})
	}
	return out
}

// deployed is what a system is made of: what changes in it begins a round.
func (p *plan) deployed(name string, d config.System, prompt string) map[string]string {
	var models []string
	for _, m := range d.Models {
		for _, c := range p.Models[m] {
			models = append(models, m+"="+c.Provider+" "+c.URL+" "+c.Model)
		}
	}
	tools := "any"
	if !d.Tools.Any {
		list := slices.Clone(d.Tools.Names)
		slices.Sort(list)
		tools = strings.Join(list, " ")
	}
	out := map[string]string{"policy": p.Policies[name].ID(), "models": redteam.Digest(models)[:16], "tools": redteam.Digest(tools)[:16]}
	if prompt != "" {
		out["prompt"] = redteam.Digest(prompt)[:16]
	}
	return out
}

// paths are where callers of each dialect send chats.
var paths = map[string]string{"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "azure": "/openai/v1/chat/completions"}

// tried is a system behind this gate as a target of canaries, with a key that ends with them.
func (a *App) tried(_ context.Context, system string) (redteam.Target, func(), error) {
	p := a.plan.Load()
	d := p.file.Systems[system]
	if d.Canaries == nil {
		return nil, nil, errors.New("the system has no canaries any more")
	}
	model := d.Canaries.Filled(d.Models).Model
	if len(p.Models[model]) == 0 {
		return nil, nil, fmt.Errorf("the model %s is not declared", model)
	}
	dialect := p.Models[model][0].Dialect
	secret, giveBack := a.keys.Lend(system, "canaries")
	prompt, _ := d.Canaries.ReadPrompt() // what cannot be read was said, and is no ward
	name := redteam.LiveTarget + system + "#" + redteam.Digest([]any{p.deployed(system, d, prompt), model})[:12]
	t, err := target.New(target.Config{Dialect: dialect, URL: "https://gate.invalid" + paths[dialect], Model: model, Key: secret, Transport: inside{a}, Look: a.blocked, Name: name})
	if err != nil {
		giveBack()
		return nil, nil, err
	}
	return t, giveBack, nil
}

// settle is how many ticks there are before the first look: who has just begun has users to see to.
const settle = 30

// try sends canaries until the app stops.
func (a *App) try() {
	defer a.stopped.Done()
	select {
	case <-a.stop:
		return
	case <-time.After(settle * cmp.Or(a.cfg.Tick, 2*time.Second)):
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-a.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	a.canaries.Run(ctx)
}

// sightseer tells canaries what passes the gate.
type sightseer struct{ app *App }

// Observes implements [gateway.Observer].
func (s sightseer) Observes(system string) bool { return s.app.canaries.Observes(system) }

// Token implements [gateway.Observer].
func (s sightseer) Token(_, text string) bool { return s.app.canaries.Token(text) }

// Saw implements [gateway.Observer].
func (s sightseer) Saw(v gateway.Sight) {
	s.app.canaries.Saw(v.System, v.Model, v.Answerer, v.Request)
	if v.Leaked == "" || s.app.canaries.Said(v.Request) {
		return
	}
	s.app.stopped.Go(func() { // the store may take its time, and the call is over
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.app.canaries.Leaked(ctx, v.System, v.Leaked); err != nil {
			s.app.cfg.Log.Error("an alarm could not be written down", "event", "canaries.token", "exchange", v.Leaked, "error", err.Error())
		}
	})
}
