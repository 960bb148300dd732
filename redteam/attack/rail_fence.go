package attack

import "math/rand/v2"

// RailFence writes a text in a zigzag over three rails and reads it rail by rail.
//
// Source: the transposition cipher of the American Civil War; augustus' cipher probes.
// Example: "say hi" becomes "sha iy".
type RailFence struct{}

// ID implements [redteam.Converter].
func (RailFence) ID() string { return "rail_fence" }

// rails returns the places of a text of n runes in the order in which they are read.
func rails(n int) []int {
	order := make([]int, 0, n)
	for rail := range 3 {
		for i := range n {
			if at := i % 4; at == rail || at == 3 && rail == 1 {
				order = append(order, i)
			}
		}
	}
	return order
}

// Convert implements [redteam.Converter].
func (RailFence) Convert(_ *rand.Rand, text string) string {
	in := []rune(text)
	out := make([]rune, len(in))
	for to, from := range rails(len(in)) {
		out[to] = in[from]
	}
	return string(out)
}

// Invert implements [redteam.Inverter].
func (RailFence) Invert(text string) (string, bool) {
	in := []rune(text)
	out := make([]rune, len(in))
	for from, to := range rails(len(in)) {
		out[to] = in[from]
	}
	return string(out), true
}
