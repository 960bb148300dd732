package guard

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
	"github.com/bartizan-ai/bartizan/text"
)

// scratch is what one look needs; it is reused, so that looking at short texts
// allocates little.
type scratch struct {
	views   []View
	matches [][]match // by view
	hits    []Hit
	crowded bool // a text holds more encoded texts than are opened
	handed  any  // what the last [Relay] left for the next
}

// seen is what a look found, not yet decided.
type seen struct {
	findings []risk.Finding
	checks   []risk.Check
	views    []View    // valid until the scratch is released
	clock    time.Time // when the detector before ended
}

// look runs every wanted detector over the passages. It never fails: what went
// wrong is in the checks.
func (c *Compiled) look(ctx context.Context, dir Direction, passages []llm.Passage, s *scratch) seen {
	// Views are made once, before any detector, so that all of them read the
	// same text.
	c.engine.prepare(passages, s)
	readable, media := sort(passages)
	out := seen{views: s.views, clock: time.Now(), checks: make([]risk.Check, 0, len(c.engine.detectors)+2)}
	if s.crowded {
		out.checks = append(out.checks, risk.Check{Detector: "guard/readings", State: risk.Failed, Err: "there are more encoded texts in one than are opened"})
	}
	// Those that weigh what was found come last, whatever their place.
	for _, weighing := range []bool{false, true} {
		for i := range c.engine.detectors {
			d := &c.engine.detectors[i]
			if (d.weigher != nil) != weighing {
				continue
			}
			if d.follower != nil && dir == Output {
				continue // it has read the answer from its beginning: see [Scanner]
			}
			if !c.wanted[dir][i] {
				out.checks = append(out.checks, risk.Check{Detector: d.id, State: risk.Skipped})
				continue
			}
			out.ask(ctx, c.engine, i, passages, s, readable, media)
		}
	}
	return out
}

// ask runs one detector and keeps what it found and what can be said of it.
func (out *seen) ask(ctx context.Context, e *Engine, i int, passages []llm.Passage, s *scratch, readable, media []int) {
	d := &e.detectors[i]
	found, err := e.run(ctx, i, passages, s, out.findings)
	// One look at the clock a detector: for short texts it is a part of what they cost.
	now := time.Now()
	check := risk.Check{Detector: d.id, State: risk.Ran, Passages: readable, Took: now.Sub(out.clock)}
	out.clock = now
	// What a failed detector found before it failed is kept: it may decide.
	if err != nil {
		check.State, check.Passages, check.Err = stateOf(err), nil, reason(err)
	} else if len(readable) == 0 {
		check.State = risk.Skipped
	}
	out.checks = append(out.checks, check)
	// What was weighed takes the place of what was found; where weighing failed, that stands.
	if d.weigher != nil && err == nil && len(readable) > 0 {
		out.findings = out.findings[:0]
	}
	for _, f := range found {
		if f.Detector == "" {
			f.Detector = d.id
		}
		if sane(f, passages) {
			out.findings = append(out.findings, f)
		}
	}
	// Said apart, so that no check that ran ever names what it could not read.
	if err == nil && len(media) > 0 && len(readable) > 0 {
		out.checks = append(out.checks, risk.Check{Detector: d.id, State: risk.Skipped, Passages: media})
	}
}

// sort splits passages into those that can be read and those that cannot.
func sort(passages []llm.Passage) (readable, media []int) {
	readable = make([]int, 0, len(passages))
	for i := range passages {
		if passages[i].Channel.Kind == llm.KindMedia {
			media = append(media, i)
		} else {
			readable = append(readable, i)
		}
	}
	return readable, media
}

// sane reports whether a finding points into the passages. One that does not is
// the mistake of a detector, and no reason to fail on a slice bound.
func sane(f risk.Finding, passages []llm.Passage) bool {
	return f.Passage == -1 || f.Passage >= 0 && f.Passage < len(passages) &&
		0 <= f.Start && f.Start <= f.End && f.End <= len(passages[f.Passage].Text)
}

