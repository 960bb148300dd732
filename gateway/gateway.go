// Package gateway is the data plane: one handler that takes every call through
// one order of steps and answers in the caller's own dialect.
//
// A call is authenticated, matched, read, decoded without loss, admitted, judged,
// released to a provider, recorded, forwarded, judged on the way back, recorded
// again and answered with a receipt. The first step that fails ends it; what it
// says is an error that the caller's SDK understands, with a reference number,
// and never the caller's own text.
//
// What depends on configuration is a [Plan]. A call keeps the plan it began with,
// so a reload never changes the rules in the middle of an answer.
//
// This package's API may change.
package gateway

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// Config is what a Gate is made of. Limits that are zero have their default.
type Config struct {
	Keys     *access.Keys
	Recorder record.Recorder
	Log      *slog.Logger
	Metrics  *Metrics // nil: nothing is counted
	Proofs   Proofs   // nil: callers cannot ask for proofs
	// Telemetry traces exchanges; nil: nothing is traced.
	Telemetry *Telemetry

	// Subjects has the keys of those whom kept texts are about; nil: texts are kept under
	// the ledger's keys, masked values not at all.
	Subjects Subjects

	// Mask is the key that placeholders are made with; nil: one that ends with the process.
	Mask []byte

	// Conversations remember which label each had; nil: nothing is remembered.
	Conversations *privacy.Conversations
	// Consents know who agreed to what; nil: nobody did.
	Consents Consents
	// Profiles know what was agreed with providers; nil: everything was.
	Profiles *privacy.Profiles

	// Observer notices what changes in what is deployed; nil: nobody does.
	Observer Observer

	// Budgets limits systems, keys and people; nil: nobody.
	Budgets *access.Budgets
	// Places bounds the calls that are open at once, of all systems together: a call
	// takes four, an open stream one; 0: 4,096.
	Places  int
	Waiting int           // callers who may wait for a place; 0: 1,024
	Wait    time.Duration // how long; 0: 5 s
	Judges  int           // calls that are judged at once; 0: eight for each processor

	MaxBody    int64         // bytes; 0: 32 MB
	MaxHeaders int           // 0: 100
	Body       time.Duration // deadline for reading the body; 0: 30 s
	Grace      time.Duration // how long a body may lag behind 1 kB a second; 0: 5 s
	Write      time.Duration // deadline for a caller who does not read; 0: 30 s
	Beat       time.Duration // between signs of life on a stream; 0: 10 s
	Synthetic  bool          // every record is marked as not real
}

// Plan is what configuration says, ready to use.
type Plan struct {
	Permits  *access.Permits
	Policies map[string]*guard.Compiled // by system
	Models   map[string][]Candidate     // by the name that callers use
	Prices   map[string]*access.Price   // by the same; nil where it is not known
	Labels   *privacy.Labels            // nil: the standard ones
	Stages   map[string]Stage           // what each second stage may see, by name; one that is not here sees nothing above the lowest
}

// Stage is what a second stage may see, and what it does with it.
type Stage struct {
	Ceiling privacy.Label
	// Terms are those of who stands behind it. One that needs a consent sees nothing above the
	// lowest label: nobody can be asked before it is known who is named. Zero: whoever answers is
	// asked through the gate itself, and has terms there.
	Terms *privacy.Profile
}

// Candidate is one upstream model that may serve a name.
type Candidate struct {
	Provider string
	URL      string // of the provider: with its name, what makes it the same after a reload
	Model    string // as the provider calls it
	Dialect  string // what the provider speaks, as configuration says it
	// Betas are the values of anthropic-beta that the provider takes: some refuse a
	// call for one that they do not know. nil: all of them.
	Betas []string
	// Keeps says that the provider keeps chat completions unless it is told not to.
	Keeps bool
	// LeaveUsage keeps the gate from asking the provider to count streams: some refuse
	// a call for it.
	LeaveUsage bool
	Ceiling    privacy.Label   // the highest that it may have
	Terms      privacy.Profile // what the provider does with data
	Profile    string          // digest of all that the profile says
	Upstream   llm.Model
}

// Gate is the handler of the data plane.
type Gate struct {
	cfg  Config
	plan atomic.Pointer[Plan]

	upstreams upstreams
	strikes   *access.Strikes
	tally     tally
	calls     *queue // who has a call open
	judges    *queue // whose call is judged
}

// New returns a Gate with its first plan.
func New(cfg Config, plan *Plan) (*Gate, error) {
	if cfg.Keys == nil || cfg.Recorder == nil || plan == nil {
		return nil, errors.New("gateway: keys, a recorder and a plan are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Mask == nil {
		cfg.Mask = make([]byte, 32)
		rand.Read(cfg.Mask) // never fails
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 32 << 20
	}
	if cfg.MaxHeaders == 0 {
		cfg.MaxHeaders = 100
	}
	for d, def := range map[*time.Duration]time.Duration{&cfg.Body: 30 * time.Second, &cfg.Grace: 5 * time.Second, &cfg.Write: 30 * time.Second, &cfg.Beat: 10 * time.Second} {
		if *d == 0 {
			*d = def
		}
	}
	cfg.bounds()
	g := &Gate{cfg: cfg, upstreams: upstreams{now: time.Now, by: map[upstreamID]*upstream{}}, strikes: access.NewStrikes(nil), tally: tally{now: time.Now, by: map[string]*refusals{}},
		calls: newQueue(cfg.Places, cfg.Waiting, cfg.Wait), judges: newQueue(cfg.Judges, cfg.Waiting, cfg.Wait)}
	g.SetPlan(plan)
	cfg.Metrics.watch(g)
	return g, nil
}

// SetPlan changes the rules for calls that come from now on.
func (g *Gate) SetPlan(p *Plan) {
	if p.Labels == nil {
		p.Labels, _ = privacy.NewLabels(nil, nil) // the standard ones are no error
	}
	g.upstreams.keep(p)
	g.plan.Store(p)
}

// ServeHTTP takes one call through all steps, in order. Each step may refuse;
// the rest are then passed over.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if id, ok := receiptPath(r); ok {
		g.receipt(w, r, id)
		return
	}
	if r.Method == http.MethodHead && r.URL.Path == "/" {
		return // coding agents ask whether anybody is there
	}
	x := g.open(w, r)
	defer x.close()

	x.step("limits", x.limits)
	x.step("authenticate", x.authenticate)
	x.step("match", x.match)
	x.step("enter", x.enter)
	x.step("read", x.read)
	x.step("turn", x.turn)
	x.step("decode", x.decode)
	x.step("admit", x.admit)
	x.step("mark", x.mark)
	x.step("guard", x.judge)
	x.step("label", x.classify)
	x.step("release", x.release)
	x.step("mask", x.hide)
	x.step("edit", x.edit)
	x.judging.leave()
	x.step("reserve", x.reserve)
	x.step("intent", x.begin)
	if x.refused() {
		x.refuse()
		return
	}
	x.step("upstream", x.call)
	x.step("answer", x.answer)
	x.finish()
}
