package detect

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/internal/testkit"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// memberOf is the detector's ID without family and version.
func memberOf(id string) string {
	name, _, _ := strings.Cut(id, "@")
	return name[strings.LastIndexByte(name, '/')+1:]
}

func members() (names []string, by map[string]guard.Detector) {
	by = map[string]guard.Detector{}
	for _, d := range All() {
		name := memberOf(d.ID())
		names = append(names, name)
		by[name] = d
	}
	return names, by
}

// sure is the confidence from which a case counts as found, and weakly that of rules which
// are only ever a sign among others.
const sure, weakly = .5, .2

func TestCases(t *testing.T) {
	names, by := members()
	testkit.Family(t, "testdata", names, func(t *testing.T, c testkit.Case) {
		origin := llm.OriginUser
		if o := c.Attr["origin"]; o != "" {
			var ok bool
			if origin, ok = llm.ParseOrigin(o); !ok {
				t.Fatalf("no origin %q", o)
			}
		}
		look := by[c.Member].Look
		if c.Member == "model" {
			look = together(t) // it weighs what the others find
		}
		passages := turnsIn(c.Text, origin)
		if c.Member == "conversation" {
			look = alongside(t, "conversation@1") // it counts what the others find
		}
		found, err := look(context.Background(), passages)
		if err != nil {
			t.Fatal(err)
		}
		var best risk.Finding
		for _, f := range found {
			if f.Passage >= 0 && (f.Start < 0 || f.End > len(passages[f.Passage].Text) || f.Start >= f.End) || len(f.Refs) == 0 || f.Confidence > 1 {
				t.Errorf("finding out of bounds or without refs: %+v", f)
			}
			if f.Confidence > best.Confidence {
				best = f
			}
		}
		sure := sure
		if c.Member == "suffix" {
			sure = weakly
		}
		if c.Member == "model" {
			sure = modelLine(t, best.Category, origin, c.Class == "positive")
		}
		switch positive := c.Class == "positive"; {
		case positive && best.Confidence < sure:
			t.Errorf("not found (%.2f) in %q", best.Confidence, c.Text)
		case !positive && best.Confidence >= sure:
			t.Errorf("%s found with %.2f in %q", best.Category, best.Confidence, c.Text)
		case c.Attr["category"] != "" && string(best.Category) != c.Attr["category"]:
			t.Errorf("found as %s, want %s", best.Category, c.Attr["category"])
		}
	})
}

// together looks with all detectors at once and reports what they make of attacks and harm.
func together(t *testing.T) func(context.Context, []llm.Passage) ([]risk.Finding, error) {
	e, err := guard.New(guard.Config{Detectors: All()})
	if err != nil {
		t.Fatal(err)
	}
	any := map[string]guard.Lines{}
	for _, o := range llm.Origins() {
		any[o.String()] = guard.Lines{Flag: 1e-9}
	}
	off := map[string]guard.Lines{"user": {Off: true}, "unknown": {Off: true}, "model": {Off: true}}
	c, err := e.Compile("all", guard.Policy{Thresholds: map[string]map[string]guard.Lines{"attack": any, "harm": any, "markup": off, "abuse": off}, Secrets: guard.Secrets{Input: "allow", Output: "allow"}})
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, p []llm.Passage) ([]risk.Finding, error) {
		found := c.Judge(ctx, guard.Input, p).Verdict.Findings
		// The spans of hidden and encoded text are weighed by the rest of a text.
		return slices.DeleteFunc(found, func(f risk.Finding) bool { return f.Category == risk.HiddenText || f.Category == risk.EncodedPayload }), nil
	}
}

// modelLine is what a text must reach to be found by the models: positive cases the line
// from which is observed, others that from which is warned.
func modelLine(t *testing.T, c risk.Category, o llm.Origin, positive bool) float64 {
	learnt, err := LoadShipped()
	if err != nil {
		t.Fatal(err)
	}
	lines := learnt.Card.Lines.User
	switch {
	case !content(c):
		lines = learnt.Card.Lines.Harm
	case isData(o):
		lines = learnt.Card.Lines.Data
	}
	if positive {
		return lines[0]
	}
	return lines[1]
}

func TestDocumented(t *testing.T) {
	names, _ := members()
	testkit.Documented(t, ".", names)
}

// TestListed fails when a file describes a detector that All leaves out.
func TestListed(t *testing.T) {
	names, _ := members()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	described := 0
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".go")
		if !ok || strings.HasSuffix(name, "_test") {
			continue
		}
		src, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(src), "// Catches:") {
			described++
			if !slices.Contains(names, name) {
				t.Errorf("%s is not in All", f.Name())
			}
		}
	}
	if described != len(names) || described == 0 {
		t.Errorf("%d files describe a detector, All lists %d", described, len(names))
	}
}

// TestSecretKinds counts the kinds that the cases prove.
func TestSecretKinds(t *testing.T) {
	data, err := os.ReadFile("testdata/secret/positive.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := testkit.Parse(string(data))
	if err != nil {
		t.Fatal(err)
	}
	proven := map[string]bool{}
	for _, c := range cases {
		proven[c.Attr["category"]] = true
	}
	if len(proven) < 30 {
		t.Errorf("the cases prove %d kinds of secret, want at least 30", len(proven))
	}
	t.Logf("%d kinds of secret", len(proven))
}
