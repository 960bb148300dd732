package entity

import "strings"

// findPhones finds telephone numbers.
//
// Catches: the international form of every country, with the length that it has
// there; national forms of some sixty countries, where the grouping leaves no
// doubt or a word such as "phone" in one of thirty languages stands near; lists of
// numbers behind one word; extensions.
// Does not catch: national numbers without grouping or word, short numbers,
// numbers in words. Dates, amounts, addresses of machines, versions and what is
// called an order or an invoice are left alone on purpose.
// Example: a plus, 49, 30 and seven digits.
func findPhones(p *page, emit emitter) {
	p.international(emit)
	p.worded(emit)
	p.cells(phoneWord, func(start, end int) {
		if i := nextDigit(p.t[:end], start, 2); i >= 0 {
			p.local(i, cue{end: int32(i)}, emit)
		}
	})
}

// international finds numbers that begin with a plus, and with 00 or 011.
func (p *page) international(emit emitter) {
	t := p.t
	for i := 0; i < len(t); i++ {
		plus := t[i] == '+'
		if !plus && (t[i] != '0' || i+6 > len(t) || t[i+1] != '0' && t[i:i+3] != "011") {
			continue
		}
		if i > 0 && (isAlnum(t[i-1]) || t[i-1] == '_' || t[i-1] == '.' || t[i-1] == '+' || t[i-1] == ':' && !plus) {
			continue
		}
		from := i + 1
		if !plus {
			if from = i + 2; t[i+1] == '1' {
				from = i + 3
			}
			from += prefixGap(t[from:])
		}
		var d dialling
		d.read(t, from)
		if k, _ := d.abroad(plus); k > 0 {
			i = p.report(&d, i, k, plus, emit)
		} else if d.end > i {
			i = d.end - 1
		}
	}
}

// prefixGap is the mark between 00 and the country.
func prefixGap(s string) int {
	if len(s) > 1 && isMark(s[0]) && isDigit(s[1]) {
		return 1
	}
	return 0
}

// report emits the number of which k groups count, and returns where it ends.
func (p *page) report(d *dialling, start, k int, plus bool, emit emitter) int {
	end := d.ends[k-1]
	if !phoneEnds(p.t, end) {
		return end - 1
	}
	w := .98
	n := p.around(start, end)
	switch {
	case n.says(phoneWord):
	case !plus && (k == 1 || n.other || inRow(p.t, start, end) || d.digits[d.count[0]] == '0'):
		w = .45
	case !plus:
		w = .85
	case n.other, k == 1 && d.count[0] < 9:
		w = .7
	}
	if start > 0 && p.t[start-1] == '(' && p.t[d.ends[0]-1] == ')' {
		start-- // "(+49) 30 …"
	}
	emit(start, extension(p.low, end), w)
	return end - 1
}

// phoneEnds reports whether a number may end at i.
func phoneEnds(t string, i int) bool {
	if i >= len(t) {
		return true
	}
	if isAlnum(t[i]) {
		return t[i]|0x20 == 'x' && i+1 < len(t) && isDigit(t[i+1])
	}
	if t[i] == '_' || t[i] == '@' || t[i] == '%' || t[i] == '=' {
		return false
	}
	return !((t[i] == ':' || t[i] == '.') && i+1 < len(t) && isAlnum(t[i+1]))
}

// dialling is a number read group by group.
type dialling struct {
	digits [20]byte
	n      int
	ends   [12]int // where each group ends
	count  [12]int // how many digits there are up to its end
	marks  [12]byte
	groups int
	end    int
	trunk  bool // a zero in brackets was left out
}

// read takes groups of digits that one mark, or brackets, keep apart.
func (d *dialling) read(t string, i int) {
	for d.groups < len(d.ends) && d.n < len(d.digits) {
		i += opening(t, i)
		if strings.HasPrefix(t[min(i, len(t)):], "(0)") && d.groups > 0 {
			d.trunk = true
			i += 3
			if i < len(t) && (t[i] == ' ' || t[i] == '-') {
				i++
			}
		}
		from := i
		for i < len(t) && isDigit(t[i]) && d.n < len(d.digits) {
			d.digits[d.n] = t[i]
			d.n++
			i++
		}
		if i == from {
			return
		}
		if i < len(t) && t[i] == ')' && d.open(t, from) {
			i++
		}
		d.ends[d.groups], d.count[d.groups] = i, d.n
		d.end = i
		d.groups++
		next, more := gap(t, i)
		if !more {
			return
		}
		if d.groups < len(d.marks) {
			d.marks[d.groups] = t[i]
		}
		i = next
	}
}

// open reports whether a bracket stands before the group at i.
func (d *dialling) open(t string, i int) bool {
	return i > 0 && t[i-1] == '(' || d.groups == 0 && i > 1 && t[i-1] == '+' && t[i-2] == '('
}

// opening skips a bracket before digits.
func opening(t string, i int) int {
	if i+1 < len(t) && t[i] == '(' && isDigit(t[i+1]) && !strings.HasPrefix(t[i:], "(0)") {
		return 1
	}
	return 0
}

