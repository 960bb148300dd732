package llm

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// TestJoin compares with looking at every pair.
func TestJoin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	some := func() (out []Change) {
		at := 0
		for range rng.IntN(6) {
			at += rng.IntN(4)
			end := at + rng.IntN(3)
			c := Change{Start: at, End: end, New: string(rune('a' + rng.IntN(26)))}
			if n := len(out); n > 0 && overlap(out[n-1], c) {
				continue
			}
			out, at = append(out, c), end
		}
		return out
	}
	for range 20_000 {
		a, b := some(), some()
		want := slices.Clone(a)
		for _, c := range b {
			if !slices.ContainsFunc(want, func(t Change) bool { return overlap(t, c) }) {
				want = append(want, c)
			}
		}
		slices.SortStableFunc(want, byPlace)
		got := join(join(nil, a), b)
		if !slices.IsSortedFunc(got, byPlace) {
			t.Fatalf("%v and %v gave %v", a, b, got)
		}
		slices.SortStableFunc(got, byPlace)
		if len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("%v and %v gave %v, want %v", a, b, got, want)
		}
	}
}
