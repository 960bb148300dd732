package text

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Bounds on opening encodings. What lies deeper, or is larger, stays closed.
const (
	maxDepth    = 2
	maxReadings = 4096
	maxPayload  = 256 << 10
)

// Readings opens what is encoded in s and returns a view of each payload that
// reads like language, at most two encodings deep, and whether that was all of
// them: nobody writes hundreds for people to read, and some would to hide one. Every
// place in such a view maps to the encoding as a whole. v is the view of s.
func Readings(s string, v *View) (views []View, all bool) {
	o := opener{}
	for i := range v.Hidden {
		h := &v.Hidden[i]
		if p := h.payload(s); len(p) > 3 && !h.Usual {
			o.add(p, h.Start, h.End, h.Sort.String(), 1)
		}
		if h.Sort == Bidi && !h.Usual {
			o.override(s, h.Start)
		}
	}
	o.open(s, 0, 0, len(s), "", 1)
	return o.out, !o.full
}

// opener collects readings. In a nested encoding from and to are the outer
// one's, for all that is found inside.
type opener struct {
	out    []View
	turned int  // overrides read
	full   bool // there was more than fits
}

// add takes a payload as a reading and looks for encodings inside it.
func (o *opener) add(payload string, from, to int, via string, depth int) {
	if len(payload) > maxPayload {
		return
	}
	if len(o.out) >= maxReadings {
		o.full = o.full || LooksWritten(payload)
		return
	}
	if !LooksWritten(payload) {
		if depth < maxDepth && isRun(payload) { // an encoding of an encoding
			o.open(payload, from, to, 0, via+"+", depth+1)
		}
		return
	}
	o.out = append(o.out, Normalise(payload).wrap(from, to, via))
	if depth < maxDepth {
		o.open(payload, from, to, 0, via+"+", depth+1)
	}
}

// isRun reports whether s holds nothing but one run of base64 or hex.
func isRun(s string) bool {
	for i := range len(s) {
		if !charset[s[i]] && s[i] != '\n' {
			return false
		}
	}
	return len(s) >= shortest
}

// sign is what one pass over a text finds that is worth a closer look.
type sign uint8

const (
	signPercent sign = 1 << iota
	signEntity
	signEscape
	signBinary
	signMorse
	signNumber
	signTag
)

// charset marks bytes that occur in base64, in both its alphabets.
var charset = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-=" {
		t[c] = true
	}
	return t
}()

// shortest is the least length of a base64 or hex run worth opening: twelve
// bytes of payload.
const shortest = 16

// open looks for every encoding in s. When whole is 0, s lies inside another
// encoding at from and to; otherwise s is the text itself.
func (o *opener) open(s string, from, to, whole int, outer string, depth int) {
	emit := func(start, end int, payload, via string) {
		if whole == 0 {
			start, end = from, to
		}
		o.add(payload, start, end, outer+via, depth)
	}
	var signs sign
	leet, numbers, number, tags := 0, 0, 0, 0
	for i := 0; i < len(s); {
		c := s[i]
		// Everything up to here is one table lookup a byte: plain prose pays no more.
		if !charset[c] {
			switch c {
			case '%':
				signs |= signPercent
			case '&':
				signs |= signEntity
			case '\\':
				signs |= signEscape
			case '<':
				if i > 0 && isLetter(s[i-1]) {
					if tags++; tags == fewestCuts {
						signs |= signTag
					}
				}
			}
			i++
			continue
		}
		j := i + 1
		for j < len(s) && charset[s[j]] {
			j++
		}
		switch n := j - i; {
		// Shorter runs are words and names; what they could hide is too short to
		// be an order.
		case n >= shortest:
			// A name stands before a value: "key=…".
			if eq := strings.LastIndexByte(strings.TrimRight(s[i:j], "="), '='); eq >= 0 {
				i += eq + 1
			}
			j = wrapped(s, i, j)
			run(s, i, j, emit)
		case n == 8 && (c == '0' || c == '1'):
			signs |= signBinary
		case n <= 3 && isDigit(c) && isDigit(s[i+n/2]) && isDigit(s[j-1]):
			if i-number > 2 {
				numbers = 0 // not in a row with the one before
			}
			if numbers++; numbers == fewestNumbers {
				signs |= signNumber
			}
			number = j
		case (c == '-') && n <= 5:
			signs |= signMorse
		case n >= 3 && isLeet(s[i:j]):
			leet++
		}
		i = j
	}
	o.signed(s, signs, emit)
	if leet >= fewestLeet && depth == 1 && len(s) <= maxLeet {
		n := len(o.out)
		if emit(0, len(s), unleet(s, leet), "leet"); len(o.out) > n {
			o.out[n].Veiled = leet
		}
	}
}

