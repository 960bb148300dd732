package app

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/gateway"
	"github.com/bartizan-ai/bartizan/guard"
)

// shown is the rest of a deployment, of which a page shows a part.
const shown = `version: 1
data: data
providers: {up: {dialect: openai, url: "https://api.example.com/v1", handling: {training: never, retention: none, ceiling: highly_confidential}}}
models: {fast: {try: [up]}}
systems: {bot: {team: t, owner: o, purpose: p, environment: production, models: [fast]}}
`

var codeBlock = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```")

// TestGuardHowto tries what docs/howto/guard.md shows: every configuration is good and
// compiles, and every text that is inspected gives what stands below it.
func TestGuardHowto(t *testing.T) {
	t.Setenv("CONTENT_SAFETY_KEY", "x")
	t.Setenv("REFEREE_KEY", "x")
	page, err := os.ReadFile("../docs/howto/guard.md")
	must(t, err)
	// The days of the page are some that will pass.
	soon := time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	text := regexp.MustCompile(`until: \d{4}-\d{2}-\d{2}`).ReplaceAllString(string(page), `until: "`+soon+`"`)
	var office *guard.Compiled
	configurations, inspected := 0, 0
	for _, block := range codeBlock.FindAllStringSubmatch(text, -1) {
		switch block[1] {
		case "yaml":
			configurations++
			if c := tried(t, block[2])["office"]; c != nil {
				office = c
			}
		case "json":
			lines := strings.Split(strings.TrimSpace(block[2]), "\n")
			for ; len(lines) >= 2; lines = lines[2:] {
				inspected++
				inspectedAs(t, office, lines[0], lines[1])
			}
		}
	}
	if configurations < 5 || inspected < 3 {
		t.Errorf("only %d configurations and %d texts were found", configurations, inspected)
	}
}

// tried completes a part of a file, checks it, and compiles its policies with its stages.
func tried(t *testing.T, part string) map[string]*guard.Compiled {
	t.Helper()
	var whole, piece map[string]any
	must(t, yaml.Unmarshal([]byte(shown), &whole))
	must(t, yaml.Unmarshal([]byte(part), &piece))
	for k, v := range piece {
		if own, ok := whole[k].(map[string]any); ok {
			maps.Copy(own, v.(map[string]any))
			continue
		}
		whole[k] = v
	}
	b, err := yaml.Marshal(whole)
	must(t, err)
	f, err := config.Parse(filepath.Join(t.TempDir(), "bartizan.yaml"), b)
	if err != nil {
		t.Fatalf("%v\n%s", err, part)
	}
	e, err := guard.New(guard.Config{Detectors: Detectors()})
	must(t, err)
	labels, err := f.Classes()
	must(t, err)
	p := &plan{Plan: &gateway.Plan{Labels: labels}}
	must(t, (&App{}).stages(f, p))
	defer p.close()
	out := map[string]*guard.Compiled{}
	for name, policy := range f.Policies {
		out[name], err = e.Compile(name, policy, p.stages...)
		must(t, err)
	}
	return out
}

// inspectedAs holds that an answer has what is shown of it.
func inspectedAs(t *testing.T, c *guard.Compiled, line, want string) {
	t.Helper()
	var out bytes.Buffer
	must(t, (&guard.Inspector{Compiled: c}).Lines(context.Background(), strings.NewReader(line), &out))
	var got, shown map[string]any
	must(t, json.Unmarshal(out.Bytes(), &got))
	must(t, json.Unmarshal([]byte(want), &shown))
	for k, v := range shown {
		if got[k] != v {
			t.Errorf("%s: %s is %v, the page says %v\n%s", line, k, got[k], v, out.Bytes())
		}
	}
}
