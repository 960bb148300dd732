package names

// Features of a token, by place. What is learnt from is what a reader sees: the word, how it
// is written, what stands beside it, the key or title before it.
const (
	slotShape = iota
	slotWord
	slotBefore
	slotAfter
	slotBefore2
	slotAfter2
	slotPre3
	slotPre5
	slotSuf2
	slotSuf3
	slotSuf4
	slotShapes
	slotShapes5
	slotKnown
	slotKnownAfter
	slotBeforeShape
	slotAfterShape
	slotPairBefore
	slotPairAfter
	slotSufBefore
	slotSufAfter
	slotKey
	slotLine
	slotPlace
	slotWordBefore
	slotWordAfter
	slotLeft
	slotRight
	slotAround
	slotNumber
	slotParts
	slotPartsAround
	slotSpeaker
	slots // how many there are
)

// line is what is known of the line that a token stands in.
type line struct {
	caps uint8 // 0: few words are capitalised, 1: about half, 2: nearly all
	end  int32 // token after it
}

// features fills ids: slots of them for every token.
func (r *Reader) features() {
	n := len(r.tokens)
	if cap(r.ids) < n*slots {
		r.ids = make([]uint32, n*slots+n*slots/4)
	}
	r.ids = r.ids[:n*slots]
	r.measure()
	r.outside()
	w := walk{Reader: r, left: -1}
	for i := range r.tokens {
		if w.pass(i); r.plain[i] && !r.Every {
			clear(r.ids[i*slots : (i+1)*slots])
		} else {
			w.step(i)
		}
	}
}

// outside finds the tokens that need not be looked at: common words in small letters, between
// such words, which nearly half of ordinary prose is; and values that were found by their
// shape, which are no part of a name.
func (r *Reader) outside() {
	n := len(r.tokens)
	if cap(r.plain) < n {
		r.plain = make([]bool, n+n/4)
	}
	r.plain = r.plain[:n]
	before, here := false, n > 0 && r.tokens[0].ordinary()
	for i := range n {
		after := i+1 < n && r.tokens[i+1].ordinary()
		r.plain[i] = before && here && after || r.tokens[i].form() == formValue
		before, here = here, after
	}
}

// measure finds the lines and how they are written.
func (r *Reader) measure() {
	r.lines = r.lines[:0]
	words, caps := 0, 0
	close := func(i int) {
		l := line{end: int32(i)}
		if words >= 3 {
			l.caps = uint8(min(2, (caps*5)/(words*2)))
		}
		r.lines = append(r.lines, l)
		words, caps = 0, 0
	}
	for i := range r.tokens {
		switch f := r.tokens[i].form(); {
		case f == formLine:
			close(i + 1)
		case f <= formMixed:
			words++
			if f != formLower {
				caps++
			}
		}
	}
	close(len(r.tokens))
}

// walk goes through the tokens once and keeps what it has passed.
type walk struct {
	*Reader
	line  int
	key   uint32 // the word before the last colon of the line
	since int    // tokens since that colon
	left  int    // token before the run of capitalised words, -1: none
	right int    // token after that run
}

// edge stands before the first token and after the last one.
var edge = token{word: 0x45444745, suf3: 0x45444745, shape: formLine}

func (w *walk) at(i int) *token {
	if i < 0 || i >= len(w.tokens) {
		return &edge
	}
	return &w.tokens[i]
}

// key keys are good for so many tokens after their colon.
const keyReach = 12

// pass moves on to token i.
func (w *walk) pass(i int) {
	t := w.at(i)
	for int(w.lines[w.line].end) <= i {
		w.line++
		w.key = 0
	}
	p := w.at(i - 1)
	if w.since++; w.since > keyReach {
		w.key = 0
	}
	if p.form() == formPunct && (p.word == colon || p.word == equals || p.word == wideColon) {
		w.key, w.since = w.keyBefore(i-2), 0
	}
	if t.named() {
		if !p.named() && !w.joined(i) {
			w.left, w.right = i-1, i+1
			for w.at(w.right).named() || w.at(w.right).form() == formPunct && w.at(w.right).shape&glued != 0 && w.at(w.right+1).named() {
				w.right++
			}
		}
	} else if i >= w.right {
		w.left, w.right = i-1, i+1
	}
}

