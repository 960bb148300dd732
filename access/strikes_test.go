package access

import (
	"fmt"
	"testing"
	"time"
)

func TestR13StrikesByAddress(t *testing.T) {
	c := &clock{t: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	s := NewStrikes(c.now)
	for i := range 10 {
		if d := s.Strike("192.0.2.1:50"); d != 0 {
			t.Fatalf("try %d is answered with less for %s", i+1, d)
		}
	}
	if d := s.Strike("192.0.2.1:51"); d != time.Minute {
		t.Errorf("the eleventh try: %s", d)
	}
	if d := s.Strike("192.0.2.2:50"); d != 0 {
		t.Errorf("another address: %s", d)
	}
	c.pass(time.Minute) // what an address did just before still counts
	if d := s.Strike("192.0.2.1:52"); d == 0 {
		t.Error("an address that goes on is forgotten")
	}
	c.pass(2 * time.Minute)
	if d := s.Strike("192.0.2.1:52"); d != 0 {
		t.Errorf("an address that has waited: %s", d)
	}
	// One subscriber of IPv6 has many addresses.
	for i := range 11 {
		d := s.Strike(fmt.Sprintf("[2001:db8::%x]:1", i+1))
		if (d != 0) != (i == 10) {
			t.Errorf("address %d of a network: %s", i+1, d)
		}
	}
	if a, b := origin("nonsense"), origin("[::ffff:192.0.2.1]:1"); a.IsValid() || b != origin("192.0.2.1:9") {
		t.Errorf("%v %v", a, b)
	}
}

func TestR13StrikesAreBounded(t *testing.T) {
	c := &clock{t: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	s := NewStrikes(c.now)
	for i := range 5 * strikesKept {
		s.Strike(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255))
		if n := len(s.current) + len(s.previous); n > 2*strikesKept {
			t.Fatalf("%d addresses are remembered", n)
		}
	}
}
