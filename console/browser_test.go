package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"

	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/input"
	"github.com/go-rod/rod/lib/launcher"
	"github.com/go-rod/rod/lib/launcher/flags"
	"github.com/go-rod/rod/lib/proto"

	"github.com/bartizan-ai/bartizan/record"
)

// chromium starts a browser without a window. It is one that is installed: a test
// downloads none.
func chromium(t *testing.T) *rod.Browser {
	t.Helper()
	bin := ""
	for _, name := range []string{"chromium", "google-chrome", "chromium-browser"} {
		if path, err := exec.LookPath(name); err == nil {
			bin = path
			break
		}
	}
	if bin == "" {
		t.Fatal("there is no Chromium on PATH: install it (Debian: apt-get install chromium)")
	}
	l := launcher.New().Bin(bin).Leakless(false).Headless(true).NoSandbox(true).UserDataDir(t.TempDir())
	for _, flag := range []string{"disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync"} {
		l.Set(flags.Flag(flag))
	}
	url, err := l.Launch()
	if err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	b := rod.New().ControlURL(url)
	if err := b.Connect(); err != nil {
		l.Kill()
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(); l.Kill() })
	if err := b.IgnoreCertErrors(true); err != nil {
		t.Fatal(err)
	}
	return b
}

// view is one way to look at the console.
type view struct {
	width  int
	scheme string
	script bool
}

func (v view) String() string {
	return fmt.Sprintf("%d px, %s, script %v", v.width, v.scheme, v.script)
}

// tab is a page of a browser of its own, with what it complained of.
type tab struct {
	*rod.Page
	t      *testing.T
	base   string
	script bool
	width  int
	mu     sync.Mutex
	bad    []string
}

func open(t *testing.T, b *rod.Browser, base string, v view) *tab {
	t.Helper()
	own, err := b.Incognito()
	if err != nil {
		t.Fatal(err)
	}
	p, err := own.Page(proto.TargetCreateTarget{URL: "about:blank"})
	if err != nil {
		t.Fatal(err)
	}
	x := &tab{Page: p.Timeout(60 * time.Second), t: t, base: base, script: v.script, width: v.width}
	x.must(proto.EmulationSetDeviceMetricsOverride{Width: v.width, Height: 900, DeviceScaleFactor: 1, Mobile: v.width < 800}.Call(p))
	x.must(proto.EmulationSetEmulatedMedia{Features: []*proto.EmulationMediaFeature{{Name: "prefers-color-scheme", Value: v.scheme}}}.Call(p))
	x.must(proto.LogEnable{}.Call(p))
	x.must(proto.RuntimeEnable{}.Call(p))
	go p.EachEvent(func(e *proto.LogEntryAdded) {
		// Answers of 4xx and 5xx are logged too; tests look at those themselves.
		if e.Entry.Source != proto.LogLogEntrySourceNetwork {
			x.complain(string(e.Entry.Level) + ": " + e.Entry.Text)
		}
	}, func(e *proto.RuntimeExceptionThrown) { x.complain(e.ExceptionDetails.Text) },
		func(e *proto.RuntimeConsoleAPICalled) { x.complain("console." + string(e.Type)) },
		func(e *proto.PageJavascriptDialogOpening) { x.complain("a dialog: " + e.Message) })()
	t.Cleanup(func() { _ = own.Close() })
	return x
}

func (x *tab) complain(s string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.bad = append(x.bad, s)
}

func (x *tab) complaints() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]string(nil), x.bad...)
}

func (x *tab) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

func (x *tab) goTo(path string) {
	x.t.Helper()
	x.load(func() error { return x.Navigate(x.base + path) })
}

// load waits for the page that do leads to. The driver itself needs scripts, so
// where there are to be none they are off while a page loads.
func (x *tab) load(do func() error) {
	x.t.Helper()
	x.must(proto.EmulationSetScriptExecutionDisabled{Value: !x.script}.Call(x.Page))
	wait := x.WaitNavigation(proto.PageLifecycleEventNameLoad)
	x.must(do())
	wait()
	x.must(proto.EmulationSetScriptExecutionDisabled{}.Call(x.Page))
}

// click presses what a selector names, with the keyboard, and waits for the page
// that follows.
func (x *tab) click(selector string) {
	x.t.Helper()
	e, err := x.Element(selector)
	x.must(err)
	x.must(e.Focus())
	x.load(func() error { return x.Keyboard.Press(input.Enter) })
}

// signIn opens a session as people do: with a link and a button.
func (x *tab) signIn(h *house) {
	x.t.Helper()
	link, err := h.sessions.Link(x.t.Context(), "ops@acme.example", []string{"admin"}, nil)
	x.must(err)
	x.goTo("/login/" + link)
	x.click("main button")
}

