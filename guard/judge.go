package guard

import (
	"context"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Judgement is a verdict with what must be changed in the passages before they
// may pass.
type Judgement struct {
	Verdict risk.Verdict
	Changes []PassageChange // in order of passage and place; they do not overlap
	// Labelled is what was found that policy gives a label, whatever else follows of it.
	Labelled []Labelled
	// Private are all places that hold what is masked, personal data or a credential: the verdict
	// names the first few of each.
	Private []risk.Finding
}

// PassageChange replaces Text[Start:End] of a passage by New, plain text.
type PassageChange struct {
	Passage, Start, End int
	New                 string
	By                  string
	// Hides is what is masked, for whoever knows a better placeholder than New: a category, or
	// the id of a rule. "": nothing is hidden, but something taken out or cleaned.
	Hides string
	// Also are the other kinds that lie in the same place: what policy says of any of them holds.
	Also []string
}

// Judge looks at passages and says what follows. Answers are judged in the same
// units as while they stream, so that both ways come to one verdict.
func (c *Compiled) Judge(ctx context.Context, dir Direction, passages []llm.Passage) Judgement {
	if dir == Output {
		return c.judgeOutput(ctx, passages)
	}
	s := c.engine.scratch.Get().(*scratch)
	defer c.engine.release(s)
	d := c.judge(ctx, dir, passages, s, cleaning{})
	return d.judgement(c.id)
}

// draft is a judgement in the making.
type draft struct {
	findings []risk.Finding
	changes  []PassageChange
	checks   []risk.Check
	decision risk.Decision
	labelled []Labelled
	private  []risk.Finding
	next     cleaning // what the cleaning of links knows behind the text
}

func (d *draft) judgement(id string) Judgement {
	j := Judgement{Verdict: risk.Verdict{Decision: d.decision, Policy: id, Findings: d.findings, Checks: d.checks}, Labelled: d.labelled, Private: d.private}
	// What is refused needs no changes.
	if d.decision < risk.Hold {
		j.Changes = d.changes
	}
	return j
}

// judge looks, decides and collects changes.
func (c *Compiled) judge(ctx context.Context, dir Direction, passages []llm.Passage, s *scratch, clean cleaning) draft {
	all, at := passages, []risk.Finding(nil)
	if dir == Input {
		all, at = withParts(passages)
	}
	saw := c.look(ctx, dir, all, s)
	if len(at) > 0 {
		saw.trim(len(passages))
	}
	d := draft{checks: saw.checks, findings: saw.findings}
	d.findings = back(c.decideAll(ctx, dir, all, d.findings), at, len(passages))
	// Rules read encoded text, too: an operator's phrase in base64 is still said.
	for i := range saw.views {
		c.rules.apply(dir, &saw.views[i], &d)
	}
	d.findings = slices.DeleteFunc(d.findings, func(f risk.Finding) bool { return besideSeam(f, passages) })
	c.label(&d)
	heard := c.ask(ctx, dir, passages, &d)
	d.findings = slices.DeleteFunc(d.findings, func(f risk.Finding) bool { return !c.recorded(f, passages, heard) })
	c.excise(ctx, dir, passages, &d, heard)
	d.findings = append(d.findings, c.failures(dir, d.checks)...)
	d.findings = append(d.findings, c.unread(passages)...)
	// Changes come of decided findings; cleaning adds its own, and both are
	// merged, because they may want the same bytes.
	c.mask(&d, passages)
	c.sanitise(&d, dir, passages, saw.views, clean)
	d.changes = slices.DeleteFunc(merge(d.changes), func(x PassageChange) bool { return passages[x.Passage].Seam > 0 })
	c.settle(&d, passages)
	return d
}

// trim takes what was made for a look alone out of what is known: views and claims of passages
// that nobody sent.
func (s *seen) trim(n int) {
	for len(s.views) > 0 && s.views[len(s.views)-1].Passage >= n {
		s.views = s.views[:len(s.views)-1]
	}
	for i, k := range s.checks {
		s.checks[i].Passages = slices.DeleteFunc(slices.Clone(k.Passages), func(p int) bool { return p >= n })
	}
}

// decideAll says of every finding what policy makes of it.
func (c *Compiled) decideAll(ctx context.Context, dir Direction, passages []llm.Passage, found []risk.Finding) []risk.Finding {
	if c.ours != nil {
		found = slices.DeleteFunc(found, func(f risk.Finding) bool {
			return f.Passage >= 0 && strings.HasPrefix(string(f.Category), "pii.") && c.ours(passages[f.Passage].Text, f.Start, f.End)
		})
	}
	for i := range found {
		found[i].Decision = c.decide(dir, found[i], originAt(found[i], passages))
	}
	return c.allowed(ctx, dir, passages, found)
}

// originAt is the origin of what was found; of what was found in all passages, the least
// trusted.
func originAt(f risk.Finding, passages []llm.Passage) llm.Origin {
	if f.Passage < 0 {
		return llm.OriginUnknown
	}
	return passages[f.Passage].Origin
}

// recorded reports whether a finding stays on the verdict: because something follows, or
// because policy or a second stage said that nothing does.
func (c *Compiled) recorded(f risk.Finding, passages []llm.Passage, heard heard) bool {
	return f.Decision > risk.Allow || f.Allowed != "" || f.Category == risk.CheckFailed || strings.HasPrefix(f.Detector, "rule/") ||
		heard[f.Passage] && f.Passage >= 0 || c.observes(f, originAt(f, passages))
}

// lined reports whether a finding is decided by lines, and not by what the operator said of
// its kind.
func (c *Compiled) lined(f risk.Finding) bool {
	_, fixed := c.fixed(Input, f.Category, llm.OriginUnknown)
	return !fixed && f.Category != risk.PolicyBoundary && f.Category != risk.CheckFailed
}

// besideSeam reports whether a finding is one that does not count where it is. At a seam
// only what lies across it counts, and only an operator's rule or an order that words of both
// sides make and policy refuses: what lies on one side was found where it stands, and two
// texts that are glued together look like much that they are not. In headers, which cannot
// be edited, ids look like card numbers and agents like people.
func besideSeam(f risk.Finding, passages []llm.Passage) bool {
	if f.Passage < 0 {
		return false
	}
	p := &passages[f.Passage]
	rule := strings.HasPrefix(f.Detector, "rule/")
	if p.Path == llm.Headers {
		return !rule && !strings.HasPrefix(string(f.Category), "secret.")
	}
	if p.Seam == 0 {
		return false
	}
	order := f.Decision >= risk.Hold && strings.HasPrefix(f.Detector, injections) && families[f.Category] == "attack"
	return !rule && !order || f.Start >= p.Seam || f.End <= p.Seam
}

// settle orders the findings, takes the strongest decision, and lets a policy
// that only monitors do nothing about it.
func (c *Compiled) settle(d *draft, passages []llm.Passage) {
	for i := range d.findings {
		f := &d.findings[i]
		if f.Decision == risk.Mask && f.Passage >= 0 && passages[f.Passage].Sealed {
			f.Decision = risk.Block // what is signed cannot be edited
		}
		d.decision = max(d.decision, f.Decision)
	}
	// In the order of the text, so that the first finding is the same whichever
	// detector was faster.
	slices.SortStableFunc(d.findings, func(a, b risk.Finding) int {
		if a.Passage != b.Passage {
			return a.Passage - b.Passage
		}
		return a.Start - b.Start
	})
	d.private = privates(d.findings)
	d.findings = few(d.findings)
	if !c.Enforcing() {
		d.decision, d.changes = min(d.decision, risk.Flag), nil
	}
}

// maxAlike bounds how many findings of one detector with one decision are
// reported, so that a hostile text cannot outgrow its record. Decision and
// changes are made of all of them.
const maxAlike = 32

// few keeps the first findings of each detector and decision.
func few(found []risk.Finding) []risk.Finding {
	if len(found) <= maxAlike {
		return found
	}
	type kind struct {
		detector string
		decision risk.Decision
	}
	count := map[kind]int{}
	return slices.DeleteFunc(found, func(f risk.Finding) bool {
		k := kind{f.Detector, f.Decision}
		count[k]++
		return count[k] > maxAlike
	})
}

// failures makes findings of the checks that did not do their work.
func (c *Compiled) failures(dir Direction, checks []risk.Check) []risk.Finding {
	var found []risk.Finding
	action := c.policy.OnError.Input
	if dir == Output {
		action = c.policy.OnError.Output
	}
	for _, k := range checks {
		// What follows when a second stage fails, it says itself.
		if (k.State == risk.Failed || k.State == risk.Late) && !strings.HasPrefix(k.Detector, second) {
			found = append(found, risk.Finding{Category: risk.CheckFailed, Detector: k.Detector, Severity: risk.High,
				Confidence: 1, Passage: -1, Decision: action.Decision()})
		}
	}
	return found
}

// unreadableKinds are what no detector can read. "sealed" is what a provider encrypted
// for itself and callers carry back and forth: thoughts, compacted histories.
var unreadableKinds = []string{"image", "audio", "file", "tokens", "sealed"}

// unread makes findings of the passages that no detector can read.
func (c *Compiled) unread(passages []llm.Passage) []risk.Finding {
	var found []risk.Finding
	for i := range passages {
		if passages[i].Channel.Kind != llm.KindMedia {
			continue
		}
		if d := c.policy.Unreadable[mediaKind(passages[i].MIME)].Decision(); d > risk.Allow {
			found = append(found, risk.Finding{Category: risk.Unreadable, Detector: "guard/unreadable", Severity: risk.Medium,
				Confidence: 1, Passage: i, Decision: d})
		}
	}
	return found
}

// mediaKind sorts a media type into the kinds of policy; what is not known is a
// file.
func mediaKind(mime string) string {
	kind, _, _ := strings.Cut(mime, "/")
	if slices.Contains(unreadableKinds, kind) {
		return kind
	}
	return "file"
}

// mask turns findings that are to be masked into changes.
func (c *Compiled) mask(d *draft, passages []llm.Passage) {
	for _, f := range d.findings {
		if f.Decision == risk.Mask && f.Passage >= 0 && f.End > f.Start {
			change := PassageChange{Passage: f.Passage, Start: f.Start, End: f.End, New: placeholder(f), By: f.Detector, Hides: hidden(f)}
			if c.lined(f) {
				change = cut(f, passages)
			}
			d.changes = append(d.changes, change)
		}
	}
}

// placeholder stands for a masked value: the same bytes every turn, so that a
// provider's prompt cache keeps working.
func placeholder(f risk.Finding) string {
	name := strings.TrimPrefix(hidden(f), "pii.")
	return "[" + strings.ToUpper(strings.ReplaceAll(name, ".", ":")) + "]"
}

// hidden names what a masked value is.
func hidden(f risk.Finding) string {
	if f.Category == risk.PolicyBoundary {
		return strings.TrimPrefix(f.Detector, "rule/")
	}
	return string(f.Category)
}

// merge orders changes and joins those that overlap: the earlier, then longer,
// one speaks for both.
func merge(changes []PassageChange) []PassageChange {
	slices.SortStableFunc(changes, func(a, b PassageChange) int {
		switch {
		case a.Passage != b.Passage:
			return a.Passage - b.Passage
		case a.Start != b.Start:
			return a.Start - b.Start
		}
		return b.End - a.End
	})
	out := changes[:0]
	for _, c := range changes {
		if n := len(out); n > 0 && out[n-1].Passage == c.Passage && c.Start < out[n-1].End {
			last := &out[n-1]
			last.End = max(last.End, c.End)
			if c.Hides != "" && c.Hides != last.Hides && !slices.Contains(last.Also, c.Hides) {
				last.Also = append(last.Also, c.Hides)
			}
			continue
		}
		out = append(out, c)
	}
	return out
}