// prepare makes the views of all passages and scans them once for all
// detectors.
func (e *Engine) prepare(passages []llm.Passage, s *scratch) {
	s.views, s.matches, s.crowded, s.handed = s.views[:0], s.matches[:0], false, nil
	for i := range passages {
		p := &passages[i]
		if p.Channel.Kind == llm.KindMedia {
			continue
		}
		first := text.Normalise(p.Text)
		e.view(s, p, i, first)
		own := len(s.views) - 1
		inner, all := text.Readings(p.Text, &first)
		for _, one := range inner {
			if one.Via == leet {
				one.Text = spell.ells(one.Text)
			}
			e.view(s, p, i, one)
		}
		s.crowded = s.crowded || !all
		e.turned(s, p, i, own)
		e.respell(s, p, i, own)
	}
}

// turned adds readings of lines whose letters are turned round the alphabet or
// written backwards: the scan of the view knows their words.
func (e *Engine) turned(s *scratch, p *llm.Passage, i, own int) {
	var lines [2]struct{ from, to, signs int } // by the way they are turned
	for _, m := range s.matches[own] {
		l := &e.auto.lits[m.lit]
		if l.owner != markers {
			continue
		}
		r := &lines[l.num&1]
		// A word of orders is sign enough; of the words that hold sentences together it
		// takes two.
		r.signs += 2 - l.num>>1
		from, to := lineAround(s.views[own].Text, m.end)
		if r.to == 0 {
			r.from, r.to = from, to
		} else if r.to = max(r.to, to); r.to-r.from > maxTurned {
			r.to = r.from + maxTurned
		}
	}
	for kind, r := range lines {
		if r.signs < 2 {
			continue
		}
		v := &s.views[own]
		from, to := v.Original(r.from, r.to)
		if kind == 0 {
			e.view(s, p, i, text.Reading(text.Rot13(v.Text[r.from:r.to]), from, to, "rot13"))
			continue
		}
		e.view(s, p, i, text.Reading(text.Reverse(v.Text[r.from:r.to]), from, to, "reverse"))
	}
}

// maxTurned bounds how much text is read turned round.
const maxTurned = 8 << 10

func lineAround(s string, at int) (int, int) {
	from := strings.LastIndexByte(s[max(0, at-maxTurned):at], '\n') + 1 + max(0, at-maxTurned)
	to := strings.IndexByte(s[at:min(len(s), at+maxTurned)], '\n')
	if to < 0 {
		return from, min(len(s), at+maxTurned)
	}
	return from, at + to
}

// markers owns the literals that give turned text away.
const markers = -1

// giveaways are words of orders to an assistant that no language spells
// backwards or turned by half the alphabet; joints are those that hold English sentences
// together.
var (
	giveaways = []string{"ignore", "instruction", "previous", "system prompt", "disregard", "forget", "override", "password", "secret", "reveal", "respond", "assistant", "guidelines"}
	joints    = []string{"the", "and", "you", "your", "for", "with", "this", "that", "what", "from", "are", "not", "all", "now", "rules", "prompt", "system", "please", "without", "answer", "write", "message"}
)

