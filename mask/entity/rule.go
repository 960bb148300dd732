package entity

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// rule describes one number that a state, a network or a firm gives out.
type rule struct {
	kind  string
	name  string // for readers
	shape string // "ddd-dd-dddd=.9;d{9}=0": forms, and how sure each is by itself
	check func(v []byte) bool
	words string  // names of this very number
	also  topic   // a topic that speaks for it too
	alone float64 // how sure it is with a word of the topic
	own   topic   // of words; given by rules
}

// sure is how sure a rule with a check digit is when its own name stands near.
const sure = .98

// rules returns the rules of all kinds, in order. A number that strangers pass one
// time in ten weighs nothing until a word speaks for it.
var rules = sync.OnceValue(func() []rule {
	all := slices.Concat(europeNorth(), europeWest(), europeEast(), americas(), asia(), africaOceania(), identity(), passports(), licences(), healthNumbers(), phonePlans(), accounts(), devices(), vehicles())
	own := firstOwn
	for i := range all {
		if all[i].words != "" {
			all[i].own = own
			own++
		}
	}
	return all
})

// form is one way to write a number.
type form struct {
	rule *rule
	ops  string
	bare float64
}

// runLimit is the longest run of letters and digits that a form begins with.
const runLimit = 34

// index holds forms by the runs of letters and digits that they begin with. In
// each list the forms that weigh something by themselves come first.
type index struct {
	single [runLimit + 1][2][]form // of one run: its length, and whether a letter leads
	double map[uint32][]form       // of two runs
	more   map[uint32][]form       // of three and more: the first three count
}

var formsOf = sync.OnceValue(func() *index {
	x := &index{double: map[uint32][]form{}, more: map[uint32][]form{}}
	for i := range rules() {
		r := &rules()[i]
		for f := range strings.SplitSeq(r.shape, ";") {
			ops, weight, _ := strings.Cut(f, "=")
			bare, err := strconv.ParseFloat(weight, 64)
			if err != nil {
				panic("entity: " + r.name + " has a form without weight: " + f)
			}
			x.add(form{r, spelled(ops), bare})
		}
	}
	x.order()
	return x
})

// order puts forms that weigh something by themselves first.
func (x *index) order() {
	heavy := func(a, b form) int { return cmp.Compare(b.bare, a.bare) }
	for i := range x.single {
		slices.SortStableFunc(x.single[i][0], heavy)
		slices.SortStableFunc(x.single[i][1], heavy)
	}
	for _, m := range []map[uint32][]form{x.double, x.more} {
		for _, forms := range m {
			slices.SortStableFunc(forms, heavy)
		}
	}
}

// spelled writes counts out: d{3} is ddd.
func spelled(ops string) string {
	for {
		i := strings.IndexByte(ops, '{')
		if i < 0 {
			return ops
		}
		j := strings.IndexByte(ops, '}')
		n, err := strconv.Atoi(ops[i+1 : j])
		if err != nil {
			panic("entity: a form counts wrongly: " + ops)
		}
		ops = ops[:i] + strings.Repeat(ops[i-1:i], n-1) + ops[j+1:]
	}
}

// add files a form under the lengths of its runs.
func (x *index) add(f form) {
	ops := strings.TrimPrefix(f.ops, "(")
	r := runsAt(ops, 0, runEnd(ops, 0))
	switch {
	case r.n == 1:
		letter := 0
		if c := ops[0]; !isDigit(c) && c != 'd' && c != 'N' {
			letter = 1
		}
		x.single[r.size[0]][letter] = append(x.single[r.size[0]][letter], f)
		if ops[0] == 'X' {
			x.single[r.size[0]][0] = append(x.single[r.size[0]][0], f)
		}
	case r.n == 2:
		x.double[r.key(2)] = append(x.double[r.key(2)], f)
	default:
		x.more[r.key(3)] = append(x.more[r.key(3)], f)
	}
}

// runs are up to three runs of letters and digits with marks between.
type runs struct {
	n    int
	size [3]int
	mark [2]byte // what follows the first and the second
}

// runsAt reads the runs that begin with t[i:j].
func runsAt(t string, i, j int) (r runs) {
	for {
		r.size[r.n] = j - i
		r.n++
		if r.n == 3 || j >= len(t) {
			return r
		}
		i = j
		for i < len(t) && i-j < 6 && t[i] != '\n' && !isAlnum(t[i]) {
			i++
		}
		if i >= len(t) || !isAlnum(t[i]) {
			return r
		}
		r.mark[r.n-1] = t[j]
		j = runEnd(t, i)
	}
}

// runEnd returns the end of the letters and digits at i.
func runEnd(t string, i int) int {
	for i < len(t) && isAlnum(t[i]) {
		i++
	}
	return i
}

