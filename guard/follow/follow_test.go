package follow

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/internal/testkit"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

func members() (names []string, by map[string]guard.Detector) {
	by = map[string]guard.Detector{}
	for _, d := range All() {
		name, _, _ := strings.Cut(strings.TrimPrefix(d.ID(), "answer/"), "@")
		names = append(names, name)
		by[name] = d
	}
	return names, by
}

// speakers are those of a case, which is a conversation.
var speakers = map[string]llm.Origin{"user": llm.OriginUser, "assistant": llm.OriginModel, "tool": llm.OriginTool, "system": llm.OriginSystem, "developer": llm.OriginDeveloper}

// conversation takes a case apart at lines like ">>> user". The last text is said as often as
// repeat says, and so is one behind ">>> user repeat"; "count=9" says it for each number.
func conversation(t testing.TB, c testkit.Case) (out []llm.Passage) {
	t.Helper()
	repeat := max(1, number(c.Attr["repeat"]))
	var more []int
	for line := range strings.Lines(c.Text + "\n") {
		head, ok := strings.CutPrefix(strings.TrimSpace(line), ">>> ")
		if !ok {
			if len(out) == 0 {
				t.Fatalf("text before the first speaker: %q", line)
			}
			out[len(out)-1].Text += line
			continue
		}
		name, how, _ := strings.Cut(head, " ")
		out = append(out, llm.Passage{Origin: speakers[name]})
		times := 1
		if how == "repeat" {
			times = repeat
		} else if n, ok := strings.CutPrefix(how, "count="); ok {
			times = -number(n)
		}
		more = append(more, times)
	}
	for i := range out {
		out[i].Text = strings.TrimSuffix(out[i].Text, "\n")
		if i == len(out)-1 && repeat > 1 {
			more[i] = repeat
		}
		out[i].Text = said(out[i].Text, more[i])
	}
	return out
}

func number(s string) int { n, _ := strconv.Atoi(s); return n }

func said(s string, times int) string {
	if times >= 0 {
		return strings.Repeat(s, max(1, times))
	}
	var b strings.Builder
	for i := range -times {
		b.WriteString(strings.ReplaceAll(s, "N", strconv.Itoa(i)) + "\n")
	}
	return b.String()
}

// TestCases: the line from which policy stops an answer is .9.
func TestCases(t *testing.T) {
	names, by := members()
	testkit.Family(t, "testdata", names, func(t *testing.T, c testkit.Case) {
		passages := conversation(t, c)
		found, err := by[c.Member].Look(context.Background(), passages)
		if err != nil {
			t.Fatal(err)
		}
		best := risk.Finding{}
		for _, f := range found {
			if f.Passage < 0 || f.Start < 0 || f.Start >= f.End || f.End > len(passages[f.Passage].Text) || len(f.Refs) == 0 {
				t.Errorf("out of bounds or without refs: %+v", f)
			}
			if f.Confidence > best.Confidence {
				best = f
			}
		}
		switch {
		case c.Class == "positive" && best.Confidence < .9:
			t.Errorf("not found (%.2f)", best.Confidence)
		case c.Class != "positive" && best.Confidence > 0:
			t.Errorf("found with %.2f at %q", best.Confidence, passages[best.Passage].Text[best.Start:best.End])
		}
	})
}

func TestDocumented(t *testing.T) {
	names, _ := members()
	testkit.Documented(t, ".", names)
}
