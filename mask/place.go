package mask

import "strings"

// place is what is known of the place in a text that has been reached.
type place struct {
	quotes
	// within says that it lies in what a reader's program follows or loads: a value that is put
	// there would leave with it, and what is put back is not cleaned again.
	within within
	since  int // bytes since that began
	before [2]byte
}

type within uint8

const (
	nowhere   within = iota
	target           // of a link or image: ](
	reference        // of one that is named: ]:
	address          // behind ://
	element          // of markup: <x
)

// longestElement bounds what is taken for one element of markup, in bytes.
const longestElement = 4096

// pass goes over what stands at the place: one character, or something that stands for a value.
func (q *place) pass(s string) {
	if len(s) == 1 {
		q.quotes.pass(s[0])
	} else {
		q.quotes.value()
	}
	for i := range len(s) {
		q.follow(s[i])
		q.before = [2]byte{q.before[1], s[i]}
	}
}

// follow goes through what a program would follow or load.
func (q *place) follow(c byte) {
	b := q.before
	q.since++
	switch q.within {
	case target:
		if c == ')' || c == '\n' && b[1] == '\n' {
			q.within = nowhere
		}
	case reference:
		if c == '\n' && q.since > 2 {
			q.within = nowhere
		}
	case address:
		if strings.IndexByte(" \t\r\n<>\"'", c) >= 0 {
			q.within = nowhere
		}
	case element:
		if c == '>' || q.since > longestElement {
			q.within = nowhere
		}
	}
	if q.within == nowhere || q.within == address {
		q.begin(b, c)
	}
}

// begin sees whether something begins with a byte.
func (q *place) begin(b [2]byte, c byte) {
	was := q.within
	switch {
	case b[1] == ']' && c == '(':
		q.within = target
	case b[1] == ']' && c == ':':
		q.within = reference
	case b == [2]byte{':', '/'} && c == '/':
		q.within = address
	case b[1] == '<' && opens(c):
		q.within = element
	}
	if q.within != was {
		q.since = 0
	}
}
