package app

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// verifies reports whether a client that trusts the file accepts the leaf by a name.
func verifies(t *testing.T, a *authority, name string) error {
	t.Helper()
	leaf, err := a.certificate(&tls.ClientHelloInfo{})
	must(t, err)
	pem, err := os.ReadFile(a.file())
	must(t, err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("the authority's file holds no certificate")
	}
	_, err = leaf.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	return err
}

// TestAuthority: made once, used again, for the names of this machine only.
func TestAuthority(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	first, err := openAuthority(dir)
	must(t, err)
	again, err := openAuthority(dir)
	must(t, err)
	if !first.made || again.made || !first.cert.Equal(again.cert) || !first.key.Equal(again.key) {
		t.Error("the authority was not used again")
	}
	for _, a := range []*authority{first, again} {
		for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
			must(t, verifies(t, a, name))
		}
		for _, name := range []string{"example.com", "8.8.8.8", ""} {
			if err := verifies(t, a, name); name != "" && err == nil {
				t.Errorf("the leaf is good for %s", name)
			}
		}
	}
	one, err := first.certificate(nil)
	must(t, err)
	two, err := first.certificate(nil)
	must(t, err)
	if one != two {
		t.Error("every connection makes a leaf of its own")
	}
	if one.Leaf.IsCA || time.Until(one.Leaf.NotAfter) > leafLife || time.Until(one.Leaf.NotBefore) > 0 {
		t.Errorf("the leaf is good from %s to %s, a CA: %v", one.Leaf.NotBefore, one.Leaf.NotAfter, one.Leaf.IsCA)
	}
	if !first.cert.IsCA || !first.cert.MaxPathLenZero || first.cert.MaxPathLen != 0 {
		t.Error("the authority may make authorities")
	}
	key, err := os.Stat(filepath.Join(dir, "ca.key"))
	must(t, err)
	folder, err := os.Stat(dir)
	must(t, err)
	if key.Mode().Perm() != 0o600 || folder.Mode().Perm() != 0o700 {
		t.Errorf("key %v, folder %v", key.Mode(), folder.Mode())
	}
}

// TestAuthorityRefuses what it cannot use, and never makes another in silence.
func TestAuthorityRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(dir string) error
		says   string
	}{
		"no key":         {func(dir string) error { return os.Remove(filepath.Join(dir, "ca.key")) }, "reading the local authority"},
		"a damaged key":  {func(dir string) error { return os.WriteFile(filepath.Join(dir, "ca.key"), []byte("x"), 0o600) }, "remove the folder"},
		"a damaged file": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "ca.crt"), []byte("x"), 0o600) }, "remove the folder"},
		"another's key": {func(dir string) error {
			other, err := openAuthority(filepath.Join(dir, "other"))
			if err != nil {
				return err
			}
			return os.Rename(filepath.Join(other.dir, "ca.key"), filepath.Join(dir, "ca.key"))
		}, "remove the folder"},
	} {
		dir := t.TempDir()
		_, err := openAuthority(dir)
		must(t, err)
		must(t, c.damage(dir))
		if _, err := openAuthority(dir); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHostNames(t *testing.T) {
	names, ips := hostNames()
	if !slices.Contains(names, "localhost") || len(ips) < 2 {
		t.Errorf("%v %v", names, ips)
	}
	for _, ip := range ips {
		if ip.IsUnspecified() || ip.IsLinkLocalUnicast() {
			t.Errorf("a certificate for %s", ip)
		}
	}
}
