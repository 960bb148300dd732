package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/bartizan-ai/bartizan/guard"
)

// keys lists every key that the file knows, for suggestions.
var keys = sync.OnceValue(func() []string {
	seen := map[string]bool{}
	collect(reflect.TypeFor[File](), seen, 0)
	return names(seen)
})

func collect(t reflect.Type, seen map[string]bool, depth int) {
	if depth > 12 {
		return
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		collect(t.Elem(), seen, depth+1)
	case reflect.Struct:
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" {
				seen[name] = true
			}
			collect(t.Field(i).Type, seen, depth+1)
		}
	}
}

// suggest names the key that was probably meant: one that may stand there, or one
// of another place.
func suggest(word string, own []string) string {
	if s := among(word, own); s != "" {
		return s
	}
	for _, k := range keys() {
		if k == word {
			return "; it belongs elsewhere, see `bartizan config schema`"
		}
	}
	return among(word, keys())
}

func among(word string, list []string) string {
	best, least := "", 3
	for _, k := range list {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is the number of letters to change, add or drop (Levenshtein).
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// policyFault takes apart what a policy says of itself.
func policyFault(err error) (path, problem string) {
	var f *guard.Fault
	if errors.As(err, &f) {
		return f.Path, f.Problem
	}
	return "", err.Error()
}
