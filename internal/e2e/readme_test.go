package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// demo is a running demonstration and what it printed.
type demo struct {
	process
	text string
	dir  string
}

// newDemo runs `bartizan demo` as a newcomer does, and reads what it says.
func newDemo(t *testing.T, args ...string) *demo {
	t.Helper()
	d := &demo{dir: filepath.Join(t.TempDir(), "it's a demo")} // a folder that a shell would trip over
	d.cmd = exec.Command(bartizan, append([]string{"demo", "--data", d.dir, "--listen", "127.0.0.1:0"}, args...)...)
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	must(t, err)
	d.cmd.Stdout, d.cmd.Stderr = out, &d.stderr
	must(t, d.cmd.Start())
	t.Cleanup(func() {
		must(t, d.cmd.Process.Signal(syscall.SIGTERM))
		if err := d.cmd.Wait(); err != nil {
			t.Errorf("demo: %v\n%s", err, d.stderr.String())
		}
	})
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(d.text, "Stop with Ctrl-C."); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the demo said only %q", d.text)
		}
		b, err := os.ReadFile(out.Name())
		must(t, err)
		d.text = string(b)
	}
	must(t, d.trust(filepath.Join(d.dir, "tls", "ca.crt")))
	return d
}

// curls are the curl lines of a text, whole.
func curls(text string) []string {
	return regexp.MustCompile(`(?m)^ *curl (?:.*\\\n)*.*$`).FindAllString(text, -1)
}

// shell runs a line as a person who pastes it does, and returns what was printed.
func shell(t *testing.T, line string) string {
	t.Helper()
	c := exec.Command("sh", "-c", line)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, errs.String())
	}
	return string(out)
}

// TestPrintedCurlLines: one line answers, one is refused with a reference number,
// and the one-time link leads to pages that show both.
func TestPrintedCurlLines(t *testing.T) {
	d := newDemo(t)
	lines := curls(d.text)
	if len(lines) != 2 {
		t.Fatalf("%d curl lines in\n%s", len(lines), d.text)
	}
	answered := shell(t, lines[0]+" -sS -D "+quote(filepath.Join(t.TempDir(), "head")))
	if !strings.Contains(answered, "hello to the world") || !strings.Contains(answered, "practice model") {
		t.Errorf("the first line printed %s", answered)
	}
	blocked := shell(t, lines[1]+" -sS")
	var fault struct {
		Error struct{ Code, Message string }
	}
	must(t, json.Unmarshal([]byte(blocked), &fault))
	id := regexp.MustCompile(`ex_[0-9a-f]{32}`).FindString(fault.Error.Message)
	if fault.Error.Code != "content_filter" || id == "" || strings.Contains(fault.Error.Message, "Ignore all") {
		t.Errorf("the second line printed %s", blocked)
	}
	link := regexp.MustCompile(`https://\S+/login/\S+`).FindString(d.text)
	pages := signIn(t, &d.process, link)
	list := pages("/exchanges")
	if !strings.Contains(list, id) || strings.Count(list, "ex_") < 2 {
		t.Errorf("the list of exchanges does not show both calls")
	}
	page := pages("/exchanges/" + id)
	for _, want := range []string{id, "prompt_injection", "demo-assistant", "injection/override"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of the exchange does not say %q", want)
		}
	}
	// The link is used up.
	resp, err := d.client.PostForm(link[:strings.Index(link, "/login/")]+"/login", url.Values{"link": {link[strings.LastIndex(link, "/")+1:]}})
	must(t, err)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the link works twice: %d", resp.StatusCode)
	}
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

var hidden = regexp.MustCompile(`name="link" value="([^"]+)"`)

// signIn follows a one-time link as a browser does, and returns a reader of pages.
func signIn(t *testing.T, p *process, link string) func(path string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := &http.Client{Jar: jar, Transport: p.client.Transport, Timeout: time.Minute}
	read := func(method, at string, form url.Values) answer {
		t.Helper()
		req, err := http.NewRequest(method, at, strings.NewReader(form.Encode()))
		must(t, err)
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		a, err := do(browser, req)
		must(t, err)
		return a
	}
	first := read(http.MethodGet, link, nil)
	m := hidden.FindStringSubmatch(first.body)
	if first.status != http.StatusOK || m == nil {
		t.Fatalf("the link shows %d %s", first.status, first.body)
	}
	base := link[:strings.Index(link, "/login/")]
	if in := read(http.MethodPost, base+"/login", url.Values{"link": {m[1]}}); in.status != http.StatusOK || len(jar.Cookies(mustURL(t, base))) == 0 {
		t.Fatalf("signing in gave %d %s", in.status, in.body)
	}
	return func(path string) string {
		t.Helper()
		a := read(http.MethodGet, base+path, nil)
		if a.status != http.StatusOK {
			t.Errorf("%s gave %d", path, a.status)
		}
		return a.body
	}
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	must(t, err)
	return u
}

// TestReadmeCurlLines: what the README tells people to paste works as it stands
// there, with the values that a demo prints.
func TestReadmeCurlLines(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	must(t, err)
	d := newDemo(t)
	values := strings.NewReplacer("$KEY", field(t, d.text, "key"), "build/demo/tls/ca.crt", quote(field(t, d.text, "CA file")), "https://127.0.0.1:8443", strings.TrimSuffix(field(t, d.text, "gate"), "/v1"))
	lines := curls(string(readme))
	if len(lines) < 2 {
		t.Fatalf("the README has %d curl lines", len(lines))
	}
	var answers, refusals int
	for _, line := range lines {
		out := shell(t, values.Replace(line)+" -sS")
		switch {
		case strings.Contains(out, `"content_filter"`) && strings.Contains(out, "ex_"):
			refusals++
		case strings.Contains(out, `"choices"`) || strings.Contains(out, `"object":"list"`):
			answers++
		default:
			t.Errorf("%s\nprinted %s", line, out)
		}
	}
	if answers == 0 || refusals == 0 {
		t.Errorf("%d lines answer, %d are refused", answers, refusals)
	}
}

// field reads a value that the demo printed after its name.
func field(t *testing.T, text, name string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^  ` + name + ` +(.*?)(?:   \(.*)?$`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("the demo says no %s", name)
	}
	return m[1]
}
