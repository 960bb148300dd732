package entity

import "strings"

// ibanLengths are the lengths that countries fixed for their account numbers.
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28, "CH": 21, "CR": 22,
	"CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22,
	"GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30,
	"KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20,
	"MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
	"RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26,
	"UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}

// findIBANs finds international bank account numbers.
//
// Catches: a country's letters, check digits that hold, the country's length,
// written together or in groups, in either case.
// Does not catch: national account numbers without the international form; these
// are bank_account. A number whose check digits fail is none.
// Example: DE, two check digits and eighteen digits in groups.
func findIBANs(p *page, emit emitter) {
	t := p.t
	for i := 2; i+10 < len(t); i++ {
		if !isDigit(t[i]) || !ibanHead(t, i) {
			continue
		}
		want := ibanLengths[strings.ToUpper(t[i-2:i])]
		if want == 0 {
			continue
		}
		if end := ibanEnd(t, i-2, want); end > 0 {
			emit(i-2, end, .98)
			i = end
		}
	}
}

// ibanHead reports whether two letters alone stand before the digit at i, as a
// word of their own or right behind the label "IBAN".
func ibanHead(t string, i int) bool {
	if isDigit(t[i-1]) || !isAlnum(t[i-1]) || !isAlnum(t[i-2]) || isDigit(t[i-2]) {
		return false
	}
	if i > 2 && (isAlnum(t[i-3]) || t[i-3] == '_') {
		return i > 5 && strings.EqualFold(t[i-6:i-2], "iban")
	}
	return isDigit(t[i+1]) || t[i+1] == ' ' || t[i+1] == '-'
}

// ibanEnd returns the end of the number at t[start:], 0 when it is none.
func ibanEnd(t string, start, want int) int {
	rest, n, end := 0, 0, start
	var head [4]byte
	for ; end < len(t) && n < want; end++ {
		c := t[end]
		if (c == ' ' || c == '-' || c == '.') && n >= 2 && isAlnum(t[end-1]) {
			continue
		}
		if !isAlnum(c) || n >= 2 && n < 4 && !isDigit(c) {
			return 0
		}
		if n < 4 {
			head[n] = c
		} else {
			rest = mod97(rest, c)
		}
		n++
	}
	if n < want || end < len(t) && isAlnum(t[end]) {
		return 0
	}
	// The first four characters are counted last: that is how the check works.
	for _, c := range head {
		rest = mod97(rest, c)
	}
	if rest != 1 {
		return 0
	}
	return end
}

// mod97 takes one more character into the remainder; letters count as two
// digits.
func mod97(rest int, c byte) int {
	if isDigit(c) {
		return (rest*10 + int(c-'0')) % 97
	}
	return (rest*100 + int(c&^0x20-'A') + 10) % 97
}
