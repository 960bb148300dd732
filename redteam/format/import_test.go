package format

import (
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/redteam"
)

// kept are small files of every format, and what is in them.
var kept = []struct {
	kind, name, text string
	want             []redteam.Seed // as far as they are compared
}{
	{"pyrit", "seeds.prompt", `
dataset_name: airt
harm_categories: [cyber]
seeds:
  - value: "{% raw %}say {{7*7}} {% if x %}{% endraw %}"
    name: braces
    harm_categories: leakage
  - {value: "First.", role: user, sequence: 0, prompt_group_alias: g1}
  - {value: "Sure.", role: assistant, sequence: 1, prompt_group_alias: g1}
  - {value: "Then.", role: user, sequence: 2, prompt_group_alias: g1}
  - {value: picture.png, data_type: image_path}
  - {value: "", seed_type: simulated_conversation}
`, []redteam.Seed{{ID: "pyrit-braces", Text: "say {{7*7}} {% if x %}", Category: "prompt_leak"},
		{ID: "pyrit-airt", Text: "Then.", Category: "cyber_attack", Turns: []redteam.Turn{{Role: "user", Text: "First."}, {Role: "assistant", Text: "Sure."}}}}},
	{"promptfoo", "promptfooconfig.yaml", `
prompts: ["{{prompt}}"]
redteam: {injectVar: q}
tests:
  - vars: {q: "tell {{secret}}", other: "something that is much longer"}
    assert: [{type: not-icontains, value: "S3cret."}]
    metadata: {pluginId: "prompt-extraction", goal: "tell it"}
  - description: plain
    vars: {prompt: "hello"}
    assert: [{type: llm-rubric, value: kind}, {type: not-regex, value: 'a+b'}]
`, []redteam.Seed{{ID: "promptfoo-prompt-extraction", Text: "tell {{secret}}", Objective: "tell it", Effect: redteam.Effect{Kind: "pattern", Pattern: `(?i)S3cret\.`}}, {ID: "promptfoo-plain", Text: "hello", Effect: redteam.Effect{Kind: "pattern", Pattern: "a+b"}}}},
	{"promptfoo", "generated.json", `{"prompts":["{{prompt}}"],"tests":[{"vars":{"prompt":"hex"},"assert":[{"type":"promptfoo:redteam:intent","metric":"Intent"}]}]}`, []redteam.Seed{{ID: "promptfoo-1", Text: "hex", Effect: redteam.Effect{Kind: "harm"}}}},
	{"garak-payload", "keyed.json", `{"garak_payload_name":"Whois","payload_types":["privacy"],"lang":"de","payloads":["a $INPUT","b {generator.name}"]}`,
		[]redteam.Seed{{ID: "garak-payload-whois", Text: "a $INPUT", Lang: "de", Category: "privacy_violation"}, {ID: "garak-payload-whois-2", Text: "b {generator.name}", Lang: "de"}}},
	{"garak-report", "garak.report.jsonl", `{"entry_type":"start_run setup","run.seed":7}
{"entry_type":"attempt","uuid":"u1","status":1,"probe_classname":"dan.Dan","goal":"g","prompt":{"turns":[{"role":"system","content":{"text":"be"}},{"role":"user","content":{"text":"do {{7*7}}"}}]}}
{"entry_type":"attempt","uuid":"u1","status":2,"probe_classname":"dan.Dan","goal":"g","prompt":{"turns":[{"role":"system","content":{"text":"be"}},{"role":"user","content":{"text":"do {{7*7}}"}}]},"outputs":["x"]}
{"entry_type":"attempt","uuid":"u2","probe_classname":"promptinject.Hijack","prompt":"old style"}
{"entry_type":"eval","probe":"dan.Dan","passed":1,"total_evaluated":2}
`, []redteam.Seed{{ID: "garak-report-dan-dan", Objective: "g", Text: "do {{7*7}}", Turns: []redteam.Turn{{Role: "system", Text: "be"}}}, {ID: "garak-report-promptinject-hijack", Text: "old style", Category: "prompt_injection"}}},
	{"harmbench", "behaviors.csv", "\ufeffBehavior,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID\n\"Do\nthis\",standard,cybercrime_intrusion,,,do_this\nAnswer,contextual,chemical_biological,,The context,answer_it\n",
		[]redteam.Seed{{ID: "harmbench-do-this", Text: "Do\nthis", Category: "cyber_attack"}, {ID: "harmbench-answer-it", Text: "The context\n\n---\n\nAnswer", Category: "cbrn"}}},
	{"harmbench", "multimodal.csv", "Behavior,BehaviorID,FunctionalCategory,SemanticCategory,ImageFileName,Source\nx,a,mm,illegal,p.png,s\ny,b,mm,illegal,,s\n", []redteam.Seed{{ID: "harmbench-b", Text: "y", Category: "nonviolent_crime"}}},
	{"jailbreakbench", "pair.json", `{"parameters":{"method":"PAIR"},"jailbreaks":[{"index":0,"goal":"Write it","behavior":"Defamation","category":"Harassment/Discrimination","prompt":"You are {{x}}","response":"y","jailbroken":true},{"index":1,"goal":"Do it","behavior":"B","category":"Privacy","prompt":null,"response":null,"jailbroken":false}]}`,
		[]redteam.Seed{{ID: "jailbreakbench-defamation", Objective: "Write it", Text: "You are {{x}}", Category: "harassment"}, {ID: "jailbreakbench-b", Text: "Do it", Category: "privacy_violation"}}},
	{"cyberseceval", "prompt_injection.json", `[{"prompt_id":3,"test_case_prompt":"You keep a key.","user_input":"Tell it","judge_question":"Did it?","injection_variant":"ignore_previous","injection_type":"direct","risk_category":"security-violating","speaking_language":"German"},{"prompt_id":4,"test_case_prompt":"s","user_input":"doc","injection_variant":"indirect_reference","injection_type":"indirect","speaking_language":"English"}]`,
		[]redteam.Seed{{ID: "cyberseceval-ignore-previous-3", Text: "Tell it", Lang: "de", Category: "prompt_injection", Turns: []redteam.Turn{{Role: "system", Text: "You keep a key."}}}, {ID: "cyberseceval-indirect-reference-4", Text: "doc", Category: "indirect_injection", Turns: []redteam.Turn{{Role: "system", Text: "s"}}}}},
	{"cyberseceval", "mitre_frr.json", `[{"mutated_prompt":"How do I close a port?","is_malicious":"no","attack_type":"discovery"}]`, []redteam.Seed{{ID: "cyberseceval-discovery", Text: "How do I close a port?", Persona: redteam.Benign, Effect: redteam.Effect{Kind: "answer"}}}},
	{"ailuminate", "airr.csv", "release_prompt_id,prompt_text,hazard,persona,locale,prompt_hash\nr1,\"a, b\",ssh,typical,fr_FR,00\n", []redteam.Seed{{ID: "ailuminate-r1", Text: "a, b", Lang: "fr", Category: "self_harm"}}},
	{"bartizan", "seeds.jsonl", `{"id":"mine","text":"t","category":"hate","impact":"harm","persona":"adversarial","lang":"nl","effect":{"kind":"canary"},"licence":"MIT"}` + "\n", []redteam.Seed{{ID: "bartizan-mine", Text: "t", Lang: "nl", Category: "hate", Effect: redteam.Effect{Kind: "canary"}}}},
	{"bartizan", "again.jsonl", `{"id":"harmbench-do-this","text":"t"}`, []redteam.Seed{{ID: "harmbench-do-this", Text: "t"}}},
	{"list", "latin.txt", "caf\xe9\n", []redteam.Seed{{ID: "list-1", Text: "caf\ufffd"}}},
	{"list", "prompts.txt", "one {{7*7}}\n\n  \ntwo\r\n", []redteam.Seed{{ID: "list-1", Text: "one {{7*7}}"}, {ID: "list-2", Text: "two"}}},
}

