package entity

import "strings"

// findPassports finds passport numbers that stand in machine-readable lines.
//
// Catches: the lines at the foot of passports, cards and visas with their check
// digits; numbers in the shape of a country's passports behind a word for passport
// in thirty languages.
// Does not catch: numbers without such a word, since any product has such numbers.
// Example: "passport no. C01X00T47".
func findPassports(p *page, emit emitter) {
	for at := 0; ; {
		i := strings.Index(p.t[at:], "<<")
		if i < 0 {
			return
		}
		start := lineStart(p.t, at+i)
		end := lineEnd(p.t, at+i)
		if block := machineBlock(p.t, start, end); block > start {
			emit(start, block, .99)
			end = block
		}
		at = max(end, at+i+2)
	}
}

// lineStart returns where the run of letters, digits and fillers around i begins.
func lineStart(t string, i int) int {
	for k := i; i > 0 && k-i < 50 && mrzByte(t[i-1]); {
		i--
	}
	return i
}

func lineEnd(t string, i int) int {
	for k := i; i < len(t) && i-k < 50 && mrzByte(t[i]); {
		i++
	}
	return i
}

func mrzByte(c byte) bool { return isDigit(c) || 'A' <= c && c <= 'Z' || c == '<' }

// machineBlock returns the end of the machine-readable lines that begin with the
// one at t[start:end], start when they are none.
func machineBlock(t string, start, end int) int {
	n := end - start
	if n != 30 && n != 36 && n != 44 {
		return start
	}
	if mrzChecked(t[start:end]) {
		return end
	}
	next := end
	for next < len(t) && next-end < 4 && (t[next] == '\n' || t[next] == '\r' || t[next] == ' ') {
		next++
	}
	stop := lineEnd(t, next)
	if next == end || stop-next != n || !mrzChecked(t[next:stop]) && n != 30 {
		return start
	}
	if n == 30 {
		return cardBlock(t, start, next, stop)
	}
	return stop
}

// cardBlock takes the three lines of a card: the number's check is in the first.
func cardBlock(t string, start, next, stop int) int {
	first, second := t[start:start+30], t[next:stop]
	if !checks(first[5:14], first[14]) || !checks(second[:6], second[6]) {
		return start
	}
	third := stop
	for third < len(t) && third-stop < 4 && (t[third] == '\n' || t[third] == '\r') {
		third++
	}
	if end := lineEnd(t, third); end-third == 30 {
		return end
	}
	return stop
}

// mrzChecked reports whether a line holds a number, a birth date and an expiry date
// with check digits that are right.
func mrzChecked(line string) bool {
	return len(line) >= 36 && checks(line[:9], line[9]) && checks(line[13:19], line[19]) && checks(line[21:27], line[27])
}

func checks(field string, c byte) bool {
	return isDigit(c) && weighted731([]byte(field)) == digit(c)
}

// passports lists the shapes of passport numbers. None has a check digit, so all
// need a word.
func passports() []rule {
	return []rule{{kind: "passport", name: "passport", also: passWord, alone: .95,
		shape: "d{7}=0;d{8}=0;d{9}=0;Ad{6}=0;Ad{7}=0;Ad{8}=0;Ad{9}=0;AAd{5}=0;AAd{6}=0;AAd{7}=0;AAd{8}=0;AAAd{5}=0;AAAd{6}=0;AAAd{7}=0;AA d{7}=0;AA d{6}=0;A d{8}=0;A d{7}=0;A d{6}=0;A-d{7}=0;A-d{8}=0;AAA d{6}=0;ddAAd{5}=0;dd dd d{6}=0;dddd d{6}=0;dddd № d{6}=0;dd d{7}=0;dd № d{7}=0;d{10}=0;dd dd № d{6}=0;Ad{7}A=0;Ad{6}A=0;AXdddddXX=0;XXXXXXXXX=0;AXXXXXXXX=0;AAdddddA=0;AAAd{6}A=0;d{8}A=0;ddd ddd ddd=0;d{9}A=0;AAd{6}A=0;A dd dd dd dd=0;dddd-d{6}=0;d{3}d{3}d{3}d=0",
		check: passportLike}}
}

// passportLike refuses words and numbers of one digit.
func passportLike(v []byte) bool {
	digits := 0
	for _, c := range v {
		if isDigit(c) {
			digits++
		}
	}
	return digits >= 3 && digits*2 >= len(v)-1 && !allSame(v) && !(len(v) == 8 && digits == 8 && yyyymmdd(v, 0))
}
