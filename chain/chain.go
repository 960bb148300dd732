// Package chain labels sequences with a linear-chain conditional random field over hashed
// features (Lafferty, McCallum, Pereira, ICML 2001): every token gets the tag that fits its
// own features and the tag before it.
//
// Tags come in the usual scheme: tag 0 is outside; kind k begins with tag 2k+1 and goes on
// with tag 2k+2. A tag that goes on may only follow one of its own kind, and no model can
// say otherwise. Weights are a byte each, so that a model of many languages fits into a
// binary. May change.
package chain

import "math"

// Outside is the tag of a token that belongs to nothing.
const Outside = 0

// Begin is the tag of the first token of kind k, Inside that of the tokens after it.
func Begin(k int) uint8  { return uint8(2*k + 1) }
func Inside(k int) uint8 { return uint8(2*k + 2) }

// Kind returns the kind of a tag, -1 for Outside.
func Kind(tag uint8) int { return (int(tag)+1)/2 - 1 }

// MaxTags bounds the tags of a model: seven kinds.
const MaxTags = 15

// Model is a table of weights. It never changes and is safe for concurrent use.
type Model struct {
	tags  int
	width int // features of a token
	mask  uint32
	scale float32
	mark  []byte    // of each row, which feature it is of; 0: of none
	rows  []byte    // of each feature, a weight for each tag, from -127 to 127
	moves []float32 // from each tag, and from the start, to each tag
	odds  []float64 // e to the moves
	nine  *nine     // the same for nine tags
}

// None is the feature of a token that has none in that place.
const None = 0

// marked tells a feature from others that share its row. The bits are not those that choose
// the row.
func marked(id uint32) byte { return byte(id>>24) | 1 }

// ready computes what tagging needs.
func (m *Model) ready() {
	m.odds = grow(m.odds, len(m.moves))
	for i, w := range m.moves {
		m.odds[i] = exp(float64(w))
	}
	if m.tags == 9 {
		m.nine = m.nine.of(m.moves, m.odds)
	}
}

// Width is how many features a token has.
func (m *Model) Width() int { return m.width }

// never is the weight of a tag that may not follow.
const never = -1e4

// Tags is how many tags there are.
func (m *Model) Tags() int { return m.tags }

// follows reports whether a tag may stand after another; from == tags is the start.
func follows(from, to, tags int) bool {
	if to == Outside || to%2 == 1 {
		return true
	}
	return from != tags && from != Outside && (from == to || from == to-1)
}

// Tagger labels sequences with a model. It reuses its memory: one goroutine at a time.
type Tagger struct {
	Model *Model
	// Lean is taken off the weight of Outside: what is unsure is then reported, with its
	// probability.
	Lean float32

	outside []bool
	scores  []float32 // of each token, for every tag
	back    []uint8
	tags    []uint8
	sure    []float32
	odds    []float64 // e to the scores, of the tokens that were doubted
	doubted int       // how far they go
	ahead   []float64
	behind  []float64
}

// Tag labels tokens: the features of token t are ids[t*width:(t+1)*width]. Tokens of which
// outside is true belong to nothing, and their features are not looked at; outside may be nil.
// It returns each token's tag, and how probable it is that the token is of that kind. The
// slices are the tagger's own and hold until the next call.
func (t *Tagger) Tag(ids []uint32, outside []bool) (tags []uint8, sure []float32) {
	n := len(ids) / t.Model.width
	t.outside, t.doubted = outside, 0
	t.weigh(ids, n)
	t.lean(n, -t.Lean)
	t.best(n)
	t.lean(n, t.Lean) // probabilities are the model's own
	t.sure = grow(t.sure, n)
	for from := 0; from < n; from++ {
		if t.tags[from] == Outside {
			t.sure[from] = 1
			continue
		}
		to := from
		for to < n && t.tags[to] != Outside {
			to++
		}
		t.doubt(from, to, n)
		from = to - 1
	}
	return t.tags[:n], t.sure[:n]
}