// key is a number for the first n runs and their marks.
func (r *runs) key(n int) uint32 {
	k := uint32(min(r.size[0], 63)) | uint32(r.mark[0])<<6 | uint32(min(r.size[1], 63))<<14
	if n == 3 {
		k |= uint32(min(r.size[2], 63))<<20 | uint32(r.mark[1]&63)<<26
	}
	return k
}

// match reads a form at t[i:] and returns where it ends, 0 when it does not hold.
// v takes the letters and digits, in capitals. Of the ops, d is any digit, N one
// from 2 to 9, A any letter, V a capital, X a letter or a digit; all others stand
// for themselves.
func (f *form) match(t string, i int, v *[48]byte) (end, n int) {
	if i+len(f.ops) > len(t) {
		return 0, 0
	}
	for k := 0; k < len(f.ops); k++ {
		c := t[i+k]
		if !fits(f.ops[k], c) {
			return 0, 0
		}
		if isAlnum(c) {
			v[n] = upper(c)
			n++
		}
	}
	return i + len(f.ops), n
}

// fits reports whether a byte is what an op asks for.
func fits(op, c byte) bool {
	switch op {
	case 'd':
		return isDigit(c)
	case 'N':
		return '2' <= c && c <= '9'
	case 'A':
		return isAlnum(c) && !isDigit(c)
	case 'V':
		return 'A' <= c && c <= 'Z'
	case 'X':
		return isAlnum(c)
	}
	return op == c || 'A' <= op && op <= 'Z' && op|0x20 == c
}

// isMark reports the marks that stand between groups.
func isMark(c byte) bool { return c == ' ' || c == '-' || c == '.' || c == '/' }

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 0x20
	}
	return c
}

// claim takes a value that a rule of a kind found.
type claim func(kind string, start, end int, confidence float64)

// findNumbers applies every rule in one pass over the runs of letters and digits.
func findNumbers(p *page, only string, emit claim) {
	x := formsOf()
	t := p.t
	for i := 0; i < len(t); {
		if !isAlnum(t[i]) {
			i++
			continue
		}
		j, digits := i, 0
		for j < len(t) && isAlnum(t[j]) {
			if isDigit(t[j]) {
				digits++
			}
			j++
		}
		if j-i <= runLimit && (digits > 0 || leads(t, i, j)) {
			p.lookUp(x, i, j, only, emit)
		}
		i = j
	}
}

// lookUp tries the forms that the runs at i may be.
func (p *page) lookUp(x *index, i, j int, only string, emit claim) {
	letter := 0
	if !isDigit(p.t[i]) {
		letter = 1
	}
	cued := p.cuedAt(i)
	p.try(x.single[j-i][letter], i, cued, only, emit)
	if r := runsAt(p.t, i, j); r.n > 1 {
		p.try(x.double[r.key(2)], i, cued, only, emit)
		if r.n > 2 {
			p.try(x.more[r.key(3)], i, cued, only, emit)
		}
	}
}

// cuedAt reports whether any word stands near enough to speak for a value at i.
func (p *page) cuedAt(i int) bool {
	n := p.last(i)
	return p.tables != nil && p.tableOf(i) != nil || n > 0 && i-int(p.cues[n-1].end) <= reach || n < len(p.cues) && int(p.cues[n].start)-i < reach
}

// leads reports whether a run of letters stands before digits that may belong to
// it, as in "AB 12 34 56 C".
func leads(t string, i, j int) bool {
	if j-i > 5 || j+1 >= len(t) || !isMark(t[j]) {
		return false
	}
	// Italians write their tax code in groups of three letters.
	c := t[j+1]
	return isDigit(c) || j-i == 3 && t[j] == ' ' && 'A' <= c && c <= 'Z' && 'A' <= t[i+1] && t[i+1] <= 'Z'
}

// try applies forms at i. Without a word near, those that weigh nothing by
// themselves, which are the last, are left out.
func (p *page) try(forms []form, i int, cued bool, only string, emit claim) {
	v := &p.value
	var n near
	known := 0 // the end of the value that n is for
	for k := range forms {
		f := &forms[k]
		if !cued && f.bare < .2 {
			return
		}
		start := i
		if f.ops[0] == '(' {
			start--
		}
		if only != "" && f.rule.kind != only || start < 0 {
			continue
		}
		end, size := f.match(p.t, start, v)
		if end == 0 || !whole(p.t, start, end) || f.rule.check != nil && !f.rule.check(v[:size]) {
			continue
		}
		if sparse(v[:size]) {
			continue
		}
		if known != end {
			n, known = p.around(start, end), end
		}
		if w := f.weigh(p.t, start, end, &n); w >= .2 {
			emit(f.rule.kind, start, end, w)
		}
	}
}

