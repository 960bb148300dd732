package app

import (
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/guard/detect"
)

// TestStandardLines holds the standard policy to the lines that were measured: never below
// them, and not so far above that they mean something else.
func TestStandardLines(t *testing.T) {
	learnt, err := detect.LoadShipped()
	if err != nil {
		t.Fatal(err)
	}
	near := func(name string, got, want float64) {
		if got < want-1e-9 || got > want+(1-want)/2 {
			t.Errorf("%s: the policy says %.3f, measured is %.4f", name, got, want)
		}
	}
	std := guard.Standard().Thresholds
	near("user, observe", std["attack"]["user"].Observe, learnt.Card.Lines.User[0])
	near("harm, observe", std["harm"]["user"].Observe, learnt.Card.Lines.Harm[0])
	near("user, flag", std["attack"]["user"].Flag, learnt.Card.Lines.User[1])
	near("user, block", std["attack"]["user"].Block, learnt.Card.Lines.User[2])
	for _, o := range []string{"tool", "retrieved", "file", "unknown"} {
		near(o+", observe", std["attack"][o].Observe, learnt.Card.Lines.Data[0])
		near(o+", flag", std["attack"][o].Flag, learnt.Card.Lines.Data[1])
		near(o+", block", std["attack"][o].Block, learnt.Card.Lines.Data[2])
	}
	near("harm, flag", std["harm"]["user"].Flag, learnt.Card.Lines.Harm[1])
	if b := std["harm"]["user"].Block; b <= learnt.Card.Lines.Harm[2] {
		t.Errorf("harm is refused from %.3f, which lies below the line of .1 %%, %.4f", b, learnt.Card.Lines.Harm[2])
	}
}
