package attack

import (
	"math/rand/v2"
	"strings"
)

// Arabizi writes Arabic as people type it on telephones without Arabic keys. Other scripts stay.
//
// Source: Al Ghanim et al. 2024, "Jailbreaking LLMs with Arabic Transliteration and Arabizi".
// Example: "مرحبا" becomes "mr7ba".
type Arabizi struct{}

const (
	arabicLetters = "ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأؤإئةى"
	arabiziSounds = "a b t th j 7 5 d dh r z s sh 9 9' 6 6' 3 3' f 8 k l m n h w y 2 2a 2 2 2 2 a a"
)

// ID implements [redteam.Converter].
func (Arabizi) ID() string { return "arabizi" }

// Convert implements [redteam.Converter].
func (Arabizi) Convert(_ *rand.Rand, text string) string {
	letters, sounds := []rune(arabicLetters), strings.Fields(arabiziSounds)
	pairs := make([]string, 0, 2*len(letters))
	for i, r := range letters {
		pairs = append(pairs, string(r), sounds[i])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
