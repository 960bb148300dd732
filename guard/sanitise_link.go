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

// fence is an open block of code: so many marks of one kind; none when n is 0.
type fence struct {
	mark byte
	n    int
}

// read takes the run of marks at s[i:], opens or closes the block by it, and returns
// how many bytes to go on by: in a line, code goes to the run that closes it.
func (f *fence) read(s string, i int) int {
	n := runLen(s[i:], s[i])
	switch {
	case f.n > 0:
		if s[i] == f.mark && n >= f.n && lineStart(s, i) && restBlank(s[i+n:]) {
			*f = fence{}
		}
		return n
	case n >= 3 && lineStart(s, i) && (s[i] == '~' || !spanCloses(s[i+n:])):
		*f = fence{s[i], n}
		return n
	case s[i] == '~':
		return n
	}
	if end := spanEnd(s[i+n:], n); end >= 0 {
		return n + end + n
	}
	return n
}

// lineStart reports whether nothing but blanks and the marks of quotes and lists
// stands before s[i] on its line.
func lineStart(s string, i int) bool {
	for j := i - 1; j >= max(0, i-40); j-- {
		if s[j] == '\n' {
			return true
		}
		if strings.IndexByte(" \t>*-+.)0123456789", s[j]) < 0 {
			return false
		}
	}
	return i <= 40
}

func restBlank(s string) bool {
	if n := strings.IndexByte(s, '\n'); n >= 0 {
		s = s[:n]
	}
	return strings.Trim(s, " \t\r") == ""
}

// spanCloses reports whether a backquote follows on the line: then a run before it
// opens no block.
func spanCloses(s string) bool {
	if n := strings.IndexByte(s, '\n'); n >= 0 {
		s = s[:n]
	}
	return strings.IndexByte(s, '`') >= 0
}

// spanEnd returns where the run of n backquotes begins that closes code in a line; -1
// when the line ends before: then the run that opened it is only text.
func spanEnd(s string, n int) int {
	for i := 0; i < len(s) && i < maxLink && s[i] != '\n'; {
		if s[i] != '`' {
			i++
			continue
		}
		run := runLen(s[i:], '`')
		if run == n {
			return i
		}
		i += run
	}
	return -1
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

// remote reports whether an address leads out of the document.
func remote(target string) bool {
	plain, _ := plainly(strings.TrimLeft(target, " \t\r\n<"), 16)
	for _, p := range []string{"http:", "https:", "//", "\\\\", "data:", "ftp:", "blob:", "file:"} {
		if strings.HasPrefix(plain, p) {
			return true
		}
	}
	return false
}

// plainly reads the beginning of an address as a browser does: entities decoded,
// control characters and line ends dropped, small letters; at most n letters. ends
// says where each of them ends in s.
func plainly(s string, n int) (string, []int) {
	out, ends := make([]byte, 0, n), make([]int, 0, n)
	for i := 0; i < len(s) && len(out) < n && i < 200; {
		r, size := rune(s[i]), 1
		if s[i] == '&' {
			if e, w := entity(s[i:]); w > 0 {
				r, size = e, w
			}
		}
		if i += size; r <= 0x20 || r == 0x7f {
			if r == ' ' {
				break
			}
			continue
		}
		if r >= 0x80 {
			break
		}
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		out, ends = append(out, byte(r)), append(ends, i)
	}
	return string(out), ends
}

// named are entities that an address can be written with.
var named = []struct {
	name string
	r    rune
}{{"&colon;", ':'}, {"&Tab;", '\t'}, {"&NewLine;", '\n'}, {"&sol;", '/'}, {"&amp;", '&'}, {"&lpar;", '('}}

// entity decodes an entity: one of those, or a number.
func entity(s string) (rune, int) {
	for _, e := range named {
		if strings.HasPrefix(s, e.name) {
			return e.r, len(e.name)
		}
	}
	if !strings.HasPrefix(s, "&#") {
		return 0, 0
	}
	i, base := 2, 10
	if i < len(s) && (s[i] == 'x' || s[i] == 'X') {
		i, base = 3, 16
	}
	r, first := 0, i
	for ; i < min(len(s), first+8); i++ {
		d := digit(s[i])
		if d < 0 || d >= base {
			break
		}
		r = r*base + d
	}
	if i == first || r > 0x10ffff {
		return 0, 0
	}
	if i < len(s) && s[i] == ';' {
		i++
	}
	return rune(r), i
}

func digit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// schemes run code or carry a document of their own in a link.
var schemes = []string{"javascript:", "vbscript:", "data:", "livescript:", "mhtml:"}

// scheme returns how many bytes at s[i:] are such a scheme at the place where an
// address begins, however it is disguised.
func scheme(s string, i int) int {
	switch c := s[i]; {
	case c > ' ' && strings.IndexByte("jJvVdDlLmM&", c) < 0, i == 0, !targetStart(s, i):
		return 0
	}
	plain, ends := plainly(s[i:], 12)
	for _, k := range schemes {
		if strings.HasPrefix(plain, k) {
			return ends[len(k)-1]
		}
	}
	return 0
}

// targetStart reports whether a link's address begins at s[i]: in brackets behind its
// text, between angles, or as an attribute's value.
func targetStart(s string, i int) bool {
	if c := s[i-1]; c > ' ' && strings.IndexByte("(<\"'=:", c) < 0 {
		return false
	}
	before := strings.TrimRight(s[max(0, i-8):i], " \t\r\n<\x01\x02\x03")
	switch {
	case strings.HasSuffix(before, "]("), strings.HasSuffix(before, "]:"), s[i-1] == '<':
		return true
	}
	before = strings.TrimRight(s[max(0, i-24):i], " \t\r\n\"'\x01\x02\x03")
	if !strings.HasSuffix(before, "=") {
		return false
	}
	before = strings.ToLower(strings.TrimRight(before[:len(before)-1], " \t\r\n"))
	for _, a := range []string{"href", "src", "action", "data", "cite", "background", "poster", "srcset"} {
		if strings.HasSuffix(before, a) {
			return true
		}
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
