package guard

import (
	"slices"
	"strings"
)

// linkChanges disarms, outside code, what a page would load or run by itself:
// images become links, script schemes and event handlers lose their name, addresses
// that pretend to be others show where they lead. It returns what must be known to
// go on behind s.
func linkChanges(s string, clean cleaning) ([]PassageChange, cleaning) {
	var out []PassageChange
	next := clean
	// Where an element, and where an address, may have begun last.
	tag, target := strings.LastIndexByte(s[:clean.from], '<'), clean.from
	for i := clean.from; i < len(s); i++ {
		c := s[i]
		switch kinds[c] {
		case idle:
			continue
		case letter:
			// Most letters stand inside words, most words outside elements.
			if i == 0 || !beginnings[s[i-1]] || i-target > 8 && (tag < 0 || i-tag > maxLink) {
				continue
			}
		case quote:
			i += next.fence.read(s, i) - 1
			continue
		case opening:
			if target = i; c == '<' {
				tag = i
			}
		}
		if next.fence.n > 0 {
			continue
		}
		ch, ok := disarm(s, i, &next)
		if ok && (!clean.raw || c == '!') {
			out = append(out, ch)
			i = max(i, ch.End-1)
		}
	}
	next.from = 0
	return out, next
}

// isRaw reports whether a text begins as a whole document in markup or JSON does: a
// program asked for it and will not show it as prose. A single element is no document.
func isRaw(s string) bool {
	s = strings.TrimLeft(s, " \t\r\n")
	for _, start := range []string{"{", "<!doctype", "<html", "<?xml"} {
		if hasFold(s, start) {
			return true
		}
	}
	return false
}

func runLen(s string, c byte) int {
	n := 0
	for n < len(s) && s[n] == c {
		n++
	}
	return n
}

// change replaces n bytes at s[i:].
func change(i, n int, with string) (PassageChange, bool) {
	return PassageChange{Start: i, End: i + n, New: with}, n > 0 || with != ""
}

// none is no change.
func none() (PassageChange, bool) { return PassageChange{}, false }

// The kinds of byte, by what can begin there.
const (
	idle    = iota // nothing
	letter         // an attribute or a scheme
	quote          // code
	opening        // an element, or an address behind it
	other          // an image, a link's end, a disguised scheme
)

var kinds = func() (t [256]uint8) {
	for c := range 0x20 {
		t[c] = other
	}
	for _, c := range "\t\n\r" {
		t[c] = idle
	}
	for _, c := range "jJvVdDlLmMoObBsSpPfF" {
		t[c] = letter
	}
	for _, c := range "<(:=" {
		t[c] = opening
	}
	for _, c := range "!]&" {
		t[c] = other
	}
	t['`'], t['~'] = quote, quote
	return t
}()

// beginnings are bytes before which a name or an address can begin.
var beginnings = func() (t [256]bool) {
	for _, c := range " \t\r\n\v\f\"'/(<=:" {
		t[c] = true
	}
	for c := range 0x20 {
		t[c] = true
	}
	return t
}()

// disarm returns what to change at s[i:].
func disarm(s string, i int, clean *cleaning) (PassageChange, bool) {
	switch s[i] {
	case '!':
		if strings.HasPrefix(s[i:], "![") && image(s, i, clean) {
			return change(i, 1, "")
		}
	case ']':
		if definition(s, i, clean) {
			return change(i+1, 1, " :")
		}
		return lyingLink(s, i)
	case ':':
		return lyingHost(s, i)
	case '<':
		return element(s, i)
	case 'o', 'O':
		if ch, ok := handler(s, i); ok {
			return ch, ok
		}
	}
	if n := scheme(s, i); n > 0 {
		return change(i, n, "blocked:")
	}
	return attribute(s, i)
}

// loading are elements that fetch or run as soon as they are shown.
var loading = []string{"<img", "<image", "<script", "<iframe", "<frame", "<frameset", "<object", "<embed", "<applet", "<svg", "<math", "<link", "<meta", "<video", "<audio", "<picture", "<source", "<track", "<base", "<form", "<style", "<portal", "<input"}

// element disarms an element that loads by itself, and shows where an anchor that
// ends here leads.
func element(s string, i int) (PassageChange, bool) {
	if strings.HasPrefix(s[i:], "</a") || strings.HasPrefix(s[i:], "</A") {
		return lyingAnchor(s, i)
	}
	if i+1 == len(s) || !isWord(s[i+1]) {
		return none()
	}
	for _, tag := range loading {
		if hasFold(s[i:], tag) && (len(s) == i+len(tag) || !isWord(s[i+len(tag)])) {
			return change(i, 1, "&lt;")
		}
	}
	return none()
}

// maxLink bounds how far a link is followed.
const maxLink = 1024

// What bracketEnd answers when it finds no end.
const (
	noEnd  = -1 // there is none
	tooFar = -2 // there may be one out of reach
)

// maxDepth bounds how deep brackets are followed.
const maxDepth = 8

