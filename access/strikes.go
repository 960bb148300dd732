package access

import (
	"net/netip"
	"sync"
	"time"
)

// Strikes counts wrong keys by address, so that guessing is answered less and
// less. It refuses nobody who brings a right key: whether a key is right is found
// out first, at the price of one hash.
//
// Memory is bounded: two generations of addresses, of which the older is dropped
// when the younger is full or a minute old.
type Strikes struct {
	now func() time.Time

	mu       sync.Mutex
	began    time.Time
	current  map[netip.Prefix]int
	previous map[netip.Prefix]int
}

// How many wrong keys an address has in a minute, and how many addresses are
// remembered.
const (
	strikesAllowed = 10
	strikesKept    = 8192
)

// NewStrikes returns a table that knows nobody. now may be nil.
func NewStrikes(now func() time.Time) *Strikes {
	if now == nil {
		now = time.Now
	}
	return &Strikes{now: now, began: now(), current: map[netip.Prefix]int{}}
}

// Strike counts a wrong key of an address, as net/http writes it, and returns how
// long its next wrong ones will be answered with less: 0 while it has tries left.
func (s *Strikes) Strike(remote string) time.Duration {
	from := origin(remote)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if age := now.Sub(s.began); age >= 2*time.Minute {
		s.previous, s.current, s.began = nil, map[netip.Prefix]int{}, now
	} else if age >= time.Minute || len(s.current) >= strikesKept {
		s.previous, s.current, s.began = s.current, map[netip.Prefix]int{}, now
	}
	s.current[from]++
	if s.current[from]+s.previous[from] <= strikesAllowed {
		return 0
	}
	return max(s.began.Add(time.Minute).Sub(now), time.Second)
}

// origin is what counts as one address: of IPv6, the network that one subscriber
// is given.
func origin(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{} // all that cannot be told apart
	}
	ip, bits := at.Addr().Unmap().WithZone(""), 32
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
