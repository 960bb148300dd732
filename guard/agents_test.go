package guard_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/internal/testkit"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// oneInThousand is how many harmless turns of agents may be stopped.
const oneInThousand = 1000

// TestAgentsStayUsable looks at what coding agents and assistants see all day: results of
// tools, retrieved pages, mails, system prompts, tool descriptions. No model learnt from
// these texts; rules were mended after a look at the first set, and the second was written
// without knowing what the guard says of it. At most one in a thousand may be stopped, but
// for those that are marked (by what they say, before anybody looked): they hold the words of
// an attack whole, as a test file, a lesson or a joke does, and nothing else tells them from
// one. What is stopped of them is told.
func TestAgentsStayUsable(t *testing.T) {
	files, err := filepath.Glob("testdata/agents*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no turns", err)
	}
	c := everything(t, guard.Policy{})
	turns, stopped, flagged, quoting, marked := 0, 0, 0, 0, 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		cases, err := testkit.Parse(string(b))
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for _, one := range cases {
			origin, ok := llm.ParseOrigin(one.Attr["origin"])
			if !ok {
				t.Fatalf("%s/%s: no origin %q", f, one.Name, one.Attr["origin"])
			}
			if one.Attr["payload"] == "yes" {
				marked++
			} else {
				turns++
			}
			v := c.Judge(context.Background(), guard.Input, []llm.Passage{{Origin: origin, Text: strings.TrimSpace(one.Text), Whole: true}}).Verdict
			switch {
			case v.Decision >= risk.Hold && one.Attr["payload"] == "yes":
				quoting++
			case v.Decision >= risk.Hold:
				stopped++
				first, _ := v.First()
				t.Logf("stopped: %s/%s by %s, %s %.3f", filepath.Base(f), one.Name, first.Detector, first.Category, first.Confidence)
			case v.Decision == risk.Flag:
				flagged++
			}
		}
	}
	t.Logf("%d turns, %d stopped; of %d that hold a whole attack %d stopped; %d flagged", turns, stopped, marked, quoting, flagged)
	if turns < 1000 || stopped*oneInThousand > turns {
		t.Errorf("%d of %d turns were stopped", stopped, turns)
	}
}
