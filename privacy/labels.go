package privacy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Label is how sensitive data is. The zero value is the least; the order is fixed, the
// names are the organisation's.
type Label uint8

// The labels by what they mean, whatever they are called.
const (
	Public Label = iota
	General
	Confidential
	HighlyConfidential
)

// Standard are the names that hold where configuration gives no others.
var Standard = []string{"public", "general", "confidential", "highly_confidential"}

// maxLabel bounds the name of a label, in bytes once it is folded.
const maxLabel = 64

// Labels are the four names of an organisation, and the names that others use for them.
type Labels struct {
	names []string
	known map[string]mark
	heads map[string]bool // the words that they begin with
}

// mark is what a name means, and how sure it is that somebody who writes it means a label.
type mark struct {
	label Label
	weak  bool // a word of every day: "secret", "internal"
}

// NewLabels returns labels with names from the least to the most sensitive (nil: those of
// [Standard]), and the organisation's further names for them.
func NewLabels(names []string, more map[string]string) (*Labels, error) {
	if len(names) == 0 {
		names = Standard
	}
	if len(names) != len(Standard) {
		return nil, errors.New("privacy: there must be four labels, from the least to the most sensitive")
	}
	l := &Labels{names: names, known: map[string]mark{}}
	for label, list := range common {
		for _, name := range list {
			l.known[folded(name)] = mark{Label(label), false}
		}
	}
	for label, list := range everyday {
		for _, name := range list {
			l.known[folded(name)] = mark{Label(label), true}
		}
	}
	// What the organisation says goes before what others mean by a word. Its own names may be
	// words of every day as well.
	for i, name := range names {
		key := folded(name)
		_, there := l.known[key]
		l.known[key] = mark{Label(i), !there || l.known[key].weak}
	}
	for name, label := range more {
		i := slices.Index(names, label)
		if i < 0 {
			return nil, fmt.Errorf("privacy: %q is no label; the labels are %s", label, strings.Join(names, ", "))
		}
		key := folded(name)
		if key == "" {
			return nil, fmt.Errorf("privacy: %q cannot name a label; use 1 to %d bytes of letters and digits", name, maxLabel)
		}
		l.known[key] = mark{Label(i), false}
	}
	l.heads = headsOf(l.known)
	return l, nil
}

// headsOf returns the first words of folded names. Few lines of prose begin with one of them,
// so that a look at it spares the rest.
func headsOf[T any](names map[string]T) map[string]bool {
	out := map[string]bool{}
	for name := range names {
		var buf [maxLabel]byte
		out[string(buf[:head(&buf, name)])] = true
	}
	return out
}

// head writes the first word of a text, in small letters, and returns its length. What is too
// long for a name is cut.
func head(to *[maxLabel]byte, text string) int {
	n := 0
	for _, r := range text {
		if !unicode.IsLetter(r) {
			if n == 0 && r < utf8.RuneSelf {
				continue
			}
			break
		}
		r = unicode.ToLower(r)
		if n+utf8.RuneLen(r) > len(to) {
			break
		}
		n += utf8.EncodeRune(to[n:], r)
	}
	return n
}

func begins(heads map[string]bool, text string) bool {
	var buf [maxLabel]byte
	return heads[string(buf[:head(&buf, text)])]
}

// Names returns the labels in their order.
func (l *Labels) Names() []string { return l.names }

// Name returns the organisation's name of a label.
func (l *Labels) Name(label Label) string { return l.names[min(int(label), len(l.names)-1)] }

// Named returns the label that configuration calls so.
func (l *Labels) Named(name string) (Label, bool) {
	i := slices.Index(l.names, name)
	return Label(max(i, 0)), i >= 0
}

// Parse returns the label that a name means: one of the organisation's own, or one that is
// common in document systems and mail. Case, dashes and underscores do not matter, and a
// sublabel ("Confidential \ All Employees") means what it is below.
func (l *Labels) Parse(name string) (Label, bool) {
	m, ok := l.mark(name)
	return m.label, ok
}

// mark looks a name up, whole and then without what is below it.
func (l *Labels) mark(name string) (mark, bool) {
	if m, ok := l.look(name); ok {
		return m, true
	}
	for _, cut := range []string{`\`, "/", " - ", " – ", " — ", ">"} {
		if above, below, ok := strings.Cut(name, cut); ok && strings.TrimSpace(below) != "" {
			if m, ok := l.look(above); ok {
				return m, true
			}
		}
	}
	return mark{}, false
}

func (l *Labels) look(name string) (mark, bool) {
	if len(name) > 4*maxLabel {
		return mark{}, false
	}
	var buf [maxLabel]byte
	n := fold(&buf, name)
	if n <= 0 {
		return mark{}, false
	}
	m, ok := l.known[string(buf[:n])]
	return m, ok
}

// fold writes a name as it is compared: small letters, one blank for any run of blanks,
// dashes and underscores, no decoration at its ends. It returns -1 where that is too long.
func fold(to *[maxLabel]byte, name string) int {
	n, gap := 0, false
	for _, r := range name {
		if r == utf8.RuneError {
			return -1
		}
		if r == '_' || r == '-' || unicode.IsSpace(r) {
			gap = n > 0
			continue
		}
		r = unicode.ToLower(r)
		need := utf8.RuneLen(r)
		if gap {
			need++
		}
		if n+need > len(to) {
			return -1
		}
		if gap {
			to[n], gap = ' ', false
			n++
		}
		n += utf8.EncodeRune(to[n:], r)
	}
	return n
}

func folded(name string) string {
	var buf [maxLabel]byte
	return string(buf[:max(fold(&buf, name), 0)])
}
