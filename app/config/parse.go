package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a configuration, in bytes.
const maxFile = 4 << 20

// Duration is written as "30s" or "5m".
type Duration time.Duration

// UnmarshalYAML reads the written form.
func (d *Duration) UnmarshalYAML(unmarshal func(any) error) error {
	var s string
	if err := unmarshal(&s); err != nil {
		return err
	}
	v, err := time.ParseDuration(s)
	if err != nil || v <= 0 {
		return fmt.Errorf("%q is no duration; write it like 30s or 5m", s)
	}
	*d = Duration(v)
	return nil
}

// Parse reads and checks the text of a file; name is for messages.
func Parse(name string, text []byte) (*File, error) {
	p := &parser{name: name}
	if len(text) > maxFile {
		p.fault(0, "", "the file is larger than 4 MB")
		return nil, p.err()
	}
	if err := yaml.Unmarshal(text, &p.root); err != nil {
		p.decodeFaults(err)
		return nil, p.err()
	}
	if len(p.root.Content) == 0 || p.root.Content[0].Tag == "!!null" {
		p.fault(1, "", "the file is empty; `bartizan config init` writes one to start from")
		return nil, p.err()
	}
	p.single(text)
	p.plain(&p.root, 0)
	var f File
	if p.faults != nil {
		return nil, p.err() // what would be decoded is not what was meant
	}
	p.decode(p.root.Content[0], reflect.ValueOf(&f).Elem(), "")
	if p.root.Content[0].Kind == yaml.MappingNode {
		p.check(&f)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return &f, nil
}

// single makes sure that nothing follows the first document: it would be ignored.
func (p *parser) single(text []byte) {
	var first, extra yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	if d.Decode(&first) != nil {
		return // was said already
	}
	if err := d.Decode(&extra); err == nil {
		p.fault(extra.Line, "", "the file holds more than one document; keep the first")
	} else if !errors.Is(err, io.EOF) {
		p.decodeFaults(err)
	}
}

type parser struct {
	name   string
	root   yaml.Node
	faults []Fault
	seen   map[Fault]bool
}

// maxFaults bounds what is said of a file: nobody reads more, and a file of
// nothing but faults must not take for ever.
const maxFaults = 1000

// fault notes a fault, once for a line and what it is about.
func (p *parser) fault(line int, path, problem string) {
	if p.seen == nil {
		p.seen = map[Fault]bool{}
	}
	same, here := Fault{Line: line, Problem: problem}, Fault{Line: line, Path: path}
	if p.seen[same] || path != "" && p.seen[here] || len(p.faults) > maxFaults {
		return
	}
	p.seen[same], p.seen[here] = true, true
	if len(p.faults) == maxFaults {
		path, problem = "", "there are more faults than these; mend these first"
	}
	p.faults = append(p.faults, Fault{Line: line, Path: path, Problem: problem})
}

// at adds a fault at the line of the longest part of path that is written.
func (p *parser) at(path, format string, args ...any) {
	p.fault(p.line(path), path, fmt.Sprintf(format, args...))
}

func (p *parser) err() error {
	if len(p.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(p.faults, func(a, b Fault) int { return a.Line - b.Line })
	return &Error{Name: p.name, Faults: p.faults}
}

// line returns the line of the longest part of path that is written.
func (p *parser) line(path string) int {
	if len(p.root.Content) == 0 {
		return 0
	}
	n, line := p.root.Content[0], 1
	for n != nil && path != "" {
		k, v, rest := member(n, path)
		if v == nil {
			break
		}
		n, line, path = v, k.Line, rest
	}
	return line
}

// member returns the key and value that path begins with, and the path below. A
// name may hold dots itself, so the longest key that fits is meant.
func member(n *yaml.Node, path string) (k, v *yaml.Node, rest string) {
	if n.Kind == yaml.SequenceNode {
		at, rest, _ := strings.Cut(strings.TrimPrefix(path, "["), "]")
		if i, err := strconv.Atoi(at); err == nil && i < len(n.Content) {
			return n.Content[i], n.Content[i], strings.TrimPrefix(rest, ".")
		}
		return nil, nil, ""
	}
	best := -1
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		tail, ok := strings.CutPrefix(path, key)
		if ok && len(key) > best && (tail == "" || tail[0] == '.' || tail[0] == '[') {
			best, k, v, rest = len(key), n.Content[i], n.Content[i+1], strings.TrimPrefix(tail, ".")
		}
	}
	return k, v, rest
}

func matches(path string) bool {
	for _, l := range later {
		// A name may hold dots itself.
		before, after, star := strings.Cut(l, "*")
		if path == l || star && len(path) > len(before)+len(after) && strings.HasPrefix(path, before) && strings.HasSuffix(path, after) {
			return true
		}
	}
	return false
}

// plain refuses what makes a small file large, and what changes the meaning of
// what is written.
func (p *parser) plain(n *yaml.Node, depth int) {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		p.fault(n.Line, "", "anchors and aliases are not read; write the value out")
		return
	}
	if n.Style&yaml.TaggedStyle != 0 {
		p.fault(n.Line, "", "tags are not read; write the plain value")
		return
	}
	if depth > 64 {
		p.fault(n.Line, "", "nested deeper than 64")
		return
	}
	for _, c := range n.Content {
		p.plain(c, depth+1)
	}
}

// decodeFaults puts what the YAML library says of broken syntax into our words.
func (p *parser) decodeFaults(err error) {
	line := 0
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := lineOf.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	p.fault(line, "", "this is not YAML: "+text)
}

var lineOf = regexp.MustCompile(`^line (\d+): `)
