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
	size int // bytes of all different literals: there are at most so many states, and one
	seen map[string]bool
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
	if b.seen == nil {
		b.seen = map[string]bool{}
	}
	if !b.seen[clean] {
		b.seen[clean], b.size = true, b.size+len(clean)
	}
	if b.size >= maxStates {
		return fmt.Errorf("literal %d makes all literals longer than %d bytes together", num, maxStates)
	}
	b.lits = append(b.lits, literal{text: clean, owner: owner, num: num})
	return nil
}

// node is a state while the automaton is built.
type node struct {
	next  []int32
	fail  int32
	depth int32
	blank bool // reached by white space
	out   []int32
}

func (b *builder) automaton() *automaton {
	a := &automaton{lits: b.lits}
	a.classes()
	nodes := a.trie()
	order := a.link(nodes)
	a.flatten(nodes, order)
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

func (a *automaton) trie() []node {
	fresh := func(depth int32) node { return node{next: slices.Repeat([]int32{-1}, int(a.width)), depth: depth} }
	nodes := []node{fresh(0)}
	for n, l := range a.lits {
		at := int32(0)
		for i := range len(l.text) {
			c := a.class[l.text[i]]
			if nodes[at].next[c] < 0 {
				nodes[at].next[c] = int32(len(nodes))
				next := fresh(int32(i + 1))
				next.blank = l.text[i] == ' '
				nodes = append(nodes, next)
			}
			at = nodes[at].next[c]
		}
		nodes[at].out = append(nodes[at].out, int32(n))
	}
	return nodes
}

// link completes the transitions breadth first and returns that order.
func (a *automaton) link(nodes []node) []int32 {
	order := []int32{0}
	for i := 0; i < len(order); i++ {
		at := order[i]
		for c := range nodes[at].next {
			to, back := nodes[at].next[c], int32(0)
			if at != 0 {
				back = nodes[nodes[at].fail].next[c]
			}
			if to < 0 {
				nodes[at].next[c] = back
				continue
			}
			nodes[to].fail = back
			nodes[to].out = append(nodes[to].out, nodes[back].out...)
			order = append(order, to)
		}
		// A second blank changes nothing: a run of white space is one.
		if blank := a.class[' ']; nodes[at].blank && blank != 0 {
			nodes[at].next[blank] = at
		}
	}
	return order
}

// flatten numbers the states, those with output last, and writes the table.
func (a *automaton) flatten(nodes []node, order []int32) {
	number := make([]int32, len(nodes))
	n := int32(0)
	// Two passes over the states: those without output first.
	for pass := range 2 {
		for _, at := range order {
			if (len(nodes[at].out) > 0) == (pass == 1) {
				number[at] = n
				n++
			}
		}
		if pass == 0 {
			a.limit = n
		}
	}
	a.next = make([]uint16, len(nodes)*int(a.width))
	a.depth = make([]int32, len(nodes))
	a.out = make([][]int32, n-a.limit)
	for at := range nodes {
		state := number[at]
		for c, to := range nodes[at].next {
			a.next[state*a.width+int32(c)] = uint16(number[to])
		}
		a.depth[state] = nodes[at].depth
		if state >= a.limit {
			a.out[state-a.limit] = nodes[at].out
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
