package detect

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Conversation looks at all that a request holds of a conversation, for what no message
// shows by itself. It comes after the detectors that judge messages, and counts what they
// found.
//
// Catches: many examples, written into a message or as a history, of an assistant that helps
// with harm; requests that grow, turn by turn, from a subject to the way to do it; a refused
// request that comes back in other clothes, three times and more; an order cut into pieces,
// over turns or in one message, with a word to put them together.
// Does not catch: growth and rephrasing in words it does not know; pieces that are put
// together by a rule it cannot follow. What it counts are words, so a chemist who asks as
// an attacker would, looks like one.
// Example: a refused question asked again "for a novel", "hypothetically" and "as a poem".
type Conversation struct{ member }

func newConversation() *Conversation {
	m := member{id: "conversation@1", finds: []risk.Category{risk.Jailbreak, risk.PromptInjection}}
	for _, w := range spokenWords {
		m.literals = append(m.literals, w.text)
	}
	return &Conversation{m}
}

// Always says that what others found is kept where no word of its own occurs.
func (c *Conversation) Always() bool { return true }

// Look reads passages without an engine.
func (c *Conversation) Look(ctx context.Context, p []llm.Passage) ([]risk.Finding, error) {
	return guard.Read(ctx, c, p)
}

// Read reads the views alone.
func (c *Conversation) Read(ctx context.Context, views []guard.View) ([]risk.Finding, error) {
	return c.Weigh(ctx, views, nil)
}

// Weigh adds what the messages say together to what each was found to say.
func (c *Conversation) Weigh(ctx context.Context, views []guard.View, found []risk.Finding) ([]risk.Finding, error) {
	turns := turnsOf(views)
	if !slices.ContainsFunc(turns, func(t turn) bool { return t.user }) {
		return found, nil // an answer alone is no conversation
	}
	scores := map[int]float64{}
	for i := range found {
		if f := &found[i]; content(f.Category) || guard.Family(f.Category) == "harm" {
			scores[f.Passage] = max(scores[f.Passage], f.Confidence)
		}
	}
	for i := range turns {
		turns[i].count(scores)
	}
	var own []risk.Finding
	own = append(own, manyShot(turns)...)
	own = append(own, growing(turns)...)
	own = append(own, probing(turns)...)
	split, err := splitPayload(ctx, turns)
	own = append(own, split...)
	for i := range own {
		own[i].Severity, own[i].Impact = risk.High, risk.Harm
		if own[i].Refs = refs("LLM01:2026", "AML.T0054"); own[i].Category == risk.PromptInjection {
			own[i].Impact, own[i].Refs = risk.Integrity, refs("LLM01:2026", "AML.T0051")
		}
	}
	return append(found, own...), err
}

// sureness turns how plain a sign is, 0 to 1, into a probability. Signs of a conversation are
// counted, not learnt, so their probabilities are set by hand: what is seen lies between the
// lines that the built-in policy draws for users, and is flagged; what is plain, from 1 on,
// lies beyond them and is blocked.
func sureness(plain float64) float64 {
	l := lines()
	if plain < 1 {
		return l.Flag + (l.Block-l.Flag)*(.1+.8*max(0, plain))
	}
	return l.Block + (1-l.Block)/2
}

var lines = sync.OnceValue(func() guard.Lines { return guard.Standard().Thresholds["attack"]["user"] })

// maxTurns bounds how far back a conversation is read: what is said now counts.
const maxTurns = 200

// turn is what one side says before the other one does.
type turn struct {
	user  bool // else the model
	views []*guard.View
	has   [talks]int // how many different words of a sort
	score float64    // of the worst that was found in it
}

// turnsOf sorts the views of people and models into turns.
func turnsOf(views []guard.View) []turn {
	var out []turn
	for i := range views {
		v := &views[i]
		if v.Seam || v.Decoded() || v.Kind != llm.KindText || v.Text == "" || v.Origin != llm.OriginUser && v.Origin != llm.OriginModel {
			continue
		}
		user := v.Origin == llm.OriginUser
		if n := len(out); n == 0 || out[n-1].user != user {
			out = append(out, turn{user: user})
		}
		t := &out[len(out)-1]
		t.views = append(t.views, v)
	}
	return out[max(0, len(out)-maxTurns):]
}

// count counts the words of a turn and takes the worst of what was found in it.
func (t *turn) count(scores map[int]float64) {
	counted := map[int]bool{}
	for _, v := range t.views {
		for _, h := range v.Hits {
			if w := &spokenWords[h.Literal]; !counted[h.Literal] && w.stands(v.Text, h) {
				counted[h.Literal] = true
				t.has[w.talk]++
			}
		}
		t.score = max(t.score, scores[v.Passage])
	}
}

