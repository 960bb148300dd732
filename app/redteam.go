package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/practice"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/redteam/attack"
	"github.com/bartizan-ai/bartizan/redteam/format"
	"github.com/bartizan-ai/bartizan/redteam/score"
	"github.com/bartizan-ai/bartizan/redteam/seed"
	"github.com/bartizan-ai/bartizan/redteam/target"
	"github.com/bartizan-ai/bartizan/risk"
)

// AttackLibrary is what campaigns are made of: what ships with Bartizan, and what was imported.
func AttackLibrary(more []redteam.Seed) (*redteam.Library, error) {
	seeds, scenes, err := seed.Load()
	if err != nil {
		return nil, err
	}
	return &redteam.Library{Seeds: append(seeds, more...), Scenes: scenes, Converters: attack.Converters(), Strategies: strategies()}, nil
}

// strategies are all there are. Those that ask an attacker's model stand behind the others, so that
// nothing changes for campaigns that have none.
func strategies() []redteam.Strategy {
	return append(attack.Strategies(), attack.ModelStrategies()...)
}

// OpenCampaign reads a campaign's folder.
func OpenCampaign(dir string) (*redteam.Opened, error) {
	return redteam.Open(dir, attack.Converters(), strategies())
}

// Scorers judge what attacks did. Harmful words are judged by the guard's own model, which errs:
// what it says is corrected where a campaign says how often.
func Scorers(base redteam.Baseline) ([]redteam.Scorer, error) { return scorers(base, 0) }

// sure is from when the guard's own model is not asked about twice, where there is a judge.
const sure = .95

// ScorersOf are those of a campaign: one that names a judge's model has it asked where no other
// scorer can tell, and the guard's own model leaves to it what it is not sure of.
func ScorersOf(c *redteam.Campaign, base redteam.Baseline) ([]redteam.Scorer, error) {
	if c.Judge == nil {
		return Scorers(base)
	}
	list, err := scorers(base, sure)
	if err != nil {
		return nil, err
	}
	return append(list, score.NewJudgeModel(score.Config{})), nil
}

func scorers(base redteam.Baseline, sure float64) ([]redteam.Scorer, error) {
	engine, err := guard.New(guard.Config{Detectors: Detectors()})
	if err != nil {
		return nil, err
	}
	c, err := engine.Compile("redteam", guard.Policy{})
	if err != nil {
		return nil, err
	}
	return score.All(score.Config{Baseline: base.Of, Sure: sure, Harm: func(ctx context.Context, text string) (p float64, err error) {
		for category, q := range c.Scores(ctx, text, llm.OriginModel) {
			if guard.Harmful(risk.Category(category)) {
				p = max(p, q)
			}
		}
		return p, nil
	}}), nil
}

// The arms of a campaign on the demonstration: the practice model behind a gate that only
// watches, and behind one that guards.
const (
	armOff = "off"
	armOn  = "on"
)

// DefaultCampaign plays all seeds whose effect is proven, plainly and disguised, on both arms. Those
// that ask for harmful words are left out: the practice model has none.
func DefaultCampaign() redteam.Campaign {
	chains := [][]string{{}}
	for _, id := range []string{"base64", "hex", "rot13", "leetspeak", "char_space", "zero_width", "unicode_confusable", "fullwidth", "tag_smuggling", "html_entity", "url", "random_case", "insert_punctuation", "markdown_fence", "flip"} {
		chains = append(chains, []string{id})
	}
	return redteam.Campaign{Name: "default", Random: 1, Chains: chains, Samples: 3, Arms: []string{armOff, armOn}, MaxTokens: 1024, Seeds: redteam.Selection{Effects: []string{"canary", "mark", "tool", "link", "pattern", "amplify", "answer"}}, Rate: redteam.Rate{Parallel: 8}}
}

// Range is where attacks on the demonstration happen: two systems behind one gate, inside this
// process, so that nobody else is attacked.
type Range struct {
	Targets map[string]redteam.Target
	Scope   *redteam.Scope
	app     *App
}

// Close stops it.
func (r *Range) Close(ctx context.Context) error {
	if r.app == nil {
		return nil
	}
	return r.app.Stop(ctx)
}

// arms are the policies of the demonstration's arms: one that guards, and the same one that only
// watches. Neither masks: placeholders are made with a key of the deployment, so that two runs
// would not be the same to the byte.
func arms() map[string]guard.Policy {
	guarded := demoPolicy(time.Now())
	guarded.Keep, guarded.Allow, guarded.Mask = guard.Keep{}, nil, guard.Masking{}
	watching := guarded
	watching.Mode, watching.Until = "monitor", time.Now().AddDate(0, 0, 2).Format(time.DateOnly)
	return map[string]guard.Policy{armOn: guarded, armOff: watching}
}

// ownScope allows what is inside this process.
func ownScope() *redteam.Scope {
	return &redteam.Scope{AllowedBy: "whoever runs this process", Reason: "its own demonstration", Until: time.Now().Add(24 * time.Hour), Targets: []string{"inside://"}}
}

// fingerprint names a target inside this process. A policy that ends says when: the day is no
// part of what is attacked.
func fingerprint(how, arm string, policy guard.Policy) string {
	policy.Until = ""
	return "inside://" + how + "/" + arm + "#" + redteam.Digest(policy)[:12]
}

