package entity

import (
	"net/netip"
	"slices"
	"strings"
)

// findIPs finds addresses of machines.
//
// Catches: IPv4 with four numbers of 0 to 255, IPv6 in every form that the standard
// knows, also in brackets, with a zone, a port or a prefix length behind.
// Does not catch: versions, sections, object identifiers, dates, the unspecified
// and the loopback addresses, masks; numbers with leading zeros.
// Example: four numbers of a private network.
func findIPs(p *page, emit emitter) {
	t := p.t
	for i := 0; i < len(t); i++ {
		c := t[i]
		if c != '.' && c != ':' {
			continue
		}
		if c == '.' {
			i = p.fourth(i, emit)
		} else {
			i = p.sixth(i, emit)
		}
	}
}

// fourth reads an IPv4 address whose first point is at i, and returns how far it
// read.
func (p *page) fourth(i int, emit emitter) int {
	t := p.t
	start := i
	for start > 0 && i-start < 4 && isDigit(t[start-1]) {
		start--
	}
	if start == i || start > 0 && !ipBefore(t, start) {
		return i
	}
	end := dottedQuad(t, start)
	if end == 0 || !ipAfter(t, end) {
		return i
	}
	if w := p.ipWeight(start, end); w > 0 {
		emit(start, end, w)
	}
	return end - 1
}

// dottedQuad returns the end of four numbers of 0 to 255, 0 when there are none.
func dottedQuad(t string, i int) int {
	for part := range 4 {
		n, j := digitsAt(t, i)
		if j == i || j-i > 3 || n > 255 || j-i > 1 && t[i] == '0' {
			return 0
		}
		if part == 3 {
			return j
		}
		if j >= len(t) || t[j] != '.' {
			return 0
		}
		i = j + 1
	}
	return 0
}

// ipBefore reports whether an address may begin at i.
func ipBefore(t string, i int) bool {
	switch c := t[i-1]; {
	case isAlnum(c), c == '_', c == '$', c == '+', c >= 0x80 && cased(t, i) && !latinless(t, i):
		return false
	case c == '-' || c == '.' || c == ':' || c == '^' || c == '~':
		return i > 1 && c == ':' && !isDigit(t[i-2])
	case c == '/':
		// A product and its version: "Chrome/120.0.6099.71".
		return i < 2 || t[i-2] == '/' || t[i-2] == ' ' || isDigit(t[i-2])
	}
	return true
}

// ipAfter reports whether an address may end at i.
func ipAfter(t string, i int) bool {
	if i >= len(t) {
		return true
	}
	c := t[i]
	if isAlnum(c) || c == '_' || c == '%' {
		return false
	}
	return !((c == '.' || c == '-') && i+1 < len(t) && isAlnum(t[i+1]))
}

// ipWeight says how likely four numbers are an address.
func (p *page) ipWeight(start, end int) float64 {
	a, err := netip.ParseAddr(p.t[start:end])
	if err != nil || a.IsUnspecified() || strings.HasPrefix(p.t[start:end], "127.0.") || p.t[start] == '0' || strings.HasPrefix(p.t[start:end], "255.") {
		return 0
	}
	n := p.around(start, end)
	switch {
	case documentation(a) && p.exemplary(start, end):
		return .3 // nobody's: the text says so
	case n.says(versionWord), strings.Contains(p.low[max(0, start-64):start], "version"):
		return .1
	case end+1 < len(p.t) && p.t[end] == '/' && isDigit(p.t[end+1]) && p.t[end-1] == '0':
		return .3 // a network, not a machine
	case smallParts(p.t[start:end]):
		// 1.2.3.4 is more often a version or a section than a machine.
		if p.spokenOf(start, "ip", "host", "server", "addr", "client", "from", "dns", "ping", "://", "remote", "peer", "网", "アドレス") {
			return .95
		}
		return .4
	}
	return .97
}

// documentation reports addresses of the blocks that are kept for examples (RFC 5737, RFC
// 3849).
func documentation(a netip.Addr) bool {
	return slices.ContainsFunc(exampleNets, func(n netip.Prefix) bool { return n.Contains(a.Unmap()) })
}

var exampleNets = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32")}

// exemplary reports whether a text calls what stands in a place an example.
func (p *page) exemplary(start, end int) bool {
	near := p.low[max(0, start-64):min(len(p.low), end+48)]
	return slices.ContainsFunc([]string{"documentation", "example", "sample", "test-net", "reserved", "beispiel", "exemple", "ejemplo"}, func(w string) bool { return strings.Contains(near, w) })
}

// smallParts reports whether every part has one digit.
func smallParts(s string) bool { return len(s) <= 8 && s[1] == '.' && s[3] == '.' }

// sixth reads an IPv6 address whose first colon is at i, and returns how far it
// read.
func (p *page) sixth(i int, emit emitter) int {
	t := p.t
	start := i
	for start > 0 && i-start < 5 && isHex(t[start-1]) {
		start--
	}
	if i-start > 4 || start > 0 && (isAlnum(t[start-1]) || t[start-1] == ':' && hexGroup(t, start-1, 4) || t[start-1] == '_' || t[start-1] == '.') {
		return i
	}
	end := i
	for end < len(t) && end-start < 46 && (isHex(t[end]) || t[end] == ':' || t[end] == '.') {
		end++
	}
	read := end
	for end > start && (t[end-1] == '.' || t[end-1] == ':' && !strings.HasSuffix(t[start:end], "::")) {
		end--
	}
	if strings.Count(t[start:end], ":") < 2 {
		return i
	}
	if end < len(t) && (isAlnum(t[end]) || t[end] == '_') {
		return max(i, read-1)
	}
	a, err := netip.ParseAddr(t[start:end])
	if err != nil || a.IsUnspecified() || a.IsLoopback() || a.Unmap().IsLoopback() || !machineLike(t[start:end]) {
		return max(i, read-1)
	}
	emit(start, zoneEnd(t, end), .97)
	return read - 1
}

// machineLike refuses what is an address by grammar only: "a::b" in program text.
func machineLike(s string) bool {
	digits := 0
	for i := range len(s) {
		if isDigit(s[i]) {
			digits++
		}
	}
	return digits >= 2 && len(s) >= 6
}

// zoneEnd takes in the zone of an address: fe80::1%eth0.
func zoneEnd(t string, i int) int {
	if i+1 < len(t) && t[i] == '%' && isAlnum(t[i+1]) {
		return skipNumber(t, i+1)
	}
	return i
}
