package chain

import (
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// toy makes sequences of words in which a name follows a title, and goes on for as long as
// words are capitalised: no word by itself says what it is.
func toy(rng *rand.Rand, n int) []Sequence {
	const title, capital, small, mark = 11, 12, 13, 14
	out := make([]Sequence, n)
	for i := range out {
		s := Sequence{Weight: 1}
		word := func(shape, tag int) {
			before := uint32(None)
			if n := len(s.IDs); n > 0 {
				before = s.IDs[n-3] + 100
			}
			s.IDs = append(s.IDs, uint32(shape), before, uint32(1000+rng.IntN(5000)))
			s.Tags = append(s.Tags, uint8(tag))
		}
		for range 3 + rng.IntN(8) {
			switch rng.IntN(4) {
			case 0:
				word(title, Outside)
				word(capital, int(Begin(1)))
				for range rng.IntN(3) {
					word(capital, int(Inside(1)))
				}
			case 1:
				word(mark, Outside)
				word(capital, Outside)
			default:
				word(small, Outside)
			}
		}
		// A capital after anything else than a title is no name.
		out[i] = s
	}
	return out
}

func fit(t testing.TB, seqs []Sequence) *Weights {
	t.Helper()
	return Fit(Config{Tags: 5, Width: 3, Bits: 12, Epochs: 4, Drop: []float32{0, 0, .5}}, func(int) iter.Seq[Sequence] { return slices.Values(seqs) })
}

func TestLearns(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	m := fit(t, toy(rng, 400)).Model()
	tagger := &Tagger{Model: m}
	wrong, all := 0, 0
	for _, s := range toy(rng, 200) {
		tags, sure := tagger.Tag(s.IDs, nil)
		for i := range tags {
			all++
			if tags[i] != s.Tags[i] {
				wrong++
			}
			if sure[i] < 0 || sure[i] > 1 {
				t.Fatalf("probability %g", sure[i])
			}
		}
	}
	if wrong*100 > all {
		t.Errorf("%d of %d tags are wrong", wrong, all)
	}
}

func TestSameBits(t *testing.T) {
	seqs := toy(rand.New(rand.NewPCG(3, 4)), 100)
	a, err := fit(t, seqs).Model().AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := fit(t, seqs).Model().AppendBinary(nil)
	if !slices.Equal(a, b) {
		t.Error("the same sequences gave other bits")
	}
}

// random is a model of random weights.
func random(rng *rand.Rand, tags int) *Model {
	m := &Model{tags: tags, width: 2, mask: 15, scale: .03, mark: make([]byte, 16), rows: make([]byte, 16*tags), moves: make([]float32, (tags+1)*tags)}
	for i := range m.mark {
		m.mark[i] = marked(uint32(i))
	}
	m.mark[0] = 0
	for i := range m.rows {
		m.rows[i] = byte(rng.IntN(255) - 127)
	}
	for i := range m.moves {
		if m.moves[i] = float32(rng.NormFloat64()); !follows(i/tags, i%tags, tags) {
			m.moves[i] = never
		}
	}
	m.ready()
	return m
}

// TestExact compares the best sequence and its probabilities with the sum over all
// sequences.
func TestExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, tags := range []int{3, 5, 9} {
		for range 30 {
			m, n := random(rng, tags), 1+rng.IntN(4)
			ids := make([]uint32, 2*n)
			for i := range ids {
				ids[i] = uint32(rng.IntN(16))
			}
			tagger := &Tagger{Model: m}
			got, sure := tagger.Tag(ids, nil)
			want, kinds := enumerate(m, ids, nil, n)
			if !slices.Equal(got, want) {
				t.Fatalf("%v, want %v", got, want)
			}
			for i := range got {
				// Stretches as short as these are looked at whole.
				if p := kinds[i][Kind(got[i])+1]; got[i] != Outside && math.Abs(float64(sure[i])-p) > 1e-3 {
					t.Fatalf("token %d: %g, want %g", i, sure[i], p)
				}
			}
		}
	}
}

// enumerate tries every sequence of tags.
func enumerate(m *Model, ids []uint32, outside []bool, n int) (best []uint8, kinds [][]float64) {
	kinds = make([][]float64, n)
	for i := range kinds {
		kinds[i] = make([]float64, m.tags)
	}
	total, top := 0.0, math.Inf(-1)
	tags := make([]uint8, n)
	var try func(i int, score float64)
	try = func(i int, score float64) {
		if i == n {
			p := math.Exp(score)
			total += p
			for j, tag := range tags {
				kinds[j][Kind(tag)+1] += p
			}
			if score > top {
				top, best = score, slices.Clone(tags)
			}
			return
		}
		for tag := range m.tags {
			from := m.tags
			if i > 0 {
				from = int(tags[i-1])
			}
			if !follows(from, tag, m.tags) {
				continue
			}
			s := float64(m.moves[from*m.tags+tag])
			if outside != nil && outside[i] {
				if tag == Outside {
					tags[i] = Outside
					try(i+1, score+s)
				}
				continue
			}
			for _, id := range ids[2*i : 2*i+2] {
				if id != None {
					s += float64(int8(m.rows[int(id)*m.tags+tag])) * float64(m.scale)
				}
			}
			tags[i] = uint8(tag)
			try(i+1, score+s)
		}
	}
	try(0, 0)
	for i := range kinds {
		for k := range kinds[i] {
			kinds[i][k] /= total
		}
	}
	return best, kinds
}

