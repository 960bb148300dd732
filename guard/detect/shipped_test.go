package detect

import (
	"bytes"
	"errors"
	"testing"
)

// maxShipped is how large what was learnt may be in the binary.
const maxShipped = 4 << 20

// TestShipped holds that the binary carries a file it can read, small enough, and that what
// is read is what was written.
func TestShipped(t *testing.T) {
	if len(shippedFile) > maxShipped {
		t.Errorf("%d bytes were shipped, at most %d may be", len(shippedFile), maxShipped)
	}
	learnt, err := LoadShipped()
	if err != nil {
		t.Fatal(err)
	}
	again, err := learnt.MarshalBinary()
	if err != nil || !bytes.Equal(again, shippedFile) {
		t.Errorf("written again it is another file (%v)", err)
	}
	for side, w := range learnt.Card.Weights {
		for i, positive := range Positive {
			if positive && w[i] < 0 {
				t.Errorf("side %d: fact %d speaks against an attack", side, i)
			}
		}
	}
	for name, l := range map[string][3]float64{"user": learnt.Card.Lines.User, "data": learnt.Card.Lines.Data, "harm": learnt.Card.Lines.Harm} {
		if !(0 < l[0] && l[0] <= l[1] && l[1] <= l[2] && l[2] < 1) {
			t.Errorf("%s: lines %v", name, l)
		}
	}
	for name, bad := range map[string][]byte{"empty": nil, "cut": shippedFile[:len(shippedFile)/2], "longer": append(bytes.Clone(shippedFile), 0), "other": []byte("bartizan guard model 9\n")} {
		if err := new(Shipped).UnmarshalBinary(bad); err == nil {
			t.Errorf("%s: it was read", name)
		}
	}
	if err := new(Shipped).UnmarshalBinary(nil); !errors.Is(err, ErrShipped) {
		t.Errorf("nothing: %v", err)
	}
}

func FuzzShipped(f *testing.F) {
	f.Add(shippedFile[:4096])
	f.Add([]byte(shippedMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := new(Shipped)
		if s.UnmarshalBinary(b) == nil && s.Attack == nil {
			t.Fatal("read without models")
		}
	})
}
