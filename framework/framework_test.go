package framework_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/framework"
)

// TestLists: every item has an id of its framework's form, once, and a title; sub-techniques are
// called after their technique.
func TestLists(t *testing.T) {
	forms := []string{`^LLM(0[1-9]|10):2026$`, `^ASI(0[1-9]|10):2026$`, `^AML\.T[0-9]{4}(\.[0-9]{3})?$`}
	seen := map[string]bool{}
	for i, l := range framework.Lists() {
		if n := []int{10, 10, 170}[i]; len(l.Items) != n || l.Name == "" || !strings.Contains(l.Source, strings.Fields(l.Name)[0]) {
			t.Errorf("%s has %d items, %q", l.Name, len(l.Items), l.Source)
		}
		for _, one := range l.Items {
			if !regexp.MustCompile(forms[i]).MatchString(one.ID) || one.Title == "" || strings.TrimSpace(one.Title) != one.Title || seen[one.ID] || framework.Title(one.ID) != one.Title {
				t.Errorf("%s: %+v", l.Name, one)
			}
			seen[one.ID] = true
			if n := strings.LastIndex(one.ID, "."); i == 2 && n > 4 && !strings.HasPrefix(one.Title, framework.Title(one.ID[:n])+": ") {
				t.Errorf("%s is called %q", one.ID, one.Title)
			}
		}
	}
	if framework.Title("LLM01:2026") != "Prompt Injection" || framework.Title("ASI01:2026") != "Agent Goal Hijack" || framework.Title("LLM01:2025") != "" {
		t.Error("titles")
	}
}
