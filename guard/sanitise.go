package guard

import (
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
	"github.com/bartizan-ai/bartizan/text"
)

// cleaning is what the cleaning of links must know about the text before: code
// is shown, not rendered, so it stays as it is.
type cleaning struct {
	from   int  // only from here on
	fenced bool // inside a fenced code block at from
	raw    bool // the text is a document in markup or JSON, not prose
}

// sanitise takes out what no reader can see and disarms what acts by itself.
// Each passage changed gets one finding per sort of cleaning.
func (c *Compiled) sanitise(d *draft, dir Direction, passages []llm.Passage, views []View, clean cleaning) {
	for i := range views {
		v := &views[i]
		if v.Decoded() || passages[v.Passage].Sealed {
			continue
		}
		if *c.policy.Sanitise.Hidden {
			d.clean(v, risk.HiddenText, "sanitise/hidden", hiddenChanges(v))
		}
		if *c.policy.Sanitise.Escapes && strings.IndexByte(v.Raw, 0x1b) >= 0 {
			d.clean(v, risk.HiddenText, "sanitise/escapes", escapeChanges(v))
		}
		if dir == Output && *c.policy.Sanitise.Links && v.Kind == llm.KindText {
			changes, _ := linkChanges(v.Raw, clean)
			d.clean(v, risk.UnsafeMarkup, "sanitise/links", changes)
		}
	}
}

func (d *draft) clean(v *View, cat risk.Category, by string, changes []PassageChange) {
	if len(changes) == 0 {
		return
	}
	for i := range changes {
		changes[i].Passage, changes[i].By = v.Passage, by
	}
	d.changes = append(d.changes, changes...)
	d.findings = append(d.findings, risk.Finding{Category: cat, Detector: by, Severity: risk.Low, Confidence: 1, Passage: v.Passage,
		Start: changes[0].Start, End: changes[len(changes)-1].End, Impact: risk.Integrity, Decision: risk.Mask})
}

// hiddenChanges takes out invisible characters that do not belong to the
// writing around them. A single one, as comes with a paste, is left.
func hiddenChanges(v *View) []PassageChange {
	var out []PassageChange
	runes := 0
	for _, h := range v.Hidden {
		if !h.Usual && (h.Sort != text.ZeroWidth || h.InWord || h.Runes > 2) {
			out = append(out, PassageChange{Start: h.Start, End: h.End})
			if runes += h.Runes; h.Sort != text.ZeroWidth {
				runes++
			}
		}
	}
	if runes < 2 {
		return nil
	}
	return out
}

// escapeChanges takes out terminal control sequences: ESC [ … letter,
// ESC ] … BEL or ESC \, and a bare ESC.
func escapeChanges(v *View) []PassageChange {
	var out []PassageChange
	for at := 0; ; {
		i := strings.IndexByte(v.Raw[at:], 0x1b)
		if i < 0 {
			return out
		}
		start := at + i
		at = start + escapeLen(v.Raw[start:])
		out = append(out, PassageChange{Start: start, End: at})
	}
}

// maxEscape bounds a control sequence, so that a bare introducer does not eat
// the text after it.
const maxEscape = 256

func escapeLen(s string) int {
	if len(s) < 2 || s[1] != '[' && s[1] != ']' {
		return 1
	}
	for i := 2; i < min(len(s), maxEscape); i++ {
		switch c := s[i]; {
		case s[1] == '[' && 0x40 <= c && c <= 0x7e, s[1] == ']' && c == 0x07:
			return i + 1
		case s[1] == ']' && c == '\\' && s[i-1] == 0x1b:
			return i + 1
		case s[1] == '[' && (c < 0x20 || c > 0x7e):
			return 2
		}
	}
	return 2
}

