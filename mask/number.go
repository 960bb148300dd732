package mask

import (
	"encoding/json"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

// HideNumber is [Cover.Hide] for a number that stands in JSON outside strings, where nobody knows
// whether whoever reads it takes anything but a number: another number of as many digits stands
// for it, and is put back like every fake. It says no where the value may not come back, as the
// number would be taken for the value, and where so few digits could be a number of the model's
// own.
func (c *Cover) HideNumber(kind, text string, form Form, shared bool) (string, bool) {
	if form == Redaction || !llm.IsNumber(text) || strings.Trim(text, "0123456789") != "" || len(text) < leastDigits {
		return "", false
	}
	v := value{kind, text}
	switch have := c.values[v]; {
	case llm.IsNumber(have):
		return have, true // in all texts a fake stands for it
	case have != "" && c.stands[have] == nil:
		return "", false
	}
	if have, ok := c.numbers[v]; ok {
		return have, true
	}
	for try := range uint32(32) {
		new := number(kind, text, c.sum(v, try, shared))
		if c.stands[new] == nil && new != text && !c.taken(new) {
			if c.values[v] == "" {
				c.Count.Hidden++
			}
			if c.numbers == nil {
				c.numbers = map[value]string{}
			}
			c.stands[new], c.numbers[v] = &stand{v, true}, new
			return new, true
		}
	}
	return "", false
}

// leastDigits are those of a number that a model hardly ever says by itself.
const leastDigits = 7

// number makes another number of as many digits: the fake of its kind, where that is a number.
func number(kind, text string, sum []byte) string {
	if out := fake(kind, text, sum); llm.IsNumber(out) {
		return out
	}
	d := &dice{sum: sum}
	return d.shaped(text)
}

// Figures tells which numbers of a text stand in JSON outside its strings: what takes their place
// there must be a value. A text counts as JSON when all of it is. It is asked about places in order.
type Figures struct {
	text string
	json bool
	in   bool // at lies in a string
	at   int
}

// FiguresOf reads a text.
func FiguresOf(text string) *Figures {
	t := strings.TrimLeft(text, " \t\r\n")
	return &Figures{text: text, json: t != "" && (t[0] == '{' || t[0] == '[') && json.Valid([]byte(text))}
}

// Has reports whether text[start:end] is such a number.
func (f *Figures) Has(start, end int) bool {
	if !f.json || !llm.Figure(f.text, start, end) {
		return false
	}
	if start < f.at {
		f.at, f.in = 0, false
	}
	for ; f.at < start; f.at++ {
		switch c := f.text[f.at]; {
		case c == '\\' && f.in:
			f.at++
		case c == '"':
			f.in = !f.in
		}
	}
	return !f.in
}
