// Package config reads bartizan.yaml strictly: every fault at once, each with its
// line and what to do about it.
//
// A key that is not known is a fault, and so is a section that a later version
// will know: nothing that is written is ever ignored. Secrets are named, never
// written: {env: NAME} or {file: PATH}.
//
// This package's API may change.
package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
)

// File is bartizan.yaml.
type File struct {
	Version int      `yaml:"version" json:"version"`
	Data    string   `yaml:"data" json:"data"`
	Listen  Listen   `yaml:"listen" json:"listen,omitempty"`
	Gate    Gate     `yaml:"gate" json:"gate,omitempty"`
	Store   Store    `yaml:"store" json:"store,omitempty"`
	Labels  []string `yaml:"labels" json:"labels,omitempty"`
	// LabelNames are what the organisation's documents call the labels, beside what is common.
	LabelNames map[string]string       `yaml:"label_names" json:"label_names,omitempty"`
	Providers  map[string]Provider     `yaml:"providers" json:"providers"`
	Models     map[string]Model        `yaml:"models" json:"models"`
	Policies   map[string]guard.Policy `yaml:"policies" json:"policies,omitempty"`
	Stages     map[string]Stage        `yaml:"stages" json:"stages,omitempty"`
	Systems    map[string]System       `yaml:"systems" json:"systems"`
	Access     Access                  `yaml:"access" json:"access,omitempty"`
	Ledger     Ledger                  `yaml:"ledger" json:"ledger,omitempty"`
	Privacy    Privacy                 `yaml:"privacy" json:"privacy,omitempty"`
	Telemetry  Telemetry               `yaml:"telemetry" json:"telemetry,omitempty"`

	notices []Fault
}

// Notices are what is not wrong with the file and still wants a look.
func (f *File) Notices() []Fault { return f.notices }

// Telemetry says where traces and measures are sent.
type Telemetry struct {
	OTLP    string  `yaml:"otlp" json:"otlp,omitempty"` // base URL of an OpenTelemetry collector, over HTTP
	Key     *Secret `yaml:"key" json:"key,omitempty"`   // sent as a bearer token
	CA      string  `yaml:"ca" json:"ca,omitempty"`
	Private bool    `yaml:"private" json:"private,omitempty"`
	Sample  float64 `yaml:"sample" json:"sample,omitempty"` // part of the traces that is kept; left out: all
}

// Listen says where the three listeners are.
type Listen struct {
	Gate       Listener `yaml:"gate" json:"gate,omitempty"`
	Console    Listener `yaml:"console" json:"console,omitempty"`
	Operations Listener `yaml:"operations" json:"operations,omitempty"`
}

// Listener is one address; without a certificate the local authority makes one.
type Listener struct {
	Addr string `yaml:"addr" json:"addr,omitempty"`
	Cert string `yaml:"cert" json:"cert,omitempty"`
	Key  string `yaml:"key" json:"key,omitempty"`
}

// Gate says how much is served at once.
type Gate struct {
	// Places bounds the calls that are open at once, of all systems together: a call
	// takes four, an open stream one. Left out: 4,096.
	Places *int `yaml:"places" json:"places,omitempty"`
}

// Store is `sqlite` or {postgres: {env: NAME}}.
type Store struct {
	Postgres *Secret
}

// UnmarshalYAML reads either form.
func (s *Store) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil {
		if word != "sqlite" {
			return fmt.Errorf("must be sqlite or {postgres: {env: NAME}}, not %q", word)
		}
		return nil
	}
	var form map[string]Secret
	if err := unmarshal(&form); err != nil {
		return err
	}
	dsn, ok := form["postgres"]
	if !ok || len(form) != 1 {
		return errors.New("must be sqlite or {postgres: {env: NAME}}")
	}
	s.Postgres = &dsn
	return nil
}

// Secret says where a secret is, and is never the secret.
type Secret struct {
	Env  string `yaml:"env" json:"env,omitempty"`
	File string `yaml:"file" json:"file,omitempty"`
}

// UnmarshalYAML refuses a secret that stands in the file itself.
func (s *Secret) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil {
		return errors.New("a secret must not stand in this file; write {env: NAME} or {file: PATH}")
	}
	var form map[string]any
	if err := unmarshal(&form); err != nil {
		return err
	}
	for _, k := range names(form) {
		v, ok := form[k].(string)
		if !ok {
			return errors.New("a secret must not stand in this file; write {env: NAME} or {file: PATH}")
		}
		switch k {
		case "env":
			s.Env = v
		case "file":
			s.File = v
		default:
			return fmt.Errorf("a secret has no key %q; write {env: NAME} or {file: PATH}", k)
		}
	}
	return nil
}

