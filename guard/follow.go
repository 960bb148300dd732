package guard

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Follower is what a Detector implements that reads an answer in the light of its request, and
// of all that the answer has said before: whether it gives away what the system was told, whether
// it goes on without an end. Its ID begins with "answer/", and it is never asked about requests.
// A text is read on the caller's goroutine, so its cost must be bounded and linear.
type Follower interface {
	Detector
	// Follow prepares for one answer. request is what it answers, and known reports whether
	// anybody said so. Nil means that nothing can be looked for.
	Follow(request []llm.Passage, known bool) Pursuit
}

// Pursuit follows the texts of one answer. It is used by one goroutine at a time.
type Pursuit interface {
	// Begin returns what reads one text from its beginning.
	Begin(kind llm.Kind) Reading
}

// Reading is what one Follower knows of one text so far.
type Reading interface {
	// Read reads the next piece. Pieces end where the text says, so what is found does not
	// depend on how it came. Places are those of the whole text. open is where something begins
	// that the next piece may complete, and that may not leave before; the end of the piece where
	// there is nothing. It may lie at most [MaxOpen] bytes before it, and never moves back.
	Read(piece string) (found []risk.Finding, open int)
}

// MaxOpen bounds how much text a [Reading] may want held, in bytes.
const MaxOpen = 4 << 10

// answers begins the IDs of Followers. Policy has lines of its own for what they find: that an
// answer gives a prompt away is another matter than that somebody asks for it.
const answers = "answer/"

// followed maps the categories that Followers find to the keys of their lines.
var followed = map[risk.Category]string{risk.PromptLeak: "leak", risk.ResourceAbuse: "runaway", risk.IndirectInjection: "obeyed"}

// Answering returns the policy for the answer to one request: with it, what an answer says is
// compared with what its request said. Without it nothing of that kind is claimed.
func (c *Compiled) Answering(request []llm.Passage) *Compiled {
	a := *c
	a.asked = request
	a.known = true
	return &a
}

// pursue prepares every Follower that policy wants.
func (c *Compiled) pursue() []Pursuit {
	out, request := make([]Pursuit, len(c.engine.detectors)), apart(c.asked)
	for i := range c.engine.detectors {
		if d := &c.engine.detectors[i]; d.follower != nil && c.wanted[Output][i] {
			// A Follower that panics leaves nothing, and follow says so.
			out[i], _ = safely(func() (Pursuit, error) { return d.follower.Follow(request, c.known), nil })
		}
	}
	return out
}

// follow shows a piece of a channel to every Follower and returns from where on text must be
// held.
func (s *Scanner) follow(ctx context.Context, t *track, piece string, end int) int {
	if s.pursuits == nil {
		s.pursuits = s.c.pursue()
	}
	if t.readings == nil {
		t.readings = make([]Reading, len(s.pursuits))
	}
	open := end
	for i := range s.c.engine.detectors {
		if s.c.engine.detectors[i].follower == nil {
			continue
		}
		check := risk.Check{Detector: s.c.engine.detectors[i].id, State: risk.Skipped}
		if s.pursuits[i] != nil {
			began := time.Now()
			from, err := s.read(t, i, piece, end)
			if err == nil {
				err = ctx.Err()
			}
			if check.State, check.Took = risk.Ran, time.Since(began); err != nil {
				check.State, check.Err = stateOf(err), reason(err)
				t.findings = append(t.findings, s.c.failures(Output, []risk.Check{check})...)
			}
			open = min(open, from)
		}
		s.count([]risk.Check{check})
	}
	return max(open, end-MaxOpen)
}

// read shows a piece to one Follower and keeps what it found.
func (s *Scanner) read(t *track, i int, piece string, end int) (open int, err error) {
	open = end
	d := &s.c.engine.detectors[i]
	found, err := safely(func() ([]risk.Finding, error) {
		if t.readings[i] == nil {
			t.readings[i] = s.pursuits[i].Begin(t.channel.Kind)
		}
		var found []risk.Finding
		found, open = t.readings[i].Read(piece)
		return found, nil
	})
	for _, f := range found {
		if f.Start < 0 || f.Start > f.End || f.End > end {
			continue
		}
		f.Detector, f.Passage = d.id, t.index
		f.Decision = s.c.linesOf(f, s.origin).decide(f.Confidence)
		if (f.Decision > risk.Allow || s.c.linesOf(f, s.origin).observes(f.Confidence)) && !t.knows(f) {
			t.findings = append(t.findings, f)
		}
	}
	t.findings = few(t.findings)
	return open, err
}

// linesOf returns the lines that a finding is measured by.
func (c *Compiled) linesOf(f risk.Finding, o llm.Origin) Lines {
	if key, ok := followed[f.Category]; ok && strings.HasPrefix(f.Detector, answers) {
		l, _ := c.policy.lines(key, o)
		return l
	}
	return c.linesFor(f.Category, o)
}

// follows reports whether policy makes anything of what a Follower could find.
func (c *Compiled) follows(finds []risk.Category) bool {
	return slices.ContainsFunc(finds, func(cat risk.Category) bool {
		l, _ := c.policy.lines(followed[cat], llm.OriginModel)
		return l.decide(1) > risk.Allow || l.observes(1)
	})
}

// Followed looks at whole texts without an engine, as [Detector.Look] promises: those that a
// model wrote are answers to the others.
func Followed(f Follower, passages []llm.Passage) []risk.Finding {
	request := slices.DeleteFunc(apart(passages), func(p llm.Passage) bool { return p.Origin == llm.OriginModel })
	pursuit := f.Follow(request, true)
	if pursuit == nil {
		return nil
	}
	var out []risk.Finding
	for i := range passages {
		if passages[i].Origin != llm.OriginModel || passages[i].Channel.Kind == llm.KindMedia {
			continue
		}
		found, _ := pursuit.Begin(passages[i].Channel.Kind).Read(passages[i].Text)
		for _, one := range found {
			one.Passage = i
			out = append(out, one)
		}
	}
	return out
}
