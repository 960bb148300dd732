package detect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/risk"
)

// UnsafeMarkup finds markup that runs or loads something as soon as it is shown.
//
// Catches: script elements, event handlers, script and data addresses, frames,
// outside code.
// Does not catch: markup in fenced or inline code, which is shown and not
// rendered, and images from elsewhere (the exfiltration_link detector weighs
// those).
// Example: an answer with an image element and an onerror handler.
type UnsafeMarkup struct{ member }

func newUnsafeMarkup() *UnsafeMarkup {
	m := member{id: "unsafe_markup@1", finds: []risk.Category{risk.UnsafeMarkup}, read: readMarkup}
	for _, s := range markupSigns {
		m.literals = append(m.literals, s.text)
	}
	return &UnsafeMarkup{m}
}

var markupSigns = []struct {
	text string
	p    float64
}{
	{"<script", .8}, {"javascript:", .7}, {"vbscript:", .8}, {"data:text/html", .75}, {"<iframe", .7}, {"<object", .6}, {"<embed", .6},
	{"onerror=", .8}, {"onload=", .7}, {"onclick=", .6}, {"onmouseover=", .75}, {"onfocus=", .7}, {"ontoggle=", .75}, {"srcdoc=", .7}, {"<meta http-equiv", .6}, {"<base href", .6}, {"document.cookie", .7},
}

func readMarkup(v *guard.View, add func(risk.Finding)) {
	shown := codeReader{s: v.Text}
	for _, h := range v.Hits {
		if shown.inCode(h.Start) {
			continue
		}
		// "JavaScript: an introduction" is a title.
		if v.Text[h.End-1] == ':' && (h.End == len(v.Text) || v.Text[h.End] == ' ' || v.Text[h.End] == '\n') {
			continue
		}
		f := v.Finding(risk.UnsafeMarkup, h.Start, h.End, markupSigns[h.Literal].p)
		f.Severity, f.Impact, f.Refs = risk.Medium, risk.Integrity, refs("LLM10:2026", "AML.T0077")
		add(f)
		return // one is enough to say that the text is unsafe
	}
}

// codeReader tells what of a text is code. Places are asked for in order, so that the
// text is read once.
type codeReader struct {
	s          string
	at, fences int // how many fences were counted up to where
}

// fenced reports whether s[i] stands in a fenced block.
func (c *codeReader) fenced(i int) bool {
	for c.at < i {
		j := strings.Index(c.s[c.at:i], "```")
		if j < 0 {
			c.at = max(c.at, i-2) // a fence may lie across this place
			break
		}
		// A longer run is one fence.
		for c.at += j + 3; c.at < len(c.s) && c.s[c.at] == '`'; c.at++ {
		}
		c.fences++
	}
	return c.fences%2 == 1
}

// maxCodeLine bounds how far the beginning of a line is looked for.
const maxCodeLine = 2048

// inCode reports whether s[i] stands in a fenced block or between backquotes of its
// line.
func (c *codeReader) inCode(i int) bool {
	if c.fenced(i) {
		return true
	}
	from := max(0, i-maxCodeLine)
	line := strings.LastIndexByte(c.s[from:i], '\n') + 1 + from
	return strings.Count(c.s[line:i], "`")%2 == 1
}
