package entity

import "strings"

// findBirthDates finds dates of birth.
//
// Catches: a whole date, in figures or with the month's name, in the scripts and
// languages of months in date.go, shortly behind or before a word for birth.
// Does not catch: other dates, a year alone, dates before 1900, ages.
// Example: "born 3 May 1990".
func findBirthDates(p *page, emit emitter) {
	last := 0
	p.cells(birthWord, func(start, _ int) {
		if end := p.dateAt(start); end > 0 && wholeDate(p.t, start, end) {
			emit(start, end, .97)
		}
	})
	for _, c := range p.cues {
		if c.topic != birthWord || p.heads(int(c.start)) {
			continue
		}
		if strings.HasPrefix(p.low[c.end:], " to ") || strings.HasPrefix(p.low[c.end:], " again") {
			continue // "born to run"
		}
		start, end := p.birthAfter(int(c.end))
		if end == 0 {
			start, end = p.birthBefore(int(c.start), last)
		}
		if end > 0 && start >= last && wholeDate(p.t, start, end) {
			emit(start, end, .97)
			last = end
		}
	}
}

// birthAfter returns the first date within reach of a word.
func (p *page) birthAfter(i int) (start, end int) {
	words := 0
	for k := i; k < len(p.t) && k-i <= reach; k++ {
		c := p.t[k]
		if c == '\n' && k-i > 14 || c == '.' && sentenceEnd(p.t, k) || c == ';' || c == '?' {
			return 0, 0
		}
		first := k == 0 || !isAlnum(p.t[k-1]) && p.t[k-1] < 0x80 || p.t[k] >= 0xD6 || p.t[k-1] >= 0x80 && !cased(p.t, k)
		if !first || !isAlnum(c) && c < 0x80 {
			continue
		}
		if end := p.dateAt(k); end > 0 {
			return k, end
		}
		if isDigit(c) {
			return 0, 0
		}
		if words++; words > 24 {
			return 0, 0
		}
	}
	return 0, 0
}

// sentenceEnd reports whether the point at i ends a sentence: a capital follows.
func sentenceEnd(t string, i int) bool {
	return i+2 < len(t) && t[i+1] == ' ' && ('A' <= t[i+2] && t[i+2] <= 'Z' || t[i+2] >= 0xC3)
}

// birthBefore returns a date that ends right before a word, as in "3/5/1990 (DOB)"
// and 1990年5月3日出生.
func (p *page) birthBefore(i, from int) (start, end int) {
	for k := max(from, i-44); k < i; k++ {
		c := p.t[k]
		if !isAlnum(c) && c < 0xC3 || k > 0 && isAlnum(p.t[k-1]) {
			continue
		}
		if end := p.dateAt(k); end > 0 && end <= i && i-end <= 12 && !strings.ContainsAny(p.t[end:i], "\n,;:0123456789") {
			return k, end
		} else if end > 0 {
			k = end
		}
	}
	return 0, 0
}

// wholeDate reports whether a date is not part of a longer number.
func wholeDate(t string, start, end int) bool {
	if end < len(t) && (isAlnum(t[end]) && t[end] != 'T' || (t[end] == '-' || t[end] == '/') && end+1 < len(t) && isDigit(t[end+1])) {
		return false
	}
	if start == 0 {
		return true
	}
	b := t[start-1]
	return !isAlnum(b) && !(start > 1 && (b == '-' || b == '/' || b == '.') && isDigit(t[start-2]))
}
