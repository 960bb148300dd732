package entity

import "strings"

// findVehicles finds licence plates behind a word for them.
//
// Catches: vehicle identification numbers whose check digit holds, and others
// behind a word such as VIN or chassis; licence plates behind a word.
// Does not catch: numbers without check digit, as most of the world's are, without
// a word near; plates without a word, for their shapes are everywhere.
// Example: "VIN 1M8GDM9AXKP042788".
func findVehicles(p *page, emit emitter) {
	for _, c := range p.cues {
		if c.topic != plateWord {
			continue
		}
		for i := int(c.end); i < len(p.t) && i-int(c.end) < 32 && (p.t[i] != '\n' || i-int(c.end) < 4); i++ {
			if b := p.t[i]; b == ',' || b == ';' || b == '?' {
				break
			}
			if i > 0 && p.t[i-1] >= 0xC3 && cased(p.t, i) || i > 0 && isAlnum(p.t[i-1]) {
				continue
			}
			if end := plateEnd(p.t, i); end > 0 {
				emit(i, end, .85)
				break
			}
		}
	}
}

// plateEnd returns the end of a plate at i: four to nine capitals and digits, both
// of them, in at most four groups. 0 when there is none.
func plateEnd(t string, i int) int {
	letters, digits, groups, end := 0, 0, 1, 0
	for k := i; k < len(t); {
		n := plateRune(t[k:])
		switch {
		case isDigit(t[k]):
			digits++
			n = 1
		case n > 0:
			letters++
		case (t[k] == ' ' || t[k] == '-' || t[k] == '.') && k > i && k+1 < len(t) && groups < 4 && plateMore(t[k+1:]):
			groups++
			k++
			continue
		default:
			return plateWhole(t, i, k, letters, digits)
		}
		k += n
		end = k
	}
	return plateWhole(t, i, end, letters, digits)
}

// plateMore reports whether another group of a plate follows.
func plateMore(s string) bool {
	return plateRune(s) > 0 || isDigit(s[0])
}

// plateRune returns the length of a capital that plates bear, 0 for others.
func plateRune(s string) int {
	switch c := s[0]; {
	case 'A' <= c && c <= 'Z':
		return 1
	case c == 0xD0 && len(s) > 1 && 0x90 <= s[1] && s[1] <= 0xAF: // Cyrillic capitals
		return 2
	case c == 0xC3 && len(s) > 1 && (s[1] == 0x84 || s[1] == 0x96 || s[1] == 0x9C): // Ä, Ö, Ü
		return 2
	case c >= 0xE3 && c <= 0xED && len(s) > 2 && !strings.Contains("号號码碼是为為は牌", s[:3]): // 京A12345, 12가 3456
		return 3
	}
	return 0
}

func plateWhole(t string, start, end, letters, digits int) int {
	if n := letters + digits; n < 4 || n > 10 || digits < 2 || letters < 1 || letters > 7 {
		return 0
	}
	if end < len(t) && (t[end] >= 'a' && t[end] <= 'z' || t[end] == '_') {
		return 0
	}
	return end
}

// vehicles lists the forms of identification numbers.
func vehicles() []rule {
	const k = "vehicle_id"
	return []rule{
		{kind: k, name: "VIN with check digit", shape: "X{17}=.95", check: vinChecked, also: vinWord, alone: .98},
		{kind: k, name: "VIN", shape: "X{17}=.3", check: vinLike, also: vinWord, alone: .96},
		{kind: k, name: "old chassis number", shape: "XXXX-d{7}=.2;XXXXX-d{7}=.2;AAAd{6}=0;AAdd-d{7}=.3;AAd-d{7}=.2;X{11}=0;X{12}=0;X{10}=0", check: serialLike, also: vinWord, alone: .7},
	}
}

// vinLike has no I, O and Q, letters and digits, and ends with digits.
func vinLike(v []byte) bool {
	letters, digits := 0, 0
	for _, c := range v {
		if c == 'I' || c == 'O' || c == 'Q' {
			return false
		}
		if isDigit(c) {
			digits++
		} else {
			letters++
		}
	}
	return (v[0] != '0' || v[1] != 'X') && letters >= 3 && digits >= 1
}

// vinChecked is the check of North America: the ninth place is the remainder.
func vinChecked(v []byte) bool {
	const values = "12345678012345070923456789"
	if !vinLike(v) || !isDigit(v[8]) && v[8] != 'X' || !isDigit(v[13]) || !isDigit(v[14]) || !isDigit(v[15]) || !isDigit(v[16]) {
		return false
	}
	sum := 0
	for i, c := range v {
		n := digit(c)
		if !isDigit(c) {
			n = digit(values[c-'A'])
		}
		sum += n * letterWeight("8765432A098765432"[i])
	}
	return "0123456789X"[sum%11] == v[8]
}