// Value reads the secret.
func (s Secret) Value() (string, error) {
	switch {
	case (s.Env == "") == (s.File == ""):
		return "", errors.New("a secret needs one of env and file")
	case s.Env != "":
		if v := os.Getenv(s.Env); v != "" {
			return v, nil
		}
		return "", fmt.Errorf("the environment variable %s is not set; set it to the secret", s.Env)
	}
	f, err := os.Open(s.File)
	if err != nil {
		return "", fmt.Errorf("the file of a secret cannot be read: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("the file of a secret cannot be read: %w", err)
	}
	v := strings.TrimSpace(string(b))
	if v == "" || len(b) > maxSecret {
		return "", fmt.Errorf("the file %s must hold a secret of 1 to %d bytes", s.File, maxSecret)
	}
	return v, nil
}

// maxSecret bounds a secret, in bytes.
const maxSecret = 64 << 10

// Provider is one upstream.
type Provider struct {
	Dialect  string   `yaml:"dialect" json:"dialect"`
	URL      string   `yaml:"url" json:"url"`
	Key      *Secret  `yaml:"key" json:"key,omitempty"`
	CA       string   `yaml:"ca" json:"ca,omitempty"` // file of authorities, beside the system's
	Private  bool     `yaml:"private" json:"private,omitempty"`
	Usage    string   `yaml:"usage" json:"usage,omitempty"` // "leave": streams are not made to say what they used
	Betas    []string `yaml:"betas" json:"betas,omitempty"` // values of anthropic-beta that it takes; left out: all
	Handling Handling `yaml:"handling" json:"handling,omitempty"`
	Timeouts Timeouts `yaml:"timeouts" json:"timeouts,omitempty"`
}

// Timeouts of a provider, as "30s".
type Timeouts struct {
	Connect   Duration `yaml:"connect" json:"connect,omitempty"`
	FirstByte Duration `yaml:"first_byte" json:"first_byte,omitempty"`
	Idle      Duration `yaml:"idle" json:"idle,omitempty"`
}

// Handling is what a provider does with data. What is left out is not known, and a provider
// of which training, retention or ceiling are not known gets public data only.
type Handling struct {
	Training        string   `yaml:"training" json:"training,omitempty"`                 // never, opt_out, allowed
	Sharing         string   `yaml:"sharing" json:"sharing,omitempty"`                   // never, allowed: with others, for ends of their own
	Retention       string   `yaml:"retention" json:"retention,omitempty"`               // none, or days: 30d
	AbuseMonitoring string   `yaml:"abuse_monitoring" json:"abuse_monitoring,omitempty"` // none, automatic, human
	HumanReview     string   `yaml:"human_review" json:"human_review,omitempty"`         // never, possible
	Region          string   `yaml:"region" json:"region,omitempty"`
	SubProcessors   []string `yaml:"sub_processors" json:"sub_processors,omitempty"`
	Contract        string   `yaml:"contract" json:"contract,omitempty"` // its reference
	Ceiling         string   `yaml:"ceiling" json:"ceiling,omitempty"`   // the highest label that may go there
	Basis           string   `yaml:"basis" json:"basis,omitempty"`       // where this is written
}

// Model is a name that callers use.
type Model struct {
	Try   []string `yaml:"try" json:"try"`
	Price *Price   `yaml:"price" json:"price,omitempty"`
}

// Price per million tokens, in the currency that budgets are in.
type Price struct {
	Input       *float64 `yaml:"input" json:"input"`
	Output      *float64 `yaml:"output" json:"output"`
	CachedInput *float64 `yaml:"cached_input" json:"cached_input,omitempty"` // nil: as Input
}

// System declares an AI system.
type System struct {
	Team        string   `yaml:"team" json:"team"`
	Owner       string   `yaml:"owner" json:"owner"`
	Purpose     string   `yaml:"purpose" json:"purpose"`
	Purposes    []string `yaml:"purposes" json:"purposes,omitempty"` // in one word each, that a call may state; the first is the default
	Environment string   `yaml:"environment" json:"environment"`
	Policy      string   `yaml:"policy" json:"policy,omitempty"`
	Models      []string `yaml:"models" json:"models"`
	Tools       Tools    `yaml:"tools" json:"tools,omitempty"`
	MaxLabel    string   `yaml:"max_label" json:"max_label,omitempty"`
	Budget      Budget   `yaml:"budget" json:"budget,omitempty"`
	// Canaries are attacks on the system while people use it; nil: there are none.
	Canaries *Canaries `yaml:"canaries" json:"canaries,omitempty"`
}

// Tools is a list of names, or `any`.
type Tools struct {
	Any   bool
	Names []string
}

// UnmarshalYAML reads either form.
func (t *Tools) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil {
		if word != "any" {
			return fmt.Errorf("must be a list of names or the word any, not %q", word)
		}
		t.Any = true
		return nil
	}
	var list []any
	if err := unmarshal(&list); err != nil {
		return err
	}
	for _, item := range list {
		name, ok := item.(string)
		if !ok || name == "" {
			return errors.New("must be a list of names or the word any")
		}
		t.Names = append(t.Names, name)
	}
	return nil
}

