package detect

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/bartizan-ai/bartizan/ngram"
	"github.com/bartizan-ai/bartizan/risk"
)

// Shipped is everything that was learnt, as one file.
type Shipped struct {
	Attack *ngram.Model   // does a window attack?
	Harm   *ngram.Model   // does it ask for harm, or do harm?
	Play   *ngram.Model   // given an attack: is it a jailbreak rather than an injection?
	Kinds  []*ngram.Model // given harm: is it of that category? In the order of HarmCategories
	Card   Card
}

// Card says how evidence is weighed, and where the file comes from.
type Card struct {
	Weights Weights       `json:"weights"`
	Harm    [2][2]float64 `json:"harm"` // log-odds = a + b*score, for callers and models, and for data
	// Lines are the probabilities above which 1 %, .3 % and .1 % of harmless texts lie that
	// come from sources no part of the model has seen.
	Lines Lines  `json:"lines"`
	Data  string `json:"data"` // digest of the texts it was learnt from
}

// Lines are the observe, warn and block lines.
type Lines struct {
	User [3]float64 `json:"user"`
	Data [3]float64 `json:"data"`
	Harm [3]float64 `json:"harm"`
}

// HarmCategories are the hazards of MLCommons' taxonomy, under the names of the contract.
var HarmCategories = []risk.Category{
	"violent_crime", "nonviolent_crime", "sex_crime", "child_exploitation", "cbrn", "malicious_code", "cyber_attack", "self_harm", "hate", "harassment",
	"sexual_content", "graphic_violence", "defamation", "intellectual_property", "privacy_violation", "specialized_advice", "election_misinformation",
}

//go:embed guard.model
var shippedFile []byte

// shipped is read once, when a detector first needs it: commands that look at no text do
// not pay for it.
var shipped = sync.OnceValues(func() (*Shipped, error) {
	s := new(Shipped)
	return s, s.UnmarshalBinary(shippedFile)
})

// LoadShipped returns what this binary was built with.
func LoadShipped() (*Shipped, error) { return shipped() }

const shippedMagic = "bartizan guard model 1\n"

// ErrShipped means that a file is not one of this version.
var ErrShipped = errors.New("detect: not a guard model of this version")

func (s *Shipped) models() []*ngram.Model {
	return append([]*ngram.Model{s.Attack, s.Harm, s.Play}, s.Kinds...)
}

// MarshalBinary writes the file: a line that names it, the card as JSON, the models; each
// part with its length before it.
func (s *Shipped) MarshalBinary() ([]byte, error) {
	card, err := json.Marshal(s.Card)
	if err != nil {
		return nil, fmt.Errorf("detect: writing the card: %w", err)
	}
	out := append([]byte(shippedMagic), part(card)...)
	for _, m := range s.models() {
		b, err := m.AppendBinary(nil)
		if err != nil {
			return nil, err
		}
		out = append(out, part(b)...)
	}
	return out, nil
}

func part(b []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// UnmarshalBinary reads the file.
func (s *Shipped) UnmarshalBinary(b []byte) error {
	b, ok := bytes.CutPrefix(b, []byte(shippedMagic))
	if !ok {
		return ErrShipped
	}
	next := func() ([]byte, error) {
		if len(b) < 4 || uint64(len(b)-4) < uint64(binary.LittleEndian.Uint32(b)) {
			return nil, fmt.Errorf("%w: it ends too early", ErrShipped)
		}
		n := int(binary.LittleEndian.Uint32(b))
		p := b[4 : 4+n]
		b = b[4+n:]
		return p, nil
	}
	card, err := next()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(card, &s.Card); err != nil {
		return fmt.Errorf("%w: its card is not JSON", ErrShipped)
	}
	s.Attack, s.Harm, s.Play, s.Kinds = new(ngram.Model), new(ngram.Model), new(ngram.Model), nil
	for range HarmCategories {
		s.Kinds = append(s.Kinds, new(ngram.Model))
	}
	for _, m := range s.models() {
		p, err := next()
		if err != nil {
			return err
		}
		if err := m.UnmarshalBinary(p); err != nil {
			return err
		}
	}
	if len(b) > 0 {
		return fmt.Errorf("%w: %d bytes follow its end", ErrShipped, len(b))
	}
	return nil
}