func (b *builder) addMarkers() error {
	for _, w := range giveaways {
		if err := errors.Join(b.add(text.Rot13(w), markers, 0), b.add(text.Reverse(w), markers, 1)); err != nil {
			return err
		}
	}
	for _, w := range joints {
		// With a blank before it: no tail of a longer word is one.
		if err := errors.Join(b.add(" "+text.Rot13(w)+" ", markers, 2), b.add(" "+text.Reverse(w)+" ", markers, 3)); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) view(s *scratch, p *llm.Passage, i int, v text.View) {
	s.views = append(s.views, View{View: v, Raw: p.Text, Passage: i, Origin: p.Origin, Kind: p.Channel.Kind, Seam: p.Seam > 0})
	n := len(s.matches)
	if n < cap(s.matches) {
		s.matches = s.matches[:n+1]
	} else {
		s.matches = append(s.matches, nil)
	}
	// One pass for the literals of all detectors.
	_, s.matches[n] = e.auto.scan(v.Text, 0, s.matches[n][:0])
}

// release gives the scratch back without keeping the texts alive.
func (e *Engine) release(s *scratch) {
	clear(s.views)
	s.handed = nil
	e.scratch.Put(s)
}

var (
	errPanicked = errors.New("panicked")
	errLate     = errors.New("overran its deadline")
	errHanging  = errors.New("earlier calls still hang")
	errOpen     = errors.New("left alone, because it did not answer in time")
)

// maxHung bounds the goroutines that a detector which never returns can leave
// behind.
const maxHung = 64

// run calls one detector.
func (e *Engine) run(ctx context.Context, i int, passages []llm.Passage, s *scratch, found []risk.Finding) ([]risk.Finding, error) {
	d := &e.detectors[i]
	switch {
	case d.reader != nil:
		if !e.share(i, s) {
			return nil, ctx.Err()
		}
		if d.weigher != nil {
			// A copy: what was found stands if weighing it fails half way.
			return safely(func() ([]risk.Finding, error) { return d.weigher.Weigh(ctx, s.views, slices.Clone(found)) })
		}
		return safely(func() ([]risk.Finding, error) { return d.reader.Read(ctx, s.views) })
	case d.relay != nil:
		return safely(func() ([]risk.Finding, error) {
			found, left, err := d.relay.LookOn(ctx, passages, s.handed)
			s.handed = left
			return found, err
		})
	case d.inline:
		return safely(func() ([]risk.Finding, error) { return d.Look(ctx, passages) })
	}
	return e.watch(ctx, d, passages)
}

// share puts the detector's own hits into the views and reports whether it has
// anything to read.
func (e *Engine) share(i int, s *scratch) bool {
	if !e.detectors[i].needs {
		for v := range s.views {
			s.views[v].Hits = nil
		}
		return len(s.views) > 0
	}
	s.hits = s.hits[:0]
	for v := range s.views {
		from := len(s.hits)
		for _, m := range s.matches[v] {
			if l := &e.auto.lits[m.lit]; l.owner == i {
				s.hits = append(s.hits, Hit{Literal: l.num, Start: e.auto.start(s.views[v].Text, l.text, m.end), End: m.end})
			}
		}
		s.views[v].Hits = s.hits[from:len(s.hits):len(s.hits)]
	}
	return len(s.hits) > 0 || e.detectors[i].always && len(s.views) > 0
}

// safely turns a panic into an error that says nothing about the text.
func safely[T any](call func() (T, error)) (out T, err error) {
	defer func() {
		if recover() != nil {
			var none T
			out, err = none, errPanicked
		}
	}()
	return call()
}

// watch calls a detector on its own goroutine and gives it up at the deadline.
func (e *Engine) watch(ctx context.Context, d *member, passages []llm.Passage) ([]risk.Finding, error) {
	return await(ctx, e.deadline, d.hung, d.circuit, func(ctx context.Context) ([]risk.Finding, error) { return d.Look(ctx, passages) })
}

// await makes a call on its own goroutine and gives it up at the deadline.
func await[T any](caller context.Context, deadline time.Duration, hung *atomic.Int32, c *circuit, call func(context.Context) (T, error)) (T, error) {
	var none T
	if hung.Load() >= maxHung {
		return none, errHanging
	}
	if !c.begin() {
		return none, errOpen
	}
	// The deadline also reaches who is called, who may be kind enough to stop.
	ctx, cancel := context.WithTimeout(caller, deadline)
	defer cancel()
	type answer struct {
		out T
		err error
	}
	// Buffered: an answer that comes too late must not keep its goroutine.
	done := make(chan answer, 1)
	hung.Add(1)
	go func() {
		defer hung.Add(-1)
		out, err := safely(func() (T, error) { return call(ctx) })
		done <- answer{out, err}
	}()
	select {
	case a := <-done:
		if ctx.Err() == nil {
			c.answered()
			return a.out, a.err
		}
		c.gaveUp(caller)
		return a.out, a.err
	case <-ctx.Done():
		c.gaveUp(caller)
		return none, errLate
	}
}

func stateOf(err error) risk.State {
	if errors.Is(err, errLate) || errors.Is(err, context.DeadlineExceeded) {
		return risk.Late
	}
	return risk.Failed
}

// reason says why a check failed. A detector's own words may quote what it
// read, so only errors known here are spelled out.
func reason(err error) string {
	for _, known := range []error{errPanicked, errLate, errHanging, errOpen, ErrStageBusy, ErrStageDown, ErrStageAnswer, ErrStageLong, errGuarded, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "returned an error"
}