type emitter func(start, end int, payload, via string)

// signed runs the openers whose sign was seen.
func (o *opener) signed(s string, signs sign, emit emitter) {
	if signs&signPercent != 0 {
		percents(s, emit)
	}
	if signs&signEntity != 0 {
		entities(s, emit)
	}
	if signs&signEscape != 0 {
		escapes(s, `\`, emit)
	}
	if signs&signPercent != 0 && strings.Contains(s, "%u") {
		escapes(s, "%u", emit)
	}
	if signs&signNumber != 0 {
		numbers(s, emit)
	}
	if signs&signTag != 0 {
		uncut(s, emit)
	}
	if signs&signBinary != 0 {
		binary(s, emit)
	}
	if signs&signMorse != 0 {
		morse(s, emit)
	}
	spacedHex(s, emit)
}

// narrowest is the least width at which encoders wrap their lines.
const narrowest = 16

// wrapped extends a run over line ends, as encoders wrap: every line is as long as the
// first, but for the last, which may be shorter, and nothing else stands on them.
func wrapped(s string, i, j int) int {
	width := j - i
	if width < narrowest {
		return j
	}
	for j < len(s) {
		line := j + 1
		if s[j] == '\r' && line < len(s) && s[line] == '\n' {
			line++
		} else if s[j] != '\n' {
			return j
		}
		end := line
		for end < len(s) && charset[s[end]] {
			end++
		}
		n := end - line
		if n == 0 || n > width || n < width && n%4 == 1 || end < len(s) && s[end] != '\n' && s[end] != '\r' && s[end] != '"' && s[end] != '`' {
			return j
		}
		if j = end; n < width {
			return j
		}
	}
	return j
}

// run opens a run of base64 or hex: as wrapped, or else its first line.
func run(s string, i, j int, emit emitter) {
	if opened(s, i, j, emit) {
		return
	}
	if line := strings.IndexAny(s[i:j], "\r\n"); line > 0 {
		opened(s, i, i+line, emit)
	}
}

var unwrap = strings.NewReplacer("\r", "", "\n", "")

func opened(s string, i, j int, emit emitter) bool {
	body := strings.TrimRight(unwrap.Replace(s[i:j]), "=")
	// Hex first: every run of hex is valid base64 as well.
	if raw, err := hex.DecodeString(body[:len(body)&^1]); err == nil {
		if p, ok := wide(raw); ok {
			emit(i, j, p, "hex+utf16")
			return true
		}
		emit(i, j, whole(raw), "hex")
		return true
	}
	if p, ok := openBase32(body); ok && LooksWritten(p) {
		emit(i, j, p, "base32")
		return true
	}
	enc := base64.RawStdEncoding
	// The two alphabets never mix in one run.
	if strings.ContainsAny(body, "-_") {
		enc = base64.RawURLEncoding
	}
	if len(body) > maxPayload*4/3 || !mixed(body) {
		return false
	}
	// A run that was cut off is read up to its last whole group.
	if len(body)%4 == 1 {
		body = body[:len(body)-1]
	}
	raw, err := enc.DecodeString(body)
	if err != nil {
		return false
	}
	if p, ok := wide(raw); ok {
		emit(i, j, p, "base64+utf16")
		return true
	}
	p := whole(raw)
	if !utf8.ValidString(p) {
		return false
	}
	emit(i, j, p, "base64")
	return true
}

// whole cuts a rune in pieces off the end.
func whole(raw []byte) string {
	for cut := 0; cut < utf8.UTFMax && cut < len(raw); cut++ {
		if r, n := utf8.DecodeLastRune(raw[:len(raw)-cut]); r != utf8.RuneError || n > 1 {
			return string(raw[:len(raw)-cut])
		}
	}
	return string(raw)
}

// mixed reports whether s could be base64 of words: it changes case or holds
// digits. A long word or path does not.
func mixed(s string) bool {
	var up, low, digit bool
	for i := range len(s) {
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z':
			up = true
		case 'a' <= c && c <= 'z':
			low = true
		case isDigit(c):
			digit = true
		}
	}
	return up && low || digit && (up || low)
}

