package dialect

import (
	"strings"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/llm"
)

// seamReach is how much of a text is seen on either side of a seam, in bytes: more than a
// phrase or a secret has.
const seamReach = 192

// seams adds passages for where one text follows others of the same origin: parts of a
// message, and messages of one side in a row, which a model reads as one text. A word may
// be cut there, or a phrase at a blank, into as many parts as one likes.
func (r *reader) seams() {
	last := -1
	glued, spaced := "", "" // the end of what went before, read both ways
	for i, n := 0, len(r.passages); i < n; i++ {
		p := r.passages[i]
		if p.Channel.Choice != 0 || p.Channel.Kind != llm.KindText || p.Text == "" {
			continue
		}
		if last < 0 || r.passages[last].Origin != p.Origin || !siblings(r.passages[last].Path, p.Path) {
			glued, spaced = "", ""
		} else {
			after := beginning(p.Text)
			r.seam(&p, glued, after)
			r.seam(&p, spaced+" ", after)
		}
		if spaced != "" {
			spaced += " "
		}
		glued, spaced = ending(glued+p.Text), ending(spaced+p.Text)
		last = i
	}
}

func (r *reader) seam(p *llm.Passage, before, after string) {
	text := before + after
	r.passages = append(r.passages, llm.Passage{Channel: aside, Origin: p.Origin, Path: p.Path + " (seam)", Text: text, Whole: true, Sealed: true,
		Seam: len(before), Map: llm.Nowhere(len(text))})
}

// siblings reports whether two paths lead into the same list: of messages, of items.
func siblings(a, b string) bool { return listOf(a) == listOf(b) }

func listOf(path string) string {
	name, _, _ := strings.Cut(path, "[")
	return name
}

func ending(s string) string {
	from := max(len(s)-seamReach, 0)
	for from < len(s) && !utf8.RuneStart(s[from]) {
		from++
	}
	return s[from:]
}

func beginning(s string) string {
	to := min(len(s), seamReach)
	for to < len(s) && to > 0 && !utf8.RuneStart(s[to]) {
		to--
	}
	return s[:to]
}
