package guard

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Action is what policy wants done: "allow", "flag", "mask", "hold", "block";
// "" where it does not say.
type Action string

// Decision returns the action as a decision; Allow for "" and unknown words.
func (a Action) Decision() risk.Decision {
	d, _ := risk.ParseDecision(string(a))
	return d
}

// Policy says which findings matter where, and what follows. What it leaves out
// is taken from [Standard], so the zero Policy is that.
type Policy struct {
	Mode    string `json:"mode,omitempty" yaml:"mode"`         // "enforce" or "monitor"
	Until   string `json:"until,omitempty" yaml:"until"`       // monitor ends: "2026-12-31"
	BlockAs string `json:"block_as,omitempty" yaml:"block_as"` // "error" or "answer"
	// ProviderState is "refuse" or "allow": whether callers may let a provider keep
	// their conversation, or go on from one that it kept.
	ProviderState string                      `json:"provider_state,omitempty" yaml:"provider_state"`
	OnError       OnError                     `json:"on_error,omitzero" yaml:"on_error"`
	Unreadable    map[string]Action           `json:"unreadable,omitempty" yaml:"unreadable"` // image, audio, file, tokens, sealed
	Thresholds    map[string]map[string]Lines `json:"thresholds,omitempty" yaml:"thresholds"` // family or category, then origin
	Rules         []Rule                      `json:"rules,omitempty" yaml:"rules"`
	Allow         []Allowance                 `json:"allow,omitempty" yaml:"allow"` // what is known to be harmless
	Second        Second                      `json:"second,omitzero" yaml:"second"`
	Secrets       Secrets                     `json:"secrets,omitzero" yaml:"secrets"`
	Mask          Masking                     `json:"mask,omitzero" yaml:"mask"`
	Labels        Labelling                   `json:"labels,omitzero" yaml:"labels"`
	// Consent lists what else of a provider's uses of data needs the consent of those whom a call
	// concerns, beside training and sharing: "human_review", "region:us".
	Consent  []string `json:"consent,omitempty" yaml:"consent"`
	Sanitise Sanitise `json:"sanitise,omitzero" yaml:"sanitise"`
	Output   Leaving  `json:"output,omitzero" yaml:"output"`
	Keep     Keep     `json:"keep,omitzero" yaml:"keep"`
}

// OnError says what follows when a required check failed.
type OnError struct {
	Input  Action `json:"input,omitempty" yaml:"input"`
	Output Action `json:"output,omitempty" yaml:"output"`
}

// Secrets says what follows when a credential is seen.
type Secrets struct {
	Input  Action `json:"input,omitempty" yaml:"input"`
	Output Action `json:"output,omitempty" yaml:"output"`
}

// Masking lists the entities that matter. Restore asks for values to be put
// back into the answer, for callers who have the right to see them.
type Masking struct {
	Entities []Entity `json:"entities,omitempty" yaml:"entities"`
	Restore  bool     `json:"restore,omitempty" yaml:"restore"`
	// As says what stands in the place of a value: "placeholder" ([EMAIL_k3f9qz]), "fake"
	// (another value of the same shape) or "redact" ([EMAIL]). "": placeholder where values are
	// put back, else redact.
	As string `json:"as,omitempty" yaml:"as"`
}

// Entity is a kind of sensitive value and what to do with it: written as
// "pii.email" (mask it), {pii.email: block} or
// {pii.email: {action: mask, as: fake, restore: false, from: {system: allow}}}.
type Entity struct {
	Name    string
	Action  Action
	From    map[string]Action // by origin, where it differs
	As      string            // as of [Masking]
	Restore *bool             // nil: as of [Masking]
}

// Sanitise turns the cleaning steps off or on; all are on unless it says false.
type Sanitise struct {
	Hidden  *bool `json:"hidden,omitempty" yaml:"hidden"`   // invisible characters, on the way in and out
	Escapes *bool `json:"escapes,omitempty" yaml:"escapes"` // terminal control sequences
	Links   *bool `json:"links,omitempty" yaml:"links"`     // self-loading images and scripts in answers
}

// Leaving says how answers leave.
type Leaving struct {
	Hold      string `json:"hold,omitempty" yaml:"hold"` // "prefix", "sentence", "all"
	Grounding string `json:"grounding,omitempty" yaml:"grounding"`
}

