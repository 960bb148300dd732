package config

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/bartizan-ai/bartizan/guard"
)

// Schema is the JSON Schema (draft 2020-12) of the file. It accepts what Parse
// accepts, apart from what only the meaning of a file can tell.
func Schema() (*jsonschema.Schema, error) {
	text := func() *jsonschema.Schema { return &jsonschema.Schema{Type: "string"} }
	one := func(v any) *jsonschema.Schema { return &jsonschema.Schema{Const: &v} }
	secret := &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{"env": text(), "file": text()},
		AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}}, MinProperties: jsonschema.Ptr(1), MaxProperties: jsonschema.Ptr(1)}
	number := &jsonschema.Schema{Type: "number", Minimum: jsonschema.Ptr(0.0), Maximum: jsonschema.Ptr(1.0)}
	closed := func(p map[string]*jsonschema.Schema) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "object", Properties: p, AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}}}
	}
	s, err := jsonschema.For[File](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[Secret]():   secret,
		reflect.TypeFor[Duration](): {Type: "string", Pattern: `^([0-9.]+(ns|us|ms|s|m|h))+$`},
		reflect.TypeFor[Rate]():     {Type: "string", Pattern: ratePattern},
		reflect.TypeFor[Store]():    {AnyOf: []*jsonschema.Schema{one("sqlite"), closed(map[string]*jsonschema.Schema{"postgres": secret})}},
		reflect.TypeFor[Tools]():    {AnyOf: []*jsonschema.Schema{one("any"), {Type: "array", Items: text()}}},
		reflect.TypeFor[guard.Lines](): {AnyOf: []*jsonschema.Schema{one("off"), one(false),
			closed(map[string]*jsonschema.Schema{"observe": number, "flag": number, "hold": number, "excise": number, "block": number})}},
		reflect.TypeFor[guard.Entity](): {AnyOf: []*jsonschema.Schema{text(), {Type: "object", MinProperties: jsonschema.Ptr(1), MaxProperties: jsonschema.Ptr(1),
			AdditionalProperties: &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text(), closed(map[string]*jsonschema.Schema{
				"action": text(), "as": text(), "restore": {Type: "boolean"}, "from": {Type: "object", AdditionalProperties: text()}})}}}}},
	}})
	if err != nil {
		return nil, fmt.Errorf("making the schema of the configuration: %w", err)
	}
	s.Title = "bartizan.yaml"
	filled(s)
	return s, nil
}

// filled takes null out of what may be written: a key without a value is a fault.
func filled(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if i := slices.Index(s.Types, "null"); i >= 0 {
		s.Types = slices.Delete(s.Types, i, i+1)
		if len(s.Types) == 1 {
			s.Type, s.Types = s.Types[0], nil
		}
	}
	for _, child := range s.Properties {
		filled(child)
	}
	filled(s.AdditionalProperties)
	filled(s.Items)
}
