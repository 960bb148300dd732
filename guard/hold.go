package guard

import (
	"strings"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/text"
)

// Bounds on how much text may be held because something may have begun in it.
const (
	maxKeyBlock = 16 << 10 // a private key between its two lines
	maxNumber   = 48       // a card or account number in groups
)

// open returns how many bytes at the end of a unit may be the beginning of
// something that must not leave in part: an operator's phrase, a private key, a
// number in groups, an image or element whose target is not known yet. unit is
// what has not been judged, seen ends at the same place and begins earlier. The
// answer depends on the text alone.
func (c *Compiled) open(unit, seen string) int {
	// Twice the longest literal leaves room for runs of white space.
	n := openPhrase(c.rules.auto, seen[max(0, len(seen)-2*maxLiteral):])
	n = max(n, openKey(unit), openNumber(unit), openLinks(unit), openControl(unit))
	// What is not seen will be taken out, and what it split is whole then.
	if rest := without(unit, unseenIn(unit)); rest.at != nil {
		if open := openLinks(rest.text); open > 0 {
			n = max(n, len(unit)-rest.at[len(rest.text)-open])
		}
	}
	return min(n, len(unit))
}

// openPhrase measures what may become an operator's phrase. Phrases are looked for in texts as
// they are normalised.
func openPhrase(a *automaton, tail string) int {
	if isASCII(tail) {
		return a.open(tail)
	}
	for !utf8.RuneStart(tail[0]) { // a character that was cut
		tail = tail[1:]
	}
	// The beginning of a word may be read as look-alikes of another script, and the whole of
	// it not: so it is looked for as it is written, too.
	written := min(len(tail), a.open(strings.ToLower(tail)))
	v := text.Normalise(tail)
	n := a.open(v.Text)
	if n == 0 {
		return written
	}
	start, _ := v.Original(len(v.Text)-n, len(v.Text))
	return max(written, len(tail)-start)
}

// unseenIn returns all that may be taken out of a unit because nobody sees it.
func unseenIn(unit string) []PassageChange {
	var out []PassageChange
	if controls(unit) {
		out = escapeChanges(unit)
	}
	for i := range len(unit) {
		if c := unit[i]; c == 0xe2 || c == 0xef || c == 0xf3 || c == c1 || c == 0xcd || c == 0xe1 {
			v := text.Normalise(unit)
			for _, h := range v.Hidden {
				out = append(out, PassageChange{Start: h.Start, End: h.End})
			}
			break
		}
	}
	return out
}

// openLinks measures what may become a link, or the code that a link stands in.
func openLinks(unit string) int { return max(openMarkup(unit), openAddress(unit), openCode(unit)) }

func openKey(unit string) int {
	i := strings.LastIndex(unit, "-----BEGIN ")
	if i < 0 || len(unit)-i > maxKeyBlock || strings.Contains(unit[i:], "-----END ") && strings.HasSuffix(strings.TrimRight(unit, " \r\n"), "-----") {
		return 0
	}
	return len(unit) - i
}

// openNumber measures the groups of digits and capitals at the end of a unit
// that ends in a blank or dash.
func openNumber(unit string) int {
	i, digits := len(unit), false
	for i > 0 && len(unit)-i < maxNumber {
		c := unit[i-1]
		if '0' <= c && c <= '9' {
			digits = true
		} else if c != ' ' && c != '-' && (c < 'A' || c > 'Z') {
			break
		}
		i--
	}
	if !digits || len(unit)-i >= maxNumber {
		return 0
	}
	return len(unit) - i
}

// openMarkup measures an image, a link or an element at the end of a unit whose
// target is not known yet.
func openMarkup(unit string) int {
	// A target that is longer than this is no link worth waiting for.
	tail := unit[max(0, len(unit)-maxLink):]
	open := -1
	if i := strings.LastIndex(tail, "!["); i >= 0 && openImage(tail[i:]) {
		open = i
	}
	if i := strings.LastIndex(tail, "]("); i >= 0 && (open < 0 || i < open) && !strings.Contains(tail[i+2:], ")") && !strings.Contains(tail[i:], "\n\n") {
		open = i
	}
	if i := strings.LastIndexByte(tail, '<'); i >= 0 && i+1 < len(tail) && (isWord(tail[i+1]) || tail[i+1] == '/') && strings.IndexByte(tail[i:], '>') < 0 && (open < 0 || i < open) {
		open = i
	}
	// The next byte says whether a text in brackets is a link, or has an address.
	for _, end := range []string{"]", "]:", "!"} {
		if t := strings.TrimRight(tail, " \t\r\n"); strings.HasSuffix(t, end) && (end == "]:" || len(t) == len(tail)) {
			i := len(t) - len(end)
			if k := strings.LastIndexByte(t, '['); k >= 0 && end != "!" {
				i = k
			}
			if i > 0 && tail[i-1] == '!' {
				i--
			}
			if open < 0 || i < open {
				open = i
			}
		}
	}
	if open < 0 {
		return 0
	}
	return len(tail) - open
}

// openImage reports whether more text may say what the image that s begins with is.
func openImage(s string) bool {
	if strings.Contains(s, "\n\n") {
		return false
	}
	end := bracketEnd(s, 1)
	if end < 0 || end+1 == len(s) {
		return end != tooFar
	}
	switch s[end+1] {
	case '(':
		return strings.IndexByte(s[end:], ')') < 0
	case '[':
		return strings.IndexByte(s[end+2:], ']') < 0
	}
	return false
}

// maxAuthority bounds how long the end of a host is waited for.
const maxAuthority = 300

// openAddress measures an address at the end of a unit whose host may go on.
func openAddress(unit string) int {
	tail := unit[max(0, len(unit)-maxAuthority):]
	i := strings.LastIndex(tail, "://")
	if i < 0 || strings.ContainsAny(tail[i+3:], "/?# \t\r\n\"'<>)]}`") {
		return 0
	}
	for i > 0 && isWord(tail[i-1]) {
		i--
	}
	return len(tail) - i
}

// openCode measures code in the last line of a unit that may still be closed: whether
// it is code decides what is done with the links in it.
func openCode(unit string) int {
	tail := unit[max(0, len(unit)-maxLink):]
	for i := strings.LastIndexByte(tail, '\n') + 1; i < len(tail); {
		if tail[i] != '`' {
			i++
			continue
		}
		n := runLen(tail[i:], '`')
		end := spanEnd(tail[i+n:], n)
		if end < 0 || i+n+end+n == len(tail) {
			return len(tail) - i // the run itself may go on
		}
		i += n + end + n
	}
	return 0
}
