// Command testcount reads `go test -json` and says how many tests ran, what failed
// and why. A run without tests is a failure, and so is a skipped test.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
)

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

func main() {
	output := map[string]string{}
	count := map[string]int{}
	var failed, packages []string
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 0, 1<<20), 64<<20)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Println(in.Text()) // a build error speaks plainly
			continue
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "output":
			output[key] += e.Output
		case "pass", "fail", "skip":
			if e.Test != "" {
				count[e.Action]++
			} else if e.Action != "skip" {
				packages = append(packages, fmt.Sprintf("%-4s %6.1fs %s", e.Action, e.Elapsed, e.Package))
			}
			if e.Action == "fail" || e.Action == "skip" && e.Test != "" {
				failed = append(failed, key)
			}
		}
	}
	sort.Strings(packages)
	for _, p := range packages {
		fmt.Println(p)
	}
	for _, key := range failed {
		fmt.Printf("\n--- %s\n%s", key, output[key])
	}
	fmt.Printf("\n%d passed, %d failed, %d skipped\n", count["pass"], count["fail"], count["skip"])
	if in.Err() != nil || count["pass"] == 0 || len(failed) > 0 {
		os.Exit(1)
	}
}