// joined reports whether a mark without blanks, or a full stop, joins token i to the name
// before it.
func (w *walk) joined(i int) bool {
	return i < w.right
}

var colon, equals, wideColon = mark(':'), mark('='), mark('：')

func mark(x rune) uint32 { return mix(hashRune(hashStart, x), 77) }

// keyBefore is the word before a colon, over quotes and brackets.
func (w *walk) keyBefore(i int) uint32 {
	for n := 0; n < 3; n++ {
		if t := w.at(i - n); t.form() != formPunct {
			return t.word
		}
	}
	return 0
}

// step fills the features of token i.
func (w *walk) step(i int) {
	t, p, q, p2, q2 := w.at(i), w.at(i-1), w.at(i+1), w.at(i-2), w.at(i+2)
	s, sp, sq := uint32(t.shape), uint32(p.shape), uint32(q.shape)
	known := uint32(t.known)
	sk := both(s, known)
	id := w.ids[i*slots : (i+1)*slots : (i+1)*slots]
	put := func(slot int, h uint32) { id[slot] = mix(h, uint32(slot)) }
	put(slotShape, s)
	put(slotWord, t.word)
	put(slotBefore, p.word)
	put(slotAfter, q.word)
	put(slotBefore2, p2.word)
	put(slotAfter2, q2.word)
	put(slotPre3, t.pre3)
	put(slotPre5, t.pre5)
	put(slotSuf2, both(t.suf2, s))
	put(slotSuf3, t.suf3)
	put(slotSuf4, t.suf4)
	put(slotShapes, both(both(sp, s), sq))
	put(slotShapes5, both(both(both(uint32(p2.shape), sp), both(s, sq)), uint32(q2.shape)))
	put(slotKnown, both(both(sk, uint32(p.known)), sp))
	put(slotKnownAfter, both(both(sk, uint32(q.known)), sq))
	put(slotBeforeShape, both(p.word, s))
	put(slotAfterShape, both(q.word, s))
	put(slotPairBefore, both(both(p2.word, p.word), s))
	put(slotPairAfter, both(both(q.word, q2.word), s))
	put(slotSufBefore, both(p.suf3, s))
	put(slotSufAfter, both(q.suf3, s))
	put(slotLine, both(sk, uint32(w.lines[w.line].caps)))
	put(slotPlace, both(sk, start(p)))
	put(slotWordBefore, both(p.word, t.word))
	put(slotWordAfter, both(t.word, q.word))
	put(slotLeft, both(both(w.at(w.left).word, s), 1))
	put(slotRight, both(both(w.at(w.right).word, s), 2))
	put(slotParts, both(uint32(t.parts), sk))
	put(slotPartsAround, both(both(uint32(p.parts), uint32(t.parts)), both(uint32(q.parts), s)))
	put(slotAround, both(both(p.word, q.word), s))
	id[slotKey], id[slotNumber], id[slotSpeaker] = 0, 0, 0
	if w.at(w.right).word == colon || w.at(w.right).word == wideColon {
		put(slotSpeaker, both(sk, both(start(w.at(w.left)), uint32(min(w.right-i, 3)))))
	}
	if w.key != 0 {
		put(slotKey, both(w.key, s))
	}
	if f := t.form(); f >= formDigits && f <= formAlnum || q.form() >= formDigits && q.form() <= formAlnum {
		put(slotNumber, both(both(p.word, s), both(sq, q2.word)))
	}
}

// start says what begins after a token: a line, a sentence, or nothing.
func start(p *token) uint32 {
	switch {
	case p.form() == formLine:
		return 1
	case p.form() == formPunct && (p.word == mark('.') || p.word == mark('!') || p.word == mark('?') || p.word == mark('•') || p.word == mark('-')):
		return 2
	case p.form() == formPunct:
		return 3
	}
	return 0
}

// Hidden returns how often each place's features are hidden while learning: words by
// themselves, and all others.
func Hidden(word, other float32) []float32 {
	out := make([]float32, slots)
	for i := range out {
		out[i] = other
	}
	for _, i := range []int{slotWord, slotWordBefore, slotWordAfter} {
		out[i] = word
	}
	// The lists are short beside what people are called.
	out[slotParts], out[slotPartsAround] = word, word
	return out
}
