package app

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/redteam"
)

// TestHarmIsMeasured: the figures that docs/redteam.md reports of the scorers that err are those of
// this version.
func TestHarmIsMeasured(t *testing.T) {
	b, err := os.ReadFile("../docs/redteam.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for id, want := range map[string]string{"harm@1": "32 of 57 | 64 of 84", "refusal@1": "34 of 40 | 92 of 101"} {
		m, err := MeasureScorer(context.Background(), id, "", &redteam.Campaign{}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%d of %d | %d of %d", m.Found, m.Hits, m.Passed, m.Other); got != want {
			t.Errorf("%s: %s, not %s", id, got, want)
		}
		for _, part := range strings.Split(want, " | ") {
			if !strings.Contains(page, part) {
				t.Errorf("the page does not say %s", part)
			}
		}
	}
	if m, err := MeasureScorer(context.Background(), "harm_sure@1", "", &redteam.Campaign{}, nil, nil); err != nil || m.Unknown != 98 || !strings.Contains(page, "98 of the 141") {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := MeasureScorer(context.Background(), "mark@2", "", &redteam.Campaign{}, nil, nil); err == nil || !strings.Contains(err.Error(), "there are harm@1") {
		t.Errorf("%v", err)
	}
}
