package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/risk"
)

// Remedy is what an attack that got through can be turned into at once: a rule of the operator's,
// and a case for those who improve detectors.
type Remedy struct {
	Rule guard.Rule
	// Case is in the form of guard/detect's case files.
	Case string
	// Stops says whether the rule stops the attempt, as it was sent; Harmless, how many of so
	// many harmless seeds it would stop too.
	Stops    bool
	Harmless int
	Of       int
}

// leastPhrase is how many words a rule has at least: fewer stop what nobody means.
const leastPhrase = 4

// Remedied makes a rule of an attempt: the stretch of the seed that says most and that no harmless
// seed has, tried on the attempt as it was sent and on every harmless seed. It is a stopgap: it
// knows these words and no others.
func Remedied(ctx context.Context, o *redteam.Opened, r *redteam.Result) (*Remedy, error) {
	d := o.Plan.Seed(r.Seed)
	sent, err := redteam.Remade(o.Plan, r)
	if err != nil {
		return nil, err
	}
	if d == nil || len(sent) == 0 {
		return nil, errors.New("the attempt has no words of which a rule could be made")
	}
	lib, err := AttackLibrary(nil)
	if err != nil {
		return nil, err
	}
	var harmless []redteam.Seed
	for _, s := range lib.Seeds {
		if s.Persona == redteam.Benign {
			harmless = append(harmless, s)
		}
	}
	phrase := telling(d, harmless)
	if phrase == "" {
		return nil, fmt.Errorf("nothing in the words of the seed %s tells it from harmless texts; a rule would stop those, too", d.ID)
	}
	m := &Remedy{Rule: guard.Rule{ID: "rt-" + r.Key[:12], Phrase: phrase, On: []string{"input"}, Action: "block", Says: "This was used to attack this system."}, Of: len(harmless)}
	m.Case = fmt.Sprintf("-- %s category=%s --\n%s\n", strings.ReplaceAll(d.ID, "-", "_"), d.Category, strings.TrimSpace(strings.ReplaceAll(d.Text, redteam.Mark, "marigold")))
	return m, m.try(ctx, sent, harmless)
}

// try holds a rule against the attempt and against harmless words.
func (m *Remedy) try(ctx context.Context, sent []redteam.Conversation, harmless []redteam.Seed) error {
	engine, err := guard.New(guard.Config{})
	if err != nil {
		return err
	}
	c, err := engine.Compile("remedy", guard.Policy{Rules: []guard.Rule{m.Rule}})
	if err != nil {
		return err
	}
	stops := func(texts ...string) bool {
		var passages []llm.Passage
		for _, t := range texts {
			passages = append(passages, llm.Passage{Origin: llm.OriginUser, Text: t, Whole: true})
		}
		return c.Judge(ctx, guard.Input, passages).Verdict.Decision >= risk.Hold
	}
	for _, conversation := range sent {
		var texts []string
		for _, t := range conversation.Turns {
			if texts = append(texts, t.Text); t.File != nil {
				texts = append(texts, t.File.Name, t.File.Text)
			}
		}
		for _, t := range conversation.Tools {
			texts = append(texts, t.Description)
		}
		m.Stops = m.Stops || stops(texts...)
	}
	for _, s := range harmless {
		if stops(s.Text) {
			m.Harmless++
		}
	}
	return nil
}

// telling is the longest stretch between two marks of a sentence that no harmless seed has.
func telling(d *redteam.Seed, harmless []redteam.Seed) (best string) {
	for _, part := range strings.FieldsFunc(d.Text, func(r rune) bool { return strings.ContainsRune(".!?:;\n\"“”«»„", r) }) {
		for _, piece := range strings.Split(part, redteam.Mark) {
			piece = strings.Trim(strings.Join(strings.Fields(piece), " "), " ,-*#>`'()[]{}")
			known := slices.ContainsFunc(harmless, func(s redteam.Seed) bool {
				return strings.Contains(strings.ToLower(s.Text), strings.ToLower(piece))
			})
			if words := len(strings.Fields(piece)); !known && (words >= leastPhrase || len([]rune(piece)) > 12 && words == 1) && len(piece) > len(best) && len(piece) <= 200 {
				best = piece
			}
		}
	}
	return best
}
