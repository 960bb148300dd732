package guard

import (
	"fmt"
	"slices"
	"strings"
)

// automaton finds many literals in one pass: byte classes and a flat table of
// transitions, so that a byte costs two loads. ASCII case is folded by the
// class map, and any run of white space counts as one blank. States are numbered
// breadth first, so that the rows of common ones lie together, and as 16 bits, so
// that half as many lines of the cache are needed; those that end a literal come
// last, so that one comparison tells them. The state is one integer, which makes the
// scan resumable.
type automaton struct {
	class   [256]uint8
	width   int32
	next    []uint16 // state*width + class -> state
	limit   int32    // states from here on end a literal
	out     [][]int32
	depth   []int32 // by state: length of the literal prefix it stands for
	lits    []literal
	longest int
}

type literal struct {
	text       string
	owner, num int
}

// builder collects literals for an automaton.
type builder struct {
	lits []literal
	trie trie
}

// trie holds the prefixes of all literals.
type trie struct {
	child map[uint32]uint16 // state<<8 | byte -> state
	nodes []node
}

// node is a state while the automaton is built.
type node struct {
	byte   byte // that leads to it
	parent uint16
	fail   uint16
	depth  int32
	out    []int32
}

// maxStates is how many a table of 16 bits can number.
const maxStates = 1 << 16

// maxLiteral bounds a literal, and with it how far back a match can begin.
const maxLiteral = 256

// add takes a literal; num is its index with its owner.
func (b *builder) add(lit string, owner, num int) error {
	clean := strings.ToLower(strings.Join(strings.Fields(lit), " "))
	if owner == markers && strings.HasPrefix(lit, " ") {
		clean = " " + clean + " "
	}
	if clean == "" || len(clean) > maxLiteral {
		return fmt.Errorf("literal %d has %d bytes, not 1 to %d", num, len(clean), maxLiteral)
	}
	if !b.trie.add(clean, int32(len(b.lits))) {
		return fmt.Errorf("literal %d makes all literals together need more than %d states", num, maxStates)
	}
	b.lits = append(b.lits, literal{text: clean, owner: owner, num: num})
	return nil
}

// add inserts a literal and reports whether there was room.
func (t *trie) add(lit string, num int32) bool {
	if t.child == nil {
		t.child, t.nodes = map[uint32]uint16{}, []node{{}}
	}
	at := uint16(0)
	for i := range len(lit) {
		key := uint32(at)<<8 | uint32(lit[i])
		to, ok := t.child[key]
		if !ok {
			if len(t.nodes) == maxStates {
				return false
			}
			to = uint16(len(t.nodes))
			t.child[key] = to
			t.nodes = append(t.nodes, node{byte: lit[i], parent: at, depth: int32(i + 1)})
		}
		at = to
	}
	t.nodes[at].out = append(t.nodes[at].out, num)
	return true
}

func (b *builder) automaton() *automaton {
	a := &automaton{lits: b.lits}
	a.classes()
	if b.trie.nodes == nil {
		b.trie.nodes = []node{{}}
	}
	a.flatten(&b.trie, b.trie.link())
	return a
}

// classes numbers the bytes that occur in literals; all others are class 0.
func (a *automaton) classes() {
	a.width = 1
	for _, l := range a.lits {
		a.longest = max(a.longest, len(l.text))
		for i := range len(l.text) {
			if c := l.text[i]; a.class[c] == 0 {
				a.class[c] = uint8(a.width)
				a.width++
			}
		}
	}
	// Capitals share the class of their letter, so the fold costs nothing.
	for c := 'a'; c <= 'z'; c++ {
		a.class[c-'a'+'A'] = a.class[c]
	}
	for _, c := range "\t\n\r\v\f" {
		a.class[c] = a.class[' ']
	}
}

