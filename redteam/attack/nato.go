package attack

import (
	"math/rand/v2"
	"strings"
)

// NATO spells letters as pilots do. Case is lost.
//
// Source: ICAO Annex 10; PyRIT's NatoConverter.
// Example: "say" becomes "Sierra Alfa Yankee".
type NATO struct{}

const natoWords = "Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa Quebec Romeo Sierra Tango Uniform Victor Whiskey Xray Yankee Zulu"

// ID implements [redteam.Converter].
func (NATO) ID() string { return "nato" }

// Convert implements [redteam.Converter].
func (NATO) Convert(_ *rand.Rand, text string) string {
	return spelled(text, upperLetters, strings.Fields(natoWords), "/")
}