// percents opens runs with at least three %XX.
func percents(s string, emit emitter) {
	for at := 0; ; {
		i := strings.IndexByte(s[at:], '%')
		if i < 0 {
			return
		}
		start := at + i
		for start > at && s[start-1] > ' ' && s[start-1] < 0x80 && s[start-1] != '"' {
			start--
		}
		end, n := at+i, 0
		for end < len(s) && s[end] > ' ' && s[end] < 0x80 && s[end] != '"' {
			if s[end] == '%' {
				n++
			}
			end++
		}
		// One or two escapes are what any address with a blank holds.
		if n >= 3 {
			if p, err := url.QueryUnescape(s[start:end]); err == nil {
				emit(start, end, p, "percent")
			}
		}
		at = end
	}
}

// maxGap is how far apart two entities or escapes may stand to be one text.
const maxGap = 64

// entities opens stretches with at least four numeric character references.
func entities(s string, emit emitter) {
	stretches(s, "&#", func(i, j int) { emit(i, j, html.UnescapeString(s[i:j]), "entities") })
}

// fewest is how many marks make a stretch.
const fewest = 4

// words widens [i,j) to whole words, at most maxGap bytes to each side.
func words(s string, i, j int) (int, int) {
	for lo := max(0, i-maxGap); i > lo && !isSpace(s[i-1]); {
		i--
	}
	for hi := min(len(s), j+maxGap); j < hi && !isSpace(s[j]); {
		j++
	}
	return i, j
}

// stretches calls f for the words around each run of marks with small gaps.
func stretches(s, mark string, f func(i, j int)) {
	first, last, count := -1, -1, 0
	for at := 0; ; {
		i := strings.Index(s[at:], mark)
		if i < 0 || count > 0 && at+i-last > maxGap {
			if count >= fewest {
				f(words(s, first, last+len(mark)))
			}
			count = 0
		}
		if i < 0 {
			return
		}
		if count == 0 {
			first = at + i
		}
		last = at + i
		at = last + len(mark)
		count++
	}
}

// binary opens runs of eight-bit groups.
func binary(s string, emit emitter) {
	groups(s, 6, func(tok string) (byte, bool) {
		if len(tok) != 8 || strings.Trim(tok, "01") != "" {
			return 0, false
		}
		c := byte(0)
		for _, bit := range []byte(tok) {
			c = c<<1 | (bit - '0')
		}
		return c, true
	}, func(i, j int, p string) { emit(i, j, p, "binary") })
}

// spacedHex opens hex bytes that stand apart: "69 67 6e".
func spacedHex(s string, emit emitter) {
	// Eight pairs in a row are needed, so a look at every 12th byte finds one.
	for i := 12; i+12 < len(s); i += 12 {
		if isHexPair(s, i) || isHexPair(s, i+1) || isHexPair(s, i+2) {
			groups(s, 8, func(tok string) (byte, bool) {
				tok = strings.TrimPrefix(tok, "0x")
				if len(tok) != 2 || !isHex(tok[0]) || !isHex(tok[1]) {
					return 0, false
				}
				c := nibble(tok[0])<<4 | nibble(tok[1])
				return c, c >= 0x20
			}, func(i, j int, p string) { emit(i, j, p, "hex") })
			return
		}
	}
}

func isHexPair(s string, i int) bool {
	return s[i] == ' ' && s[i+3] == ' ' && isHex(s[i+1]) && isHex(s[i+2]) && s[i+6] == ' '
}

func nibble(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return (c | 0x20) - 'a' + 10
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// groups finds runs of at least n blank-separated tokens that parse as bytes.
func groups(s string, n int, parse func(string) (byte, bool), emit func(i, j int, p string)) {
	var out []byte
	start, end := 0, 0
	flush := func() {
		if len(out) >= n {
			emit(start, end, string(out))
		}
		out = out[:0]
	}
	for i := 0; i < len(s); {
		if isSpace(s[i]) {
			i++
			continue
		}
		j := i
		for j < len(s) && !isSpace(s[j]) {
			j++
		}
		if c, ok := parse(s[i:j]); ok {
			if len(out) == 0 {
				start = i
			}
			out, end = append(out, c), j
		} else {
			flush()
		}
		i = j
	}
	flush()
}
