package app

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// TestLabelsHowto tries what docs/howto/labels.md shows: configurations are good, permits
// compile, and every line of the table is read as it says.
func TestLabelsHowto(t *testing.T) {
	page, err := os.ReadFile("../docs/howto/labels.md")
	must(t, err)
	shown := map[string]int{}
	for _, block := range codeBlock.FindAllStringSubmatch(string(page), -1) {
		shown[block[1]]++
		switch block[1] {
		case "yaml":
			tried(t, block[2])
		case "cedar":
			_, err := access.NewPermits([]record.System{{Name: "bot", Status: "active"}}, []access.PermitFile{{Name: "howto.cedar", Text: []byte(block[2])}})
			must(t, err)
		}
	}
	labels, err := privacy.NewLabels(nil, nil)
	must(t, err)
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (\\w+) \\|$").FindAllStringSubmatch(string(page), -1) {
		shown["row"]++
		text := strings.ReplaceAll(row[1], `\|`, "|") + "\nThe harvest was good.\nAll of it was sold.\nNobody complained.\n"
		got := "none"
		if l, ok := labels.Marking(text); ok {
			got = labels.Name(l)
		}
		if got != row[2] {
			t.Errorf("%s is read as %s, the page says %s", row[1], got, row[2])
		}
	}
	if shown["yaml"] < 3 || shown["cedar"] < 1 || shown["row"] < 9 {
		t.Errorf("only %v were found", shown)
	}
}
