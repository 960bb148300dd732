package ledger

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func TestCertify(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(crashConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(context.Background())
	statement := []byte("{\n  \"a\": 1\n}\n")
	signed, err := l.Certify(statement)
	if err != nil {
		t.Fatal(err)
	}
	vkey := l.Status().Key
	if text, err := OpenCertified(vkey, signed); err != nil || !bytes.Equal(text, statement) {
		t.Errorf("%q %v", text, err)
	}
	for i := range signed {
		for bit := range 8 {
			bad := bytes.Clone(signed)
			bad[i] ^= 1 << bit
			if _, err := OpenCertified(vkey, bad); err == nil {
				t.Errorf("bit %d of byte %d may be changed", bit, i)
			}
		}
	}
	for name, bad := range map[string]string{"cut": string(signed[:len(signed)-1]), "longer": string(signed) + "x\n", "signed twice": string(signed) + strings.SplitAfter(string(signed), "\n\n")[1],
		"a line more": "\n" + string(signed), "nothing": ""} {
		if _, err := OpenCertified(vkey, []byte(bad)); err == nil {
			t.Errorf("%s passes", name)
		}
	}
	if _, err := OpenCertified("x+y+z", signed); err == nil {
		t.Error("a key that is none")
	}
	other, err := Open(crashConfig(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	if _, err := OpenCertified(other.Status().Key, signed); err == nil {
		t.Error("another log's key opens it")
	}
	for _, bad := range []string{"", "crash.invalid\n5\nAAAA\n", "{}", "{\n}", "{\n}\n" + strings.Repeat("x", certifyMax)} {
		if _, err := l.Certify([]byte(bad)); err == nil {
			t.Errorf("%.30q is certified", bad)
		}
	}
}

func FuzzCertified(f *testing.F) {
	l, err := Open(crashConfig(f.TempDir()))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = l.Close(context.Background()) })
	vkey := l.Status().Key
	signed, err := l.Certify([]byte("{\n}\n"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add([]byte("{\n}\n\n\u2014 crash.invalid AAAA\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if text, err := OpenCertified(vkey, b); err == nil && !bytes.Equal(b, signed) {
			t.Errorf("%q was never signed", text)
		}
	})
}
