package guard

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
	"github.com/bartizan-ai/bartizan/text"
)

// BlockedError stops an answer. It carries the verdict and never the text.
type BlockedError struct{ Verdict risk.Verdict }

func (e *BlockedError) Error() string {
	if f, ok := e.Verdict.First(); ok {
		return "guard: answer " + e.Verdict.Decision.String() + ": " + string(f.Category) + " by " + f.Detector
	}
	return "guard: answer " + e.Verdict.Decision.String()
}

// errGap means that a part of a channel was never shown: nothing may be claimed
// about it, so the answer stops.
var errGap = errors.New("guard: text is missing before what is to be judged")

// reach is how many bytes before a unit are looked at again with it, so that
// what began earlier is still understood.
const reach = 256

// Scanner judges one answer, in any number of channels, as its text arrives. A
// channel is judged in units whose ends depend on its text alone, each with the
// same amount of text before it, so verdict and changes do not depend on how
// the text was cut. It is an [llm.Scanner].
type Scanner struct {
	c      *Compiled
	grain  text.Grain
	all    bool // hold the whole text
	origin llm.Origin

	mu       sync.Mutex
	tracks   []*track
	checks   []risk.Check
	pursuits []Pursuit // by detector; nil until the first text
}

// track is what is known of one channel. Offsets are the channel's.
type track struct {
	channel  llm.Channel
	index    int
	cut      int      // last end of a unit as the text has it
	judged   int      // last end of a unit that was judged: cut, less what may begin a match
	read     bool     // to the end
	begun    bool     // shown in pieces
	covered  bool     // a snapshot of it was read
	media    bool     // cannot be read
	clean    cleaning // what the cleaning of links knows of the text so far
	sealed   bool
	findings []risk.Finding
	private  []risk.Finding // all of them, at the channel's offsets
	changes  []llm.Change
	snapshot *snapshot // the last one that may leave
	readings []Reading // what Followers know of it, by detector
}

// snapshot is what was said of a whole text, so that one that comes again is not judged
// again: some dialects repeat an answer three times at its end.
type snapshot struct {
	digest [sha256.Size]byte
	ruling llm.Ruling
}

// Scanner returns a scanner for one answer.
func (c *Compiled) Scanner() *Scanner {
	s := &Scanner{c: c, origin: llm.OriginModel}
	switch c.policy.Output.Hold {
	case "prefix":
		s.grain = text.Word
	case "all":
		s.all = true
	}
	return s
}

// Except lets what stands for hidden values pass as what it is: an address that was made up
// for a schema is nobody's. ours reports whether text[start:end] touches such a stand.
func (s *Scanner) Except(ours func(text string, start, end int) bool) {
	c := *s.c
	c.ours = ours
	s.c = &c
}

// Reach is how much text that has left the scanner wants to see again.
func (s *Scanner) Reach() int { return reach + utf8.UTFMax }

// Scan judges the units that are complete. It returns a *[BlockedError] when
// the answer must stop.
func (s *Scanner) Scan(ctx context.Context, l llm.Look) (llm.Ruling, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.track(l.Channel)
	if l.Channel.Kind == llm.KindMedia {
		if s.skip(t, l.MIME); s.c.Enforcing() && t.stops() {
			return llm.Ruling{}, &BlockedError{s.verdict()}
		}
		return llm.Ruling{Safe: len(l.Text)}, nil
	}
	if l.Whole {
		return s.repeat(ctx, t, l)
	}
	t.begun = true
	if err := s.advance(ctx, t, l); err != nil {
		return llm.Ruling{}, err
	}
	return t.ruling(l), nil
}

// repeat judges a snapshot. It repeats the channel: the same units, from the start, but
// without touching what is known of the channel.
func (s *Scanner) repeat(ctx context.Context, t *track, l llm.Look) (llm.Ruling, error) {
	digest := sha256.Sum256([]byte(l.Text))
	if t.snapshot != nil && t.snapshot.digest == digest && l.Final && l.Base == 0 && l.From == 0 {
		return llm.Ruling{Safe: t.snapshot.ruling.Safe, Changes: slices.Clone(t.snapshot.ruling.Changes)}, nil
	}
	fresh := &track{channel: t.channel, index: t.index}
	err := s.advance(ctx, fresh, l)
	t.adopt(fresh)
	var stop *BlockedError
	if errors.As(err, &stop) {
		return llm.Ruling{}, &BlockedError{s.verdict()} // with what was found just now
	}
	if err != nil {
		return llm.Ruling{}, err
	}
	r := fresh.ruling(l)
	if fresh.read && l.Base == 0 && l.From == 0 && ctx.Err() == nil {
		t.snapshot = &snapshot{digest, llm.Ruling{Safe: r.Safe, Changes: slices.Clone(r.Changes)}}
	}
	return r, nil
}

