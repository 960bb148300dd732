package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestCanaryPrompts: a configuration is good when its prompts can be used, and what is used is the file that was
// checked: the one beside the configuration, wherever the program was started.
func TestCanaryPrompts(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"empty": 0, "one": 1, "most": maxPrompt, "large": maxPrompt + 1} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("x", size)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"one": "", "most": "", "empty": "must have 1 to 262144 bytes", "large": "must have 1 to 262144 bytes", "none": "cannot be read", ".": "cannot be read", "pipe": "cannot be read"} {
		for _, prompt := range []string{name, filepath.Join(dir, name)} {
			f, err := Parse(filepath.Join(dir, "bartizan.yaml"), []byte(`version: 1
data: data
providers: {up: {dialect: openai, url: "https://api.example.com/v1"}}
models: {fast: {try: [up]}}
systems: {bot: {team: t, owner: o, purpose: p, environment: production, models: [fast], canaries: {allowed_by: ada, reason: r, until: 2199-12-31, prompt: "`+prompt+`"}}}
`))
			if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), "systems.bot.canaries.prompt: the file "+filepath.Join(dir, name)) || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s: %v, want %q", prompt, err, want)
				continue
			}
			if err != nil {
				if _, err := (Canaries{Prompt: filepath.Join(dir, name)}).ReadPrompt(); err == nil {
					t.Errorf("%s is refused when it is checked, and used", name)
				}
				continue
			}
			if got, err := f.Systems["bot"].Canaries.ReadPrompt(); err != nil || got == "" {
				t.Errorf("%s is good when it is checked, and then %v", name, err)
			}
		}
	}
}
