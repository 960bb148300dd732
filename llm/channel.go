package llm

import (
	"cmp"
	"slices"
	"strings"
	"unsafe"
)

// held is a frame and the stretches of channel text that it carries.
type held struct {
	event *Event
	parts []part
}

// part is the text of one passage of one frame: channel offsets [start,end).
type part struct {
	passage    int
	channel    *channel
	start, end int
	skip       int // bytes of the passage's text that joined a character of the part before
}

// channel is one text as far as it came. Offsets count from its first byte.
type channel struct {
	id      Channel
	origin  Origin
	path    string
	buf     []byte // the text from base on; bytes once shown never change
	base    int
	lone    bool   // has a surrogate that may stay alone
	half    string // a high surrogate that waits for its other half
	heads   []int  // per scanner: text below it has been ruled on
	changes [][]Change
	done    bool
	told    bool // the scanners know that it is done
	sealed  bool
}

func (c *channel) text() string { return unsafe.String(unsafe.SliceData(c.buf), len(c.buf)) }

func (c *channel) end() int { return c.base + len(c.buf) }

// append adds a passage's text. A surrogate pair that was cut in two becomes one
// character, which belongs to the frame that began it.
func (c *channel) append(passage int, text string) part {
	skip := 0
	if c.half != "" {
		if r := pair(c.half, text); r != "" {
			c.buf = append(c.buf[:len(c.buf)-len(c.half)], r...)
			skip = 3
		}
		c.half = ""
	}
	p := part{passage: passage, channel: c, start: c.end(), skip: skip}
	rest := text[skip:]
	if n := len(rest); n >= 3 && isHigh(surrogate(rest[n-3:])) {
		c.half = rest[n-3:]
	}
	c.lone = c.lone || hasSurrogate(rest)
	c.buf = append(c.buf, rest...)
	p.end = c.end()
	return p
}

// rule takes a ruling over ch.text[head:end] into the channel.
func (c *channel) rule(scanner, head, end int, r Ruling) error {
	if r.Safe < head || r.Safe > end {
		return ErrScanner
	}
	for _, x := range r.Changes {
		if x.Start < head || x.End < x.Start || x.End > r.Safe {
			return ErrScanner
		}
		x.Start, x.End = x.Start+c.base, x.End+c.base
		c.changes[scanner] = append(c.changes[scanner], x)
	}
	if len(r.Changes) > 0 && c.sealed {
		return ErrSealed
	}
	c.heads[scanner] = r.Safe + c.base
	return nil
}

// safe is how far every scanner lets the text go.
func (c *channel) safe() int {
	if len(c.heads) == 0 {
		return c.end()
	}
	low := c.heads[0]
	for _, h := range c.heads[1:] {
		low = min(low, h)
	}
	return low
}

// forget drops text that has left and that no scanner wants to see again, and
// the changes that lie in it.
func (c *channel) forget(left, reach int) {
	keep := min(left, c.safe()) - reach
	if keep-c.base < max(reach, 4096) {
		return // dropping a little at a time would copy the text each time
	}
	for keep > c.base && keep < c.end() && c.buf[keep-c.base]&0xC0 == 0x80 {
		keep--
	}
	c.buf = append(make([]byte, 0, 2*(c.end()-keep)), c.buf[keep-c.base:]...)
	c.base = keep
	for i, cs := range c.changes {
		n := 0
		for n < len(cs) && cs[n].End < left {
			n++
		}
		c.changes[i] = cs[n:]
	}
}

// apply turns the changes that touch a part into edits of its frame. The frame
// in which a change begins gets the new text; the others lose their piece.
func (p *part) apply(e *Event) error {
	pass := &e.Passages[p.passage]
	var taken []Change
	for _, changes := range p.channel.changes {
		var touching []Change
		for _, c := range changes {
			if c.Start <= p.end && c.End >= p.start {
				touching = append(touching, c)
			}
		}
		taken = join(taken, touching)
	}
	for _, c := range taken {
		local, ok := p.clip(c)
		if !ok {
			continue
		}
		if err := edit(e, pass, pass.Text, pass.Map, local); err != nil {
			return err
		}
	}
	return nil
}

// clip returns the part of a change that falls on this frame's passage.
func (p *part) clip(c Change) (Change, bool) {
	begins := c.Start >= p.start && c.Start < p.end
	out := Change{Start: max(c.Start, p.start) - p.start + p.skip, End: min(c.End, p.end) - p.start + p.skip, By: c.By}
	if begins {
		out.New = c.New
	}
	if p.skip > 0 && c.Start < p.start && c.End >= p.start {
		out.Start = 0 // the second half of a character that the change took
	}
	if c.Start == c.End {
		return out, begins
	}
	return out, out.End > out.Start
}

// edit makes one change of a passage, with what follows from it.
func edit(e *Event, p *Passage, text string, m Map, c Change) error {
	if p.Sealed {
		return ErrSealed
	}
	if p.Instead != nil {
		e.add(*p.Instead)
		return nil
	}
	x, err := m.EditIn(text, c.Start, c.End, c.New, c.By)
	if err != nil {
		return &StructureError{c.By, err}
	}
	e.Edits = append(e.Edits, x)
	for _, echo := range p.Echoes {
		e.add(echo)
	}
	return nil
}

// add makes an edit once, however many changes ask for it.
func (e *Event) add(x Edit) {
	for _, have := range e.Edits {
		if have.Start == x.Start && have.End == x.End {
			return
		}
	}
	e.Edits = append(e.Edits, x)
}

// join adds to changes those of another scanner that want none of the same bytes. Both are in
// order, or put into it, and so is what comes out: an answer may hold thousands.
func join(taken, more []Change) []Change {
	if !slices.IsSortedFunc(more, byPlace) {
		more = slices.Clone(more)
		slices.SortStableFunc(more, byPlace)
	}
	out := make([]Change, 0, len(taken)+len(more))
	at := 0
	for _, c := range more {
		for at < len(taken) && (taken[at].End < c.Start || taken[at].End == c.Start && byPlace(taken[at], c) < 0) {
			out = append(out, taken[at])
			at++
		}
		if at < len(taken) && overlap(taken[at], c) || len(out) > 0 && overlap(out[len(out)-1], c) {
			continue
		}
		out = append(out, c)
	}
	return append(out, taken[at:]...)
}

func byPlace(a, b Change) int { return cmp.Or(a.Start-b.Start, a.End-b.End) }

func overlap(a, b Change) bool {
	return a.Start < b.End && b.Start < a.End || a.Start == b.Start && a.End == b.End
}

func hasSurrogate(s string) bool {
	for i := strings.IndexByte(s, 0xED); i >= 0; {
		if surrogate(s[i:]) != 0 {
			return true
		}
		n := strings.IndexByte(s[i+1:], 0xED)
		if n < 0 {
			return false
		}
		i += 1 + n
	}
	return false
}

func isHigh(r rune) bool { return r >= 0xD800 && r < 0xDC00 }

// pair returns the character that a high surrogate makes with the start of text.
func pair(high, text string) string {
	low := surrogate(text)
	if low < 0xDC00 {
		return ""
	}
	return string((surrogate(high)-0xD800)<<10 | (low - 0xDC00) + 0x10000)
}
