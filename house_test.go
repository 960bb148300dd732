// Package bartizan_test holds the house: which room may import which, what every
// room must say of itself, and what is promised.
package bartizan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/bartizan-ai/bartizan"

// layers lists the rooms, the lowest first. A room imports only from layers below
// its own, never sideways. Do not change this to make a build pass: change the
// import.
var layers = [][]string{
	{"llm", "risk", "record", "text", "ngram", "chain", "names", "labelled", "stat", "framework"},
	{"store", "dialect"},
	{"access", "guard", "ledger", "mask", "practice", "privacy", "redteam"},
	{"guard/follow", "guard/detect", "guard/second", "mask/entity", "redteam/attack", "redteam/score", "redteam/seed", "redteam/target", "redteam/format"},
	{"guard/train", "mask/train"},
	{"desk"},
	{"gateway", "admin", "console"},
	{"app/config"},
	{"app"},
	{"cmd/bartizan"},
}

// vocabulary rooms speak to each other in this order.
var within = map[string][]string{
	"record": {"risk"},
	"names":  {"chain"},
}

// families may import vocabulary and their own parent, nothing else of ours.
var families = map[string]string{"guard/follow": "guard", "guard/detect": "guard", "guard/second": "guard", "mask/entity": "mask",
	"redteam/attack": "redteam", "redteam/score": "redteam", "redteam/seed": "redteam", "redteam/target": "redteam", "redteam/format": "redteam"}

// teachers may import a family as app does: what is learnt must be read by the very code
// that reads it later (docs/decisions/0008-learnt-models.md).
var teachers = map[string]string{"guard/train": "guard/detect", "mask/train": "mask/entity"}

// apart is code that belongs to no layer: it supports tests and measurements.
var apart = regexp.MustCompile(`^(internal/|store/storetest)`)

type listed struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	d := json.NewDecoder(bytes.NewReader(out))
	for {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 15 {
		t.Fatalf("only %d packages were found", len(all))
	}
	return all
}

func room(path string) string { return strings.TrimPrefix(path, module+"/") }

func TestLayers(t *testing.T) {
	level := map[string]int{}
	for i, l := range layers {
		for _, r := range l {
			level[r] = i
		}
	}
	seen, edges := 0, 0
	for _, p := range packages(t) {
		from := room(p.ImportPath)
		if apart.MatchString(from) || len(p.GoFiles) == 0 {
			continue
		}
		at, known := level[from]
		if !known {
			t.Errorf("room %s is in no layer; put it into one, and into docs/design.md", from)
			continue
		}
		seen++
		for _, i := range p.Imports {
			if !strings.HasPrefix(i, module+"/") {
				if at == 0 && strings.Contains(i, ".") && !strings.HasPrefix(i, "golang.org/x/text") {
					t.Errorf("%s imports %s; vocabulary has the standard library and golang.org/x/text only", from, i)
				}
				continue
			}
			edges++
			to := room(i)
			if slices.Contains(within[from], to) {
				continue
			}
			if apart.MatchString(to) || level[to] >= at {
				t.Errorf("%s imports %s, which is not below it", from, to)
			}
			if parent, ok := families[from]; ok && level[to] != 0 && to != parent {
				t.Errorf("family %s imports %s; it may import vocabulary and %s", from, to, parent)
			}
			if _, ok := families[to]; ok && from != "app" && teachers[from] != to {
				t.Errorf("%s imports family %s; only app does", from, to)
			}
		}
	}
	if want := len(level); seen != want || edges < 30 {
		t.Errorf("%d of %d rooms seen, %d imports", seen, want, edges)
	}
	t.Logf("%d rooms, %d imports between them", seen, edges)
}

// forEachFile parses every Go file of ours.
func forEachFile(t *testing.T, f func(path string, src []byte, file *ast.File, fset *token.FileSet)) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "testdata" || d.Name() == "node_modules" || d.Name() == "build") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, src, parser.ParseComments)
		if err != nil {
			return err
		}
		n++
		f(path, src, file, fset)
		return nil
	})
	if err != nil || n < 80 {
		t.Fatalf("%d files: %v", n, err)
	}
}

