// Package testkit runs what many tests need alike: the cases of a family of
// detectors, kept as plain text beside them. May change.
//
// A family has one folder of cases for each member, testdata/<member>, with
// three files: positive.txt, negative.txt and near_miss.txt. A file holds cases
// under header lines:
//
//	-- name key=value --
//	text of the case
//
// In a text {{join}} stands for nothing, so that a made-up credential is never
// whole in the file, and {{U+200B}} for a character that no editor shows.
package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Case is one text with what is known of it.
type Case struct {
	Member string // whose it is
	Class  string // "positive", "negative", "near_miss"
	Name   string
	Text   string
	Attr   map[string]string
}

// Classes are the files that every member has.
var Classes = []string{"positive", "negative", "near_miss"}

// Family runs every case of every member as a subtest. It fails when a member
// lacks a class, when a folder belongs to no member, and when nothing ran. It
// prints what it counted.
func Family(t *testing.T, dir string, members []string, run func(*testing.T, Case)) {
	t.Helper()
	folders, err := os.ReadDir(dir)
	if err != nil {
		t.Fatalf("no cases: %v", err)
	}
	for _, f := range folders {
		if f.IsDir() && f.Name() != "fuzz" && !slices.Contains(members, f.Name()) {
			t.Errorf("%s/%s belongs to no member", dir, f.Name())
		}
	}
	total := 0
	for _, m := range members {
		counts := make([]int, len(Classes))
		for i, class := range Classes {
			cases, err := load(filepath.Join(dir, m, class+".txt"))
			if err != nil || len(cases) == 0 {
				t.Errorf("%s has no %s cases: %v", m, class, err)
			}
			for _, c := range cases {
				c.Member, c.Class = m, class
				t.Run(m+"/"+class+"/"+c.Name, func(t *testing.T) { run(t, c) })
			}
			counts[i] = len(cases)
			total += len(cases)
		}
		t.Logf("%-20s positive %d, negative %d, near miss %d", m, counts[0], counts[1], counts[2])
	}
	t.Logf("%d members, %d cases", len(members), total)
	if total == 0 {
		t.Fatal("no case ran")
	}
}

func load(path string) ([]Case, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(string(data))
}

// Parse reads the cases of a file.
func Parse(data string) ([]Case, error) {
	var cases []Case
	var text []string
	flush := func() {
		if n := len(cases); n > 0 {
			cases[n-1].Text = expand(strings.TrimSuffix(strings.Join(text, "\n"), "\n"))
		}
		text = nil
	}
	for n, line := range strings.Split(data, "\n") {
		head, ok := strings.CutPrefix(line, "-- ")
		if head, ok2 := strings.CutSuffix(head, " --"); ok && ok2 {
			flush()
			c, err := header(head)
			if err != nil {
				return nil, fmt.Errorf("testkit: line %d: %w", n+1, err)
			}
			cases = append(cases, c)
			continue
		}
		if len(cases) == 0 && line != "" {
			return nil, fmt.Errorf("testkit: line %d: text before the first case", n+1)
		}
		text = append(text, line)
	}
	flush()
	return cases, nil
}

func header(s string) (Case, error) {
	fields := strings.Fields(s)
	if len(fields) == 0 {
		return Case{}, fmt.Errorf("a case needs a name")
	}
	c := Case{Name: fields[0], Attr: map[string]string{}}
	for _, f := range fields[1:] {
		k, v, ok := strings.Cut(f, "=")
		if !ok {
			return Case{}, fmt.Errorf("%q is not key=value", f)
		}
		c.Attr[k] = v
	}
	return c, nil
}

var marker = regexp.MustCompile(`\{\{(join|U\+[0-9A-F]{2,6}(?:\*[0-9]{1,6})?)\}\}`)

// expand replaces the markers; {{U+200B*20}} repeats.
func expand(s string) string {
	return marker.ReplaceAllStringFunc(s, func(m string) string {
		code, isRune := strings.CutPrefix(m[2:len(m)-2], "U+")
		if !isRune {
			return ""
		}
		code, times, repeated := strings.Cut(code, "*")
		n := 1
		if repeated {
			n, _ = strconv.Atoi(times) // the pattern lets only digits through
		}
		r, _ := strconv.ParseUint(code, 16, 32) // and only hex here
		return strings.Repeat(string(rune(r)), n)
	})
}

// Documented fails for every member whose source does not say what it catches,
// what it does not, and gives an example. A member's source is <member>.go.
func Documented(t *testing.T, dir string, members []string) {
	t.Helper()
	if len(members) == 0 {
		t.Fatal("no members")
	}
	for _, m := range members {
		src, err := os.ReadFile(filepath.Join(dir, m+".go"))
		if err != nil {
			t.Errorf("%s: %v", m, err)
			continue
		}
		for _, want := range []string{"// Catches:", "// Does not catch:", "// Example:"} {
			if !strings.Contains(string(src), want) {
				t.Errorf("%s.go does not say %q", m, want)
			}
		}
	}
}
