package desk

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/bartizan-ai/bartizan/llm"
)

//go:embed samples.txt
var sampleText string

// Sample is a text that comes with the program, to try a policy where nothing is kept. The
// samples are few and plain: they show what a change does, and measure nothing.
type Sample struct {
	ID     string
	Label  string // "attack" or "harmless"
	Origin llm.Origin
	Text   string
}

// Samples lists them: as many attacks as harmless texts.
var Samples = sync.OnceValue(func() (out []Sample) {
	n := map[string]int{}
	for line := range strings.Lines(sampleText) {
		head, text, ok := strings.Cut(strings.TrimRight(line, "\n"), " | ")
		label, origin, _ := strings.Cut(head, " ")
		o, known := llm.ParseOrigin(origin)
		if !ok || !known {
			continue
		}
		n[label]++
		out = append(out, Sample{ID: fmt.Sprintf("%s-%02d", label, n[label]), Label: label, Origin: o, Text: text})
	}
	return out
})