// linkChanges disarms, outside code, what a page would load or run by itself:
// images become links, script schemes and event handlers lose their name.
func linkChanges(s string, clean cleaning) ([]PassageChange, bool) {
	var out []PassageChange
	fenced, inline := clean.fenced, false
	for i := clean.from; i < len(s); i++ {
		switch c := s[i]; {
		case c == '`':
			n := runLen(s[i:], '`')
			if n >= 3 {
				fenced, inline = !fenced, false
			} else if !fenced {
				inline = !inline
			}
			i += n - 1
		case c == '\n':
			inline = false
		case fenced || inline:
		default:
			if n, with := disarm(s, i); n > 0 && (!clean.raw || c == '!') {
				out = append(out, PassageChange{Start: i, End: i + n, New: with})
				i += n - 1
			}
		}
	}
	return out, fenced
}

// isRaw reports whether a text begins as markup or JSON does: a program asked
// for it and will not show it as prose.
func isRaw(s string) bool {
	s = strings.TrimLeft(s, " \t\r\n")
	return s != "" && (s[0] == '<' || s[0] == '{')
}

func runLen(s string, c byte) int {
	n := 0
	for n < len(s) && s[n] == c {
		n++
	}
	return n
}

// loading are elements that fetch or run as soon as they are shown.
var loading = []string{"<img", "<script", "<iframe", "<object", "<embed", "<svg", "<link", "<meta", "<video", "<audio", "<source", "<base", "<form", "<style"}

// schemes run code or carry a document of their own in a link.
var schemes = []string{"javascript:", "vbscript:", "data:text/html", "data:image/svg", "data:application"}

// disarm returns how many bytes at s[i:] to replace, and by what.
func disarm(s string, i int) (int, string) {
	switch s[i] {
	case '!':
		if strings.HasPrefix(s[i:], "![") && remoteImage(s[i:]) {
			return 1, ""
		}
	case '<':
		for _, tag := range loading {
			if hasFold(s[i:], tag) && (len(s) == i+len(tag) || !isWord(s[i+len(tag)])) {
				return 1, "&lt;"
			}
		}
	case 'j', 'J', 'v', 'V', 'd', 'D':
		if i > 0 && (isWord(s[i-1]) || !linkStart(s[i-1])) {
			return 0, ""
		}
		for _, scheme := range schemes {
			if hasFold(s[i:], scheme) {
				return len(scheme), "blocked:"
			}
		}
	case 'o', 'O':
		return handler(s, i)
	}
	return 0, ""
}

// linkStart reports bytes after which a link's target begins.
func linkStart(c byte) bool { return strings.IndexByte("(<\"'= \t\n[", c) >= 0 }

// remoteImage reports whether a Markdown image loads from somewhere: inline
// with a scheme or //, or by reference.
func remoteImage(s string) bool {
	_, rest, ok := strings.Cut(s[:min(len(s), maxLink)], "]")
	if !ok {
		return false
	}
	target, inline := strings.CutPrefix(rest, "(")
	if !inline {
		return strings.HasPrefix(rest, "[")
	}
	target = strings.TrimLeft(target, " \t\n<")
	return hasFold(target, "http:") || hasFold(target, "https:") || strings.HasPrefix(target, "//") || hasFold(target, "data:") || hasFold(target, "ftp:")
}

// maxLink bounds how far a link is followed.
const maxLink = 1024

// handler finds an event handler's name, as in onerror=, inside a tag.
func handler(s string, i int) (int, string) {
	if i == 0 || !blank(s[i-1]) && s[i-1] != '"' && s[i-1] != '\'' && s[i-1] != '/' || !hasFold(s[i:], "on") {
		return 0, ""
	}
	j := i + 2
	for j < len(s) && isWord(s[j]) {
		j++
	}
	k := j
	for k < len(s) && k < j+4 && blank(s[k]) {
		k++
	}
	if j < i+5 || k >= len(s) || s[k] != '=' {
		return 0, ""
	}
	tag := strings.LastIndexByte(s[max(0, i-maxLink):i], '<')
	if tag < 0 || strings.IndexByte(s[max(0, i-maxLink)+tag:i], '>') >= 0 {
		return 0, ""
	}
	return 2, "off"
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// hasFold reports whether s begins with prefix, which is lower case, in any
// ASCII case.
func hasFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
