// Package detect tells attacks, hidden text, credentials and dangerous markup
// apart from ordinary text: one detector to a file, all of them in [All].
//
// Every detector is deterministic, needs no model and reads a kilobyte in
// microseconds. Each says in its comment what it catches and what it does not,
// and has cases in testdata that hold it to that. May change.
package detect

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
	"github.com/bartizan-ai/bartizan/text"
)

// All returns every detector, in the order they run.
func All() []guard.Detector { return append(Rules(), newModel(), newConversation()) }

// Rules returns those that nothing was learnt for: what training starts from.
func Rules() []guard.Detector {
	return []guard.Detector{
		newOverride(),
		newPromptLeak(),
		newForgedRole(),
		newAddressed(),
		newToolOrder(),
		newToolInvoked(),
		newJailbreak(),
		newSuffix(),
		newHiddenText(),
		newEncodedPayload(),
		newExfiltrationLink(),
		newUnsafeMarkup(),
		newResourceAbuse(),
		ToolStorm{},
		newSecret(),
		newUnsafeCode(),
	}
}

// faint is the probability below which nothing is reported at all. It lies below
// any sensible line, so that scores rank texts that policy lets pass.
const faint = .1

// attack returns the category of an instruction that stands where origin says:
// in what a user wrote it is an injection, in data an indirect one.
func attack(o llm.Origin) risk.Category {
	if o == llm.OriginUser || o == llm.OriginDeveloper || o == llm.OriginSystem || o == llm.OriginModel {
		return risk.PromptInjection
	}
	return risk.IndirectInjection
}

// isData reports whether nobody who may give orders wrote the passage.
func isData(o llm.Origin) bool {
	switch o {
	case llm.OriginUnknown, llm.OriginRetrieved, llm.OriginTool, llm.OriginFile, llm.OriginToolSpec:
		return true
	}
	return false
}

func ref(framework string, items ...string) []risk.Ref {
	refs := make([]risk.Ref, len(items))
	for i, item := range items {
		refs[i] = risk.Ref{Framework: framework, Item: item}
	}
	return refs
}

// refs joins the OWASP item and the ATLAS techniques of a detector.
func refs(owasp string, atlas ...string) []risk.Ref {
	return append(ref("OWASP-LLM", owasp), ref("MITRE-ATLAS", atlas...)...)
}

// wordStart reports whether a word could begin at s[i]: a literal that is the
// tail of a longer word is not that word. Scripts that write words together, or
// put particles before them, have no such tails.
func wordStart(s string, i int) bool {
	if i == 0 || i >= len(s) || s[i] >= 0xE0 || 0xD7 <= s[i] && s[i] <= 0xDB {
		return true
	}
	r, _ := utf8.DecodeLastRuneInString(s[:i])
	return !spacedLetter(r)
}

// wordEnd reports whether a word could end before s[i].
func wordEnd(s string, i int) bool {
	if i >= len(s) {
		return true
	}
	r, _ := utf8.DecodeRuneInString(s[i:])
	return !spacedLetter(r)
}

// spacedLetter reports letters of scripts that put blanks between words.
func spacedLetter(r rune) bool {
	return r == '_' || r < 0x900 && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// near returns s around [start,end), n bytes on each side, in lower case.
func near(s string, start, end, n int) string {
	return text.Fold(s[max(0, start-n):min(len(s), end+n)])
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
