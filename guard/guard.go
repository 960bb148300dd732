// Package guard sees dangerous text: it looks at passages with every detector a
// policy wants and says what follows, the same for a text that comes whole and
// one that comes in pieces.
//
// An [Engine] holds the detectors. [Engine.Compile] binds them to a [Policy];
// the result is identified by name@digest. [Compiled.Judge] looks at the
// passages of a request, [Compiled.Scanner] at an answer while it streams
// through an [llm.Window].
//
// Failure is a verdict. A detector that errs, panics or overruns its deadline
// leaves a failed check and a finding, and blocks unless policy says otherwise.
// A check never claims a passage that was not read to its last byte.
//
// A detector needs only [Detector]. One that also implements [Reader] shares
// the normalised views and the multi-pattern scan that the engine makes once
// for all. This package's API is promised.
package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
	"github.com/bartizan-ai/bartizan/text"
)

// Detector looks at passages and returns findings: the seam for everyone. It
// is called on its own goroutine and given up at the deadline, unless it is a
// [Reader] or says that it is [Inline].
type Detector interface {
	ID() string // "injection/override@1"
	Look(ctx context.Context, passages []llm.Passage) ([]risk.Finding, error)
}

// Reader is a Detector that works on shared views. It runs on the caller's
// goroutine, so its cost must be bounded and linear in the text.
type Reader interface {
	Detector
	// Literals names lower-case literals without which there is nothing to
	// find; white space in them stands for any run of it. A detector without
	// literals reads every view; one with literals is called only when one of
	// them occurs, with their places in [View.Hits].
	Literals() []string
	Read(ctx context.Context, views []View) ([]risk.Finding, error)
}

// Always is what a Reader with literals implements that reads every view, whether one of
// them occurs in it or not.
type Always interface{ Always() bool }

// Weigher is what a Reader implements that judges what the others found together with what
// it sees itself: it is called after all of them, once for a look, with everything that was
// found. What it returns takes the place of that, so that several weak signs can become
// one probability, and a sign that means nothing where it stands can be let go.
type Weigher interface {
	Reader
	Weigh(ctx context.Context, views []View, found []risk.Finding) ([]risk.Finding, error)
}

// Inline is what a plain Detector implements when its cost is bounded and
// linear, so that it needs no goroutine and no watch.
type Inline interface{ Inline() bool }

// Relay is what an [Inline] Detector implements whose work another one can go on with, so that
// two of a family need not both read a text in the same way. What one leaves is handed to the
// next Relay of the same look, and to nobody else; a Relay that does not know what it is handed,
// or is handed nil, does without.
type Relay interface {
	Detector
	LookOn(ctx context.Context, passages []llm.Passage, handed any) (found []risk.Finding, left any, err error)
}

// Finder is what a Detector implements to say which categories it can find, so
// that it is skipped, and recorded as skipped, where policy wants none of them.
type Finder interface{ Finds() []risk.Category }

// View is one reading of one passage: the passage itself, normalised, or what
// an encoding in it hides.
type View struct {
	text.View
	Raw     string // the passage's text as written
	Passage int
	Origin  llm.Origin
	Kind    llm.Kind
	Seam    bool  // the end of one passage and the beginning of the next: see [llm.Passage.Seam]
	Hits    []Hit // of the detector that is reading, in order of their ends
}

// Hit is a place in a view where one of the detector's literals stands.
type Hit struct {
	Literal    int // index into Literals
	Start, End int // of View.Text
}

// Finding starts a finding at View.Text[start:end], in the passage's own
// offsets.
func (v *View) Finding(c risk.Category, start, end int, confidence float64) risk.Finding {
	from, to := v.Original(start, end)
	return risk.Finding{Category: c, Passage: v.Passage, Start: from, End: to, Confidence: confidence}
}

// DefaultDeadline is how long a detector with its own goroutine may take.
const DefaultDeadline = time.Second

// Config is what an Engine is made of.
type Config struct {
	Detectors []Detector
	Deadline  time.Duration    // of one call to a detector; 0: DefaultDeadline
	Now       func() time.Time // nil: time.Now
}

// Engine holds the detectors and what they share. It is safe for concurrent
// use and never changes.
type Engine struct {
	detectors []member
	auto      *automaton
	deadline  time.Duration
	now       func() time.Time
	scratch   sync.Pool
}

// member is a detector with what the engine knows about it.
type member struct {
	Detector
	id       string
	reader   Reader
	weigher  Weigher
	needs    bool // has literals
	always   bool // and reads views without any of them, too
	inline   bool
	relay    Relay // inline, too
	follower Follower
	finds    []risk.Category
	hung     *atomic.Int32
	circuit  *circuit
}

// ErrDetector means that the detectors given cannot be used together.
var ErrDetector = errors.New("guard: detector")

// New makes an engine of the detectors. Two with one ID are an error.
func New(cfg Config) (*Engine, error) {
	e := &Engine{deadline: cfg.Deadline}
	if e.deadline <= 0 {
		e.deadline = DefaultDeadline
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	e.now = cfg.Now
	var build builder
	if err := build.addMarkers(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDetector, err)
	}
	for i, d := range cfg.Detectors {
		m := member{Detector: d, id: d.ID(), hung: new(atomic.Int32), circuit: &circuit{now: cfg.Now}}
		if m.id == "" || slices.ContainsFunc(e.detectors, func(o member) bool { return o.id == m.id }) {
			return nil, fmt.Errorf("%w %d: id %q is empty or taken", ErrDetector, i, m.id)
		}
		if r, ok := d.(Reader); ok {
			m.reader = r
			m.weigher, _ = d.(Weigher)
			for n, lit := range r.Literals() {
				if err := build.add(lit, i, n); err != nil {
					return nil, fmt.Errorf("%w %s: %w", ErrDetector, m.id, err)
				}
				m.needs = true
			}
		}
		if a, ok := d.(Always); ok {
			m.always = a.Always()
		}
		if in, ok := d.(Inline); ok {
			m.inline = in.Inline()
			if r, ok := d.(Relay); ok && m.inline {
				m.relay = r
			}
		}
		if f, ok := d.(Follower); ok {
			m.follower = f
		}
		if f, ok := d.(Finder); ok {
			m.finds = f.Finds()
		}
		e.detectors = append(e.detectors, m)
	}
	e.auto = build.automaton()
	e.scratch.New = func() any { return new(scratch) }
	return e, nil
}

// Detectors lists the IDs of the engine's detectors, in the order they run.
func (e *Engine) Detectors() []string {
	ids := make([]string, len(e.detectors))
	for i, d := range e.detectors {
		ids[i] = d.id
	}
	return ids
}

// Read lets a Reader be called on its own, as [Detector.Look] promises: it
// makes the views that an engine would share.
func Read(ctx context.Context, d Reader, passages []llm.Passage) ([]risk.Finding, error) {
	e, err := New(Config{Detectors: []Detector{d}})
	if err != nil {
		return nil, err
	}
	s := new(scratch)
	e.prepare(passages, s)
	return e.run(ctx, 0, passages, s, nil)
}