// TestPackageComments: every package says once what its user gets.
func TestPackageComments(t *testing.T) {
	comments := map[string]int{}
	names := map[string]string{}
	forEachFile(t, func(path string, _ []byte, file *ast.File, _ *token.FileSet) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		dir := filepath.Dir(path)
		names[dir] = file.Name.Name
		if file.Doc == nil {
			comments[dir] += 0
			return
		}
		comments[dir]++
		want := "Package " + file.Name.Name + " "
		if file.Name.Name == "main" {
			want = "Command "
		}
		if !strings.HasPrefix(file.Doc.Text(), want) {
			t.Errorf("%s: the package comment begins with %q, not %q", path, firstWords(file.Doc.Text()), want)
		}
	})
	for dir, n := range comments {
		if n != 1 {
			t.Errorf("package %s (%s) has %d package comments; it needs exactly one", names[dir], dir, n)
		}
	}
}

func firstWords(s string) string { return s[:min(len(s), 24)] }

// TestSizes: what one head can hold.
func TestSizes(t *testing.T) {
	functions := 0
	var lengths []int
	forEachFile(t, func(path string, src []byte, file *ast.File, fset *token.FileSet) {
		test := strings.HasSuffix(path, "_test.go")
		if n := bytes.Count(src, []byte("\n")); n > 500 && !test {
			t.Errorf("%s has %d lines; split it by what it is about", path, n)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			n := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line + 1
			if !test {
				functions++
				lengths = append(lengths, n)
				if n > 100 {
					t.Errorf("%s: %s has %d lines", path, f.Name.Name, n)
				}
			}
		}
	})
	slices.Sort(lengths)
	if len(lengths) == 0 {
		t.Fatal("no functions")
	}
	median := lengths[len(lengths)/2]
	if median > 14 {
		t.Errorf("the median function has %d lines", median)
	}
	t.Logf("%d functions, median %d lines, 90 %% within %d", functions, median, lengths[len(lengths)*9/10])
}

// TestNoInit: packages do nothing when they are only imported.
func TestNoInit(t *testing.T) {
	forEachFile(t, func(path string, _ []byte, file *ast.File, _ *token.FileSet) {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "init" && f.Recv == nil {
				t.Errorf("%s has an init function", path)
			}
		}
	})
}

// TestNothingSkips: a test that can be skipped can be skipped for ever.
func TestNothingSkips(t *testing.T) {
	skip := regexp.MustCompile(`\bt\.Skip(f|Now)?\(`)
	forEachFile(t, func(path string, src []byte, _ *ast.File, _ *token.FileSet) {
		if strings.HasSuffix(path, "_test.go") && path != "house_test.go" && skip.Match(src) {
			t.Errorf("%s skips a test", path)
		}
	})
}

// TestEveryParserIsFuzzed: each of these reads bytes that strangers chose.
func TestEveryParserIsFuzzed(t *testing.T) {
	found := fuzzTargets(t)
	for _, dir := range []string{"llm", "text", "dialect", "guard", "ledger", "gateway", "app/config", "access", "privacy"} {
		if !slices.ContainsFunc(found, func(f fuzzTarget) bool { return f.dir == dir }) {
			t.Errorf("%s has no fuzz target", dir)
		}
	}
}

// TestR20FuzzTargets: every fuzz target has seeds, which run with the other tests, and is
// promised by name, so that none is forgotten when they are run for long.
func TestR20FuzzTargets(t *testing.T) {
	var promised []string
	for _, p := range promises(t) {
		if p.id == "R20" {
			promised = p.tests
		}
	}
	found := fuzzTargets(t)
	for _, f := range found {
		if f.seeds == 0 {
			t.Errorf("%s in %s has no seeds", f.name, f.dir)
		}
		if name := f.dir + "." + f.name; !slices.Contains(promised, name) {
			t.Errorf("R20 does not name %s", name)
		}
	}
	if len(found) < 15 {
		t.Errorf("only %d fuzz targets were found", len(found))
	}
}

type fuzzTarget struct {
	dir, name string
	seeds     int // calls of Add, and files kept
}

func fuzzTargets(t *testing.T) (out []fuzzTarget) {
	t.Helper()
	forEachFile(t, func(path string, _ []byte, file *ast.File, _ *token.FileSet) {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(f.Name.Name, "Fuzz") {
				continue
			}
			one := fuzzTarget{dir: filepath.Dir(path), name: f.Name.Name}
			kept, _ := filepath.Glob(filepath.Join(one.dir, "testdata", "fuzz", one.name, "*"))
			one.seeds = len(kept)
			ast.Inspect(f, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Add" {
					one.seeds++
				}
				return true
			})
			out = append(out, one)
		}
	})
	return out
}

