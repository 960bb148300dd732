package entity

import (
	"strings"
	"unicode/utf8"
)

// findEmails finds e-mail addresses.
//
// Catches: name@domain in any script, with a top-level domain of letters or in
// Punycode; quoted names; addresses behind "mailto:"; "name [at] domain [dot] org"
// with brackets; blanks around the sign and the points.
// Does not catch: addresses written out without brackets ("name at domain"),
// addresses of numbers ("x@[192.0.2.1]"). Accounts in URLs and SSH remotes, package
// versions and decorators are left alone on purpose.
// Example: an address in a signature.
func findEmails(p *page, emit emitter) {
	for at := 0; ; {
		i := strings.IndexByte(p.t[at:], '@')
		if i < 0 {
			break
		}
		i += at
		start := localStart(p.t, at, i)
		end := domainEnd(p.t, i+1)
		if start == i || end == 0 {
			if start, end = p.spaced(at, i); end > 0 {
				emit(start, end, .9)
			}
			at = max(i+1, end)
			continue
		}
		at = i + 1
		if account(p.t, start, end) {
			continue
		}
		emit(start, end, .98)
		at = end
	}
	p.veiled(emit)
}

// localStart returns where the name before the sign at i begins.
func localStart(t string, at, i int) int {
	if i > at+2 && t[i-1] == '"' {
		if q := strings.LastIndexByte(t[max(at, i-64):i-1], '"'); q >= 0 && !strings.Contains(t[max(at, i-64)+q:i], "\n") {
			return max(at, i-64) + q
		}
	}
	start := i
	for start > at && i-start < 64 && localByte(t[start-1]) {
		start--
	}
	// A label or a greeting in a script without blanks is not the name.
	if j := lastForeign(t, start, i); j > start && hasASCII(t[j:i]) {
		start = j
	}
	for start < i && (t[start] == '.' || t[start] == '\'' || t[start] >= 0x80 && !utf8.RuneStart(t[start])) {
		start++
	}
	return start
}

// lastForeign returns the end of the last character in t[start:i] that is of a
// script without capitals, or of punctuation beyond ASCII.
func lastForeign(t string, start, i int) int {
	for k := i; k > start; k-- {
		if c := t[k-1]; c >= 0xD6 || c == 0xC2 {
			_, n := utf8.DecodeRuneInString(t[k-1:])
			return min(k-1+n, i)
		}
	}
	return start
}

// hasASCII reports whether there is a letter or a digit of ASCII.
func hasASCII(s string) bool {
	for i := range len(s) {
		if isAlnum(s[i]) {
			return true
		}
	}
	return false
}

func localByte(c byte) bool {
	return isAlnum(c) || c >= 0x80 || strings.IndexByte("._%+-'", c) >= 0
}

func domainByte(c byte) bool { return isAlnum(c) || c == '-' || c >= 0x80 }

// domainEnd returns the end of a domain name at t[i:], 0 when there is none.
func domainEnd(t string, i int) int {
	end := i
	if i < len(t) && t[i] == '-' {
		return 0
	}
	label, last := i, -1 // where the label and the last one that is whole begin
	for end < len(t) && end-i < 253 {
		if t[end] == '.' && end > label && end+1 < len(t) && domainByte(t[end+1]) && t[end+1] != '-' {
			last = label
			end++
			label = end
			continue
		}
		if !domainByte(t[end]) || t[end] >= 0x80 && !domainRune(t[end:]) {
			break
		}
		end++
	}
	for end > label && t[end-1] == '-' {
		end--
	}
	if last < 0 {
		return 0
	}
	return topLevel(t, label, end)
}

// domainRune reports whether a character beyond ASCII may stand in a name: no
// punctuation, and nothing that follows a whole name in a script without blanks.
func domainRune(s string) bool {
	c := s[0]
	return c < 0xC0 || c >= 0xC3 && c < 0xE2 || c > 0xE3 && c < 0xEF || strings.HasPrefix(s, "の")
}

// topLevel returns the end of the top-level domain, 0 when it cannot be one.
func topLevel(t string, label, end int) int {
	if strings.HasPrefix(t[label:end], "xn--") {
		return end
	}
	// What follows ASCII letters in a script without blanks is the next word.
	n := label
	for n < end && t[n] < 0x80 {
		n++
	}
	if n > label {
		end = n
	}
	for k := label; k < end; k++ {
		if isDigit(t[k]) || t[k] == '-' {
			return 0
		}
	}
	if end-label < 2 || n > label && end-label > 24 {
		return 0
	}
	return end
}

// account reports an account on a machine rather than a person's address: the
// user part of a URL, or an SSH remote such as git@host:path.
func account(t string, start, end int) bool {
	before := t[max(0, start-64):start]
	if i := strings.LastIndex(before, "://"); i >= 0 && !strings.ContainsAny(before[i:], " \n\t\"'?=&") && !strings.Contains(before[i+3:], "/") && !strings.Contains(before, "mailto:") {
		return true
	}
	return strings.HasPrefix(t[start:], "git@") && end < len(t) && (t[end] == ':' || t[end] == '/')
}

// veiled finds addresses whose sign is a word in brackets.
func (p *page) veiled(emit emitter) {
	low := p.low
	for i := 1; i+4 < len(low); i++ {
		if low[i] != 'a' || low[i+1] != 't' && low[i+1] != 'r' {
			continue
		}
		n := 2
		if strings.HasPrefix(low[i:], "arroba") {
			n = 6
		}
		from, to := trimLeftBlank(low, i), trimRightBlank(low, i+n)
		if from == 0 || to == len(low) || from < i-1 || to > i+n+1 || !opens(low[from-1]) || !closes(low[to]) {
			continue
		}
		left, right := trimLeftBlank(low, from-1), trimRightBlank(low, to+1)
		start := localStart(p.t, max(0, left-64), left)
		if end := p.veiledDomain(right); start < left && end > 0 {
			emit(start, end, .9)
			i = end
		}
	}
}

// veiledDomain reads "example [dot] org" and "example.org".
func (p *page) veiledDomain(i int) int {
	end := i
	for end < len(p.low) && end-i < 253 && domainByte(p.low[end]) && p.low[end] < 0x80 {
		end++
	}
	if end == i {
		return 0
	}
	j := trimRightBlank(p.low, end)
	if j < len(p.low) && opens(p.low[j]) {
		in := trimRightBlank(p.low, j+1)
		for _, w := range []string{"dot", "punkt", "point", "punto", "ponto", "."} {
			if k := trimRightBlank(p.low, in+len(w)); strings.HasPrefix(p.low[in:], w) && k < len(p.low) && closes(p.low[k]) {
				return p.veiledTop(trimRightBlank(p.low, k+1))
			}
		}
	}
	return domainEnd(p.t, i)
}

// veiledTop reads what follows a veiled point: a domain or its last part.
func (p *page) veiledTop(i int) int {
	if end := p.veiledDomain(i); end > 0 {
		return end
	}
	end := i
	for end < len(p.low) && isAlnum(p.low[end]) && !isDigit(p.low[end]) {
		end++
	}
	if end-i < 2 || end-i > 12 {
		return 0
	}
	return end
}

func opens(c byte) bool { return c == '[' || c == '(' || c == '{' || c == '<' }

func closes(c byte) bool { return c == ']' || c == ')' || c == '}' || c == '>' }

func trimLeftBlank(s string, i int) int {
	for i > 0 && s[i-1] == ' ' {
		i--
	}
	return i
}

func trimRightBlank(s string, i int) int {
	for i < len(s) && s[i] == ' ' {
		i++
	}
	return i
}
