package follow

import (
	"context"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Runaway finds answers that go round in circles: the end of a text that says one thing over
// and over, and will not stop by itself.
//
// Catches: a word, a sentence, a block of lines of up to 256 words that is repeated eight times or
// more with nothing else between; one character over and over. Flagged from 1.5 kB on, sure from
// 3 kB on. More than 128 calls of tools in one answer.
// Does not catch: a loop that changes a word or a number each time, rows of numbers alone, long
// answers that say something, a model that calls one tool after another (tool_storm does, where
// the calls are the same), and repetition that a caller's own text has in as many words, which an
// answer may give back.
// Example: "lantern, lantern, lantern, …", four hundred times.
type Runaway struct{}

// ID implements [guard.Detector].
func (Runaway) ID() string { return "answer/runaway@1" }

// Finds implements [guard.Finder].
func (Runaway) Finds() []risk.Category { return []risk.Category{risk.ResourceAbuse} }

// Look implements [guard.Detector].
func (r Runaway) Look(ctx context.Context, passages []llm.Passage) ([]risk.Finding, error) {
	return guard.Followed(r, passages), ctx.Err()
}

// Follow implements [guard.Follower]. An answer may be as repetitive as what it is asked about:
// a table that is translated, a log that is quoted.
func (Runaway) Follow(request []llm.Passage, _ bool) guard.Pursuit {
	p := &runawayPursuit{least: leastLoop}
	for i := range request {
		if request[i].Channel.Kind == llm.KindMedia || len(request[i].Text) < leastLoop {
			continue
		}
		l := loop{}
		l.read(request[i].Text[:min(len(request[i].Text), maxGiven)])
		p.least = max(p.least, l.longest+leastLoop)
	}
	return p
}

// Bounds of a loop.
const (
	maxPeriod = 256       // words of what is repeated
	leastLoop = 1536      // bytes that a loop takes
	fewRounds = 8         // of what is repeated
	maxGiven  = 256 << 10 // bytes of a request that are looked at
)

// Confidences: code and tables have stretches that look alike, prose of this length has none.
const (
	looping  = .7
	runsAway = .95
)

type runawayPursuit struct {
	least int // bytes
	calls int // of tools, in this answer
}

// maxCalls bounds how many tools one answer calls: some dialects repeat each call once or twice.
const maxCalls = 128

// Begin implements [guard.Pursuit]. Arguments of tools may loop as well.
func (p *runawayPursuit) Begin(kind llm.Kind) guard.Reading {
	if kind == llm.KindArgs {
		p.calls++
	}
	return &runawayReading{p: p, storm: p.calls > maxCalls && kind == llm.KindArgs}
}

type runawayReading struct {
	p     *runawayPursuit
	head  []byte // of a text too short to be a loop: most are, and a loop's tables are large
	loop  *loop  // nil: there is only a head yet
	at    int    // bytes read
	told  float64
	storm bool // one call of a tool too many
}

// Read implements [guard.Reading]. Nothing is held for it: what has left of a loop harms nobody.
func (r *runawayReading) Read(piece string) ([]risk.Finding, int) {
	r.at += len(piece)
	longest := r.read(piece)
	p := 0.
	switch n := longest; {
	case r.storm, n >= 2*r.p.least:
		p = runsAway
	case n >= r.p.least:
		p = looping
	}
	if p <= r.told {
		return nil, r.at
	}
	r.told = p
	return []risk.Finding{{Category: risk.ResourceAbuse, Severity: risk.Medium, Confidence: p, Start: max(0, r.at-longest), End: r.at,
		Impact: risk.Availability, Refs: refs("LLM06:2026", "AML.T0034")}}, r.at
}

// read takes a piece, and returns how many bytes the longest loop has so far.
func (r *runawayReading) read(piece string) int {
	if r.loop == nil && r.at < leastLoop {
		r.head = append(r.head, piece...)
		return 0
	}
	if r.loop == nil {
		r.loop = new(loop)
		r.loop.read(string(r.head))
		r.head = nil
	}
	r.loop.read(piece)
	return r.loop.longest
}

// loop finds the longest stretch of a text that repeats what came a fixed number of words before
// it. A word is compared with the one a period ago; the period is where the same three words
// stood last, so one table lookup a word is all that it takes.
type loop struct {
	half     []byte // a word that has begun
	letters  bool   // it has some
	ring     [2 * maxPeriod]uint64
	words    int                  // read
	last     [4 * maxPeriod]stood // by their digest; a later one takes the place of another
	period   int                  // 0: none
	since    int                  // byte where its first word ended
	matched  int                  // words that matched at that period
	lettered bool                 // one of them has letters: rows of zeros are data
	at       int                  // bytes read
	longest  int                  // bytes of the longest loop
}

func (l *loop) read(s string) {
	for i, r := range s {
		c := spelt(r)
		if c < 0 {
			l.end(l.at + i)
			continue
		}
		l.half = utf8.AppendRune(l.half, c)
		l.letters = l.letters || c > '9'
		if r >= 0x2E80 && r < 0xAC00 || len(l.half) >= maxToken { // scripts without blanks, and words without an end
			l.end(l.at + i + utf8.RuneLen(r))
		}
	}
	l.at += len(s)
}

// end takes the word that has ended.
func (l *loop) end(at int) {
	if len(l.half) == 0 {
		return
	}
	w, letters := digest(l.half), l.letters
	l.letters = false
	l.half = l.half[:0]
	back := func(n int) uint64 { return l.ring[(l.words-n)%len(l.ring)] }
	if l.period > 0 && back(l.period) == w {
		l.lettered = l.lettered || letters
		if l.matched++; l.matched >= fewRounds*l.period && l.lettered {
			l.longest = max(l.longest, at-l.since)
		}
	} else {
		l.period = 0
	}
	if l.words >= 2 {
		k := three(back(2), back(1), w)
		was := &l.last[k%uint64(len(l.last))]
		if n := l.words - was.words; l.period == 0 && was.key == k && n <= maxPeriod {
			l.period, l.matched, l.since, l.lettered = n, 0, at, false
		}
		*was = stood{k, l.words}
	}
	l.ring[l.words%len(l.ring)] = w
	l.words++
}

// stood says where the same three words stood last: the number of the last of them.
type stood struct {
	key   uint64
	words int
}
