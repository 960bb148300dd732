package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// model is a server that says good day, as a gate's own would.
func model(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := "Good day."
		var v struct {
			Model    string
			Messages []struct{ Content string }
		}
		if json.NewDecoder(r.Body).Decode(&v) == nil && (v.Model == "attacker" || v.Model == "judge") {
			text = advice(v.Messages[0].Content)
		}
		said, _ := json.Marshal(text)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"model":"m","choices":[{"finish_reason":"stop","message":{"content":%s}}],"usage":{"prompt_tokens":9,"completion_tokens":3}}`, said)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestRedteamHowto writes every file that docs/howto/redteam.md shows, runs every command in it, in
// its order, and then those of the workflow beside it.
func TestRedteamHowto(t *testing.T) {
	page, err := os.ReadFile("../../docs/howto/redteam.md")
	if err != nil {
		t.Fatal(err)
	}
	workflow, err := os.ReadFile("../../docs/howto/redteam-ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	t.Setenv("REDTEAM_KEY", "test-"+"only")
	there := strings.NewReplacer("https://gate.acme.example:8443", model(t), "https://models.acme.example", model(t), "2026-12-31", time.Now().AddDate(0, 1, 0).Format(time.DateOnly))
	files, commands := 0, 0
	for _, block := range regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		if block[1] == "sh" {
			for _, line := range strings.Split(strings.TrimSpace(block[2]), "\n") {
				commands++
				tried(t, line)
			}
			continue
		}
		head, text, _ := strings.Cut(block[2], "\n")
		name, ok := strings.CutPrefix(head, "# ")
		if !ok {
			t.Errorf("a file has no name: %s", head)
		}
		files++
		if err := os.WriteFile(name, []byte(there.Replace(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if files < 8 || commands < 20 {
		t.Errorf("only %d files and %d commands were found", files, commands)
	}
	inWorkflow(t, workflow)
}

// inWorkflow runs what a workflow runs of ours.
func inWorkflow(t *testing.T, file []byte) {
	t.Helper()
	var v struct {
		Jobs map[string]struct{ Steps []struct{ Run string } }
	}
	if err := yaml.Unmarshal(file, &v); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, step := range v.Jobs["redteam"].Steps {
		for _, line := range strings.Split(strings.TrimSpace(step.Run), "\n") {
			if strings.HasPrefix(line, "bartizan ") {
				n++
				tried(t, line)
			}
		}
	}
	if n < 4 {
		t.Errorf("only %d commands are in the workflow", n)
	}
}

var words = regexp.MustCompile(`"[^"]*"|\S+`)

// tried runs a line as a shell would, KEY being that of the first attempt. Only rescore may end with 1:
// a person has decided otherwise by then.
func tried(t *testing.T, line string) {
	t.Helper()
	line, _, _ = strings.Cut(line, "#")
	var args []string
	for _, w := range words.FindAllString(line, -1) {
		args = append(args, strings.Trim(w, `"`))
	}
	for i := range args {
		if args[i] == "KEY" {
			args[i] = firstKey(t)
		}
	}
	var out, errs bytes.Buffer
	if code := run(args[1:], &streams{strings.NewReader(""), &out, &errs}); args[0] != "bartizan" || code != 0 && (args[2] != "rescore" || code != 1) {
		t.Errorf("%s: exit code %d\n%s%s", line, code, out.String(), errs.String())
	}
}

func firstKey(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("redteam/quick/results.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	var r struct{ Key string }
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatal(err)
	}
	return r.Key
}