// weigh says how sure a value is, by its form and by the words around it.
func (f *form) weigh(t string, start, end int, n *near) float64 {
	r, w := f.rule, f.bare
	if w < .9 && continues(t, start, end) {
		return w * .5
	}
	switch {
	case r.own != 0 && n.says(r.own):
		if r.check != nil {
			return sure
		}
		return max(w, .9)
	case r.also != 0 && n.says(r.also):
		return max(w, r.alone)
	case inRow(t, start, end):
		return w * .4
	case w >= .9 && !n.other:
		return w
	case n.n > 0 && n.topics[0] != idWord && n.topics[0] != taxWord, n.other, measured(t, start, end), joined(t, end):
		// The words, the unit or the row say that it is something else.
		if w >= .95 {
			return w
		}
		return w * .5
	}
	return w
}

// continues reports whether a value is the end of a longer number in groups. One
// digit before a number without groups counts something else: "IMEI 1".
func continues(t string, start, end int) bool {
	if start < 2 || t[start-1] != ' ' || !isDigit(t[start-2]) {
		return false
	}
	return start > 2 && isDigit(t[start-3]) || strings.IndexByte(t[start:end], ' ') >= 0
}

// inRow reports whether a value in groups stands among other numbers of a row, as in
// a dump of memory or a table.
func inRow(t string, start, end int) bool {
	if strings.IndexByte(t[start:end], ' ') < 0 {
		return false
	}
	i := start
	for i > 0 && start-i < 3 && t[i-1] == ' ' {
		i--
	}
	if i < start && hexToken(t, runStart(t, i), i) {
		return true
	}
	i = trimRightBlank(t[:min(len(t), end+3)], end)
	return i > end && hexToken(t, i, runEnd(t, i))
}

func runStart(t string, i int) int {
	for i > 0 && isAlnum(t[i-1]) {
		i--
	}
	return i
}

// hexToken reports whether t[i:j] is a short number, perhaps hexadecimal.
func hexToken(t string, i, j int) bool {
	digits := 0
	for k := i; k < j; k++ {
		if !isHex(t[k]) {
			return false
		}
		if isDigit(t[k]) {
			digits++
		}
	}
	return j-i >= 2 && j-i <= 8 && digits > 0
}

// sparse reports numbers that are mostly zeros or one digit: masks and bounds.
func sparse(v []byte) bool {
	zeros := 0
	for _, c := range v {
		if c == '0' {
			zeros++
		}
	}
	return len(v) >= 7 && (zeros*3 >= len(v)*2 || allSame(v))
}

// whole reports whether a value is not a part of something longer.
func whole(t string, start, end int) bool {
	if end < len(t) {
		c := t[end]
		if isAlnum(c) || c == '_' || c == '%' || c == '@' {
			return false
		}
		if (c == '-' || c == '.' || c == '/' || c == ':' || c == '\'') && end+1 < len(t) && isAlnum(t[end+1]) {
			return false
		}
		if c == ',' && decimal(t, end+1) {
			return false
		}
	}
	return start == 0 || wholeBefore(t, start)
}

func wholeBefore(t string, start int) bool {
	b := t[start-1]
	if b >= 0x80 {
		return !cased(t, start) || latinless(t, start)
	}
	if isAlnum(b) || b == '_' || b == '$' || b == '@' || b == '\\' || b == '#' && start > 1 && t[start-2] == '&' {
		return false
	}
	if start < 2 || b != '-' && b != '.' && b != '/' && b != ',' && b != '+' {
		return b != '+'
	}
	a := t[start-2]
	if b == ',' {
		return !isDigit(a) || start+3 < len(t) && isDigit(t[start+3])
	}
	return !isAlnum(a) && a < 0x80 && a != '_' && b != '+'
}

// latinless reports whether the letter before i is Greek or Cyrillic: a label in
// those scripts may touch its number.
func latinless(t string, i int) bool { return i > 1 && t[i-2] >= 0xCE && t[i-2] < 0xD6 }

// decimal reports whether the one, two or three digits at i end a number, as the
// part behind a comma does.
func decimal(t string, i int) bool {
	n := 0
	for i+n < len(t) && isDigit(t[i+n]) {
		n++
	}
	return 1 <= n && n <= 3
}

// measured reports whether money or a unit stands beside a number.
func measured(t string, start, end int) bool {
	rest := t[end:min(len(t), end+5)]
	for _, u := range []string{"€", "$", "£", "¥", "₹", "₽", "%", "EUR", "USD", "GBP", "km", "kg", "ms", "MB", "GB", "kB", "KB", "px", "mm", "cm", "m²", "bytes", "pcs", "円", "元", "원", "руб", "zł", "Kč", "Ft", "kr"} {
		if strings.HasPrefix(strings.TrimPrefix(rest, " "), u) {
			return true
		}
	}
	before := t[max(0, start-4):start]
	for _, u := range []string{"€", "$", "£", "¥", "₹", "#", "№"} {
		if strings.Contains(before, u) {
			return true
		}
	}
	return false
}

// joined reports whether a blank alone parts a number from another one behind it,
// as in a row of numbers.
func joined(t string, end int) bool {
	return end+1 < len(t) && t[end] == ' ' && isDigit(t[end+1])
}
