package desk

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/redteam"
)

// Attempt is one attempt of a campaign, without a word of it.
type Attempt struct {
	Campaign  string            `json:"campaign"`
	Name      string            `json:"name"` // of the campaign
	Result    *redteam.Result   `json:"result"`
	Objective string            `json:"objective"`
	Category  string            `json:"category"`
	Impact    string            `json:"impact"`
	Persona   redteam.Persona   `json:"persona"`
	Phase     string            `json:"phase"`
	Refs      []string          `json:"refs"`
	Target    string            `json:"target"`
	Gated     bool              `json:"gated"` // it is of the arm that is gated
	Through   bool              `json:"through"`
	Inside    bool              `json:"inside"`  // its campaign attacks only the range inside this process
	Waiting   bool              `json:"waiting"` // for a person's judgement
	Suggested redteam.Handling  `json:"suggested"`
	Findings  []redteam.Finding `json:"findings"` // of the same attempt in any campaign, the newest first
	Tries     []redteam.Retest  `json:"tries"`    // in every campaign against this system, the first first
}

// Open returns the finding that is not closed; nil: there is none.
func (t *Attempt) Open() *redteam.Finding {
	for i := range t.Findings {
		if t.Findings[i].State != redteam.FindingClosed {
			return &t.Findings[i]
		}
	}
	return nil
}

// Attempt returns one attempt. Its words are not there: see [Desk.Transcript].
func (d *Desk) Attempt(ctx context.Context, a Actor, id, key string) (*Attempt, error) {
	if err := d.May(a, RedteamRead); err != nil {
		return nil, err
	}
	out, err := d.attempt(id, key)
	if err != nil {
		return nil, err
	}
	out.Result = out.Result.Without(func(string) string { return "" })
	if f := d.cfg.Attacks.Findings; f != nil {
		if out.Findings, err = f.Of(ctx, out.Result.Pair); err != nil {
			return nil, err
		}
		out.Findings = slices.DeleteFunc(out.Findings, func(one redteam.Finding) bool {
			return one.Arm != out.Result.Arm || !sameTarget(one.Target, out.Target)
		})
	}
	return out, nil
}

// attempt reads an attempt with its words.
func (d *Desk) attempt(id, key string) (*Attempt, error) {
	c, err := d.known(id)
	if err != nil {
		return nil, err
	}
	if c.Analysis == nil {
		return nil, refuse(http.StatusConflict, ErrInvalid, "This campaign cannot be read now. %s", c.Why)
	}
	r, err := redteam.Find(d.lies(id), key)
	if err != nil {
		return nil, noAttempt()
	}
	arms := c.Analysis.Campaign.Arms
	t := redteam.Tried{Cell: r.Cell, Outcome: r.Outcome, Verdict: r.Score.Verdict}
	out := &Attempt{Campaign: id, Name: c.Analysis.Campaign.Name, Result: r, Target: c.Analysis.Targets[r.Arm], Gated: r.Arm == arms[len(arms)-1], Through: t.Through(), Inside: c.Inside,
		Waiting: r.Outcome == redteam.Answered && r.Score.Verdict == redteam.Unknown && r.Cell != redteam.BenignCell, Findings: []redteam.Finding{}}
	if s := c.Plan.Seed(r.Seed); s != nil {
		out.Objective, out.Category, out.Impact, out.Persona = s.Objective, string(s.Category), s.Impact, s.Persona
		out.Phase, out.Refs = redteam.Phase(s, r.Strategy, r.Chain), slices.Clone(s.Refs)
	}
	out.Suggested = redteam.Handling{Damage: damage(out), Likelihood: redteam.Likely(c.rate(out))}
	out.Tries = d.tries(r.Pair, r.Arm, out.Target)
	return out, nil
}

// damage is how bad a success would be, before anybody says otherwise.
func damage(t *Attempt) string {
	switch {
	case t.Persona == redteam.Benign:
		return "low"
	case t.Impact == "availability":
		return "medium"
	}
	return "high"
}

// rate is how often the same way of attacking got through.
func (c *Campaign) rate(t *Attempt) float64 {
	chain := strings.Join(t.Result.Chain, " > ")
	if chain == "" {
		chain = "plain"
	}
	for _, g := range c.Analysis.Through {
		if g.Category == t.Category && g.Strategy == t.Result.Strategy && g.Chain == chain && g.Tries > 0 {
			return float64(g.Hits) / float64(g.Tries)
		}
	}
	return 0
}

// sameTarget reports whether two fingerprints are of one system: what comes behind # says which
// build or policy it had.
func sameTarget(x, y string) bool {
	x, _, _ = strings.Cut(x, "#")
	y, _, _ = strings.Cut(y, "#")
	return x == y
}

// tries finds an attempt in every campaign against a system, the first first.
func (d *Desk) tries(pair, arm, target string) []redteam.Retest {
	d.campaigns.mu.Lock()
	defer d.campaigns.mu.Unlock()
	out := []redteam.Retest{}
	ids, _ := d.ids() // those that cannot be listed were not tried
	for _, id := range append(ids, d.rounds(target)...) {
		f := d.folder(id)
		if f.err != nil {
			continue
		}
		arms := f.a.Campaign.Arms
		if last := arms[len(arms)-1]; last != arm || !sameTarget(f.a.Targets[last], target) {
			continue
		}
		if t, ok := f.survey.Pairs[pair]; ok {
			out = append(out, redteam.Retest{Campaign: id, Begun: f.a.Begun, Key: t.Key, Outcome: t.Outcome, Verdict: t.Verdict, Through: t.Through(), Held: t.Held()})
		}
	}
	slices.SortFunc(out, func(x, y redteam.Retest) int { return x.Begun.Compare(y.Begun) })
	return out
}

// Transcript is what was said in an attempt.
type Transcript struct {
	*Attempt
	Sent []redteam.Conversation `json:"sent"` // nil: this version makes them otherwise
}

// Transcript returns the words of an attempt. They are those of attacks, and of answers that
// may hold anything: reading them has the right and the reason of reading what people wrote,
// and is recorded before anything is returned.
func (d *Desk) Transcript(ctx context.Context, a Actor, id, key, reason string) (out *Transcript, err error) {
	target := attemptTarget(id, key)
	err = d.act(ctx, a, record.Act{Kind: ContentRead, Target: target, Reason: clean(reason)}, func() error {
		if strings.TrimSpace(reason) == "" {
			return refuse(http.StatusUnprocessableEntity, ErrInvalid, "Reading what was said needs a reason.")
		}
		safe, err := d.Attempt(ctx, a, id, key)
		if err != nil {
			return err
		}
		if err := d.opened(ctx, a, target, reason); err != nil {
			return err
		}
		full, err := d.attempt(id, key)
		if err != nil {
			return err
		}
		c, err := d.known(id)
		if err != nil {
			return err
		}
		full.Findings = safe.Findings
		out = &Transcript{Attempt: full}
		if sent, err := redteam.Remade(c.Plan, full.Result); err == nil {
			out.Sent = sent
		}
		return nil
	})
	return out, err
}
