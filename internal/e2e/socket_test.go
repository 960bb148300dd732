package e2e

import (
	"context"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// socket asks the desk of a running server wrongly, on its local socket, where
// everybody is known, and looks at what it says.
func (c canaries) socket(t *testing.T, d *deployment) (looked int) {
	var dialer net.Dialer
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "unix", filepath.Join(d.data(), "desk.sock"))
	}}
	defer tr.CloseIdleConnections()
	v := c["the desk's input"]
	for _, ask := range [][3]string{
		{http.MethodPost, "/keys", `{"system":"bot","` + v + `":"x"}`},
		{http.MethodPost, "/keys", `{"system":"bot","other":"` + v + `"}`},
		{http.MethodPost, "/keys", `{"system":["` + v + `"]}`},
		{http.MethodPost, "/keys", `{"system":"` + v + `"}`},
		{http.MethodPost, "/keys", v},
		{http.MethodPost, "/links", `{"person":"x","roles":["` + v + `"]}`},
		{http.MethodDelete, "/keys/" + v, ""},
		{http.MethodGet, "/access/explain?system=" + v + "&target=x", ""},
		{http.MethodGet, "/access/explain?action=" + v, ""},
	} {
		req, err := http.NewRequest(ask[0], "http://desk/api/v1"+ask[1], strings.NewReader(ask[2]))
		must(t, err)
		req.Header.Set("Content-Type", "application/json")
		a, err := do(&http.Client{Transport: tr}, req)
		must(t, err)
		looked++
		if names := c.found([]byte(a.body)); names != nil || a.status < 400 {
			t.Errorf("%s %s: the desk answers %d with %v: %s", ask[0], ask[1], a.status, names, a.body)
		}
	}
	return looked
}

// TestKeptForOneUser: what is secret may be read by the user that runs the gate,
// and nobody else.
func TestKeptForOneUser(t *testing.T) {
	d := deploy(t, newUpstream(t), strings.ReplaceAll(watchful, "KEEP", "masked"))
	p := d.serve()
	a, err := p.chat(body("hello", false))
	if err != nil || !a.whole() {
		t.Fatalf("%v %d", err, a.status)
	}
	files := 0
	must(t, filepath.WalkDir(d.data(), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		i, err := os.Stat(path)
		if err != nil {
			return err
		}
		files++
		if i.Mode().Perm()&0o077 != 0 && path != filepath.Join(d.data(), "tls", "ca.crt") {
			t.Errorf("%s can be read by others: %v", path, i.Mode())
		}
		return nil
	}))
	if files < 10 {
		t.Errorf("only %d files", files)
	}
}
