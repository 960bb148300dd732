package guard_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/bartizan-ai/bartizan/guard"
)

const policyYAML = `
mode: monitor
until: 2026-12-31
block_as: answer
on_error: {input: flag, output: hold}
unreadable: {image: allow, audio: block}
thresholds:
  attack: {user: {flag: 0.5, block: 0.95}, system: off}
  jailbreak: {user: {block: 0.99}, tool: {observe: 0.1, flag: 0.3, excise: 0.5, block: 0.9}}
allow:
  - {id: mail, phrase: "ignore the previous email", reason: "HR template 12", until: 2020-03-31, origins: [tool], categories: [indirect_injection], detectors: [injection/override]}
second: {stage: shields, from: 0.2, to: 0.8, origins: [tool], deadline: 500ms, per_minute: 10, on_error: keep}
rules:
  - {id: nightjar, phrase: "Project Nightjar", on: [input, output], action: block, says: "Not here."}
  - {id: ticket, pattern: 'TCK-\d{6}', on: [output], action: mask}
secrets: {input: flag, output: mask}
mask: {entities: [pii.email, {pii.iban: block}], restore: true}
sanitise: {hidden: false}
output: {hold: prefix}
keep: {records: 30d, content: masked}
`

func parse(t testing.TB, text string) (guard.Policy, error) {
	t.Helper()
	var p guard.Policy
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	return p, d.Decode(&p)
}

