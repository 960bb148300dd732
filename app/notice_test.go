package app

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/privacy"
)

// TestNoticeIsTheConfiguration: what a notice says changes with the configuration and with
// nothing else; every version that was in force is kept.
func TestNoticeIsTheConfiguration(t *testing.T) {
	path := written(t)
	a := opened(t, path, io.Discard)
	get := func() privacy.Notice {
		t.Helper()
		list, err := a.Desk().Notices(Local(), "bot")
		must(t, err)
		if len(list) != 1 {
			t.Fatalf("%d notices of one system", len(list))
		}
		return list[0]
	}
	first := get()
	if again := get(); again.Version != first.Version || again.Markdown() != first.Markdown() {
		t.Error("the same configuration has two notices")
	}
	if !strings.Contains(first.Markdown(), "The role approver: records of calls, without the words.") {
		t.Errorf("it does not say that approvers see records:\n%s", first.Markdown())
	}
	versions := map[string]string{first.Version: first.Markdown()}
	for name, c := range map[string]struct{ from, to, says string }{
		"purpose":  {"purpose: p", "purpose: Answer letters", "for this purpose: Answer letters"},
		"owner":    {"owner: o", "owner: dpo@acme.example", "Contact: dpo@acme.example"},
		"team":     {"team: t", "team: letters", "by the team letters"},
		"region":   {"training: never", "training: never, region: mars", "region mars"},
		"training": {"training: never, retention: none, ceiling: highly_confidential", "training: allowed, ceiling: public", "do not exclude that they learn"},
		"masking":  {"{office: {", "{office: {mask: {restore: true, entities: [pii.email, {pii.iban: block}]}, ", "email: replaced by a placeholder, and put back"},
		"content":  {"{office: {", "{office: {keep: {records: 90d, content: 7d}, ", "The words: 7d"},
		"tools":    {"purpose: p", "purpose: p, tools: [weather]", "these tools: weather"},
		"label":    {"purpose: p", "purpose: p, max_label: public", "more sensitive than public"},
		"monitor":  {"{office: {", "{office: {mode: monitor, until: \"2999-01-01\", mask: {entities: [pii.email]}, ", "At present nothing is taken out"},
		"except":   {"{office: {", "{office: {mask: {entities: [{pii.iban: {action: block, from: {user: allow}}}]}, ", "iban: a call that holds one is stopped; not where it comes from user"},
		"purposes": {"purpose: p", "purpose: p, purposes: [letters, parcels]", "stands on its record: letters, parcels"},
		"rule":     {"rules: [{", "rules: [{id: owl, phrase: Project Owl, action: mask}, {", "rule owl: what it finds is taken out"},
		"stop":     {"rules: [{", "rules: [{id: owl, phrase: Project Owl, action: block}, {", "rule owl: a call in which it finds something is stopped"},
		"consent":  {"{office: {", "{office: {consent: [human_review], ", "These are: human_review"},
		"sharing":  {"training: never", "sharing: allowed, training: never", "share data with others for their own ends get what is public"},
		"state":    {"{office: {", "{office: {provider_state: allow, ", "may let these providers keep"},
	} {
		good, err := os.ReadFile(path)
		must(t, err)
		change(t, path, c.from, c.to)
		must(t, a.Reload(context.Background()))
		n := get()
		if versions[n.Version] != "" || !strings.Contains(n.Markdown(), c.says) {
			t.Errorf("%s: version %s does not say %q:\n%s", name, n.Version, c.says, n.Markdown())
		}
		versions[n.Version] = n.Markdown()
		must(t, os.WriteFile(path, good, 0o600))
	}
	must(t, a.Reload(context.Background()))
	if back := get(); back.Version != first.Version {
		t.Error("the configuration is as it was, and the notice is not")
	}
	for version, text := range versions {
		if b, err := os.ReadFile(a.dir("notices/bot@" + version + ".md")); err != nil || string(b) != text {
			t.Errorf("version %s is not kept as it was: %v", version, err)
		}
	}
	// What permits add is part of it.
	permits := filepath.Join(filepath.Dir(path), "p.cedar")
	must(t, os.WriteFile(permits, []byte(`permit(principal == System::"bot", action == Action::"admit", resource == Model::"slow"); forbid(principal, action == Action::"restore", resource);`), 0o600))
	change(t, path, "models: {fast: {try: [up]}}", "models: {fast: {try: [up]}, slow: {try: [shady]}}")
	change(t, path, "providers: {", `providers: {shady: {dialect: openai, url: "http://127.0.0.1:2/v1", private: true, handling: {training: allowed, ceiling: public}}, `)
	change(t, path, "{office: {", "{office: {mask: {restore: true, entities: [pii.email]}, ")
	change(t, path, "systems:", "access: {permits: ["+permits+"]}\nsystems:")
	must(t, a.Reload(context.Background()))
	n := get()
	if text := n.Markdown(); !strings.Contains(text, "do not exclude that they learn from what they are sent: shady") || strings.Contains(text, "put back") || !strings.Contains(text, "permits of the operator") {
		t.Errorf("%s", text)
	}
	if _, err := a.Desk().Notices(Local(), "none"); err == nil {
		t.Error("a system that is not declared has a notice")
	}
}
