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
	for _, h := range v.Hits {
		if inCode(v.Text, h.Start) {
			continue
		}
		f := v.Finding(risk.UnsafeMarkup, h.Start, h.End, markupSigns[h.Literal].p)
		f.Severity, f.Impact, f.Refs = risk.Medium, risk.Integrity, refs("LLM10:2026", "AML.T0077")
		add(f)
		return // one is enough to say that the text is unsafe
	}
}

// inCode reports whether s[i] stands in a fenced block or between backquotes of
// its line.
func inCode(s string, i int) bool {
	if strings.Count(s[:i], "```")%2 == 1 {
		return true
	}
	line := strings.LastIndexByte(s[:i], '\n') + 1
	return strings.Count(s[line:i], "`")%2 == 1
}
