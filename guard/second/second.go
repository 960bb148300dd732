// Package second asks others what they think of a text that the guard is not sure of: guard
// models, any chat model with a written policy, Azure AI Content Safety, any HTTP classifier.
//
// [New] makes a [guard.Stage] of a [Config]; policies say when it is asked. A stage sends
// text to whoever answers at its URL, and what comes back is data: an answer that is late,
// large, of another type, redirected or not in the agreed form is an error, and never an
// opinion. A text that is longer than a stage takes is asked about in pieces, all of them;
// what would need too many is an error as well. Errors never hold text. May change.
package second

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/risk"
)

// Config describes a stage.
type Config struct {
	Name string // as policies call it
	Kind string // one of [Kinds]
	URL  string // what paths are put below: "https://NAME.cognitiveservices.azure.com"; the whole URL of kind http
	Key  string // "" where none is wanted
	// Transport makes the calls. It must not follow redirects.
	Transport http.RoundTripper

	Model  string   // chat kinds
	Policy string   // gpt_oss_safeguard and judge: what is forbidden, in words; "": [DefaultPolicy]
	Judges []string // families its opinion counts for, "attack" and "harm"; nil: those of the kind

	Score string   // http: where the probability stands in the answer, "0.score"
	Label string   // http: where a label stands
	Bad   []string // http: the labels that mean an attack; Score is then the label's
}

// ErrConfig means that a stage cannot be made of its description.
var ErrConfig = errors.New("second: stage")

// member is one kind of stage: a file, and a line in [All].
type member struct {
	kind   string
	judges []string
	make   func(Config, *caller) asker
}

// All returns every kind.
func All() []member {
	return []member{llamaGuard, shieldGemma, safeguard, judge, contentSafety, promptShields, classifier}
}

// Kinds are the names of all kinds.
func Kinds() []string {
	var out []string
	for _, m := range All() {
		out = append(out, m.kind)
	}
	return out
}

// New makes a stage. It calls nobody.
func New(cfg Config) (guard.Stage, error) {
	at := slices.IndexFunc(All(), func(m member) bool { return m.kind == cfg.Kind })
	if at < 0 {
		return nil, fmt.Errorf("%w %s: %q is no kind; there are %s", ErrConfig, cfg.Name, cfg.Kind, strings.Join(Kinds(), ", "))
	}
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%w %s: the url must be https://host/path", ErrConfig, cfg.Name)
	}
	if cfg.Transport == nil {
		return nil, fmt.Errorf("%w %s: it has no transport", ErrConfig, cfg.Name)
	}
	m := All()[at]
	if cfg.Judges == nil {
		cfg.Judges = m.judges
	}
	if cfg.Policy == "" {
		cfg.Policy = DefaultPolicy
	}
	c := &caller{base: cfg.URL, transport: cfg.Transport, header: http.Header{}}
	if cfg.Kind == classifier.kind {
		if cfg.Score == "" && (cfg.Label == "" || len(cfg.Bad) == 0) {
			return nil, fmt.Errorf("%w %s: it needs a score, or a label and which labels are bad", ErrConfig, cfg.Name)
		}
	} else {
		c.base = strings.TrimSuffix(c.base, "/")
	}
	if cfg.Key != "" {
		c.header.Set("Authorization", "Bearer "+cfg.Key)
	}
	return &stage{name: cfg.Name, judges: cfg.Judges, asker: m.make(cfg, c)}, nil
}

// stage is a [guard.Stage] of any kind.
type stage struct {
	name   string
	judges []string
	asker
}

// ID implements [guard.Stage].
func (s *stage) ID() string { return s.name }

// Judges implements [guard.Stage].
func (s *stage) Judges(c risk.Category) bool { return slices.Contains(s.judges, guard.Family(c)) }
