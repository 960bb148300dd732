package follow

import (
	"bytes"
	"context"
	"strings"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
	"github.com/bartizan-ai/bartizan/text"
)

// Leak finds what an answer gives away of its system's own words: it compares the answer with
// the system and developer messages of the same request, while it streams.
//
// Catches: words that the system text says are to be kept, or names as a secret, in a dozen and
// more languages, and those that look like nothing but a secret; in clear, in other case, spelt
// out with anything between, reversed, shifted by any number, in Atbash, leet, look-alikes,
// hexadecimal, Base64, codes and bits, as initials of words or lines; the larger part of a long
// one. Instructions that are repeated word for word, 25 words or more, 12 where they are to be
// kept; for short texts most of them.
// Does not catch: instructions in other words or another language, secrets told by hints, a
// letter at a time over several answers, or in ciphers with a key; facts that the system is told
// for answering, which nothing calls confidential. A word that the caller or a tool says in the
// same request is no secret.
// Example: the system text says "The door code is 4-heron-77; never mention it", and an answer
// "4 h e r o n 7 7".
type Leak struct{ briefs *briefs }

// ID implements [guard.Detector].
func (Leak) ID() string { return "answer/leak@1" }

// Finds implements [guard.Finder].
func (Leak) Finds() []risk.Category { return []risk.Category{risk.PromptLeak} }

// Look implements [guard.Detector].
func (l Leak) Look(ctx context.Context, passages []llm.Passage) ([]risk.Finding, error) {
	return guard.Followed(l, passages), ctx.Err()
}

// Follow implements [guard.Follower].
func (l Leak) Follow(request []llm.Passage, asked bool) guard.Pursuit {
	if !asked {
		return nil
	}
	p := &leakPursuit{}
	var system strings.Builder
	for i := range request {
		if r := &request[i]; instructs(r) {
			system.WriteString(r.Text[:min(len(r.Text), maxInstructs)] + "\n\n")
		}
	}
	known := l.briefs.get(system.String())
	p.run = known.run
	p.words = known.words
	said := saidElsewhere(request, known.words)
	for i := range known.words {
		if !said[i] {
			p.needles = append(p.needles, known.needles[i]...)
		}
	}
	for _, n := range p.needles {
		p.longest[n.in] = max(p.longest[n.in], len(n.text))
		p.used[n.in] = true
	}
	return p
}

// instructs reports whether a passage is what a system was told.
func instructs(p *llm.Passage) bool {
	return (p.Origin == llm.OriginSystem || p.Origin == llm.OriginDeveloper) && p.Channel.Kind == llm.KindText
}

// saidElsewhere reports which words somebody else says in the request: then the answer tells
// nobody anything. What the model said before it was told by nobody else.
func saidElsewhere(request []llm.Passage, words []declared) []bool {
	said := make([]bool, len(words))
	for i := range request {
		p := &request[i]
		if len(words) == 0 || p.Origin == llm.OriginSystem || p.Origin == llm.OriginDeveloper || p.Origin == llm.OriginModel {
			continue
		}
		folded := text.Fold(p.Text)
		for n, w := range words {
			said[n] = said[n] || strings.Contains(folded, text.Fold(w.word))
		}
	}
	return said
}

// leakPursuit is what is looked for in one answer.
type leakPursuit struct {
	words   []declared
	needles []needle
	longest [sieves]int
	used    [sieves]bool
	run     *verbatim
}

// Begin implements [guard.Pursuit].
func (p *leakPursuit) Begin(llm.Kind) guard.Reading {
	r := &leakReading{p: p, told: make([]bool, len(p.words))}
	r.sift.used = p.used
	r.run.of = p.run
	return r
}

// leakReading follows one text.
type leakReading struct {
	p    *leakPursuit
	sift sifter
	run  runs
	at   int    // bytes read
	told []bool // words that were found
}

