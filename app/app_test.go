package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/record"
)

// TestMain: whatever was started has ended when the tests have.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const deployment = `version: 1
data: DATA
listen: {gate: {addr: "127.0.0.1:0"}, console: {addr: "127.0.0.1:0"}, operations: {addr: "127.0.0.1:0"}}
providers: {up: {dialect: openai, url: "http://127.0.0.1:1/v1", private: true, handling: {training: never, retention: none, ceiling: highly_confidential}}}
models: {fast: {try: [up]}}
policies: {office: {rules: [{id: nightjar, phrase: "Project Nightjar", action: block}]}}
systems: {bot: {team: t, owner: o, purpose: p, environment: production, policy: office, models: [fast]}}
`

// written is a deployment in a folder of its own, with its file.
func written(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "bartizan.yaml")
	must(t, os.WriteFile(path, []byte(strings.Replace(deployment, "DATA", filepath.Join(dir, "data"), 1)), 0o600))
	return path
}

// change rewrites a part of the file.
func change(t testing.TB, path, from, to string) {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Contains(b, []byte(from)) {
		t.Fatalf("the file does not hold %q", from)
	}
	must(t, os.WriteFile(path, bytes.Replace(b, []byte(from), []byte(to), 1), 0o600))
}

// opened is an App that is closed with the test.
func opened(t testing.TB, path string, log io.Writer) *App {
	t.Helper()
	f, err := config.Load(path)
	must(t, err)
	a, err := New(context.Background(), Config{File: f, Path: path, Log: slog.New(slog.NewJSONHandler(log, nil))})
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		must(t, a.Stop(ctx))
	})
	return a
}

// TestReload: a good file is taken in whole; one with a fault, or one that moves
// what cannot move, changes nothing.
func TestReload(t *testing.T) {
	ctx, path := context.Background(), written(t)
	a := opened(t, path, io.Discard)
	before := a.plan.Load()
	for name, c := range map[string]struct{ from, to, says string }{
		"data":             {"data: /", "data: /elsewhere/", "restart to take them in"},
		"a listener":       {`console: {addr: "127.0.0.1:0"}`, `console: {addr: "127.0.0.1:1"}`, "restart to take them in"},
		"store":            {"version: 1\n", "version: 1\nstore: {postgres: {file: " + path + "}}\n", "restart to take them in"},
		"places":           {"version: 1\n", "version: 1\ngate: {places: 64}\n", "restart to take them in"},
		"an unknown key":   {"purpose: p", "purpos: p", "line"},
		"a broken pattern": {`phrase: "Project Nightjar"`, `pattern: "("`, "line"},
		"an empty file":    {"version: 1", "", ""},
	} {
		good, err := os.ReadFile(path)
		must(t, err)
		change(t, path, c.from, c.to)
		if err := a.Reload(ctx); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if a.plan.Load() != before {
			t.Errorf("%s: the plan was changed", name)
		}
		must(t, os.WriteFile(path, good, 0o600))
	}
	change(t, path, "Project Nightjar", "Project Owl")
	must(t, a.Reload(ctx))
	if a.plan.Load() == before || a.plan.Load().compiled["office"].ID() == before.compiled["office"].ID() {
		t.Error("the changed policy was not taken in")
	}
}

// TestPoliciesAreKept: the text of every policy that was ever in use can be found
// by the name that records carry, unchanged.
func TestPoliciesAreKept(t *testing.T) {
	path := written(t)
	a := opened(t, path, io.Discard)
	first := a.plan.Load().compiled["office"].ID()
	change(t, path, "Project Nightjar", "Project Owl")
	must(t, a.Reload(context.Background()))
	second := a.plan.Load().compiled["office"].ID()
	for id, phrase := range map[string]string{first: "Project Nightjar", second: "Project Owl"} {
		b, err := os.ReadFile(a.dir(filepath.Join("policies", id+".json")))
		must(t, err)
		var p guard.Policy
		must(t, json.Unmarshal(b, &p))
		if len(p.Rules) != 1 || p.Rules[0].Phrase != phrase {
			t.Errorf("%s holds %+v", id, p.Rules)
		}
		// What was kept is what the name says: it compiles to the same digest.
		name, _, _ := strings.Cut(id, "@")
		if c, err := a.engine.Compile(name, p); err != nil || c.ID() != id {
			t.Errorf("%s compiles to %v, %v", id, c, err)
		}
	}
	if first == second {
		t.Error("two policies have one name")
	}
}

func get(t testing.TB, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(b)
}

// TestReady: a gate that cannot do its work says so, and which part is missing; it
// is alive all the same.
func TestReady(t *testing.T) {
	a := opened(t, written(t), io.Discard)
	at, err := a.Start(context.Background())
	must(t, err)
	defer http.DefaultClient.CloseIdleConnections()
	if status, body := get(t, at.Operations+"/readyz"); status != http.StatusOK || strings.Count(body, `"ok"`) != 2 || !strings.Contains(body, `"upstreams":"declared"`) {
		t.Errorf("%d %s", status, body)
	}
	must(t, a.store.Close())
	status, body := get(t, at.Operations+"/readyz")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, `"store":"cannot be reached"`) || !strings.Contains(body, `"ledger":"ok"`) {
		t.Errorf("without a store: %d %s", status, body)
	}
	if status, _ := get(t, at.Operations+"/healthz"); status != http.StatusOK {
		t.Errorf("healthz: %d", status)
	}
}

// TestFollow: a running gate takes in its changed file by itself, and says why it
// does not take in a bad one.
func TestFollow(t *testing.T) {
	path, log := written(t), &lockedBuffer{}
	a := opened(t, path, log)
	_, err := a.Start(context.Background())
	must(t, err)
	before := a.plan.Load()
	change(t, path, "purpose: p", "purpos: p")
	eventually(t, func() bool { return strings.Contains(log.String(), "the old one stays") })
	if a.plan.Load() != before {
		t.Error("a bad file was taken in")
	}
	change(t, path, "purpos: p", "purpose: q")
	eventually(t, func() bool { return a.plan.Load() != before })
}

func eventually(t testing.TB, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never happened")
		}
	}
}

// TestNewLeavesNothingOpen: a start that fails half-way lets go of everything.
func TestNewLeavesNothingOpen(t *testing.T) {
	path := written(t)
	f, err := config.Load(path)
	must(t, err)
	a, err := New(context.Background(), Config{File: f})
	must(t, err)
	if _, err := New(context.Background(), Config{File: f}); err == nil || !strings.Contains(err.Error(), "is in use by another bartizan") {
		t.Errorf("two on one folder: %v", err)
	}
	must(t, a.Stop(context.Background()))
	bad := *f
	bad.Providers = map[string]config.Provider{"up": {Dialect: "openai", URL: "no url"}}
	if _, err := New(context.Background(), Config{File: &bad}); err == nil {
		t.Error("a provider without a URL was taken")
	}
	a, err = New(context.Background(), Config{File: f}) // the folder is free again
	must(t, err)
	must(t, a.Stop(context.Background()))
}

// TestDemoSeed: a month of traffic, all of it marked, in a log that verifies and
// can be taken for nobody's.
func TestDemoSeed(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	var progress bytes.Buffer
	d, err := Demo(ctx, DemoConfig{Data: dir, Gate: "127.0.0.1:0", Console: "127.0.0.1:0", Seed: true, Progress: &progress})
	must(t, err)
	defer func() {
		if d != nil {
			must(t, d.App.Stop(ctx))
		}
	}()
	n, blocked := 0, 0
	systems := map[string]bool{}
	var oldest, newest time.Time
	for r, err := range d.App.Ledger().Records(ctx, record.Query{}) {
		must(t, err)
		if r.Intent == nil || !strings.HasPrefix(r.Intent.ID, "ex_") {
			continue
		}
		n++
		if !r.Intent.Synthetic || r.Outcome == nil || r.Outcome.ID != r.Intent.ID {
			t.Fatalf("%+v", r)
		}
		systems[r.Intent.Principal.System] = true
		if r.Outcome.End == "blocked" {
			blocked++
		}
		if oldest.IsZero() || r.Intent.At.Before(oldest) {
			oldest = r.Intent.At
		}
		if r.Intent.At.After(newest) {
			newest = r.Intent.At
		}
	}
	g, err := d.App.Desk().Guard(ctx, Local(), "month")
	must(t, err)
	if g.Stopped < 10 || g.Flagged < 5 || g.Masked < 5 || g.Observed < 20 || g.Uses("demo", demoEntry).Calls == 0 || len(g.Scores) < 5 || len(g.Detectors) < 10 || g.Unchecked == 0 {
		t.Errorf("the guard's page would show %+v of %d calls, %d distributions, %d detectors", g.Effects, g.Calls, len(g.Scores), len(g.Detectors))
	}
	days := newest.Sub(oldest).Hours() / 24
	if n != seedCalls || len(systems) != len(seedSystems) || blocked < 5 || days < 25 || days > seedDays {
		t.Errorf("%d calls of %d systems, %d blocked, over %.1f days", n, len(systems), blocked, days)
	}
	if d.Key == "" || !strings.HasPrefix(d.Console, d.At.Console+"/login/") || !strings.Contains(progress.String(), fmt.Sprintf("of %d calls", seedCalls)) {
		t.Errorf("%+v, %s", d, progress.String())
	}
	must(t, d.App.Stop(ctx))
	d = nil
	r, err := ledger.Verify(ctx, ledger.VerifyConfig{Dir: filepath.Join(dir, "ledger"), KeyDir: filepath.Join(dir, "keys")})
	must(t, err)
	if !r.OK() || r.Synthetic != seedCalls || r.Origin != demoOrigin {
		t.Errorf("%+v", r)
	}
}