// track finds a channel's state, or begins it.
func (s *Scanner) track(ch llm.Channel) *track {
	for _, t := range s.tracks {
		if t.channel == ch {
			return t
		}
	}
	t := &track{channel: ch, index: len(s.tracks)}
	s.tracks = append(s.tracks, t)
	return t
}

// adopt takes over a snapshot's findings that the channel does not have.
func (t *track) adopt(o *track) {
	for _, f := range o.findings {
		if !t.knows(f) {
			t.findings = append(t.findings, f)
		}
	}
	t.covered = t.covered || o.read
}

// knows reports whether the same thing was found at the same place.
func (t *track) knows(f risk.Finding) bool {
	return slices.ContainsFunc(t.findings, func(k risk.Finding) bool {
		same := k.Detector == f.Detector && k.Category == f.Category && k.Decision >= f.Decision
		return same && (f.Start < k.End && k.Start < f.End || f.Start == k.Start && f.End == k.End)
	})
}

// advance judges every unit that l completes.
func (s *Scanner) advance(ctx context.Context, t *track, l llm.Look) error {
	// The Window shows everything once; if it did not, nothing may be claimed.
	if t.judged < l.Base || t.cut < l.Base {
		return errGap
	}
	end := l.Base + len(l.Text)
	// Arguments are JSON: half of them means nothing, so they have no units.
	whole := s.all || t.channel.Kind == llm.KindArgs
	for !t.read {
		cut := -1
		if !whole {
			least := text.LaterUnit
			if t.cut == 0 || s.grain == text.Word {
				least = text.FirstUnit
			}
			cut = text.Cut(l.Text, t.cut-l.Base, s.grain, least)
		}
		final := cut < 0
		if final && !l.Final {
			return nil
		}
		to, known := end, t.cut-l.Base
		if !final {
			t.cut = l.Base + cut
			seen := max(0, t.judged-reach-l.Base)
			to = t.cut - s.c.open(l.Text[t.judged-l.Base:cut], l.Text[seen:cut])
			to = min(to, s.follow(ctx, t, l.Text[known:cut], t.cut))
		} else {
			s.follow(ctx, t, l.Text[known:], end)
		}
		if err := s.unit(ctx, t, l, to, final); err != nil {
			return err
		}
	}
	return nil
}

// unit judges the channel up to an offset.
func (s *Scanner) unit(ctx context.Context, t *track, l llm.Look, to int, final bool) error {
	if to <= t.judged && (!final || t.judged > 0) {
		t.read = final
		if s.c.Enforcing() && t.stops() {
			return &BlockedError{s.verdict()} // a Follower has seen where it leads
		}
		return nil
	}
	from := max(l.Base, t.judged-reach)
	if s.all {
		from = t.judged
	}
	for from > l.Base && !utf8.RuneStart(l.Text[from-l.Base]) {
		from++
	}
	// Known from the first unit on and kept: how a text begins says what it is.
	if t.judged == 0 {
		t.clean.raw = isRaw(l.Text[from-l.Base : to-l.Base])
	}
	clean := t.clean
	clean.from = t.judged - from
	window := llm.Passage{Channel: t.channel, Origin: s.origin, Sealed: t.sealed, Text: l.Text[from-l.Base : to-l.Base]}
	sc := s.c.engine.scratch.Get().(*scratch)
	d := s.c.judge(ctx, Output, []llm.Passage{window}, sc, clean)
	s.c.engine.release(sc)
	s.take(t, &d, from)
	t.clean = d.next
	t.judged, t.read = to, final
	if s.c.Enforcing() && t.stops() {
		return &BlockedError{s.verdict()}
	}
	return nil
}

// stops reports whether something in the channel forbids the answer.
func (t *track) stops() bool {
	return slices.ContainsFunc(t.findings, func(f risk.Finding) bool { return f.Decision >= risk.Hold })
}

// skip notes a part of the answer that cannot be read.
func (s *Scanner) skip(t *track, mime string) {
	t.media = true
	for _, f := range s.c.unread([]llm.Passage{{Channel: t.channel, MIME: mime}}) {
		if f.Passage = t.index; !t.knows(f) {
			t.findings = append(t.findings, f)
		}
	}
}