// sideways is by how many pixels the document is wider than the window. Phones
// shrink a page that is too wide, so the window's own width counts.
func (x *tab) sideways() int {
	x.t.Helper()
	m, err := proto.PageGetLayoutMetrics{}.Call(x.Page)
	x.must(err)
	return int(m.CSSContentSize.Width) - min(x.width, m.CSSLayoutViewport.ClientWidth)
}

func serve(t *testing.T, h *house) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // the browser's tries of the certificate
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// axe returns the source of axe-core, installed at the version that the lock file
// pins.
func axe(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../build/console-axe")
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	fresh := true
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc"} {
		want, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && bytes.Equal(want, have) {
			continue
		}
		fresh = false
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(source); err != nil || !fresh {
		cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	src, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

// accessible runs axe-core on the page that is shown: R67.
func (x *tab) accessible(source, what string) {
	x.t.Helper()
	got, err := x.Eval(`async (source) => {
		(0, eval)(source);
		const r = await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]});
		return JSON.stringify({passes: r.passes.length, bad: r.violations.map(v => v.id + ": " + v.help + " " + v.nodes.slice(0, 3).map(n => n.target.join(" ") + " " + (n.any[0] ? n.any[0].message : "")).join(" | "))});
	}`, source)
	x.must(err)
	var report struct {
		Passes int
		Bad    []string
	}
	x.must(json.Unmarshal([]byte(got.Value.Str()), &report))
	if report.Passes < 10 {
		x.t.Errorf("%s: only %d rules were tried", what, report.Passes)
	}
	for _, bad := range report.Bad {
		x.t.Errorf("%s: %s", what, bad)
	}
}

func TestBrowser(t *testing.T) {
	b, source := chromium(t), axe(t)
	shots := os.Getenv("CONSOLE_SHOTS") // a folder for pictures, to look at
	for _, width := range []int{1440, 390} {
		for _, scheme := range []string{"light", "dark"} {
			for _, script := range []bool{true, false} {
				v := view{width, scheme, script}
				t.Run(v.String(), func(t *testing.T) {
					h := build(t).furnish(40)
					h.suspend("spare")
					round := h.tried().Rounds[8].Name()
					x := open(t, b, serve(t, h), v)
					x.signIn(h)
					through, waiting := h.attempts("first")
					key, _ := h.handled()
					visit := append(h.pagesOf()[:24], "/redteam/"+round, "/redteam/first", "/redteam/second", "/redteam/first/"+through[0], "/redteam/first/"+waiting[0], "/redteam/first/"+key, "/exchanges/act_1", "/nowhere")
					for i, path := range visit {
						x.goTo(path)
						if n := x.sideways(); n > 0 {
							t.Errorf("%s scrolls sideways by %d px", path, n)
						}
						if shots != "" && script {
							shoot(t, x, filepath.Join(shots, fmt.Sprintf("%d-%s-%02d.png", width, scheme, i)))
						}
						if script {
							openAll(x)
							if n := x.sideways(); n > 0 {
								t.Errorf("%s with everything open scrolls sideways by %d px", path, n)
							}
							x.accessible(source, path)
						}
					}
					x.guard(source, shots)
					x.goTo("/systems")
					x.click(`form[action="/systems/keys"] button`)
					if n := x.sideways(); n > 0 {
						t.Errorf("a new key scrolls sideways by %d px", n)
					}
					x.click(`form[action="/logout"] button`)
					if script {
						x.accessible(source, "signed out")
					}
					if len(h.keys.List()) != 4 {
						t.Error("no key was made")
					}
					for _, s := range x.complaints() {
						t.Errorf("the browser says %s", s)
					}
				})
			}
		}
	}
}

// openAll opens what is folded away, so that it is looked at too.
func openAll(x *tab) {
	x.t.Helper()
	_, err := x.Eval(`() => { for (const d of document.querySelectorAll("details")) d.open = true; }`)
	x.must(err)
}

func shoot(t *testing.T, x *tab, path string) {
	t.Helper()
	png, err := x.Screenshot(true, nil)
	x.must(err)
	x.must(os.WriteFile(path, png, 0o644))
}

// TestBrowserScript tries what the console's script adds.
func TestBrowserScript(t *testing.T) {
	h := build(t).furnish(5)
	x := open(t, chromium(t), serve(t, h), view{1440, "light", true})
	x.signIn(h)
	x.must(proto.BrowserGrantPermissions{Permissions: []proto.BrowserPermissionType{proto.BrowserPermissionTypeClipboardReadWrite, proto.BrowserPermissionTypeClipboardSanitizedWrite},
		BrowserContextID: x.Browser().BrowserContextID}.Call(x.Browser()))
	x.goTo("/ledger")
	e, err := x.Element("[data-copy]")
	x.must(err)
	x.must(e.Click(proto.InputMouseButtonLeft, 1))
	x.must(x.Wait(rod.Eval(`() => document.querySelector("[data-copy]").textContent === "Copied"`)))
	got, err := x.Eval(`() => navigator.clipboard.readText()`)
	x.must(err)
	if got.Value.Str() != "bartizan ledger verify --data /var/lib/bartizan" {
		t.Errorf("copied was %q", got.Value.Str())
	}

	x.goTo("/exchanges")
	tail, err := x.Element("#tail")
	x.must(err)
	x.must(tail.Click(proto.InputMouseButtonLeft, 1))
	h.mu.Lock()
	h.records = append([]record.Record{call(h.clock, h.records[0].Seq+1, 1)}, h.records...)
	id := h.records[0].ID()
	h.mu.Unlock()
	x.must(x.Wait(rod.Eval(`(id) => document.querySelector('#rows tr a[href="/exchanges/' + id + '"]') !== null && document.getElementById("news").textContent !== ""`, id)))
	rows, err := x.Elements("#rows tr")
	x.must(err)
	if len(rows) != 6 {
		t.Errorf("%d rows after one call more", len(rows))
	}
	// A call that is open is shown as open, and once more, not twice, when it ends.
	one := call(h.clock, h.records[0].Seq+1, 0)
	ended := one
	ended.Seq += 5
	one.Outcome = nil
	for _, state := range []struct {
		record.Record
		word string
	}{{one, "open"}, {ended, "answered"}} {
		h.mu.Lock()
		h.records = append([]record.Record{state.Record}, slices.DeleteFunc(h.records, func(r record.Record) bool { return r.ID() == one.ID() })...)
		h.mu.Unlock()
		x.must(x.Wait(rod.Eval(`(id, word) => { const links = document.querySelectorAll('#rows tr a[href="/exchanges/' + id + '"]'); return links.length === 1 && links[0].closest("tr").textContent.includes(word); }`, one.ID(), state.word)))
	}
	x.must(tail.Click(proto.InputMouseButtonLeft, 1))
	if label, err := tail.Text(); err != nil || label != "Follow live" {
		t.Errorf("the button says %q, %v", label, err)
	}
	for _, s := range x.complaints() {
		t.Errorf("the browser says %s", s)
	}
}

// TestBrowserRunsNothingPlanted opens pages full of tries in a real browser: R58.
func TestBrowserRunsNothingPlanted(t *testing.T) {
	all := strings.Join(payloads, " ")
	h := infested(t, all)
	x := open(t, chromium(t), serve(t, h), view{1440, "light", true})
	x.signIn(h)
	for _, path := range []string{"/", "/traffic", "/providers", "/conformance", "/notices", "/redteam", "/redteam/live", "/redteam/coverage", "/redteam/planted", "/redteam/" + h.planted(), "/flows?range=month", "/consents", "/retention", "/exchanges", "/exchanges?kind=act", "/exchanges/" + h.records[1].ID(), "/exchanges/act_1", "/systems", "/policies", "/guard", "/ledger", "/subjects", "/sessions"} {
		x.goTo(path)
		openAll(x)
		got, err := x.Eval(`() => [typeof window.hit, document.scripts.length, document.body.innerText.includes("XsS7canary")].join()`)
		x.must(err)
		if got.Value.Str() != "undefined,1,true" {
			t.Errorf("%s: %s", path, got.Value.Str())
		}
	}
	for _, s := range x.complaints() {
		t.Errorf("the browser says %s", s)
	}
}

// TestBrowserLongNames: a name as long as configuration lets it be makes no page of a
// phone wider than the phone.
func TestBrowserLongNames(t *testing.T) {
	h := infested(t, strings.Repeat("longname", 8))
	x := open(t, chromium(t), serve(t, h), view{390, "light", true})
	x.signIn(h)
	for _, path := range []string{"/", "/traffic", "/providers", "/conformance", "/notices", "/redteam", "/redteam/live", "/redteam/coverage", "/redteam/planted", "/redteam/" + h.planted(), "/flows", "/consents", "/retention", "/exchanges", "/systems", "/policies", "/guard", "/ledger", "/subjects", "/sessions"} {
		x.goTo(path)
		openAll(x)
		if n := x.sideways(); n > 0 {
			t.Errorf("%s scrolls sideways by %d px", path, n)
		}
	}
}
