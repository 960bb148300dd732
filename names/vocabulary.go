package names

import (
	"encoding/binary"
	"errors"
)

// Vocabulary knows roughly how common words are in ordinary texts, in lower case where the
// script has it, and of which words names are made. A capitalised word that is common in
// lower case is seldom a name. It is a table of hashes: ten bits of the word's hash, four of
// what names it is a part of, two of how common it is.
type Vocabulary struct {
	cells []uint16
}

// Parts of names that a word may be, as bits.
const (
	PartGiven = 1 << iota
	PartSurname
	PartPlace
	PartOrganization
)

// look returns how common a word is, 0 for unknown up to 3, and its parts.
func (v *Vocabulary) look(word uint32) (level, parts uint8) {
	if v == nil || len(v.cells) == 0 {
		return 0, 0
	}
	h := mix(word, 91)
	c := v.cells[h&uint32(len(v.cells)-1)]
	if c>>6 != uint16(h>>22) {
		return 0, 0
	}
	return uint8(c & 3), uint8(c >> 2 & 15)
}

// Words are what a vocabulary is made of.
type Words struct {
	Count map[uint32]int   // in how many texts a word stands in lower case, by its hash
	Caps  map[uint32]int   // in how many it is capitalised in the middle of a sentence
	Parts map[uint32]uint8 // what names it is a part of
}

// NewVocabulary makes a table of 1<<bits cells. Where two words want one, a part of a name
// has it before others, and the more frequent before the rarer.
func NewVocabulary(bits int, w Words) *Vocabulary {
	v := &Vocabulary{cells: make([]uint16, 1<<bits)}
	have := make([]struct {
		n    int
		word uint32
	}, 1<<bits)
	add := func(word uint32, n int) {
		h := mix(word, 91)
		at := h & uint32(len(v.cells)-1)
		if old := have[at]; n < old.n || n == old.n && word >= old.word {
			return
		}
		have[at].n, have[at].word = n, word
		v.cells[at] = uint16(h>>22)<<6 | uint16(w.Parts[word])<<2 | uint16(commonness(w.Count[word], w.Caps[word]))
	}
	for word, n := range w.Count {
		if n > 1 {
			add(word, n)
		}
	}
	for word := range w.Parts {
		add(word, 1<<30+w.Count[word])
	}
	return v
}

// commonness is how common a word is that stands in n texts, and in caps of them as names do.
func commonness(n, caps int) byte {
	switch {
	case caps*3 > n:
		return min(1, byte(n/2))
	case n >= 40:
		return 3
	case n >= 7:
		return 2
	case n > 1:
		return 1
	}
	return 0
}

var errVocabulary = errors.New("names: a vocabulary must be a power of two in size")

func (v *Vocabulary) marshal(out []byte) []byte {
	for _, c := range v.cells {
		out = binary.LittleEndian.AppendUint16(out, c)
	}
	return out
}

func (v *Vocabulary) unmarshal(b []byte) error {
	if len(b) < 2 || len(b)&(len(b)-1) != 0 || len(b) > 1<<22 {
		return errVocabulary
	}
	v.cells = make([]uint16, len(b)/2)
	for i := range v.cells {
		v.cells[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return nil
}
