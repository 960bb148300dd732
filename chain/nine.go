package chain

import (
	"encoding/binary"
	"math"
)

// nine is what a model of four kinds, as the shipped one is, knows of its moves. Its nine tags
// are spelled out, so that what belongs to a token stays in registers; each sum is made in the
// order in which the general way makes it, and so has the same bits.
type nine struct {
	moves [10][9]float32 // from each tag, and from the start, to each tag
	odds  [10][9]float64 // e to the moves
	into  [9][9]float64  // the same, to each tag from each tag
	gap   float32        // a tag that is worse than another by so much is never what the next is best come to from
}

// of fills it.
func (x *nine) of(moves []float32, odds []float64) *nine {
	if x == nil {
		x = new(nine)
	}
	for i := range moves {
		x.moves[i/9][i%9], x.odds[i/9][i%9] = moves[i], odds[i]
		if i < 81 {
			x.into[i%9][i/9] = odds[i]
		}
	}
	x.gap = 0
	for _, to := range [...]int{0, 1, 3, 5, 7} {
		lo, hi := x.moves[0][to], x.moves[0][to]
		for from := 1; from < 9; from++ {
			lo, hi = min(lo, x.moves[from][to]), max(hi, x.moves[from][to])
		}
		x.gap = max(x.gap, hi-lo)
	}
	x.gap++ // what is lost by rounding is less
	return x
}

// weighNine adds up the rows of every token's features: which of them the model knows is found
// first, without a branch for each; then eight weights are added at a time, in lanes of
// sixteen bits.
func (t *Tagger) weighNine(ids []uint32, n int) {
	m := t.Model
	var known [maxWidth]uint32
	for i := range n {
		if t.outside != nil && t.outside[i] {
			t.none(i)
			continue
		}
		k := 0
		for _, id := range ids[i*m.width : (i+1)*m.width] {
			row := id & m.mask
			known[k&(maxWidth-1)] = row
			k += same(m.mark[row], marked(id))
		}
		const lanes = 0x00FF00FF00FF00FF
		var even, odd uint64
		last := int32(0)
		for _, row := range known[:k] {
			at := int(row) * 9
			r := m.rows[at : at+9 : at+9]
			w := binary.LittleEndian.Uint64(r) ^ 0x8080808080808080 // from 1 to 255
			even += w & lanes
			odd += w >> 8 & lanes
			last += int32(int8(r[8]))
		}
		out := (*[9]float32)(t.scores[i*9:])
		low := 128 * int32(k)
		for j := range 4 {
			out[2*j] = float32(int32(even>>(16*j)&0xFFFF)-low) * m.scale
			out[2*j+1] = float32(int32(odd>>(16*j)&0xFFFF)-low) * m.scale
		}
		out[8] = float32(last) * m.scale
	}
}

// same is 1 for two equal bytes and 0 for others.
func same(a, b byte) int { return int((uint32(a^b) - 1) >> 31) }

// bestNine is bestOf for nine tags. Only tags that are nearly as good as the best can be what
// another tag is best come to from.
func (t *Tagger) bestNine(n int) (end [MaxTags]float32) {
	x := t.Model.nine
	var was, is [9]float32
	for i := range n {
		score, back := (*[9]float32)(t.scores[i*9:]), (*[9]uint8)(t.back[i*9:])
		if i == 0 {
			is, *back = x.moves[9], [9]uint8{9, 9, 9, 9, 9, 9, 9, 9, 9}
		} else {
			x.begin(&was, &is, back)
			x.goOn(&was, &is, back)
		}
		if t.outside != nil && t.outside[i] {
			was[0] = is[0] + score[0]
			for j := 1; j < 9; j++ {
				was[j] = was[0] + 2*never // nothing follows them, however long the text
			}
			continue
		}
		for j, s := range score {
			was[j] = is[j] + s
		}
	}
	copy(end[:], was[:])
	return end
}

// begin fills Outside and the tags that begin: they follow any.
func (x *nine) begin(was, is *[9]float32, back *[9]uint8) {
	top := order(was[0])
	for _, w := range was[1:] {
		top = max(top, order(w))
	}
	least := unorder(top) - x.gap
	var near [16]uint8
	k := 0
	for from, w := range was {
		near[k&15] = uint8(from)
		if w >= least {
			k++
		}
	}
	first := near[0] % 9
	m := &x.moves[first]
	w := was[first]
	o, a, b, c, d := w+m[0], w+m[1], w+m[3], w+m[5], w+m[7]
	fo, fa, fb, fc, fd := first, first, first, first, first
	for _, from := range near[min(1, k):k] {
		m, w := &x.moves[from%9], was[from%9]
		if s := w + m[0]; s > o {
			o, fo = s, from
		}
		if s := w + m[1]; s > a {
			a, fa = s, from
		}
		if s := w + m[3]; s > b {
			b, fb = s, from
		}
		if s := w + m[5]; s > c {
			c, fc = s, from
		}
		if s := w + m[7]; s > d {
			d, fd = s, from
		}
	}
	is[0], is[1], is[3], is[5], is[7] = o, a, b, c, d
	back[0], back[1], back[3], back[5], back[7] = fo, fa, fb, fc, fd
}

