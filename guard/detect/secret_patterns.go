package detect

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"strings"
	"sync"

	"github.com/bartizan-ai/bartizan/guard"
)

// patternFile holds the rules of gitleaks, without those that secret_kinds.go has
// better ones for; LICENSE.gitleaks is theirs.
//
//go:generate sh -c "go run gitleaks_gen.go < $GITLEAKS_TOML > gitleaks.jsonl"
//go:embed gitleaks.jsonl
var patternFile string

// pattern is a rule that needs a regular expression.
type pattern struct {
	ID       string   `json:"id"`
	Keywords []string `json:"keywords"`
	Regex    string   `json:"regex"`
	Group    int      `json:"group"`
	Entropy  float64  `json:"entropy"`
	Allow    []string `json:"allow"`
	Anchored bool     `json:"anchored"`
	Bound    bool     `json:"bound"`
	Max      int      `json:"max"`

	once  sync.Once
	re    *regexp.Regexp
	allow []*regexp.Regexp
}

// patternKinds makes a kind of every keyword of every pattern. Nothing is compiled:
// all of them together cost more than a small program's whole start.
func patternKinds() []secretKind {
	var out []secretKind
	for line := range strings.Lines(patternFile) {
		p := new(pattern)
		// The file is part of the program; a test reads every line of it.
		if json.Unmarshal([]byte(line), p) != nil {
			continue
		}
		rule := strings.ReplaceAll(p.ID, "-", "_")
		for _, k := range p.Keywords {
			out = append(out, secretKind{rule: rule, literal: k, shape: p.match})
		}
	}
	return out
}

// compile builds the expressions when they are needed for the first time.
func (p *pattern) compile() {
	re := p.Regex
	if p.Anchored {
		re = `\A(?:` + re + `)`
	}
	p.re = regexp.MustCompile(re)
	for _, a := range p.Allow {
		p.allow = append(p.allow, regexp.MustCompile(a))
	}
}

// match runs the pattern on the few bytes around a keyword, when something stands
// there that could be a value.
func (p *pattern) match(s string, h guard.Hit, b *purse) (int, int, float64) {
	from, to := h.Start, min(len(s), h.Start+p.Max+8)
	if !p.Anchored {
		from = max(0, h.Start-p.Max)
	}
	if p.Bound && p.Anchored && from > 0 && (alnum[s[from-1]] || s[from-1] == '.') {
		return 0, 0, 0
	}
	if !valued(s[from:to]) || !b.pay(p.cost(to-from)) {
		return 0, 0, 0
	}
	p.once.Do(p.compile)
	m := p.re.FindStringSubmatchIndex(s[from:to])
	if m == nil {
		return 0, 0, 0
	}
	start, end := from+m[0], from+m[1]
	if p.Bound && start > 0 && alnum[s[start-1]] {
		return 0, 0, 0
	}
	for g := max(1, p.Group); 2*g < len(m); g++ {
		if m[2*g] >= 0 {
			start, end = from+m[2*g], from+m[2*g+1]
			break
		}
	}
	v := s[start:end]
	// A value that goes on is another, longer one.
	if end < len(s) && (alnum[s[end]] || word64[s[end]] && alnum[s[end-1]]) || entropy(v) < p.Entropy {
		return 0, 0, 0
	}
	for _, a := range p.allow {
		if a.MatchString(v) {
			return 0, 0, 0
		}
	}
	return start, end, min(.9, genuine(v))
}

// cost is what running the pattern on n bytes takes from the purse: one that may
// match anywhere in them is far slower than one that can only begin at the first.
func (p *pattern) cost(n int) int {
	if p.Anchored {
		return 4 + n/64
	}
	return 8 + n/8
}

// valued reports whether a run of ten bytes or more with a digit among them stands
// in s: prose holds none, and every pattern needs one.
func valued(s string) bool {
	for i := 0; i < len(s); {
		if !opaque[s[i]] {
			i++
			continue
		}
		digit := false
		j := i
		for j < len(s) && (opaque[s[j]] || s[j] == ':') {
			digit = digit || digits[s[j]]
			j++
		}
		if digit && j-i >= 10 {
			return true
		}
		i = j
	}
	return false
}
