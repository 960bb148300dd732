// Package names finds names of people, places and organisations, and postal addresses, in
// texts of many languages, with a model that was learnt from examples: by how words are made
// and by what stands beside them. May change.
package names

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/bartizan-ai/bartizan/chain"
)

// Kinds are the kinds that the recogniser tells apart, in the order of its tags.
var Kinds = []string{"person", "address", "location", "organization"}

// Recogniser finds names of people, places and organisations, and postal addresses, by the
// words they are made of and by what stands beside them. It reads texts of any language;
// those it learnt from are listed in the documentation. It is safe for concurrent use.
type Recogniser struct {
	Words *Vocabulary
	Model *chain.Model
	pool  sync.Pool
}

// lean is what is taken off the weight of "no name", so that what is unsure is found, too,
// with the probability that it has.
const lean = 1

// piece is how much of a text is read at once, in bytes: what is kept of a text does not
// grow with it.
const piece = 4 << 10

// Find calls emit for every name in the text, in order. values are what was found by its
// shape, in order.
func (r *Recogniser) Find(s string, values []Value, emit func(kind, start, end int, confidence float64)) {
	w, _ := r.pool.Get().(*work)
	if w == nil {
		w = &work{reader: Reader{Words: r.Words}, tagger: chain.Tagger{Model: r.Model, Lean: lean}}
	}
	defer r.pool.Put(w)
	for at := 0; at < len(s); {
		end := at + breakAt(s[at:])
		for w.values = w.values[:0]; len(values) > 0 && values[0].Start < end; values = values[1:] {
			if v := values[0]; v.Start >= at && v.End <= end {
				w.values = append(w.values, Value{v.Start - at, v.End - at, v.Kind})
			}
		}
		w.find(s[at:end], at, emit)
		at = end
	}
}

// work is what finding needs.
type work struct {
	reader Reader
	tagger chain.Tagger
	values []Value
}

// breakAt returns where the first piece of a text ends: at a line, a sentence or a word.
func breakAt(s string) int {
	if len(s) <= piece {
		return len(s)
	}
	for _, sign := range []string{"\n", ". ", "。", " "} {
		if i := strings.LastIndex(s[piece/2:piece], sign); i >= 0 {
			return piece/2 + i + len(sign)
		}
	}
	end := piece
	for end > piece-4 && s[end]&0xC0 == 0x80 {
		end--
	}
	return end
}

func (w *work) find(s string, base int, emit func(kind, start, end int, confidence float64)) {
	n := w.reader.Read(s, w.values)
	if n == 0 {
		return
	}
	tags, sure := w.tagger.Tag(w.reader.IDs(), w.reader.Outside())
	for i := 0; i < n; {
		kind := chain.Kind(tags[i])
		if kind < 0 {
			i++
			continue
		}
		from, sum, words := i, float64(0), false
		for ; i < n && (i == from || tags[i] == chain.Inside(kind)); i++ {
			sum += float64(sure[i])
			words = words || w.reader.tokens[i].form() < formDigits
		}
		if !words {
			continue // numbers alone name nobody
		}
		start, _ := w.reader.Token(from)
		_, end := w.reader.Token(i - 1)
		emit(kind, base+start, base+end, sum/float64(i-from))
	}
}

//go:embed names.model
var shippedFile []byte

// shipped is read once, when a text is first looked at.
var shipped = sync.OnceValues(func() (*Recogniser, error) {
	r := new(Recogniser)
	return r, r.UnmarshalBinary(shippedFile)
})

// Load returns the recogniser that this binary was built with.
func Load() (*Recogniser, error) { return shipped() }

const magic = "bartizan names model 1\n"

// ErrFormat means that a file is not a recogniser of this version.
var ErrFormat = errors.New("names: not a model of names of this version")

// MarshalBinary writes the file: a line that names it, the vocabulary with its length before
// it, the model.
func (r *Recogniser) MarshalBinary() ([]byte, error) {
	out := binary.LittleEndian.AppendUint32([]byte(magic), uint32(2*len(r.Words.cells)))
	return r.Model.AppendBinary(r.Words.marshal(out))
}

// UnmarshalBinary reads the file.
func (r *Recogniser) UnmarshalBinary(b []byte) error {
	rest, ok := strings.CutPrefix(string(b[:min(len(b), len(magic))]), magic)
	b = b[min(len(b), len(magic)):]
	if !ok || rest != "" || len(b) < 4 {
		return ErrFormat
	}
	n := binary.LittleEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return fmt.Errorf("%w: a vocabulary of %d in %d bytes", ErrFormat, n, len(b))
	}
	r.Words, r.Model = new(Vocabulary), new(chain.Model)
	if err := r.Words.unmarshal(b[4 : 4+n]); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if err := r.Model.UnmarshalBinary(b[4+n:]); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if r.Model.Width() != slots || r.Model.Tags() != 2*len(Kinds)+1 {
		return fmt.Errorf("%w: %d features a token, %d tags", ErrFormat, r.Model.Width(), r.Model.Tags())
	}
	return nil
}