// weigh adds up the rows of every token's features.
func (t *Tagger) weigh(ids []uint32, n int) {
	m := t.Model
	k := m.tags
	t.scores = grow(t.scores, n*k)
	if m.nine != nil {
		t.weighNine(ids, n)
		return
	}
	var sum [MaxTags]int32
	for i := range n {
		if t.outside != nil && t.outside[i] {
			t.none(i)
			continue
		}
		clear(sum[:k])
		for _, id := range ids[i*m.width : (i+1)*m.width] {
			if m.mark[id&m.mask] != marked(id) {
				continue
			}
			for j, w := range m.rows[int(id&m.mask)*k:][:k] {
				sum[j] += int32(int8(w))
			}
		}
		for j := range k {
			t.scores[i*k+j] = float32(sum[j]) * m.scale
		}
	}
}

// lean adds to the weight of Outside.
func (t *Tagger) lean(n int, by float32) {
	for i := 0; i < n*t.Model.tags; i += t.Model.tags {
		t.scores[i] += by
	}
}

// none leaves a token no tag but Outside.
func (t *Tagger) none(i int) {
	k := t.Model.tags
	for j := range k {
		t.scores[i*k+j] = never
	}
	t.scores[i*k] = 0
}

// best finds the most probable sequence of tags (Viterbi, IEEE Trans. IT 13, 1967).
func (t *Tagger) best(n int) {
	m := t.Model
	k := m.tags
	t.back, t.tags = grow(t.back, n*k), grow(t.tags, n)
	var was [MaxTags]float32
	if m.nine != nil {
		was = t.bestNine(n)
	} else {
		was = t.bestOf(n)
	}
	at := 0
	for to := 1; n > 0 && to < k; to++ {
		if was[to] > was[at] {
			at = to
		}
	}
	for i := n - 1; i >= 0; i-- {
		t.tags[i] = uint8(at)
		at = int(t.back[i*k+at])
	}
}

// bestOf goes through the tokens and notes from which tag each tag is best come to. It returns
// how good the tags of the last token are.
func (t *Tagger) bestOf(n int) (was [MaxTags]float32) {
	m := t.Model
	k := m.tags
	var is [MaxTags]float32
	for i := range n {
		score := t.scores[i*k:][:k]
		back := t.back[i*k:][:k]
		last := k
		if t.outside != nil && t.outside[i] {
			last = 1
		}
		for to := range last {
			top, at := float32(math.Inf(-1)), 0
			if i == 0 {
				top, at = m.moves[k*k+to], k
			} else {
				for from, hi := before(to, k); from < hi; from++ {
					if s := was[from] + m.moves[from*k+to]; s > top {
						top, at = s, from
					}
				}
			}
			is[to], back[to] = top+score[to], uint8(at)
		}
		for to := last; to < k; to++ { // nothing follows them, however long the text
			is[to], back[to] = is[0]+2*never, 0
		}
		was = is
	}
	return was
}

// around is how many tokens on each side of a stretch may be doubted with it.
const around = 3

// doubt computes how probable it is that the tokens of a stretch are of their kinds: the sum
// over all ways to tag the stretch and a few tokens beside it, with what lies further out
// held to be as it was found (forward-backward; Rabiner, Proc. IEEE 77, 1989).
func (t *Tagger) doubt(from, to, n int) {
	m, k := t.Model, t.Model.tags
	lo, hi := max(0, from-around), min(n, to+around)
	start := k
	if lo > 0 {
		start = int(t.tags[lo-1])
	}
	t.odds = grow(t.odds, n*k)
	if first := max(lo, t.doubted); first < hi {
		m.weights(t.scores[first*k:hi*k], t.odds[first*k:])
		t.doubted = hi
	}
	// What lies behind a token is not needed to come to it, nor what lies before to leave it.
	t.ahead, t.behind = grow(t.ahead, (to-lo)*k), grow(t.behind, (hi-from)*k)
	m.forward(t.odds[lo*k:to*k], start, t.ahead)
	end := -1
	if hi < n {
		end = int(t.tags[hi])
	}
	m.backward(t.odds[from*k:hi*k], end, t.behind)
	for i := from; i < to; i++ {
		kind := Kind(t.tags[i])
		var all, own float64
		for tag := range k {
			p := t.ahead[(i-lo)*k+tag] * t.behind[(i-from)*k+tag]
			all += p
			if Kind(uint8(tag)) == kind {
				own += p
			}
		}
		t.sure[i] = 0
		if all > 0 {
			t.sure[i] = float32(own / all)
		}
	}
}