// Read implements [guard.Reading].
func (r *leakReading) Read(piece string) (found []risk.Finding, open int) {
	start := r.at
	r.at += len(piece)
	open = r.at
	if len(r.p.needles) == 0 && r.p.run == nil {
		return nil, open
	}
	v := text.Normalise(piece)
	if len(r.p.needles) > 0 {
		for i := 0; i < len(v.Text); {
			c, n := utf8.DecodeRuneInString(v.Text[i:])
			from, to := v.Original(i, i+n)
			r.sift.rune(c, start+from, start+to)
			i += n
		}
		found, open = r.search(found, open)
		found = r.decoded(found, piece, &v, start)
	}
	if r.p.run != nil {
		more, from := r.run.read(&v, start)
		found, open = append(found, more...), min(open, from)
	}
	return found, open
}

// search looks for needles in what the sieves have kept, and for their beginnings at its end.
func (r *leakReading) search(found []risk.Finding, open int) ([]risk.Finding, int) {
	for _, n := range r.p.needles {
		k := &r.sift.kept[n.in]
		if r.told[n.word] {
			continue
		}
		if from, to, ok := n.find(k); ok {
			r.told[n.word] = true
			found = append(found, leaked(from, to, r.p.words[n.word].p))
			continue
		}
		if begun := n.begun(k.text); begun > 0 {
			open = min(open, k.at[len(k.at)-begun].from)
		}
	}
	for in := range r.sift.kept {
		// What is too far back to be part of anything is forgotten; one more byte says whether
		// a word began before it.
		r.sift.kept[in].forget(r.p.longest[in] + 1)
	}
	return found, open
}

// decoded looks for the words in what the piece hides in an encoding that reads like language.
func (r *leakReading) decoded(found []risk.Finding, piece string, v *text.View, start int) []risk.Finding {
	views, _ := text.Readings(piece, v)
	for i := range views {
		var k kept
		for at, c := range views[i].Text {
			if c = spelt(c); c >= 0 {
				k.put(bySpelling, c, at, at+utf8.RuneLen(c))
			}
		}
		for _, n := range r.p.needles {
			if _, _, ok := n.find(&k); ok && n.in == bySpelling && !r.told[n.word] {
				r.told[n.word] = true
				from, to := views[i].Original(0, len(views[i].Text))
				found = append(found, leaked(start+from, start+to, r.p.words[n.word].p))
			}
		}
	}
	return found
}

func leaked(from, to int, p float64) risk.Finding {
	return risk.Finding{Category: risk.PromptLeak, Severity: risk.High, Confidence: p, Start: from, End: to,
		Impact: risk.Confidentiality, Refs: refs("LLM08:2026", "AML.T0056")}
}

// find returns where a needle lies in what a sieve kept.
func (n *needle) find(k *kept) (from, to int, ok bool) {
	for at := 0; ; at++ {
		i := bytes.Index(k.text[at:], []byte(n.text))
		if i < 0 {
			return 0, 0, false
		}
		at += i
		if from, to = k.at[at].from, k.at[at+len(n.text)-1].to; !n.bounded || n.alone(k, at) {
			return from, to, true
		}
	}
}

// alone reports whether a short word stands by itself: with signs on both sides, and in it
// either none or some between each two letters.
func (n *needle) alone(k *kept, at int) bool {
	end := at + len(n.text)
	if at > 0 && k.at[at-1].to == k.at[at].from || end < len(k.text) && k.at[end-1].to == k.at[end].from {
		return false
	}
	apart := 0
	for i := at + 1; i < end; i++ {
		if k.at[i-1].to < k.at[i].from {
			apart++
		}
	}
	return apart == 0 || apart >= utf8.RuneCountInString(n.text)-1
}

// begun returns how many bytes at the end of a sieve may begin a needle.
func (n *needle) begun(s []byte) int {
	if len(s) == 0 {
		return 0
	}
	last := s[len(s)-1]
	for k := min(len(n.text)-1, len(s)); k >= leastHeld[n.in]; k-- {
		if n.text[k-1] == last && string(s[len(s)-k:]) == n.text[:k] {
			return k
		}
	}
	return 0
}
