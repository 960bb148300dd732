package redteam

import (
	"context"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/store"
)

// sightings returns what is noticed of a system, and begins to notice.
func (c *Canaries) sightings(w Ward, st *Watched) (*sightings, error) {
	c.looking.RLock()
	s := c.seen[w.System]
	c.looking.RUnlock()
	if s != nil {
		return s, nil
	}
	p, err := c.plan(&w)
	if err != nil {
		return nil, err
	}
	words := map[string]bool{}
	for n := range p.Attempts {
		a := p.Attempt(n)
		words[a.secret()], words[a.mark()] = true, true
	}
	s = newSightings(w.Random, st.Known)
	c.looking.Lock()
	defer c.looking.Unlock()
	c.seen[w.System], c.tokens[w.System], c.most[w.System] = s, words, p.Tokens
	return s, nil
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
		for _, words := range c.tokens {
			if words[w] {
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

// Leaked raises the alarm that a user was told such a word, in an exchange of the gate.
func (c *Canaries) Leaked(ctx context.Context, system, exchange string) error {
	a := Alarm{System: system, Kind: AlarmToken, Series: exchange, At: c.cfg.Now().UTC(), Note: "An answer to a user held a word that only canaries know: a provider has kept what was said to it, or mixes answers up."}
	is := false
	err := c.cfg.Store.Tx(ctx, func(tx *store.Tx) (err error) {
		is, err = raise(ctx, tx, &a)
		return err
	})
	if err == nil && is {
		c.cfg.Alert(a)
	}
	return err
}
