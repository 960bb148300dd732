package main

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// trusting is a client that trusts a CA file and nobody else.
func trusting(ts *testscript.TestScript, file string) *http.Client {
	b, err := os.ReadFile(file)
	ts.Check(err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		ts.Fatalf("%s holds no certificate", file)
	}
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
}