// order makes a whole number of a float that is as great among others: the greatest of several
// is found without a branch.
func order(f float32) int32 {
	b := int32(math.Float32bits(f))
	return b ^ (b>>31)&math.MaxInt32
}

func unorder(b int32) float32 { return math.Float32frombits(uint32(b ^ (b>>31)&math.MaxInt32)) }

// goOn fills the tags that go on: they follow only those of their own kind.
func (x *nine) goOn(was, is *[9]float32, back *[9]uint8) {
	for to := uint8(2); to < 9; to += 2 {
		is[to], back[to] = was[to-1]+x.moves[to-1][to], to-1
		if s := was[to] + x.moves[to][to]; s > is[to] {
			is[to], back[to] = s, to
		}
	}
}

// forward fills alpha, scaled to sum one for each token.
func (x *nine) forward(odds []float64, start int, alpha []float64) {
	in := x.odds[start]
	for i := 0; i < len(odds); i += 9 {
		e, out := (*[9]float64)(odds[i:]), (*[9]float64)(alpha[i:])
		if i > 0 {
			x.come((*[9]float64)(alpha[i-9:]), &in)
		}
		var sum float64
		for j, w := range e {
			v := in[j] * w
			out[j] = v
			sum += v
		}
		scaleNine(out, sum)
	}
}

// come adds up the ways from the tags of one token to those of the next.
func (x *nine) come(was, in *[9]float64) {
	var a, b, c, d, e float64
	for from, w := range was {
		if w == 0 {
			continue
		}
		row := &x.odds[from]
		a += float64(w * row[0])
		b += float64(w * row[1])
		c += float64(w * row[3])
		d += float64(w * row[5])
		e += float64(w * row[7])
	}
	in[0], in[1], in[3], in[5], in[7] = a, b, c, d, e
	in[2] = float64(was[1]*x.odds[1][2]) + float64(was[2]*x.odds[2][2])
	in[4] = float64(was[3]*x.odds[3][4]) + float64(was[4]*x.odds[4][4])
	in[6] = float64(was[5]*x.odds[5][6]) + float64(was[6]*x.odds[6][6])
	in[8] = float64(was[7]*x.odds[7][8]) + float64(was[8]*x.odds[8][8])
}

// backward fills beta, scaled to sum one for each token.
func (x *nine) backward(odds []float64, end int, beta []float64) {
	last := len(odds) - 9
	for i := last; i >= 0; i -= 9 {
		out := (*[9]float64)(beta[i:])
		switch {
		case i < last:
			e, next := (*[9]float64)(odds[i+9:]), *(*[9]float64)(beta[i+9:])
			for j, w := range e {
				next[j] *= w
			}
			x.leave(&next, out)
		case end < 0:
			*out = [9]float64{1, 1, 1, 1, 1, 1, 1, 1, 1}
		default:
			*out = x.into[end]
		}
		var sum float64
		for _, v := range out {
			sum += v
		}
		scaleNine(out, sum)
	}
}

// leave adds up the ways from the tags of a token to those of the next one.
func (x *nine) leave(next, out *[9]float64) {
	var o, a, b, c, d, e, f, g, h float64
	for to, n := range next {
		if n == 0 {
			continue
		}
		col := &x.into[to]
		switch to { // what goes on follows only its own kind
		case 2:
			a += float64(col[1] * n)
			b += float64(col[2] * n)
			continue
		case 4:
			c += float64(col[3] * n)
			d += float64(col[4] * n)
			continue
		case 6:
			e += float64(col[5] * n)
			f += float64(col[6] * n)
			continue
		case 8:
			g += float64(col[7] * n)
			h += float64(col[8] * n)
			continue
		}
		o += float64(col[0] * n)
		a += float64(col[1] * n)
		b += float64(col[2] * n)
		c += float64(col[3] * n)
		d += float64(col[4] * n)
		e += float64(col[5] * n)
		f += float64(col[6] * n)
		g += float64(col[7] * n)
		h += float64(col[8] * n)
	}
	*out = [9]float64{o, a, b, c, d, e, f, g, h}
}

func scaleNine(p *[9]float64, sum float64) {
	if sum <= 0 {
		return
	}
	for i := range p {
		p[i] /= sum
	}
}
