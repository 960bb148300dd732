package attack

import (
	"math/rand/v2"
	"strings"
)

// Leetspeak writes letters as digits that look like them.
//
// Source: bulletin boards of the 1980s; PyRIT's LeetspeakConverter, promptfoo, deepteam.
// Example: "secret" becomes "53cr37".
type Leetspeak struct{}

// ID implements [redteam.Converter].
func (Leetspeak) ID() string { return "leetspeak" }

// Convert implements [redteam.Converter].
func (Leetspeak) Convert(_ *rand.Rand, text string) string {
	return strings.NewReplacer("a", "4", "A", "4", "e", "3", "E", "3", "i", "1", "I", "1", "o", "0", "O", "0", "s", "5", "S", "5", "t", "7", "T", "7").Replace(text)
}
