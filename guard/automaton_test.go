package guard

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// naive finds the same as an automaton, one literal after the other.
func naive(lits []string, s string) map[[2]int]int {
	found := map[[2]int]int{}
	low := strings.ToLower(s)
	for _, l := range lits {
		for start := range low {
			i := start
			ok := true
			for j := 0; j < len(l) && ok; j++ {
				if l[j] == ' ' {
					from := i
					for i < len(low) && blank(low[i]) {
						i++
					}
					// A run is one blank: it must not have begun before.
					ok = i > from && !(j == 0 && start > 0 && blank(low[start-1]))
					continue
				}
				if ok = i < len(low) && low[i] == l[j]; ok {
					i++
				}
			}
			if ok {
				found[[2]int{start, i}]++
			}
		}
	}
	return found
}

func check(t *testing.T, lits []string, s string) {
	t.Helper()
	var b builder
	for i, l := range lits {
		if err := b.add(l, 0, i); err != nil {
			t.Fatal(err)
		}
	}
	a := b.automaton()
	_, got := a.scan(s, 0, nil)
	want := naive(lits, s)
	seen := map[[2]int]int{}
	for _, m := range got {
		seen[[2]int{a.start(s, a.lits[m.lit].text, m.end), m.end}]++
	}
	for at, n := range want {
		if seen[at] != n {
			t.Errorf("%q in %q: %d matches at %v, want %d", lits, s, seen[at], at, n)
		}
	}
	for at, n := range seen {
		if want[at] != n {
			t.Errorf("%q in %q: %d matches at %v, want %d", lits, s, n, at, want[at])
		}
	}
	// Resumed at any byte it finds the same.
	for cut := range s {
		state, first := a.scan(s[:cut], 0, nil)
		_, second := a.scan(s[cut:], state, nil)
		if len(first)+len(second) != len(got) {
			t.Errorf("%q in %q cut at %d: %d matches, want %d", lits, s, cut, len(first)+len(second), len(got))
		}
	}
}

func TestAutomaton(t *testing.T) {
	check(t, []string{"he", "she", "his", "hers"}, "ushers and HIS she")
	check(t, []string{"ignore all", "all rules", "rules"}, "Ignore   ALL\n rules all rules")
	check(t, []string{"aa", "aaa"}, "aaaaa")
	check(t, []string{"日本", "本語"}, "日本語日本")
	check(t, []string{"a b a b", "b a"}, "a b  a\tb a b")
}

func FuzzAutomaton(f *testing.F) {
	f.Add("he|she|a b", "she said he a  b")
	f.Fuzz(func(t *testing.T, list, s string) {
		if len(list) > 200 || len(s) > 300 || !isASCII(list) || !isASCII(s) {
			return
		}
		var lits []string
		for _, l := range strings.Split(list, "|") {
			l = strings.ToLower(strings.Join(strings.Fields(l), " "))
			if l != "" && !slices.Contains(lits, l) {
				lits = append(lits, l)
			}
		}
		if len(lits) > 0 {
			check(t, lits, s)
		}
	})
}

func TestRequired(t *testing.T) {
	for pattern, want := range map[string]string{`TCK-\d{6}`: "TCK-", `(?i)secret\s+code`: "secret", `\d+`: "", `a|b`: "", `(abc)+x`: "abc", `ab`: ""} {
		got := required(pattern)
		if !strings.EqualFold(got, want) {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
}

// TestAutomatonIsBounded: more literals than the table can number are an error, and
// just as many are not.
func TestAutomatonIsBounded(t *testing.T) {
	var b builder
	n := 0
	for ; ; n++ {
		if err := b.add(fmt.Sprintf("%032d", n), 0, n); err != nil {
			break
		}
	}
	if got := len(b.trie.nodes); n < (maxStates-1)/32 || got != maxStates {
		t.Fatalf("%d literals in %d states were taken", n, got)
	}
	a := b.automaton()
	last := fmt.Sprintf("%032d", n-1)
	if _, found := a.scan("x"+last+"x", 0, nil); len(found) != 1 || a.lits[found[0].lit].text != last {
		t.Fatalf("the last literal was not found: %v", found)
	}
}
