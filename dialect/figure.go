package dialect

import (
	"slices"
	"strconv"

	"github.com/bartizan-ai/bartizan/llm"
)

// figures makes passages of the long numbers that no passage shows: a card, a phone or an account
// may be written without quotes. Each stands behind the key that says what it is, its own or that
// of its list. What providers count and when, in answers, is no concern of anybody.
func (r *reader) figures() {
	if i := r.get(0, "seed"); i >= 0 {
		r.nodes[i].seen = true // a number of chance, which no model reads
	}
	long := func(n node) bool { return n.kind == number && !n.seen && figure(r.raw[n.start:n.end]) }
	if !slices.ContainsFunc(r.nodes, long) {
		return
	}
	type list struct{ key, end int }
	var open []list
	for i, n := range r.nodes {
		for len(open) > 0 && open[len(open)-1].end <= i {
			open = open[:len(open)-1]
		}
		switch n.kind {
		case array:
			key := i
			if n.keyEnd == 0 && len(open) > 0 {
				key = open[len(open)-1].key
			}
			open = append(open, list{key, int(n.skip)})
		case object:
			open = append(open, list{i, int(n.skip)})
		case number:
			key := i
			if n.keyEnd == 0 && len(open) > 0 {
				key = open[len(open)-1].key
			}
			if long(n) {
				r.figure(n, r.nodes[key])
			}
		}
	}
}

// figure adds one number, behind its key where that is a word.
func (r *reader) figure(n, key node) {
	text := ""
	if raw := r.raw[key.keyStart:key.keyEnd]; len(raw) > 0 && !key.keyEscaped && token(raw, 64) {
		text = `"` + string(raw) + `": `
	}
	size := int(n.end - n.start)
	text += string(r.raw[n.start:n.end])
	r.passages = append(r.passages, llm.Passage{Channel: aside, Origin: llm.OriginUnknown, Path: "byte " + strconv.Itoa(int(n.start)), Text: text, Whole: true,
		Map: llm.Member(len(text), size, int(key.keyStart)-1, int(n.start), int(n.end))})
}
