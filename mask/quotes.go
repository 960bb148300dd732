package mask

import (
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

// quotes knows in how many strings a place lies, one within another: JSON that a model writes as
// text may hold JSON in its strings, escaped once more each time. A quote begins a string where
// one may begin, so no inch mark does; and none goes over the end of a line.
type quotes struct {
	level   int     // strings that are open
	json    [4]bool // whether what stands in the string of a level is JSON
	fresh   bool    // nothing stands in the innermost one yet
	slashes int     // right before the place
	deep    int     // brackets that are open outside strings
	last    [2]byte // the last marks outside strings, blanks aside
	key     bool    // the line holds one word so far, as the name of a value in YAML
	named   bool    // and so it did before the last mark
	word    bool    // that word has begun
	off     bool    // nothing here is JSON
}

// deepest is how far strings within strings are followed.
const deepest = 3

func (q *quotes) pass(c byte) {
	switch {
	case q.off:
		return
	case c == '\n':
		q.level, q.slashes, q.fresh = 0, 0, false
		q.key, q.named, q.word = true, false, false
		return
	case c == '"':
		q.quote(q.slashes)
		q.slashes = 0
		return
	case q.level > 0 && c == '\\':
		q.slashes++
		return
	case q.level > 0:
		if q.slashes = 0; q.fresh && c != ' ' {
			q.json[q.level], q.fresh = c == '{' || c == '[', false
		}
		return
	case c == ' ' || c == '\t' || c == '\r':
		q.key = q.key && !q.word
		return
	case c == '{' || c == '[':
		q.deep++
	case c == '}' || c == ']':
		q.deep = max(0, q.deep-1)
	}
	q.mark(c)
}

// value passes what stands for a value.
func (q *quotes) value() {
	if q.slashes, q.fresh = 0, false; q.level == 0 {
		q.mark('a')
	}
}

func (q *quotes) mark(c byte) {
	q.named = q.key && q.word
	q.key = (q.key || q.last == [2]byte{}) && (wordly(rune(c)) || c == '-' || c == '.')
	q.word = q.word || c != '-'
	q.last = [2]byte{q.last[1], c}
}

// quote passes a quote behind some backslashes: how many there are says of which string it is
// the beginning or the end.
func (q *quotes) quote(slashes int) {
	q.fresh = false
	switch {
	case q.level == 0:
		if q.begins() {
			q.level, q.fresh = 1, true
			return
		}
		q.mark('"')
	case slashes%2 == 0:
		q.level = 0
		q.mark('"')
	case slashes%4 == 1 && q.json[1]:
		q.step(2)
	case slashes%8 == 3 && q.level >= 2 && q.json[2]:
		q.step(deepest)
	}
}

// step begins the string of a level, or ends it.
func (q *quotes) step(level int) {
	if q.level >= level {
		q.level = level - 1
		return
	}
	q.level, q.fresh = level, true
}

// begins reports whether a string may begin: a text, a value or a key in brackets, a value behind
// its key, or something in code.
func (q *quotes) begins() bool {
	switch q.last[1] {
	case 0, '(', '=':
		return true
	case '{', '[', ',':
		return q.deep > 0
	case ':':
		return q.last[0] == '"' || q.named
	}
	return false
}

// arguments follows the strings of a tool call's arguments: what is put into one of them is
// escaped by its map, and once more for each string that it lies in if that is JSON itself.
type arguments struct {
	l   llm.Look
	end int // of the string that has been reached
}

// reach makes the place one of the string that text[at] lies in.
func (a *arguments) reach(q *place, at int) {
	if a.l.Channel.Kind != llm.KindArgs || at < a.end {
		return
	}
	q.quotes = quotes{off: true}
	if start, end, in := a.l.Args.String(at); in {
		a.end = end
		text := strings.TrimLeft(a.l.Text[start:end], " \t\r\n")
		q.off = text == "" || text[0] != '{' && text[0] != '['
	}
}