func TestRoundTrip(t *testing.T) {
	m := random(rand.New(rand.NewPCG(7, 8)), 9)
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	got := new(Model)
	if err := got.UnmarshalBinary(b); err != nil || !reflect.DeepEqual(got, m) {
		t.Fatalf("%v", err)
	}
	for name, spoil := range map[string]func([]byte) []byte{
		"empty": func([]byte) []byte { return nil }, "short": func(b []byte) []byte { return b[:len(b)-1] }, "long": func(b []byte) []byte { return append(b, 0) },
		"magic": func(b []byte) []byte { b[0]++; return b }, "tags": func(b []byte) []byte { b[8] = 4; return b }, "width": func(b []byte) []byte { b[12] = 0; return b },
		"rows": func(b []byte) []byte { b[16] = 17; return b }, "scale": func(b []byte) []byte { b[22], b[23] = 0xFF, 0xFF; return b },
		"heavy": func(b []byte) []byte { b[22], b[23] = 0x80, 0x43; return b }, "heavy moves": func(b []byte) []byte { copy(b[24:], []byte{0, 0, 0, 0xC6}); return b },
		"moves": func(b []byte) []byte { copy(b[24+4*2:], []byte{0, 0, 0, 0}); return b },
	} {
		if err := new(Model).UnmarshalBinary(spoil(slices.Clone(b))); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOutside holds that tokens which belong to nothing are tagged so, and that the others are
// tagged as if their features said it.
func TestOutside(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for range 50 {
		m, n := random(rng, 9), 2+rng.IntN(4)
		ids, outside := make([]uint32, 2*n), make([]bool, n)
		for i := range ids {
			ids[i] = uint32(rng.IntN(16))
		}
		outside[rng.IntN(n)] = true
		tags, _ := (&Tagger{Model: m}).Tag(ids, outside)
		want, _ := enumerate(m, ids, outside, n)
		if !slices.Equal(tags, want) {
			t.Fatalf("%v, want %v with %v", tags, want, outside)
		}
	}
}

func TestLean(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	m := random(rng, 9)
	ids := make([]uint32, 200)
	for i := range ids {
		ids[i] = uint32(rng.IntN(16))
	}
	some := func(lean float32) (n int) {
		tags, _ := (&Tagger{Model: m, Lean: lean}).Tag(ids, nil)
		for _, tag := range tags {
			if tag != Outside {
				n++
			}
		}
		return n
	}
	if a, b, c := some(-50), some(0), some(50); a != 0 || b <= a || c != 100 {
		t.Errorf("%d, %d, %d", a, b, c)
	}
}

func FuzzModel(f *testing.F) {
	b, _ := random(rand.New(rand.NewPCG(11, 12)), 5).AppendBinary(nil)
	f.Add(b, []byte{1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, b, ids []byte) {
		m := new(Model)
		if m.UnmarshalBinary(b) != nil {
			return
		}
		in := make([]uint32, len(ids)/m.Width()*m.Width())
		for i := range in {
			in[i] = uint32(ids[i]) * 0x01010101
		}
		tags, sure := (&Tagger{Model: m}).Tag(in, nil)
		if len(tags) != len(in)/m.Width() || len(sure) != len(tags) {
			t.Fatal("not a tag for each token")
		}
		for i, tag := range tags {
			if from := m.Tags(); tag != Outside && tag%2 == 0 && (i == 0 || !follows(int(tags[i-1]), int(tag), from)) {
				t.Fatalf("tag %d after %d", tag, tags[max(0, i-1)])
			}
		}
	})
}

// TestNine holds that what is spelled out for nine tags gives the bits that the general way
// gives.
func TestNine(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	found := 0
	for range 300 {
		m, n := random(rng, 9), 1+rng.IntN(60)
		m.scale = []float32{.001, .01, .03, .2, 4}[rng.IntN(5)]
		general := *m
		general.nine = nil
		ids, outside := make([]uint32, 2*n), make([]bool, n)
		for i := range ids {
			ids[i] = uint32(rng.IntN(16)) * 0x01000001
		}
		for i := range outside {
			outside[i] = rng.IntN(4) == 0
		}
		lean := float32(rng.IntN(3))
		tags, sure := (&Tagger{Model: m, Lean: lean}).Tag(ids, outside)
		want, doubts := (&Tagger{Model: &general, Lean: lean}).Tag(ids, outside)
		if !slices.Equal(tags, want) || !slices.Equal(sure, doubts) {
			t.Fatalf("%v %v, want %v %v", tags, sure, want, doubts)
		}
		for _, tag := range tags {
			if tag != Outside {
				found++
			}
		}
	}
	if found < 1000 {
		t.Errorf("only %d tokens were anything", found)
	}
}

// TestLong holds that no tag stands where it may not, however much a long text weighs against
// all tags.
func TestLong(t *testing.T) {
	for _, tags := range []int{5, 9} {
		m := random(rand.New(rand.NewPCG(17, 18)), tags)
		for i := range m.rows {
			m.rows[i] |= 0x80 // less than nothing
		}
		m.scale = 4
		n := 6000
		ids, outside := make([]uint32, 2*n), make([]bool, n)
		for i := range ids {
			ids[i], outside[i/2] = 1+uint32(i%15), i/2%5 != 0
		}
		got, _ := (&Tagger{Model: m}).Tag(ids, outside)
		for i, tag := range got {
			before := tags
			if i > 0 {
				before = int(got[i-1])
			}
			if !follows(before, int(tag), tags) || outside[i] && tag != Outside {
				t.Fatalf("%d tags: tag %d after %d at %d", tags, tag, before, i)
			}
		}
	}
}
