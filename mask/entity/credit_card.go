package entity

// findCards finds payment card numbers.
//
// Catches: 13 to 19 digits, alone or in groups, of a known issuer and with a
// valid check digit.
// Does not catch: numbers with letters between, parts of a number. Other long
// numbers pass the check one time in ten, so the issuer's range and the grouping
// decide how sure a finding is.
// Example: four groups of four digits beginning with a 4.
func findCards(s string, emit emitter) {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			continue
		}
		// Digits inside a longer name, or behind a decimal point, are no card.
		if i > 0 && (isAlnum(s[i-1]) || i > 1 && (s[i-1] == '.' || s[i-1] == '-' || s[i-1] == ',') && isAlnum(s[i-2])) {
			i = skipNumber(s, i) - 1
			continue
		}
		digits, end, groups := number(s, i)
		if p := cardWeight(digits, groups); p > 0 && !(end < len(s) && isAlnum(s[end])) && !(end+1 < len(s) && s[end] == '.' && isDigit(s[end+1])) {
			if beside(s, i, "card", "visa", "master", "amex", "karte", "carte", "tarjeta", "carta", "cartao", "kaart", "karta", "карт", "卡", "カード", "카드") {
				p = .98
			}
			emit(i, end, p)
		}
		i = max(i, end-1)
	}
}

// number reads digits in groups that one blank or dash keeps apart.
func number(s string, i int) (digits []byte, end int, groups []int) {
	var store [20]byte
	digits = store[:0]
	group := 0
	for end = i; end < len(s) && len(digits) < 20; end++ {
		switch c := s[end]; {
		case isDigit(c):
			digits = append(digits, c-'0')
			group++
			continue
		case (c == ' ' || c == '-') && end+1 < len(s) && isDigit(s[end+1]):
			groups = append(groups, group)
			group = 0
			continue
		}
		break
	}
	return digits, end, append(groups, group)
}

// skipNumber returns the end of the alphanumeric run at i.
func skipNumber(s string, i int) int {
	for i < len(s) && isAlnum(s[i]) {
		i++
	}
	return i
}

// cardWeight is how likely the digits are a card number.
func cardWeight(d []byte, groups []int) float64 {
	if len(d) < 13 || len(d) > 19 || !issuer(d) || !luhn(d) || uniform(d) {
		return 0
	}
	switch {
	case len(groups) == 1:
		return .8
	case len(groups) >= 3 && groups[0] == 4 && groups[1] >= 4:
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
	case two == 34, two == 37:
		return n == 15
	case four == 6011, two == 65, 644 <= four/10 && four/10 <= 649, two == 62, 3528 <= four && four <= 3589:
		return n >= 16
	case two == 36, two == 38, two == 30:
		return n == 14
	case two == 50, 56 <= two && two <= 58, two == 67:
		return n >= 13
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