// Keep says what the ledger keeps, and for how long.
type Keep struct {
	Records string `json:"records,omitempty" yaml:"records"` // "395d"
	Content string `json:"content,omitempty" yaml:"content"` // "none", "masked" or a time
}

// Rule is the operator's own: a phrase (any run of white space matches a blank,
// case does not matter) or an RE2 pattern.
type Rule struct {
	ID      string   `json:"id" yaml:"id"`
	Phrase  string   `json:"phrase,omitempty" yaml:"phrase"`
	Pattern string   `json:"pattern,omitempty" yaml:"pattern"`
	On      []string `json:"on,omitempty" yaml:"on"` // "input", "output"; none: both
	Action  Action   `json:"action" yaml:"action"`
	Says    string   `json:"says,omitempty" yaml:"says"`
	// Entity makes what the rule finds a kind of personal data of the operator's own, such as
	// pii.customer_number. "": it is a matter of policy.
	Entity string `json:"entity,omitempty" yaml:"entity"`
}

// Lines are the probabilities from which to act; 0 never does. Off, written
// `off`, switches the family off for an origin.
type Lines struct {
	Off     bool
	Observe float64 // the finding is recorded, and nothing follows
	Flag    float64
	Hold    float64
	Excise  float64 // what was found is taken out of the passage, and the rest is judged again
	Block   float64
}

// decide returns what follows from a probability; Mask is an excision.
func (l Lines) decide(p float64) risk.Decision {
	reaches := func(line float64) bool { return line > 0 && p >= line }
	switch {
	case l.Off:
		return risk.Allow
	case reaches(l.Block):
		return risk.Block
	case reaches(l.Hold):
		return risk.Hold
	case reaches(l.Excise):
		return risk.Mask
	case reaches(l.Flag):
		return risk.Flag
	}
	return risk.Allow
}

// observes reports whether a finding that leads to nothing is recorded all the same.
func (l Lines) observes(p float64) bool { return !l.Off && l.Observe > 0 && p >= l.Observe }

// excisable lists the origins whose text is data to the model, so that a part of it can be
// taken out. What a person asks is answered whole or not at all.
var excisable = []llm.Origin{llm.OriginUnknown, llm.OriginRetrieved, llm.OriginTool, llm.OriginFile, llm.OriginToolSpec}

// Standard is the policy that holds where nothing else is said. The lines of attacks are
// those that three in a thousand (flag) and one in a thousand (block) harmless texts exceed
// that come from sources no model has seen; what a developer or the system wrote is
// trusted.
func Standard() Policy {
	on := true
	return Policy{
		Mode: "enforce", BlockAs: "error", ProviderState: "refuse",
		OnError:    OnError{Input: "block", Output: "block"},
		Unreadable: map[string]Action{"image": "flag", "audio": "block", "file": "block", "tokens": "block", "sealed": "allow"},
		Thresholds: map[string]map[string]Lines{
			"attack": {
				"user": {Observe: .82, Flag: .945, Block: .991}, "tool": {Observe: .8, Flag: .885, Block: .955}, "retrieved": {Observe: .8, Flag: .885, Block: .955},
				"file": {Observe: .8, Flag: .885, Block: .955}, "unknown": {Observe: .8, Flag: .885, Block: .955},
				"tool_spec": {Observe: .8, Flag: .88, Block: .98}, "model": {Off: true}, "developer": {Off: true}, "system": {Off: true},
			},
			// Words do not tell intent: harm is flagged, and refused only where hardly a
			// harmless text comes near.
			"harm":   {"user": {Observe: .86, Flag: .915, Block: .98}, "model": {Observe: .86, Flag: .915, Block: .98}},
			"markup": {"model": {Flag: .5}, "tool": {Flag: .5}, "retrieved": {Flag: .5}, "unknown": {Flag: .5}, "user": {Off: true}},
			// What an answer gives away of its system's own words, answers without an end, and
			// those that say what data ordered.
			"leak":    {"model": {Observe: .3, Flag: .5, Block: .9}},
			"runaway": {"model": {Observe: .3, Flag: .5, Block: .9}},
			"obeyed":  {"model": {Observe: .3, Flag: .5, Block: .9}},
			"abuse":   {"user": {Flag: .5, Block: .9}, "unknown": {Flag: .5, Block: .9}, "model": {Flag: .5}},
		},
		Secrets:  Secrets{Input: "mask", Output: "block"},
		Sanitise: Sanitise{Hidden: &on, Escapes: &on, Links: &on},
		Output:   Leaving{Hold: "sentence", Grounding: "annotate"},
		Keep:     Keep{Records: "395d", Content: "none"},
	}
}

