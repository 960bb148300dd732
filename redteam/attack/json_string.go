package attack

import (
	"encoding/json"
	"math/rand/v2"
)

// JSONString writes a text as a string of JSON, as it stands in logs and in tool arguments.
//
// Source: RFC 8259; PyRIT's JsonStringConverter.
// Example: `say "hi"` becomes `"say \"hi\""`.
type JSONString struct{}

// ID implements [redteam.Converter].
func (JSONString) ID() string { return "json_string" }

// Convert implements [redteam.Converter].
func (JSONString) Convert(_ *rand.Rand, text string) string { return quoted(text) }

// Invert implements [redteam.Inverter].
func (JSONString) Invert(text string) (string, bool) { return unquoted(text) }

// quoted returns a text as a string of JSON.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil { // a string always can be written
		return `""`
	}
	return string(b)
}

// unquoted reads a string of JSON.
func unquoted(text string) (string, bool) {
	var s *string
	err := json.Unmarshal([]byte(text), &s)
	if err != nil || s == nil {
		return "", false
	}
	return *s, true
}
