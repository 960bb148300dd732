package entity

import (
	"strings"
	"sync"
)

// topic is what a word is about.
type topic uint8

// The topics that several rules share; a rule's own words have topics after them.
const (
	noTopic     topic = iota
	otherWord         // the number is an order, a version, a price: nothing personal
	phoneWord         // telephone, mobile, fax
	cardWord          // payment card
	bankWord          // an account
	idWord            // an identity number of any country
	taxWord           // a tax number of any country
	passWord          // passport
	driverWord        // driving licence
	healthWord        // insurance, patient, record
	birthWord         // born, date of birth
	icdWord           // diagnosis codes
	deviceWord        // hardware
	adWord            // advertising identifiers
	plateWord         // licence plates
	vinWord           // vehicle identification numbers
	userWord          // user names
	socialWord        // networks whose members have handles
	swiftWord         // bank identifier codes
	routeWord         // routing, sort and branch codes
	walletWord        // crypto currencies
	sickWord          // statements that somebody is ill
	doseWord          // taking a medicine
	versionWord       // versions, sections and object identifiers
	firstOwn          // the first topic that is one rule's alone
)

// reach is how far, in bytes, a word speaks for the number that follows it.
const reach = 56

// cue is a word found in a text.
type cue struct {
	start, end int32
	topic      topic
}

// word is one that cues are found by. A stem may go on.
type word struct {
	text  string
	stem  bool
	topic topic
}

// lexicon finds words by their first three bytes.
type lexicon struct {
	filter [1 << 10]uint64 // which hashes occur at all
	words  map[uint32][]word
}

// lexiconOf is built once: it is a few thousand words.
var lexiconOf = sync.OnceValue(func() *lexicon {
	l := &lexicon{words: map[uint32][]word{}}
	for _, t := range vocabulary() {
		l.add(t.words, t.topic)
	}
	for i := range rules() {
		if r := &rules()[i]; r.words != "" {
			l.add(r.words, r.own)
		}
	}
	return l
})

// add takes words apart: they are parted by bars, and an asterisk makes a stem.
func (l *lexicon) add(list string, t topic) {
	for w := range strings.SplitSeq(list, "|") {
		text, stem := strings.CutSuffix(w, "*")
		if len(text) == 2 {
			// What follows makes so short a word one that can be found.
			l.add(text+" |"+text+":|"+text+".|"+text+"=|"+text+"#|"+text+"\"", t)
			continue
		}
		key := head(text, 0)
		h := spread(key)
		l.filter[h>>6] |= 1 << (h & 63)
		l.words[key] = append(l.words[key], word{text, stem, t})
	}
}

func head(s string, i int) uint32 { return uint32(s[i]) | uint32(s[i+1])<<8 | uint32(s[i+2])<<16 }

func spread(key uint32) uint32 { return key * 2654435761 >> 16 }

// findCues finds every word that says what is near.
func findCues(t, low string) []cue {
	l := lexiconOf()
	var out []cue
	for i := 0; i+2 < len(low); i++ {
		if !wordStart(t, i) {
			continue
		}
		key := head(low, i)
		if h := spread(key); l.filter[h>>6]&(1<<(h&63)) == 0 {
			continue
		}
		for _, w := range l.words[key] {
			if strings.HasPrefix(low[i:], w.text) && (w.stem || wordEnd(low, i+len(w.text))) {
				out = append(out, cue{int32(i), int32(stemEnd(low, i+len(w.text), w.stem)), w.topic})
			}
		}
	}
	return out
}

// stemEnd returns where the word ends that begins with a stem.
func stemEnd(low string, i int, stem bool) int {
	for stem && i < len(low) && ('a' <= low[i] && low[i] <= 'z' || 0xC3 <= low[i] && low[i] < 0xD6 || low[i] >= 0x80 && low[i] < 0xC0 && cased(low, i)) {
		i++
	}
	return i
}

// wordStart reports whether a word may begin at i. Scripts without blanks, and
// those that write particles before the word, begin one at any character.
func wordStart(t string, i int) bool {
	c := t[i]
	if c >= 0xD6 {
		return true
	}
	if c >= 0x80 && c < 0xC0 || c < '0' {
		return false
	}
	if i == 0 {
		return true
	}
	b := t[i-1]
	if b >= 0x80 {
		return !cased(t, i)
	}
	return !isAlnum(b) || isDigit(b) || 'A' <= c && c <= 'Z' && 'a' <= b && b <= 'z'
}