// gap returns where the next group begins, and whether there is one.
func gap(t string, i int) (next int, more bool) {
	j, marks := i, 0
	for j < len(t) && j-i < 3 && isMark(t[j]) {
		if t[j] != ' ' {
			marks++
		}
		if marks > 1 || t[j] == ' ' && j > i && t[j-1] == ' ' {
			return i, false
		}
		j++
	}
	if j < len(t) && (isDigit(t[j]) && (j > i || t[i-1] == ')') || t[j] == '(' && j+1 < len(t) && isDigit(t[j+1])) {
		return j, true
	}
	return i, false
}

// worded finds numbers behind a word for telephones, and the lists that follow.
func (p *page) worded(emit emitter) {
	done := 0
	for _, c := range p.cues {
		if c.topic != phoneWord || int(c.start) < done {
			continue
		}
		i := nextDigit(p.t, int(c.end), reach)
		for i >= 0 {
			end := p.local(i, c, emit)
			if end == 0 {
				break
			}
			done = end
			i = listed(p.t, end)
		}
	}
}

// nextDigit returns where digits, or a bracket or zero before them, begin within n
// bytes, or -1.
func nextDigit(t string, i, n int) int {
	for k := i; k < len(t) && k-i <= n; k++ {
		if isDigit(t[k]) {
			if k > i && t[k-1] == '(' {
				return k - 1
			}
			return k
		}
		if t[k] == '+' {
			return -1
		}
	}
	return -1
}

// listed returns where the next number of a list begins, or -1.
func listed(t string, i int) int {
	k := nextDigit(t, i, 9)
	if k <= i || k-i < 2 || strings.ContainsAny(t[i:k], "\n:=€$") {
		return -1
	}
	return k
}

// local emits the number at i if it can be one that is dialled, and returns where
// it ends.
func (p *page) local(i int, c cue, emit emitter) int {
	var d dialling
	d.read(p.t, i)
	k := d.home(p.t, i)
	if k == 0 || !wholeBefore(p.t, i) && !(p.t[i-1] == '/' && i > 1 && p.t[i-2] == ' ') || sparse(d.digits[:d.count[k-1]]) || dated(p.t, i, d.ends[k-1]) {
		return 0
	}
	end := d.ends[k-1]
	if !phoneEnds(p.t, end) || p.t[i] == '(' && !strings.Contains(p.t[i:end], ")") {
		return 0
	}
	n := p.around(i, end)
	if !n.says(phoneWord) || n.topics[0] != phoneWord && n.topics[1] != phoneWord || measured(p.t, i, end) {
		return 0
	}
	// Six digits are enough only right behind the word.
	if d.count[k-1] < 7 && i-int(c.end) > 4 {
		return 0
	}
	emit(i, extension(p.low, end), .97)
	return end
}

// home returns how many groups make a number that is dialled inside a country.
func (d *dialling) home(t string, i int) int {
	for k := d.groups; k > 0; k-- {
		n := d.count[k-1]
		if n < 6 || n > 13 || allSame(d.digits[:n]) {
			continue
		}
		if k == 1 && d.digits[0] != '0' && n > 12 {
			if whole, _ := d.abroad(false); whole == 0 {
				continue // not with the code of its country, and no plus, either
			}
		}
		// A last group that a blank parts from a whole number is another number.
		if k > 1 && n > 11 && d.marks[k-1] == ' ' && n-d.count[k-2] != 4 {
			continue
		}
		return k
	}
	return 0
}

// dated reports whether digits and marks are a date, a clock or an address of a
// machine.
func dated(t string, i, end int) bool {
	if _, e := numericDate(t, i); e >= end {
		return true
	}
	s := t[i:end]
	if len(s) == 9 && !isDigit(s[4]) && yearLike(s[:4]) && yearLike(s[5:]) {
		return true
	}
	return strings.Count(s, ".") == 3 && !strings.ContainsAny(s, " -/(") && dottedQuad(s, 0) > 0
}

// yearLike reports whether four digits may be a year, as in "2015-2022".
func yearLike(s string) bool {
	n, end := digitsAt(s, 0)
	return end == 4 && 1000 <= n && n <= 2100
}

// extension returns the end of an extension that follows a number, or i.
func extension(low string, i int) int {
	rest := low[i:min(len(low), i+16)]
	trimmed := strings.TrimLeft(rest, " ,")
	for _, w := range []string{"extension ", "ext. ", "ext.", "ext: ", "ext ", "ext", "x ", "x. ", "x", "#", "доб. ", "доб.", "доб ", "durchwahl ", "dw ", "poste ", "int. ", "anexo ", "ramal ", "wew. ", "linka ", "dahili ", "dhl. ", "内线", "内線", "분기", "(내선 "} {
		if !strings.HasPrefix(trimmed, w) {
			continue
		}
		from := i + len(rest) - len(trimmed) + len(w)
		end := from
		for end < len(low) && isDigit(low[end]) {
			end++
		}
		if n := end - from; n >= 1 && n <= 6 && (end == len(low) || !isAlnum(low[end])) {
			return end
		}
	}
	return i
}
