package dialect

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/llm"
)

func TestCheckAddress(t *testing.T) {
	const never, private, public = 0, 1, 2
	for addr, want := range map[string]int{
		"8.8.8.8": public, "1.1.1.1": public, "2606:4700::1111": public, "99.255.255.255": public, "100.128.0.0": public,
		"172.15.255.255": public, "172.32.0.0": public, "192.167.255.255": public, "11.0.0.0": public, "198.20.0.0": public,
		"127.0.0.1": private, "127.255.255.254": private, "::1": private,
		"10.0.0.1": private, "10.255.255.255": private, "172.16.0.1": private, "172.31.255.255": private, "192.168.1.1": private,
		"100.64.0.1": private, "100.127.255.255": private, // carriers' own
		"fc00::1": private, "fd12:3456::1": private, "192.0.0.1": private, "198.18.0.1": private, "198.19.255.255": private,
		"0.0.0.0": never, "0.1.2.3": never, "::": never,
		"169.254.169.254": never, "169.254.0.1": never, "fe80::1": never, "fe80::1%eth0": never, "febf::1": never, // metadata, link-local
		"fd00:ec2::254": never, "224.0.0.1": never, "239.255.255.255": never, "ff02::1": never, "240.0.0.1": never, "255.255.255.255": never,
		// the same addresses inside others
		"::ffff:127.0.0.1": private, "::ffff:10.0.0.1": private, "::ffff:169.254.169.254": never, "::ffff:8.8.8.8": public,
		"64:ff9b::7f00:1": private, "64:ff9b::a9fe:a9fe": never, "64:ff9b::808:808": public,
		"2002:7f00:1::": private, "2002:a9fe:a9fe::1": never, "2002:808:808::": public,
		"::127.0.0.1": private, "::169.254.169.254": never,
	} {
		ip := netip.MustParseAddr(addr)
		open, meant := CheckAddress(ip, false), CheckAddress(ip, true)
		if (open == nil) != (want == public) || (meant == nil) != (want >= private) {
			t.Errorf("%s: %v, with private %v", addr, open, meant)
		}
		for _, err := range []error{open, meant} {
			if err != nil && !errors.Is(err, ErrAddress) {
				t.Errorf("%s: %v is no ErrAddress", addr, err)
			}
		}
	}
}

// TestDialedAddressIsChecked: whatever name or spelling leads to this machine, the
// address that is connected to counts.
func TestDialedAddressIsChecked(t *testing.T) {
	reached := 0
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { reached++ }))
	defer s.Close()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "017700000001", "0177.0.0.1", "0x7f.1",
		"[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "0", "[::]", "127.0.0.1.", "localhost."} {
		c, err := NewClient(ClientConfig{Name: "p", Dialect: "openai", URL: "https://" + host + ":" + port})
		if err != nil {
			continue // no URL of a host
		}
		_, err = c.Do(context.Background(), ask(false))
		if !errors.Is(err, ErrAddress) && !errors.Is(err, ErrDown) {
			t.Errorf("%s: %v", host, err)
		}
		if err != nil && strings.Contains(err.Error(), port) {
			t.Errorf("%s: the error names the port: %v", host, err)
		}
		c.Close()
	}
	if reached != 0 {
		t.Errorf("the server was reached %d times", reached)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		c, err := NewClient(ClientConfig{Name: "p", Dialect: "openai", URL: "https://" + host + ":" + port})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Do(context.Background(), ask(false)); !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v, not ErrAddress", host, err)
		}
	}
}

// ask is a small request.
func ask(stream bool) *llm.Request {
	return &llm.Request{Op: llm.OpChat, Dialect: "openai", Target: "/chat/completions", Stream: stream, Body: []byte(`{"model":"m"}`)}
}
