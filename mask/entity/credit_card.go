package entity

// findCards finds payment card numbers.
//
// Catches: 12 to 19 digits, alone or in groups, of a known issuer and with a
// valid check digit.
// Does not catch: numbers with letters between, parts of a number, numbers of which
// some digits are masked, numbers whose check fails, whatever is written beside
// them. Other long numbers pass the check one time in ten, so the issuer's range,
// the grouping and the words around decide how sure a finding is.
// Example: four groups of four digits beginning with a 4.
func findCards(p *page, emit emitter) {
	t := p.t
	for i := 0; i < len(t); i++ {
		if !isDigit(t[i]) {
			continue
		}
		if i > 0 && (isAlnum(t[i-1]) || t[i-1] == '_' || i > 1 && (t[i-1] == '.' || t[i-1] == '-' || t[i-1] == '+') && t[i-1] != ' ' && (isAlnum(t[i-2]) || t[i-2] == '*')) {
			i = skipNumber(t, i) - 1
			continue
		}
		var store [20]byte
		digits, end, groups := number(t, i, store[:0])
		if w := cardWeight(digits, groups); w > 0 && cardEnds(t, end) {
			emit(i, end, p.cardContext(i, end, w))
		}
		i = max(i, end-1)
	}
}

// cardContext raises the weight where a card is spoken of, and lowers it where
// something else is.
func (p *page) cardContext(i, end int, w float64) float64 {
	n := p.around(i, end)
	switch {
	case n.says(cardWord):
		return .98
	case n.other || p.counted(i) || inRow(p.t, i, end) || i > 0 && p.t[i-1] == '-':
		return w * .5
	}
	return w
}

// cardEnds reports whether a number may end at i.
func cardEnds(t string, i int) bool {
	if i >= len(t) {
		return true
	}
	return !isAlnum(t[i]) && t[i] != '_' && !(i+1 < len(t) && (t[i] == '.' || t[i] == '-') && isAlnum(t[i+1]))
}

// grouping says how the digits of a number are parted.
type grouping struct {
	first, second, count int
	sep                  byte
}

// number reads digits in groups that one blank, dash or dot keeps apart, the same
// throughout.
func number(t string, i int, digits []byte) ([]byte, int, grouping) {
	var g grouping
	sep := byte(0)
	size, end := 0, i
	for ; end < len(t) && len(digits) < cap(digits); end++ {
		c := t[end]
		if isDigit(c) {
			digits = append(digits, c-'0')
			size++
			continue
		}
		if c != ' ' && c != '-' && c != '.' || sep != 0 && c != sep || end+1 >= len(t) || !isDigit(t[end+1]) {
			break
		}
		sep, g.sep = c, c
		g.close(size)
		size = 0
	}
	g.close(size)
	return digits, end, g
}

// close counts a group.
func (g *grouping) close(size int) {
	switch g.count {
	case 0:
		g.first = size
	case 1:
		g.second = size
	}
	g.count++
}

// skipNumber returns the end of the alphanumeric run at i.
func skipNumber(s string, i int) int {
	for i < len(s) && isAlnum(s[i]) {
		i++
	}
	return i
}

// cardWeight is how likely the digits are a card number.
func cardWeight(d []byte, g grouping) float64 {
	if len(d) < 12 || len(d) > 19 || !issuer(d) || !luhn(d) || uniform(d) {
		return 0
	}
	switch {
	case g.count == 1 && (len(d) == 15 || len(d) == 16):
		return .85
	case g.sep == '.':
		return .45
	case g.count >= 3 && g.first == 4 && g.second >= 4:
		return .97
	}
	return .4
}

// issuer reports whether the digits begin like those of a card network and have
// its length.
func issuer(d []byte) bool {
	two := int(d[0])*10 + int(d[1])
	four := two*100 + int(d[2])*10 + int(d[3])
	n := len(d)
	switch {
	case d[0] == 4:
		return n == 13 || n == 16 || n == 19
	case 51 <= two && two <= 55, 2221 <= four && four <= 2720:
		return n == 16
	case four == 1800, four == 2131:
		return n == 15
	case two == 34, two == 37:
		return n == 15
	case four == 6011, two == 65, 644 <= four/10 && four/10 <= 649, two == 62, two == 35:
		return n >= 16
	case two == 36, two == 38, two == 39, two == 30:
		return n == 14 || n == 16
	case 2200 <= four && four <= 2204, four == 9792, two == 60, two == 81, two == 82, four == 5067, four == 6363, four == 5090:
		return n == 16
	case two == 50, 56 <= two && two <= 58, two == 67, two == 63:
		return n >= 12
	}
	return false
}

func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i])
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// uniform reports numbers made of few different digits, as examples are.
func uniform(d []byte) bool {
	var seen [10]bool
	n := 0
	for _, v := range d[1:] {
		if !seen[v] {
			seen[v] = true
			n++
		}
	}
	return n < 2
}