// take keeps what is new in a unit's draft, at the channel's offsets.
func (s *Scanner) take(t *track, d *draft, from int) {
	for _, f := range d.findings {
		if f.Passage == 0 {
			f.Start, f.End, f.Passage = f.Start+from, f.End+from, t.index
			// It lies in the context: the unit that it ended in has reported it.
			if f.End <= t.judged && t.judged > 0 {
				continue // found with the unit it ended in
			}
		}
		if !t.knows(f) {
			t.findings = append(t.findings, f)
		}
	}
	t.findings = few(t.findings)
	for _, f := range d.private {
		if f.Start, f.End, f.Passage = f.Start+from, f.End+from, t.index; f.End > t.judged || t.judged == 0 {
			t.private = append(t.private, f)
		}
	}
	if d.decision < risk.Hold {
		for _, c := range d.changes {
			// What has left cannot be changed any more; what is still here can.
			start, end := max(c.Start+from, t.judged), c.End+from
			if end > t.judged {
				t.changes = append(t.changes, llm.Change{Start: start, End: end, New: c.New, By: c.By})
			}
		}
	}
	s.count(d.checks)
}

// count adds up the checks of all units: the worst state speaks.
func (s *Scanner) count(checks []risk.Check) {
	for _, k := range checks {
		i := slices.IndexFunc(s.checks, func(o risk.Check) bool { return o.Detector == k.Detector })
		if i < 0 {
			k.Passages = nil
			s.checks = append(s.checks, k)
			continue
		}
		s.checks[i].Took += k.Took
		if k.State > s.checks[i].State {
			s.checks[i].State, s.checks[i].Err = k.State, k.Err
		}
	}
}

// ruling says what may leave: everything judged, with the changes that are
// still ahead.
func (t *track) ruling(l llm.Look) llm.Ruling {
	r := llm.Ruling{Safe: t.judged - l.Base}
	ahead := t.changes[:0]
	for _, c := range t.changes {
		if c.End <= l.Base+l.From && c.Start < c.End {
			continue
		}
		ahead = append(ahead, c)
		c.Start, c.End = c.Start-l.Base, c.End-l.Base
		r.Changes = append(r.Changes, c)
	}
	t.changes = ahead
	return r
}

// Verdict returns what is known so far. A check names only the channels that
// were read to their end.
func (s *Scanner) Verdict() risk.Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.verdict()
}

// Private are all places of the answer that hold what is masked, personal data or a credential,
// as [Judgement.Private].
func (s *Scanner) Private() (out []risk.Finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tracks {
		out = append(out, t.private...)
	}
	return out
}

// Judged returns up to which offset a channel was judged: nobody knows what stands behind.
func (s *Scanner) Judged(ch llm.Channel) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tracks {
		if t.channel == ch {
			return t.judged
		}
	}
	return 0
}

// Channels lists the channels that findings and checks index into.
func (s *Scanner) Channels() []llm.Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]llm.Channel, len(s.tracks))
	for i, t := range s.tracks {
		all[i] = t.channel
	}
	return all
}

func (s *Scanner) verdict() risk.Verdict {
	v := risk.Verdict{Policy: s.c.id}
	var read, media []int
	ordered := slices.SortedFunc(slices.Values(s.tracks), func(a, b *track) int { return compare(a.channel, b.channel) })
	for _, t := range ordered {
		found := slices.Clone(t.findings)
		slices.SortStableFunc(found, func(a, b risk.Finding) int { return a.Start - b.Start })
		v.Findings = append(v.Findings, found...)
		if t.media {
			media = append(media, t.index)
		} else if t.read || t.covered && !t.begun {
			read = append(read, t.index)
		}
	}
	for _, f := range v.Findings {
		v.Decision = max(v.Decision, f.Decision)
	}
	if !s.c.Enforcing() {
		v.Decision = min(v.Decision, risk.Flag)
	}
	slices.Sort(read)
	for _, k := range s.checks {
		if k.State == risk.Ran {
			if k.Passages = read; len(read) == 0 {
				k.State = risk.NotRun
			}
		}
		v.Checks = append(v.Checks, k)
	}
	if len(media) > 0 {
		slices.Sort(media)
		for _, id := range s.c.engine.Detectors() {
			v.Checks = append(v.Checks, risk.Check{Detector: id, State: risk.Skipped, Passages: media})
		}
	}
	return v
}

func compare(a, b llm.Channel) int {
	return cmp.Or(a.Choice-b.Choice, a.Item-b.Item, a.Part-b.Part, int(a.Kind)-int(b.Kind))
}