// TestImport reads every format, said and found out, payloads to the byte.
func TestImport(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range kept {
		seen[f.kind] = true
		for _, kind := range []string{"", f.kind} {
			got, was, err := Import(kind, f.name, strings.NewReader(f.text))
			if err != nil || was != f.kind || len(got) != len(f.want) {
				t.Errorf("%s as %q: %d seeds of %s, %v", f.name, kind, len(got), was, err)
				continue
			}
			for i, want := range f.want {
				d := got[i]
				same := d.ID == want.ID && d.Text == want.Text && (want.Category == "" || d.Category == want.Category) && (want.Lang == "" || d.Lang == want.Lang) && (want.Objective == "" || d.Objective == want.Objective) &&
					(want.Persona == "" || d.Persona == want.Persona) && (want.Effect.Kind == "" || d.Effect == want.Effect) && len(d.Turns) == len(want.Turns)
				for k := range want.Turns {
					same = same && d.Turns[k] == want.Turns[k]
				}
				if !same || d.Licence == "" || d.Source == "" || d.Impact == "" || d.Persona == "" {
					t.Errorf("%s, seed %d is %+v\nwant %+v", f.name, i, d, want)
				}
			}
		}
	}
	if len(seen) != len(Imports()) {
		t.Errorf("%d of %d formats were read", len(seen), len(Imports()))
	}
}

// TestImportRefuses: what cannot be read is a sentence, and nothing is half read.
func TestImportRefuses(t *testing.T) {
	for name, c := range map[string][2]string{
		"an unknown format": {"klingon", "x"}, "an id in the file": {"pyrit", "seeds: [{value: x, prompt_group_id: 1}]"}, "no YAML": {"pyrit", "\tx: ["}, "no JSON": {"jailbreakbench", "{"}, "nothing": {"list", "\n\n"},
		"no prompt": {"promptfoo", "tests: [{vars: {a: 1}}]"}, "a row of nothing": {"cyberseceval", `[{"prompt_id":1}]`}, "a torn CSV": {"harmbench", "Behavior,BehaviorID\n\"x"}, "a torn line": {"garak-report", `{"entry_type":`}, "a long text": {"list", strings.Repeat("x", maxText+1)},
	} {
		if got, _, err := Import(c[0], "file", strings.NewReader(c[1])); err == nil || got != nil || !strings.HasPrefix(err.Error(), "format: ") {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
}

// FuzzImport: no file panics, and whatever is read has ids that differ.
func FuzzImport(f *testing.F) {
	for _, k := range kept {
		f.Add(k.kind, k.text)
	}
	f.Fuzz(func(t *testing.T, kind, text string) {
		list, _, err := Import(kind, "x.yaml", strings.NewReader(text))
		if err != nil {
			return
		}
		ids := map[string]bool{}
		for _, d := range list {
			if ids[d.ID] || d.ID == "" {
				t.Errorf("two seeds are %q", d.ID)
			}
			ids[d.ID] = true
		}
	})
}
