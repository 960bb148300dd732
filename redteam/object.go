package redteam

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxObject bounds, in bytes, what is read of a model's answer that is to be one JSON object.
const MaxObject = 32 << 10

// errObject is what is wrong with an answer, without a word of it.
func errObject(why string) error { return errors.New("redteam: the answer is not as asked: " + why) }

// ParseObject reads the answer of a model that was asked for one JSON object and nothing else: with
// exactly these keys, each once. A fence of three backticks around it is taken off, since many models
// cannot leave it out; words around it, other keys, a key in other case or twice, and answers
// longer than [MaxObject] are errors, which never hold a word of the answer.
func ParseObject(answer string, keys ...string) (map[string]json.RawMessage, error) {
	if len(answer) > MaxObject {
		return nil, errObject(fmt.Sprintf("it is longer than %d bytes", MaxObject))
	}
	if !utf8.ValidString(answer) {
		return nil, errObject("it is no UTF-8")
	}
	d := json.NewDecoder(strings.NewReader(unfenced(answer)))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errObject("it is no JSON object")
	}
	out := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, errObject("it is no JSON object")
		}
		if _, twice := out[key]; twice || !slices.Contains(keys, key) {
			return nil, errObject("it has a key that was not asked for, or one twice")
		}
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return nil, errObject("it is no JSON object")
		}
		out[key] = v
	}
	if _, err := d.Token(); err != nil {
		return nil, errObject("it is no JSON object")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errObject("something stands behind the object")
	}
	if len(out) != len(keys) {
		return nil, errObject("a key is missing")
	}
	return out, nil
}

// unfenced takes one fence off that stands around all of a text.
func unfenced(s string) string {
	s = strings.TrimSpace(s)
	inner, ok := strings.CutPrefix(s, "```")
	if !ok {
		return s
	}
	inner, ok = strings.CutSuffix(inner, "```")
	if !ok {
		return s
	}
	return strings.TrimPrefix(strings.TrimPrefix(inner, "json"), "JSON")
}