// wordEnd reports whether a word may end at i.
func wordEnd(low string, i int) bool {
	if i >= len(low) {
		return true
	}
	c, last := low[i], low[i-1]
	switch {
	case last >= 0x80 && !cased(low, i):
		return true
	case c >= 0x80:
		return c >= 0xE2
	}
	return !isAlnum(c) || isDigit(c) || !isAlnum(last) && last < 0x80
}

// cased reports whether the character before i is a letter of a script that has
// capitals: Latin, Greek and Cyrillic words go on after their like. In the others
// words take endings that are words elsewhere.
func cased(t string, i int) bool {
	for k := i - 1; k >= 0 && i-k <= 4; k-- {
		if c := t[k]; c >= 0xC0 {
			return 0xC3 <= c && c < 0xD6 || c == 0xE1
		}
	}
	return false
}

// last returns the index after the last cue that begins before at.
func (p *page) last(at int) int {
	lo, hi := 0, len(p.cues)
	for lo < hi {
		if mid := (lo + hi) / 2; int(p.cues[mid].start) < at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// near is what the words around a value say of it.
type near struct {
	topics [24]topic // of words that speak for it, the nearest first
	n      int
	other  bool // the nearest word says that it is something else
}

// says reports whether a word of one of the topics speaks for the value.
func (n *near) says(topics ...topic) bool {
	for _, have := range n.topics[:n.n] {
		for _, t := range topics {
			if have == t && t != noTopic {
				return true
			}
		}
	}
	return false
}

// around reads the words before and after the value at t[start:end].
func (p *page) around(start, end int) near {
	var n near
	if p.tables != nil && p.column(start, &n) {
		return n
	}
	for i := p.last(start) - 1; i >= 0 && n.n < len(n.topics); i-- {
		c := p.cues[i]
		if start-int(c.end) > reach {
			if start-int(c.start) > 3*reach {
				break
			}
			continue
		}
		if !linked(p.t, int(c.end), start) {
			break
		}
		if p.inside(i) {
			continue
		}
		if c.topic == otherWord {
			n.other = n.n == 0
			if n.n > 0 || start-int(c.end) < 24 {
				break
			}
			continue
		}
		n.topics[n.n] = c.topic
		n.n++
	}
	p.after(end, &n)
	return n
}

// inside reports whether a word of a wide meaning is a part of one that says more.
func (p *page) inside(i int) bool {
	word := p.cues[i]
	switch word.topic {
	case otherWord, idWord, taxWord, bankWord, cardWord:
	default:
		return false
	}
	for k := i - 1; k >= 0 && i-k < 6; k-- {
		if c := p.cues[k]; c.end >= word.end && c.start < word.start && c.topic != otherWord && c.topic != word.topic {
			return true
		}
	}
	return false
}

// after adds what a word close behind says: "… is my phone", "… (SSN)".
func (p *page) after(end int, n *near) {
	for i := p.last(end); i < len(p.cues) && n.n < len(n.topics); i++ {
		c := p.cues[i]
		if int(c.start)-end > 18 || strings.ContainsAny(p.t[end:c.start], ",;.\n|:=0123456789") {
			return
		}
		// A word that a sign follows is the label of what comes next.
		if rest := p.t[c.end:min(len(p.t), int(c.end)+10)]; strings.ContainsAny(rest, ":=0123456789") {
			return
		}
		if c.topic == otherWord {
			n.other = n.n == 0
			return
		}
		n.topics[n.n] = c.topic
		n.n++
	}
}

// linked reports whether a word that ends at from can speak for a value at to: no
// other number stands between, and no line ends, unless the word was its label.
func linked(t string, from, to int) bool {
	digits := 0
	for i := from; i < to; i++ {
		switch c := t[i]; {
		case isDigit(c):
			if digits++; digits > 4 {
				return false
			}
		case c == '\n':
			if i-from > 24 || digits > 0 || i > from && t[i-1] == '.' && i-from > 6 {
				return false
			}
		case c == '.' && i-from > 24 && sentenceEnd(t, i):
			return false
		}
	}
	return true
}
