package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// freeAddr is a loopback address that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// profile keeps a gate busy with one kind of call for some seconds and writes where
// its processor time goes, for `go tool pprof`.
func (g *gate) profile(t *target, dir, name, path string, body []byte) error {
	const seconds = 6
	ended := make(chan error, 1)
	go func() {
		ended <- g.save(fmt.Sprintf("profile?seconds=%d", seconds), filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".cpu"))
	}()
	defer t.reset()
	for until := time.Now().Add(seconds * time.Second); time.Now().Before(until); {
		if err := t.calls(50, 1, path, body); err != nil {
			return err
		}
	}
	return <-ended
}

// save writes one page of the gate's profiles to a file.
func (g *gate) save(page, file string) error {
	resp, err := http.Get("http://" + g.operations + "/debug/pprof/" + page)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}
