// Package follow reads answers from their beginning: whether they give away what the system
// was told, and whether they come to an end.
//
// One detector to a file, all of them in [All]. Each is a [guard.Follower]: it knows the request,
// remembers what the answer has said, and has text held that the next words may complete. What is
// found does not depend on how the answer came. Each says in its comment what it catches and what
// it does not, and has cases in testdata that hold it to that. May change.
package follow

import (
	"unicode"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/risk"
)

// All returns every detector of answers.
func All() []guard.Detector { return []guard.Detector{Leak{new(briefs)}, Runaway{}, Obeyed{}} }

// wordEnd reports whether a word could end before s[i:]. Scripts that write words together always
// say so.
func wordEnd(s string, i int) bool {
	r, n := utf8.DecodeRuneInString(s[i:])
	return n == 0 || !inSpacedWord(r)
}

func inSpacedWord(r rune) bool { return r < 0x900 && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

// refs cites an item of OWASP's list and techniques of ATLAS.
func refs(owasp string, atlas ...string) []risk.Ref {
	out := []risk.Ref{{Framework: "OWASP-LLM", Item: owasp}}
	for _, one := range atlas {
		out = append(out, risk.Ref{Framework: "MITRE-ATLAS", Item: one})
	}
	return out
}