func TestPolicyRoundTrip(t *testing.T) {
	p, err := parse(t, policyYAML)
	if err != nil {
		t.Fatal(err)
	}
	if faults := p.Validate(); len(faults) > 0 {
		t.Fatal(faults)
	}
	if !p.Thresholds["attack"]["system"].Off || p.Thresholds["attack"]["user"].Block != .95 || p.Mask.Entities[1].Action != "block" || *p.Sanitise.Hidden {
		t.Errorf("read as %+v", p)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back guard.Policy
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(p, back) {
		t.Errorf("JSON changed the policy:\n%+v\n%+v", p, back)
	}
	one, _ := p.Digest()
	two, _ := back.Digest()
	if one != two || len(one) != 12 {
		t.Errorf("digests %q and %q", one, two)
	}
	p.Rules[0].Action = "flag"
	if three, _ := p.Digest(); three == one {
		t.Error("another policy has the same digest")
	}
}

func TestPolicyFaults(t *testing.T) {
	for _, c := range []struct{ yaml, path string }{
		{"thresholds: {attack: {user: {excise: 0.5}}}", "thresholds.attack.user.excise"},
		{"thresholds: {attack: {tool: {excise: 0.5, block: 0.5}}}", "thresholds.attack.tool.excise"},
		{"thresholds: {attack: {tool: {excise: 0.5, hold: 0.4}}}", "thresholds.attack.tool.excise"},
		{"thresholds: {attack: {tool: {observe: 1.5}}}", "thresholds.attack.tool"},
		{"allow: [{id: '', phrase: some words, reason: x, until: 2020-01-01}]", "allow[0].id"},
		{"allow: [{id: a, phrase: some words, reason: ' ', until: 2020-01-01}]", "allow[0].reason"},
		{"allow: [{id: a, phrase: some words, reason: x}]", "allow[0].until"},
		{"allow: [{id: a, phrase: some words, reason: x, until: soon}]", "allow[0].until"},
		{"allow: [{id: a, phrase: some words, reason: x, until: 2999-01-01}]", "allow[0].until"},
		{"allow: [{id: a, reason: x, until: 2020-01-01}]", "allow[0]"},
		{"allow: [{id: a, phrase: some words, pattern: b, reason: x, until: 2020-01-01}]", "allow[0]"},
		{"allow: [{id: a, phrase: ' a ', reason: x, until: 2020-01-01}]", "allow[0].phrase"},
		{"allow: [{id: a, sha256: abc, reason: x, until: 2020-01-01}]", "allow[0].sha256"},
		{"allow: [{id: a, pattern: '(', reason: x, until: 2020-01-01}]", "allow[0].pattern"},
		{"allow: [{id: a, pattern: 'x*', reason: x, until: 2020-01-01}]", "allow[0].pattern"},
		{"allow: [{id: a, pattern: 'ignore.*mail', reason: x, until: 2020-01-01}]", "allow[0].pattern"},
		{"allow: [{id: a, pattern: 'ignore( ?[a-z]+){1,40} mail', reason: x, until: 2020-01-01}]", "allow[0].pattern"},
		{"allow: [{id: a, phrase: some words, reason: x, until: 2020-01-01, origins: [mars]}]", "allow[0].origins"},
		{"allow: [{id: a, phrase: some words, reason: x, until: 2020-01-01, categories: [mars]}]", "allow[0].categories"},
		{"allow: [{id: a, phrase: some words, reason: x, until: 2020-01-01, detectors: [rule/a]}]", "allow[0].detectors"},
		{"second: {from: 0.3}", "second.stage"},
		{"second: {stage: s, from: 0.9, to: 0.3}", "second"},
		{"second: {stage: s, origins: [mars]}", "second.origins"},
		{"second: {stage: s, deadline: soon}", "second.deadline"},
		{"second: {stage: s, deadline: 31s}", "second.deadline"},
		{"second: {stage: s, per_minute: -1}", "second.per_minute"},
		{"second: {stage: s, on_error: allow}", "second.on_error"},
		{"mode: loud", "mode"},
		{"mode: monitor", "until"},
		{"until: 2026-01-01", "until"},
		{"mode: monitor\nuntil: soon", "until"},
		{"block_as: shout", "block_as"},
		{"on_error: {input: explode}", "on_error.input"},
		{"unreadable: {smell: block}", "unreadable"},
		{"unreadable: {image: mask}", "unreadable.image"},
		{"thresholds: {attack: {visitor: {block: 0.5}}}", "thresholds.attack.visitor"},
		{"thresholds: {attack: {user: {block: 1.5}}}", "thresholds.attack.user"},
		{"thresholds: {mood: {user: {block: 0.5}}}", "thresholds.mood"},
		{"rules: [{id: a, phrase: x, pattern: y, action: block}]", "rules[0]"},
		{"rules: [{id: a, phrase: '  ', action: block}]", "rules[0].phrase"},
		{"rules: [{id: a, pattern: '(', action: block}]", "rules[0].pattern"},
		{"rules: [{id: a, pattern: 'x*', action: block}]", "rules[0].pattern"},
		{"rules: [{id: a, phrase: x}]", "rules[0].action"},
		{"rules: [{id: a, phrase: x, action: block}, {id: a, phrase: y, action: block}]", "rules[1].id"},
		{"rules: [{id: a, phrase: x, action: block, on: [sideways]}]", "rules[0].on"},
		{"mask: {entities: [email]}", "mask.entities[0]"},
		{"output: {hold: letter}", "output.hold"},
		{"keep: {records: forever}", "keep.records"},
		{"keep: {content: some}", "keep.content"},
	} {
		p, err := parse(t, c.yaml)
		if err != nil {
			t.Errorf("%s: %v", c.yaml, err)
			continue
		}
		found := false
		for _, err := range p.Validate() {
			var f *guard.Fault
			found = found || errors.As(err, &f) && f.Path == c.path
		}
		if !found {
			t.Errorf("%s: no fault at %s, but %v", c.yaml, c.path, p.Validate())
		}
	}
	for _, bad := range []string{"thresholds: {attack: {user: on-ish}}", "thresholds: {attack: {user: {blok: 1}}}", "mask: {entities: [{a: b, c: d}]}", "surprise: 1"} {
		if _, err := parse(t, bad); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
	if faults := guard.Standard().Validate(); len(faults) > 0 {
		t.Errorf("the standard policy is at fault: %v", faults)
	}
}

func FuzzPolicyJSON(f *testing.F) {
	f.Add([]byte(`{"thresholds":{"attack":{"user":"off"}},"mask":{"entities":["pii.email"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var p guard.Policy
		if json.Unmarshal(data, &p) != nil || len(p.Validate()) > 0 {
			return
		}
		if _, err := p.Digest(); err != nil {
			t.Fatal(err)
		}
	})
}
