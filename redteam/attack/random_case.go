package attack

import (
	"math/rand/v2"
	"strings"
	"unicode"
)

// RandomCase writes letters large or small as the dice fall.
//
// Source: Hughes et al. 2024, "Best-of-N Jailbreaking"; PyRIT's RandomCapitalLettersConverter.
// Example: "say hi" may become "SaY hI".
type RandomCase struct{}

// ID implements [redteam.Converter].
func (RandomCase) ID() string { return "random_case" }

// Convert implements [redteam.Converter].
func (RandomCase) Convert(r *rand.Rand, text string) string {
	return strings.Map(func(c rune) rune {
		if r.IntN(2) == 0 {
			return unicode.ToUpper(c)
		}
		return unicode.ToLower(c)
	}, text)
}
