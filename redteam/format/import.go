// Package format reads the attacks that other tools keep, and writes what a campaign showed in
// the forms that people, build servers and other tools read.
//
// What is imported is data: its texts are opaque, so that a payload full of braces stays what it
// is. What is exported leaves out the words of attacks and answers unless somebody asks for them.
//
// This package's API may change.
package format

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/risk"
)

// The bounds of what is imported.
const (
	maxFile  = 64 << 20
	maxSeeds = 60_000
	maxText  = 1 << 20
)

// reader reads one format.
type reader struct {
	kind  string
	knows func(name string, b []byte) bool
	read  func(b []byte) ([]redteam.Seed, error)
}

// readers are tried in this order where nobody says what a file is.
func readers() []reader {
	return []reader{
		{"pyrit", func(name string, b []byte) bool {
			return isYAML(name) && bytes.Contains(b, []byte("seeds:")) || path.Ext(name) == ".prompt"
		}, readPyRIT},
		{"promptfoo", func(name string, b []byte) bool {
			return bytes.Contains(b, []byte("tests")) && (isYAML(name) || path.Ext(name) == ".json") && (bytes.Contains(b, []byte("vars")) || bytes.Contains(b, []byte("prompts")))
		}, readPromptfoo},
		{"garak-payload", func(_ string, b []byte) bool { return bytes.Contains(b, []byte(`"garak_payload_name"`)) }, readGarakPayload},
		{"garak-report", func(_ string, b []byte) bool { return bytes.Contains(b, []byte(`"entry_type"`)) }, readGarakReport},
		{"harmbench", func(_ string, b []byte) bool { return header(b, "Behavior", "BehaviorID") }, readHarmBench},
		{"jailbreakbench", func(_ string, b []byte) bool {
			return bytes.Contains(b, []byte(`"jailbreaks"`)) && bytes.Contains(b, []byte(`"goal"`))
		}, readJailbreakBench},
		{"cyberseceval", func(_ string, b []byte) bool {
			return bytes.Contains(b, []byte(`"test_case_prompt"`)) || bytes.Contains(b, []byte(`"mutated_prompt"`))
		}, readCyberSecEval},
		{"ailuminate", func(_ string, b []byte) bool { return header(b, "prompt_text", "hazard") }, readAILuminate},
		{"bartizan", func(_ string, b []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(b), []byte(`{"id"`)) }, readOwn},
		{"list", func(string, []byte) bool { return true }, readList},
	}
}

func isYAML(name string) bool { return path.Ext(name) == ".yaml" || path.Ext(name) == ".yml" }

// header reports whether the first line of a CSV file has these columns.
func header(b []byte, columns ...string) bool {
	line, _, _ := bytes.Cut(bytes.TrimPrefix(b, []byte("\ufeff")), []byte("\n"))
	have, err := csv.NewReader(bytes.NewReader(line)).Read()
	return err == nil && !slices.ContainsFunc(columns, func(c string) bool { return !slices.Contains(have, c) })
}

// Imports are the formats that can be read.
func Imports() (out []string) {
	for _, r := range readers() {
		out = append(out, r.kind)
	}
	return out
}

// Import reads seeds of a format; kind "" finds out which it is. name is that of the file. The
// seeds have ids, and say where they are from and that their licence is not known.
func Import(kind, name string, in io.Reader) ([]redteam.Seed, string, error) {
	b, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("format: reading %s: %w", name, err)
	case len(b) > maxFile:
		return nil, "", fmt.Errorf("format: %s is longer than %d bytes; import it in parts", name, maxFile)
	}
	for _, r := range readers() {
		if kind != r.kind && (kind != "" || !r.knows(name, b)) {
			continue
		}
		list, err := r.read(b)
		if err == nil {
			list, err = finished(list, r.kind, name)
		}
		if err != nil {
			return nil, r.kind, fmt.Errorf("format: %s is not read as %s: %w", name, r.kind, err)
		}
		return list, r.kind, nil
	}
	return nil, "", fmt.Errorf("format: there is no format %q; there are %s", kind, strings.Join(Imports(), ", "))
}

