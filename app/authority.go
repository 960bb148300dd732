package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// authority is the local certificate authority that serves listeners without a
// certificate of their own. Its key never leaves the data folder; clients trust
// ca.crt.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	made bool // by this start

	mu   sync.Mutex
	leaf *tls.Certificate
}

// Lives of certificates. Leaves are made anew in memory, so they are short.
const (
	authorityLife = 5 * 365 * 24 * time.Hour
	leafLife      = 30 * 24 * time.Hour
)

// openAuthority loads the authority in dir, or makes one.
func openAuthority(dir string) (*authority, error) {
	a := &authority{dir: dir}
	cert, err := os.ReadFile(a.file())
	if errors.Is(err, fs.ErrNotExist) {
		a.made = true
		return a, a.create()
	}
	if err != nil {
		return nil, fmt.Errorf("reading the local authority: %w", err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "ca.key"))
	if err != nil {
		return nil, fmt.Errorf("reading the local authority: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("the local authority in %s is damaged: %w; remove the folder to make a new one", dir, err)
	}
	var ok bool
	if a.key, ok = pair.PrivateKey.(*ecdsa.PrivateKey); !ok {
		return nil, fmt.Errorf("the local authority in %s has a key of another kind; remove the folder to make a new one", dir)
	}
	a.cert = pair.Leaf
	if time.Until(a.cert.NotAfter) < leafLife {
		return nil, fmt.Errorf("the local authority in %s ends on %s; remove the folder to make a new one, and give clients the new ca.crt", dir, a.cert.NotAfter.Format(time.DateOnly))
	}
	return a, nil
}

// file is what clients are told to trust.
func (a *authority) file() string { return filepath.Join(a.dir, "ca.crt") }

func (a *authority) create() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the local authority: %w", err)
	}
	t := template("Bartizan local authority", authorityLife)
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return fmt.Errorf("making the local authority: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("making the local authority: %w", err)
	}
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return fmt.Errorf("making the local authority: %w", err)
	}
	a.key = key
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return fmt.Errorf("making the local authority: %w", err)
	}
	// The certificate comes last: where it is, the key is too.
	return errors.Join(
		os.WriteFile(filepath.Join(a.dir, "ca.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
		os.WriteFile(a.file(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
}

func template(name string, life time.Duration) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"Bartizan"}},
		NotBefore: now.Add(-5 * time.Minute), NotAfter: now.Add(life)}
}

// certificate makes the leaf, and a new one long before the old one ends.
func (a *authority) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leaf != nil && time.Until(a.leaf.Leaf.NotAfter) > leafLife/2 {
		return a.leaf, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := template("bartizan", leafLife)
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	t.DNSNames, t.IPAddresses = hostNames()
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	a.leaf = &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}
	return a.leaf, nil
}

// hostNames returns every name by which this machine may be called.
func hostNames() (names []string, ips []net.IP) {
	names = []string{"localhost"}
	if h, err := os.Hostname(); err == nil && h != "" && h != "localhost" {
		names = append(names, h)
	}
	ips = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return names, ips
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			ips = append(ips, n.IP)
		}
	}
	return names, ips
}
