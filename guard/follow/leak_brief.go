package follow

import (
	"crypto/sha256"
	"sync"

	"github.com/bartizan-ai/bartizan/text"
)

// brief is what a system text is known by: made once, because systems say the same in every call.
type brief struct {
	words   []declared
	needles [][]needle // by word
	run     *verbatim
}

func newBrief(system string) *brief {
	system = system[:min(len(system), maxInstructs)]
	view := text.Normalise(system)
	parts := sentencesOf(text.Fold(view.Text))
	b := &brief{words: declare(system, &view, parts), run: newVerbatim(parts)}
	for i, w := range b.words {
		b.needles = append(b.needles, needlesOf(i, w.word))
	}
	return b
}

// briefs keeps the last ones, in memory only. It is safe for concurrent use.
type briefs struct {
	mu    sync.Mutex
	of    map[[sha256.Size]byte]*brief
	order [][sha256.Size]byte
}

// maxBriefs bounds how many are kept: texts with a date or a name in them come once.
const maxBriefs = 64

func (b *briefs) get(system string) *brief {
	key := sha256.Sum256([]byte(system))
	b.mu.Lock()
	known := b.of[key]
	b.mu.Unlock()
	if known != nil {
		return known
	}
	made := newBrief(system)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of == nil {
		b.of = map[[sha256.Size]byte]*brief{}
	}
	if b.of[key] == nil {
		b.of[key] = made
		if b.order = append(b.order, key); len(b.order) > maxBriefs {
			delete(b.of, b.order[0])
			b.order = b.order[1:]
		}
	}
	return made
}