// stands reports whether a hit is the word and not a part of another one.
func (w *spoken) stands(s string, h guard.Hit) bool {
	return wordStart(s, h.Start) && (w.stem || wordEnd(s, h.End))
}

// wanted is how much a turn asks for something that nobody should be helped with.
func (t *turn) wanted() float64 {
	if t.has[harmful] == 0 && t.has[unseen] == 0 && t.score < sureOfTurn {
		return 0
	}
	sum := 0.
	for sort, w := range wishes {
		if t.has[sort] > 0 {
			sum += w
		}
	}
	if t.score >= sureOfTurn {
		sum += .8
	}
	return max(0, sum)
}

// wishes is what a word of a sort adds to what is wanted.
var wishes = [...]float64{harmful: 1, making: .8, unseen: 1.2, guarding: -1}

// sureOfTurn is the probability from which a message counts as one that was found out.
const sureOfTurn = .86

// whole is a finding about all of a turn.
func (t *turn) whole(c risk.Category, p float64) risk.Finding {
	v := t.views[len(t.views)-1]
	return v.Finding(c, 0, len(v.Text), p)
}

// The parts of a conversation that make it one that grows.
const (
	leastGrowing = 3   // turns of the user
	lookedBack   = 6   // of them
	grownSum     = 4.2 // what they want together
	grownLast    = 1.8 // and the last one
	worse        = 1   // how much more one before it may want
)

// growing finds requests that begin as a subject and end as the way to do it.
func growing(turns []turn) []risk.Finding {
	var asked []*turn
	for i := range turns {
		if turns[i].user {
			asked = append(asked, &turns[i])
		}
	}
	if len(asked) < leastGrowing {
		return nil
	}
	recent := asked[max(0, len(asked)-lookedBack):]
	last := recent[len(recent)-1].wanted()
	sum, steps := 0., 0
	for i, t := range recent {
		w := t.wanted()
		sum += w
		if i > 0 && w > 0 && w >= recent[i-1].wanted() {
			steps++
		}
		if w > last+worse {
			return nil // it has been worse: it does not grow
		}
	}
	// Whoever begins with the request does not creep up to it: other detectors see that.
	if last < grownLast || sum < grownSum || steps < 2 || recent[0].wanted() >= last {
		return nil
	}
	return []risk.Finding{recent[len(recent)-1].whole(risk.Jailbreak, sureness(min(.99, .3+.15*(sum-grownSum)+.05*float64(steps))))}
}

// leastProbes is how often a refused request must come back.
const leastProbes = 3

// probing finds a request that was refused and comes back in other words, again and again.
// Who repeats what they want is no attacker; who dresses it up each time is.
func probing(turns []turn) []risk.Finding {
	var dressed, back int
	var last *turn
	for i := 2; i < len(turns); i++ {
		again, no, first := &turns[i], &turns[i-1], &turns[i-2]
		if !again.user || no.has[refusing] == 0 || !sameSubject(first, again) {
			continue
		}
		back++
		if again.has[pretext] > 0 || again.wanted() > 0 {
			dressed++
		}
		last = again
	}
	if back < leastProbes || dressed < leastProbes-1 || dressed*3 < back*2 || last.has[pretext] == 0 && last.wanted() == 0 {
		return nil
	}
	return []risk.Finding{last.whole(risk.Jailbreak, sureness(.2+.3*float64(back-leastProbes)))}
}

// maxCompared bounds the words of a turn that are compared.
const maxCompared = 400

// sameSubject reports whether two turns share a good part of their longer words.
func sameSubject(a, b *turn) bool {
	one, two := a.subject(), b.subject()
	shared := 0
	for w := range two {
		if one[w] {
			shared++
		}
	}
	return shared >= 2 && shared*4 >= min(len(one), len(two)) || shared == 1 && min(len(one), len(two)) <= 2
}

// subject is the set of a turn's longer words, cut to their beginnings so that "lock" and
// "locks" are one.
func (t *turn) subject() map[string]bool {
	out := map[string]bool{}
	for _, v := range t.views {
		for w := range strings.FieldsFuncSeq(v.Text[:min(len(v.Text), 8<<10)], func(r rune) bool { return !spacedLetter(r) && r < 0x900 }) {
			if len(out) >= maxCompared {
				return out
			}
			if w = strings.ToLower(w); len(w) >= 4 {
				out[w[:min(len(w), 6)]] = true
			}
		}
	}
	return out
}
