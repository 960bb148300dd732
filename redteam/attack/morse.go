package attack

import (
	"math/rand/v2"
	"strings"
	"unicode"
)

// Morse writes letters and digits in Morse code, a slash between words. Case is lost, and what
// has no code stays as it is.
//
// Source: ITU-R M.1677; as a jailbreak Barak 2023, PyRIT's MorseConverter.
// Example: "say hi" becomes "... .- -.-- / .... ..".
type Morse struct{}

const (
	morseLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,?'!/()&:;=+-_\"$@"
	morseCodes   = ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. " +
		"----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----. " +
		".-.-.- --..-- ..--.. .----. -.-.-- -..-. -.--. -.--.- .-... ---... -.-.-. -...- .-.-. -....- ..--.- .-..-. ...-..- .--.-."
)

// ID implements [redteam.Converter].
func (Morse) ID() string { return "morse" }

// Convert implements [redteam.Converter].
func (Morse) Convert(_ *rand.Rand, text string) string {
	return spelled(text, morseLetters, strings.Fields(morseCodes), "/")
}

// spelled writes each letter as a word, and a blank as another.
func spelled(text, letters string, words []string, blank string) string {
	var out []string
	for _, r := range text {
		up := unicode.ToUpper(r)
		switch i := strings.IndexRune(letters, up); {
		case i >= 0:
			out = append(out, words[i])
		case unicode.IsSpace(r):
			out = append(out, blank)
		default:
			out = append(out, string(r))
		}
	}
	return strings.Join(out, " ")
}