// TestDesignNamesEveryRoom: the map in docs/design.md is the house.
func TestDesignNamesEveryRoom(t *testing.T) {
	design, err := os.ReadFile("docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		for _, r := range l {
			if !bytes.Contains(design, []byte("`"+r+"`")) {
				t.Errorf("docs/design.md does not name `%s`", r)
			}
		}
	}
}

// TestDependenciesAreChosen: every direct dependency has its reason written down.
func TestDependenciesAreChosen(t *testing.T) {
	doc, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.SplitSeq(string(mod), "\n") {
		f := strings.Fields(line)
		if len(f) != 2 || !strings.Contains(f[0], ".") || !strings.HasPrefix(f[1], "v") {
			continue
		}
		n++
		if !bytes.Contains(doc, []byte("`"+f[0]+"`")) {
			t.Errorf("docs/dependencies.md gives no reason for %s", f[0])
		}
	}
	if n < 8 {
		t.Errorf("only %d direct dependencies were read from go.mod", n)
	}
}

// Promise is one row of docs/promises.md.
type promise struct {
	id, text string
	tests    []string
	line     int
}

var promiseRow = regexp.MustCompile(`^\| ([A-Z][A-Z0-9.-]*) \| (.+?) \| (.*?) \|$`)

func promises(t *testing.T) []promise {
	t.Helper()
	b, err := os.ReadFile("docs/promises.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []promise
	for i, line := range strings.Split(string(b), "\n") {
		m := promiseRow.FindStringSubmatch(line)
		if m == nil || m[1] == "ID" {
			continue
		}
		p := promise{id: m[1], text: m[2], line: i + 1}
		for _, test := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(m[3], -1) {
			p.tests = append(p.tests, test[1])
		}
		out = append(out, p)
	}
	return out
}

// TestPromises: every promise has an id of its own and names tests that exist. A
// promise without a test is open, and is printed.
func TestPromises(t *testing.T) {
	exists := map[string]bool{}
	forEachFile(t, func(path string, _ []byte, file *ast.File, _ *token.FileSet) {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				room := filepath.ToSlash(filepath.Dir(path))
				if room == "." {
					room = "bartizan"
				}
				exists[room+"."+f.Name.Name] = true
			}
		}
	})
	seen := map[string]bool{}
	list := promises(t)
	if len(list) < 40 {
		t.Fatalf("only %d promises were read", len(list))
	}
	open := 0
	for _, p := range list {
		if seen[p.id] {
			t.Errorf("docs/promises.md:%d: %s is there twice", p.line, p.id)
		}
		seen[p.id] = true
		if len(p.tests) == 0 {
			open++
			fmt.Printf("open promise %s: %s\n", p.id, p.text)
		}
		for _, test := range p.tests {
			if strings.HasPrefix(test, "make ") || strings.HasPrefix(test, "cmd/bartizan/testdata/") || strings.HasPrefix(test, "internal/sdktest/") {
				if name := strings.TrimPrefix(test, "make "); name == test {
					if _, err := os.Stat(test); err != nil {
						t.Errorf("docs/promises.md:%d: %s names %s, which is not there", p.line, p.id, test)
					}
				}
				continue
			}
			if !exists[test] {
				t.Errorf("docs/promises.md:%d: %s names %s, which is not there", p.line, p.id, test)
			}
		}
	}
	t.Logf("%d promises, %d of them open", len(list), open)
}

// TestNothingLeaksIntoTheTree: no host of a package registry, no left-over marker.
func TestNothingLeaksIntoTheTree(t *testing.T) {
	bad := regexp.MustCompile(strings.Join([]string{`regis` + `try\.npmjs`, `proxy\.golang` + `\.org`, `deb\.deb` + `ian\.org`, `\bTO` + `DO\b`, `\bFIX` + `ME\b`}, "|"))
	out, err := exec.Command("git", "ls-files").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(string(out))
	if len(files) < 100 {
		t.Fatalf("only %d files", len(files))
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // removed, not yet committed
		}
		if m := bad.Find(b); m != nil && !bytes.Contains(b[:min(len(b), 512)], []byte{0}) {
			t.Errorf("%s holds %q", f, m)
		}
	}
}