// bracketEnd returns the place of the bracket that closes s[i].
func bracketEnd(s string, i int) int {
	depth := 0
	for j := i; j < min(len(s), i+maxLink); j++ {
		switch s[j] {
		case '\\':
			j++
		case '[':
			if depth++; depth > maxDepth {
				return tooFar
			}
		case ']':
			if depth--; depth == 0 {
				return j
			}
		case '\n':
			if j+1 < len(s) && s[j+1] == '\n' {
				return noEnd
			}
		}
	}
	// More text than is waited for follows: nobody will look here again.
	if len(s)-i > maxLink/2 {
		return tooFar
	}
	return noEnd
}

// image reports whether the Markdown image at s[i:] loads from somewhere: from an
// address of its own, or from one that a definition gives to its label.
func image(s string, i int, clean *cleaning) bool {
	end := bracketEnd(s, i+1)
	if end < 0 {
		return end == tooFar
	}
	rest := s[end+1:]
	switch {
	case strings.HasPrefix(rest, "("):
		return remote(rest[1:])
	case strings.HasPrefix(rest, "["):
		return true
	}
	// Only a label: it is an image when the label has an address, now or later.
	label := labelOf(s[i+2 : end])
	if slices.Contains(clean.given, label) || len(clean.asked) >= maxLabels {
		return true
	}
	if !slices.Contains(clean.asked, label) {
		clean.asked = append(slices.Clip(clean.asked), label)
	}
	return false
}

// maxLabels bounds the labels that are remembered; beyond it, each is taken for one
// that loads.
const maxLabels = 64

// labelOf folds a label as Markdown compares them.
func labelOf(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// definition reads "[label]: address" at the beginning of a line, whose label ends at
// s[i], and reports whether it would make an image of a label shown before.
func definition(s string, i int, clean *cleaning) bool {
	if i+2 >= len(s) || s[i+1] != ':' {
		return false
	}
	from := max(0, i-maxText)
	open := strings.LastIndexByte(s[from:i], '[')
	if open < 0 || !lineStart(s, from+open) || !remote(s[i+2:]) {
		return false
	}
	label := labelOf(s[from+open+1 : i])
	if slices.Contains(clean.asked, label) || len(clean.given) >= maxLabels {
		return true
	}
	if !slices.Contains(clean.given, label) {
		clean.given = append(slices.Clip(clean.given), label)
	}
	return false
}

// inTag reports whether s[i] stands inside an element's first tag.
func inTag(s string, i int) bool {
	from := max(0, i-maxLink)
	tag := strings.LastIndexByte(s[from:i], '<')
	return tag >= 0 && tag+1 < i-from && (isWord(s[from+tag+1])) && strings.IndexByte(s[from+tag:i], '>') < 0
}

// attributeStart reports whether an attribute's name could begin at s[i].
func attributeStart(s string, i int) bool {
	return i > 0 && (blank(s[i-1]) || strings.IndexByte("\"'/", s[i-1]) >= 0)
}

// handler disarms an event handler's name, as in onerror=, inside a tag.
func handler(s string, i int) (PassageChange, bool) {
	if !attributeStart(s, i) || !hasFold(s[i:], "on") {
		return none()
	}
	j := i + 2
	for j < len(s) && isWord(s[j]) {
		j++
	}
	if j < i+5 || !assigned(s, j) || !inTag(s, i) {
		return none()
	}
	return change(i, 2, "off")
}

// assigned reports whether an equals sign follows at s[j:].
func assigned(s string, j int) bool {
	k := j
	for k < len(s) && k < j+4 && blank(s[k]) {
		k++
	}
	return k < len(s) && s[k] == '='
}

// loadingNames are attributes that fetch by themselves on any element.
var loadingNames = []string{"background", "srcset", "poster", "ping", "srcdoc", "formaction", "lowsrc", "dynsrc", "style"}

// attribute disarms an attribute that loads something.
func attribute(s string, i int) (PassageChange, bool) {
	if strings.IndexByte("bspfldBSPFLD", s[i]) < 0 || !attributeStart(s, i) {
		return none()
	}
	for _, name := range loadingNames {
		if !hasFold(s[i:], name) || !assigned(s, i+len(name)) || !inTag(s, i) {
			continue
		}
		if name == "style" && !loadingStyle(s[i:]) {
			return none()
		}
		return change(i, len(name), "blocked")
	}
	return none()
}

// loadingStyle reports whether a style fetches something, or is written so that one
// cannot tell.
func loadingStyle(s string) bool {
	n := strings.IndexByte(s[:min(len(s), maxLink/2)], '>')
	if n < 0 {
		return true
	}
	s = strings.ToLower(s[:n])
	for _, k := range []string{"url(", "image(", "image-set(", "expression(", "@import", "\\", "&#", "behavior:", "-moz-binding"} {
		if strings.Contains(s, k) {
			return true
		}
	}
	return false
}

// hasFold reports whether s begins with prefix, which is lower case, in any
// ASCII case.
func hasFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
