package detect

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Secret finds credentials.
//
// Catches: some two hundred kinds of key, token, key block and address with a
// password, each by its own prefix and shape; values behind the name of a service
// or behind a name such as password, token or API key, where they are random enough.
// Does not catch: bare passwords in prose, secrets without a prefix or a name
// beside them, those split over several strings. Placeholders, hashes, public
// keys and values made of words are left alone on purpose.
// Example: a personal access token in a shell command.
type Secret struct{ member }

func newSecret() *Secret {
	m := member{id: "secret@2"}
	seen := map[string]bool{}
	for _, k := range allKinds() {
		if !seen[k.rule] {
			seen[k.rule] = true
			m.finds = append(m.finds, risk.Category("secret."+k.rule))
		}
		m.literals = append(m.literals, k.literal)
	}
	return &Secret{m}
}

// allKinds are the kinds in order of how much they know: exact shapes, patterns,
// values behind a service's name, values behind a name.
var allKinds = sync.OnceValue(func() []secretKind {
	return slices.Concat(secretKinds, patternKinds(), vendorKinds(), namedKinds())
})

// errDense means that a text holds more places that must be looked into than can be
// in linear time: what is behind the rest is not known, so the check has failed.
var errDense = errors.New("detect: too many places to look into in one text")

// Look reads passages without an engine.
func (d *Secret) Look(ctx context.Context, p []llm.Passage) ([]risk.Finding, error) {
	return guard.Read(ctx, d, p)
}

// Read reads the views one by one.
func (d *Secret) Read(ctx context.Context, views []guard.View) ([]risk.Finding, error) {
	var found []risk.Finding
	for i := range views {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		v := &views[i]
		// Guesses at words, in which no value is whole.
		if len(v.Hits) == 0 || v.Via == "leet" || v.Via == "rot13" || v.Via == "reverse" {
			continue
		}
		all, err := secretsIn(v)
		for _, c := range all {
			found = append(found, c.finding(v))
		}
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

// secret is a place where a kind matched.
type secret struct {
	kind, start, end int
	p                float64
}

func (c secret) finding(v *guard.View) risk.Finding {
	// A model that shows what a key looks like gives none away.
	if c.p == doubtful && v.Origin == llm.OriginModel {
		c.p = .4
	}
	f := v.Finding(risk.Category("secret."+allKinds()[c.kind].rule), c.start, c.end, c.p)
	f.Severity, f.Impact, f.Refs = risk.Critical, risk.Confidentiality, refs("LLM02:2026", "AML.T0055")
	return f
}

// purse is what may be spent on one text. Shapes that cost more than a glance pay
// for it, so that a text full of names stays as cheap as any of its length.
type purse struct{ left int }

// pay reports whether there was enough left.
func (p *purse) pay(n int) bool {
	p.left -= n
	return p.left >= 0
}

// A value weighed costs about a microsecond; a text may hold one every 32 bytes, as
// files full of settings do, and each is weighed at most a few times.
const (
	purseLeast = 16 << 10
	purseBytes = 8
)

// secretsIn checks the shape at every literal that was seen. A place found by one
// kind is not found again by one that knows less.
func secretsIn(v *guard.View) ([]secret, error) {
	kinds := allKinds()
	budget := purse{left: purseLeast + len(v.Text)/purseBytes}
	var all []secret
	for _, h := range v.Hits {
		start, end, p := kinds[h.Literal].match(v.Text, h, &budget)
		if p > 0 {
			all = append(all, secret{h.Literal, start, end, p})
		}
		if budget.left < 0 {
			return apart(all), errDense
		}
	}
	if all = apart(all); v.Decoded() && len(all) > 1 {
		all = all[:1] // all of them lie in one wrapper
	}
	return all, nil
}

// apart drops what overlaps: of two, the kind that knows more stays, then the
// longer one.
func apart(all []secret) []secret {
	slices.SortStableFunc(all, func(a, b secret) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	out := all[:0]
	for _, c := range all {
		n := len(out)
		switch {
		case n == 0 || c.start >= out[n-1].end:
			out = append(out, c)
		case rank(c) < rank(out[n-1]):
			out[n-1] = c
		}
	}
	return out
}

// rank orders kinds: what is sure comes before what is likely.
func rank(c secret) int {
	if c.p < .5 {
		return c.kind + 1<<20
	}
	return c.kind
}
