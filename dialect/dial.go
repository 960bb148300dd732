package dialect

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ErrAddress means that a name led to an address that may not be called. The
// check is made on the address that is connected to, so that no spelling, no
// second look-up and no redirect gets around it.
var ErrAddress = errors.New("dialect: the upstream's address is not allowed")

// never may be called by no provider: link-local addresses hold the metadata
// services of clouds, the rest is no host's address.
var never = prefixes("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/128", "fe80::/10", "ff00::/8", "fd00:ec2::/32")

// private may be called by providers that say so.
var private = prefixes("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "192.0.0.0/24", "198.18.0.0/15", "::1/128", "fc00::/7")

// embedding holds the IPv6 ranges that carry an IPv4 address, and where in them.
var embedding = map[netip.Prefix]int{
	netip.MustParsePrefix("64:ff9b::/96"): 12,
	netip.MustParsePrefix("2002::/16"):    2,
	netip.MustParsePrefix("::/96"):        12,
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// CheckAddress reports whether an upstream may be reached at ip. allowPrivate
// admits loopback and private networks, never link-local ones.
func CheckAddress(ip netip.Addr, allowPrivate bool) error {
	ip = ip.Unmap().WithZone("")
	if within(ip, never) {
		return fmt.Errorf("%w: %s is reserved", ErrAddress, ip)
	}
	if within(ip, private) && !allowPrivate {
		return fmt.Errorf("%w: %s is private; say `private: true` if that is meant", ErrAddress, ip)
	}
	if ip.Is6() && !ip.IsLoopback() {
		b := ip.As16()
		for p, at := range embedding {
			if p.Contains(ip) {
				return CheckAddress(netip.AddrFrom4([4]byte(b[at:at+4])), allowPrivate)
			}
		}
	}
	return nil
}

func within(ip netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// dialer returns a dialer that checks every address it connects to.
func dialer(timeout time.Duration, allowPrivate bool) *net.Dialer {
	return &net.Dialer{
		Timeout:   timeout,
		KeepAlive: 30 * time.Second,
		Control: func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("%w: %s", ErrAddress, address)
			}
			return CheckAddress(at.Addr(), allowPrivate)
		},
	}
}
