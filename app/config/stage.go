package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Stage is somebody who can be asked for a second opinion about a text: a policy's `second`
// says when. A stage that is called by URL gets the text of passages, so it is either
// private or says that this is meant.
type Stage struct {
	Kind string `yaml:"kind" json:"kind"`
	URL  string `yaml:"url" json:"url,omitempty"`
	// Model and System ask a chat model of this deployment through the gate, as a system
	// like any other; with URL, Model is what its server calls it.
	Model   string  `yaml:"model" json:"model,omitempty"`
	System  string  `yaml:"system" json:"system,omitempty"`
	Key     *Secret `yaml:"key" json:"key,omitempty"` // of the URL, or of the system
	CA      string  `yaml:"ca" json:"ca,omitempty"`
	Private bool    `yaml:"private" json:"private,omitempty"`
	Sends   string  `yaml:"sends" json:"sends,omitempty"` // "text": what callers wrote leaves for it

	// Handling is what who stands behind URL does with data, as of a provider.
	Handling Handling `yaml:"handling" json:"handling,omitempty"`

	Policy string   `yaml:"policy" json:"policy,omitempty"` // what is forbidden, in words
	Judges []string `yaml:"judges" json:"judges,omitempty"` // attack, harm; left out: what its kind knows
	Score  string   `yaml:"score" json:"score,omitempty"`   // kind http: where in the answer the probability stands
	Label  string   `yaml:"label" json:"label,omitempty"`   // kind http: where a label stands
	Bad    []string `yaml:"bad" json:"bad,omitempty"`       // kind http: which labels mean an attack
}

// StageKinds are the kinds of stage that this version knows.
var StageKinds = []string{"llama_guard", "shieldgemma", "gpt_oss_safeguard", "judge", "azure_content_safety", "azure_prompt_shields", "http"}

// chats are those that are a chat model, and worded those that take a policy in words.
var (
	chats  = StageKinds[:4]
	worded = StageKinds[2:4]
)

func (p *parser) stages(f *File) {
	for _, name := range names(f.Stages) {
		at, s := "stages."+name, f.Stages[name]
		if !nameOf.MatchString(name) {
			p.at(at, "a name is letters, digits, dots, dashes and underscores, 64 at most")
		}
		if !slices.Contains(StageKinds, s.Kind) {
			p.at(at+".kind", "%q is no kind of stage%s; there are %s", s.Kind, among(s.Kind, StageKinds), strings.Join(StageKinds, ", "))
			continue
		}
		p.stageKeys(at, s)
		if s.System != "" && slices.Contains(chats, s.Kind) {
			p.throughGate(f, at, s)
		} else {
			p.url(at, s.URL, s.Private)
		}
		switch {
		case s.Private && s.Sends != "", s.Sends != "" && s.Sends != "text":
			p.at(at+".sends", "must be text, or left out where the stage is private")
		case !s.Private && s.Sends == "":
			p.at(at, "is sent what callers wrote; say `sends: text` if that is meant, or `private: true` where it stands on your own ground")
		}
		if s.System == "" {
			p.handling(f, at, f.StageProfile(s))
		}
		if s.Key != nil {
			p.secret(at+".key", *s.Key)
		}
		if s.CA != "" {
			p.file(at+".ca", s.CA)
		}
	}
}

// stageKeys finds what a kind needs and does not have, and has and does not know.
func (p *parser) stageKeys(at string, s Stage) {
	chat, azure, http := slices.Contains(chats, s.Kind), strings.HasPrefix(s.Kind, "azure_"), s.Kind == "http"
	for _, one := range []struct {
		key    string
		there  bool
		may    bool
		needed bool
	}{
		{"model", s.Model != "", chat, chat},
		{"system", s.System != "", chat, false},
		{"key", s.Key != nil, true, azure || s.System != ""},
		{"policy", s.Policy != "", slices.Contains(worded, s.Kind), false},
		{"judges", s.Judges != nil, slices.Contains(worded, s.Kind) || http, false},
		{"score", s.Score != "", http, http && s.Label == ""},
		{"label", s.Label != "", http, http && s.Score == ""},
		{"bad", s.Bad != nil, http && s.Label != "", http && s.Label != ""},
		{"url", s.URL != "", s.System == "" || !chat, s.System == "" || !chat},
		{"ca", s.CA != "", s.System == "" || !chat, false},
		{"handling", s.Handling.said(), s.System == "" || !chat, false},
		{"private", s.Private, s.System == "" || !chat, false},
	} {
		switch {
		case one.there && !one.may:
			p.at(at+"."+one.key, "a stage of this kind, asked this way, has no %s; take it out", one.key)
		case one.needed && !one.there:
			p.at(at+"."+one.key, "is missing; a stage of kind %s needs it", s.Kind)
		}
	}
	for i, j := range s.Judges {
		if j != "attack" && j != "harm" {
			p.at(fmt.Sprintf("%s.judges[%d]", at, i), "must be attack or harm")
		}
	}
	for key, path := range map[string]string{"score": s.Score, "label": s.Label} {
		if path != "" && slices.Contains(strings.Split(path, "."), "") {
			p.at(at+"."+key, "is no path; write keys and places with dots between them, like 0.score")
		}
	}
}

// throughGate checks a stage that asks a model of this deployment. The system that it calls
// as must ask no stage itself: two that ask each other would never end.
func (p *parser) throughGate(f *File, at string, s Stage) {
	system, ok := f.Systems[s.System]
	switch {
	case !ok:
		p.at(at+".system", "there is no system %q%s", s.System, among(s.System, names(f.Systems)))
		return
	case s.Model != "" && !slices.Contains(system.Models, s.Model):
		p.at(at+".model", "is not one of the models of system %s%s", s.System, among(s.Model, system.Models))
	}
	if second := f.Policies[cmp.Or(system.Policy, "standard")].Second.Stage; second != "" {
		p.at(at+".system", "its policy asks stage %s, so that a question could lead to the next without end; give system %s a policy without `second`", second, s.System)
	}
}