// before returns the range of tags that may stand before one.
func before(tag, tags int) (lo, hi int) {
	if tag != Outside && tag%2 == 0 {
		return tag - 1, tag + 1 // what goes on follows only its own kind
	}
	return 0, tags
}

// weights fills odds with e to the scores, the best of each token at one.
func (m *Model) weights(scores []float32, odds []float64) {
	k := m.tags
	for i := 0; i < len(scores); i += k {
		of, to := scores[i:][:k], odds[i:][:k]
		top := highest(of)
		for j, s := range of {
			to[j] = exp(float64(s - top))
		}
	}
}

// forward fills alpha, scaled to sum one for each token.
func (m *Model) forward(odds []float64, start int, alpha []float64) {
	if m.nine != nil {
		m.nine.forward(odds, start, alpha)
		return
	}
	k := m.tags
	for i := 0; i < len(odds); i += k {
		var sum float64
		for to := range k {
			var in float64
			if i == 0 {
				in = m.odds[start*k+to]
			} else {
				lo, hi := before(to, k)
				for from := lo; from < hi; from++ {
					in += float64(alpha[i-k+from] * m.odds[from*k+to])
				}
			}
			alpha[i+to] = in * odds[i+to]
			sum += alpha[i+to]
		}
		scale(alpha[i:][:k], sum)
	}
}

// backward fills beta, scaled to sum one for each token.
func (m *Model) backward(odds []float64, end int, beta []float64) {
	if m.nine != nil {
		m.nine.backward(odds, end, beta)
		return
	}
	k := m.tags
	last := len(odds) - k
	var next [MaxTags]float64
	for i := last; i >= 0; i -= k {
		var sum float64
		if i < last {
			for to := range k {
				next[to] = float64(odds[i+k+to] * beta[i+k+to])
			}
		}
		for from := range k {
			var out float64
			switch {
			case i == last && end < 0:
				out = 1
			case i == last:
				out = m.odds[from*k+end]
			default:
				for to := range k {
					out += float64(m.odds[from*k+to] * next[to])
				}
			}
			beta[i+from] = out
			sum += out
		}
		scale(beta[i:][:k], sum)
	}
}

func highest(s []float32) float32 {
	top := s[0]
	for _, x := range s[1:] {
		top = max(top, x)
	}
	return top
}

func scale(p []float64, sum float64) {
	if sum <= 0 {
		return
	}
	for i := range p {
		p[i] /= sum
	}
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/2)
	}
	return s[:n]
}

// exp is e to the x from a table, because no two processors need agree on the last bit of an
// exponential, and a model must come out the same on both.
func exp(x float64) float64 {
	const low, high = -30, 30
	if !(x > low) { // nor is what is no number
		return 0
	}
	if x >= high {
		x = high
	}
	at := float64(x-low) * steps
	i := int(at)
	return exps[i] + float64(float64(at-float64(i))*float64(exps[i+1]-exps[i]))
}

// steps is how many entries of the table lie between two whole numbers.
const steps = 128

var exps = func() (t [60*steps + 2]float64) {
	for i := range t {
		e := math.Exp(float64(i)/steps - 30)
		// Ten digits, on which all agree.
		unit := math.Pow(10, math.Floor(math.Log10(e))-9)
		t[i] = math.Round(e/unit) * unit
	}
	return t
}()
