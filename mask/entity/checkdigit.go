package entity

// The checks here read values as forms give them: digits and capitals, no marks.

// digit is the value of an ASCII digit.
func digit(c byte) int { return int(c - '0') }

// two reads the two digits at v[i:].
func two(v []byte, i int) int { return digit(v[i])*10 + digit(v[i+1]) }

// four reads the four digits at v[i:].
func four(v []byte, i int) int { return two(v, i)*100 + two(v, i+2) }

// value reads a whole number of digits.
func value(v []byte) int {
	n := 0
	for _, c := range v {
		n = n*10 + digit(c)
	}
	return n
}

// dot multiplies digits by weights and adds them up; A weighs ten.
func dot(v []byte, weights string) int {
	sum := 0
	for i := range len(weights) {
		sum += digit(v[i]) * letterWeight(weights[i])
	}
	return sum
}

// letterWeight reads a weight: a digit, or a letter for ten and more.
func letterWeight(c byte) int {
	if c >= 'A' {
		return int(c-'A') + 10
	}
	return digit(c)
}

// monthDay reports whether a day exists; the year does not matter.
func monthDay(m, d int) bool {
	return 1 <= m && m <= 12 && 1 <= d && d <= daysOf(m)
}

func daysOf(m int) int {
	switch m {
	case 2:
		return 29
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// ymd reports whether v[i:] is a date of two-digit year, month and day.
func ymd(v []byte, i int) bool { return monthDay(two(v, i+2), two(v, i+4)) }

// dmy reports whether v[i:] is a date of day, month and two-digit year.
func dmy(v []byte, i int) bool { return monthDay(two(v, i+2), two(v, i)) }

// yyyymmdd reports whether v[i:] is a date of this century or the last.
func yyyymmdd(v []byte, i int) bool {
	y := four(v, i)
	return 1900 <= y && y <= 2035 && monthDay(two(v, i+4), two(v, i+6))
}

// allSame reports numbers of one digit, which pass many checks and are nobody's.
func allSame(v []byte) bool {
	for _, c := range v[1:] {
		if c != v[0] {
			return false
		}
	}
	return true
}

// luhnText is the check of payment cards on digits as text.
func luhnText(v []byte) bool {
	sum := 0
	for i := range v {
		d := digit(v[len(v)-1-i])
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0 && !allSame(v)
}

// iso7064 is the check "mod 11, 10".
func iso7064(v []byte) bool {
	p := 10
	for _, c := range v[:len(v)-1] {
		s := (p + digit(c)) % 10
		if s == 0 {
			s = 10
		}
		p = s * 2 % 11
	}
	return (11-p)%10 == digit(v[len(v)-1])
}

// verhoeff is the check of the dihedral group of ten: it sees every swapped pair.
func verhoeff(v []byte) bool {
	c := 0
	for i := range v {
		c = dihedral(c, permuted(i, digit(v[len(v)-1-i])))
	}
	return c == 0
}

// dihedral multiplies in the group of the turns and flips of a pentagon.
func dihedral(a, b int) int {
	switch {
	case a < 5 && b < 5:
		return (a + b) % 5
	case a < 5:
		return (a+b-5)%5 + 5
	case b < 5:
		return (a-5-b+5)%5 + 5
	}
	return (a - b + 5) % 5
}

// permuted applies the permutation of the check i times.
func permuted(i, d int) int {
	const step = "1576283094"
	for range i % 8 {
		d = digit(step[d])
	}
	return d
}

// mod97Of is the remainder of a number of any length.
func mod97Of(v []byte) int {
	rest := 0
	for _, c := range v {
		rest = (rest*10 + digit(c)) % 97
	}
	return rest
}

// letterValue gives digits their value and letters 10 to 35.
func letterValue(c byte) int {
	return letterWeight(c)
}

// weighted731 is the check of travel documents and of Polish, German and Hungarian
// cards: weights 7, 3, 1, letters from 10, a filler counts nothing.
func weighted731(v []byte) int {
	sum := 0
	for i, c := range v {
		if c != '<' {
			sum += letterValue(c) * digit("731"[i%3])
		}
	}
	return sum % 10
}

// digitsOnly reports whether there is nothing else.
func digitsOnly(v []byte) bool {
	for _, c := range v {
		if !isDigit(c) {
			return false
		}
	}
	return true
}
