package redteam

import (
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/bartizan-ai/bartizan/llm"
)

// Known is what was seen of a ward's model, prompts and tools.
type Known struct {
	Answerers map[string][]string `json:"answerers,omitempty"` // who providers say answered, by the caller's name for the model
	Prompts   []Sketch            `json:"prompts,omitempty"`
	Tools     []uint64            `json:"tools,omitempty"` // keyed hashes of all tools of a call
}

// Bounds of what is known, and how often a prompt or a set of tools is seen before it is new and
// not a slip.
const (
	maxKnown  = 64
	seenAgain = 3
)

// Sketch is the smallest of the keyed hashes of a text's word triples, in 32 buckets (one permutation
// hashing; Li, Owen and Zhang 2012): texts that are alike have most of them in common, and nobody reads
// a word back.
type Sketch [32]uint32

// MarshalText writes a sketch in hex.
func (s Sketch) MarshalText() ([]byte, error) {
	b := make([]byte, 0, 4*len(s))
	for _, v := range s {
		b = append(b, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	}
	return []byte(hex.EncodeToString(b)), nil
}

// UnmarshalText reads one.
func (s *Sketch) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != 4*len(s) {
		return fmt.Errorf("redteam: a sketch has %d bytes in hex", 4*len(s))
	}
	for i := range s {
		s[i] = uint32(b[4*i])<<24 | uint32(b[4*i+1])<<16 | uint32(b[4*i+2])<<8 | uint32(b[4*i+3])
	}
	return nil
}

// keyed begins a hash (FNV-1a), and add goes on with a text.
func keyed(key uint64) uint64 { return 14695981039346656037 ^ key*0x9e3779b97f4a7c15 }