// finished fills in what a file leaves out.
func finished(list []redteam.Seed, kind, name string) ([]redteam.Seed, error) {
	if len(list) == 0 {
		return nil, errors.New("there is no prompt in it")
	}
	if len(list) > maxSeeds {
		return nil, fmt.Errorf("it has more than %d prompts", maxSeeds)
	}
	used := map[string]bool{}
	for i := range list {
		d := &list[i]
		if len(d.Text) > maxText {
			return nil, fmt.Errorf("prompt %d is longer than %d bytes", i+1, maxText)
		}
		d.Text = strings.ToValidUTF8(d.Text, "\ufffd") // it is kept as JSON, and sent as such
		for k := range d.Turns {
			d.Turns[k].Text = strings.ToValidUTF8(d.Turns[k].Text, "\ufffd")
		}
		d.Objective = strings.ToValidUTF8(d.Objective, "\ufffd")
		d.ID = unique(named(kind, plainID(d.ID)), i, used)
		if d.Source == "" {
			d.Source = name
		}
		if d.Licence == "" {
			d.Licence = "not known"
		}
		if d.Persona == "" {
			d.Persona = redteam.Adversarial
		}
		if d.Lang == "" {
			d.Lang = "en"
		}
		if d.Impact == "" {
			d.Impact = "harm"
		}
		if d.Category == "" {
			d.Category = risk.Jailbreak
		}
		if d.Effect.Kind == "" {
			d.Effect.Kind = "harm"
			if d.Persona == redteam.Benign {
				d.Effect.Kind = "answer"
			}
		}
	}
	return list, nil
}

// plainID keeps letters, digits and dashes.
func plainID(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return unicode.ToLower(r)
		}
		return '-'
	}, s)
	return strings.Trim(s[:min(len(s), 60)], "-")
}

// named says in a seed's id where it is from. What was imported before keeps the id that it has.
func named(kind, id string) string {
	if kind == "bartizan" && slices.ContainsFunc(Imports(), func(k string) bool { return strings.HasPrefix(id, k+"-") }) {
		return id
	}
	return kind + "-" + id
}

func unique(id string, i int, used map[string]bool) string {
	if id = strings.TrimSuffix(id, "-"); used[id] || !strings.Contains(id, "-") {
		id = fmt.Sprintf("%s-%d", id, i+1)
	}
	used[id] = true
	return id
}

// words is a YAML or JSON value that is a text or a list of texts.
type words []string

func (w *words) UnmarshalYAML(n *yaml.Node) error {
	var list []string
	if n.Decode(&list) == nil {
		*w = list
		return nil
	}
	var one string
	err := n.Decode(&one)
	*w = words{one}
	return err
}

// readPyRIT reads PyRIT's seed files. A group of seeds of one alias is one attempt: all but the
// last are said before it.
func readPyRIT(b []byte) ([]redteam.Seed, error) {
	type seed struct {
		Value    string `yaml:"value"`
		Role     string `yaml:"role"`
		Sequence int    `yaml:"sequence"`
		Alias    string `yaml:"prompt_group_alias"`
		Type     string `yaml:"seed_type"`
		Data     string `yaml:"data_type"`
		Harms    words  `yaml:"harm_categories"`
		Name     string `yaml:"name"`
		Source   string `yaml:"source"`
		GroupID  any    `yaml:"prompt_group_id"`
	}
	var f struct {
		Name    string `yaml:"name"`
		Dataset string `yaml:"dataset_name"`
		Harms   words  `yaml:"harm_categories"`
		Source  string `yaml:"source"`
		Data    string `yaml:"data_type"`
		Type    string `yaml:"seed_type"`
		Value   string `yaml:"value"`
		Seeds   []seed `yaml:"seeds"`
	}
	if err := yaml.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	if len(f.Seeds) == 0 && f.Value != "" {
		f.Seeds = []seed{{Value: f.Value}}
	}
	var out []redteam.Seed
	groups := map[string]int{}
	var roles []string // of each seed of the file
	for i, s := range f.Seeds {
		if s.GroupID != nil {
			return nil, fmt.Errorf("seed %d has a prompt_group_id, which files may not have; write prompt_group_alias", i+1)
		}
		if d := first(s.Data, f.Data, "text"); d != "text" || first(s.Type, f.Type) == "simulated_conversation" {
			roles = append(roles, "user")
			continue // pictures and sound, and conversations that a model makes up
		}
		d := redteam.Seed{ID: first(s.Name, f.Dataset, f.Name), Objective: strings.Join(append(slices.Clone(f.Harms), s.Harms...), ", "), Text: raw(s.Value), Category: harmOf(append(slices.Clone(s.Harms), f.Harms...)), Source: first(s.Source, f.Source)}
		if at, ok := groups[s.Alias]; ok && s.Alias != "" {
			last := &out[at]
			last.Turns = append(last.Turns, redteam.Turn{Role: roles[i-1], Text: last.Text})
			last.Text = d.Text
			roles = append(roles, first(s.Role, "user"))
			continue
		}
		groups[s.Alias] = len(out)
		roles = append(roles, first(s.Role, "user"))
		out = append(out, d)
	}
	return out, nil
}

