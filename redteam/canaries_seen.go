package redteam

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

// watch is what is kept of a ward in this process, for what every call of a user asks.
type watch struct {
	shape string // what the panel follows from
	*sightings
	tokens map[string]bool // words that only its canaries know
	most   int64           // tokens that a round can use
}

// watched returns what is kept of a ward, and begins to notice what passes. What a round is made of may
// have changed since.
func (c *Canaries) watched(w *Ward, st *Watched) (*watch, error) {
	shape := Digest([]any{w.Attempts, w.MaxTokens, w.Random, w.AnyTool, w.Prompt})
	c.looking.RLock()
	had := c.seen[w.System]
	c.looking.RUnlock()
	if had != nil && had.shape == shape {
		return had, nil
	}
	p, err := c.plan(w, 0)
	if err != nil {
		return nil, err
	}
	now := &watch{shape: shape, tokens: map[string]bool{}, most: p.Tokens}
	for n := range p.Attempts {
		a := p.Attempt(n)
		now.tokens[a.secret()], now.tokens[a.mark()] = true, true
	}
	if now.sightings = newSightings(w.Random, st.Known); had != nil {
		now.sightings = had.sightings
		maps.Copy(now.tokens, had.tokens) // a provider may have kept those
	}
	c.looking.Lock()
	defer c.looking.Unlock()
	c.seen[w.System] = now
	return now, nil
}

// forget keeps nothing more of systems that are no wards any more.
func (c *Canaries) forget(wards []Ward) {
	c.looking.Lock()
	defer c.looking.Unlock()
	maps.DeleteFunc(c.seen, func(system string, _ *watch) bool {
		return !slices.ContainsFunc(wards, func(w Ward) bool { return w.System == system })
	})
}

// Observes reports whether a system is tried, so that what passes is worth a look.
func (c *Canaries) Observes(system string) bool {
	c.looking.RLock()
	defer c.looking.RUnlock()
	return c.seen[system] != nil
}

// Saw takes a user's call: who answered, and the prompt and tools that it brought. Nothing of it is
// kept but hashes.
func (c *Canaries) Saw(system, model, answerer string, request []llm.Passage) {
	c.looking.RLock()
	s := c.seen[system]
	c.looking.RUnlock()
	if s != nil {
		s.saw(model, answerer, request)
	}
}

// Token reports whether a text holds a word that only the canaries of some system know.
func (c *Canaries) Token(text string) bool {
	if strings.Count(text, "-") < 2 {
		return false
	}
	c.looking.RLock()
	defer c.looking.RUnlock()
	for w := range tokensOf(text) {
		for _, one := range c.seen {
			if one.tokens[w] {
				return true
			}
		}
	}
	return false
}

// tokensOf yields what has the shape of a canary: three words with dashes between them.
func tokensOf(text string) func(yield func(string) bool) {
	word := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-'
	}
	return func(yield func(string) bool) {
		for piece := range strings.FieldsFuncSeq(text, func(r rune) bool { return !word(r) }) {
			parts := strings.Split(strings.ToLower(piece), "-")
			for i := 0; i+2 < len(parts); i++ {
				if !yield(parts[i] + "-" + parts[i+1] + "-" + parts[i+2]) {
					return
				}
			}
		}
	}
}

// Said reports whether a request holds such a word: who quotes one is told nothing by an answer that has it.
func (c *Canaries) Said(request []llm.Passage) bool {
	return slices.ContainsFunc(request, func(p llm.Passage) bool { return c.Token(p.Text) })
}

// Leaked raises the alarm that a user was told such a word, in an exchange of the gate. While one is
// open another tells nothing new.
func (c *Canaries) Leaked(ctx context.Context, system, exchange string) error {
	return c.alarm(ctx, Alarm{System: system, Kind: AlarmToken, Series: exchange, At: c.cfg.Now().UTC(), Note: "An answer to a user held a word that only canaries know: a provider has kept what was said to it, or mixes answers up."})
}
