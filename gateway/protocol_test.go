package gateway

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestR15Smuggling: heads and bodies that two readers could frame differently are
// refused and the connection closed. What net/http reads all the same becomes one
// call of the upstream with one framing, the gate's own, so nothing rides behind it.
func TestR15Smuggling(t *testing.T) {
	h := plainHouse(t)
	body := user("hi", false)
	sent := strings.Replace(body, "fast", "m-1", 1)
	n := len(body)
	head := "POST /v1/chat/completions HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer " + h.secret + "\r\nContent-Type: application/json\r\n"
	cl := fmt.Sprintf("Content-Length: %d\r\n", n)
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", n, body)
	for name, c := range map[string]struct {
		text   string
		status int
	}{
		"plain":              {head + cl + "\r\n" + body, 200},
		"CL and TE":          {head + cl + "Transfer-Encoding: chunked\r\n\r\n" + chunked, 200},
		"TE and CL":          {head + "Transfer-Encoding: chunked\r\n" + cl + "\r\n" + chunked, 200},
		"two CL":             {head + cl + "Content-Length: 5\r\n\r\n" + body, 400},
		"same CL twice":      {head + cl + cl + "\r\n" + body, 200},
		"CL list":            {head + fmt.Sprintf("Content-Length: %d, %d\r\n\r\n", n, n) + body, 400},
		"CL with sign":       {head + fmt.Sprintf("Content-Length: +%d\r\n\r\n", n) + body, 400},
		"TE identity":        {head + "Transfer-Encoding: identity\r\n" + cl + "\r\n" + body, 501},
		"TE xchunked":        {head + "Transfer-Encoding: xchunked\r\n\r\n" + chunked, 501},
		"TE twice":           {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked, 501},
		"TE space":           {head + "Transfer-Encoding : chunked\r\n\r\n" + chunked, 400},
		"long chunk ext":     {head + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x;%s\r\n%s\r\n0\r\n\r\n", n, strings.Repeat("a", 5000), body), 400},
		"obs-fold":           {head + "X-Fold: a\r\n b\r\n" + cl + "\r\n" + body, 200},
		"NUL":                {head + "X-Nul: a\x00b\r\n" + cl + "\r\n" + body, 400},
		"bare CR":            {head + "X-Cr: a\rb\r\n" + cl + "\r\n" + body, 400},
		"bare LF":            {strings.ReplaceAll(head, "\r\n", "\n") + fmt.Sprintf("Content-Length: %d\n\n", n) + body, 200},
		"space before colon": {head + "X-Space : a\r\n" + cl + "\r\n" + body, 400},
		"two hosts":          {head + "Host: other\r\n" + cl + "\r\n" + body, 400},
		"no host":            {strings.Replace(head, "Host: gate\r\n", "", 1) + cl + "\r\n" + body, 400},
		"HTTP/1.0 chunked":   {strings.Replace(head, "HTTP/1.1", "HTTP/1.0", 1) + "Transfer-Encoding: chunked\r\n\r\n" + chunked, 400},
		"chunk size junk":    {head + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("0x%x\r\n%s\r\n0\r\n\r\n", n, body), 400},
		"chunk LF":           {head + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\n%s\n0\n\n", n, body), 400},
		"trailer":            {head + "Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\nAuthorization: x\r\n\r\n", n, body), 200},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(h.server.URL, "http://"))
		must(t, err)
		must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = conn.Write([]byte(c.text))
		must(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		got := h.up.received()
		if resp.StatusCode != c.status || c.status != 200 && (len(got) != 0 || !resp.Close) {
			t.Errorf("%s: %s, close %v, %d calls reached the upstream", name, resp.Status, resp.Close, len(got))
		}
		if c.status == 200 && (len(got) != 1 || string(got[0]) != sent) {
			t.Errorf("%s: %d calls reached the upstream, %q", name, len(got), got)
		}
		_ = conn.Close()
	}
}