// raw takes the marks away by which PyRIT keeps braces from its template engine.
func raw(s string) string {
	s = strings.TrimSpace(s)
	if in, ok := strings.CutPrefix(s, rawBegin); ok {
		if in, ok = strings.CutSuffix(in, rawEnd); ok {
			return strings.ReplaceAll(in, rawEnd+rawBegin, "")
		}
	}
	return s
}

func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// harms are the words by which others name the categories of harm.
var harms = []struct {
	word string
	harm risk.Category
}{{"cbrn", "cbrn"}, {"chem", "cbrn"}, {"bio", "cbrn"}, {"cyber", "cyber_attack"}, {"malware", "malicious_code"}, {"self", "self_harm"}, {"suicide", "self_harm"}, {"ssh", "self_harm"}, {"hate", "hate"}, {"hte", "hate"},
	{"harass", "harassment"}, {"sex", "sexual_content"}, {"sxc", "sexual_content"}, {"srx", "sexual_content"}, {"cse", "child_exploitation"}, {"child", "child_exploitation"}, {"violen", "violent_crime"}, {"vcr", "violent_crime"}, {"iwp", "cbrn"},
	{"ncr", "nonviolent_crime"}, {"illegal", "nonviolent_crime"}, {"fraud", "nonviolent_crime"}, {"copyright", "intellectual_property"}, {"ipv", "intellectual_property"}, {"prv", "privacy_violation"}, {"privacy", "privacy_violation"},
	{"dfm", "defamation"}, {"defam", "defamation"}, {"spc", "specialized_advice"}, {"misinf", "election_misinformation"}, {"leak", risk.PromptLeak}, {"inject", risk.PromptInjection}}

// harmOf is the category that others' words mean.
func harmOf(list []string) risk.Category {
	for _, s := range list {
		for _, h := range harms {
			if strings.Contains(strings.ToLower(s), h.word) {
				return h.harm
			}
		}
	}
	return risk.Jailbreak
}

// readOwn reads seeds as this program writes them: one JSON object a line.
func readOwn(b []byte) (out []redteam.Seed, err error) {
	err = lines(b, func(line []byte) error {
		var d redteam.Seed
		if err := json.Unmarshal(line, &d); err != nil {
			return err
		}
		out = append(out, d)
		return nil
	})
	return out, err
}

// readList reads one prompt a line.
func readList(b []byte) (out []redteam.Seed, err error) {
	err = lines(b, func(line []byte) error {
		out = append(out, redteam.Seed{Text: string(line)})
		return nil
	})
	return out, err
}

func lines(b []byte, take func([]byte) error) error {
	in := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff"))))
	in.Buffer(nil, maxFile)
	for n := 1; in.Scan(); n++ {
		line := bytes.TrimRight(in.Bytes(), "\r")
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := take(line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return in.Err()
}

// pattern is an effect that is seen when an expression is.
func pattern(expr string) redteam.Effect {
	if _, err := regexp.Compile(expr); err != nil || expr == "" {
		return redteam.Effect{Kind: "harm"}
	}
	return redteam.Effect{Kind: "pattern", Pattern: expr}
}
