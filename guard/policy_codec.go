package guard

import (
	"encoding/json"
	"errors"
	"fmt"
)

type lines struct {
	Observe float64 `json:"observe,omitempty" yaml:"observe"`
	Flag    float64 `json:"flag,omitempty" yaml:"flag"`
	Hold    float64 `json:"hold,omitempty" yaml:"hold"`
	Excise  float64 `json:"excise,omitempty" yaml:"excise"`
	Block   float64 `json:"block,omitempty" yaml:"block"`
}

var errLines = errors.New("want {observe: P, flag: P, hold: P, excise: P, block: P} or off")

// UnmarshalYAML reads the lines or the word off. The signature is the
// one YAML libraries accept without being imported.
func (l *Lines) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	// YAML reads a bare off as a word when asked for one.
	if unmarshal(&word) == nil {
		return l.word(word)
	}
	var v lines
	if err := unmarshal(&v); err != nil {
		return err
	}
	*l = Lines{Observe: v.Observe, Flag: v.Flag, Hold: v.Hold, Excise: v.Excise, Block: v.Block}
	return nil
}

func (l *Lines) word(s string) error {
	if s != "off" {
		return fmt.Errorf("%w, not %q", errLines, s)
	}
	*l = Lines{Off: true}
	return nil
}

// MarshalJSON writes what UnmarshalYAML reads.
func (l Lines) MarshalJSON() ([]byte, error) {
	if l.Off {
		return []byte(`"off"`), nil
	}
	return json.Marshal(lines{l.Observe, l.Flag, l.Hold, l.Excise, l.Block})
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (l *Lines) UnmarshalJSON(b []byte) error {
	return l.UnmarshalYAML(func(v any) error { return json.Unmarshal(b, v) })
}

// UnmarshalYAML reads "pii.email" or {pii.email: block}.
func (e *Entity) UnmarshalYAML(unmarshal func(any) error) error {
	var name string
	if unmarshal(&name) == nil {
		*e = Entity{Name: name, Action: "mask"}
		return nil
	}
	var one map[string]handling
	if err := unmarshal(&one); err != nil {
		return err
	}
	// One entity to a line keeps the order of the list meaningful.
	if len(one) != 1 {
		return errors.New("want the name of an entity, {NAME: ACTION} or {NAME: {action: ACTION, as: FORM, restore: BOOL, from: {ORIGIN: ACTION}}}")
	}
	for n, h := range one {
		*e = Entity{Name: n, Action: h.Action, From: h.From, As: h.As, Restore: h.Restore}
		if e.Action == "" {
			e.Action = "mask"
		}
	}
	return nil
}

// handling is what policy says of an entity behind its name: a word or an object.
type handling struct {
	Action  Action            `json:"action,omitempty" yaml:"action"`
	From    map[string]Action `json:"from,omitempty" yaml:"from"`
	As      string            `json:"as,omitempty" yaml:"as"`
	Restore *bool             `json:"restore,omitempty" yaml:"restore"`
}

// UnmarshalYAML reads an action or an object.
func (h *handling) UnmarshalYAML(unmarshal func(any) error) error {
	if unmarshal(&h.Action) == nil {
		return nil
	}
	type object handling
	return unmarshal((*object)(h))
}

// UnmarshalJSON is UnmarshalYAML for JSON.
func (h *handling) UnmarshalJSON(b []byte) error {
	return h.UnmarshalYAML(func(v any) error { return json.Unmarshal(b, v) })
}

// MarshalJSON writes what UnmarshalYAML reads.
func (e Entity) MarshalJSON() ([]byte, error) {
	switch plain := e.From == nil && e.As == "" && e.Restore == nil; {
	case !plain:
		return json.Marshal(map[string]handling{e.Name: {e.Action, e.From, e.As, e.Restore}})
	case e.Action == "mask" || e.Action == "":
		return json.Marshal(e.Name)
	}
	return json.Marshal(map[string]Action{e.Name: e.Action})
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (e *Entity) UnmarshalJSON(b []byte) error {
	return e.UnmarshalYAML(func(v any) error { return json.Unmarshal(b, v) })
}
