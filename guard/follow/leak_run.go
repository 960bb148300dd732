package follow

import (
	"unicode"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/risk"
	"github.com/bartizan-ai/bartizan/text"
)

// verbatim is a system text as what repeats it is known by: a digest of each word.
type verbatim struct {
	words  []uint64
	duty   []bool           // it stands in a sentence that instructs
	places map[uint64][]int // of three words in a row: where the last of them stands
	enough int              // words of instructions in a row that give them away
}

// How many words in a row are too many. Handbooks and lists of facts do not count: an answer may
// quote them.
const (
	manyInRow   = 25
	keptInRow   = 12 // where the text says that it is to be kept
	fewestInRow = 8  // where it has no more
	maxPlaces   = 4  // of the same three words
	maxRuns     = 8  // that are followed at once
	repeated    = .95
)

// newVerbatim reads a system text; nil when it instructs nothing that could be told.
func newVerbatim(parts []sentence) *verbatim {
	v := &verbatim{places: map[uint64][]int{}, enough: manyInRow}
	duties := 0
	for _, part := range parts {
		instructs := part.signs&duty != 0
		if part.reads.kept && part.signs&oneself != 0 {
			v.enough = keptInRow
		}
		var w wordReader
		w.each(part.text+" ", 0, func(word uint64, _, _ int) {
			v.words, v.duty = append(v.words, word), append(v.duty, instructs)
			if instructs {
				duties++
			}
		})
	}
	// Most of a short text is all that matters of it.
	if v.enough = min(v.enough, max(fewestInRow, duties*3/5)); duties < fewestInRow {
		return nil
	}
	for i := 2; i < len(v.words); i++ {
		if k := three(v.words[i-2], v.words[i-1], v.words[i]); len(v.places[k]) < maxPlaces {
			v.places[k] = append(v.places[k], i)
		}
	}
	return v
}

// digest is FNV-1a. It is the same in every process: what is found must not depend on a seed.
func digest(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

func three(a, b, c uint64) uint64 {
	const prime = 0x9E3779B97F4A7C15
	return (a*prime^b)*prime ^ c
}

// wordReader cuts a text into words, piece by piece. A character of a script without blanks is
// a word.
type wordReader struct {
	half []byte // a word that has begun
	from int
}

func (w *wordReader) each(s string, start int, take func(word uint64, from, to int)) {
	end := func(at int) {
		if len(w.half) > 0 {
			take(digest(w.half), w.from, at)
			w.half = w.half[:0]
		}
	}
	for i, r := range s {
		c := spelt(r)
		if c < 0 {
			end(start + i)
			continue
		}
		if len(w.half) == 0 {
			w.from = start + i
		}
		if w.half = utf8.AppendRune(w.half, c); unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai) || len(w.half) > maxToken {
			end(start + i + utf8.RuneLen(r))
		}
	}
}

// oneRun is a stretch of an answer that repeats the text word for word.
type oneRun struct {
	at    int // the last word of the text that was repeated
	duty  int // words of instructions in it
	from  int // where it begins in the answer
	words int
}

// runs follows one answer.
type runs struct {
	of    *verbatim
	words wordReader
	last  [2]uint64
	froms [2]int
	live  []oneRun
	told  bool
}

// read reads a piece and returns from where on the answer must be held.
func (r *runs) read(v *text.View, start int) (found []risk.Finding, open int) {
	_, end := v.Original(max(0, len(v.Text)-1), len(v.Text))
	if len(v.Text) == 0 {
		end = 0
	}
	open = start + end
	r.words.each(v.Text, 0, func(word uint64, at, to int) {
		from, until := v.Original(max(0, at), to)
		if f, ok := r.word(word, start+from, start+until); ok {
			found = append(found, f)
		}
	})
	r.words.from = 0 // a word that goes on begins with the next piece, as far as anybody can tell
	for _, one := range r.live {
		if one.words >= fewestInRow/2 {
			open = min(open, one.from)
		}
	}
	return found, open
}

// word goes on with every run that the word continues, and begins one where three words stand
// in the text.
func (r *runs) word(word uint64, from, to int) (f risk.Finding, told bool) {
	next := r.live[:0]
	for _, one := range r.live {
		if one.at+1 < len(r.of.words) && r.of.words[one.at+1] == word {
			one.at, one.words = one.at+1, one.words+1
			if r.of.duty[one.at] {
				one.duty++
			}
			if next = append(next, one); one.duty >= r.of.enough && !r.told {
				r.told, told = true, true
				f = leaked(one.from, to, repeated)
			}
		}
	}
	r.live = next
	for _, at := range r.of.places[three(r.last[0], r.last[1], word)] {
		if len(r.live) < maxRuns && !r.follows(at) {
			r.live = append(r.live, r.begin(at))
		}
	}
	r.last, r.froms = [2]uint64{r.last[1], word}, [2]int{r.froms[1], from}
	return f, told
}

func (r *runs) follows(at int) bool {
	for _, one := range r.live {
		if one.at == at {
			return true
		}
	}
	return false
}

func (r *runs) begin(at int) oneRun {
	one := oneRun{at: at, from: r.froms[0], words: 3}
	for i := at - 2; i <= at; i++ {
		if r.of.duty[i] {
			one.duty++
		}
	}
	return one
}
