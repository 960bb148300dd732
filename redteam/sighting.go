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
	mu     sync.Mutex
	key    uint64
	seed   maphash.Seed
	known  Known
	exact  map[uint64]bool // of prompts and tools that were looked at
	times  map[string]int  // how often something new was seen
	fresh  []Sketch        // prompts that are new
	causes []string        // what is new since somebody asked
}

func newSightings(key uint64, known Known) *sightings {
	if known.Answerers == nil {
		known.Answerers = map[string][]string{}
	}
	return &sightings{key: key, known: known, seed: maphash.MakeSeed(), exact: map[uint64]bool{}, times: map[string]int{}}
}

// saw takes one call. What is seen for the first time ever is what there was.
func (s *sightings) saw(model, answerer string, request []llm.Passage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if list := s.known.Answerers[model]; answerer != "" && !slices.Contains(list, answerer) && (list != nil || len(s.known.Answerers) < maxKnown) {
		s.known.Answerers[model] = keepNewest(list, answerer)
		s.notice(CauseAnswerer, len(list) > 0)
	}
	if text := joined(request, func(o llm.Origin) bool { return o == llm.OriginSystem || o == llm.OriginDeveloper }); text != "" && s.unseen(text, "p") {
		s.prompt(text)
	}
	if text := joined(request, func(o llm.Origin) bool { return o == llm.OriginToolSpec }); text != "" && s.unseen(text, "t") {
		s.tools(text)
	}
}

// joined are the texts of some origins.
func joined(request []llm.Passage, want func(llm.Origin) bool) string {
	var parts []string
	for i := range request {
		if p := &request[i]; p.Seam == 0 && p.Path != llm.Headers && want(p.Origin) {
			parts = append(parts, p.Text)
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

func (s *sightings) prompt(text string) {
	one := newSketch(s.key, text)
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
		s.fresh = slices.Delete(s.fresh, i, i+1)
		s.notice(CausePrompt, !first)
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
		s.notice(CauseTools, !first)
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

func (s *sightings) notice(cause string, is bool) {
	if is && !slices.Contains(s.causes, cause) {
		s.causes = append(s.causes, cause)
	}
}

// news returns what is new.
func (s *sightings) news() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.causes)
}

// take returns what is known now. What was new is not new any more.
func (s *sightings) take() Known {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.causes = nil
	out := Known{Answerers: map[string][]string{}, Prompts: slices.Clone(s.known.Prompts), Tools: slices.Clone(s.known.Tools)}
	for m, list := range s.known.Answerers {
		out.Answerers[m] = slices.Clone(list)
	}
	return out
}

// keepNewest adds to a list that has a bound.
func keepNewest[T any](list []T, one T) []T {
	if len(list) >= maxKnown {
		list = list[1:]
	}
	return append(list, one)
}
