package guard

import "strings"

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
	n := c.rules.auto.open(seen[max(0, len(seen)-2*maxLiteral):])
	n = max(n, openKey(unit), openNumber(unit), openMarkup(unit))
	return min(n, len(unit))
}

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

func openMarkup(unit string) int {
	// A target that is longer than this is no link worth waiting for.
	tail := unit[max(0, len(unit)-maxLink):]
	if i := strings.LastIndex(tail, "!["); i >= 0 && !strings.Contains(tail[i:], ")") && !strings.Contains(tail[i:], "\n\n") {
		return len(tail) - i
	}
	if i := strings.LastIndexByte(tail, '<'); i >= 0 && i+1 < len(tail) && (isWord(tail[i+1]) || tail[i+1] == '/') && strings.IndexByte(tail[i:], '>') < 0 {
		return len(tail) - i
	}
	return 0
}
