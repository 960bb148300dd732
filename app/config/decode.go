package config

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// custom is a type that reads a form of its own.
type custom interface {
	UnmarshalYAML(unmarshal func(any) error) error
}

// decode reads n into v and notes every fault on the way, with its line: the
// library stops at the first fault of a type of its own, and hides others behind
// a repeated key.
func (p *parser) decode(n *yaml.Node, v reflect.Value, path string) {
	if n.Tag == "!!null" {
		p.fault(n.Line, path, "is empty; write a value, or take the key out")
		return
	}
	if c, ok := v.Addr().Interface().(custom); ok {
		if err := strict(n, c); err != nil {
			p.fault(n.Line, path, plainWords(n, err))
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		p.decode(n, v.Elem(), path)
	case reflect.Struct:
		p.object(n, path, func(k, value *yaml.Node, at string) { p.field(k, value, v, at) })
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		p.object(n, path, func(k, value *yaml.Node, at string) {
			item := reflect.New(v.Type().Elem()).Elem()
			p.decode(value, item, at)
			v.SetMapIndex(reflect.ValueOf(k.Value).Convert(v.Type().Key()), item)
		})
	case reflect.Slice:
		p.list(n, v, path)
	default:
		if !fits(n, v.Kind()) || n.Decode(v.Addr().Interface()) != nil {
			p.fault(n.Line, path, fmt.Sprintf("%s where %s is wanted", written(n), wanted(v.Kind())))
		}
	}
}

// strict lets a type read its own form and refuses keys that it does not know.
func strict(n *yaml.Node, c custom) error {
	text, err := yaml.Marshal(n)
	if err != nil {
		return err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	return d.Decode(c)
}

// fits reports whether a value is written as its kind is: the library would read
// 5 as text, and yes as true.
func fits(n *yaml.Node, k reflect.Kind) bool {
	if n.Kind != yaml.ScalarNode {
		return false
	}
	switch k {
	case reflect.Bool:
		return n.Tag == "!!bool" && (n.Value == "true" || n.Value == "false")
	case reflect.Float64:
		return (n.Tag == "!!int" || n.Tag == "!!float") && !strings.ContainsAny(n.Value, "nN") // .inf, .nan
	case reflect.Int, reflect.Int64:
		return n.Tag == "!!int"
	}
	return n.Tag == "!!str" || n.Tag == "!!timestamp"
}

// object calls f with every member of a map, and refuses repeated keys.
func (p *parser) object(n *yaml.Node, path string, f func(k, v *yaml.Node, at string)) {
	if n.Kind != yaml.MappingNode {
		p.fault(n.Line, path, written(n)+" where a map is wanted")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		at := strings.TrimPrefix(path+"."+k.Value, ".")
		if k.Kind != yaml.ScalarNode || k.Tag != "!!str" {
			p.fault(k.Line, at, "a name must be text; put it into quotes")
			continue
		}
		if first, again := seen[k.Value]; again {
			p.fault(k.Line, at, fmt.Sprintf("is there already, at line %d; keep one", first))
			continue
		}
		seen[k.Value] = k.Line
		f(k, n.Content[i+1], at)
	}
}

func (p *parser) field(k, n *yaml.Node, v reflect.Value, at string) {
	if matches(at) {
		p.fault(k.Line, at, "not supported yet; take it out until a version that knows it")
		return
	}
	var own []string
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if name == k.Value && name != "" {
			p.decode(n, v.Field(i), at)
			return
		}
		own = append(own, name)
	}
	p.fault(k.Line, at, "unknown key"+suggest(k.Value, own))
}

func (p *parser) list(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		p.fault(n.Line, path, written(n)+" where a list is wanted")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		p.decode(c, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

// plainWords keeps a type's own sentence, and replaces the library's.
func plainWords(n *yaml.Node, err error) string {
	if strings.HasPrefix(err.Error(), "yaml:") {
		return written(n) + " cannot stand here; see `bartizan config schema`"
	}
	return err.Error()
}

func written(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a map"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!bool":
		return "true or false"
	case n.Tag == "!!int", n.Tag == "!!float":
		return "a number"
	}
	return "text"
}

func wanted(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number in digits"
	}
	return "text"
}