// complete fills what the policy leaves out from Standard.
func (p Policy) complete() Policy {
	std := Standard()
	fill(&p.Mode, std.Mode)
	fill(&p.BlockAs, std.BlockAs)
	fill(&p.ProviderState, std.ProviderState)
	fill(&p.OnError.Input, std.OnError.Input)
	fill(&p.OnError.Output, std.OnError.Output)
	fill(&p.Secrets.Input, std.Secrets.Input)
	fill(&p.Secrets.Output, std.Secrets.Output)
	fill(&p.Sanitise.Hidden, std.Sanitise.Hidden)
	fill(&p.Sanitise.Escapes, std.Sanitise.Escapes)
	fill(&p.Sanitise.Links, std.Sanitise.Links)
	fill(&p.Output.Hold, std.Output.Hold)
	fill(&p.Output.Grounding, std.Output.Grounding)
	fill(&p.Keep.Records, std.Keep.Records)
	fill(&p.Keep.Content, std.Keep.Content)
	p.Second.complete()
	maps.Copy(std.Unreadable, p.Unreadable)
	maps.Copy(std.Thresholds, p.Thresholds)
	p.Unreadable, p.Thresholds = std.Unreadable, std.Thresholds
	return p
}

func fill[T comparable](v *T, standard T) {
	var zero T
	if *v == zero {
		*v = standard
	}
}

// Digest is the first 12 hex digits of the SHA-256 of the completed policy in
// canonical JSON.
func (p Policy) Digest() (string, error) {
	data, err := json.Marshal(p.complete())
	if err != nil {
		return "", fmt.Errorf("guard: digesting policy: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])[:12], nil
}

// families sorts categories into the keys that thresholds use. A category that
// is not listed is a harm.
var families = map[risk.Category]string{
	risk.PromptInjection: "attack", risk.IndirectInjection: "attack", risk.Jailbreak: "attack", risk.PromptLeak: "attack",
	risk.HiddenText: "attack", risk.EncodedPayload: "attack", risk.ToolMisuse: "attack",
	risk.ExfiltrationLink: "markup", risk.UnsafeMarkup: "markup", risk.UnsafeCode: "markup",
	risk.ResourceAbuse: "abuse",
}

// Family returns the family of lines that a category falls under: "attack", "harm",
// "markup" or "abuse".
func Family(c risk.Category) string { return family(c) }

func family(c risk.Category) string {
	if f, ok := families[c]; ok {
		return f
	}
	return "harm"
}

// Harmful reports whether a category is a harm, and not an attack or a kind of value.
func Harmful(c risk.Category) bool {
	return c != "attack" && family(c) == "harm" && !strings.Contains(string(c), ".")
}

// fallback says whose lines hold for an origin that a policy does not name: the
// less trusted neighbour's, so that leaving one out never opens a hole. What
// the model itself said is not measured by lines made for its callers.
var fallback = map[llm.Origin]llm.Origin{
	llm.OriginRetrieved: llm.OriginUnknown, llm.OriginTool: llm.OriginRetrieved, llm.OriginFile: llm.OriginRetrieved,
	llm.OriginUser: llm.OriginUnknown, llm.OriginToolSpec: llm.OriginUnknown, llm.OriginDeveloper: llm.OriginSystem,
}

// lines returns the lines for a key and origin, following the fallbacks.
func (p *Policy) lines(key string, o llm.Origin) (Lines, bool) {
	by, ok := p.Thresholds[key]
	if !ok {
		return Lines{}, false
	}
	for {
		if l, ok := by[o.String()]; ok {
			return l, true
		}
		next, ok := fallback[o]
		if !ok {
			return Lines{}, true
		}
		o = next
	}
}
