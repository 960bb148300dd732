package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bartizan": func() { os.Exit(run(os.Args[1:], &streams{os.Stdin, os.Stdout, os.Stderr})) }})
}

// TestScripts runs the command line as its users do. See testdata/*.txt.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 9 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"upstream": upstream, "serving": serving, "call": call, "post": post, "field": field, "port": port, "holdport": holdPort,
			"waitline": waitline, "pause": pause, "envsubst": envsubst, "flip": flip, "code": code, "key": key, "grown": grown, "adviser": adviser,
		},
	})
}

func setup(e *testscript.Env) error {
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("OPENAI_API_KEY", "test-"+"only")
	return nil
}

// upstream starts an OpenAI-compatible server and puts its URL into $UPSTREAM.
func upstream(ts *testscript.TestScript, neg bool, args []string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"%d bytes came"},"finish_reason":"stop"}]}`, len(b))
	}))
	ts.Defer(s.Close)
	ts.Setenv("UPSTREAM", s.URL)
}

// port puts free addresses into the variables named.
func port(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Setenv(name, l.Addr().String())
		ts.Check(l.Close())
	}
}

// holdPort listens on an address until the script ends.
func holdPort(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp", args[0])
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
}

// serving waits until an operations listener says that calls can be served.
func serving(ts *testscript.TestScript, neg bool, args []string) {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get("http://" + args[0] + "/readyz")
		if err != nil {
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
	ts.Fatalf("nothing serves at %s", args[0])
}

// call posts a chat completion: call CAFILE ADDR KEY MODEL TEXT. The answer's
// status and body become standard output.
func call(ts *testscript.TestScript, neg bool, args []string) {
	text, err := json.Marshal(args[4])
	ts.Check(err)
	post(ts, neg, []string{args[0], args[1], args[2], "/v1/chat/completions", fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":%s}]}`, args[3], text)})
}

// post posts a body to a path: post CAFILE ADDR KEY PATH BODY.
func post(ts *testscript.TestScript, neg bool, args []string) {
	client := trusting(ts, ts.MkAbs(args[0]))
	base := args[1]
	if !strings.HasPrefix(base, "https://") {
		base = "https://" + base
	}
	req, err := http.NewRequest(http.MethodPost, base+args[3], strings.NewReader(args[4]))
	ts.Check(err)
	req.Header.Set("Authorization", "Bearer "+args[2])
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ts.Check(err)
	ts.Setenv("EXCHANGE", resp.Header.Get("Bartizan-Exchange"))
	ts.Check(os.WriteFile(ts.MkAbs("receipt"), []byte(resp.Header.Get("Bartizan-Receipt")), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("answer"), fmt.Appendf(nil, "%d %s\n", resp.StatusCode, b), 0o600))
}

// field reads a field of a JSON file into a variable: field FILE NAME VARIABLE.
func field(ts *testscript.TestScript, neg bool, args []string) {
	var v map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	s, ok := v[args[1]].(string)
	if !ok {
		ts.Fatalf("%s has no text in %s", args[0], args[1])
	}
	ts.Setenv(args[2], s)
}

// waitline waits until a background command has written one line to NAME.json.
func waitline(ts *testscript.TestScript, neg bool, args []string) {
	file := ts.MkAbs(args[0] + ".json")
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if b, err := os.ReadFile(file); err == nil && strings.HasSuffix(string(b), "\n") {
			return
		}
	}
	ts.Fatalf("%s said nothing", args[0])
}

// pause is how long a checkpoint, or a look for a changed file, may take.
func pause(ts *testscript.TestScript, neg bool, args []string) { time.Sleep(1300 * time.Millisecond) }

// code runs bartizan and wants an exit code: code CODE ARGUMENT...
func code(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec("bartizan", args[1:]...)
	if got := exitCode(err); strconv.Itoa(got) != args[0] {
		ts.Fatalf("the exit code is %d, not %s: %v", got, args[0], err)
	}
}

func exitCode(err error) int {
	var e *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.ExitCode()
	}
	return -1
}

// key reads the key of the first result of a journal into a variable: key FILE VARIABLE.
func key(ts *testscript.TestScript, neg bool, args []string) {
	line, _, _ := strings.Cut(ts.ReadFile(args[0]), "\n")
	var r struct{ Key string }
	ts.Check(json.Unmarshal([]byte(line), &r))
	ts.Setenv(args[1], r.Key)
}

// grown waits until a file has so many lines: grown FILE LINES.
func grown(ts *testscript.TestScript, neg bool, args []string) {
	least, err := strconv.Atoi(args[1])
	ts.Check(err)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if b, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && strings.Count(string(b), "\n") >= least {
			return
		}
	}
	ts.Fatalf("%s has not grown", args[0])
}

// envsubst copies a file with its variables filled in.
func envsubst(ts *testscript.TestScript, neg bool, args []string) {
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

// flip changes one bit in the middle of the sealed records of a data folder.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "ledger", "records", "*.seg"))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("there are no records in %s", args[0])
	}
	b, err := os.ReadFile(files[0])
	ts.Check(err)
	b[len(b)/2] ^= 1
	ts.Check(os.WriteFile(files[0], b, 0o600))
}
