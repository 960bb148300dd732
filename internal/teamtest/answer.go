package teamtest

import (
	"regexp"
	"strings"
)

// Leaks lists the secrets of beta that are in an answer to a request that named none of them.
func (h *House) Leaks(answer string) (out []string) {
	for _, s := range h.Secret() {
		if s != "" && strings.Contains(answer, s) {
			out = append(out, s)
		}
	}
	return out
}

// Blank takes the names that were sent out of an answer, so that answers to other names can
// be compared with it.
func (n Names) Blank(answer string) string {
	pairs := make([]string, 0, 32)
	for _, name := range n.All() {
		pairs = append(pairs, name, "*")
	}
	return Steady(strings.NewReplacer(pairs...).Replace(answer))
}

// byChance is what is another each time.
var byChance = regexp.MustCompile(strings.Join([]string{`bzk_[a-z0-9_]+`, `(key|ses|rep|act|glass|hold|consent|lnk|sub)_[a-z0-9]{16,}`, `[0-9a-f]{64}`, `/login/[a-z0-9]+`,
	`\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)`, `"(Took|took)":\d+`, `text in [^.]*[µm]?s\.`}, "|"))

// Steady takes out of an answer what is another each time: ids and tokens that chance made,
// times other than those that are fixed, and how long something took.
func Steady(answer string) string {
	return byChance.ReplaceAllStringFunc(answer, func(s string) string {
		if strings.HasPrefix(s, Moment.Format("2006-01-02T15:")) {
			return s
		}
		return "*"
	})
}
