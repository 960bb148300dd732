package ledger

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// exported is a ledger with one of each, in which every name tries to break out
// of the format it is written in.
func exported(t *testing.T) Config {
	t.Helper()
	cfg := testConfig(t)
	l := open(t, cfg)
	in := intent("ex_1")
	in.Principal.System = "bot=1|2\\3\nCEF:0|x"
	in.Model = "fast\r\nnew"
	in.Kept = []record.Kept{{Text: "kept canary"}}
	if _, err := l.Begin(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	out := outcome("ex_1")
	out.End, out.Verdict.Decision, out.Cost = "blocked", risk.Block, 1234
	if err := l.Finish(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	if err := l.Act(t.Context(), record.Act{ID: "act_1", Kind: "key|create", Phase: "done", By: "someone@acme.example"}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Begin(t.Context(), intent("ex_2")); err != nil {
		t.Fatal(err)
	}
	shut(t, l)
	shut(t, open(t, cfg)) // ex_2 is interrupted now
	return cfg
}

func exportLines(t *testing.T, cfg Config, format string) []string {
	t.Helper()
	var b bytes.Buffer
	if err := Export(t.Context(), cfg.Dir, format, &b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "canary") {
		t.Errorf("%s holds content", format)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 3 {
		t.Fatalf("%s: %d lines, want 3", format, len(lines))
	}
	return lines
}

// at walks a dotted path through decoded JSON.
func at(t *testing.T, line, path string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(line), &v); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	for _, key := range strings.Split(path, ".") {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func TestExportJSON(t *testing.T) {
	cfg := exported(t)
	for _, c := range []struct {
		format, path string
		want         [3]any // the exchange, the act, the interrupted exchange
	}{
		{"jsonl", "intent.id", [3]any{"ex_1", nil, "ex_2"}},
		{"jsonl", "act.kind", [3]any{nil, "key|create", nil}},
		{"jsonl", "interrupted", [3]any{nil, nil, true}},
		{"jsonl", "place.index", [3]any{0., 1., 2.}},
		{"jsonl", "answered_sha256", [3]any{"03" + strings.Repeat("00", 31), nil, nil}},
		{"ocsf", "class_uid", [3]any{6003., 6003., 6003.}},
		{"ocsf", "type_uid", [3]any{600399., 600399., 600399.}},
		{"ocsf", "severity_id", [3]any{3., 1., 3.}},
		{"ocsf", "status_id", [3]any{2., 1., 2.}},
		{"ocsf", "status_detail", [3]any{"blocked", "done", "interrupted"}},
		{"ocsf", "metadata.uid", [3]any{"ex_1", "act_1", "ex_2"}},
		{"ocsf", "actor.user.uid", [3]any{"key_1", "someone@acme.example", "key_1"}},
		{"ecs", "event.id", [3]any{"ex_1", "act_1", "ex_2"}},
		{"ecs", "event.kind", [3]any{"alert", "event", "event"}},
		{"ecs", "event.outcome", [3]any{"failure", "success", "failure"}},
		{"ecs", "@timestamp", [3]any{"2026-03-04T05:06:07.000Z", nil, "2026-03-04T05:06:07.000Z"}},
		{"jsonl", "outcome.cost_micro", [3]any{1234., nil, nil}},
		{"ocsf", "unmapped.cost_micro", [3]any{1234., nil, nil}},
		{"ecs", "bartizan.cost_micro", [3]any{1234., nil, nil}},
		{"ecs", "bartizan.decision", [3]any{"block", "allow", "flag"}},
	} {
		for i, line := range exportLines(t, cfg, c.format) {
			if got := at(t, line, c.path); got != c.want[i] && !(c.path == "@timestamp" && i == 1 && got != nil) {
				t.Errorf("%s line %d: %s is %v, want %v", c.format, i, c.path, got, c.want[i])
			}
		}
	}
}

// cefLine is the grammar of a line: seven escaped header fields, then pairs whose
// values have no bare equals sign.
var cefLine = regexp.MustCompile(`^CEF:0(\|([^|\\]|\\[|\\])*){6}\|(\w+=([^=\\]|\\[=\\nr])*)+$`)

func TestExportCEF(t *testing.T) {
	lines := exportLines(t, exported(t), "cef")
	for _, line := range lines {
		if !cefLine.MatchString(line) {
			t.Errorf("not CEF: %s", line)
		}
	}
	if !strings.Contains(lines[0], "cn2Label=cost_micro cn2=1234") {
		t.Errorf("the cost is missing: %s", lines[0])
	}
	for i, want := range []string{`cs1=bot\=1|2\\3\nCEF:0|x `, `|key\|create.allow|`, "outcome=interrupted"} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d has no %q: %s", i, want, lines[i])
		}
	}
}

func TestExportWrongUse(t *testing.T) {
	cfg := exported(t)
	if err := Export(t.Context(), cfg.Dir, "xml", &bytes.Buffer{}); err == nil {
		t.Error("an unknown format was written")
	}
	if err := Export(t.Context(), t.TempDir(), "jsonl", &bytes.Buffer{}); err == nil {
		t.Error("an empty folder was exported")
	}
	a, err := OpenArchive(cfg.Dir, cfg.Dir+"/none")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Export(t.Context(), "jsonl", record.Query{}, &bytes.Buffer{}); err == nil {
		t.Error("records were exported without keys")
	}
	if _, err := a.Prove(t.Context(), "ex_1"); err != nil {
		t.Errorf("proving needs no keys: %v", err)
	}
}