// link gives every state the longest other one that its text ends with, and returns the
// states by depth.
func (t *trie) link() []uint16 {
	order := make([]uint16, len(t.nodes))
	for i := range order {
		order[i] = uint16(i)
	}
	slices.SortStableFunc(order, func(a, b uint16) int { return int(t.nodes[a].depth - t.nodes[b].depth) })
	for _, at := range order[1:] {
		n := &t.nodes[at]
		if n.parent != 0 {
			n.fail = t.step(t.nodes[n.parent].fail, n.byte)
		}
		n.out = append(n.out, t.nodes[n.fail].out...)
	}
	return order
}

// step returns the state after a byte. A second blank changes nothing: a run of white space
// is one.
func (t *trie) step(at uint16, c byte) uint16 {
	for {
		if c == ' ' && at != 0 && t.nodes[at].byte == ' ' {
			return at
		}
		if to, ok := t.child[uint32(at)<<8|uint32(c)]; ok {
			return to
		}
		if at == 0 {
			return 0
		}
		at = t.nodes[at].fail
	}
}

// flatten numbers the states, those with output last, and writes the table: the row of a
// state is that of the state it fails to, but for what follows it in the trie.
func (a *automaton) flatten(t *trie, order []uint16) {
	number := make([]int32, len(t.nodes))
	n := int32(0)
	// Two passes over the states: those without output first.
	for pass := range 2 {
		for _, at := range order {
			if (len(t.nodes[at].out) > 0) == (pass == 1) {
				number[at] = n
				n++
			}
		}
		if pass == 0 {
			a.limit = n
		}
	}
	a.next = make([]uint16, len(t.nodes)*int(a.width))
	a.depth = make([]int32, len(t.nodes))
	a.out = make([][]int32, n-a.limit)
	follow := make([][]uint16, len(t.nodes))
	for _, at := range order[1:] {
		follow[t.nodes[at].parent] = append(follow[t.nodes[at].parent], at)
	}
	for _, at := range order {
		nd, state := &t.nodes[at], number[at]
		row := a.next[state*a.width : (state+1)*a.width]
		if at != 0 {
			copy(row, a.next[number[nd.fail]*a.width:][:a.width])
		}
		for _, to := range follow[at] {
			row[a.class[t.nodes[to].byte]] = uint16(number[to])
		}
		if at != 0 && nd.byte == ' ' {
			row[a.class[' ']] = uint16(state)
		}
		a.depth[state] = nd.depth
		if state >= a.limit {
			a.out[state-a.limit] = nd.out
		}
	}
}

// match is a literal found: lits[lit] ends at end.
type match struct {
	lit int32
	end int
}

// scan appends every literal that ends in s[from:], from the given state on,
// and returns the state after it.
func (a *automaton) scan(s string, state int32, dst []match) (int32, []match) {
	// Kept in locals, the table is not loaded through a on every byte.
	next, limit, width := a.next, a.limit, a.width
	for i := 0; i < len(s); i++ {
		state = int32(next[state*width+int32(a.class[s[i]])])
		if state >= limit {
			for _, lit := range a.out[state-limit] {
				dst = append(dst, match{lit, i + 1})
			}
		}
	}
	return state, dst
}

// start walks back over n literal bytes from end, a blank standing for a run of
// white space.
func (a *automaton) start(s string, lit string, end int) int {
	i := end
	for n := len(lit) - 1; n >= 0 && i > 0; n-- {
		i--
		if lit[n] == ' ' {
			for i > 0 && blank(s[i-1]) {
				i--
			}
		}
	}
	return i
}

func blank(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// open returns how many bytes at the end of s may begin a literal.
func (a *automaton) open(s string) int {
	if len(a.lits) == 0 {
		return 0
	}
	state, _ := a.scan(s, 0, nil)
	left := a.depth[state]
	i := len(s)
	for ; left > 0 && i > 0; left-- {
		i--
		if blank(s[i]) {
			for i > 0 && blank(s[i-1]) {
				i--
			}
		}
	}
	return len(s) - i
}