// Access is about permits.
type Access struct {
	Permits    []string `yaml:"permits" json:"permits,omitempty"`
	StaleAfter Duration `yaml:"stale_after" json:"stale_after,omitempty"`
}

// Ledger is about durability.
type Ledger struct {
	Durability string `yaml:"durability" json:"durability,omitempty"`
}

// later lists what a later version will know, by path. A star stands for any
// name.
var later = []string{"identity", "sources", "alerts", "ledger.witness", "systems.*.sources",
	"policies.*.output.grounding", "models.*.label"}

// Fault is one thing wrong with a file.
type Fault struct {
	Line    int
	Path    string // "providers.openai.url"
	Problem string
}

func (f Fault) String() string {
	at := ""
	if f.Line > 0 {
		at = fmt.Sprintf("line %d: ", f.Line)
	}
	if f.Path != "" {
		at += f.Path + ": "
	}
	return at + f.Problem
}

// Error is everything wrong with a file, in the order of its lines.
type Error struct {
	Name   string
	Faults []Fault
}

func (e *Error) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = e.Name + ": " + f.String()
	}
	return strings.Join(lines, "\n")
}

// Load reads and checks a file. Paths in it are taken from where it lies. The
// error is an *[Error] unless the file cannot be read at all.
func Load(path string) (*File, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the configuration cannot be read: %w; `bartizan config init` writes one to start from", err)
	}
	f, err := Parse(path, b)
	if err != nil {
		return nil, err
	}
	f.from(filepath.Dir(path))
	return f, nil
}

// from makes paths absolute.
func (f *File) from(dir string) {
	paths := []*string{&f.Data, &f.Listen.Gate.Cert, &f.Listen.Gate.Key, &f.Listen.Console.Cert, &f.Listen.Console.Key,
		&f.Listen.Operations.Cert, &f.Listen.Operations.Key}
	if s := f.Store.Postgres; s != nil {
		paths = append(paths, &s.File)
	}
	for _, p := range f.Providers {
		if p.Key != nil {
			paths = append(paths, &p.Key.File)
		}
	}
	for _, s := range f.Stages {
		if s.Key != nil {
			paths = append(paths, &s.Key.File)
		}
	}
	if f.Telemetry.Key != nil {
		paths = append(paths, &f.Telemetry.Key.File)
	}
	paths = append(paths, &f.Telemetry.CA)
	for i := range f.Access.Permits {
		paths = append(paths, &f.Access.Permits[i])
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	for name, p := range f.Providers {
		if p.CA != "" && !filepath.IsAbs(p.CA) {
			p.CA = filepath.Join(dir, p.CA)
			f.Providers[name] = p
		}
	}
	for _, s := range f.Systems {
		if c := s.Canaries; c != nil && c.Prompt != "" && !filepath.IsAbs(c.Prompt) {
			c.Prompt = filepath.Join(dir, c.Prompt)
		}
	}
	for name, s := range f.Stages {
		if s.CA != "" && !filepath.IsAbs(s.CA) {
			s.CA = filepath.Join(dir, s.CA)
			f.Stages[name] = s
		}
	}
}

// Candidate is one entry of `try`: the provider is what stands before the first
// slash; a provider alone means its model of the caller's name.
func Candidate(try, name string) (provider, model string) {
	provider, model, ok := strings.Cut(try, "/")
	if !ok || model == "" {
		model = name
	}
	return provider, model
}

func names[T any](m map[string]T) []string {
	out := make([]string, 0, len(m))
	for n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