func add(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// mix spreads a hash over all its bits (the finaliser of SplitMix64).
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// newSketch sketches a text.
func newSketch(key uint64, text string) (s Sketch) {
	for i := range s {
		s[i] = math.MaxUint32
	}
	var last [2]string
	put := func(h uint64) {
		h = mix(h)
		s[h&31] = min(s[h&31], uint32(h>>32))
	}
	n := 0
	for w := range strings.FieldsSeq(text) {
		if n >= 2 {
			put(add(add(add(keyed(key), last[0]), " "+last[1]+" "), w))
		}
		last[0], last[1], n = last[1], w, n+1
	}
	if n < 3 {
		put(add(keyed(key), text))
	}
	return s
}

// alike reports whether two texts are versions of one.
func (s *Sketch) alike(o *Sketch) bool {
	same, all := 0, 0
	for i := range s {
		if s[i] == math.MaxUint32 && o[i] == math.MaxUint32 {
			continue
		}
		all++
		if s[i] == o[i] {
			same++
		}
	}
	return 2*same >= all
}

// sightings notice what is new in the calls of one system.
type sightings struct {
	mu    sync.Mutex
	key   uint64
	seed  maphash.Seed
	known Known           // what was seen
	met   Known           // of that, what a round was made for, or what there was from the beginning
	exact map[uint64]bool // of prompts and tools that were looked at
	times map[string]int  // how often something new was seen
	fresh []Sketch        // prompts that are new
}

func newSightings(key uint64, known Known) *sightings {
	return &sightings{key: key, known: known.clone(), met: known.clone(), seed: maphash.MakeSeed(), exact: map[uint64]bool{}, times: map[string]int{}}
}

func (k *Known) clone() Known {
	out := Known{Answerers: map[string][]string{}, Prompts: slices.Clone(k.Prompts), Tools: slices.Clone(k.Tools)}
	for m, list := range k.Answerers {
		out.Answerers[m] = slices.Clone(list)
	}
	return out
}

// saw takes one call. What is seen for the first time ever is what there was. Sketching a text takes
// a while, so it is not done while other calls wait.
func (s *sightings) saw(model, answerer string, request []llm.Passage) {
	prompt := joined(request, func(o llm.Origin) bool { return o == llm.OriginSystem || o == llm.OriginDeveloper })
	tools := joined(request, func(o llm.Origin) bool { return o == llm.OriginToolSpec })
	s.mu.Lock()
	s.answered(model, answerer)
	newPrompt, newTools := prompt != "" && s.unseen(prompt, "p"), tools != "" && s.unseen(tools, "t")
	s.mu.Unlock()
	if !newPrompt && !newTools {
		return
	}
	var one Sketch
	if newPrompt {
		one = newSketch(s.key, prompt)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if newPrompt {
		s.prompt(prompt, one)
	}
	if newTools {
		s.tools(tools)
	}
}

func (s *sightings) answered(model, answerer string) {
	list := s.known.Answerers[model]
	if answerer == "" || slices.Contains(list, answerer) || list == nil && len(s.known.Answerers) >= maxKnown {
		return
	}
	s.known.Answerers[model] = keepNewest(list, answerer)
	if len(s.met.Answerers[model]) == 0 {
		s.met.Answerers[model] = []string{answerer}
	}
}

// maxSketched bounds how much of a prompt, or of tools, is looked at, in bytes.
const maxSketched = 256 << 10

// joined are the texts of some origins.
func joined(request []llm.Passage, want func(llm.Origin) bool) string {
	var parts []string
	left := maxSketched
	for i := range request {
		if p := &request[i]; p.Seam == 0 && p.Path != llm.Headers && want(p.Origin) && left > 0 {
			text := p.Text[:min(len(p.Text), left)]
			parts, left = append(parts, text), left-len(text)
		}
	}
	return strings.Join(parts, "\n")
}

// unseen reports whether a text is to be looked at: most calls bring one that was seen before.
func (s *sightings) unseen(text, kind string) bool {
	return !s.exact[maphash.String(s.seed, kind+text)]
}

// settled remembers a text that is known, so that it is not looked at again.
func (s *sightings) settled(text, kind string) {
	if len(s.exact) >= 16*maxKnown {
		clear(s.exact)
	}
	s.exact[maphash.String(s.seed, kind+text)] = true
}

func (s *sightings) prompt(text string, one Sketch) {
	for i := range s.known.Prompts {
		if s.known.Prompts[i].alike(&one) {
			s.settled(text, "p")
			return
		}
	}
	i := slices.IndexFunc(s.fresh, func(o Sketch) bool { return o.alike(&one) })
	if i < 0 {
		s.fresh = keepNewest(s.fresh, one)
		i = len(s.fresh) - 1
	}
	id := fmt.Sprint("p", s.fresh[i])
	if first := len(s.known.Prompts) == 0; first || s.again(id) {
		s.known.Prompts = keepNewest(s.known.Prompts, s.fresh[i])
		if first {
			s.met.Prompts = keepNewest(s.met.Prompts, s.fresh[i])
		}
		s.fresh = slices.Delete(s.fresh, i, i+1)
	}
}

func (s *sightings) tools(text string) {
	h := mix(add(keyed(s.key), text))
	if slices.Contains(s.known.Tools, h) {
		s.settled(text, "t")
		return
	}
	if first := len(s.known.Tools) == 0; first || s.again(fmt.Sprint("t", h)) {
		s.known.Tools = keepNewest(s.known.Tools, h)
		if first {
			s.met.Tools = keepNewest(s.met.Tools, h)
		}
	}
}

// again counts something new, and reports whether it was seen often enough.
func (s *sightings) again(id string) bool {
	if len(s.times) >= 16*maxKnown {
		clear(s.times)
	}
	s.times[id]++
	if s.times[id] < seenAgain {
		return false
	}
	delete(s.times, id)
	return true
}

// news returns what is new: what was seen and no round was made for, here or by another replica,
// which the store knows of.
func (s *sightings) news(stored Known) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meet(stored)
	for model, list := range s.known.Answerers {
		if slices.ContainsFunc(list, func(a string) bool { return !slices.Contains(s.met.Answerers[model], a) }) {
			out = append(out, CauseAnswerer)
			break
		}
	}
	if slices.ContainsFunc(s.known.Prompts, func(one Sketch) bool { return !among(s.met.Prompts, &one) }) {
		out = append(out, CausePrompt)
	}
	if slices.ContainsFunc(s.known.Tools, func(h uint64) bool { return !slices.Contains(s.met.Tools, h) }) {
		out = append(out, CauseTools)
	}
	return out
}

// among reports whether a text is a version of one of others.
func among(list []Sketch, one *Sketch) bool {
	return slices.ContainsFunc(list, func(o Sketch) bool { return o.alike(one) })
}

// meet takes what rounds were made for.
func (s *sightings) meet(k Known) {
	for _, to := range []*Known{&s.met, &s.known} {
		for model, list := range k.Answerers {
			for _, a := range list {
				if !slices.Contains(to.Answerers[model], a) {
					to.Answerers[model] = keepNewest(to.Answerers[model], a)
				}
			}
		}
		for _, one := range k.Prompts {
			if !among(to.Prompts, &one) {
				to.Prompts = keepNewest(to.Prompts, one)
			}
		}
		for _, h := range k.Tools {
			if !slices.Contains(to.Tools, h) {
				to.Tools = keepNewest(to.Tools, h)
			}
		}
	}
}

// take returns what is known now, for the round that is made for it.
func (s *sightings) take() Known {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known.clone()
}

// tried notes that a round was made for what was taken.
func (s *sightings) tried(k Known) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.met = k.clone()
}

// keepNewest adds to a list that has a bound.
func keepNewest[T any](list []T, one T) []T {
	if len(list) >= maxKnown {
		list = list[1:]
	}
	return append(list, one)
}