// OpenRange makes the demonstration that campaigns attack, in a folder that is to be empty.
func OpenRange(ctx context.Context, dir, version string) (*Range, error) {
	f, upstreams, err := demoFile(DemoConfig{Data: filepath.Join(dir, "data"), Gate: "127.0.0.1:0", Console: "127.0.0.1:0"})
	if err != nil {
		return nil, err
	}
	f.Policies = arms()
	sample := f.Systems[demoSystem]
	sample.Canaries = nil // a range is attacked by campaigns alone
	f.Systems = map[string]config.System{}
	for arm := range f.Policies {
		sample.Policy = arm
		f.Systems[arm] = sample
	}
	a, err := New(ctx, Config{File: f, Upstreams: upstreams, Origin: demoOrigin, Version: version, Synthetic: true})
	if err != nil {
		return nil, err
	}
	r := &Range{Targets: map[string]redteam.Target{}, app: a, Scope: ownScope()}
	for _, arm := range []string{armOff, armOn} {
		if r.Targets[arm], err = a.inner(ctx, arm); err != nil {
			return nil, errors.Join(err, a.Stop(ctx))
		}
	}
	return r, nil
}

// inner is a system behind the gate of this process, as a target.
func (a *App) inner(ctx context.Context, system string) (redteam.Target, error) {
	_, secret, err := a.keys.Create(ctx, system, "redteam")
	if err != nil {
		return nil, err
	}
	name := fingerprint(practice.Name, system, a.plan.Load().Policies[system].Policy())
	return target.New(target.Config{Dialect: "openai", URL: "https://gate.invalid/v1/chat/completions", Model: practice.Name, Key: secret, Transport: inside{a}, Look: a.blocked, Name: name})
}

// blocked says who blocked an exchange, as its record does.
func (a *App) blocked(ctx context.Context, id string) (*redteam.Block, bool) {
	for r, err := range a.ledger.Records(ctx, record.Query{ID: id, Limit: 1}) {
		if err != nil || r.Intent == nil {
			return nil, false
		}
		v, where := r.Intent.Verdict, "input"
		if v.Decision < risk.Hold && r.Outcome != nil {
			v, where = r.Outcome.Verdict, "output"
		}
		b := &redteam.Block{Where: where, Policy: v.Policy}
		if f, ok := v.First(); ok {
			b.Detector, b.Category = f.Detector, string(f.Category)
		}
		return b, true
	}
	return nil, false
}

// Arm is a target as a file describes it.
type Arm struct {
	Dialect string            `yaml:"dialect"` // openai, azure, responses, anthropic; or none, with a template
	URL     string            `yaml:"url"`     // whole, with the path of the operation
	Model   string            `yaml:"model"`
	Key     *config.Secret    `yaml:"key"`
	Header  map[string]string `yaml:"header"`
	CA      string            `yaml:"ca"` // file of authorities
	// Template is a file that holds a raw HTTP request with a place for the prompt, or the options
	// of garak's REST generator; Answer says where in a JSON answer the words are.
	Template string `yaml:"template"`
	Answer   string `yaml:"answer"`
	Blocked  []int  `yaml:"blocked_status"`
}

// OpenArm makes a target of what a file says of it. Paths are taken from dir.
func OpenArm(dir string, arm Arm) (redteam.Target, error) {
	transport, err := arm.transport(dir)
	if err != nil {
		return nil, err
	}
	key := ""
	if arm.Key != nil {
		if key, err = arm.Key.Value(); err != nil {
			return nil, err
		}
	}
	if arm.Template == "" {
		return target.New(target.Config{Dialect: arm.Dialect, URL: arm.URL, Model: arm.Model, Key: key, Header: arm.Header, Transport: transport})
	}
	b, err := os.ReadFile(beside(dir, arm.Template))
	if err != nil {
		return nil, fmt.Errorf("the request template cannot be read: %w", err)
	}
	var t *target.Template
	if filepath.Ext(arm.Template) == ".json" {
		t, err = target.ParseREST(b, key)
	} else {
		t, err = target.ParseHTTP(string(b), "https")
	}
	if err != nil {
		return nil, err
	}
	t.Transport = transport
	if arm.Answer != "" {
		t.Answer = arm.Answer
	}
	if arm.Blocked != nil {
		t.BlockedStatus = arm.Blocked
	}
	return t, nil
}

func (arm Arm) transport(dir string) (http.RoundTripper, error) { return trusting(dir, arm.CA) }

// trusting makes calls, over TLS by the authorities of a file; "": those of the machine.
func trusting(dir, ca string) (http.RoundTripper, error) {
	cfg := dialect.ClientConfig{Private: true} // whoever allows an attack means the address
	if ca != "" {
		var err error
		if cfg.TLS, err = authorities(beside(dir, ca)); err != nil {
			return nil, err
		}
	} else {
		cfg.TLS = &tls.Config{}
	}
	return dialect.NewTransport(cfg), nil
}

func beside(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// ImportFormats and ExportFormats are those that campaigns read and are written in.
var (
	ImportFormats = format.Imports()
	ExportFormats = format.Exports
)

// ImportSeeds reads seeds that another tool keeps; kind "" finds out which.
func ImportSeeds(kind, name string) ([]redteam.Seed, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("the seeds cannot be read: %w", err)
	}
	defer f.Close()
	list, _, err := format.Import(kind, filepath.Base(name), f)
	return list, err
}

// ExportCampaign writes what a campaign's folder shows. Without full, the words of attacks and
// answers are left out.
func ExportCampaign(kind string, w io.Writer, dir string, p *redteam.Plan, a *redteam.Analysis, full bool, version string) error {
	return format.Export(kind, w, &format.Report{Analysis: a, Full: full, Version: version, Made: time.Now(), Seed: p.Seed,
		Results: func(take func(*redteam.Result) error) error { return redteam.Results(dir, take) },
		Sent: func(r *redteam.Result) []redteam.Conversation {
			list, err := redteam.Remade(p, r)
			if err != nil {
				return nil
			}
			return list
		}})
}
