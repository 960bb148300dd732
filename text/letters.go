package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on reading digits as letters: names such as utf8 and sha256 are no
// leet, so one word is not enough, and a long text is no message in it.
const (
	fewestLeet = 2
	maxLeet    = 8 << 10
)

// longestWordOfDigits is how many digits may be a word that has no other letters.
const longestWordOfDigits = 3

// leetDigits are the digits that stand for letters, and leetLetters those
// letters.
const leetDigits, leetLetters = "0134578", "oieastb"

// isLeet reports whether a word has such digits among its letters.
func isLeet(w string) bool {
	letters, digits, inside := 0, 0, false
	for i := range len(w) {
		switch c := w[i]; {
		case isLetter(c):
			letters++
		case strings.IndexByte(leetDigits, c) >= 0:
			digits++
			inside = inside || i+1 < len(w) && isLetter(w[i+1])
		default:
			return false
		}
	}
	return inside && letters >= 1 && digits <= letters+2
}

// unleet writes letters for the digits of leet words, and for those of short numbers
// where most words are leet: of a text in which 15 means "is", little else is left.
func unleet(s string, leet int) string {
	out := []byte(s)
	thick := leet*2 > strings.Count(s, " ")
	for i := 0; i < len(s); {
		j, letters := i, 0
		for ; j < len(s) && (isLetter(s[j]) || isDigit(s[j]) || s[j] == '@' || s[j] == '$' || s[j] == '!'); j++ {
			if isLetter(s[j]) {
				letters++
			}
		}
		if letters > 0 || thick && j-i <= longestWordOfDigits {
			for k := i; k < j; k++ {
				switch at := strings.IndexByte(leetDigits+"@$", s[k]); {
				case at >= 0:
					out[k] = (leetLetters + "as")[at]
				case s[k] == '!' && k+1 < j:
					out[k] = 'i'
				}
			}
		}
		i = max(j, i+1)
	}
	return string(out)
}

// morseCode lists the letters, digits and marks in order of morseLetters (ITU-R M.1677-1,
// and what is in use beyond it).
var morseCode = strings.Fields(".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. ----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----. / | .-.-.- --..-- -..-. ..--.. .----. -.-.-- -.--. -.--.- .-... ---... -.-.-. -...- .-.-. -....- ..--.- .-..-. ...-..- .--.-.")

const morseLetters = "abcdefghijklmnopqrstuvwxyz0123456789  .,/?'!()&:;=+-_\"$@"

var fromMorse = func() map[string]byte {
	m := make(map[string]byte, len(morseCode))
	for i, code := range morseCode {
		m[code] = morseLetters[i]
	}
	return m
}()

func morse(s string, emit emitter) {
	groups(s, 10, func(tok string) (byte, bool) { c, ok := fromMorse[tok]; return c, ok },
		func(i, j int, p string) { emit(i, j, p, "morse") })
}

// maxTurned bounds a text under a right-to-left override.
const maxTurned = 1 << 10

// override reads a text that a right-to-left override shows backwards, up to
// the end of its line or the next mark of direction.
func (o *opener) override(s string, at int) {
	const rlo = "\u202e"
	if !strings.HasPrefix(s[at:], rlo) || o.turned >= maxReadings {
		return
	}
	o.turned++
	start := at + len(rlo)
	body := s[start:min(len(s), start+maxTurned)]
	if i := strings.IndexFunc(body, func(r rune) bool { return r == '\n' || sortOf(r) == Bidi }); i >= 0 {
		body = body[:i]
	}
	o.add(Reverse(body), at, start+len(body), "override", maxDepth)
}

// Reverse returns s with its runes in the opposite order.
func Reverse(s string) string {
	out := make([]byte, len(s))
	at := len(s)
	for _, r := range s {
		if n := utf8.RuneLen(r); n > 0 && at >= n {
			at -= n
			utf8.EncodeRune(out[at:at+n], r)
		}
	}
	return string(out[at:])
}

// Rot13 turns ASCII letters half way round the alphabet.
func Rot13(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return 'a' + (r-'a'+13)%26
		case 'A' <= r && r <= 'Z':
			return 'A' + (r-'A'+13)%26
		}
		return r
	}, s)
}

// Reading returns the view of a payload that stands encoded at s[from:to]; what
// cannot be found without knowing words (a turned or reversed alphabet) is
// found by those who know them.
func Reading(payload string, from, to int, via string) View {
	return Normalise(payload).wrap(from, to, via)
}

// LooksWritten reports whether s reads like something a person or a program
// wrote to be read: valid, printable, mostly letters and blanks, in words of
// usual length with vowels in them.
func LooksWritten(s string) bool {
	if len(s) < 5 || !utf8.ValidString(s) {
		return false
	}
	var total, letters, vowels, ascii, blanks, odd int
	for _, r := range s {
		total++
		switch {
		case r < 0x80 && isLetter(byte(r)):
			letters++
			ascii++
			if strings.ContainsRune("aeiouyAEIOUY", r) {
				vowels++
			}
		case r == ' ' || r == '\n' || r == '\t' || r == '\r':
			blanks++
		case unicode.IsLetter(r) || unicode.IsMark(r):
			letters++
		case !unicode.IsPrint(r) && sortOf(r) == Visible:
			odd++
		}
	}
	switch {
	case odd*50 > total, (letters+blanks)*10 < total*6:
		return false
		// Noise that decodes to letters has few vowels and few blanks.
	case ascii*2 > letters: // Latin: vowels and blanks
		return vowels*6 >= ascii && vowels*10 <= ascii*7 && (blanks+1)*25 >= total
	}
	return letters >= 3
}
